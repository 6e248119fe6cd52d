"""One track from one frame to the next: predict, align, measure, judge, follow back.

All of it in one kernel, track by track: a pattern's data stay in the nearest cache from the first guess to the last
check, and threads meet once a frame.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .alignment import (
    CONVERGED,
    DIVERGED,
    FLAT,
    OUTSIDE,
    RESIDUAL,
    SEARCH,
    Room,
    align_track,
    mask_outside,
    room_for,
    window_for,
)
from .compiler import inner_kernel, kernel
from .correlation import masked_correlation, soft_border, soft_correlation, without_noise
from .flow import FlowRoom, flow_room, is_amid_pixels, predict
from .forward_backward import way_back
from .gradients import eigenvalues
from .lanes import borrowed, hold
from .middle import middle_distance
from .motion_models import AFFINE, MODEL_SIZES, PERSPECTIVE, UNKNOWNS
from .noise import noise_left
from .patch_pattern import pattern_room
from .patterns import PatternGrid, Patterns, enlarged_errors, is_final
from .pyramid import Pyramid
from .threads import next_piece, spread
from .types import LostReason, TrackOptions

_PIECE = 8  # tracks per piece of work
# Pixels by which noise moves a match from which on its middle is asked. Surer ones are never contradicted.
_UNSURE = 0.1
# Levels that the coarse search takes. Where a track's velocity is known half size alone does: a quarter of full size
# sees so little of a blurred or grainy pattern that it leads astray, on the way back above all (development, quarter
# and half: recall05 0.47 in place of 0.51 on the blurred street). What fails is looked for at all levels.
_NEAR, _ALL = 1, 3

_TRACKED, _OUT_OF_FRAME = int(LostReason.TRACKED), int(LostReason.OUT_OF_FRAME)
_LOW_CORRELATION, _SHAPE = int(LostReason.LOW_CORRELATION), int(LostReason.SHAPE)
_FORWARD_BACKWARD, _MIDDLE = int(LostReason.FORWARD_BACKWARD), int(LostReason.MIDDLE_ELSEWHERE)
_UNCERTAIN = int(LostReason.UNCERTAIN)
_REASONS = np.zeros(4, np.int8)
_REASONS[CONVERGED] = LostReason.TRACKED
_REASONS[OUTSIDE] = LostReason.OUT_OF_FRAME
_REASONS[FLAT] = LostReason.DEGENERATE
_REASONS[DIVERGED] = LostReason.DIVERGED


class TrackState(NamedTuple):
    """What is known of n tracks between two frames. A step updates models, warps, patches, shapes, fresh velocities."""

    patterns: Patterns
    models: np.ndarray  # int64 (n,) index into MOTION_MODELS
    adaptive: np.ndarray  # bool (n,) the model may grow richer
    correlation_min: np.ndarray  # float64 (n,)
    fresh: np.ndarray  # bool (n,) has one marker only, so that its velocity is unknown
    service: np.ndarray  # int64 (n,) frames in which the reference in use has been matched
    positions: np.ndarray  # float64 (n, 2)
    velocities: np.ndarray  # float64 (n, 2)
    warps: np.ndarray  # float64 (n, 3, 3) template coordinates of the reference in use -> frame
    bases: np.ndarray  # float64 (n, 3, 3) first pattern's pixel offsets -> those template coordinates
    link_covariance: np.ndarray  # float64 (n, 2, 2)
    patches: np.ndarray  # float32 (n, m) the last frame's luminance under each pattern
    shapes: np.ndarray  # float64 (n, span, 2, 2) first pattern -> frame, of the last frames in turn


class Moved(NamedTuple):
    """What a step found; k rows. As in :class:`.types.FrameMarkers`, but for ``back_correlation``."""

    reason: np.ndarray  # int8 (k,)
    position: np.ndarray  # float64 (k, 2)
    corners: np.ndarray  # float64 (k, 4, 2)
    correlation: np.ndarray  # float64 (k,)
    forward_backward: np.ndarray  # float64 (k,)
    covariance: np.ndarray  # float64 (k, 2, 2)
    back_correlation: np.ndarray  # float64 (k,) ZNCC of raw pixels with the previous frame; 0: not known


class _Limits(NamedTuple):
    """Of :class:`.types.TrackOptions`, as kernels take them."""

    half_size: float
    border: int
    shape_change: float
    distance: float
    deviation: float
    middle: float


class _Scratch(NamedTuple):
    """Room that one thread needs for one track."""

    align: Room
    flow: FlowRoom
    pattern: Patterns
    middle_pattern: Patterns
    middle_patch: np.ndarray  # float32 (m of the middle,)
    line: np.ndarray  # float32 (m,)
    soft: np.ndarray  # float32 (m,)
    patch: np.ndarray  # float32 (m,) what the way back sees
    before: np.ndarray  # float32 (m,) what the previous frame showed
    on_frame: np.ndarray  # bool (pixels,)
    start: np.ndarray  # float64 (3, 3) the warp in the previous frame
    kept: np.ndarray  # float64 (3, 3)
    trial: np.ndarray  # float64 (3, 3)


def move_tracks(
    previous: Pyramid, current: Pyramid, grid: PatternGrid, middle: PatternGrid, rows: np.ndarray, state: TrackState,
    options: TrackOptions, slot: int,
) -> Moved:  # fmt: skip
    """Move tracks ``rows`` (k,) from one frame to the next; ``slot``: the entry of ``shapes`` that is this frame's."""
    moved, limits = _nothing_moved(len(rows)), _limits(options)
    arguments = (
        previous.full, previous.coarse, current.full, current.coarse, grid, middle, rows, state, limits, slot,
        moved,
    )  # fmt: skip
    spread(_move, len(rows), _PIECE, *arguments)
    return moved


