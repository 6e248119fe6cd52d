"""A pattern for one search: made from a patch in template coordinates, may only be shifted, and is not kept."""

from __future__ import annotations

import numpy as np

from .compiler import inner_kernel, kernel
from .motion_models import UNKNOWNS
from .patterns import Patterns

ONLY = np.int64(0)  # the row of the one pattern; a plain 0 would be a type of its own to numba


@kernel
def pattern_room(grid):  # type: ignore[no-untyped-def]
    """Room for one such pattern."""
    m = grid.u.shape[0]
    return Patterns(
        np.zeros((1, m), np.float32), np.zeros((1, m), np.float32), np.zeros((1, m), np.float32), np.zeros(1),
        np.zeros(1), np.zeros((1, m), np.float32), np.ones(1), np.ones(1), np.zeros((1, 0), np.float32), np.zeros(1),
        np.zeros(1), np.zeros(1), np.zeros((1, 1, UNKNOWNS, UNKNOWNS)), np.zeros(1),
        np.zeros((1, 1, 0, 0)), np.zeros((1, 3)), np.zeros((1, 1)),
    )  # fmt: skip


@inner_kernel
def pattern_from_patch(patch, grid, into):  # type: ignore[no-untyped-def]
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
