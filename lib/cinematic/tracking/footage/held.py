"""Frames that have been decoded are held, within bounds: work on a shot passes over its footage several times."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Mapping
from itertools import count
from typing import Protocol

from .luminance import Luminance


class Stored(Protocol):
    """A decoded frame, as it is held."""

    @property
    def luminance(self) -> Luminance:
        """The image; not to be written to."""
        ...

    @property
    def nbytes(self) -> int:
        """What it takes, bytes."""
        ...


class Room:
    """Room for frames of all footage that is open.

    Footage that has not been used since another one was opened makes room for that one.

    Parameters
    ----------
    most_bytes
        Of all footage. One of which less than a third would fit into it gets an eighth at most: to decode a little less
        is not worth the memory.
    most_frames
        The same of a footage with more frames.
    """

    def __init__(self, most_bytes: int, most_frames: int) -> None:
        self._most_bytes, self._most_frames = most_bytes, most_frames
        self._all: weakref.WeakSet[Held] = weakref.WeakSet()
        self._clock = count()
        self._lock = threading.Lock()

    def held(self) -> Held:
        """For a footage that is opened; what is held of it lives as long as this does."""
        with self._lock:
            held = Held(self, self.now())
            self._all.add(held)
        return held

    def now(self) -> int:
        """The next tick."""
        return next(self._clock)

    def offer(self, held: Held, frame: int, stored: Stored, of: int) -> None:
        """Hold this frame, too, of so many, if there is room for it."""
        is_worth_it = of <= self._most_frames and of * stored.nbytes <= 3 * self._most_bytes
        with self._lock:
            if frame in held.frames or held.nbytes + stored.nbytes > self._most_bytes / (1 if is_worth_it else 8):
                return
            others = [each for each in self._all if each is not held]
            idle = [each for each in others if each.used < held.opened]
            to_spare = self._most_bytes - held.nbytes - stored.nbytes - sum(each.nbytes for each in others)
            if to_spare + sum(each.nbytes for each in idle) < 0:
                return
            if to_spare < 0:
                for each in idle:
                    each.frames, each.nbytes = {}, 0
            held.frames[frame] = stored
            held.nbytes += stored.nbytes


class Held:
    """The first frames that were decoded of a footage, as far as there was room.

    None makes room for another one: whichever way the next pass goes, it finds as many of them.
    """

    def __init__(self, room: Room, opened: int) -> None:
        self._room = room
        self.opened = self.used = opened  # when, by the room's clock
        self.frames: dict[int, Stored] = {}
        self.nbytes = 0

    def use(self) -> Mapping[int, Stored]:
        """What is held now, by frame; it stays in this mapping whatever becomes of it here."""
        self.used = self._room.now()
        return self.frames.copy()

    def offer(self, frame: int, stored: Stored, of: int) -> None:
        """Hold this frame, too, of so many, if there is room for it."""
        self.used = self._room.now()
        self._room.offer(self, frame, stored, of)
