"""Where a shot ends within a piece of footage, and which frames are bad.

A **cut** is a place where frames do not resemble each other (:mod:`.likeness`), between frames before it that do and
frames after it that do. **Bad frames** (a flash, dropped, black or corrupt ones, something that is right before the
lens), up to :data:`_MOST_BAD` in a row, resemble neither what is before nor what is behind them, while those resemble
each other; or they cover a cut: then those are calm, and the first frame behind is the cut. A whip pan is neither: its
frames overlap, or, where they no longer do, it has more such places in a row. Where a frame resembles the one before,
nothing more is asked; where it does not, a few frames are looked ahead.

The frames of a **dissolve** (:mod:`.dissolves`) are bad ones, too; that they are is known only when it has ended.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Literal

from .ahead import made_ahead
from .dissolves import LONGEST, Lately
from .engine import Pyramid
from .footage import Footage, Luminance
from .likeness import CALM, CHANGED, Signature, likeness, signature
from .pyramids import MADE_AHEAD, Pyramids

Kind = Literal["ordinary", "cut", "bad"]

_BAD = 0.6  # a bad frame resembles its neighbours less than this share of how they resemble each other
_MOST_BAD = 3  # frames in a row: what is behind more of them has moved too far for tracks to be carried on
_BEFORE, _BEHIND = 2, _MOST_BAD  # frames that are looked at on either side to tell a cut


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

    def judge(self, number: int, now: Signature, here: _Step | None, lately: Lately) -> Kind:
        """What frame ``number`` is; ``here`` is None for the first one only."""
        kind = "ordinary" if here is None or here.like.correlation >= _BAD else self._kind(here)
        if kind == "bad":
            self.bad.append(number)
            return kind
        self.last = number
        lately.add(number, now, None if here is None else here.like)
        mixtures = lately.mixtures()
        if mixtures:
            self.bad = sorted({*self.bad, *mixtures})
            lately.add(number, now, None)
            kind = "cut"
        if kind == "cut":
            self.cuts.append(number)
        if here is not None:
            self.calm = kind == "cut" or here.like.is_calm
        return kind

    def again_from(self, first: int) -> int:
        """The frame from which to look again, after an interruption of what began at ``first``, to go on as before."""
        return first if self.last is None else max(first, self.last - LONGEST)

    def _kind(self, here: _Step) -> Kind:
        if any(here.goes_on_behind(bad) for bad in range(1, _MOST_BAD + 1)):
            return "bad"
        if self.calm and here.is_cut_behind(0):
            return "bad" if here.comes_back() else "cut"
        return "bad" if self.calm and any(here.is_cut_behind(bad) for bad in range(1, _MOST_BAD + 1)) else "ordinary"


class _Step:
    """A frame, the last good one before it, and as many frames behind it as are asked for."""

    def __init__(self, before: Signature, now: Signature, coming: Iterable[Signature]) -> None:
        self.like = likeness(before, now)
        self._before = before
        self._coming = iter(coming)
        self._frames = [now]
        self._likes = [self.like]  # each of them to the frame before

    def goes_on_behind(self, bad: int) -> bool:
        """Whether the next ``bad`` frames, this one the first, interrupt a scene that goes on behind them."""
        if not self._reaches(bad):
            return False
        over = self._likes[bad].correlation
        return over >= CALM and all(like.correlation < _BAD * over for like in self._likes[:bad])

    def comes_back(self) -> bool:
        """Whether the scene before is seen again within as many frames as may be bad."""
        return any(self._reaches(bad) and self._likes[bad].correlation >= CALM for bad in range(1, _MOST_BAD + 1))

    def is_cut_behind(self, bad: int) -> bool:
        """Whether another scene begins behind the next ``bad`` frames, and these resemble neither."""
        if not self._reaches(bad + 1):
            return False
        first = self._frames[bad]
        if self._before.is_flat or first.is_flat:  # a fade that ends, or begins, is no cut
            return False
        if self._likes[bad].correlation >= CHANGED or not likeness(first, self._frames[bad + 1]).is_calm:
            return False
        return self._is_apart(bad, CHANGED)

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
    """Frames made ready, also those that come later."""

    def __init__(self, frames: Iterable[tuple[int, Luminance]]) -> None:
        self.pyramids = Pyramids()
        made = map(partial(_made_ready, self.pyramids), frames)  # nothing of self: the thread that makes them holds it
        self._frames = made_ahead(made, MADE_AHEAD, "pyramids")
        self._ahead: deque[_Ready] = deque()

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
            self._ahead.append(following)
        return True


def _made_ready(pyramids: Pyramids, frame: tuple[int, Luminance]) -> _Ready:
    number, image = frame
    pyramid = pyramids.of(image)
    return _Ready(number, image, pyramid, signature(pyramid))


def looked_at(frames: Iterable[tuple[int, Luminance]], watch: Watch) -> Iterator[Looked]:
    """Frames made ready, in order, each with its kind; ``watch`` is kept up to date.

    An "ordinary" frame may turn out to be one of a dissolve: when the "cut" behind it comes, it is in ``watch.bad``.

    To go on after an interruption, give the watch as it was and frames from :meth:`Watch.again_from` on: those that it
    knows are only looked at again, not yielded. A pyramid may be used until the next but one ordinary frame is asked
    for.
    """
    queue, lately = _Queue(frames), Lately()
    before: _Ready | None = None  # the last frame that was not bad: whoever tracks may still need its pyramid
    known = watch.last
    for each in queue:
        kind: Kind = "bad" if each.number in watch.bad else "ordinary"
        if kind == "ordinary":
            now = each.signature
            here = None if before is None else _Step(before.signature, now, queue.coming())
            if known is not None and each.number <= known:
                lately.add(each.number, now, None if here is None or each.number in watch.cuts else here.like)
            else:
                kind = watch.judge(each.number, now, here, lately)
                yield Looked(each.number, each.image, each.pyramid, kind)
        if kind == "bad":
            queue.pyramids.take_back(each.pyramid)
            continue
        if before is not None:
            queue.pyramids.take_back(before.pyramid)
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
