"""Warped plates: a large textured still seen through a known moving homography. Truth is exact, and made in
seconds.

Every pixel is the mean of `supersampling`^2 point samples of the still, taken in floating point, so that no
rounding of an image library gets into the truth. Noise is independent in every pixel and frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numba import njit, prange

from benchmarks.plates.motion import along, smooth_noise
from benchmarks.score import Reference

STILL_SCALE = 2.0  # pixels of the still per pixel of the plate


@dataclass(frozen=True)
class WarpedPlate:
    """A plate by its seed. Frames are made when they are asked for."""

    seed: int = 0
    width: int = 1920
    height: int = 1080
    frames: int = 60
    noise: float = 2.0  # sigma, of 255
    supersampling: int = 3
    turn: float = 26.0  # degrees between the first and the last frame
    zoom: float = 1.4  # scale between the first and the last frame
    tilt: float = 0.07  # perspective: the foreshortening over half the picture's width in the last frame

    @cached_property
    def homographies(self) -> np.ndarray:
        """From pixels of frame 1 to those of every frame, shape (frames, 3, 3); the first is the identity."""
        rng = np.random.default_rng([self.seed, 1])
        sign = rng.choice([-1.0, 1.0], 4)
        t = along([[0, 0, 0], [0.45, 0.45, 0.45], [1, 1, 1]], self.frames)[:, 0]
        wobble = smooth_noise(self.frames, 24.0, 3.0, rng) * [0.0012 * self.width, 0.0012 * self.width, 0.002]
        wobble -= wobble[0]
        matrices = np.empty((self.frames, 3, 3))
        for k in range(self.frames):
            angle = sign[0] * np.radians(self.turn) * t[k] + wobble[k, 2]
            scale = self.zoom ** (sign[1] * t[k])
            shift = np.array([0.03 * sign[2], 0.02 * sign[3]]) * self.width * t[k] + wobble[k, :2]
            tilt = self.tilt * t[k] / (0.5 * self.width) * np.array([sign[2], 0.6 * sign[3]])
            matrices[k] = self._about_centre(angle, scale, shift, tilt)
        return matrices

    def _about_centre(self, angle: float, scale: float, shift: np.ndarray, tilt: np.ndarray) -> np.ndarray:
        c, s = scale * np.cos(angle), scale * np.sin(angle)
        middle = np.array([0.5 * (self.width - 1), 0.5 * (self.height - 1)])
        to_centre = np.array([[1, 0, -middle[0]], [0, 1, -middle[1]], [0, 0, 1]])
        move = np.array([[c, -s, shift[0]], [s, c, shift[1]], [tilt[0], tilt[1], 1.0]])
        return np.linalg.inv(to_centre) @ move @ to_centre

    @cached_property
    def still(self) -> np.ndarray:
        """The picture behind the plate, float32 in 0..255, `STILL_SCALE` times finer than frame 1."""
        return draw_still(self.seed, int(1.5 * STILL_SCALE * self.width), int(1.6 * STILL_SCALE * self.height))

    def clean(self, frame: int) -> np.ndarray:
        """A frame (numbered from 1) without noise, float32 (height, width)."""
        shift = STILL_SCALE * (np.array([0.25 * self.width, 0.3 * self.height]) + 0.5) - 0.5
        to_still = np.array([[STILL_SCALE, 0, shift[0]], [0, STILL_SCALE, shift[1]], [0, 0, 1]])
        inverse = to_still @ np.linalg.inv(self.homographies[frame - 1])
        return _sample(self.still, inverse, self.width, self.height, self.supersampling)

    def picture(self, frame: int) -> np.ndarray:
        """A frame (numbered from 1) with noise, uint8 (height, width)."""
        rng = np.random.default_rng([self.seed, 2, frame])
        noisy = self.clean(frame) + self.noise * rng.standard_normal((self.height, self.width), dtype=np.float32)
        return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)

    def pictures(self) -> Iterator[np.ndarray]:
        """All frames in order."""
        return (self.picture(frame) for frame in range(1, self.frames + 1))

    def reference(self, pixels: np.ndarray) -> Reference:
        """The truth for points (n, 2) of frame 1: visible wherever they are inside the picture."""
        flat = np.c_[pixels, np.ones(len(pixels))]
        moved = np.einsum("fij,nj->nfi", self.homographies, flat)
        positions = moved[..., :2] / moved[..., 2:]
        limit = np.array([self.width, self.height]) - 0.5
        inside = np.all((positions >= -0.5) & (positions <= limit), axis=2)
        start = np.zeros(len(pixels), int)
        return Reference(positions, inside, np.ones(len(pixels), bool), start, (self.width, self.height))


def local_jacobians(homographies: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """How offsets around points (n, 2) of frame 1 appear in every frame, shape (n, frames, 2, 2)."""
    flat = np.c_[pixels, np.ones(len(pixels))]
    moved = np.einsum("fij,nj->nfi", homographies, flat)
    position = moved[..., :2] / moved[..., 2:]
    upper, lower = homographies[None, :, :2, :2], homographies[None, :, 2:, :2]
    return (upper - position[..., None] * lower) / moved[..., 2:, None]


def draw_still(seed: int, width: int, height: int) -> np.ndarray:
    """A picture full of corners, edges and blobs of every size, float32 (height, width) in about 20..235.

    Overlapping polygons, discs and strokes over fractal noise, softened a little so that it holds no detail
    finer than its own pixels.
    """
    rng = np.random.default_rng([seed, 0])
    picture = np.zeros((height, width), np.float32)
    for octave in range(7):
        cells = (max(2, height >> (9 - octave)) + 2, max(2, width >> (9 - octave)) + 2)
        layer = rng.standard_normal(cells).astype(np.float32)
        picture += cv2.resize(layer, (width, height), interpolation=cv2.INTER_CUBIC) * 0.72**octave
    picture = 128.0 + 26.0 * picture
    for _ in range(width * height // 6000):
        _draw_shape(picture, rng)
    fine = cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 1.6)
    picture += 30.0 * fine
    return cv2.GaussianBlur(np.clip(picture, 20.0, 235.0), (0, 0), 1.0)


def _draw_shape(picture: np.ndarray, rng: np.random.Generator) -> None:
    """One filled polygon, disc or stroke somewhere, most of them small."""
    height, width = picture.shape
    centre = rng.uniform([0, 0], [width, height])
    radius = 5.0 * (1.0 - rng.random()) ** -0.9
    radius = min(radius, 0.06 * width)
    value, kind, shift = float(rng.uniform(25, 230)), rng.random(), 4
    fixed = np.rint(centre * (1 << shift)).astype(int)
    if kind < 0.25:
        cv2.circle(picture, fixed.tolist(), int(radius * (1 << shift)), value, -1, cv2.LINE_8, shift)
        return
    corners = 2 if kind < 0.4 else int(rng.integers(3, 7))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    outline = centre + radius * rng.uniform(0.5, 1.0, (corners, 1)) * np.c_[np.cos(angles), np.sin(angles)]
    outline = np.rint(outline * (1 << shift)).astype(np.int32)
    if corners == 2:
        thickness = int(rng.integers(2, 7))
        cv2.line(picture, outline[0].tolist(), outline[1].tolist(), value, thickness, cv2.LINE_8, shift)
    else:
        cv2.fillPoly(picture, [outline], value, cv2.LINE_8, shift)


@njit(parallel=True, cache=True)
def _sample(still: np.ndarray, inverse: np.ndarray, width: int, height: int, fine: int) -> np.ndarray:
    """Mean of fine x fine bilinear samples of `still` in each pixel; `inverse` maps plate to still."""
    rows, columns = still.shape
    result = np.empty((height, width), np.float32)
    for y in prange(height):
        for x in range(width):
            total = 0.0
            for a in range(fine):
                v = y + (a + 0.5) / fine - 0.5
                for b in range(fine):
                    u = x + (b + 0.5) / fine - 0.5
                    w = inverse[2, 0] * u + inverse[2, 1] * v + inverse[2, 2]
                    p = (inverse[0, 0] * u + inverse[0, 1] * v + inverse[0, 2]) / w
                    q = (inverse[1, 0] * u + inverse[1, 1] * v + inverse[1, 2]) / w
                    p = min(max(p, 0.0), columns - 1.001)
                    q = min(max(q, 0.0), rows - 1.001)
                    i, j = int(p), int(q)
                    f, g = p - i, q - j
                    top = still[j, i] * (1.0 - f) + still[j, i + 1] * f
                    low = still[j + 1, i] * (1.0 - f) + still[j + 1, i + 1] * f
                    total += top * (1.0 - g) + low * g
            result[y, x] = total / (fine * fine)
    return result
