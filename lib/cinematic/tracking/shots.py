"""Where a shot ends within a piece of footage, and which frames are bad.

Two frames of one shot show the same things, only moved: their small copies, whatever their brightness, correlate well
at the best shift. A **cut** is a place where they do not, between frames before it that do and frames after it that do.
**Bad frames** (a flash, dropped, black or corrupt ones, something that is right before the lens), up to
:data:`_MOST_BAD` in a row, resemble neither what is before nor what is behind them, while those resemble each other; or
they cover a cut: then those are calm, and the first frame behind is the cut. A whip pan is neither: its frames overlap,
or, where they no longer do, it has more such places in a row. Where a frame resembles the one before, nothing more is
asked; where it does not, a few frames are looked ahead. What is compared is at most :data:`_WIDTH` px wide, so it costs
a few milliseconds a frame.

Source of the correlation at all shifts at once: Padfield 2012, "Masked object registration in the Fourier domain".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from .engine import Pyramid, build_pyramid
from .footage import Footage, Luminance

Kind = Literal["ordinary", "cut", "bad"]

_WIDTH = 128  # px; the signature's width is between this and half of it, unless the plate is smaller
_OVERLAP = 0.3  # least share of the frame that must be seen in both
_FLAT = 0.001  # RMS of a signature that shows nothing
_CHANGED = 0.55  # correlation below which two frames may show different things
_CALM = 0.65  # above it they show the same thing ...
_SLOW = 0.3  # ... and calmly so when it has moved by less than this share of the frame
_BAD = 0.6  # a bad frame resembles its neighbours less than this share of how they resemble each other
_MOST_BAD = 3  # frames in a row: what is behind more of them has moved too far for tracks to be carried on
_BEFORE, _BEHIND = 2, _MOST_BAD  # frames that are looked at on either side to tell a cut


class Signature(NamedTuple):
    """What of a frame is compared: its middle frequencies, and their Fourier transforms."""

    shape: tuple[int, int]
    energy: float  # RMS
    transform: npt.NDArray[np.complex128]
    squared: npt.NDArray[np.complex128]  # of the squares


def signature(pyramid: Pyramid) -> Signature:
    """The small copy of a frame without what is finer than two or coarser than some 16 of its pixels."""
    level = pyramid.coarse[2]
    padding = (level.stride - level.width) // 2
    small = level.pixels.reshape(-1, level.stride)[padding:-padding, padding:-padding].astype(np.float64)
    small = np.nan_to_num(small)
    while small.shape[1] > _WIDTH:
        small = _halved(small)
    middle = _blurred(small, 1) - _blurred(small, 4)
    shape = (small.shape[0], small.shape[1])
    room = _room(shape)
    energy = float(np.sqrt(np.mean(middle**2)))
    return Signature(shape, energy, np.fft.rfft2(middle, room), np.fft.rfft2(middle**2, room))


class Likeness(NamedTuple):
    """How two frames resemble each other, at the shift at which they agree best."""

    correlation: float  # 1 the same, about 0.2 unrelated
    moved: float  # the shift as a share of the frame's width or height, whichever is more

    @property
    def is_calm(self) -> bool:
        """They show the same thing, and it has not moved far."""
        return self.correlation >= _CALM and self.moved < _SLOW


def likeness(a: Signature, b: Signature) -> Likeness:
    """How two frames of one size resemble each other."""
    if a.energy < _FLAT or b.energy < _FLAT:
        return Likeness(1.0 if a.energy < _FLAT and b.energy < _FLAT else 0.0, 0.0)
    height, width = a.shape
    room = _room(a.shape)
    inside, overlap = _insides(a.shape)
    products = np.fft.irfft2(a.transform.conj() * b.transform, room)
    of_a = np.fft.irfft2(a.squared.conj() * inside, room)
    of_b = np.fft.irfft2(inside.conj() * b.squared, room)
    size = np.sqrt(np.maximum(of_a, 0.0) * np.maximum(of_b, 0.0))
    size = np.maximum(size, 0.1 * overlap * a.energy * b.energy)  # a nearly empty overlap proves nothing
    enough = overlap >= _OVERLAP * height * width
    correlation = np.where(enough, products / np.maximum(size, 1e-30), -1.0)
    down, across = np.unravel_index(correlation.argmax(), room)
    shifts = (min(down, room[0] - down) / height, min(across, room[1] - across) / width)
    return Likeness(float(correlation.max()), float(max(shifts)))


@cache
def _room(shape: tuple[int, int]) -> tuple[int, int]:
    """A size that no shift wraps around in, without large prime factors: those are slow to transform."""

    def roomy(length: int) -> int:
        return next(n for n in range(2 * length, 4 * length + 1) if 60**12 % n == 0)

    return roomy(shape[0]), roomy(shape[1])


@cache
def _insides(shape: tuple[int, int]) -> tuple[npt.NDArray[np.complex128], npt.NDArray[np.float64]]:
    """The transform of a frame of ones, and on how many pixels two frames overlap at each shift."""
    room = _room(shape)
    inside = np.fft.rfft2(np.ones(shape), room)
    return inside, np.fft.irfft2(np.abs(inside) ** 2, room)


@dataclass(frozen=True)
class Looked:
    """A frame, made ready, and what it is in the course of the footage."""

    number: int
    image: Luminance
    pyramid: Pyramid
    kind: Kind  # "cut": the first frame of a new shot


@dataclass
class Watch:
    """What the search for cuts knows of the frames gone by; small enough to be saved."""

    calm: bool = True  # the two frames before the present one resembled each other
    last: int | None = None  # the last frame that was not bad
    cuts: list[int] = field(default_factory=list)  # first frames of new shots
    bad: list[int] = field(default_factory=list)

    def judge(self, number: int, before: Signature | None, now: Signature, coming: Iterable[Signature]) -> Kind:
        """What frame ``number`` is, between the last good one and those that come; of these no more are taken than it
        needs."""
        kind: Kind = "ordinary"
        if before is not None:
            here = likeness(before, now)
            if here.correlation < _BAD:
                kind = self._kind(_Break(before, now, here, coming))
            if kind != "bad":
                self.calm = kind == "cut" or here.is_calm
        if kind == "bad":
            self.bad.append(number)
        else:
            self.last = number
        if kind == "cut":
            self.cuts.append(number)
        return kind

    def _kind(self, here: _Break) -> Kind:
        if any(here.goes_on_behind(bad) for bad in range(1, _MOST_BAD + 1)):
            return "bad"
        if self.calm and here.is_cut_behind(0):
            return "cut"
        return "bad" if self.calm and any(here.is_cut_behind(bad) for bad in range(1, _MOST_BAD + 1)) else "ordinary"


class _Break:
    """A frame that does not resemble the one before, and the frames behind it."""

    def __init__(self, before: Signature, now: Signature, here: Likeness, coming: Iterable[Signature]) -> None:
        self._before = before
        self._coming = iter(coming)
        self._frames = [now]
        self._likes = [here]  # each of them to the frame before

    def goes_on_behind(self, bad: int) -> bool:
        """Whether the next ``bad`` frames, this one the first, interrupt a scene that goes on behind them."""
        if not self._reaches(bad):
            return False
        over = self._likes[bad].correlation
        return over >= _CALM and self._is_apart(bad, _BAD * over)

    def is_cut_behind(self, bad: int) -> bool:
        """Whether another scene begins behind the next ``bad`` frames, and these resemble neither."""
        if not self._reaches(bad + 1):
            return False
        first = self._frames[bad]
        if min(self._before.energy, first.energy) < _FLAT:  # a fade that ends, or begins, is no cut
            return False
        if self._likes[bad].correlation >= _CHANGED or not likeness(first, self._frames[bad + 1]).is_calm:
            return False
        return self._is_apart(bad, _CHANGED)

    def _is_apart(self, bad: int, limit: float) -> bool:
        """Whether the next ``bad`` frames resemble neither the frame before nor the one behind them."""
        behind = self._frames[bad]
        return all(
            like.correlation < limit and likeness(frame, behind).correlation < limit
            for frame, like in zip(self._frames[:bad], self._likes, strict=False)
        )

    def _reaches(self, place: int) -> bool:
        """Take in frames as far as ``place``, if there are as many."""
        while len(self._frames) <= place:
            following = next(self._coming, None)
            if following is None:
                return False
            self._frames.append(following)
            self._likes.append(likeness(self._before, following))
        return True


@dataclass(frozen=True)
class _Ready:
    """A frame, made ready."""

    number: int
    image: Luminance
    pyramid: Pyramid
    signature: Signature


class _Queue:
    """Frames made ready as they are asked for, also those that come later."""

    def __init__(self, frames: Iterable[tuple[int, Luminance]]) -> None:
        self._frames = iter(frames)
        self._ahead: deque[_Ready] = deque()
        self.spare: list[Pyramid] = []  # memory that may be used again

    def __iter__(self) -> Iterator[_Ready]:
        while self._reaches(0):
            yield self._ahead.popleft()

    def coming(self) -> Iterator[Signature]:
        """The frames that come, which are still to be yielded."""
        for place in count():
            if not self._reaches(place):
                return
            yield self._ahead[place].signature

    def _reaches(self, place: int) -> bool:
        while len(self._ahead) <= place:
            following = next(self._frames, None)
            if following is None:
                return False
            number, image = following
            pyramid = build_pyramid(image, self.spare.pop() if self.spare else None)
            self._ahead.append(_Ready(number, image, pyramid, signature(pyramid)))
        return True


def looked_at(frames: Iterable[tuple[int, Luminance]], watch: Watch) -> Iterator[Looked]:
    """Frames made ready, in order, each with its kind; ``watch`` is kept up to date.

    To go on after an interruption, give the watch as it was and frames from ``watch.last`` on: those that it knows
    are only looked at again, not yielded. A pyramid may be used until the next but one ordinary frame is asked for.
    """
    queue = _Queue(frames)
    before: _Ready | None = None  # the last frame that was not bad: whoever tracks may still need its pyramid
    for each in queue:
        kind: Kind = "bad" if each.number in watch.bad else "ordinary"
        if kind != "bad" and each.number != watch.last:
            known = None if before is None else before.signature
            kind = watch.judge(each.number, known, each.signature, queue.coming())
            yield Looked(each.number, each.image, each.pyramid, kind)
        if kind == "bad":
            queue.spare.append(each.pyramid)
            continue
        if before is not None:
            queue.spare.append(before.pyramid)
        before = each


def cuts_between(footage: Footage, first: int, last: int) -> list[int]:
    """Cuts behind frame ``first`` and up to frame ``last``, each by the first frame of its new shot.

    Raises
    ------
    FootageError
        The footage cannot be read.
    """
    watch = Watch()
    low, high = max(footage.numbers.first, first - _BEFORE), min(footage.numbers.last, last + _BEHIND)
    for _ in looked_at(footage.frames(low, high), watch):
        pass
    return [cut for cut in watch.cuts if first < cut <= last]


def _halved(image: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    rows, columns = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    return image[:rows, :columns].reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3))


def _blurred(image: npt.NDArray[np.float64], radius: int) -> npt.NDArray[np.float64]:
    """Mean over a square of ``2 radius + 1`` px, edge pixels repeated."""
    size = 2 * radius + 1
    padded = np.pad(image, radius, mode="edge")
    down = np.sum([padded[start : start + image.shape[0]] for start in range(size)], axis=0)
    across = np.sum([down[:, start : start + image.shape[1]] for start in range(size)], axis=0)
    return across / np.float64(size**2)
