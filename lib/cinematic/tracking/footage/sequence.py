"""Frames of an image sequence, through OpenImageIO."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO as oiio

from ..coords import FrameNumbers
from ..errors import FootageError
from .path import FootagePath
from .stream import Footage, Luminance

REC709_WEIGHTS = np.array([0.2126, 0.7152, 0.0722], dtype=np.float32)
"""Luminance of linear or display RGB (ITU-R BT.709)."""

_SCENE_LINEAR_SUFFIXES = frozenset({".exr", ".hdr"})


class ImageSequence(Footage):
    """Numbered images, one a frame; the plate's numbers are the files'."""

    def __init__(self, footage: FootagePath) -> None:
        self.path = footage.first_file
        self.files = footage.files
        self.numbers = FrameNumbers(footage.number, len(footage.files))
        spec = _read_spec(self.path)
        self.size = (spec.width, spec.height)
        rate = spec.getattribute("FramesPerSecond") or spec.getattribute("dpx:FrameRate")
        self.fps = _rate(rate)

    def _decode(self, first: int, last: int) -> Iterator[tuple[int, Luminance]]:
        for frame in range(first, last + 1):
            yield frame, self._read(self.files[frame - self.numbers.first])

    def _read(self, file: Path) -> Luminance:
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
            colour = slice(0, 3) if spec.nchannels >= 3 else slice(0, 1)
            pixels = image.read_image(colour.start, colour.stop, oiio.FLOAT)
            if pixels is None:
                raise FootageError(f"cannot read {file}: {image.geterror()}")
        finally:
            image.close()
        luminance = pixels @ REC709_WEIGHTS if colour.stop == 3 else pixels[..., 0]
        return display_curve(luminance) if file.suffix.lower() in _SCENE_LINEAR_SUFFIXES else luminance


def display_curve(linear: Luminance) -> Luminance:
    """Scene-linear light on the sRGB curve (IEC 61966-2-1), so that patterns have contrast in the shadows, too.

    Above diffuse white (1.0) the curve simply goes on: highlights keep their detail. Negative light is black.
    """
    linear = np.maximum(linear, np.float32(0))
    curve = np.float32(1.055) * np.power(linear, np.float32(1 / 2.4)) - np.float32(0.055)
    return np.where(linear <= np.float32(0.0031308), np.float32(12.92) * linear, curve)


def _read_spec(file: Path) -> Any:
    image = oiio.ImageInput.open(str(file))
    if image is None:
        raise FootageError(f"expected an image, cannot open {file}: {oiio.geterror()}")
    spec = image.spec()
    image.close()
    if spec.width < 1 or spec.height < 1:
        raise FootageError(f"expected an image, got {spec.width}x{spec.height} pixels in {file}")
    return spec


def _rate(value: Any) -> float | None:
    """Frames a second from an EXR's rational or a DPX's number; None where there is none."""
    if isinstance(value, tuple) and len(value) == 2 and value[1]:
        return value[0] / value[1]
    return float(value) if isinstance(value, int | float) and value > 0 else None
