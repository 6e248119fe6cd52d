"""Grey pictures as data URIs: a frame as JPEG, a pattern as PNG."""

from __future__ import annotations

import base64
import struct
import zlib
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..footage import Luminance

if TYPE_CHECKING:
    import av

FRAME_SIDE = 1280
"""The longer side of a frame in the report, px, at most."""

FRAME_BYTES = 350_000
"""A frame's JPEG is coarsened until it is at most so large."""

QUANTISERS = (4, 7, 12, 20, 31)
"""JPEG quantiser scales, fine to coarse."""

PATTERN_SIDE = 41
"""A pattern's side in the report, px, at most."""

CONTRAST = 2.5
"""Standard deviations from a pattern's mean to black and to white."""

FLAT = 0.004
"""Below this standard deviation (luminance, 0-1) contrast is not stretched further: there is only noise."""


def frame_uri(image: Luminance) -> str:
    """A frame as JPEG: at most :data:`FRAME_SIDE` on its longer side and about :data:`FRAME_BYTES` long."""
    import av

    grey = np.ascontiguousarray((np.clip(np.nan_to_num(image), 0, 1) * 255 + 0.5).astype(np.uint8))
    height, width = grey.shape
    scale = min(1.0, FRAME_SIDE / max(width, height))
    picture = av.VideoFrame.from_ndarray(grey, format="gray").reformat(
        width=max(1, round(width * scale)),
        height=max(1, round(height * scale)),
        format="yuvj444p",
        interpolation="AREA",
        src_color_range="JPEG",
        dst_color_range="JPEG",
    )
    data = b""
    for quantiser in QUANTISERS:
        data = _jpeg(picture, quantiser)
        if len(data) <= FRAME_BYTES:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"


def pattern_uri(pattern: npt.NDArray[np.float32]) -> str:
    """A pattern (side, side) as PNG, its contrast normalised; what is NaN is transparent."""
    known = np.isfinite(pattern)
    values = pattern[known]
    mean, spread = (float(values.mean()), max(float(values.std()), FLAT)) if values.size else (0.0, 1.0)
    stretched = (np.where(known, pattern, mean) - mean) / (2 * CONTRAST * spread) + 0.5
    grey = (np.clip(stretched, 0, 1) * 255 + 0.5).astype(np.uint8)
    pixels = grey[..., None] if known.all() else np.stack([grey, np.where(known, 255, 0).astype(np.uint8)], axis=-1)
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode('ascii')}"


def png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """An image (height, width, 1) grey or (height, width, 2) grey and alpha as PNG (RFC 2083)."""
    height, width, channels = pixels.shape
    rows = np.zeros((height, 1 + width * channels), np.uint8)  # each row begins with its filter, 0: none
    rows[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">2I5B", width, height, 8, {1: 0, 2: 4}[channels], 0, 0, 0)
    body = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows.tobytes(), 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _jpeg(picture: av.VideoFrame, quantiser: int) -> bytes:
    import av

    encoder = av.VideoCodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuvj444p"
    encoder.time_base = Fraction(1, 25)
    encoder.options = {"qmin": str(quantiser), "qmax": str(quantiser)}
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])
