"""Footage made ready for tracking, by a thread that is a frame ahead of whoever tracks."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from .ahead import made_ahead
from .engine import Pyramid, build_pyramid
from .footage import Luminance

MADE_AHEAD = 1
"""Frames that wait: making one ready takes a fraction of what tracking on it does."""


class Pyramids:
    """Makes pyramids, in memory that others have given back: fresh memory for every frame costs time."""

    def __init__(self) -> None:
        self._spare: deque[Pyramid] = deque()  # its methods are safe between threads

    def of(self, image: Luminance) -> Pyramid:
        """The image's; by one thread at a time."""
        return build_pyramid(image, self._spare.pop() if self._spare else None)

    def take_back(self, pyramid: Pyramid) -> None:
        """This one is no longer needed."""
        self._spare.append(pyramid)


def pyramids_ahead(frames: Iterable[tuple[int, Luminance]]) -> Iterator[tuple[int, Pyramid]]:
    """Frames with their numbers, made ready; each may be used until the next but one is asked for."""
    pyramids = Pyramids()
    made = ((number, pyramids.of(image)) for number, image in frames)
    before: Pyramid | None = None
    for number, pyramid in made_ahead(made, MADE_AHEAD, "pyramids"):
        yield number, pyramid
        if before is not None:
            pyramids.take_back(before)
        before = pyramid
