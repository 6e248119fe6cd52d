"""One frame, made ready: spline coefficients at full size, and three smaller copies for the coarse search.

Everything is padded by :data:`PAD` pixels (edge pixels repeated), so that windows near the border need no test per
pixel. Pixel (0, 0) of every level stands for the same scene point: ``x_level = x / 2**level``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import prange

from ..errors import ParameterError
from .compiler import kernel, parallel_kernel

PAD = 16  # pixels added on every side of every level: the coarse search window (16) and its gradient fit
LEVELS = 3  # smaller copies: 1/2, 1/4, 1/8
_STRIP = 64  # rows per parallel task; fixed, so the result does not depend on the number of threads

# Direct cubic B-spline filter: sqrt(3) * z**|k|, z = sqrt(3) - 2 (Unser 1999, eq. 15), cut at |k| = 6 where it is
# 6e-4 and normalised to sum 1. Finite, so that one NaN pixel spoils 6 pixels around it and not its whole row.
_REACH = 6
_TAPS_EXACT = np.sqrt(3.0) * (np.sqrt(3.0) - 2.0) ** np.arange(_REACH + 1)
_TAPS = (_TAPS_EXACT / (_TAPS_EXACT[0] + 2 * _TAPS_EXACT[1:].sum())).astype(np.float32)


class Level(NamedTuple):
    """One level as kernels take it."""

    pixels: np.ndarray  # float32 (rows * stride,) the padded level, flattened
    stride: int  # floats per row
    width: int  # pixels without the padding
    height: int


@dataclass(frozen=True)
class Pyramid:
    """A frame ready for tracking. Built by :func:`build_pyramid`; arrays are C-contiguous float32, padded."""

    width: int  # pixels of the frame itself
    height: int
    spline: np.ndarray  # (height + 2 PAD, width + 2 PAD) cubic B-spline coefficients of the luminance
    half: np.ndarray  # (ceil(height / 2) + 2 PAD, ...) luminance, low-passed, every 2nd pixel
    quarter: np.ndarray  # every 4th
    eighth: np.ndarray  # every 8th

    @property
    def full(self) -> Level:
        """Full size: the spline coefficients."""
        return _level(self.spline)

    @property
    def coarse(self) -> tuple[Level, Level, Level]:
        """The smaller copies, half size first."""
        return _level(self.half), _level(self.quarter), _level(self.eighth)


def _level(padded: np.ndarray) -> Level:
    rows, columns = padded.shape
    return Level(padded.reshape(-1), columns, columns - 2 * PAD, rows - 2 * PAD)


def check_image(image: np.ndarray) -> np.ndarray:
    """The image as C-contiguous float32, or :class:`ParameterError` when it is no luminance image."""
    array = np.asarray(image)
    if array.ndim != 2 or array.size == 0:
        raise ParameterError(f"expected a luminance image [row, col] of at least 1 x 1, got shape {array.shape}")
    if array.dtype.kind != "f":
        raise ParameterError(f"expected floating-point luminance of about 0..1, got dtype {array.dtype}")
    return np.ascontiguousarray(array, dtype=np.float32)


def build_pyramid(image: np.ndarray) -> Pyramid:
    """Make a frame ready for tracking.

    Parameters
    ----------
    image : float array (height, width)
        Luminance, display-like, about 0..1. NaN pixels are allowed: what touches them is reported as lost.

    Raises
    ------
    ParameterError
        When it is not a two-dimensional floating-point image.
    """
    image = check_image(image)
    height, width = image.shape
    spline = np.empty((height + 2 * PAD, width + 2 * PAD), np.float32)
    _spline_coefficients(image, _TAPS, spline)
    levels = []
    level, rows, columns = image, height, width
    pad = 0
    for _ in range(LEVELS):
        rows, columns = (rows + 1) // 2, (columns + 1) // 2
        smaller = np.empty((rows + 2 * PAD, columns + 2 * PAD), np.float32)
        _halve(level, pad, smaller)
        _fill_rows(smaller)
        levels.append(smaller)
        level, pad = smaller, PAD
    return Pyramid(width, height, spline, *levels)


@parallel_kernel
def _spline_coefficients(image, taps, out):  # type: ignore[no-untyped-def]
    """Separable matched prefilter; strips of rows, each with a ring of 13 horizontally filtered rows."""
    height, width = image.shape
    rows, columns = out.shape
    t0, t1, t2, t3, t4, t5, t6 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6]
    ring_size = 2 * _REACH + 1
    for strip in prange((rows + _STRIP - 1) // _STRIP):
        ring = np.empty((ring_size, columns), np.float32)
        line = np.empty(width + 2 * (PAD + _REACH), np.float32)
        first = strip * _STRIP
        last = min(rows, first + _STRIP)
        for y in range(first - _REACH, last + _REACH):
            source = image[min(max(y - PAD, 0), height - 1)]
            _filter_row(source, taps, line, ring[(y + ring_size) % ring_size])
            row = y - _REACH
            if row < first:
                continue
            a0 = ring[(row + ring_size) % ring_size]
            a1, b1 = ring[(row + ring_size - 1) % ring_size], ring[(row + 1) % ring_size]
            a2, b2 = ring[(row + ring_size - 2) % ring_size], ring[(row + 2) % ring_size]
            a3, b3 = ring[(row + ring_size - 3) % ring_size], ring[(row + 3) % ring_size]
            a4, b4 = ring[(row + ring_size - 4) % ring_size], ring[(row + 4) % ring_size]
            a5, b5 = ring[(row + ring_size - 5) % ring_size], ring[(row + 5) % ring_size]
            a6, b6 = ring[(row + ring_size - 6) % ring_size], ring[(row + 6) % ring_size]
            target = out[row]
            # Two loops: LLVM tests at run time that rows do not overlap, and gives up beyond eight of them.
            for x in range(columns):
                target[x] = t0 * a0[x] + t1 * (a1[x] + b1[x]) + t2 * (a2[x] + b2[x]) + t3 * (a3[x] + b3[x])
            for x in range(columns):
                target[x] += t4 * (a4[x] + b4[x]) + t5 * (a5[x] + b5[x]) + t6 * (a6[x] + b6[x])


@kernel
def _filter_row(source, taps, line, out):  # type: ignore[no-untyped-def]
    """Filter one row horizontally, edge pixels repeated; ``out`` is longer by PAD on either side; ``line``: scratch."""
    t0, t1, t2, t3, t4, t5, t6 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6]
    width = source.shape[0]
    before = PAD + _REACH
    line[:before] = source[0]
    line[before : before + width] = source
    line[before + width :] = source[width - 1]
    count = out.shape[0]
    a6, a5, a4, a3, a2, a1 = line[0:], line[1:], line[2:], line[3:], line[4:], line[5:]
    a0 = line[6:]
    b1, b2, b3, b4, b5, b6 = line[7:], line[8:], line[9:], line[10:], line[11:], line[12:]
    for x in range(count):
        near = t0 * a0[x] + t1 * (a1[x] + b1[x]) + t2 * (a2[x] + b2[x]) + t3 * (a3[x] + b3[x])
        out[x] = near + t4 * (a4[x] + b4[x]) + t5 * (a5[x] + b5[x]) + t6 * (a6[x] + b6[x])


@parallel_kernel
def _halve(image, pad, out):  # type: ignore[no-untyped-def]
    """Binomial low-pass (1 4 6 4 1)/16 and every second pixel; ``pad``: the image's own padding."""
    height = image.shape[0] - 2 * pad
    width = image.shape[1] - 2 * pad
    rows = out.shape[0] - 2 * PAD
    columns = out.shape[1] - 2 * PAD
    four, six, scale = np.float32(4), np.float32(6), np.float32(1 / 256)
    for strip in prange((rows + _STRIP - 1) // _STRIP):
        line = np.empty(2 * columns + 4, np.float32)
        for row in range(strip * _STRIP, min(rows, strip * _STRIP + _STRIP)):
            y = 2 * row
            a = image[pad + max(y - 2, 0), pad : pad + width]
            b = image[pad + max(y - 1, 0), pad : pad + width]
            c = image[pad + y, pad : pad + width]
            d = image[pad + min(y + 1, height - 1), pad : pad + width]
            e = image[pad + min(y + 2, height - 1), pad : pad + width]
            middle = line[2 : 2 + width]
            for x in range(width):
                middle[x] = a[x] + e[x] + four * (b[x] + d[x]) + six * c[x]
            line[0] = line[1] = line[2]
            line[2 + width :] = line[1 + width]
            target = out[PAD + row, PAD : PAD + columns]
            for x in range(columns):
                outer = line[2 * x] + line[2 * x + 4]
                target[x] = scale * (outer + four * (line[2 * x + 1] + line[2 * x + 3]) + six * line[2 * x + 2])
            out[PAD + row, :PAD] = target[0]
            out[PAD + row, PAD + columns :] = target[columns - 1]


@kernel
def _fill_rows(image):  # type: ignore[no-untyped-def]
    """Repeat the first and the last row into the padding above and below."""
    rows = image.shape[0] - 2 * PAD
    for y in range(PAD):
        image[y] = image[PAD]
        image[PAD + rows + y] = image[PAD + rows - 1]
