"""How much a patch looks like its reference pattern, judged by what lies above the noise.

ZNCC of raw pixels falls with their noise, however exactly the patch lies where it should: at a noise as strong as the
texture it is 0.5 for the right place. Both patterns are therefore softened first (binomial filter, sigma 1 px), as
libmv does with its images (sigma 0.9 px). What is aligned stays sharp; only the judgement is soft.
"""

from __future__ import annotations

import numpy as np

from .alignment import PatternGrid, Patterns
from .compiler import kernel
from .threads import spread

_LEAST_SIZE = 9  # pixels across; of a smaller pattern too little is left inside the filter's border
_BORDER = 2  # pixels that the filter takes off on each side
_PIECE = 32  # patterns per piece of work


def soft_correlations(grid: PatternGrid, patterns: Patterns, rows: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """ZNCC of softened patches with their softened patterns.

    Parameters
    ----------
    grid : PatternGrid
    patterns : Patterns
        Reference patterns of n tracks.
    rows : int (k,)
        The tracks to judge.
    patches : float32 (n, m)
        What alignment read at each track's place, in the order of ``patterns.values``.

    Returns
    -------
    (k,) float64
        -1 to 1; NaN where one of the two is flat.
    """
    result = np.empty(len(rows))
    size = round(grid.pixels**0.5)
    spread(
        lambda first, last: _correlate_some(first, last, patterns.values, patches, rows, size, result),
        len(rows),
        _PIECE,
    )
    return result


@kernel
def _correlate_some(first, last, values, patches, rows, size, result):  # type: ignore[no-untyped-def]
    inner = size - 2 * _BORDER if size >= _LEAST_SIZE else size
    line = np.empty(size * inner, np.float32)
    a, b = np.empty(inner * inner, np.float32), np.empty(inner * inner, np.float32)
    for n in range(first, last):
        k = rows[n]
        if inner < size:
            _soften(values[k], size, inner, line, a)
            _soften(patches[k], size, inner, line, b)
        else:
            a[:] = values[k][: size * size]
            b[:] = patches[k][: size * size]
        result[n] = _zncc(a, b)


@kernel
def _soften(pixels, size, inner, line, out):  # type: ignore[no-untyped-def]
    """16 times 16 times the binomial filter (1 4 6 4 1), where it fits into the pattern."""
    four, six = np.float32(4), np.float32(6)
    for j in range(size):
        source, target = pixels[j * size : (j + 1) * size], line[j * inner : (j + 1) * inner]
        for i in range(inner):
            target[i] = source[i] + source[i + 4] + four * (source[i + 1] + source[i + 3]) + six * source[i + 2]
    for j in range(inner):
        target = out[j * inner : (j + 1) * inner]
        p, q, r = line[j * inner :], line[(j + 1) * inner :], line[(j + 2) * inner :]
        s, t = line[(j + 3) * inner :], line[(j + 4) * inner :]
        for i in range(inner):
            target[i] = p[i] + t[i] + four * (q[i] + s[i]) + six * r[i]


@kernel
def _zncc(a, b):  # type: ignore[no-untyped-def]
    count = a.shape[0]
    sum_a = sum_b = np.float32(0)
    for k in range(count):
        sum_a += a[k]
        sum_b += b[k]
    mean_a, mean_b = sum_a / count, sum_b / count
    ab = aa = bb = 0.0
    for k in range(count):
        x, y = a[k] - mean_a, b[k] - mean_b
        ab += x * y
        aa += x * x
        bb += y * y
    return ab / np.sqrt(aa * bb)
