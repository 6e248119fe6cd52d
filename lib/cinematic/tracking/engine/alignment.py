"""Align a reference pattern with a frame: inverse composition, six motion models, gain and bias.

The pattern keeps its own pixels (it is cut at whole pixels, so it is not interpolated); the frame is read through a
cubic B-spline where the warp says. One step multiplies ten inner products of the residual by one 10 x 10 matrix (see
:mod:`.motion_models`); gain and bias of the light are among the unknowns, so they need no state of their own.
What it finds is the likeliest: a pattern's shape is near to what it was, so that what grain alone would tell stays as
it was (``stiffness``), and what texture tells is followed.
Sources: Baker & Matthews 2004 (inverse compositional), Bartoli 2008 (with photometric unknowns).

Template coordinates ``(u, v)`` run from -1 to 1 between the centres of the pattern's outermost pixels. A warp is a
float64 (3, 3) homography from them to image pixels, its last entry 1.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compiler import inner_kernel, kernel
from .lanes import borrowed, hold
from .motion_models import CONTAINS, MODEL_SIZES, SHAPE, UNKNOWNS, compose_step
from .patterns import MODELS, PatternGrid, Patterns
from .pyramid import Pyramid
from .sampling import SampleScratch, fill_window, sample_scratch, sample_warped, spline_window
from .threads import next_piece, spread

_PIECE = 16  # tracks per piece of work

# A richer motion model must pay for each of its unknowns with a drop of the residual of this many noise variances.
# BIC's log(441) = 6. On development plates 4, 6, 8 differ little once faint gains are summed up over the frames.
_UNKNOWN_PRICE = 6.0
_NOISE_GAIN = 2.0  # of these, for each unknown and frame, pass for noise, whose mean is 1; what is more is summed up
_TILT_PRICE = 24.0  # the same for the two unknowns of perspective: a small pattern fixes them badly, and then diverges

# Outcomes of one alignment.
CONVERGED, OUTSIDE, FLAT, DIVERGED = 0, 1, 2, 3
_PARTLY = 4  # not an outcome: the pattern reaches over the frame's border

_LEAST_INSIDE = 0.5  # share of a pattern's pixels that must lie on the frame
_READABLE = 13.0  # pixels beyond the border that a pattern's corners may lie
# Steps shrink by a constant factor, so two of them say what is still to come; when that is less than this share of the
# tolerance there is no need to take the next step to see that it is small.
_STILL_TO_COME = 0.1

# Columns of ``figures``.
CORRELATION, GAIN, RESIDUAL, LAST_STEP, STEPS = range(5)
FIGURES = 5


class Search(NamedTuple):
    """How long to look. One value of one type: a number alone, written down, would be a type of its own to numba."""

    most_steps: int  # an alignment that still moves after these has diverged
    tolerance: float  # pixels; smaller steps end the search (the error left is a fraction of the last step)


SEARCH = Search(20, 0.02)


def align(
    frame: Pyramid,
    grid: PatternGrid,
    patterns: Patterns,
    rows: np.ndarray,
    models: np.ndarray,
    adaptive: np.ndarray,
    warps: np.ndarray,
    patches: np.ndarray,
    search: Search = SEARCH,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the patterns ``rows`` (k,) to a frame, from the warps given.

    Parameters
    ----------
    frame, grid, patterns
        The frame; the patterns' grid and the patterns of all n tracks.
    rows : int64 (k,)
        Which tracks.
    models, adaptive : int64 (n,), bool (n,)
        Motion model of each track (index into MODEL_BASES), and whether it may grow richer here.
    warps : float64 (n, 3, 3)
        First guess in, result out, for the tracks in ``rows``.
    patches : float32 (n, m)
        Out: the frame's luminance under the pattern, in template coordinates, as of the last step.
    search : Search
        When to stop.

    Returns
    -------
    outcome : int64 (k,)
        CONVERGED, OUTSIDE (of the frame), FLAT (no contrast, or NaN) or DIVERGED.
    figures : float64 (k, 5)
        ZNCC, gain, residual sum of squares (gain and bias taken out, in the pattern's luminance), last step in
        pixels, number of steps.
    """
    outcome = np.zeros(len(rows), np.int64)
    figures = np.zeros((len(rows), FIGURES))
    arguments = (
        frame.full, grid, patterns, rows, models, adaptive, warps, patches, figures, outcome, search,
    )  # fmt: skip
    spread(_align, len(rows), _PIECE, *arguments)
    return outcome, figures


