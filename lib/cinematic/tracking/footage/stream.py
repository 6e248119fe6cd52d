"""Footage as a stream of luminance images, and the thread that decodes ahead."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from pathlib import Path

from ..ahead import made_ahead
from ..coords import SQUARE, FrameNumbers, Size
from ..machine import memory
from ..types import NO_OVERSCAN
from .held import Room, Stored
from .luminance import Luminance

DECODED_AHEAD = 4
"""Frames that wait decoded: enough to hide a slow frame, few enough to cost no memory that matters."""


def room_beside(memory: int) -> Room:
    """Room for decoded frames on a machine with so much memory, bytes.

    A sixteenth of it. Where that is 1 GB, it is for 518 frames of a 1080p movie in 8 bits, or 129 of a 4K one. Not for
    many frames, however small: a long shot shall not take much more memory than a short one does.
    """
    least, most = 384 * 2**20, 2 * 2**30
    return Room(most_bytes=min(max(least, memory // 16), most), most_frames=400)


ROOM = room_beside(memory())


_ROUNDED = 0.01  # off 1; the least that any camera or broadcast format has is 0.067


@dataclass(frozen=True)
class Picture:
    """The picture (display window) of images whose pixels (data window) are another rectangle: overscan, or a crop.

    Positions are in the images' pixels, as they are in Blender.
    """

    size: Size  # px
    left: int  # px from the picture's left edge to the images'; negative: they reach beyond it
    bottom: int  # px from its bottom edge up to theirs


def corner_in(picture: Picture | None) -> tuple[int, int]:
    """Where the images' bottom-left corner lies in their picture, px; None: they are it."""
    return NO_OVERSCAN if picture is None else (picture.left, picture.bottom)


class Footage(ABC):
    """Frames of a movie or an image sequence, as luminance, by the plate's numbers.

    Frames are taken to stay what they were when they were first read, as long as a footage is open.
    """

    path: Path  # the movie, or the sequence's first file
    size: Size  # width, height; px
    fps: float | None  # None: the footage does not say
    pixel_aspect: float  # width of a pixel over its height; 1 where the footage does not say
    is_interlaced: bool = False  # True: a frame holds two moments, one in its even lines and one in its odd ones
    is_turned: bool = False  # True: frames are stored lying, or upside down, with how to turn them
    picture: Picture | None = None  # None: the images' own pixels
    numbers: FrameNumbers

    def __init__(self) -> None:
        self._held = ROOM.held()

    def __reduce__(self) -> tuple[object, ...]:
        """Pickled as what it is of: another process opens it anew."""
        from . import open_footage

        return open_footage, (self.path,)

    @property
    def corner(self) -> tuple[int, int]:
        """Where the images' bottom-left corner lies in their picture, px."""
        return corner_in(self.picture)

    @property
    def has_variable_rate(self) -> bool:
        """True: frames are not shown for equal times. They are counted as they are stored, whatever their times."""
        return False

    def frames(
        self, first: int | None = None, last: int | None = None, *, backwards: bool = False
    ) -> Iterator[tuple[int, Luminance]]:
        """Frames ``first`` to ``last`` (inclusive; default all) in order, decoded ahead in a thread.

        Parameters
        ----------
        backwards
            The same frames, the last one first. Memory stays bounded; a movie is decoded in pieces.

        Yields
        ------
        (frame, luminance)
            The plate's frame number and a (height, width) float32 image, which is not to be written to.

        Raises
        ------
        ParameterError
            A frame is outside the footage.
        FootageError
            A frame cannot be read.
        """
        start = self.numbers.checked(self.numbers.first if first is None else first, "first frame")
        end = self.numbers.checked(self.numbers.last if last is None else last, "last frame")
        numbers = range(end, start - 1, -1) if backwards else range(start, end + 1)
        return made_ahead(self._in_order(numbers), DECODED_AHEAD, "footage decoder")

    def frame(self, number: int) -> Luminance:
        """One frame by its number, not to be written to. Frames in a row are cheaper from :meth:`frames`."""
        self.numbers.checked(number)
        held = self._held.use().get(number)
        return (held or next(stored for _, stored in self._decode(range(number, number + 1)))).luminance

    def _in_order(self, numbers: range) -> Iterator[tuple[int, Luminance]]:
        """These frames: what is held of them at both ends, and all between decoded in one run."""
        held = self._held.use()
        missing = [place for place, number in enumerate(numbers) if number not in held]
        begin, end = (missing[0], missing[-1] + 1) if missing else (len(numbers), len(numbers))
        for number in numbers[:begin]:
            yield number, held[number].luminance
        if missing:
            for number, stored in self._decode(numbers[begin:end]):
                self._held.offer(number, stored, self.numbers.duration)
                yield number, stored.luminance
        for number in numbers[end:]:
            yield number, held[number].luminance

    @abstractmethod
    def _decode(self, numbers: range) -> Iterator[tuple[int, Stored]]:
        """Frames in a row, one at least, upwards or downwards, decoded as they are asked for."""


def pixel_aspect(said: object) -> float:
    """A file's pixel aspect: 1 where it says none, or one that comes of rounding the size of its picture."""
    value = float(said) if isinstance(said, Real) else 0.0
    return value if 0 < value < math.inf and abs(value - SQUARE) > _ROUNDED else SQUARE
