"""How two frames resemble each other, whatever their brightness and wherever what they show has moved.

Their small copies are compared at the shift at which they agree best: at most :data:`_WIDTH` px wide, so that it costs
a few milliseconds. Source of the correlation at all shifts at once: Padfield 2012, "Masked object registration in the
Fourier domain".
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .engine import Pyramid

_WIDTH = 128  # px; the signature's width is between this and half of it, unless the plate is smaller
_OVERLAP = 0.3  # least share of the frame that must be seen in both
_FLAT = 0.001  # RMS of a signature that shows nothing

CHANGED = 0.55
"""Correlation below which two frames may show different things."""

CALM = 0.65
"""Correlation above which they show the same thing ..."""

_SLOW = 0.3  # ... and calmly so when it has moved by less than this share of the frame


class Signature(NamedTuple):
    """What of a frame is compared: its middle frequencies, and their Fourier transforms."""

    shape: tuple[int, int]
    energy: float  # RMS
    brightness: float  # mean luminance
    transform: npt.NDArray[np.complex128]
    squared: npt.NDArray[np.complex128]  # of the squares

    @property
    def is_flat(self) -> bool:
        """It shows nothing."""
        return self.energy < _FLAT


def signature(pyramid: Pyramid) -> Signature:
    """The small copy of a frame without what is finer than two or coarser than some 16 of its pixels."""
    level = pyramid.coarse[2]
    padding = (level.stride - level.width) // 2
    small = level.pixels.reshape(-1, level.stride)[padding:-padding, padding:-padding].astype(np.float64)
    small = np.nan_to_num(small)
    while small.shape[1] > _WIDTH:
        small = _halved(small)
    middle = _blurred(small, 1) - _blurred(small, 4)
    shape = (small.shape[0], small.shape[1])
    room = _room(shape)
    energy = float(np.sqrt(np.mean(middle**2)))
    return Signature(shape, energy, float(small.mean()), np.fft.rfft2(middle, room), np.fft.rfft2(middle**2, room))


class Likeness(NamedTuple):
    """How two frames resemble each other, at the shift at which they agree best."""

    correlation: float  # 1 the same, about 0.2 unrelated
    moved: float  # the shift as a share of the frame's width or height, whichever is more

    @property
    def is_calm(self) -> bool:
        """They show the same thing, and it has not moved far."""
        return self.correlation >= CALM and self.moved < _SLOW


def likeness(a: Signature, b: Signature) -> Likeness:
    """How two frames of one size resemble each other."""
    if a.is_flat or b.is_flat:
        return Likeness(1.0 if a.is_flat and b.is_flat else 0.0, 0.0)
    height, width = a.shape
    room = _room(a.shape)
    inside, overlap = _insides(a.shape)
    products = np.fft.irfft2(a.transform.conj() * b.transform, room)
    of_a = np.fft.irfft2(a.squared.conj() * inside, room)
    of_b = np.fft.irfft2(inside.conj() * b.squared, room)
    size = np.sqrt(np.maximum(of_a, 0.0) * np.maximum(of_b, 0.0))
    size = np.maximum(size, 0.1 * overlap * a.energy * b.energy)  # a nearly empty overlap proves nothing
    enough = overlap >= _OVERLAP * height * width
    correlation = np.where(enough, products / np.maximum(size, 1e-30), -1.0)
    down, across = np.unravel_index(correlation.argmax(), room)
    shifts = (min(down, room[0] - down) / height, min(across, room[1] - across) / width)
    return Likeness(float(correlation.max()), float(max(shifts)))


@cache
def _room(shape: tuple[int, int]) -> tuple[int, int]:
    """A size that no shift wraps around in, without large prime factors: those are slow to transform."""

    def roomy(length: int) -> int:
        return next(n for n in range(2 * length, 4 * length + 1) if 60**12 % n == 0)

    return roomy(shape[0]), roomy(shape[1])


@cache
def _insides(shape: tuple[int, int]) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.float64]]:
    """The transform of a frame of ones, and on how many pixels two frames overlap at each shift."""
    room = _room(shape)
    inside = np.fft.rfft2(np.ones(shape), room)
    return inside, np.fft.irfft2(np.abs(inside) ** 2, room)


def _halved(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rows, columns = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    return image[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))


def _blurred(image: npt.NDArray[np.float64], radius: int) -> npt.NDArray[np.float64]:
    """Mean over a square of ``2 radius + 1`` px, edge pixels repeated."""
    size = 2 * radius + 1
    padded = np.pad(image, radius, mode="edge")
    down = np.sum([padded[start : start + image.shape[0]] for start in range(size)], axis=0)
    across = np.sum([down[:, start : start + image.shape[1]] for start in range(size)], axis=0)
    return across / np.float64(size**2)
