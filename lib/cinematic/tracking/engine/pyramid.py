"""One frame, made ready: spline coefficients at full size, and three smaller copies for the coarse search.

Everything is padded by :data:`PAD` pixels (edge pixels repeated), so that windows near the border need no test per
pixel. Pixel (0, 0) of every level stands for the same scene point: ``x_level = x / 2**level``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..errors import ParameterError
from .compiler import kernel
from .threads import spread

PAD = 16  # pixels added on every side of every level: the coarse search window (16) and its gradient fit
_STRIP = 64  # rows per piece of work, even
_TILE = 512  # columns filtered together: 13 rows of them stay in the nearest cache

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


def build_pyramid(image: np.ndarray, recycle: Pyramid | None = None) -> Pyramid:
    """Make a frame ready for tracking.

    Parameters
    ----------
    image : float array (height, width)
        Luminance, display-like, about 0..1. NaN pixels are allowed: what touches them is reported as lost.
    recycle : Pyramid, optional
        One that is no longer needed: its arrays are overwritten. Fresh memory for every frame costs a fifth more.

    Raises
    ------
    ParameterError
        When it is not a two-dimensional floating-point image.
    """
    image = check_image(image)
    height, width = image.shape
    old = recycle if recycle is not None and (recycle.width, recycle.height) == (width, height) else None
    spline = old.spline if old else np.empty((height + 2 * PAD, width + 2 * PAD), np.float32)
    half = _room_for_half(height, width, old.half if old else None)
    half_rows = len(half) - 2 * PAD

    def work(first: int, last: int) -> None:
        """Rows of the spline, and the rows of the half-size copy that come from the same, still cached pixels."""
        _filter_strip(image, _TAPS, first, last, spline)
        _halve_strip(image, 0, min(half_rows, first // 2), min(half_rows, last // 2), half)

    spread(work, len(spline), _STRIP)
    _fill_rows(half)
    quarter = _halved(half, old.quarter if old else None)  # too small to be worth spreading
    eighth = _halved(quarter, old.eighth if old else None)
    return Pyramid(width, height, spline, half, quarter, eighth)


def _room_for_half(height: int, width: int, old: np.ndarray | None) -> np.ndarray:
    if old is not None:
        return old
    return np.empty(((height + 1) // 2 + 2 * PAD, (width + 1) // 2 + 2 * PAD), np.float32)


def _halved(padded: np.ndarray, old: np.ndarray | None) -> np.ndarray:
    """Every second pixel of a padded level, low-passed and padded."""
    smaller = _room_for_half(padded.shape[0] - 2 * PAD, padded.shape[1] - 2 * PAD, old)
    _halve_strip(padded, PAD, 0, len(smaller) - 2 * PAD, smaller)
    _fill_rows(smaller)
    return smaller


@kernel
def _filter_strip(image, taps, first, last, out):  # type: ignore[no-untyped-def]
    """Rows ``first`` to ``last`` of the padded result, tile by tile: what a tile needs stays in the nearest cache."""
    columns = out.shape[1]
    ring = np.empty((2 * _REACH + 1, _TILE), np.float32)
    line = np.empty(_TILE + 2 * _REACH, np.float32)
    for left in range(0, columns, _TILE):
        width = min(_TILE, columns - left)
        _filter_tile(image, taps, first, last, left, width, line, ring, out)


@kernel
def _filter_tile(image, taps, first, last, left, width, line, ring, out):  # type: ignore[no-untyped-def]
    """Separable filter by way of a ring of 13 horizontally filtered rows; ``line``: scratch."""
    height = image.shape[0]
    size = ring.shape[0]
    line = line[: width + 2 * _REACH]
    t0, t1, t2, t3, t4, t5, t6 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6]
    for y in range(first - _REACH, last + _REACH):
        _fill_line(image[min(max(y - PAD, 0), height - 1)], left - PAD - _REACH, line)
        _filter_line(line, taps, ring[(y + size) % size, :width])
        row = y - _REACH
        if row < first:
            continue
        a0, target = ring[row % size], out[row, left : left + width]
        a1, b1 = ring[(row + size - 1) % size], ring[(row + 1) % size]
        a2, b2 = ring[(row + size - 2) % size], ring[(row + 2) % size]
        a3, b3 = ring[(row + size - 3) % size], ring[(row + 3) % size]
        a4, b4 = ring[(row + size - 4) % size], ring[(row + 4) % size]
        a5, b5 = ring[(row + size - 5) % size], ring[(row + 5) % size]
        a6, b6 = ring[(row + size - 6) % size], ring[(row + 6) % size]
        # Two loops: LLVM tests at run time that rows do not overlap, and gives up beyond eight of them.
        for x in range(width):
            target[x] = t0 * a0[x] + t1 * (a1[x] + b1[x]) + t2 * (a2[x] + b2[x]) + t3 * (a3[x] + b3[x])
        for x in range(width):
            target[x] += t4 * (a4[x] + b4[x]) + t5 * (a5[x] + b5[x]) + t6 * (a6[x] + b6[x])


@kernel
def _fill_line(source, first, line):  # type: ignore[no-untyped-def]
    """``line`` = the source from place ``first`` on, edge pixels repeated."""
    count, width = line.shape[0], source.shape[0]
    before = min(max(-first, 0), count)
    inside = min(max(width - first - before, 0), count - before)
    # Plain loops: assignments to slices take seconds to compile.
    for x in range(before):
        line[x] = source[0]
    middle, seen = line[before:], source[first + before :]
    for x in range(inside):
        middle[x] = seen[x]
    for x in range(before + inside, count):
        line[x] = source[width - 1]


@kernel
def _filter_line(line, taps, out):  # type: ignore[no-untyped-def]
    """Filter one line horizontally; ``out`` is shorter by 6 on either side."""
    t0, t1, t2, t3, t4, t5, t6 = taps[0], taps[1], taps[2], taps[3], taps[4], taps[5], taps[6]
    for x in range(out.shape[0]):
        near = t0 * line[x + 6] + t1 * (line[x + 5] + line[x + 7]) + t2 * (line[x + 4] + line[x + 8])
        far = t4 * (line[x + 2] + line[x + 10]) + t5 * (line[x + 1] + line[x + 11]) + t6 * (line[x] + line[x + 12])
        out[x] = near + t3 * (line[x + 3] + line[x + 9]) + far


@kernel
def _halve_strip(image, pad, first, last, out):  # type: ignore[no-untyped-def]
    """Rows ``first`` to ``last`` (without padding) of every second pixel, low-passed by (1 4 6 4 1)/16."""
    height = image.shape[0] - 2 * pad
    width = image.shape[1] - 2 * pad
    columns = out.shape[1] - 2 * PAD
    four, six, scale = np.float32(4), np.float32(6), np.float32(1 / 256)
    line = np.empty(2 * columns + 4, np.float32)
    middle = line[2 : 2 + width]
    for row in range(first, last):
        y = 2 * row
        a = image[pad + max(y - 2, 0), pad : pad + width]
        b = image[pad + max(y - 1, 0), pad : pad + width]
        c = image[pad + y, pad : pad + width]
        d = image[pad + min(y + 1, height - 1), pad : pad + width]
        e = image[pad + min(y + 2, height - 1), pad : pad + width]
        for x in range(width):
            middle[x] = a[x] + e[x] + four * (b[x] + d[x]) + six * c[x]
        line[0] = line[1] = line[2]
        for x in range(2 + width, line.shape[0]):
            line[x] = line[1 + width]
        target = out[PAD + row, PAD : PAD + columns]
        for x in range(columns):
            outer = line[2 * x] + line[2 * x + 4]
            target[x] = scale * (outer + four * (line[2 * x + 1] + line[2 * x + 3]) + six * line[2 * x + 2])
        for x in range(PAD):
            out[PAD + row, x] = target[0]
            out[PAD + row, PAD + columns + x] = target[columns - 1]


def _fill_rows(padded: np.ndarray) -> None:
    """Repeat the first and the last row into the padding above and below."""
    padded[:PAD] = padded[PAD]
    padded[-PAD:] = padded[-PAD - 1]