def find_tracks(
    current: Pyramid, grid: PatternGrid, middle: PatternGrid, rows: np.ndarray, state: TrackState, options: TrackOptions
) -> Moved:
    """Align tracks ``rows`` (k,) with a frame from the very warps they have: no prediction, no way back."""
    moved, limits = _nothing_moved(len(rows)), _limits(options)
    arguments = (current.full, grid, middle, rows, state, limits, moved)
    spread(_find, len(rows), _PIECE, *arguments)
    return moved


def _nothing_moved(count: int) -> Moved:
    return Moved(
        np.empty(count, np.int8), np.empty((count, 2)), np.empty((count, 4, 2)), np.empty(count),
        np.full(count, np.nan), np.empty((count, 2, 2)), np.zeros(count),
    )  # fmt: skip


def _limits(options: TrackOptions) -> _Limits:
    size = options.pattern_size
    return _Limits(
        size / 2, soft_border(size), float(options.shape_change_max), float(options.forward_backward_max),
        float(options.deviation_max), float(options.middle_max),
    )  # fmt: skip


@inner_kernel
def _scratch(grid, middle):  # type: ignore[no-untyped-def]
    m = grid.u.shape[0]
    return _Scratch(
        room_for(grid), flow_room(), pattern_room(grid), pattern_room(middle),
        np.empty(middle.u.shape[0], np.float32), np.empty(m, np.float32), np.empty(m, np.float32),
        np.empty(m, np.float32), np.empty(m, np.float32), np.empty(grid.pixels, np.bool_), np.empty((3, 3)),
        np.empty((3, 3)), np.empty((3, 3)),
    )  # fmt: skip


@kernel
def _move(  # type: ignore[no-untyped-def]
    tickets, previous, coarse_before, current, coarse_now, grid, middle, rows, state, limits, slot, moved
):
    previous, current, grid, rows, state, moved = borrowed((previous, current, grid, rows, state, moved))
    middle = borrowed(middle)
    coarse_before, coarse_now = borrowed(coarse_before), borrowed(coarse_now)
    own = _scratch(grid, middle)
    scratch = borrowed(own)
    first, last = next_piece(tickets)
    while first < last:
        windows = window_for(state.warps, rows, first, last), window_for(state.warps, rows, first, last)
        window, window_back = borrowed(windows)
        for n in range(first, last):
            k = rows[n]
            _copy_warp(state.warps[k], scratch.start)
            for i in range(scratch.before.shape[0]):
                scratch.before[i] = state.patches[k, i]
            window.place[2] = 0
            window_back.place[2] = 0
            reason, residual = _place(
                coarse_before, current, coarse_now, grid, k, state, limits, scratch, window, moved, n
            )
            deviation = _measure(k, n, state, residual, grid, limits.half_size, moved)
            if _squeezed(moved.corners[n], state.shapes[k, slot], limits) and reason == _TRACKED:
                reason = _SHAPE
            if reason == _TRACKED:
                reason = _reason_to_doubt(
                    current, grid, middle, k, moved.position[n], deviation, state, limits, scratch, window
                )
            moved.forward_backward[n], moved.back_correlation[n] = np.nan, 0.0
            if reason == _TRACKED and limits.distance < np.inf:
                reason = _look_back(
                    previous, coarse_before, coarse_now, grid, k, n, state, limits, scratch, window_back, moved
                )
            moved.reason[n] = reason
        hold(windows)
        first, last = next_piece(tickets)
    hold(own)


