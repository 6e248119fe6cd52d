"""Footage as a stream of luminance images, and the thread that decodes ahead."""

from __future__ import annotations

import queue
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..coords import FrameNumbers, Size

Luminance = npt.NDArray[np.float32]
"""An image, (height, width) float32, display-like: 0 is black, 1 is white."""

DECODED_AHEAD = 4
"""Frames that wait decoded: enough to hide a slow frame, few enough to cost no memory that matters."""


class Footage(ABC):
    """Frames of a movie or an image sequence, as luminance, by the plate's numbers."""

    path: Path  # the movie, or the sequence's first file
    size: Size  # width, height; px
    fps: float | None  # None: the footage does not say
    numbers: FrameNumbers

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
            The plate's frame number and a (height, width) float32 image.

        Raises
        ------
        ParameterError
            A frame is outside the footage.
        FootageError
            A frame cannot be read.
        """
        start = self.numbers.checked(self.numbers.first if first is None else first, "first frame")
        end = self.numbers.checked(self.numbers.last if last is None else last, "last frame")
        return decoded_ahead(self._decode_backwards(start, end) if backwards else self._decode(start, end))

    def frame(self, number: int) -> Luminance:
        """One frame by its number. Frames in a row are cheaper from :meth:`frames`."""
        self.numbers.checked(number)
        return next(image for _, image in self._decode(number, number))

    def _decode_backwards(self, first: int, last: int) -> Iterator[tuple[int, Luminance]]:
        """Frames ``last`` to ``first``, decoded as they are asked for."""
        for number in range(last, first - 1, -1):
            yield from self._decode(number, number)

    @abstractmethod
    def _decode(self, first: int, last: int) -> Iterator[tuple[int, Luminance]]:
        """Frames ``first`` to ``last``, decoded as they are asked for."""


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def decoded_ahead(
    frames: Iterator[tuple[int, Luminance]], depth: int = DECODED_AHEAD
) -> Iterator[tuple[int, Luminance]]:
    """The same frames, made by a thread that stays up to ``depth`` of them ahead.

    The thread ends when the frames do, when one fails (its error is raised here), or when the caller stops
    asking and drops the iterator.
    """
    ready: queue.Queue[tuple[int, Luminance] | _Failure | None] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def hand_over(entry: tuple[int, Luminance] | _Failure | None) -> None:
        while not stopped.is_set():
            try:
                return ready.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for entry in frames:
                hand_over(entry)
                if stopped.is_set():
                    return
            hand_over(None)
        except BaseException as error:
            hand_over(_Failure(error))

    thread = threading.Thread(target=work, name="footage decoder", daemon=True)
    thread.start()
    try:
        while (entry := ready.get()) is not None:
            if isinstance(entry, _Failure):
                raise entry.error
            yield entry
    finally:
        stopped.set()
        thread.join()
