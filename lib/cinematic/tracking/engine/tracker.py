"""Frames in, markers out: the state of all tracks, and one step per frame.

A step moves every track on (:mod:`.step`), and takes a new reference where the one in use no longer serves. Memory
is linear in the number of tracks and does not grow with the number of frames: two frames are held.

How a chain of references stays tied to the first one: ``base`` maps the first pattern's pixels (offsets from its
marker) to the template coordinates of the reference in use, so ``warp @ base`` always places the FIRST marker and the
FIRST pattern. Taking a new reference changes both factors and not their product. The covariance carries the error of
every link. As soon as the first reference fits again (the camera has come back), the track returns to it, and what
the chain had drifted is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from ..errors import ParameterError
from .alignment import (
    CONVERGED,
    CORRELATION,
    Patterns,
    align,
    cut_patterns,
    empty_patterns,
    square_grid,
)
from .pyramid import Pyramid, build_pyramid
from .step import SHAPE_SPAN, TrackState, move_tracks
from .threads import use_threads
from .types import AUTO, MOTION_MODELS, FrameMarkers, LostReason, Seeds, TrackOptions

# A new reference because of low correlation: only if the pattern differs from the previous frame's by less than this
# share of its difference from the reference, and the reference has served this many frames. Slow change is the
# surface turning; a fast one is something in front, or a pattern that straddles two depths.
_SLOW_CHANGE = 0.25
_LEAST_SERVICE = 4
# Nor is a pattern that has become this much longer than wide a good one to go on with.
_MOST_UNEVEN = 1.6


def track(
    frames: Iterable[tuple[int, np.ndarray]], seeds: Seeds, options: TrackOptions | None = None
) -> Iterator[FrameMarkers]:
    """Track seeds through frames, one result per frame, as the frames come.

    Parameters
    ----------
    frames : iterable of (frame number, luminance)
        In the order to track: forwards or backwards. Luminance is float (height, width), display-like, about 0..1;
        all of one size. Each track begins when its seed's frame comes; what came before is none of its business.
    seeds : Seeds
        Where tracks begin. No seeds at all is fine: every frame then brings an empty result.
    options : TrackOptions

    Yields
    ------
    FrameMarkers
        A track that is lost is reported once, with the reason.

    Raises
    ------
    ParameterError
        A frame is no luminance image, or its size differs from the first one's.
    """
    tracker = Tracker(seeds, options)
    for number, image in frames:
        yield tracker.step(number, image)


class Tracker:
    """The state of n tracks between two frames. Feed it frames with :meth:`step`."""

    def __init__(self, seeds: Seeds, options: TrackOptions | None = None) -> None:
        self.seeds = seeds
        self.options = options = options or TrackOptions()
        count = len(seeds)
        models = list(seeds.motion_models or [options.motion_model] * count)
        matches = list(seeds.pattern_matches or [options.pattern_match] * count)
        minima = options.correlation_min if seeds.correlation_mins is None else seeds.correlation_mins
        self.grid = square_grid(options.pattern_size)
        self._patterns = empty_patterns(count, self.grid)
        self._first_patterns: Patterns | None = None  # copies of first references, once any track has left its own
        self._adaptive = np.array([name == AUTO for name in models], bool)
        self._models = np.array([0 if name == AUTO else MOTION_MODELS.index(name) for name in models], np.int64)
        self._match = np.array(matches, dtype="<U10")
        self._correlation_min = np.broadcast_to(np.asarray(minima, np.float64), (count,)).copy()
        self._alive = np.zeros(count, bool)
        self._position = seeds.positions.copy()
        self._velocity = np.zeros((count, 2))
        self._warp = np.zeros((count, 3, 3))  # template coordinates of the reference in use -> frame
        self._base = np.zeros((count, 3, 3))  # first pattern's pixel offsets -> those template coordinates
        self._first_base = np.zeros((count, 3, 3))
        self._link_covariance = np.zeros((count, 2, 2))  # of the reference in use, in its pixels^2
        self._seed_frame = np.array(seeds.frames, np.int64)
        self._reference_frame = self._seed_frame.copy()
        self._shapes = np.zeros((SHAPE_SPAN, count, 2, 2))  # of the last frames, in turn; first pattern -> frame
        self._steps = 0  # frames taken so far
        self._service = np.zeros(count, np.int64)  # frames in which the reference in use has been matched
        self._patch = np.zeros_like(self._patterns.values)
        self._previous: Pyramid | None = None
        self._previous_is_own = False  # built here, so that its memory may be used again
        self._spare: Pyramid | None = None
        self._fresh = np.zeros(count, bool)  # has one marker only, so that its velocity is unknown

    @property
    def alive(self) -> np.ndarray:
        """(n,) Which tracks have a marker in the last frame."""
        return self._alive.copy()

    def step(self, frame: int, image: np.ndarray | Pyramid) -> FrameMarkers:
        """Take the next frame: move every living track to it, then begin the tracks whose seed it is.

        ``image`` may be a :class:`.pyramid.Pyramid`, so that several trackers (of different pattern sizes) can share
        the work of preparing a frame. An image is kept until the next one has come; do not write to it before.
        """
        with use_threads(self.options.threads):
            own = not isinstance(image, Pyramid)
            current = image if isinstance(image, Pyramid) else build_pyramid(image, self._spare)
            self._check_size(frame, current)
            self._steps += 1
            moved = self._move(frame, current)
            begun = self._begin(frame, current)
            self._spare = self._previous if self._previous_is_own else None
            self._previous, self._previous_is_own = current, own
        return _join(moved, begun)

    def _check_size(self, frame: int, current: Pyramid) -> None:
        previous = self._previous
        if previous is not None and (previous.width, previous.height) != (current.width, current.height):
            raise ParameterError(
                f"expected frame {frame} to be {previous.width}x{previous.height} like the frames before it, "
                f"got {current.width}x{current.height}"
            )

    # -- beginning ------------------------------------------------------------------------------------------------

    def _begin(self, frame: int, current: Pyramid) -> FrameMarkers:
        """Take the reference patterns of the tracks that start in this frame."""
        rows = np.flatnonzero((self._seed_frame == frame) & ~self._alive)
        if not len(rows):
            return _nothing(frame)
        self._position[rows] = self.seeds.positions[rows]
        self._velocity[rows] = 0.0
        self._fresh[rows] = True
        centres = np.rint(self._position[rows])
        radius = self.grid.radius
        inside = (centres >= radius).all(1) & (centres <= np.array([current.width, current.height]) - 1 - radius).all(1)
        reason = np.where(inside, LostReason.TRACKED, LostReason.OUT_OF_FRAME).astype(np.int8)
        kept = rows[inside]
        self._take_reference(current, kept, frame)
        self._base[kept] = _undone(self._warp[kept]) @ _shift(self._position[kept])
        self._first_base[kept] = self._base[kept]
        self._link_covariance[kept] = 0.0
        self._shapes[:, kept] = np.eye(2)
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
        warp = _shift(centres)
        warp[:, 0, 0] = warp[:, 1, 1] = self.grid.radius
        self._warp[rows] = warp
        self._patch[rows] = self._patterns.values[rows] + self._patterns.mean[rows, None].astype(np.float32)
        self._reference_frame[rows] = frame
        self._service[rows] = 0

    # -- moving ---------------------------------------------------------------------------------------------------

    def _move(self, frame: int, current: Pyramid) -> FrameMarkers:
        """Move the living tracks from the previous frame to this one."""
        rows = np.flatnonzero(self._alive)
        previous = self._previous
        if previous is None or not len(rows):
            return _nothing(frame)
        start = self._position[rows]
        state = TrackState(
            self._patterns, self._models, self._adaptive, self._correlation_min, self._fresh, self._position,
            self._velocity, self._warp, self._base, self._link_covariance, self._patch, self._shapes,
        )  # fmt: skip
        moved = move_tracks(previous, current, self.grid, rows, state, self.options, self._steps % SHAPE_SPAN)
        self._fresh[rows] = False
        markers = FrameMarkers(
            frame, rows, *moved[:-1], self._models[rows].astype(np.int8), self._reference_frame[rows]
        )
        self._keep(rows, markers, moved.position - start)
        self._change_references(frame, current, markers, moved.back_correlation)
        return markers

    def _keep(self, rows: np.ndarray, markers: FrameMarkers, velocity: np.ndarray) -> None:
        self._alive[rows] = markers.tracked
        self._position[rows] = markers.position
        self._velocity[rows] = velocity
        self._service[rows] += 1

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
        largest, smallest = _stretch(self._warp[rows], self.grid.radius)
        size = np.sqrt(largest * smallest)
        resized = ((size > band) | (size < 1 / band)) & (largest < _MOST_UNEVEN * smallest)
        difference = 1.0 - markers.correlation
        faded = (markers.correlation < self.options.correlation_band) & (self._service[rows] >= _LEAST_SERVICE)
        faded &= 1.0 - back_correlation < _SLOW_CHANGE * difference
        leave = automatic & (resized | faded) & ~np.isin(rows, returned)
        leave |= markers.tracked & (match == "PREV_FRAME")
        chosen = np.flatnonzero(leave)
        chosen = chosen[self._pattern_fits(current, rows[chosen])]
        if len(chosen):
            self._leave_reference(frame, current, rows[chosen], markers.covariance[chosen])

    def _pattern_fits(self, current: Pyramid, rows: np.ndarray) -> np.ndarray:
        centres = np.rint(self._position[rows])
        limit = np.array([current.width, current.height]) - 1 - self.grid.radius
        return ((centres >= self.grid.radius) & (centres <= limit)).all(1)

    def _leave_reference(self, frame: int, current: Pyramid, rows: np.ndarray, covariance: np.ndarray) -> None:
        """Take this frame as the new reference of ``rows``, tied to the first by ``base``."""
        if self._first_patterns is None:
            self._first_patterns = Patterns(*(array.copy() for array in self._patterns))
        first = rows[self._reference_frame[rows] == self._seed_frame[rows]]
        for kept, now in zip(self._first_patterns, self._patterns, strict=True):
            kept[first] = now[first]
        total = self._warp[rows] @ self._base[rows]
        self._take_reference(current, rows, frame)
        self._base[rows] = _undone(self._warp[rows]) @ total
        self._base[rows] /= self._base[rows][:, 2:, 2:]
        self._link_covariance[rows] = covariance

    def _return_to_first(self, current: Pyramid, rows: np.ndarray) -> np.ndarray:
        """Try the first reference on ``rows`` that left it; those that fit use it again from now on."""
        if not len(rows) or self._first_patterns is None:
            return rows[:0]
        warps = self._warp.copy()
        warps[rows] = self._warp[rows] @ self._base[rows] @ _undone(self._first_base[rows])
        warps[rows] /= warps[rows][:, 2:, 2:]
        largest, smallest = _stretch(warps[rows], self.grid.radius)
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
        self._link_covariance[rows] = 0.0
        self._reference_frame[rows] = self._seed_frame[rows]
        return rows


def _shift(offsets: np.ndarray) -> np.ndarray:
    """(k, 3, 3) translations."""
    matrices = np.zeros((len(offsets), 3, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = matrices[:, 2, 2] = 1.0
    matrices[:, :2, 2] = offsets
    return matrices


def _undone(placed: np.ndarray) -> np.ndarray:
    """(k, 3, 3) Inverses of upright warps: a scale and a shift. (LAPACK's threads take ms to start.)"""
    inverses = np.zeros_like(placed)
    inverses[:, 0, 0], inverses[:, 1, 1], inverses[:, 2, 2] = 1 / placed[:, 0, 0], 1 / placed[:, 1, 1], 1.0
    inverses[:, :2, 2] = -placed[:, :2, 2] * inverses[:, :1, 0]
    return inverses


def _stretch(warps: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest magnification at the pattern's centre: singular values of the warp's derivative there."""
    return _singular_values((warps[:, :2, :2] - warps[:, :2, 2:] * warps[:, 2:, :2]) / radius)


def _singular_values(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Larger and smaller one of (k, 2, 2) matrices, in closed form."""
    a, b, c, d = matrices.reshape(-1, 4).T
    mean, spread = np.hypot(a + d, b - c) / 2, np.hypot(a - d, b + c) / 2
    return mean + spread, np.abs(mean - spread)


def _nothing(frame: int) -> FrameMarkers:
    return FrameMarkers(
        frame, np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros((0, 2)), np.zeros((0, 4, 2)), np.zeros(0),
        np.zeros(0), np.zeros((0, 2, 2)), np.zeros(0, np.int8), np.zeros(0, np.int64),
    )  # fmt: skip


def _join(a: FrameMarkers, b: FrameMarkers) -> FrameMarkers:
    """Both results of one frame, in the order of the tracks."""
    if not len(a) or not len(b):
        return b if len(b) else a
    order = np.argsort(np.concatenate([a.track, b.track]), kind="stable")
    names = [name for name in FrameMarkers.__dataclass_fields__ if name != "frame"]
    return FrameMarkers(a.frame, *(np.concatenate([getattr(a, n), getattr(b, n)])[order] for n in names))
