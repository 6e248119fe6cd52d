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

Extent = tuple[float, float]
"""The same in units of a pixel's width, where pixels may not be square: see :func:`squared`."""

SQUARE = 1.0
"""The pixel aspect, a pixel's width over its height, of a picture that is shown as it is stored."""


def pixels_from_co(co: npt.ArrayLike, size: Extent) -> npt.NDArray[np.float64]:
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


def squared(pixels: npt.ArrayLike, pixel_aspect: float) -> npt.NDArray[np.float64]:
    """Pixel positions (..., 2) of a picture whose pixels are not square, in units of a pixel's width.

    The picture is as wide as before and 1 / ``pixel_aspect`` as high (:func:`squared_size`), as Blender's solver sees
    it; the centre of its first square unit is again (0, 0).
    """
    pixels = np.asarray(pixels, dtype=np.float64)
    return np.stack([pixels[..., 0], (pixels[..., 1] + 0.5) / pixel_aspect - 0.5], axis=-1)


def scaled(pixels: npt.NDArray[np.float64], factor: float) -> npt.NDArray[np.float64]:
    """Pixel positions (..., 2) of a picture where it is ``factor`` times as many pixels wide and high."""
    return (pixels + 0.5) * factor - 0.5


def squared_size(size: Extent, pixel_aspect: float) -> Extent:
    """Width and height of a picture in units of a pixel's width: see :func:`squared`."""
    return size[0], size[1] / pixel_aspect


def lengths(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of vectors (..., 2). numpy's norm takes several times as long along so short an axis."""
    x, y = vectors[..., 0], vectors[..., 1]
    return np.asarray(np.sqrt(x * x + y * y))


def corners_of(area: Area, size: Size) -> Corners:
    """A rectangle around a marker, px, as normalised corners: bottom-left, bottom-right, top-right, top-left."""
    x, y, width, height = area
    offsets = np.array([(x, y), (x + width, y), (x + width, y + height), (x, y + height)]) / size
    return tuple(offsets.ravel().tolist())


HALF_PIXELS = ("edge", "centre")
"""Where another tool's positions have their zero: at the first pixel's outer edge, or in its centre."""


@dataclass(frozen=True)
class Axes:
    """How another tool's files measure a position in a picture of W x H pixels.

    ``unit`` ``px``: 0 to W at the outer edges. ``fraction``: 0 to 1. ``signed``: -1 to 1. With ``half_pixel``
    ``centre`` the same numbers (of ``px``: 0 to W - 1) lie in the centres of the first and the last pixel.
    """

    unit: str  # "px", "fraction" or "signed"
    y_down: bool  # True: the origin is at the top
    half_pixel: str = "edge"  # one of HALF_PIXELS

    @property
    def needs_size(self) -> bool:
        """Whether a position means nothing without the picture's size."""
        return self.unit == "px" or self.half_pixel == "centre"


def positions_on_axes(co: npt.ArrayLike, size: Size | None, axes: Axes) -> npt.NDArray[np.float64]:
    """Normalised positions as another tool counts them; shapes (..., 2).

    Parameters
    ----------
    size
        px; may be None where :attr:`Axes.needs_size` is False.
    """
    fractions = np.array(co, dtype=np.float64)
    if axes.y_down:
        fractions[..., 1] = 1.0 - fractions[..., 1]
    if axes.needs_size:
        lengths, first, span = _extent(size, axes)
        positions = fractions * lengths - first
        if axes.unit == "px":
            return positions
        fractions = positions / span
    return fractions * 2.0 - 1.0 if axes.unit == "signed" else fractions


def co_on_axes(positions: npt.ArrayLike, size: Size | None, axes: Axes) -> npt.NDArray[np.float64]:
    """Normalised positions of another tool's: the inverse of :func:`positions_on_axes`."""
    co = np.array(positions, dtype=np.float64)
    if axes.unit == "signed":
        co = (co + 1.0) / 2.0
    if axes.needs_size:
        lengths, first, span = _extent(size, axes)
        co = (co * (1.0 if axes.unit == "px" else span) + first) / lengths
    if axes.y_down:
        co[..., 1] = 1.0 - co[..., 1]
    return co


def _extent(size: Size | None, axes: Axes) -> tuple[npt.NDArray[np.float64], float, npt.NDArray[np.float64]]:
    """The picture's lengths, where its first pixel is counted from, and what is one or two units; px."""
    if size is None:
        raise ParameterError("expected the footage's size, got none")
    lengths = np.array(size, dtype=np.float64)
    first = 0.5 if axes.half_pixel == "centre" else 0.0
    if axes.unit != "px" and first and lengths.min() < 2:
        raise ParameterError(f"expected a picture of at least 2x2 pixels to count from pixel centres, got {size}")
    return lengths, first, lengths - 2.0 * first


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
