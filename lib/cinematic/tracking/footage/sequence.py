"""Frames of an image sequence, through OpenImageIO."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ..coords import FrameNumbers
from ..errors import FootageError
from ..machine import available_cores
from .luminance import Image, Luminance
from .path import FootagePath
from .stream import Footage, Picture, pixel_aspect

REC709_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""Luminance of linear or display RGB (ITU-R BT.709)."""

_STORED = frozenset({"uint8", "uint16", "half"})  # what pixels are read as they are; everything else as float
_RGB = ["r", "g", "b"]
_PICTURES = frozenset({"rgba", "rgb", "beauty", "combined"})  # layers
_MOST_READERS = 4  # frames read at the same time; each takes a frame's memory
_STRIP = 256  # rows read at a time: they stay in the caches until they are weighed, and memory is used again
_SCENE_LINEAR_SUFFIXES = frozenset({".exr", ".hdr"})


class ImageSequence(Footage):
    """Numbered images, one a frame; the plate's numbers are the files'."""

    def __init__(self, footage: FootagePath) -> None:
        super().__init__()
        self.path = footage.first_file
        self.files = footage.files
        self.numbers = FrameNumbers(footage.number, len(footage.files))
        spec = _read_spec(self.path)
        self.size = (spec.width, spec.height)
        self._corner = (spec.x, spec.y)
        self.picture = _picture(spec)
        rate = spec.getattribute("FramesPerSecond") or spec.getattribute("dpx:FrameRate")
        self.fps = _rate(rate)
        self.pixel_aspect = pixel_aspect(spec.getattribute("PixelAspectRatio"))

    def _decode(self, numbers: range) -> Iterator[tuple[int, Image]]:
        """Several are read at the same time: few formats are decoded by more than one core."""
        together = min(len(numbers), available_cores(), _MOST_READERS)
        waiting = iter(numbers)
        with ThreadPoolExecutor(together, "footage reader") as readers:
            begun: deque[tuple[int, Future[Image]]] = deque()

            def begin(count: int) -> None:
                for number in islice(waiting, count):
                    begun.append((number, readers.submit(self._read, self.files[number - self.numbers.first])))

            begin(together)
            try:
                while begun:
                    number, reading = begun.popleft()
                    image = reading.result()
                    begin(1)
                    yield number, image
            finally:
                for _, reading in begun:
                    reading.cancel()

    def _read(self, file: Path) -> Image:
        image = oiio.ImageInput.open(str(file))
        if image is None:
            raise FootageError(f"expected an image, cannot open {file}: {oiio.geterror()}")
        try:
            spec = image.spec()
            if (spec.width, spec.height) != self.size:
                raise FootageError(
                    f"expected every image of the sequence to be {self.size[0]}x{self.size[1]} like the first, "
                    f"got {spec.width}x{spec.height}: {file}"
                )
            if (spec.x, spec.y) != self._corner:
                raise FootageError(
                    f"expected every image's data window to begin at {self._corner[0]}, {self._corner[1]} like the "
                    f"first's, got {spec.x}, {spec.y}: {file}"
                )
            luminance = np.empty((spec.height, spec.width), np.float32)
            for rows, pixels in _strips(image, spec):
                if pixels is None:
                    raise FootageError(f"cannot read {file}: {image.geterror()}")
                _weigh(pixels, luminance[rows])
        finally:
            image.close()
        return Image(display_curve(luminance) if file.suffix.lower() in _SCENE_LINEAR_SUFFIXES else luminance)


def _strips(image: Any, spec: Any) -> Iterator[tuple[slice, Any]]:
    """Pixels (rows, width, 3 or 1) of an image as they are stored, strip by strip; None instead of those that cannot be
    read."""
    begin, end = _channels(spec)
    native = str(spec.format) if not spec.channelformats and str(spec.format) in _STORED else oiio.FLOAT
    if spec.tile_width:
        yield slice(0, spec.height), image.read_image(begin, end, native)
        return
    for top in range(0, spec.height, _STRIP):
        bottom = min(top + _STRIP, spec.height)
        pixels = image.read_scanlines(spec.y + top, spec.y + bottom, spec.z, begin, end, native)
        yield slice(top, bottom), pixels