@inner_kernel
def _check_warp(warp, width, height, bounds):  # type: ignore[no-untyped-def]
    """Whether the pattern lies on the frame: CONVERGED, _PARTLY, OUTSIDE; DIVERGED where it is folded over.

    ``bounds`` becomes the left, top, right and bottom of what it covers. The frame reaches half a pixel beyond the
    centres of its outermost pixels. Partly on it is a pattern whose marker is on it, and whose corners are not further
    off than can be read.
    """
    result = CONVERGED
    if not _on_frame(warp[0, 2], warp[1, 2], width, height, 0.0):
        return OUTSIDE
    bounds[0] = bounds[2] = warp[0, 2]
    bounds[1] = bounds[3] = warp[1, 2]
    for corner in range(4):
        u = 1.0 if corner % 2 == 1 else -1.0
        v = 1.0 if corner // 2 == 1 else -1.0
        w = warp[2, 0] * u + warp[2, 1] * v + 1.0
        if w <= 0.1:
            return DIVERGED
        x = (warp[0, 0] * u + warp[0, 1] * v + warp[0, 2]) / w
        y = (warp[1, 0] * u + warp[1, 1] * v + warp[1, 2]) / w
        if not _on_frame(x, y, width, height, _READABLE):
            return OUTSIDE
        if not _on_frame(x, y, width, height, 0.0):
            result = _PARTLY
        bounds[0], bounds[1] = min(bounds[0], x), min(bounds[1], y)
        bounds[2], bounds[3] = max(bounds[2], x), max(bounds[3], y)
    return result


@inner_kernel
def _on_frame(x, y, width, height, beyond):  # type: ignore[no-untyped-def]
    edge = 0.5 + beyond
    return x >= -edge and y >= -edge and x <= width - 1 + edge and y <= height - 1 + edge


@inner_kernel
def mask_outside(warp, grid_u, grid_v, count, width, height, border, mask):  # type: ignore[no-untyped-def]
    """Mark those of ``count`` grid points that lie on the frame, ``border`` pixels from its edge; returns how many."""
    found = 0
    for k in range(count):
        w = warp[2, 0] * grid_u[k] + warp[2, 1] * grid_v[k] + 1.0
        x = (warp[0, 0] * grid_u[k] + warp[0, 1] * grid_v[k] + warp[0, 2]) / w
        y = (warp[1, 0] * grid_u[k] + warp[1, 1] * grid_v[k] + warp[1, 2]) / w
        mask[k] = _on_frame(x, y, width, height, -border)
        found += mask[k]
    return found


@inner_kernel
def _area(warp):  # type: ignore[no-untyped-def]
    """Magnification of areas at the pattern's centre."""
    a, b = warp[0, 0] - warp[0, 2] * warp[2, 0], warp[0, 1] - warp[0, 2] * warp[2, 1]
    c, d = warp[1, 0] - warp[1, 2] * warp[2, 0], warp[1, 1] - warp[1, 2] * warp[2, 1]
    return a * d - b * c


