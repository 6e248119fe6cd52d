"""Axis flips, normalisation, half pixels and frame numbers: the only module that converts any of them.

Three places have a say in where a point is::

    public (Blender's ``co``)            inside (engine, metrics)
    (0,1) +-----------+ (1,1)            (-0.5,-0.5) +-----------+ (W-0.5,-0.5)
          |           |                              | o         |   o = (0, 0), the CENTRE
          |           |                              |           |       of the top-left pixel
    (0,0) +-----------+ (1,0)          (-0.5, H-0.5) +-----------+ (W-0.5, H-0.5)

so ``x = co.x * W - 0.5`` and ``y = (1 - co.y) * H - 0.5``. Measured on Blender 5.0.1: its markers follow this.

And three countings of frames: the *plate's* own numbers (public: a movie starts at 1, ``shot.1001.exr`` at
1001), Blender's *clip* frames (``marker.frame``: the first frame of the footage is 1) and Blender's *scene*
frames (the timeline, shifted by ``clip.frame_start``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .errors import ParameterError
from .types import Area, Corners

Size = tuple[int, int]
"""Width and height of the footage, px."""


def pixels_from_co(co: npt.ArrayLike, size: Size) -> npt.NDArray[np.float64]:
    """Pixel positions of normalised positions.

    Parameters
    ----------
    co : (..., 2) array_like
        Normalised, origin at the outer corner of the bottom-left pixel, y up.
    size : (width, height)
        Of the footage, px.

    Returns
    -------
    (..., 2) float64
        Pixels, origin at the centre of the top-left pixel, y down.
    """
    width, height = size
    co = np.asarray(co, dtype=np.float64)
    return np.stack([co[..., 0] * width - 0.5, (1.0 - co[..., 1]) * height - 0.5], axis=-1)


def co_from_pixels(pixels: npt.ArrayLike, size: Size) -> npt.NDArray[np.float64]:
    """Normalised positions of pixel positions: the inverse of :func:`pixels_from_co`, shapes (..., 2)."""
    width, height = size
    pixels = np.asarray(pixels, dtype=np.float64)
    return np.stack([(pixels[..., 0] + 0.5) / width, 1.0 - (pixels[..., 1] + 0.5) / height], axis=-1)


def pixel_offsets_from_co(offsets: npt.ArrayLike, size: Size) -> npt.NDArray[np.float64]:
    """Pixel offsets (y down) of normalised offsets (y up), such as Blender's pattern corners; shapes (..., 2)."""
    width, height = size
    return np.asarray(offsets, dtype=np.float64) * np.array([width, -height], dtype=np.float64)


def co_offsets_from_pixels(offsets: npt.ArrayLike, size: Size) -> npt.NDArray[np.float64]:
    """Normalised offsets (y up) of pixel offsets (y down): the inverse of :func:`pixel_offsets_from_co`."""
    width, height = size
    return np.asarray(offsets, dtype=np.float64) / np.array([width, -height], dtype=np.float64)


def corners_of(area: Area, size: Size) -> Corners:
    """A rectangle around a marker, px, as normalised corners: bottom-left, bottom-right, top-right, top-left."""
    x, y, width, height = area
    offsets = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]) / size
    return tuple(offsets.ravel().tolist())


@dataclass(frozen=True)
class FrameNumbers:
    """How the frames of one clip are counted: on the plate, in Blender's clip and in Blender's scene."""

    plate_first: int  # the plate's number of its first frame: 1 for a movie, 1001 for shot.1001.exr
    duration: int  # number of frames
    scene_first: int = 1  # Blender's clip.frame_start: the scene frame that shows the first frame

    @property
    def first(self) -> int:
        """The plate's first frame."""
        return self.plate_first

    @property
    def last(self) -> int:
        """The plate's last frame, inclusive."""
        return self.plate_first + self.duration - 1

    def clip_from_plate(self, frame: int) -> int:
        """Blender's marker frame of a plate frame."""
        return frame - self.plate_first + 1

    def plate_from_clip(self, frame: int) -> int:
        """The plate's number of a Blender marker frame."""
        return frame + self.plate_first - 1

    def scene_from_plate(self, frame: int) -> int:
        """The scene frame at which Blender shows a plate frame."""
        return self.clip_from_plate(frame) + self.scene_first - 1

    def checked(self, frame: int, name: str = "frame") -> int:
        """``frame`` itself, or a :class:`ParameterError` when it is no whole number within the plate."""
        if isinstance(frame, bool) or not isinstance(frame, int | np.integer):
            raise ParameterError(f"expected {name} to be a whole number, got {frame!r}")
        if not self.first <= frame <= self.last:
            raise ParameterError(f"expected {name} within {self.first}-{self.last}, got {frame}")
        return int(frame)
