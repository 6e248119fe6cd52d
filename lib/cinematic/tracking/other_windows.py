"""Every track's pattern followed once more by windows of other sizes: a second opinion on it, or an average."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .coords import lengths
from .engine import FrameMarkers, Pyramid, Seeds, Tracker, TrackOptions
from .engine.types import odd_size
from .footage import Footage
from .presets import larger_than_usual
from .pyramids import pyramids_ahead
from .scene_motion import positions_within
from .second_opinion import Places
from .types import TrackData, pattern_size

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

Windows = Sequence[tuple[float, str]]

# Times the pattern's side, and the model for such a window. Chosen on nine development plates, of nine windows tried:
# with these two, judgement finds more bad tracks (AUROC 0.91 to 0.93 for klt, 0.92 to 0.95 for libmv).
_OPINIONS: Windows = ((1.5, "Perspective"), (0.7, "Affine"))
# Of seven windows tried on eight development plates and engines: with these four, markers scatter least for what they
# cost (0.83 of before at the root mean square; with two more, up to 2.8 times the pattern's side, 0.81).
_AVERAGED: Windows = (*_OPINIONS, (1.25, "Affine"), (2.0, "Perspective"))
_SHAPES = (1.5, "Affine")  # who says what has become of a pattern's shape
_LEAST_SIDE = 9  # px
_AGREES = 0.4  # px up to 1920 px wide: a window that leads as far from the marker counts half; 0.3 to 0.7 are alike


def ask_other_windows(
    tracks: Sequence[TrackData], references: IntArray, first: int, count: int, *, footage: Footage
) -> list[Places]:
    """Follow each track's pattern with other windows, both ways from its reference marker, as far as it has markers.

    Parameters
    ----------
    tracks
        All markers within the frames asked for; those beyond the footage are not asked about.
    references : (n,)
        Plate frames. Of a track without a marker there nothing is known.
    first, count
        The frames asked for.

    Raises
    ------
    FootageError
        The footage cannot be read.
    """
    return _Following(tracks, references, first, count, footage, _OPINIONS).found().said()


def averaged_places(
    tracks: Sequence[TrackData], references: IntArray, first: int, count: int, *, footage: Footage
) -> tuple[FloatArray, list[Places]]:
    """Where markers and windows of several sizes have the features on average, (n, f, 2) px.

    Each window has an error of its own from grain, and from what it shows beside the feature. Around a marker they
    count by how near they lead to it (Cauchy's weights), the marker itself fully. NaN where there is no marker;
    reference markers stay where they are, for they say what the feature is.

    Parameters and errors are those of :func:`ask_other_windows`; what that would say of the tracks is returned, too.
    """
    following = _Following(tracks, references, first, count, footage, _AVERAGED)
    found = following.found()
    agrees = _AGREES * larger_than_usual(footage.size[0])
    return found.averaged(following.positions, first, agrees), found.said()


def followed_shapes(
    tracks: Sequence[TrackData], references: IntArray, first: int, count: int, *, footage: Footage
) -> npt.NDArray[np.float32]:
    """What the axes of a pattern have become since its reference marker, (n, f, 2, 2); NaN where that is not known.

    Parameters and errors are those of :func:`ask_other_windows`.
    """
    axes = np.full((len(tracks), count, 2, 2), np.nan, np.float32)
    for group, found in _Following(tracks, references, first, count, footage, (_SHAPES,)).steps():
        axes[group.rows[found.track[found.tracked]], found.frame - first] = found.axes[found.tracked]
    begun = axes[np.arange(len(tracks)), references - first]
    return axes / begun[:, None, :1, :1]  # the pattern's side there: of a faint one it is larger than was asked for


@dataclass(frozen=True)
class _Found:
    """Where windows have led: k places, each of a track's row, a plate frame and a window."""

    tracks: int
    rows: IntArray
    frames: IntArray
    windows: IntArray
    pixels: FloatArray  # (k, 2)

    def said(self) -> list[Places]:
        """By those windows whose opinion counts (the first ones), track by track."""
        chosen = np.flatnonzero(self.windows < len(_OPINIONS))
        chosen = chosen[np.argsort(self.rows[chosen], kind="stable")]
        edges = np.searchsorted(self.rows[chosen], np.arange(self.tracks + 1))
        of_tracks = [chosen[begin:end] for begin, end in pairwise(edges)]
        return [Places(self.frames[each], self.pixels[each]) for each in of_tracks]

    def averaged(self, positions: FloatArray, first: int, agrees: float) -> FloatArray:
        """Their average with the markers, (n, f, 2) px; a window that is ``agrees`` px away counts half."""
        at = self.rows, self.frames - first
        offset = positions[at] - self.pixels
        weight = 1 / (1 + (lengths(offset) / agrees) ** 2)
        all_weights, weighted = np.ones(positions.shape[:2]), np.zeros(positions.shape)
        np.add.at(all_weights, at, weight)
        np.add.at(weighted, at, weight[:, None] * offset)
        return positions - weighted / all_weights[..., None]


class _Group:
    """Tracks that are followed with windows of one size.

    Parameters
    ----------
    rows : (k,)
        Which of all tracks they are.
    ends : (k,)
        The frame of each one's last marker on this way.
    window
        Which of those asked.
    """

    def __init__(self, rows: IntArray, ends: IntArray, window: int, tracker: Tracker) -> None:
        self.rows, self.window = rows, window
        self._ends, self._tracker = ends, tracker

    def step(self, frame: int, pyramid: Pyramid) -> FrameMarkers:
        """One frame on; who has no marker beyond it, or is lost, is followed no further."""
        found = self._tracker.step(frame, pyramid)
        at_end = found.tracked & (self._ends[found.track] == frame)
        self._tracker.forget(found.track[at_end | ~found.tracked])
        return found


class _Following:
    """The tracks, to be followed both ways from their reference markers."""

    def __init__(
        self,
        tracks: Sequence[TrackData],
        references: IntArray,
        first: int,
        count: int,
        footage: Footage,
        windows: Windows,
    ) -> None:
        self.tracks, self.references, self.footage, self.windows = tracks, references, footage, windows
        self.frames = np.arange(first, first + count)
        self.positions = positions_within(tracks, footage.size, first, count)
        shown = (self.frames >= footage.numbers.first) & (self.frames <= footage.numbers.last)
        self.positions[:, ~shown] = np.nan

    def found(self) -> _Found:
        """Where the windows lead, wherever the tracks have markers, but for their reference markers."""
        nothing = np.zeros((0, 3), np.int64), np.zeros((0, 2))
        led = [nothing, *(self._beside_markers(group, found) for group, found in self.steps())]
        rows, frames, windows = np.concatenate([where for where, _ in led]).T
        return _Found(len(self.tracks), rows, frames, windows, np.concatenate([pixels for _, pixels in led]))

    def steps(self) -> Iterator[tuple[_Group, FrameMarkers]]:
        """What each frame brings of each group, of later frames first; reference markers, too, at either beginning."""
        yield from self._led(backwards=False)
        yield from self._led(backwards=True)

    def _led(self, *, backwards: bool) -> Iterator[tuple[_Group, FrameMarkers]]:
        """One pass, over the frames where tracks have markers to one side of their reference marker."""
        way = self._way(backwards)
        rows = np.flatnonzero(way.any(axis=1))
        if not len(rows):
            return
        last = way.argmax(axis=1) if backwards else way.shape[1] - 1 - way[:, ::-1].argmax(axis=1)
        groups = self._groups(rows, self.frames[last])
        marked = self.frames[way.any(axis=0)]
        span = int(marked[0]), int(marked[-1])
        followed = set(marked.tolist())  # not bad frames, which tracks were carried over
        frames = (each for each in self.footage.frames(*span, backwards=backwards) if each[0] in followed)
        for frame, pyramid in pyramids_ahead(frames):
            for group in groups:
                yield group, group.step(frame, pyramid)

    def _way(self, backwards: bool) -> npt.NDArray[np.bool_]:
        """(n, f) Reference markers, and those to one side of them; nothing of tracks that lack either."""
        marked, reference = np.isfinite(self.positions[..., 0]), self.frames == self.references[:, None]
        beyond = self.frames < self.references[:, None] if backwards else self.frames > self.references[:, None]
        goes_on = (marked & reference).any(axis=1) & (marked & beyond).any(axis=1)
        return marked & (reference | beyond) & goes_on[:, None]

    def _groups(self, rows: IntArray, ends: IntArray) -> list[_Group]:
        alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row in rows.tolist():
            for window, (times, _) in enumerate(self.windows):
                side = max(_LEAST_SIDE, odd_size(times * pattern_size(self.tracks[row].pattern_area)))
                alike[window, side].append(row)
        return [
            _Group(np.array(members), ends[members], window, Tracker(self._seeds(members, window), TrackOptions(side)))
            for (window, side), members in alike.items()
        ]

    def _seeds(self, rows: Sequence[int], window: int) -> Seeds:
        references = self.references[rows]
        return Seeds(
            references,
            self.positions[rows, references - self.frames[0]],
            motion_models=[self.windows[window][1]] * len(rows),
            correlation_mins=[self.tracks[row].correlation_min for row in rows],
        )

    def _beside_markers(self, group: _Group, found: FrameMarkers) -> tuple[IntArray, FloatArray]:
        """Row, frame and window (k, 3) of what was found where there is a marker, and where that is, (k, 2) px."""
        rows = group.rows[found.track[found.tracked]]
        marked = np.isfinite(self.positions[rows, found.frame - self.frames[0], 0])
        known = marked & (self.references[rows] != found.frame)
        where = np.stack([rows[known], *(np.full(known.sum(), each) for each in (found.frame, group.window))], axis=1)
        return where, found.position[found.tracked][known]
