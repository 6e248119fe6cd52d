"""The state of tracks whose patterns are of one size, and one step per frame.

A step moves every track (:mod:`.step`) and, where the reference no longer serves, takes a new one. Memory is linear in
the number of tracks and does not grow with the number of frames: two frames are held.

How a chain of references stays tied to the first one: ``base`` maps the first pattern's pixels (offsets from its
marker) to the template coordinates of the reference in use, so ``warp @ base`` always places the FIRST marker and the
FIRST pattern. Taking a new reference changes both factors and not their product. The covariance carries the error of
every link. As soon as the first reference fits again (the camera has come back), the track returns to it, and what
the chain had drifted is gone.

Frames that the camera's motion has smeared are none to go on from. In them tracks follow what the last sharp frame
showed, smeared alike (:mod:`.smear`), and no pattern is taken or averaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .alignment import CONVERGED, CORRELATION, align
from .middle import middle_grid
from .patterns import Patterns, average_patterns, cut_patterns, empty_patterns, luminance, square_grid
from .places import elongations, inverted, moved_points, origins, pattern_warps, shift_matrices, stretch
from .pyramid import Pyramid, build_pyramid, shift_between
from .smear import smeared, smears_between
from .step import Moved, TrackState, find_tracks, move_tracks
from .table import SHAPE_SPAN, TrackTable
from .types import AUTO, FrameMarkers, LostReason, Seeds, TrackOptions, axes_of, no_markers, odd_size, reason_table

# A new reference because of low correlation: only if the pattern differs from the previous frame's by less than this
# share of its difference from the reference, and the reference has served this many frames. Slow change is the
# surface turning; a fast one is something in front, or a pattern that straddles two depths.
_SLOW_CHANGE = 0.25
_LEAST_SERVICE = 4
# Nor is a pattern that has become this much longer than wide a good one to go on with.
_MOST_UNEVEN = 1.6
_SURE_CORRELATION = 0.8  # least ZNCC for what a frame shows to become part of a grainy reference
_WAKE_CORRELATION = 0.85  # least ZNCC with the first reference for a lost track to be found again
_FAST = 24.0  # px a frame; what is slower the search finds without a guess
_LEAST_COMPANY = 8  # tracks that together tell how the picture moves, or that it has moved too far
_MANY = 0.1  # of the tracks are lost within one frame: the camera may have been hit
_LEAST_TURNING = 20  # patterns that together tell how fast shapes change
_BEYOND_USUAL = 1.25  # times what the shapes of a tenth of the patterns have changed by is not too much, in logarithms
_MOST_TURNING = 2.0  # factor by which a shape may change, however fast others do
_SMEARED = 3.0  # px; what is smeared by less still looks like the pattern
_REMEMBERED = 6  # frames for which the last sharp one is
_BESIDE = 2.0  # px; a reference that fits farther from where its track was followed to shows something else
_ASTRAY = reason_table(LostReason.LOW_CORRELATION, LostReason.FORWARD_BACKWARD, LostReason.DIVERGED, LostReason.SHAPE)
_SMEARED_AWAY = _ASTRAY | reason_table(LostReason.MIDDLE_ELSEWHERE, LostReason.UNCERTAIN)


class _Before(NamedTuple):
    """What an attempt to move tracks changes of them, as it was; k rows."""

    models: np.ndarray  # (k,) as in TrackTable
    warps: np.ndarray  # (k, 3, 3)
    shapes: np.ndarray  # (k, 2, 2) the entry that is this frame's


class SizedTracker(TrackTable):
    """The state of n tracks between two frames: :meth:`step` takes the next one, :meth:`begin` adds tracks to it.

    Tracks may be ended, looked for again (:meth:`wake`) and forgotten between two frames. They are numbered as they
    come.
    """

    def __init__(self, options: TrackOptions) -> None:
        super().__init__(options, square_grid(options.pattern_size))
        self._middle = middle_grid(self.grid)
        self._frame: int | None = None  # the number of the last frame
        self._previous: Pyramid | None = None
        self._sharp: Pyramid | None = None  # while frames are smeared: the last one that was not
        self._sharp_ago = 0  # frames

    @classmethod
    def restored(
        cls, state: Mapping[str, np.ndarray], options: TrackOptions, frame: int, pyramid: Pyramid
    ) -> SizedTracker:
        """The tracker whose :meth:`state` was saved after it had taken ``frame``; goes on exactly as that one would."""
        tracker = cls(options)
        tracker._restore(state)
        tracker._frame, tracker._previous = frame, pyramid
        if state["sharp"].size:
            tracker._sharp, tracker._sharp_ago = build_pyramid(state["sharp"]), int(state["sharp ago"])
        return tracker

    def state(self) -> dict[str, np.ndarray]:
        """As the table's, and the frame that is remembered."""
        sharp = np.zeros((0, 0), np.float32) if self._sharp is None else self._sharp.image
        return super().state() | {"sharp": sharp, "sharp ago": np.array(self._sharp_ago)}

    @property
    def living(self) -> tuple[np.ndarray, np.ndarray]:
        """(k,) numbers of the tracks that have a marker in the last frame, and (k, 2) where it is, pixels."""
        return self._number[self._alive], self._position[self._alive]

    @property
    def is_smeared(self) -> bool:
        """Whether the last frame is smeared by the camera's motion."""
        return self._sharp is not None

    @property
    def _slot(self) -> int:
        """The entry of ``_shapes`` that is this frame's."""
        return self._steps % SHAPE_SPAN

    def step(self, frame: int, pyramid: Pyramid) -> FrameMarkers:
        """Take the next frame: move every living track to it. ``pyramid`` is kept until the next one has come."""
        self._steps += 1
        moved = self._move(frame, pyramid)
        self._frame, self._previous = frame, pyramid
        return self._named(moved)

    def begin(self, seeds: Seeds) -> FrameMarkers:
        """Take in further tracks, whose seeds' frame is the last one, and their first markers."""
        if self._frame is None or self._previous is None or not np.all(seeds.frames == self._frame):
            raise ParameterError(f"expected seeds of frame {self._frame}, the last one, got frames {seeds.frames}")
        rows = np.arange(len(self._number), len(self._number) + len(seeds))
        self._append(seeds)
        return self._named(self._begin(rows, self._frame, self._previous))

    def end(self, tracks: npt.ArrayLike) -> None:
        """Track these no further. They can be found again with :meth:`wake` until they are forgotten."""
        self._alive[self._rows_of(tracks)] = False

    def forget(self, tracks: npt.ArrayLike) -> None:
        """Let go of all that is known of these; their numbers are not used again."""
        self._forget_rows(self._rows_of(tracks))

    def _named(self, markers: FrameMarkers) -> FrameMarkers:
        """The same with the tracks' numbers in place of rows."""
        return replace(markers, track=self._number[markers.track])

    # -- beginning ------------------------------------------------------------------------------------------------

    def _begin(self, rows: np.ndarray, frame: int, current: Pyramid) -> FrameMarkers:
        """Take the reference patterns of the tracks that start in this frame."""
        self._fresh[rows] = True
        inside = _lie_on(current, self._position[rows], self.grid.radius)
        reason = np.where(inside, LostReason.TRACKED, LostReason.OUT_OF_FRAME).astype(np.int8)
        kept = rows[inside]
        self._take_reference(current, kept, frame)
        self._base[kept] = inverted(self._warp[kept]) @ shift_matrices(self._position[kept])
        self._first_base[kept] = self._base[kept]
        self._link_covariance[kept] = 0.0
        self._shapes[kept] = np.eye(2)
        textured = np.ones(len(rows), bool)
        textured[inside] = self._patterns.solution[kept, self._models[kept], 0, 0] > 0.0
        reason[inside & ~textured] = LostReason.DEGENERATE
        self._alive[rows] = reason == LostReason.TRACKED
        count = len(rows)
        half = self.options.pattern_size / 2
        corners = np.broadcast_to(half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1.0]]), (count, 4, 2)).copy()
        return FrameMarkers(
            frame, rows, reason, self._position[rows], corners, np.where(reason == 0, 1.0, 0.0), np.full(count, np.nan),
            np.zeros((count, 2, 2)), self._models[rows].astype(np.int8), self._reference_frame[rows],
        )  # fmt: skip

    def _take_reference(self, current: Pyramid, rows: np.ndarray, frame: int) -> None:
        """Cut the patterns ``rows`` at their present positions; their warps become plain shifts."""
        centres = np.rint(self._position[rows])
        cut_patterns(current, self.grid, centres, rows, self._patterns)
        self._warp[rows] = pattern_warps(centres, self.grid.radius)
        self._patch[rows] = luminance(self._patterns, rows)
        self._reference_frame[rows] = frame
        self._service[rows] = 0

    # -- moving ---------------------------------------------------------------------------------------------------

    def _move(self, frame: int, current: Pyramid) -> FrameMarkers:
        """Move the living tracks from the previous frame to this one."""
        rows = np.flatnonzero(self._alive)
        previous = self._previous
        if previous is None or not len(rows):
            self._sharp = None  # who begins now was not there
            return no_markers(frame)
        self._expect(rows, previous, current)
        start, warps = self._position[rows], self._warp[rows]
        moved = self._moved(rows, warps, previous, current)
        self._fresh[rows] = False
        markers = FrameMarkers(
            frame, rows, *moved[:-1], self._models[rows].astype(np.int8), self._reference_frame[rows]
        )
        self._keep(rows, markers, start, warps)
        if not self.is_smeared:
            self._average(markers)
        self._change_references(frame, current, markers, moved.back_correlation)
        return markers

    def _moved(self, rows: np.ndarray, warps: np.ndarray, previous: Pyramid, current: Pyramid) -> Moved:
        """Move them from their ``warps``; where many are lost, those once more, from where the picture has moved.

        A camera that is hit, or whips, takes tracks farther within one frame than the search reaches, and smears it.
        """
        velocity, before = self._velocity[rows], _Before(self._models[rows], warps, self._shapes[rows, self._slot])

        options = replace(self.options, shape_change_max=self._shape_change_max(rows))

        def move(some: np.ndarray) -> Moved:
            return move_tracks(
                previous, current, self.grid, self._middle, some, self._state_of_all(), options, self._slot
            )

        moved = move(rows)
        many = max(_LEAST_COMPANY, _MANY * len(rows))
        lost = np.flatnonzero(_ASTRAY[moved.reason])
        if len(lost) >= many:
            shift = shift_between(previous, current)
            if np.linalg.norm(shift - np.median(velocity[lost], axis=0)) > _FAST:
                again = self._set_back(rows, before, lost)
                self._velocity[again], self._fresh[again] = shift, True
                self._see_again(again, previous)
                _put(move(again), moved, lost)
                lost = np.flatnonzero(_ASTRAY[moved.reason])
        if len(lost) >= many or self.is_smeared:
            self._move_through_smear(previous, current, rows, before, moved)
        return moved

    def _shape_change_max(self, rows: np.ndarray) -> float:
        """How much their patterns may change: more than the option says where a tenth of them do anyway.

        A camera that runs round a set lets whole walls turn away as fast as else only what straddles two depths does.
        """
        if len(rows) < _LEAST_TURNING:
            return self.options.shape_change_max
        before, last = self._shapes[rows, self._slot], self._shapes[rows, (self._steps - 1) % SHAPE_SPAN]
        fast = float(np.quantile(elongations(before, last), 1 - _MANY))
        usual = fast ** (SHAPE_SPAN / (SHAPE_SPAN - 1))  # from three frames to four
        return max(self.options.shape_change_max, min(usual**_BEYOND_USUAL, _MOST_TURNING))

    def _move_through_smear(
        self, previous: Pyramid, current: Pyramid, rows: np.ndarray, before: _Before, moved: Moved
    ) -> None:
        """In a smeared frame let tracks follow what the last sharp one showed, smeared alike, where that fits better.

        In a frame that is sharp again those that are lost do, to where their reference fits. Patterns are as much
        larger as the smear is long: what it leaves of them is that much less.
        """
        sharp = previous if self._sharp is None else self._sharp
        lines = smears_between(sharp, current)
        of_sharp, of_current = (line if np.linalg.norm(line) >= _SMEARED else np.zeros(2) for line in lines)
        if not self.is_smeared:
            if not (of_sharp.any() or of_current.any()):
                return
            self._remember_sharp(previous, rows, before.warps)
        self._sharp_ago += 1
        if self._sharp_ago > _REMEMBERED or not of_current.any():
            self._sharp = None
        lost = _SMEARED_AWAY[moved.reason]
        some = np.flatnonzero(lost | (moved.reason == LostReason.TRACKED) if of_current.any() else lost)
        larger = odd_size(self.options.pattern_size + float(np.linalg.norm([of_sharp, of_current], axis=1).max()))
        some = some[_lie_on(sharp, origins(self._sharp_place[rows[some]]), larger // 2)]
        if not len(some):
            return
        frames = smeared(sharp, of_current), smeared(current, of_sharp)
        found, warps, shapes = self._followed_from(*frames, rows[some], before.shapes[some], larger)
        better = (found.reason == LostReason.TRACKED) & (lost[some] | (found.correlation > moved.correlation[some]))
        some, found = some[better], Moved(*(column[better] for column in found))
        again = self._set_back(rows, before, some)
        self._warp[again], self._shapes[again, self._slot] = warps[better], shapes[better]
        if of_current.any():
            self._see_again(again, current)
        else:
            found = self._at_reference(current, again, found)
        _put(found, moved, some)

    def _remember_sharp(self, frame: Pyramid, rows: np.ndarray, warps: np.ndarray) -> None:
        """A frame before others that are smeared, and where tracks are on it."""
        self._sharp, self._sharp_ago = build_pyramid(frame.image.copy()), 0
        self._sharp_place[:] = np.nan
        self._sharp_place[rows] = warps @ self._base[rows]

    def _followed_from(
        self, sharp: Pyramid, current: Pyramid, rows: np.ndarray, shapes: np.ndarray, pattern_size: int
    ) -> tuple[Moved, np.ndarray, np.ndarray]:
        """Tracks, only shifted, from where they were on the sharp frame; their warps, and the shapes of their patterns.

        ``shapes`` (k, 2, 2): those of some frames ago, to compare with. What is followed are patterns of another size.
        """
        places, every = self._sharp_place[rows], np.arange(len(rows))
        options, grid = replace(self.options, pattern_size=pattern_size), square_grid(pattern_size)
        centres, patterns = np.rint(origins(places)), empty_patterns(len(rows), grid)
        begun = pattern_warps(centres, grid.radius)
        cut_patterns(sharp, grid, centres, every, patterns)
        state = TrackState(patterns, *(column[rows] for column in self._state_of_all()[1:]))._replace(
            models=np.zeros(len(rows), np.int64), adaptive=np.zeros(len(rows), bool), fresh=np.ones(len(rows), bool),
            positions=origins(places), velocities=np.tile(shift_between(sharp, current), (len(rows), 1)),
            warps=begun.copy(), bases=inverted(begun) @ places,
            patches=luminance(patterns), shapes=shapes[:, None].copy(),
        )  # fmt: skip
        moved = move_tracks(sharp, current, grid, middle_grid(grid), every, state, options, 0)
        moved.corners[:] *= self.options.pattern_size / pattern_size
        warps = state.warps @ state.bases @ inverted(self._base[rows])
        return moved, warps / warps[:, 2:, 2:], state.shapes[:, 0]

    def _at_reference(self, current: Pyramid, rows: np.ndarray, followed: Moved) -> Moved:
        """Tracks where their references fit, near to where they were ``followed`` to."""
        found = find_tracks(current, self.grid, self._middle, rows, self._state_of_all(), self.options)
        beside = np.linalg.norm(found.position - followed.position, axis=1) > _BESIDE
        found.reason[beside & (found.reason == LostReason.TRACKED)] = LostReason.DIVERGED
        return found._replace(forward_backward=followed.forward_backward)

    def _set_back(self, rows: np.ndarray, before: _Before, some: np.ndarray) -> np.ndarray:
        """Undo what attempts have changed of ``some`` of the rows, which are returned."""
        again = rows[some]
        self._models[again], self._warp[again] = before.models[some], before.warps[some]
        self._shapes[again, self._slot] = before.shapes[some]
        return again

    def _see_again(self, rows: np.ndarray, frame: Pyramid) -> None:
        """Take what a frame shows where tracks are on it."""
        fixed, warps = np.zeros_like(self._adaptive), self._warp.copy()
        align(frame, self.grid, self._patterns, rows, self._models, fixed, warps, self._patch)

    def _expect(self, rows: np.ndarray, previous: Pyramid, current: Pyramid) -> None:
        """Give tracks that have one marker the velocity of the others, or of the picture, where that is large."""
        fresh = self._fresh[rows]
        if not fresh.any():
            return
        known = self._velocity[rows[~fresh]]
        shift = np.median(known, axis=0) if len(known) >= _LEAST_COMPANY else shift_between(previous, current)
        if np.linalg.norm(shift) > _FAST:
            self._velocity[rows[fresh]] = shift

    def _average(self, markers: FrameMarkers) -> None:
        """Take what this frame shows into the references that are grainy.

        It was laid there with the error of its match, of which the mean gets its share: the chain's error grows.
        """
        sure = np.flatnonzero(markers.tracked & (markers.correlation > _SURE_CORRELATION))
        rows = markers.track[sure]
        taken = average_patterns(self.grid, self._patch, rows, self._patterns)
        sure, rows = sure[taken], rows[taken]
        share = 1 / self._patterns.frames[rows]
        of_match = markers.covariance[sure] - self._link_covariance[rows]  # the frame's scale is still the pattern's
        self._link_covariance[rows] += share[:, None, None] ** 2 * of_match

    def _state_of_all(self) -> TrackState:
        """The columns that a step reads and writes."""
        return TrackState(
            self._patterns, self._models, self._adaptive, self._correlation_min, self._fresh, self._service,
            self._position, self._velocity, self._warp, self._base, self._link_covariance, self._patch, self._shapes,
        )  # fmt: skip

    def _keep(self, rows: np.ndarray, markers: FrameMarkers, start: np.ndarray, warps: np.ndarray) -> None:
        """The new places; of what is lost the last good one."""
        lost = ~markers.tracked
        self._alive[rows] = markers.tracked
        self._position[rows] = np.where(lost[:, None], start, markers.position)
        self._warp[rows[lost]] = warps[lost]
        self._velocity[rows] = markers.position - start
        self._service[rows] += 1

    # -- coming back ----------------------------------------------------------------------------------------------

    def wake(self, tracks: np.ndarray, motions: np.ndarray, reach: np.ndarray) -> FrameMarkers:
        """As :meth:`.tracker.Tracker.wake`, by this one's own numbers and in the order given."""
        rows = self._rows_of(tracks)
        current, frame = self._previous, self._frame
        if current is None or frame is None or self._alive[rows].any():
            raise ParameterError("expected tracks that have begun and are not alive")
        if not len(rows):
            return no_markers(frame)
        self._take_first_reference(rows)
        before, place = self._warp[rows], self._position[rows]
        expected = moved_points(motions, place)
        self._warp[rows] = motions @ before
        found = find_tracks(current, self.grid, self._middle, rows, self._state_of_all(), self.options)
        reason, position = found.reason, found.position
        low = found.correlation < np.maximum(_WAKE_CORRELATION, self._correlation_min[rows])
        reason[(reason == LostReason.TRACKED) & low] = LostReason.LOW_CORRELATION
        far = ~(np.linalg.norm(position - expected, axis=1) <= reach)
        reason[(reason == LostReason.TRACKED) & far] = LostReason.DIVERGED
        here = reason == LostReason.TRACKED
        self._warp[rows[~here]] = before[~here]
        back = rows[here]
        self._alive[back] = self._fresh[back] = True
        self._position[back], self._velocity[back] = position[here], 0.0
        self._shapes[back] = self._shapes_of(found.corners[here])[:, None]
        markers = FrameMarkers(
            frame, rows, *found[:-1], self._models[rows].astype(np.int8), self._reference_frame[rows]
        )
        return self._named(markers)

    def _shapes_of(self, corners: np.ndarray) -> np.ndarray:
        """(k, 2, 2) How the first pattern's axes lie in the frame, from its corners there."""
        return axes_of(corners) / self.options.pattern_size

    def _take_first_reference(self, rows: np.ndarray) -> None:
        """Give tracks their first reference back, at the place where they are."""
        away = rows[self._reference_frame[rows] != self._seed_frame[rows]]
        if not len(away) or self._first_patterns is None:
            return
        self._warp[away] = self._warp[away] @ self._base[away] @ inverted(self._first_base[away])
        self._warp[away] /= self._warp[away][:, 2:, 2:]
        for now, kept in zip(self._patterns, self._first_patterns, strict=True):
            now[away] = kept[away]
        self._base[away] = self._first_base[away]
        self._link_covariance[away] = self._first_link_covariance[away]
        self._reference_frame[away] = self._seed_frame[away]
        self._service[away] = 0

    # -- references -----------------------------------------------------------------------------------------------

    def _change_references(
        self, frame: int, current: Pyramid, markers: FrameMarkers, back_correlation: np.ndarray
    ) -> None:
        """Return to first references that fit again, and leave those that no longer serve."""
        rows = markers.track
        match = self._match[rows]
        automatic = markers.tracked & (match == AUTO)
        away = automatic & (self._reference_frame[rows] != self._seed_frame[rows])
        returned = self._return_to_first(current, rows[away])
        band = self.options.scale_band
        largest, smallest = stretch(self._warp[rows], self.grid.radius)
        size = np.sqrt(largest * smallest)
        resized = ((size > band) | (size < 1 / band)) & (largest < _MOST_UNEVEN * smallest)
        difference = 1.0 - markers.correlation
        faded = (markers.correlation < self.options.correlation_band) & (self._service[rows] >= _LEAST_SERVICE)
        faded &= 1.0 - back_correlation < _SLOW_CHANGE * difference
        leave = automatic & (resized | faded) & ~np.isin(rows, returned) & (not self.is_smeared)
        leave |= markers.tracked & (match == "PREV_FRAME")
        chosen = np.flatnonzero(leave)
        chosen = chosen[_lie_on(current, self._position[rows[chosen]], self.grid.radius)]
        if len(chosen):
            self._leave_reference(frame, current, rows[chosen], markers.covariance[chosen])

    def _leave_reference(self, frame: int, current: Pyramid, rows: np.ndarray, covariance: np.ndarray) -> None:
        """Take this frame as the new reference of ``rows``, tied to the first by ``base``."""
        if self._first_patterns is None:
            self._first_patterns = Patterns(*(array.copy() for array in self._patterns))
        first = rows[self._reference_frame[rows] == self._seed_frame[rows]]
        for kept, now in zip(self._first_patterns, self._patterns, strict=True):
            kept[first] = now[first]
        self._first_link_covariance[first] = self._link_covariance[first]
        total = self._warp[rows] @ self._base[rows]
        self._take_reference(current, rows, frame)
        self._base[rows] = inverted(self._warp[rows]) @ total
        self._base[rows] /= self._base[rows][:, 2:, 2:]
        self._link_covariance[rows] = covariance

    def _return_to_first(self, current: Pyramid, rows: np.ndarray) -> np.ndarray:
        """Try the first reference on ``rows`` that left it; those that fit use it again from now on."""
        if not len(rows) or self._first_patterns is None:
            return rows[:0]
        warps = self._warp.copy()
        warps[rows] = self._warp[rows] @ self._base[rows] @ inverted(self._first_base[rows])
        warps[rows] /= warps[rows][:, 2:, 2:]
        largest, smallest = stretch(warps[rows], self.grid.radius)
        band = self.options.scale_band**0.8  # nearer than where it was left, so that it does not flicker
        rows = rows[(largest < band) & (smallest > 1 / band)]
        fixed = np.zeros_like(self._adaptive)
        patches = np.empty_like(self._patch) if len(rows) else self._patch
        outcome, figures = align(current, self.grid, self._first_patterns, rows, self._models, fixed, warps, patches)
        fits = (outcome == CONVERGED) & (figures[:, CORRELATION] > self.options.correlation_band)
        rows = rows[fits]
        for now, kept in zip(self._patterns, self._first_patterns, strict=True):
            now[rows] = kept[rows]
        self._patch[rows] = patches[rows]
        self._warp[rows], self._base[rows] = warps[rows], self._first_base[rows]
        self._link_covariance[rows] = self._first_link_covariance[rows]
        self._reference_frame[rows] = self._seed_frame[rows]
        return rows


def _lie_on(frame: Pyramid, positions: np.ndarray, radius: float) -> np.ndarray:
    """(k,) Whether patterns around positions (k, 2) lie on the frame; not where there is none (NaN)."""
    centres = np.rint(positions)
    return ((centres >= radius) & (centres <= np.array([frame.width, frame.height]) - 1 - radius)).all(1)


def _put(some: Moved, into: Moved, rows: np.ndarray) -> None:
    """Let the results of these rows be others."""
    for old, new in zip(into, some, strict=True):
        old[rows] = new
