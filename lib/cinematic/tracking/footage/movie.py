"""Frames of a movie file, through PyAV (FFmpeg)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorRange

from ..coords import FrameNumbers
from ..errors import FootageError
from .stream import Footage, Luminance

_NO_FOOTAGE = frozenset({"tty"})
"""FFmpeg "plays" any text file as an ANSI terminal; nobody means that."""


class Movie(Footage):
    """A movie; its frames count from 1 in the order in which they are shown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _video_stream(path) as stream:
            rate = stream.average_rate or stream.guessed_rate
            self.fps = float(rate) if rate else None
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
        height, width = _luminance(first).shape
        self.size = (width, height)

    @property
    def has_variable_rate(self) -> bool:
        """True: frames are not shown for equal times. They are counted as they are stored, whatever their times."""
        if self._times is None or len(self._times) < 3:
            return False
        steps = [later - earlier for earlier, later in pairwise(self._times)]
        return max(steps) - min(steps) > max(1, 0.05 * min(steps))  # a time base may round every step up or down

    def _decode(self, first: int, last: int) -> Iterator[tuple[int, Luminance]]:
        number = first - 1
        for number, frame in self._numbered_from(first):
            image = _luminance(frame)
            if image.shape[::-1] != self.size:
                raise FootageError(
                    f"expected every frame to be {self.size[0]}x{self.size[1]} like the first, "
                    f"frame {number} is {image.shape[1]}x{image.shape[0]}: {self.path}"
                )
            yield number, image
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


def _luminance(frame: Any) -> Luminance:
    """The luma of a frame, full range; FFmpeg takes it from YCbCr as it is, and weighs RGB."""
    deep = frame.format.components[0].bits > 8
    image = frame.reformat(format="gray16le" if deep else "gray", dst_color_range=ColorRange.JPEG).to_ndarray()
    luminance = image.astype(np.float32) * np.float32(1 / (65535 if deep else 255))
    # A phone held upright stores lying frames and how to turn them, anticlockwise in degrees; Blender turns them, too.
    return np.ascontiguousarray(np.rot90(luminance, frame.rotation // 90)) if frame.rotation else luminance
