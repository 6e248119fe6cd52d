"""Markers where windows of several sizes have their features on average.

What a pattern's window makes of grain is chance, and another window around the same feature makes something else of it:
their average scatters less than each does. Where windows disagree, as at the edge of something nearer, the marker
stays with those that lead to it (:func:`.other_windows.averaged_places`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from .coords import Size, co_from_pixels, lengths
from .footage import Footage
from .judge import tracks_by_shot
from .second_opinion import Places, Question, question
from .types import TrackData, as_float32, pattern_size


@dataclass(frozen=True)
class Refinement:
    """Which tracks have other markers now, with all that is needed to take it back."""

    before: list[TrackData]
    after: list[TrackData]
    moved_px: float  # how far their markers have moved, at the median; 0: there were none
    heard: Mapping[Question, Places]  # what windows of other sizes have said of them: judging need not ask again

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
    from .neighbouring_frames import settled  # numba, which takes a while to import
    from .other_windows import averaged_places

    before: list[TrackData] = []
    after: list[TrackData] = []
    moved = [np.zeros(0)]
    heard: dict[Question, Places] = {}
    for _, of_shot, first, positions, references in tracks_by_shot(tracks, size):
        asked = first + references
        averaged = averaged_places(of_shot, asked, first, positions.shape[1], footage=footage)
        heard |= zip(map(question, of_shot, asked.tolist()), averaged.said, strict=True)
        sides = [pattern_size(track.pattern_area) for track in of_shot]
        places = settled(averaged.positions, averaged.shapes, sides, references, first, footage=footage)
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
    return Refinement(before, after, float(np.median(far)) if len(far) else 0.0, heard)
