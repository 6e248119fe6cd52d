"""Would the marker come back? What the tracker found in a frame is followed back to the previous one.

The way back shares nothing with the way there but the two frames: its pattern is what the current frame shows under
the marker, its first guess is the coarse search run backwards. The previous frame is read through the warp that the
marker had there, so a turning or growing pattern does not by itself cost a distance.
Source: Kalal, Mikolajczyk & Matas 2010, "Forward-backward error".
"""

from __future__ import annotations

import numpy as np

from .alignment import CONVERGED, FIGURES, PIECE, PatternGrid, Patterns, align_one
from .compiler import kernel
from .flow import predict_positions
from .motion_models import UNKNOWNS
from .pyramid import Pyramid
from .sampling import sample_scratch
from .threads import spread


def forward_backward(
    previous: Pyramid,
    current: Pyramid,
    grid: PatternGrid,
    rows: np.ndarray,
    patches: np.ndarray,
    previous_warps: np.ndarray,
    previous_positions: np.ndarray,
    positions: np.ndarray,
    guess: np.ndarray,
    *,
    levels: int = 3,
    most_steps: int = 8,
    tolerance: float = 0.1,
) -> tuple[np.ndarray, np.ndarray]:
    """Distance between where each marker was and where the way back ends.

    Parameters
    ----------
    previous, current : Pyramid
        The two frames.
    grid : PatternGrid
    rows : int64 (k,)
        Tracks, as rows of the arrays with n rows.
    patches : float32 (n, m)
        What the current frame shows under each pattern (from :func:`.alignment.align`).
    previous_warps : float64 (k, 3, 3)
        Where each pattern was in ``previous``.
    previous_positions, positions, guess : float64 (k, 2)
        Marker in ``previous`` and in ``current``, and the displacement that was expected before looking; pixels.
    levels
        As in :func:`.flow.predict_positions`.
    most_steps, tolerance
        As in :func:`.alignment.align`; coarser, for the error left is a tenth of the last step.

    Returns
    -------
    distance : float64 (k,)
        Pixels of the previous frame; infinite where the way back is lost.
    correlation : float64 (k,)
        ZNCC between the two frames' patterns.
    """
    back = predict_positions(current, previous, positions, -guess, levels=levels)
    offsets = positions + back - previous_positions
    distance, correlation = np.full(len(rows), np.inf), np.zeros(len(rows))
    arguments = (
        previous.full, grid, rows, patches, previous_warps, offsets, distance, correlation, most_steps, tolerance
    )  # fmt: skip
    spread(lambda first, last: _follow_some(first, last, *arguments), len(rows), PIECE)
    return distance, correlation


@kernel
def _pattern_from_patch(patch, grid, into):  # type: ignore[no-untyped-def]
    """Turn a patch in template coordinates into pattern 0 of ``into``, with the solution for translation only."""
    size = 2 * int(grid.radius) + 1
    count = grid.pixels
    total = np.float32(0)
    for k in range(count):
        total += patch[k]
    mean = total / np.float32(count)
    values, slope_u, slope_v = into.values[0], into.slope_u[0], into.slope_v[0]
    energy = np.float32(0)
    for k in range(count):
        value = patch[k] - mean
        values[k] = value
        energy += value * value
    into.mean[0], into.energy[0] = mean, energy
    half = np.float32(0.5 * grid.radius)
    for j in range(1, size - 1):  # the outermost pixels keep slope 0: they have no neighbours
        above, middle, below = values[(j - 1) * size :], values[j * size :], values[(j + 1) * size :]
        target_u, target_v = slope_u[j * size :], slope_v[j * size :]
        for i in range(1, size - 1):
            target_u[i] = half * (middle[i + 1] - middle[i - 1])
            target_v[i] = half * (below[i] - above[i])
    return _translation_solution(values, slope_u, slope_v, energy, count, into.solution[0, 0])


@kernel
def _translation_solution(values, slope_u, slope_v, energy, count, out):  # type: ignore[no-untyped-def]
    """The motion model Loc's solution matrix in closed form, gain and bias eliminated."""
    uu = uv = vv = ut = vt = su = sv = np.float32(0)
    for k in range(values.shape[0]):
        p, q, t = slope_u[k], slope_v[k], values[k]
        uu += p * p
        uv += p * q
        vv += q * q
        ut += p * t
        vt += q * t
        su += p
        sv += q
    if not energy > 0.0:
        return False
    a = uu - ut * ut / energy - su * su / count
    b = uv - ut * vt / energy - su * sv / count
    c = vv - vt * vt / energy - sv * sv / count
    determinant = a * c - b * b
    if not determinant > 1e-5 * (a + c) * (a + c):
        return False
    out[0, 0], out[0, 1], out[1, 0], out[1, 1] = c / determinant, -b / determinant, -b / determinant, a / determinant
    for row in range(2):
        out[row, 8] = -(out[row, 0] * ut + out[row, 1] * vt) / energy
        out[row, 9] = -(out[row, 0] * su + out[row, 1] * sv) / count
    return True


@kernel
def _follow_some(first, last, frame, grid, rows, patches, warps, offsets, distance, correlation, most_steps, tolerance):  # type: ignore[no-untyped-def]
    m = grid.u.shape[0]
    scratch = sample_scratch(m)
    pattern = Patterns(
        np.zeros((1, m), np.float32), np.zeros((1, m), np.float32), np.zeros((1, m), np.float32),
        np.zeros(1), np.zeros(1), np.zeros((1, 1, UNKNOWNS, UNKNOWNS)),
    )  # fmt: skip
    sums, step, figures = np.empty(UNKNOWNS), np.empty(UNKNOWNS), np.empty(FIGURES)
    patch, warp = np.empty(m, np.float32), np.empty((3, 3))
    for n in range(first, last):
        k = rows[n]
        if not _pattern_from_patch(patches[k], grid, pattern):
            continue
        for j in range(3):
            warp[0, j] = warps[n, 0, j] + offsets[n, 0] * warps[n, 2, j]
            warp[1, j] = warps[n, 1, j] + offsets[n, 1] * warps[n, 2, j]
            warp[2, j] = warps[n, 2, j]
        outcome = align_one(
            frame, grid, pattern, np.int64(0), pattern.solution[0, 0], warp, scratch, patch, sums, step, figures,
            most_steps, tolerance,
        )  # fmt: skip
        if outcome == CONVERGED:
            dx, dy = warp[0, 2] - warps[n, 0, 2], warp[1, 2] - warps[n, 1, 2]
            distance[n] = np.sqrt(dx * dx + dy * dy)
            correlation[n] = figures[0]
