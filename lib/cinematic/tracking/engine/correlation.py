"""How much a patch looks like its reference pattern, judged by what lies above the noise.

ZNCC of raw pixels falls with their noise, however exactly the patch lies where it should: at a noise as strong as the
texture it is 0.5 for the right place. Both patterns are therefore softened first (binomial filter, sigma 1 px), as
libmv does with its images (sigma 0.9 px). What is aligned stays sharp; only the judgement is soft. What noise is left
in faint patterns still lowers the correlation, by a share that can be told from the pattern: what is reported and
compared with limits estimates the correlation without noise.

A softened pattern keeps the length of its rows, so that loops run over all pixels at once and not row by row; the
last four places of each row, and the last four rows, then hold nothing that counts (``PatternGrid.softened``).
"""

from __future__ import annotations

import numpy as np

from .compiler import inner_kernel

_LEAST_SIZE = 9  # pixels across; of a smaller pattern too little is left inside the filter's border
_BORDER = 2  # pixels that the filter takes off on each side
_LEAST_COUNTED = 9  # pixels
_NOISE_GAIN = 4900.0  # of the filter (1 4 6 4 1) both ways: by what it multiplies the variance of noise
_LEAST_CERTAIN = 0.1  # share of a pattern that is taken for texture, however noisy it is
_BLAMED = 0.5  # noise is blamed for at most this share of what a correlation is short of 1


def soft_border(pattern_size: int) -> int:
    """Pixels that softening takes off each side of a pattern; 0: it is too small to be softened."""
    return _BORDER if pattern_size >= _LEAST_SIZE else 0


@inner_kernel
def keep_soft(grid, values, noise, frame_noise, line, out):  # type: ignore[no-untyped-def]
    """``out`` = the softened pattern with mean 0 and norm 1 (all 0 where it is flat); ``line``: scratch.

    Returns the correlation that a frame's patch without any fault has with it: noise of the standard deviation
    ``noise`` is in the pattern, of ``frame_noise`` in the patch.
    """
    soften(values, 2 * int(grid.radius) + 1, line, out)
    total = squares = count = np.float32(0)
    for k in range(out.shape[0]):
        total += grid.softened[k] * out[k]
        count += grid.softened[k]
    mean = total / count
    for k in range(out.shape[0]):
        out[k] = grid.softened[k] * (out[k] - mean)
        squares += out[k] * out[k]
    scale = np.float32(1) / np.sqrt(squares) if squares > 0 else np.float32(0)
    for k in range(out.shape[0]):
        out[k] *= scale
    gain = _NOISE_GAIN if 2 * int(grid.radius) + 1 >= _LEAST_SIZE else 1.0
    energy = float(squares)
    if not energy > 0:
        return 1.0
    texture = max(_LEAST_CERTAIN * energy, energy - noise * noise * gain * count)
    return np.sqrt(texture / energy * texture / (texture + frame_noise * frame_noise * gain * count))


@inner_kernel
def soft_correlation(grid, reference, patch, line, soft):  # type: ignore[no-untyped-def]
    """ZNCC of a patch, softened into ``soft``, with a pattern of :func:`keep_soft`; NaN where one is flat."""
    soften(patch, 2 * int(grid.radius) + 1, line, soft)
    total = count = np.float32(0)
    for k in range(soft.shape[0]):
        total += grid.softened[k] * soft[k]
        count += grid.softened[k]
    mean = total / count
    product = squares = np.float32(0)
    for k in range(soft.shape[0]):
        value = grid.softened[k] * (soft[k] - mean)
        product += value * reference[k]
        squares += value * value
    return float(product) / np.sqrt(float(squares))


@inner_kernel
def masked_correlation(grid, reference, soft, on_frame):  # type: ignore[no-untyped-def]
    """The same over a part of what :func:`soft_correlation` softened: places whose softened pixel is on the frame."""
    size = 2 * int(grid.radius) + 1
    middle = (size + 1) * (_BORDER if size >= _LEAST_SIZE else 0)  # from a softened value's place to its own pixel
    count = 0
    sum_a = sum_b = 0.0
    for k in range(grid.pixels - middle):
        if on_frame[k + middle] and grid.softened[k] > 0:
            count += 1
            sum_a += reference[k]
            sum_b += soft[k]
    if count < _LEAST_COUNTED:
        return np.nan
    mean_a, mean_b = sum_a / count, sum_b / count
    ab = aa = bb = 0.0
    for k in range(grid.pixels - middle):
        if on_frame[k + middle] and grid.softened[k] > 0:
            a, b = reference[k] - mean_a, soft[k] - mean_b
            ab += a * b
            aa += a * a
            bb += b * b
    return ab / np.sqrt(aa * bb)


@inner_kernel
def without_noise(correlation, certain):  # type: ignore[no-untyped-def]
    """The correlation without noise, where ``certain`` is the share of the pattern that is not noise.

    Spearman 1904, "correction for attenuation"; but noise is made responsible for half of what is missing at most.
    """
    most = 1.0 - (1.0 - _BLAMED) * (1.0 - correlation)
    return most if correlation > most * certain else correlation / certain  # NaN stays NaN


@inner_kernel
def soften(pixels, size, line, out):  # type: ignore[no-untyped-def]
    """16 times 16 times the binomial filter (1 4 6 4 1); ``out[k]`` belongs to the pixel 2 rows and 2 columns on."""
    four, six = np.float32(4), np.float32(6)
    count = out.shape[0]
    if size < _LEAST_SIZE:
        for k in range(count):
            out[k] = pixels[k]
        return
    across = line[: count - 4]
    for k in range(across.shape[0]):
        across[k] = pixels[k] + pixels[k + 4] + four * (pixels[k + 1] + pixels[k + 3]) + six * pixels[k + 2]
    p, q, r, s, t = across, across[size:], across[2 * size :], across[3 * size :], across[4 * size :]
    for k in range(t.shape[0]):
        out[k] = p[k] + t[k] + four * (q[k] + s[k]) + six * r[k]
    for k in range(t.shape[0], count):
        out[k] = np.float32(0)