@kernel
def _find(tickets, current, grid, middle, rows, state, limits, moved):  # type: ignore[no-untyped-def]
    current, grid, rows, state, moved = borrowed((current, grid, rows, state, moved))
    middle = borrowed(middle)
    own = _scratch(grid, middle)
    scratch = borrowed(own)
    first, last = next_piece(tickets)
    while first < last:
        own_window = window_for(state.warps, rows, first, last)
        window = borrowed(own_window)
        for n in range(first, last):
            k = rows[n]
            window.place[2] = 0
            _copy_warp(state.warps[k], scratch.trial)
            reason, correlation = _aligned(current, grid, k, state, limits, scratch, window)
            _copy_warp(scratch.trial, state.warps[k])
            deviation = _measure(k, n, state, scratch.align.figures[RESIDUAL], grid, limits.half_size, moved)
            if reason == _TRACKED:
                reason = _reason_to_doubt(
                    current, grid, middle, k, moved.position[n], deviation, state, limits, scratch, window
                )
            moved.reason[n], moved.correlation[n] = reason, correlation
        hold(own_window)
        first, last = next_piece(tickets)
    hold(own)


@inner_kernel
def _place(coarse_before, current, coarse_now, grid, k, state, limits, scratch, window, moved, n):  # type: ignore[no-untyped-def]
    """Predict and align; what fails gets a wider search, and then a start at constant velocity.

    Returns the reason and the residual; the warp and the correlation are noted.
    """
    x, y = state.positions[k]
    guess_u, guess_v = state.velocities[k]
    model = state.models[k]
    reason, residual = _TRACKED, 0.0
    for attempt in range(3):
        if attempt == 1 and state.fresh[k]:  # it was given that of the others, and may have none
            guess_u, guess_v = 0.0, 0.0
            state.velocities[k, 0], state.velocities[k, 1] = guess_u, guess_v
        u, v = guess_u, guess_v
        if attempt < 2:
            levels = _ALL if attempt == 1 or state.fresh[k] else _NEAR
            u, v = predict(coarse_before, coarse_now, x, y, u, v, levels, scratch.flow)
        if attempt > 0:
            # What a failed attempt needed is no evidence; and a perspective that was found may be what came apart.
            state.models[k] = AFFINE if model == PERSPECTIVE and state.adaptive[k] else model
        _shift_warp(scratch.start, u, v, scratch.trial)
        found, correlation = _aligned(current, grid, k, state, limits, scratch, window)
        # A search that ran astray also leaves the frame: believe that reason only if every attempt gives it.
        if attempt == 0 or found == _TRACKED or (reason == _OUT_OF_FRAME and found != _OUT_OF_FRAME):
            reason, residual = found, scratch.align.figures[RESIDUAL]
            moved.correlation[n] = correlation
            _copy_warp(scratch.trial, scratch.kept)
        if reason == _TRACKED:
            break
    _copy_warp(scratch.kept, state.warps[k])
    return reason, residual


@inner_kernel
def _aligned(current, grid, k, state, limits, scratch, window):  # type: ignore[no-untyped-def]
    """Align from the warp in ``scratch.trial``; returns the reason and the correlation, which is part of it."""
    outcome = align_track(
        current, grid, state.patterns, k, state.models, state.adaptive, scratch.trial, state.patches[k], window,
        scratch.align, SEARCH,
    )  # fmt: skip
    correlation = _correlation(current, grid, state.patterns, k, state.patches[k], limits.border, scratch)
    reason = _REASONS[outcome]
    if reason == _TRACKED and not correlation >= state.correlation_min[k]:
        reason = _LOW_CORRELATION
    return reason, correlation


