"""Frames of a movie file, through PyAV (FFmpeg)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.video.reformatter import ColorRange, VideoReformatter

from ..coords import FrameNumbers
from ..errors import FootageError
from .luminance import Luminance
from .stream import Footage, pixel_aspect

_NO_FOOTAGE = frozenset({"tty"})
"""FFmpeg "plays" any text file as an ANSI terminal; nobody means that."""

PIECE = 128 * 2**20
"""Bytes of luma that are decoded to be handed out backwards: 64 frames of 1080p in 8 bits. More would save decoding,
since each piece of a movie begins at the keyframe before it; fewer would save memory."""


class Luma(NamedTuple):
    """The luma of a frame as it is stored, and how it becomes luminance."""

    stored: npt.NDArray[Any]  # (height, width) uint8 or uint16
    black: int
    white: int
    turns: int  # quarter turns anticlockwise

    @property
    def nbytes(self) -> int:
        """What it takes, bytes."""
        return self.stored.nbytes

    @property
    def luminance(self) -> Luminance:
        """Full range, upright."""
        image = self.stored.astype(np.float32)
        if self.black:
            image -= np.float32(self.black)
        image *= np.float32(1 / (self.white - self.black))
        return np.ascontiguousarray(np.rot90(image, self.turns)) if self.turns else image


class Movie(Footage):
    """A movie; its frames count from 1 in the order in which they are shown."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        with _video_stream(path) as stream:
            rate = stream.average_rate or stream.guessed_rate
            self.fps = float(rate) if rate else None
            self.pixel_aspect = pixel_aspect(stream.sample_aspect_ratio)
            packets = [packet for packet in stream.container.demux(stream) if packet.size]
        if not packets:
            raise FootageError(f"expected a movie with frames, got {path}")
        # None where a stream does not carry times: frames can then only be counted from the start.
        times = [packet.pts for packet in packets]
        self._times: list[int] | None = sorted(times) if None not in times else None
        self._keyframe_times = sorted(p.pts for p in packets if p.is_keyframe and p.pts is not None)
        self.numbers = FrameNumbers(1, len(packets))
        _, first = next(self._numbered_from(1), (1, None))
        if first is None:
            raise FootageError(f"expected a movie with frames, got {path}")
        self.is_interlaced = bool(first.interlaced_frame)
        luma = _luma(first, VideoReformatter())
        self.is_turned = luma.turns != 0
        self.size = _size_of(luma)
        self._bytes_a_frame = luma.nbytes

    @property
    def has_variable_rate(self) -> bool:
        """True: frames are not shown for equal times. They are counted as they are stored, whatever their times."""
        if self._times is None or len(self._times) < 3:
            return False
        steps = [later - earlier for earlier, later in pairwise(self._times)]
        return max(steps) - min(steps) > max(1, 0.05 * min(steps))  # a time base may round every step up or down

    def _decode(self, numbers: range) -> Iterator[tuple[int, Luma]]:
        return self._lumas(numbers[0], numbers[-1]) if numbers.step > 0 else self._backwards(numbers)

    def _backwards(self, numbers: range) -> Iterator[tuple[int, Luma]]:
        """Pieces from the end, each decoded forwards and handed out backwards."""
        length = max(1, PIECE // self._bytes_a_frame)
        while numbers:
            here, numbers = numbers[:length], numbers[length:]
            piece = list(self._lumas(here[-1], here[0]))
            while piece:
                yield piece.pop()

    def _lumas(self, first: int, last: int) -> Iterator[tuple[int, Luma]]:
        number = first - 1
        to_grey = VideoReformatter()  # what it sets up for a format serves all frames
        for number, frame in self._numbered_from(first):
            luma = _luma(frame, to_grey)
            size = _size_of(luma)
            if size != self.size:
                raise FootageError(
                    f"expected every frame to be {self.size[0]}x{self.size[1]} like the first, "
                    f"frame {number} is {size[0]}x{size[1]}: {self.path}"
                )
            yield number, luma
            if number == last:
                return
        raise FootageError(f"expected frames {first}-{last}, decoding ended after {number}: {self.path}")

    def _numbered_from(self, first: int) -> Iterator[tuple[int, Any]]:
        """Frames from ``first`` on: from the keyframe before it where the file can be entered there."""
        keyframe = self._keyframe_before(first)
        if keyframe is not None:
            with _video_stream(self.path) as stream:
                stream.container.seek(keyframe, stream=stream, backward=True)
                numbered = ((self._number_at(frame.pts), frame) for frame in self._images(stream))
                entered = next(((number, frame) for number, frame in numbered if number >= first), None)
                # A container without an index (MPEG program stream) may land behind the frame.
                if entered is not None and entered[0] == first:
                    yield entered
                    yield from numbered
                    return
        with _video_stream(self.path) as stream:
            yield from islice(enumerate(self._images(stream), start=1), first - 1, None)

    def _images(self, stream: Any) -> Iterator[Any]:
        try:
            yield from stream.container.decode(stream)
        except av.error.FFmpegError as error:
            raise FootageError(f"cannot decode {self.path}: {error.strerror}") from error

    def _keyframe_before(self, frame: int) -> int | None:
        """The time of the last keyframe at or before ``frame``; None: decode from the start."""
        if self._times is None:
            return None
        position = bisect_right(self._keyframe_times, self._times[frame - 1]) - 1
        return self._keyframe_times[position] if position > 0 else None

    def _number_at(self, time: int) -> int:
        assert self._times is not None
        return bisect_right(self._times, time)


@contextmanager
def _video_stream(path: Path) -> Iterator[Any]:
    try:
        container = av.open(str(path))
    except (av.error.FFmpegError, OSError) as error:
        raise FootageError(f"expected footage, cannot open {path}: {error.strerror}") from error
    with container:
        if container.format.name in _NO_FOOTAGE or not container.streams.video:
            raise FootageError(f"expected footage, found no pictures in {path}")
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        yield stream


def _luma(frame: Any, to_grey: VideoReformatter) -> Luma:
    """The luma of YCbCr as it is stored; of other formats what FFmpeg weighs it to be."""
    # A phone held upright stores lying frames and how to turn them, anticlockwise in degrees; Blender turns them, too.
    turns = frame.rotation // 90 % 4
    bits = frame.format.components[0].bits
    if _stores_luma(frame.format):
        step = 1 << (bits - 8)
        is_full = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        black, white = (0, (1 << bits) - 1) if is_full else (16 * step, 235 * step)  # ITU-R BT.601, BT.709
        return Luma(_first_plane(frame), black, white, turns)
    grey = to_grey.reformat(frame, format="gray16le" if bits > 8 else "gray", dst_color_range=ColorRange.JPEG)
    return Luma(_first_plane(grey), 0, 65535 if bits > 8 else 255, turns)


def _stores_luma(pixels: Any) -> bool:
    """Planar YCbCr, alpha or not, whose samples numpy can read."""
    return pixels.name.startswith("yuv") and pixels.is_planar and not pixels.is_big_endian


def _first_plane(frame: Any) -> npt.NDArray[Any]:
    """A copy: the frame's own memory goes back to the decoder."""
    plane = frame.planes[0]
    deep = frame.format.components[0].bits > 8
    stored = np.frombuffer(plane, np.uint16) if deep else np.frombuffer(plane, np.uint8)
    return stored.reshape(plane.height, -1)[:, : plane.width].copy()


def _size_of(luma: Luma) -> tuple[int, int]:
    height, width = luma.stored.shape
    return (height, width) if luma.turns % 2 else (width, height)
