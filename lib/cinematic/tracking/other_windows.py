"""Every track's pattern followed once more by windows of other sizes: a second opinion on it, or an average."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .coords import lengths
from .engine import FrameMarkers, Pyramid, Seeds, Tracker, TrackOptions
from .engine.types import odd_size
from .footage import Footage
from .presets import larger_than_usual
from .pyramids import pyramids_ahead
from .scene_motion import positions_within
from .second_opinion import Apart
from .types import TrackData, pattern_size

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Times the pattern's side, and the model for such a window. Chosen on nine development plates, of nine windows tried:
# with these two, judgement finds more bad tracks (AUROC 0.91 to 0.93 for klt, 0.92 to 0.95 for libmv).
_OPINIONS = ((1.5, "Perspective"), (0.7, "Affine"))
# Of seven windows tried on eight development plates and engines: with these four, markers scatter least for what they
# cost (0.83 of before at the root mean square; with two more, up to 2.8 times the pattern's side, 0.81).
_AVERAGED = ((0.7, "Affine"), (1.25, "Affine"), (1.5, "Perspective"), (2.0, "Perspective"))
_LEAST_SIDE = 9  # px
_AGREES = 0.4  # px up to 1920 px wide: a window that leads as far from the marker counts half; 0.3 to 0.7 are alike

Windows = Sequence[tuple[float, str]]


def ask_other_windows(
    tracks: Sequence[TrackData], references: IntArray, first: int, count: int, *, footage: Footage
) -> Apart:
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
    return _Asked(tracks, references, first, count, footage, _OPINIONS).apart()


def averaged_places(
    tracks: Sequence[TrackData], references: IntArray, first: int, count: int, *, footage: Footage
) -> FloatArray:
    """Where markers and windows of several sizes have the features on average, (n, f, 2) px.

    Each window has an error of its own from grain, and from what it shows beside the feature. Around a marker they
    count by how near they lead to it (Cauchy's weights), the marker itself fully. NaN where there is no marker;
    reference markers stay where they are, for they say what the feature is.

    Parameters and errors are those of :func:`ask_other_windows`.
    """
    return _Asked(tracks, references, first, count, footage, _AVERAGED).averaged()


class _Group:
    """Tracks that are followed with windows of one size.

    Parameters
    ----------
    rows : (k,)
        Which of all tracks they are.
    ends : (k,)
        The frame of each one's last marker on this way.
    """

    def __init__(self, rows: IntArray, ends: IntArray, tracker: Tracker) -> None:
        self.rows = rows
        self._ends, self._tracker = ends, tracker

    def step(self, frame: int, pyramid: Pyramid) -> FrameMarkers:
        """One frame on; who has no marker beyond it, or is lost, is followed no further."""
        found = self._tracker.step(frame, pyramid)
        at_end = found.tracked & (self._ends[found.track] == frame)
        self._tracker.forget(found.track[at_end | ~found.tracked])
        return found


class _Asked:
    """The tracks, followed both ways from their reference markers, and what has come of it."""

    def __init__(
        self,
        tracks: Sequence[TrackData],
        references: IntArray,
        first: int,
        count: int,
        footage: Footage,
        windows: Windows,
    ) -> None:
        self.tracks, self.references, self.footage, self.asked = tracks, references, footage, windows
        self.agrees = _AGREES * larger_than_usual(footage.size[0])
        self.frames = np.arange(first, first + count)
        self.positions = positions_within(tracks, footage.size, first, count)
        shown = (self.frames >= footage.numbers.first) & (self.frames <= footage.numbers.last)
        self.positions[:, ~shown] = np.nan
        self.offset, self.weighted = np.zeros((2, *self.positions.shape))
        self.distance, self.windows, self.weight = np.zeros((3, len(tracks), count))
        self._follow(backwards=False)
        self._follow(backwards=True)

    def _follow(self, *, backwards: bool) -> None:
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
                self._compare(group.rows, group.step(frame, pyramid))

    def _way(self, backwards: bool) -> npt.NDArray[np.bool_]:
        """(n, f) Reference markers, and those to one side of them; nothing of tracks that lack either."""
        marked, reference = np.isfinite(self.positions[..., 0]), self.frames == self.references[:, None]
        beyond = self.frames < self.references[:, None] if backwards else self.frames > self.references[:, None]
        goes_on = (marked & reference).any(axis=1) & (marked & beyond).any(axis=1)
        return marked & (reference | beyond) & goes_on[:, None]

    def apart(self) -> Apart:
        """How far the markers are from where the windows lead."""
        windows = np.where(self.windows > 0, self.windows, np.nan)
        return Apart(self.offset / windows[..., None], self.distance / windows)

    def averaged(self) -> FloatArray:
        """Where markers and windows are on average."""
        return self.positions - self.weighted / (1 + self.weight)[..., None]

    def _groups(self, rows: IntArray, ends: IntArray) -> list[_Group]:
        of_window: dict[tuple[int, str], list[int]] = defaultdict(list)
        for row in rows.tolist():
            for times, model in self.asked:
                side = max(_LEAST_SIDE, odd_size(times * pattern_size(self.tracks[row].pattern_area)))
                of_window[side, model].append(row)
        return [
            _Group(np.array(members), ends[members], Tracker(self._seeds(members, model), TrackOptions(side)))
            for (side, model), members in of_window.items()
        ]

    def _seeds(self, rows: Sequence[int], model: str) -> Seeds:
        references = self.references[rows]
        return Seeds(
            references,
            self.positions[rows, references - self.frames[0]],
            motion_models=[model] * len(rows),
            correlation_mins=[self.tracks[row].correlation_min for row in rows],
        )

    def _compare(self, rows: IntArray, found: FrameMarkers) -> None:
        index = found.frame - self.frames[0]
        there = rows[found.track[found.tracked]]
        offset = self.positions[there, index] - found.position[found.tracked]
        known = np.isfinite(offset[:, 0]) & (self.references[there] != found.frame)
        there, offset, distance = there[known], offset[known], lengths(offset[known])
        weight = 1 / (1 + (distance / self.agrees) ** 2)
        self.offset[there, index] += offset
        self.weighted[there, index] += weight[:, None] * offset
        self.distance[there, index] += distance
        self.windows[there, index] += 1
        self.weight[there, index] += weight