@inner_kernel
def _copy_warp(warp, out):  # type: ignore[no-untyped-def]
    for i in range(3):
        for j in range(3):
            out[i, j] = warp[i, j]


@inner_kernel
def _shift_warp(warp, u, v, out):  # type: ignore[no-untyped-def]
    for j in range(3):
        out[0, j] = warp[0, j] + u * warp[2, j]
        out[1, j] = warp[1, j] + v * warp[2, j]
        out[2, j] = warp[2, j]


@inner_kernel
def _correlation(current, grid, patterns, k, patch, border, scratch):  # type: ignore[no-untyped-def]
    """Of softened patterns without their noise, over what lies on the frame, at the place that was tried last."""
    correlation = soft_correlation(grid, patterns.soft[k], patch, scratch.line, scratch.soft)
    bounds, edge = scratch.align.bounds, border - 0.5
    inside = bounds[0] >= edge and bounds[1] >= edge
    if not (inside and bounds[2] <= current.width - 1 - edge and bounds[3] <= current.height - 1 - edge):
        mask_outside(
            scratch.trial, grid.u, grid.v, grid.pixels, current.width, current.height, float(border), scratch.on_frame
        )
        correlation = masked_correlation(grid, patterns.soft[k], scratch.soft, scratch.on_frame)
    return without_noise(correlation, patterns.certain[k])


@inner_kernel
def _look_back(previous, coarse_before, coarse_now, grid, k, n, state, limits, scratch, window, moved):  # type: ignore[no-untyped-def]
    """Note the forward-backward distance and correlation of what was placed; returns the reason."""
    x_before, y_before = state.positions[k]
    x, y = moved.position[n]
    guess_u, guess_v = state.velocities[k]
    for levels in (_NEAR, _ALL):  # a second, wider look before a track is given up
        u, v = predict(coarse_now, coarse_before, x, y, -guess_u, -guess_v, levels, scratch.flow)
        distance, correlation = way_back(
            previous, grid, state.patches[k], scratch.before, scratch.start, x + u - x_before, y + v - y_before,
            scratch.pattern, scratch.trial, scratch.patch, window, scratch.align,
        )  # fmt: skip
        moved.forward_backward[n], moved.back_correlation[n] = distance, correlation
        if distance <= limits.distance:
            return _TRACKED
    return _FORWARD_BACKWARD


@inner_kernel
def _reason_to_doubt(current, grid, middle, k, position, deviation, state, limits, scratch, window):  # type: ignore[no-untyped-def]
    """The reason to lose a marker at the very border, or a pattern that noise moves too far or whose middle is off.

    In the last half pixel half of all markers are out of the picture. A middle that is lost says nothing.
    """
    if not is_amid_pixels(position[0], position[1], current, 0.0):
        return _OUT_OF_FRAME
    if deviation > limits.deviation and is_final(state.patterns, k, state.service[k]):
        return _UNCERTAIN
    if not (deviation > _UNSURE and limits.middle < np.inf):
        return _TRACKED
    distance = middle_distance(
        current, grid, middle, state.patterns, k, state.warps[k], scratch.middle_pattern, scratch.middle_patch,
        scratch.trial, window, scratch.align,
    )  # fmt: skip
    return _MIDDLE if distance > limits.middle else _TRACKED


@inner_kernel
def _squeezed(corners, earlier, limits):  # type: ignore[no-untyped-def]
    """Whether a pattern has changed its proportions too fast since ``earlier``, which becomes the present shape."""
    size = 4.0 * limits.half_size
    a = (corners[1, 0] - corners[0, 0] + corners[2, 0] - corners[3, 0]) / size
    c = (corners[1, 1] - corners[0, 1] + corners[2, 1] - corners[3, 1]) / size
    b = (corners[3, 0] - corners[0, 0] + corners[2, 0] - corners[1, 0]) / size
    d = (corners[3, 1] - corners[0, 1] + corners[2, 1] - corners[1, 1]) / size
    # Times the inverse of the earlier one, but for its size, which is not asked for.
    e, f, g, h = earlier[1, 1], -earlier[0, 1], -earlier[1, 0], earlier[0, 0]
    longer, shorter = _singular_values(a * e + b * g, a * f + b * h, c * e + d * g, c * f + d * h)
    earlier[0, 0], earlier[0, 1], earlier[1, 0], earlier[1, 1] = a, b, c, d
    return not longer <= limits.shape_change * shorter


