"""Plates that the engine's tests draw for themselves: truth by formula, nothing resampled.

A texture is a sum of plane waves, so a frame under any warp is the formula evaluated at warped places: exact at every
sub-pixel position. The bound is the Cramer-Rao bound for a translation estimated together with an affine change, gain
and bias, both frames carrying noise (Robinson & Milanfar 2004).
"""

from __future__ import annotations

import numpy as np


class Texture:
    """A random sum of plane waves with wavelengths of 5 to 60 px, about 0..1.

    ``shortest`` below 4 adds detail that a frame cannot show at its scale: give ``frame`` the scale, and what is
    finer than its pixels fades as it does in a lens.
    """

    def __init__(self, seed: int, waves: int = 48, shortest: float = 5.0) -> None:
        rng = np.random.default_rng(seed)
        wavelength = np.exp(rng.uniform(np.log(shortest), np.log(60.0), waves))
        angle = rng.uniform(0, np.pi, waves)
        self.wave = 2 * np.pi / wavelength * np.array([np.cos(angle), np.sin(angle)])  # (2, waves)
        self.phase = rng.uniform(0, 2 * np.pi, waves)
        self.amplitude = wavelength**0.5 / np.sqrt(np.sum(wavelength) / 2) * 0.16

    def frame(self, size: tuple[int, int], warp: np.ndarray | None = None, scale: float | None = None) -> np.ndarray:
        """(height, width) float32: pixel ``p`` shows the texture at ``warp @ p`` (a homography)."""
        width, height = size
        x, y = np.meshgrid(np.arange(width, dtype=float), np.arange(height, dtype=float))
        if warp is not None:
            x, y = apply(warp, np.stack([x.ravel(), y.ravel()], 1)).T.reshape(2, height, width)
        values = np.full((height, width), 0.5)
        seen = self.amplitude
        if scale is not None:
            seen = seen * np.exp(-0.5 * (0.8 * np.hypot(*self.wave) / scale) ** 2)
        for (kx, ky), phase, amplitude in zip(self.wave.T, self.phase, seen, strict=True):
            values += amplitude * np.cos(kx * x + ky * y + phase)
        return values.astype(np.float32)

    def gradient(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Exact derivatives at places."""
        angle = np.multiply.outer(x, self.wave[0]) + np.multiply.outer(y, self.wave[1]) + self.phase
        slope = -self.amplitude * np.sin(angle)
        return slope @ self.wave[0], slope @ self.wave[1]


def apply(warp: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 2) points through a homography."""
    moved = np.column_stack([points, np.ones(len(points))]) @ warp.T
    return moved[:, :2] / moved[:, 2:]


def around(
    centre: tuple[float, float],
    *,
    angle: float = 0.0,
    scale: float = 1.0,
    linear: np.ndarray | None = None,
    perspective: tuple[float, float] = (0.0, 0.0),
    shift: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """Homography that turns (radians), scales, shears, tilts about a centre and then shifts."""
    there, back = np.eye(3), np.eye(3)
    there[:2, 2], back[:2, 2] = np.array(centre) + shift, -np.array(centre)
    middle = np.eye(3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle[:2, :2] = scale * turn if linear is None else linear
    middle[2, :2] = perspective
    return there @ middle @ back


def bound(texture: Texture, points: np.ndarray, pattern_size: int, noise: float) -> np.ndarray:
    """(n, 2, 2) Cramer-Rao bound of the displacement's covariance, in pixels^2 of the first frame."""
    offsets = np.arange(pattern_size) - pattern_size // 2
    u, v = (grid.ravel().astype(float) for grid in np.meshgrid(offsets, offsets))
    result = np.empty((len(points), 2, 2))
    for n, (x, y) in enumerate(np.rint(points)):
        gx, gy = texture.gradient(x + u, y + v)
        value = sum(
            a * np.cos(kx * (x + u) + ky * (y + v) + p)
            for (kx, ky), p, a in zip(texture.wave.T, texture.phase, texture.amplitude, strict=True)
        )
        images = np.stack([gx, gy, gx * u, gx * v, gy * u, gy * v, value, np.ones_like(u)])
        result[n] = 2 * noise**2 * np.linalg.inv(images @ images.T)[:2, :2]
    return result


def grid_points(size: tuple[int, int], margin: int, step: int) -> np.ndarray:
    """(n, 2) places off the pixel grid, all over the frame."""
    x, y = np.meshgrid(np.arange(margin, size[0] - margin, step), np.arange(margin, size[1] - margin, step))
    points = np.stack([x.ravel(), y.ravel()], 1).astype(float)
    return points + np.random.default_rng(0).uniform(-0.5, 0.5, points.shape)


def test_texture_gradient_is_the_derivative_of_the_frame() -> None:
    texture = Texture(1)
    h = 1e-3
    shifted = [texture.frame((40, 30), around((0, 0), shift=(s * h, 0))).astype(float) for s in (-1, 1)]
    x, y = np.meshgrid(np.arange(40.0), np.arange(30.0))
    gx, _ = texture.gradient(x.ravel(), y.ravel())
    difference = ((shifted[1] - shifted[0]) / (2 * h)).ravel()
    assert np.abs(difference - gx).max() < 1e-3


def test_warp_places_what_it_says() -> None:
    warp = around((20, 15), angle=0.3, scale=1.1, shift=(2, -1))
    assert np.allclose(apply(warp, np.array([[20.0, 15.0]])), [[22, 14]])
    texture = Texture(2)
    direct = texture.frame((50, 50))
    moved = texture.frame((50, 50), around((0, 0), shift=(3, 2)))
    assert np.allclose(moved[:-2, :-3], direct[2:, 3:], atol=1e-6)
