"""Markers where several windows, or several frames, have their features: more exact than one comparison makes them.

What a pattern's window makes of grain is chance, and another window around the same feature makes something else of it:
their average scatters less than each does. Where windows disagree, as at the edge of something nearer, the marker
stays with those that lead to it (:func:`.other_windows.averaged_places`). And what one frame's grain does to a marker
is not in the frames around it: once bad markers are gone, they tell where the others are (:mod:`.neighbouring_frames`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .coords import Size, co_from_pixels, lengths
from .footage import Footage
from .judge import tracks_by_shot
from .second_opinion import Places, Question, question
from .types import TrackData, as_float32, pattern_size

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_Place: TypeAlias = Callable[[Sequence[TrackData], int, FloatArray, IntArray], FloatArray]
"""From tracks, their first frame, positions (n, f, 2) px and reference markers' columns (n,), other positions."""


@dataclass(frozen=True)
class Refinement:
    """Which tracks have other markers now, with all that is needed to take it back."""

    before: list[TrackData]
    after: list[TrackData]
    moved_px: float  # how far their markers have moved, at the median; 0: there were none
    # What windows of other sizes have said of them, if they were asked: judging need not ask again.
    heard: Mapping[Question, Places] = field(default_factory=dict)

    def in_words(self) -> str:
        """How many tracks, and how far."""
        if not self.after:
            return "no track that may be changed"
        return f"{len(self.after)} tracks, markers moved by {self.moved_px:.2f} px at the median"


def refined(tracks: Sequence[TrackData], size: Size, footage: Footage) -> Refinement:
    """The tracks with their markers where windows of several sizes have their features on average; shot by shot.

    Raises
    ------
    FootageError
        The footage cannot be read.
    """
    from .other_windows import averaged_places  # numba, which takes a while to import

    heard: dict[Question, Places] = {}

    def average(of_shot: Sequence[TrackData], first: int, positions: FloatArray, references: IntArray) -> FloatArray:
        asked = first + references
        places, said = averaged_places(of_shot, asked, first, positions.shape[1], footage=footage)
        heard.update(zip(map(question, of_shot, asked.tolist()), said, strict=True))
        return places

    return replace(_placed(tracks, size, average), heard=heard)


def settled(tracks: Sequence[TrackData], size: Size, footage: Footage) -> Refinement:
    """The tracks with their markers where the frames around each have its pattern; shot by shot.

    Raises
    ------
    FootageError
        The footage cannot be read.
    """
    from .neighbouring_frames import among_neighbours  # numba again
    from .other_windows import followed_shapes

    def settle(of_shot: Sequence[TrackData], first: int, positions: FloatArray, references: IntArray) -> FloatArray:
        shapes = followed_shapes(of_shot, first + references, first, positions.shape[1], footage=footage)
        sides = [pattern_size(track.pattern_area) for track in of_shot]
        return among_neighbours(positions, shapes, sides, references, first, footage=footage)

    return _placed(tracks, size, settle)


def _placed(tracks: Sequence[TrackData], size: Size, place: _Place) -> Refinement:
    """The tracks of each shot with their markers where ``place`` has them."""
    before: list[TrackData] = []
    after: list[TrackData] = []
    moved = [np.zeros(0)]
    for _, of_shot, first, positions, references in tracks_by_shot(tracks, size):
        places = place(of_shot, first, positions, references)
        for track, was, now in zip(of_shot, positions, places, strict=True):
            away = lengths(now - was)
            if not np.nansum(away):
                continue
            before.append(track.copy())
            after.append(track.copy())
            moved_at = np.flatnonzero(away > 0)
            co = as_float32(co_from_pixels(now[moved_at], size))  # as Blender and tracks.json hold them
            after[-1].markers |= dict(zip((first + moved_at).tolist(), map(tuple, co), strict=True))
            moved.append(away[np.isfinite(away)])
    far = np.concatenate(moved)
    return Refinement(before, after, float(np.median(far)) if len(far) else 0.0)