@inner_kernel
def _singular_values(a, b, c, d):  # type: ignore[no-untyped-def]
    """Larger and smaller one of a 2 x 2 matrix, in closed form."""
    mean, spread = np.hypot(a + d, b - c) / 2, np.hypot(a - d, b + c) / 2
    return mean + spread, abs(mean - spread)


@inner_kernel
def _measure(k, n, state, residual, grid, half, moved):  # type: ignore[no-untyped-def]
    """Where the first marker and the first pattern's corners are, and how sure that is.

    The covariance is the variance of the noise, the pattern's and the frame's, times the solution matrix (the inverse
    Hessian within the motion model), carried to the marker's own place in the template, enlarged for the grain in the
    pattern's gradients and carried into the frame, plus that of the reference itself. Returns the largest standard
    deviation without the latter.
    """
    of_match = np.empty((2, 2))
    jacobian, enlarged, carried = np.empty((2, 2)), np.empty((2, 2)), np.empty((2, UNKNOWNS))
    lever = np.zeros((2, UNKNOWNS))
    warp, base, corners = state.warps[k], state.bases[k], moved.corners
    u, v = base[0, 2] / base[2, 2], base[1, 2] / base[2, 2]
    w = warp[2, 0] * u + warp[2, 1] * v + warp[2, 2]
    x = (warp[0, 0] * u + warp[0, 1] * v + warp[0, 2]) / w
    y = (warp[1, 0] * u + warp[1, 1] * v + warp[1, 2]) / w
    moved.position[n, 0], moved.position[n, 1] = x, y
    for j in range(2):
        jacobian[0, j] = (warp[0, j] - x * warp[2, j]) / w
        jacobian[1, j] = (warp[1, j] - y * warp[2, j]) / w
    for corner in range(4):
        a = half if corner == 1 or corner == 2 else -half
        b = half if corner >= 2 else -half
        s = base[2, 0] * a + base[2, 1] * b + base[2, 2]
        p = (base[0, 0] * a + base[0, 1] * b + base[0, 2]) / s
        q = (base[1, 0] * a + base[1, 1] * b + base[1, 2]) / s
        s = warp[2, 0] * p + warp[2, 1] * q + warp[2, 2]
        corners[n, corner, 0] = (warp[0, 0] * p + warp[0, 1] * q + warp[0, 2]) / s - x
        corners[n, corner, 1] = (warp[1, 0] * p + warp[1, 1] * q + warp[1, 2]) / s - y
    frames = state.patterns.frames[k]
    noise = noise_left(state.patterns.energy[k], residual, frames)
    noise /= max(1, grid.pixels - MODEL_SIZES[state.models[k]])
    enlarged_errors(grid, state.patterns, k, noise, enlarged)
    lever[0, 0] = lever[1, 1] = 1.0
    lever[0, 2] = lever[1, 4] = u
    lever[0, 3] = lever[1, 5] = v
    lever[0, 6], lever[1, 6] = u * u, u * v
    lever[0, 7], lever[1, 7] = u * v, v * v
    for i in range(2):
        for a in range(UNKNOWNS):
            left, right = lever[0, a], lever[1, a]
            along = enlarged[0, 0] * left + enlarged[0, 1] * right
            down = enlarged[1, 0] * left + enlarged[1, 1] * right
            carried[i, a] = jacobian[i, 0] * along + jacobian[i, 1] * down
    told = state.patterns.covariance[k, state.models[k]]
    for i in range(2):
        for j in range(2):
            total = 0.0
            for a in range(8):
                for b in range(8):
                    total += carried[i, a] * told[a, b] * carried[j, b]
            total *= noise * (1.0 + 1.0 / frames)
            of_match[i, j] = total
            for a in range(2):
                for b in range(2):
                    total += jacobian[i, a] * state.link_covariance[k, a, b] * jacobian[j, b] / grid.radius**2
            moved.covariance[n, i, j] = total
    return np.sqrt(max(0.0, eigenvalues(of_match[0, 0], of_match[0, 1], of_match[1, 1])[1]))
