"""What changes from frame to frame, in between: how fast it goes at each frame, and how much faster from then on.

Cubic splines, whose slopes at the frames come from one tridiagonal system (de Boor 1978, chapter 4); at both ends the
slope is that of the polynomial through the nearest four values.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_ONE_SIDED = {2: (-1.0, 1.0), 3: (-3 / 2, 2.0, -1 / 2), 4: (-11 / 6, 3.0, -3 / 2, 1 / 3)}
"""The slope at the first of so many values, one apart, of the polynomial through them."""


def slopes_and_bends(values: FloatArray, known: BoolArray) -> tuple[FloatArray, FloatArray]:
    """First and second derivatives, a frame, of what is known of frames in a row.

    Parameters
    ----------
    values : (f, k)
    known : (f,)
        Which frames have values; each run of them is taken by itself.

    Returns
    -------
    (f, k), (f, k) float64
        0 where a frame stands alone, NaN where nothing is known.
    """
    slope, bend = np.full_like(values, np.nan), np.full_like(values, np.nan)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]])))
    for start, end in edges.reshape(-1, 2):
        slope[start:end] = _slopes(values[start:end])
        bend[start:end] = _bends(values[start:end], slope[start:end])
    return slope, bend


def velocity(positions: FloatArray) -> FloatArray:
    """(n, f, k) How far n tracks (n, f, k) go in a frame, from the markers before and after; NaN: neither is known."""
    steps = np.full((positions.shape[0], positions.shape[1] + 1, positions.shape[2]), np.nan)
    steps[:, 1:-1] = np.diff(positions, axis=1)
    before, after = steps[:, :-1], steps[:, 1:]
    no_before, no_after = np.isnan(before), np.isnan(after)
    return np.where(no_before, after, np.where(no_after, before, (before + after) / 2))


def _slopes(values: FloatArray) -> FloatArray:
    count = len(values)
    if count == 1:
        return np.zeros_like(values)
    near = np.array(_ONE_SIDED[min(count, 4)])
    slopes = np.empty_like(values)
    slopes[0], slopes[-1] = near @ values[: len(near)], -near @ values[::-1][: len(near)]
    # m[i-1] + 4 m[i] + m[i+1] = 3 (v[i+1] - v[i-1]), eliminated downwards and put in upwards
    right = 3 * (values[2:] - values[:-2])
    factor = np.zeros(count)
    for i in range(1, count - 1):
        pivot = 4 - factor[i - 1]
        factor[i] = 1 / pivot
        slopes[i] = (right[i - 1] - slopes[i - 1]) / pivot
    for i in range(count - 2, 0, -1):
        slopes[i] -= factor[i] * slopes[i + 1]
    return slopes


def _bends(values: FloatArray, slopes: FloatArray) -> FloatArray:
    if len(values) == 1:
        return np.zeros_like(values)
    ahead = 6 * np.diff(values, axis=0) - 4 * slopes[:-1] - 2 * slopes[1:]
    last = 2 * slopes[-2] + 4 * slopes[-1] - 6 * (values[-1] - values[-2])
    return np.concatenate([ahead, last[None]])
