"""One frame, made ready: the frame itself, and three smaller copies for the coarse search.

The copies are padded by :data:`PAD` pixels (edge pixels repeated), so that windows near the border need no test per
pixel. Pixel (0, 0) of every level stands for the same scene point: ``x_level = x / 2**level``. At full size nothing is
prepared: what a pattern needs of it is a few hundred pixels, which :mod:`.sampling` filters when it gets there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from ..errors import ParameterError
from .compiler import kernel
from .noise import most_noise
from .threads import next_piece, spread

PAD = 16  # pixels added on every side of the smaller copies: the coarse search window (16) and its gradient fit
_STRIP = 64  # rows of the half-size copy per piece of work


class Level(NamedTuple):
    """One level as kernels take it."""

    pixels: np.ndarray  # float32 (rows * stride,) the level with its padding (the frame itself has none), flattened
    stride: int  # floats per row
    width: int  # pixels without the padding
    height: int


@dataclass(frozen=True)
class Pyramid:
    """A frame ready for tracking. Built by :func:`build_pyramid`; arrays are C-contiguous float32."""

    image: np.ndarray  # (height, width) the luminance, as it was given where that was possible without a copy
    half: np.ndarray  # (ceil(height / 2) + 2 PAD, ...) luminance, low-passed, every 2nd pixel, padded
    quarter: np.ndarray  # every 4th
    eighth: np.ndarray  # every 8th

    @property
    def width(self) -> int:
        """Pixels across."""
        return self.image.shape[1]

    @property
    def height(self) -> int:
        """Pixels down."""
        return self.image.shape[0]

    @cached_property
    def most_noise(self) -> np.ndarray:
        """(2, 8) See :func:`.noise.most_noise`."""
        return most_noise(self.image)

    @property
    def full(self) -> Level:
        """The frame itself, without padding."""
        return plain_level(self.image)

    @property
    def coarse(self) -> tuple[Level, Level, Level]:
        """The smaller copies, half size first."""
        return _level(self.half), _level(self.quarter), _level(self.eighth)


def plain_level(image: np.ndarray) -> Level:
    """An image as it is, C-contiguous float32, without padding."""
    height, width = image.shape
    return Level(image.reshape(-1), width, width, height)


def _level(padded: np.ndarray) -> Level:
    rows, columns = padded.shape
    return Level(padded.reshape(-1), columns, columns - 2 * PAD, rows - 2 * PAD)


def shift_between(before: Pyramid, after: Pyramid) -> np.ndarray:
    """(2,) By how much most of the picture moves, px, to 8 px: where their eighths' phases correlate the most.

    Source: Kuglin & Hines 1975, "The phase correlation image alignment method".
    """
    eighths = [each.eighth[PAD:-PAD, PAD:-PAD] for each in (before, after)]
    height, width = eighths[0].shape
    first, second = (np.fft.rfft2(faded(each)) for each in eighths)
    cross = second * first.conj()
    with np.errstate(invalid="ignore"):  # of pixels that are not known nothing comes, which is a shift of 0
        response = np.fft.irfft2(cross / (np.abs(cross) + np.finfo(np.float32).tiny), (height, width))
    row, column = np.unravel_index(int(np.argmax(response)), response.shape)
    shift = np.array([column, row])
    return 8.0 * np.where(shift > np.array([width, height]) // 2, shift - [width, height], shift)


def faded(image: np.ndarray) -> np.ndarray:
    """An image less its mean, fading to nothing at its borders: to a Fourier transform they would be edges."""
    height, width = image.shape
    return (image - image.mean()) * np.outer(np.hanning(height + 2)[1:-1], np.hanning(width + 2)[1:-1])


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
        Luminance, display-like, about 0..1. NaN pixels are allowed: what touches them is reported as lost. C-contiguous
        float32 is not copied, so it must not be written to while the pyramid is in use.
    recycle : Pyramid, optional
        One that is no longer needed: its smaller copies are overwritten. Fresh memory for every frame costs time.

    Raises
    ------
    ParameterError
        When it is not a two-dimensional floating-point image.
    """
    image = check_image(image)
    height, width = image.shape
    old = recycle if recycle is not None and recycle.image.shape == image.shape else None
    half = _room_for_half(height, width, old.half if old else None)
    spread(_halve, len(half) - 2 * PAD, _STRIP, image, 0, half)
    _fill_rows(half)
    quarter = _halved(half, old.quarter if old else None)  # too small to be worth spreading
    eighth = _halved(quarter, old.eighth if old else None)
    return Pyramid(image, half, quarter, eighth)


def _room_for_half(height: int, width: int, old: np.ndarray | None) -> np.ndarray:
    if old is not None:
        return old
    return np.empty(((height + 1) // 2 + 2 * PAD, (width + 1) // 2 + 2 * PAD), np.float32)


def _halved(padded: np.ndarray, old: np.ndarray | None) -> np.ndarray:
    """Every second pixel of a padded level, low-passed and padded."""
    smaller = _room_for_half(padded.shape[0] - 2 * PAD, padded.shape[1] - 2 * PAD, old)
    rows = len(smaller) - 2 * PAD
    spread(_halve, rows, rows, padded, PAD, smaller)
    _fill_rows(smaller)
    return smaller


@kernel
def _halve(tickets, image, pad, out):  # type: ignore[no-untyped-def]
    """Rows (without padding) of every second pixel, low-passed by (1 4 6 4 1)/16."""
    height = image.shape[0] - 2 * pad
    width = image.shape[1] - 2 * pad
    columns = out.shape[1] - 2 * PAD
    four, six, scale = np.float32(4), np.float32(6), np.float32(1 / 256)
    line = np.empty(2 * columns + 4, np.float32)
    middle = line[2 : 2 + width]
    first, last = next_piece(tickets)
    while first < last:
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
        first, last = next_piece(tickets)


def _fill_rows(padded: np.ndarray) -> None:
    """Repeat the first and the last row into the padding above and below."""
    padded[:PAD] = padded[PAD]
    padded[-PAD:] = padded[-PAD - 1]
