"""The lens of a plate: where points in camera space are seen, and which rays pixels are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_LEAST = 1e-12


@dataclass(frozen=True)
class Lens:
    """A pinhole with one radial term: p = centre + focal * m * (1 + k1 |m|^2), where m = (X / Z, Y / Z).

    Or an equisolid fisheye, which shows what is an angle t from the middle 2 focal sin(t / 2) px from it.
    """

    focal: float  # px
    centre: tuple[float, float]  # px
    k1: float = 0.0
    fisheye: bool = False

    @property
    def is_bent(self) -> bool:
        """Whether straight lines are bent."""
        return bool(self.k1) or self.fisheye

    @property
    def matrix(self) -> np.ndarray:
        """The intrinsic matrix K, shape (3, 3)."""
        return np.array([[self.focal, 0.0, self.centre[0]], [0.0, self.focal, self.centre[1]], [0.0, 0.0, 1.0]])

    def project(self, points: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) of points in camera space (..., 3); NaN behind the camera."""
        with np.errstate(divide="ignore", invalid="ignore"):
            plane = np.where(points[..., 2:] > 0.0, points[..., :2] / points[..., 2:], np.nan)
        return self.distort(plane) * self.focal + self.centre

    def distort(self, plane: np.ndarray) -> np.ndarray:
        """Distorted image-plane coordinates (..., 2) of undistorted ones."""
        if self.fisheye:
            radius = np.maximum(np.linalg.norm(plane, axis=-1, keepdims=True), _LEAST)
            return plane * 2.0 * np.sin(np.arctan(radius) / 2.0) / radius
        return plane * (1.0 + self.k1 * np.sum(plane**2, axis=-1, keepdims=True))

    def rays(self, pixels: np.ndarray) -> np.ndarray:
        """Directions (..., 3), z = 1, in camera space of pixels (..., 2): `project` inverted (Newton)."""
        target = (np.asarray(pixels, float) - self.centre) / self.focal
        radius = np.linalg.norm(target, axis=-1, keepdims=True)
        bare = self._bare(radius)
        scale = np.divide(bare, radius, out=np.ones_like(radius), where=radius > 0.0)
        return np.concatenate([target * scale, np.ones_like(radius)], axis=-1)

    def _bare(self, radius: np.ndarray) -> np.ndarray:
        """How far from the middle what is seen so far from it would be without distortion."""
        if self.fisheye:
            return np.tan(2.0 * np.arcsin(radius / 2.0))
        bare = radius.copy()
        for _ in range(12):
            bare -= (bare * (1.0 + self.k1 * bare**2) - radius) / (1.0 + 3.0 * self.k1 * bare**2)
        return bare
