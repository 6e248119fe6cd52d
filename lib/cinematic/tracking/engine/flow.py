"""Where did the pattern go? A coarse-to-fine translation search between two frames (pyramidal KLT).

Only a first guess for :mod:`.alignment`, good to a tenth of a pixel: up to three levels (1/8, 1/4, 1/2), at each a
16 x 16 window, so that its rows fill one vector register. Full size is left to the alignment. Without any guess of
the motion, three levels find some 40 pixels and two some 20.
Sources: Lucas & Kanade 1981; Bouguet 2000, "Pyramidal implementation of the Lucas Kanade feature tracker".
"""

from __future__ import annotations

import numpy as np

from ..errors import ParameterError
from .compiler import kernel
from .pyramid import PAD, Pyramid
from .threads import spread

_PIECE = 128  # tracks per piece of work
_WINDOW = 16  # pixels; a compile-time constant, so that LLVM unrolls the rows
_READ = 24  # columns read for the 18 that are needed: whole registers; the surplus lies in the padding or the next row
_SLACK = 3.0  # a window's centre may leave the level by this many pixels: it then reads the padding
_STEPS = 8
_SMALL_STEP = 0.03  # pixels of the level


def predict_positions(
    previous: Pyramid, current: Pyramid, positions: np.ndarray, guess: np.ndarray, *, levels: int = 3
) -> np.ndarray:
    """Displacement of each position from one frame to another, to a fraction of a pixel.

    Parameters
    ----------
    previous, current : Pyramid
        Two frames of the same size.
    positions : float64 (n, 2)
        Pixels ``(x, y)`` in ``previous``.
    guess : float64 (n, 2)
        First guess of the displacement, pixels (constant velocity, or zero).
    levels : int
        3: begin at an eighth of full size; 2: at a quarter, which does where the guess is good.

    Returns
    -------
    float64 (n, 2)
        Displacements in pixels; the guess where no level has contrast.
    """
    if (previous.width, previous.height) != (current.width, current.height):
        raise ParameterError(
            f"expected two frames of one size, got {previous.width}x{previous.height} "
            f"and {current.width}x{current.height}"
        )
    if positions.ndim != 2 or positions.shape[1:] != (2,) or guess.shape != positions.shape:
        raise ParameterError(f"expected positions and guess of shape (n, 2), got {positions.shape} and {guess.shape}")
    result = np.array(guess, np.float64)
    arguments = (*previous.coarse, *current.coarse, np.ascontiguousarray(positions, np.float64), result, levels == 3)
    spread(lambda first, last: _predict_some(first, last, *arguments), len(result), _PIECE)
    return result


@kernel
def _predict_some(first, last, half0, quarter0, eighth0, half1, quarter1, eighth1, positions, displacement, wide):  # type: ignore[no-untyped-def]
    window = np.empty((_WINDOW + 2, _READ), np.float32)
    pattern = np.empty((3, _WINDOW, _WINDOW), np.float32)
    for k in range(first, last):
        if wide:
            _search_level(eighth0, eighth1, 0.125, positions[k], displacement[k], window, pattern)
        _search_level(quarter0, quarter1, 0.25, positions[k], displacement[k], window, pattern)
        _search_level(half0, half1, 0.5, positions[k], displacement[k], window, pattern)


@kernel
def _centre_inside(x, y, level):  # type: ignore[no-untyped-def]
    """False also for NaN."""
    inside_x = x >= -_SLACK and x <= level.width - 1 + _SLACK
    return inside_x and y >= -_SLACK and y <= level.height - 1 + _SLACK


