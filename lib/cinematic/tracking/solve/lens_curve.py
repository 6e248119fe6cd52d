"""How far from the picture's middle a lens shows what it sees: a pinhole's distance or an angle, and two radial terms.

With ``r`` the distance from the middle of a point of the plane z = 1, and ``theta`` the angle under which it is seen,
``r = tan(theta)``, it is shown, in focal lengths, at::

    pinhole   r (1 + k1 r^2 + k2 r^4)                   Blender's "polynomial" model, COLMAP's RADIAL
    fisheye   theta (1 + k1 theta^2 + k2 theta^4)       COLMAP's RADIAL_FISHEYE

The pinhole's series bends a wide lens that little is corrected of (an action camera) too late and then too much: fitted
to an ideal fisheye's picture it is off by 0.4 px of 960 where that is 85 degrees wide, by 6 px where it is 122. The
other's two terms are enough for either (Kannala & Brandt 2006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_NEWTON_STEPS = 8
_LEAST_SLOPE = 0.1  # a strong barrel folds over far outside the picture
_MOST_BEND = 4.0  # times: how much farther out than it is seen a point may lie
_WIDEST = 1.53  # radians, from the middle: beyond there is next to no plane
_SAMPLES = 200
_LEAST = 1e-12


@dataclass(frozen=True)
class LensCurve:
    """One of the two, with its terms."""

    k1: float = 0.0
    k2: float = 0.0
    fisheye: bool = False

    @property
    def is_bent(self) -> bool:
        """Whether it is not a bare pinhole's."""
        return bool(self.fisheye or self.k1 or self.k2)

    def stretch(self, square: FloatArray) -> FloatArray:
        """How many times as far from the middle as it is on the plane a point is shown, of r^2."""
        if not self.fisheye:
            return self._series(square)
        radius, theta = _angle(square)
        return theta / radius * self._series(theta * theta)

    def by_terms(self, square: FloatArray) -> FloatArray:
        """(..., 2) The derivatives of :meth:`stretch` by k1 and k2."""
        if not self.fisheye:
            return np.stack([square, square**2], axis=-1)
        radius, theta = _angle(square)
        return np.stack([theta**3, theta**5], axis=-1) / radius[..., None]

    def by_square(self, square: FloatArray) -> FloatArray:
        """The derivative of :meth:`stretch` by r^2."""
        if not self.fisheye:
            return self.k1 + 2 * self.k2 * square
        radius, theta = _angle(square)
        slope = self._slope(theta) / (1 + square)  # of what is shown, by r
        return (slope - self.stretch(square)) / (2 * radius**2)

    def undone(self, shown: FloatArray) -> FloatArray:
        """How far from the middle of the plane lies what is shown so far from the picture's (Newton)."""
        if not self.fisheye:
            return self._solved(shown, _MOST_BEND * shown)
        return np.tan(self._solved(shown, np.full_like(shown, _WIDEST)))

    def _sampled(self, farthest: float) -> tuple[FloatArray, FloatArray]:
        """Distances on the plane, and what they are shown at, up to ``farthest``."""
        radius = np.linspace(0, float(self.undone(np.array([farthest]))[0]), _SAMPLES)[1:]
        return radius, radius * self.stretch(radius**2)

    def _solved(self, shown: FloatArray, most: FloatArray) -> FloatArray:
        """The argument, from 0 to ``most``, of which the series is ``shown``; what lies farther out has no ray."""
        found = np.minimum(shown, most)
        for _ in range(_NEWTON_STEPS):
            off = found * self._series(found * found) - shown
            found = np.clip(found - off / np.maximum(self._slope(found), _LEAST_SLOPE), 0.0, most)
        return found

    def _series(self, square: FloatArray) -> FloatArray:
        """Of the argument squared, without the argument itself."""
        return 1 + self.k1 * square + self.k2 * square**2

    def _slope(self, argument: FloatArray) -> FloatArray:
        """The derivative of the whole series by its argument."""
        square = argument**2
        return 1 + 3 * self.k1 * square + 5 * self.k2 * square**2

    def through_longer(self, by: float) -> LensCurve:
        """That of a lens ``by`` times as long that bends the same picture alike, far from its rim at least."""
        k1, k2 = self.k1, self.k2
        if not self.fisheye:
            return LensCurve(k1 * by**2, k2 * by**4)
        # The series in theta as one in r = tan(theta), whose terms grow as the pinhole's do, and back.
        first, second = (k1 - 1 / 3) * by**2, (k2 - k1 + 1 / 5) * by**4
        return LensCurve(first + 1 / 3, second + first + 1 / 3 - 1 / 5, fisheye=True)

    def as_fisheye(self, farthest: float) -> LensCurve:
        """The fisheye that is nearest to it, up to what is shown ``farthest`` from the middle (least squares)."""
        radius, shown = self._sampled(farthest)
        theta = np.arctan(radius)
        terms, *_ = np.linalg.lstsq(np.stack([theta**3, theta**5], axis=1), shown - theta, rcond=None)
        k1, k2 = terms.tolist()
        return LensCurve(k1, k2, fisheye=True)

    def as_series(self, farthest: float, terms: int) -> tuple[float, tuple[float, ...]]:
        """The series of a pinhole, with so many terms, that is nearest to it, up to what is shown ``farthest`` out.

        Its focal length, in those of this lens, and the terms.
        """
        radius, shown = self._sampled(farthest)
        weight = np.sqrt(shown * np.gradient(shown, radius) / (1 + radius**2))  # the picture's area, its rim less
        powers = np.stack([radius ** (2 * power + 1) for power in range(terms + 1)], axis=1)
        found, *_ = np.linalg.lstsq(powers * weight[:, None], shown * weight, rcond=None)
        focal, *bends = found.tolist()
        return focal, tuple(bend / focal for bend in bends)

    def divided_by(self, farthest: float) -> tuple[float, float]:
        """The terms d1 and d2 with which ``s / (1 + d1 s^2 + d2 s^4)`` is nearest to :meth:`undone` up to ``farthest``.

        The division model (Fitzgibbon 2001), in focal lengths; Blender's "Nuke" is in halves of the picture. It is a
        fisheye's in all but name: within 0.2 px of 960 at 95 degrees across, one in the corners at 120.
        """
        shown = np.linspace(0, farthest, _SAMPLES)[1:]
        radius = self.undone(shown)
        weight = np.sqrt(shown) / (1 + radius**2)  # what an error on the plane is in the picture, and its area
        terms = np.stack([shown**2, shown**4], axis=1) * (radius * weight)[:, None]
        found, *_ = np.linalg.lstsq(terms, (shown - radius) * weight, rcond=None)
        first, second = found.tolist()
        return first, second


def pole_of_division(first: float, second: float) -> float:
    """Where ``1 + first s^2 + second s^4``, what the division model divides by, is 0; infinite: nowhere."""
    squares = np.roots([second, first, 1.0])
    there = squares.real[(squares.imag == 0) & (squares.real > 0)]
    return float(np.sqrt(there.min())) if len(there) else float("inf")


def _angle(square: FloatArray) -> tuple[FloatArray, FloatArray]:
    """r, and the angle whose tangent it is; next to nothing in place of 0."""
    radius = np.sqrt(np.maximum(square, _LEAST))
    return radius, np.arctan(radius)


PINHOLE = LensCurve()
"""A lens that does not bend."""