def _channels(spec: Any) -> tuple[int, int]:
    """Which channels are the picture, first and behind the last: red, green and blue, or one that is grey.

    An EXR may hold several layers (``diffuse.R``), which come by their names: the picture among them is mostly called
    ``rgba`` or, by renderers, ``beauty`` or ``Combined``. A grey one may have depth and alpha beside it.
    """
    names = [name.lower() for name in spec.channelnames]
    layers, kinds = ([name.rpartition(".")[part] for name in names] for part in (0, 2))
    colours = [at for at in range(len(names) - 2) if kinds[at : at + 3] == _RGB]
    begin = min(colours, key=lambda at: (layers[at] != "", layers[at].rpartition(".")[2] not in _PICTURES), default=-1)
    if (begin < 0 or layers[begin]) and "y" in names and "k" not in names:  # yellow has black beside it
        return names.index("y"), names.index("y") + 1
    if begin < 0:
        return 0, 3 if len(names) >= 3 else 1
    return begin, begin + 3


def _weigh(pixels: Any, luminance: Luminance) -> None:
    """Fill the luminance (rows, width) of pixels (rows, width, 3 or 1) that are floats, halves or whole numbers."""
    import cv2  # a tenth of a second that movies do not need

    scale = 1.0
    if pixels.dtype == np.float16:
        pixels = _floats(pixels)
    elif pixels.dtype != np.float32:
        scale = float(np.iinfo(pixels.dtype).max)
        pixels = pixels.astype(np.float32)
    weights = REC709_WEIGHTS if pixels.shape[2] == 3 else np.ones(1, np.float32)
    cv2.transform(pixels, (weights / np.float32(scale))[None], dst=luminance)


def _floats(halves: Any) -> Any:
    """The processor's own conversion, several times as fast as numpy's. OpenCV has had a type for halves since 5."""
    import cv2

    if cv2.__version__ < "5":
        floats = cv2.convertFp16(halves.view(np.int16))
    else:
        floats = cv2.add(halves, np.zeros(4), dtype=cv2.CV_32F)
    return np.reshape(floats, halves.shape)  # it drops the last axis of grey ones


def display_curve(linear: Luminance) -> Luminance:
    """Scene-linear light on the sRGB curve (IEC 61966-2-1), so that patterns have contrast in the shadows, too.

    Above diffuse white (1.0) the curve simply goes on: highlights keep their detail. Negative light is black.
    """
    import cv2  # its power is twice as fast as numpy's

    linear = np.maximum(linear, np.float32(0))
    curve: Luminance = np.asarray(cv2.pow(linear, 1 / 2.4), dtype=np.float32)
    curve *= np.float32(1.055)
    curve -= np.float32(0.055)
    return np.multiply(linear, np.float32(12.92), out=curve, where=linear <= np.float32(0.0031308))


def _read_spec(file: Path) -> Any:
    image = oiio.ImageInput.open(str(file))
    if image is None:
        raise FootageError(f"expected an image, cannot open {file}: {oiio.geterror()}")
    spec = image.spec()
    image.close()
    if spec.width < 1 or spec.height < 1:
        raise FootageError(f"expected an image, got {spec.width}x{spec.height} pixels in {file}")
    return spec


def read_picture(file: Path) -> Picture | None:
    """The picture of an image whose pixels are another rectangle; None: its own pixels."""
    return _picture(_read_spec(file))


def _picture(spec: Any) -> Picture | None:
    left, top = spec.x - spec.full_x, spec.y - spec.full_y
    width, height = spec.full_width, spec.full_height
    if (left, top, width, height) == (0, 0, spec.width, spec.height):
        return None
    return Picture((width, height), left, height - top - spec.height)


def _rate(value: Any) -> float | None:
    """Frames a second from an EXR's rational or a DPX's number; None where there is none."""
    if isinstance(value, tuple) and len(value) == 2 and value[1]:
        return value[0] / value[1]
    return float(value) if isinstance(value, int | float) and value > 0 else None
