"""Would the marker come back? What the tracker found in a frame is followed back to the previous one.

The way back shares nothing with the way there but the two frames: its pattern is what the current frame shows under
the marker, its first guess is the coarse search run backwards. The previous frame is seen through the warp that the
marker had there, so a turning or growing pattern does not by itself cost a distance.

Where the coarse search comes home within a pixel, the place that was left is near enough to where the way back ends
for one step from it to say where: what the previous frame shows there is known, so nothing need be read. Only where the
search ends elsewhere, or that step is long, is the pattern aligned from where the search ended.
Source: Kalal, Mikolajczyk & Matas 2010, "Forward-backward error".
"""

from __future__ import annotations

import numpy as np

from .alignment import CONVERGED, CORRELATION, Patterns, Search, align_one
from .compiler import inner_kernel, kernel
from .motion_models import UNKNOWNS

_SEARCH = Search(8, 0.1)  # coarser than on the way there, the error left is a tenth of that
_ONLY = np.int64(0)  # the row of the one pattern; a plain 0 would be a type of its own to numba
_HOME = 1.0  # pixels from where it was within which the coarse search must end for one step to do
_SHORT_STEP = 0.3  # pixels; a longer one is not the last


@kernel
def pattern_room(grid):  # type: ignore[no-untyped-def]
    """Room for the one pattern of a way back."""
    m = grid.u.shape[0]
    return Patterns(
        np.zeros((1, m), np.float32), np.zeros((1, m), np.float32), np.zeros((1, m), np.float32), np.zeros(1),
        np.zeros(1), np.zeros((1, m), np.float32), np.ones(1), np.zeros((1, 1, UNKNOWNS, UNKNOWNS)), np.zeros((1, 1)),
    )  # fmt: skip


@kernel
def way_back(  # type: ignore[no-untyped-def]
    previous, grid, patch, patch_before, warp_before, offset_x, offset_y, pattern, warp, aligned, window, room
):
    """Distance between where a marker was and where the way back ends.

    Parameters
    ----------
    previous : Level
        The previous frame at full size.
    grid : PatternGrid
    patch, patch_before : float32 (m,)
        What the current frame shows under the pattern, and what the previous one did.
    warp_before : float64 (3, 3)
        Where the pattern was in the previous frame.
    offset_x, offset_y : float
        How far from there the coarse search ended; pixels.
    pattern, warp, aligned, window, room
        Room: of :func:`pattern_room`, float64 (3, 3), float32 (m,), and as for :func:`.alignment.align_one`.

    Returns
    -------
    distance, correlation
        Pixels of the previous frame, infinite where the way back is lost; ZNCC between the two frames' patterns.
    """
    if not _pattern_from_patch(patch, grid, pattern):
        return np.inf, 0.0
    if offset_x * offset_x + offset_y * offset_y < _HOME * _HOME:
        distance, correlation = _one_step(grid, pattern, patch_before, warp_before)
        if distance < _SHORT_STEP:
            return distance, correlation
    for j in range(3):
        warp[0, j] = warp_before[0, j] + offset_x * warp_before[2, j]
        warp[1, j] = warp_before[1, j] + offset_y * warp_before[2, j]
        warp[2, j] = warp_before[2, j]
    outcome = align_one(previous, grid, pattern, _ONLY, pattern.solution[0, 0], warp, aligned, window, room, _SEARCH)
    if outcome != CONVERGED:
        return np.inf, 0.0
    dx, dy = warp[0, 2] - warp_before[0, 2], warp[1, 2] - warp_before[1, 2]
    return np.sqrt(dx * dx + dy * dy), room.figures[CORRELATION]


@inner_kernel
def _one_step(grid, pattern, patch_before, warp_before):  # type: ignore[no-untyped-def]
    """Length (pixels) of alignment's first step from where the marker was, and the correlation there."""
    values, slope_u, slope_v = pattern.values[0], pattern.slope_u[0], pattern.slope_v[0]
    mean, energy, solution = np.float32(pattern.mean[0]), pattern.energy[0], pattern.solution[0, 0]
    along_u = along_v = along_values = total = squares = np.float32(0)
    for k in range(grid.pixels):
        e = patch_before[k] - mean - values[k]
        along_u += slope_u[k] * e
        along_v += slope_v[k] * e
        along_values += values[k] * e
        total += e
        squares += e * e
    product = energy + along_values
    energy_before = energy + 2.0 * along_values + squares - total * total / grid.pixels
    if not (product > 0.0 and energy_before > 0.0):
        return np.inf, 0.0
    gain = np.sqrt(energy_before / energy)
    u = solution[0, 0] * along_u + solution[0, 1] * along_v
    u = (u + solution[0, 8] * along_values + solution[0, 9] * total) / gain
    v = solution[1, 0] * along_u + solution[1, 1] * along_v
    v = (v + solution[1, 8] * along_values + solution[1, 9] * total) / gain
    dx = (warp_before[0, 0] - warp_before[0, 2] * warp_before[2, 0]) * u
    dx += (warp_before[0, 1] - warp_before[0, 2] * warp_before[2, 1]) * v
    dy = (warp_before[1, 0] - warp_before[1, 2] * warp_before[2, 0]) * u
    dy += (warp_before[1, 1] - warp_before[1, 2] * warp_before[2, 1]) * v
    return np.sqrt(dx * dx + dy * dy), product / np.sqrt(energy * energy_before)


@inner_kernel
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
    for k in range(count, values.shape[0]):
        values[k] = np.float32(0)
    half = np.float32(0.5 * grid.radius)
    for j in range(1, size - 1):  # the outermost pixels keep slope 0: they have no neighbours
        above, middle, below = values[(j - 1) * size :], values[j * size :], values[(j + 1) * size :]
        target_u, target_v = slope_u[j * size :], slope_v[j * size :]
        for i in range(1, size - 1):
            target_u[i] = half * (middle[i + 1] - middle[i - 1])
            target_v[i] = half * (below[i] - above[i])
    return _translation_solution(values, slope_u, slope_v, energy, count, into.solution[0, 0])


@inner_kernel
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