@kernel
def _search_level(before, after, scale, position, displacement, window, pattern):  # type: ignore[no-untyped-def]
    """Refine ``displacement`` (full-size pixels) at one level; leave it as it is where that fails."""
    x, y = position[0] * scale, position[1] * scale
    u, v = displacement[0] * scale, displacement[1] * scale
    if before.width < _WINDOW or before.height < _WINDOW or not _centre_inside(x, y, before):
        return
    _read_window(before, x - 8.5, y - 8.5, window)
    xx, xy, yy, mean_x, mean_y = _window_gradients(window, pattern)
    determinant = xx * yy - xy * xy
    if not determinant > 1e-4 * (xx + yy) * (xx + yy) or not xx + yy > 1e-6:
        return
    most = float(_WINDOW)
    for _ in range(_STEPS):
        if not (_centre_inside(x + u, y + v, after) and abs(u - displacement[0] * scale) < most):
            return
        a, b = _window_residual(after, x + u - 7.5, y + v - 7.5, pattern, mean_x, mean_y)
        du = (yy * a - xy * b) / determinant
        dv = (xx * b - xy * a) / determinant
        u -= du
        v -= dv
        if du * du + dv * dv < _SMALL_STEP * _SMALL_STEP:
            break
    moved_u, moved_v = u - displacement[0] * scale, v - displacement[1] * scale
    if moved_u * moved_u + moved_v * moved_v < most * most:  # false for NaN
        displacement[0], displacement[1] = u / scale, v / scale


@kernel
def _read_window(level, left, top, window):  # type: ignore[no-untyped-def]
    """Bilinear window of 18 rows (the pattern and one pixel around it for its gradients)."""
    column, row = int(np.floor(left)), int(np.floor(top))
    fx, fy = np.float32(left - column), np.float32(top - row)
    gx, gy = np.float32(1) - fx, np.float32(1) - fy
    start = (row + PAD) * level.stride + column + PAD
    for j in range(_WINDOW + 2):
        above = level.pixels[start : start + _READ + 1]
        below = level.pixels[start + level.stride : start + level.stride + _READ + 1]
        target = window[j]
        for i in range(_READ):
            target[i] = gy * (gx * above[i] + fx * above[i + 1]) + fy * (gx * below[i] + fx * below[i + 1])
        start += level.stride


@kernel
def _window_gradients(window, pattern):  # type: ignore[no-untyped-def]
    """Fill values and gradients; returns the structure tensor of the mean-free gradients, and the means."""
    xx = xy = yy = sx = sy = np.float32(0)
    half = np.float32(0.5)
    for j in range(_WINDOW):
        above, middle, below = window[j], window[j + 1], window[j + 2]
        values, slope_x, slope_y = pattern[0, j], pattern[1, j], pattern[2, j]
        for i in range(_WINDOW):
            gx = half * (middle[i + 2] - middle[i])
            gy = half * (below[i + 1] - above[i + 1])
            values[i], slope_x[i], slope_y[i] = middle[i + 1], gx, gy
            xx += gx * gx
            xy += gx * gy
            yy += gy * gy
            sx += gx
            sy += gy
    count = np.float32(_WINDOW * _WINDOW)
    return xx - sx * sx / count, xy - sx * sy / count, yy - sy * sy / count, sx / count, sy / count


@kernel
def _window_residual(level, left, top, pattern, mean_x, mean_y):  # type: ignore[no-untyped-def]
    """Inner products of the residual with the mean-free gradients (so that a change of brightness is ignored)."""
    column, row = int(np.floor(left)), int(np.floor(top))
    fx, fy = np.float32(left - column), np.float32(top - row)
    gx, gy = np.float32(1) - fx, np.float32(1) - fy
    start = (row + PAD) * level.stride + column + PAD
    a = b = total = np.float32(0)
    for j in range(_WINDOW):
        above = level.pixels[start : start + _WINDOW + 1]
        below = level.pixels[start + level.stride : start + level.stride + _WINDOW + 1]
        values, slope_x, slope_y = pattern[0, j], pattern[1, j], pattern[2, j]
        for i in range(_WINDOW):
            e = gy * (gx * above[i] + fx * above[i + 1]) + fy * (gx * below[i] + fx * below[i + 1]) - values[i]
            a += e * slope_x[i]
            b += e * slope_y[i]
            total += e
        start += level.stride
    return a - mean_x * total, b - mean_y * total