@inner_kernel
def _project_residual(patch, mean, values, slope_u, slope_v, u, v, sums):  # type: ignore[no-untyped-def]
    """Ten inner products of the residual with the steepest-descent images; returns its sum of squares."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = s8 = s9 = squares = np.float32(0)
    middle = np.float32(mean)
    for k in range(values.shape[0]):
        e = patch[k] - middle - values[k]
        p, q = slope_u[k] * e, slope_v[k] * e
        z = p * u[k] + q * v[k]
        s0 += p
        s1 += q
        s2 += p * u[k]
        s3 += p * v[k]
        s4 += q * u[k]
        s5 += q * v[k]
        s6 += z * u[k]
        s7 += z * v[k]
        s8 += values[k] * e
        s9 += e
        squares += e * e
    sums[0], sums[1], sums[2], sums[3], sums[4] = s0, s1, s2, s3, s4
    sums[5], sums[6], sums[7], sums[8], sums[9] = s5, s6, s7, s8, s9
    return squares


class Room(NamedTuple):
    """Room that one thread needs to align a pattern, and what the last alignment said."""

    samples: SampleScratch
    sums: np.ndarray  # float64 (10,) inner products of the residual, as of the last step
    step: np.ndarray  # float64 (10,) the last step
    reshaped: np.ndarray  # float64 (10,) the sum of all steps that change the pattern's shape
    bounds: np.ndarray  # float64 (4,)
    figures: np.ndarray  # float64 (5,)


@kernel
def room_for(grid):  # type: ignore[no-untyped-def]
    """Room to align patterns of one size."""
    scratch = sample_scratch(grid.u.shape[0])
    sums, step, reshaped = np.empty(UNKNOWNS), np.empty(UNKNOWNS), np.empty(UNKNOWNS)
    return Room(scratch, sums, step, reshaped, np.empty(4), np.empty(FIGURES))


@inner_kernel
def window_for(warps, rows, first, last):  # type: ignore[no-untyped-def]
    """Room for the piece of a frame that the largest of these patterns needs, also when it is twice as large."""
    side = 0.0
    for n in range(first, last):
        warp = warps[rows[n]]
        for axis in range(2):
            reach = abs(warp[axis, 0] - warp[axis, 2] * warp[2, 0]) + abs(warp[axis, 1] - warp[axis, 2] * warp[2, 1])
            tilt = max(0.5, 1.0 - abs(warp[2, 0]) - abs(warp[2, 1]))
            side = max(side, 2.0 * reach / tilt)
    return spline_window(min(2.0 * side, 4096.0))


@inner_kernel
def align_one(frame, grid, patterns, k, solution, warp, patch, window, room, search):  # type: ignore[no-untyped-def]
    """Move ``warp`` until pattern ``k`` fits; fills ``patch`` and ``room``, returns the outcome."""
    radius, count = grid.radius, grid.pixels
    mean, energy = patterns.mean[k], patterns.energy[k]
    sums, step, figures = room.sums, room.step, room.figures
    for a in range(FIGURES):
        figures[a] = 0.0
    for a in range(4):
        room.bounds[a] = 0.0
    if not energy > 1e-9 * count:  # less contrast than 3e-5 of white
        return FLAT
    move = 0.0
    change = 0.0
    inside = count
    start_x, start_y, start_area = warp[0, 2], warp[1, 2], _area(warp)
    stiffness, reshaped = patterns.stiffness[k], room.reshaped
    for a in SHAPE:
        reshaped[a] = 0.0
    tolerance = search.tolerance
    for iteration in range(search.most_steps):
        astray = abs(warp[0, 2] - start_x) > 2.0 * radius or abs(warp[1, 2] - start_y) > 2.0 * radius
        area = _area(warp)
        if astray or area > 4.0 * start_area or area < 0.25 * start_area:
            return DIVERGED
        check = _check_warp(warp, frame.width, frame.height, room.bounds)
        if check in (OUTSIDE, DIVERGED):
            return check
        if not fill_window(frame, room.bounds, window):
            return DIVERGED
        sample_warped(window, warp, grid.u, grid.v, room.samples, patch)
        if check == _PARTLY:
            # What lies off the frame is taken to be as the reference has it: no residual, no say in the fit. The
            # steps are then too short by its share, and lead to the same place.
            mask = np.empty(count, np.bool_)
            inside = mask_outside(warp, grid.u, grid.v, count, frame.width, frame.height, 0.0, mask)
            if inside < _LEAST_INSIDE * count:
                return OUTSIDE
            for i in range(count):
                if not mask[i]:
                    patch[i] = np.float32(mean) + patterns.values[k, i]
        for i in range(count, patch.shape[0]):
            patch[i] = np.float32(mean)
        squares = _project_residual(
            patch, mean, patterns.values[k], patterns.slope_u[k], patterns.slope_v[k], grid.u, grid.v, sums
        )
        # Centred moments of the patch, from those of the residual (which is small, so that nothing cancels).
        patch_energy = energy + 2.0 * sums[8] + squares - sums[9] * sums[9] / count
        if not (patch_energy > 1e-6 * energy and patch_energy < 1e6 * energy):
            return FLAT
        product = energy + sums[8]
        gain = np.sqrt(patch_energy / energy)
        figures[CORRELATION] = product / np.sqrt(energy * patch_energy)
        figures[GAIN] = gain
        figures[RESIDUAL] = (patch_energy - product * product / energy) / (gain * gain)
        if check == _PARTLY:  # fewer pixels: more noise a pixel, and less that they fix
            figures[RESIDUAL] *= (count / inside) ** 2
        figures[STEPS] = iteration + 1
        for a in SHAPE:
            sums[a] -= gain * stiffness * reshaped[a]
        for a in range(UNKNOWNS - 2):  # gain and bias are known better from the moments
            total = 0.0
            for b in range(UNKNOWNS):
                total += solution[a, b] * sums[b]
            step[a] = total / gain
        move = radius * np.sqrt(step[0] * step[0] + step[1] * step[1])
        bend = abs(step[2]) + abs(step[3]) + abs(step[4]) + abs(step[5]) + abs(step[6]) + abs(step[7])
        figures[LAST_STEP] = move
        if not (move < radius and bend < 1.0):
            return DIVERGED
        compose_step(warp, step)
        for a in SHAPE:
            reshaped[a] += step[a]
        before, change = change, max(move, radius * bend / 3.0)
        if change < tolerance or change * change < _STILL_TO_COME * tolerance * (before - change):
            return CONVERGED
    return CONVERGED if move < 10.0 * tolerance else DIVERGED


@inner_kernel
def _explaining_model(solutions, evidence, model, sums, figures, worth, count):  # type: ignore[no-untyped-def]
    """The motion model that explains the residual most cheaply, among those that contain ``model``.

    A score test: with ``s`` the ten sums at the fit of ``model``, a richer model would lower the residual by
    ``s' S s`` (S its solution matrix), so no richer model need be fitted to be judged. What one frame shows too faintly
    many may show: gains beyond what noise brings are summed up (Page 1954, CUSUM).
    """
    quadratic = np.zeros(MODELS)
    richest = model
    for candidate in range(MODELS):
        if CONTAINS[model, candidate] and solutions[candidate, 0, 0] > 0.0:
            total = 0.0
            for a in range(UNKNOWNS):
                for b in range(UNKNOWNS):
                    total += sums[a] * solutions[candidate, a, b] * sums[b]
            quadratic[candidate] = total / (figures[GAIN] * figures[GAIN])
            richest = candidate
    residual = figures[RESIDUAL] - (quadratic[richest] - quadratic[model])
    noise = residual / (count - MODEL_SIZES[richest])
    best, best_cost = model, 0.0
    for candidate in range(MODELS):
        if candidate != model and quadratic[candidate] > 0.0:
            more = MODEL_SIZES[candidate] - MODEL_SIZES[model]
            price = _UNKNOWN_PRICE * more
            if candidate == MODELS - 1:
                price += 2.0 * (_TILT_PRICE - _UNKNOWN_PRICE)
            gain = worth * (quadratic[candidate] - quadratic[model]) / noise
            evidence[candidate] = max(0.0, evidence[candidate] + gain - _NOISE_GAIN * more)
            cost = price - max(gain, evidence[candidate])
            if cost < best_cost:
                best, best_cost = candidate, cost
    if best != model:
        for candidate in range(MODELS):
            evidence[candidate] = 0.0
    return best


@inner_kernel
def align_track(frame, grid, patterns, k, models, adaptive, warp, patch, window, room, search):  # type: ignore[no-untyped-def]
    """:func:`align_one` of track ``k``, and again with a richer model where one explains more and the track may."""
    result = FLAT
    for _ in range(MODELS):
        solution = patterns.solution[k, models[k]]
        if not solution[0, 0] > 0.0:  # the pattern cannot tell this model's motions apart
            return FLAT
        result = align_one(frame, grid, patterns, k, solution, warp, patch, window, room, search)
        if not adaptive[k] or result != CONVERGED:
            break
        richer = _explaining_model(
            patterns.solution[k],
            patterns.evidence[k],
            models[k],
            room.sums,
            room.figures,
            patterns.worth[k],
            grid.pixels,
        )
        if richer == models[k]:
            break
        models[k] = richer
    return result


@kernel
def _align(  # type: ignore[no-untyped-def]
    tickets, frame, grid, patterns, rows, models, adaptive, warps, patches, figures, outcome, search
):
    frame, grid, patterns, warps, patches = borrowed((frame, grid, patterns, warps, patches))
    own = room_for(grid)
    room = borrowed(own)
    first, last = next_piece(tickets)
    while first < last:
        own_window = window_for(warps, rows, first, last)
        window = borrowed(own_window)
        for n in range(first, last):
            k = rows[n]
            window.place[2] = 0
            outcome[n] = align_track(
                frame, grid, patterns, k, models, adaptive, warps[k], patches[k], window, room, search
            )
            for a in range(FIGURES):
                figures[n, a] = room.figures[a]
        hold(own_window)
        first, last = next_piece(tickets)
    hold(own)
