"""Plates with exact truth, drawn by the tests themselves.

A smooth random texture is seen through a known affine motion. Smooth means band-limited: what is interpolated
from it is exact to a hundredth of a grey level, so the truth of a point is the motion itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Plate:
    """Frames and how points move in them."""

    frames: list[npt.NDArray[np.uint8]]  # (height, width)
    motions: npt.NDArray[np.float64]  # (n, 2, 3): pixel on the first frame -> pixel on frame i

    @property
    def size(self) -> tuple[int, int]:
        height, width = self.frames[0].shape
        return width, height

    def truth(self, points: npt.ArrayLike, index: int) -> npt.NDArray[np.float64]:
        """Where points (n, 2), px on the first frame, are on frame ``index``."""
        matrix = self.motions[index]
        return np.asarray(points, dtype=np.float64) @ matrix[:, :2].T + matrix[:, 2]

    def on_first_frame(self, point: npt.ArrayLike, index: int) -> npt.NDArray[np.float64]:
        """The first frame's pixel (1, 2) of what is at ``point`` on frame ``index``."""
        inverse = cv2.invertAffineTransform(self.motions[index])
        return np.atleast_2d(point) @ inverse[:, :2].T + inverse[:, 2]


def drawn_plate(
    count: int = 24,
    size: tuple[int, int] = (320, 240),
    rotation: float = 12.0,
    zoom: float = 1.25,
    shift: tuple[float, float] = (14.0, -9.0),
    seed: int = 1,
) -> Plate:
    """A plate of ``count`` frames that turns by ``rotation`` degrees, zooms and shifts from first to last."""
    width, height = size
    texture = smooth_texture((height + 240, width + 240), seed)
    to_texture = np.array([[1, 0, 120], [0, 1, 120]], dtype=np.float64)  # the first frame's place in the texture
    motions = np.stack([_motion(i / (count - 1), size, rotation, zoom, shift) for i in range(count)])
    frames = []
    for motion in motions:
        inverse = cv2.invertAffineTransform(motion)
        sampling = np.column_stack([inverse[:, :2], inverse[:, 2] + to_texture[:, 2]])
        warped = cv2.warpAffine(
            texture, sampling, size, flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REFLECT
        )
        frames.append(np.clip(np.round(warped), 0, 255).astype(np.uint8))
    return Plate(frames, motions)


def smooth_texture(shape: tuple[int, int], seed: int) -> npt.NDArray[np.float32]:
    """Band-limited noise of two scales, 20 to 235."""
    noise = np.random.default_rng(seed).standard_normal(shape).astype(np.float32)
    texture = cv2.GaussianBlur(noise, (0, 0), 2.0) / 0.14 + cv2.GaussianBlur(noise[::-1], (0, 0), 6.0) / 0.05
    return 20 + 215 * (texture - texture.min()) / (texture.max() - texture.min())


def wall(shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Luminance with detail of all sizes, from two pixels to forty."""
    layers = sum(cv2.GaussianBlur(rng.normal(0, size, shape), (0, 0), size) for size in (1.0, 2.0, 4.0, 8.0, 16.0))
    return (0.5 + 0.15 * layers / layers.std()).astype(np.float32)


def write_movie(path: Path, frames: Sequence[npt.NDArray[np.uint8]], rate: int = 24) -> Path:
    """A lossless movie of grey frames."""
    height, width = frames[0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"qp": "0", "preset": "ultrafast", "g": "8"}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.repeat(frame[..., None], 3, axis=2), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path


def write_sequence(folder: Path, frames: Sequence[npt.NDArray[np.uint8]], first: int = 1001) -> Path:
    """PNG files ``shot.1001.png`` and on; the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames, start=first):
        assert cv2.imwrite(str(folder / f"shot.{number}.png"), frame)
    return folder


def _motion(
    progress: float, size: tuple[int, int], rotation: float, zoom: float, shift: tuple[float, float]
) -> npt.NDArray[np.float64]:
    centre = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    matrix = cv2.getRotationMatrix2D(centre, rotation * progress, zoom**progress)
    matrix[:, 2] += np.multiply(shift, progress)
    return matrix
