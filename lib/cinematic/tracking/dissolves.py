"""Where one shot dissolves into another one.

A mixture of two pictures that have nothing to do with each other shows less of either, and less in all: where the
shares are a half each, the variance is half the mean of theirs. So a **dissolve** is a run of frames, each calmly like
the one before it, whose ends do not resemble each other and whose middle has clearly less variance than they. It is
looked for backwards from each frame, and has ended where the dip gets no deeper. What comes into the picture and shows
more than that leaves the frames before it with less than the ends have on average, but with no less than the one. A
flash that whitens what it lights shows less as well, but it is brighter than the frames around it, which no mixture of
them is. A shaken camera's frames show less now and then, a dissolve's once.

Source of the dip: Alattar 1993, "Detecting and compressing dissolve regions in video sequences".
"""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import NamedTuple

import numpy as np

from .likeness import CHANGED, Likeness, Signature, likeness

LONGEST = 40  # frames from the last one of a shot to the first one of the next
_SHORTEST = 6
_DIP = 0.65  # of the mean of the ends' variance: 0.5 where shares and pictures are unlike, 1 in a shot
_BRIGHTER = 1.2  # than both ends, no mixture is; a little, where it was made of scene-linear pictures
_DEEPER = 0.02  # it gets deeper by at least so much a frame while it lasts
_ABOUT = 0.05  # dips that differ less are about as deep
_WAVERING = 1.5  # at most; blurred or bare edges of a shaken camera come and go
_SUNK = 0.4  # of how far below its lower end a mixture's variance sinks; ends may move meanwhile
_UNEVEN = 10.0  # times: where the ends' variances differ more, it hardly sinks below the lower one
_PATH = 0.5  # share of the frame; what moves farther has little in common with where it began in any case


class _Seen(NamedTuple):
    number: int
    signature: Signature
    here: Likeness  # to the frame before


class Lately:
    """The last frames of a shot, bad ones left out."""

    def __init__(self) -> None:
        self._seen: deque[_Seen] = deque()
        self._dips = (1.0, 1.0)  # at the last frame and at the one before
        self._length = 0  # of what ends at the last frame and has a dip, in frames

    def add(self, number: int, now: Signature, here: Likeness | None) -> None:
        """The next frame, and how it resembles the one before; None: there is none, or of another shot."""
        if here is None or not here.is_calm:
            self._seen.clear()
        while self._seen and self._seen[0].number < number - LONGEST:
            self._seen.popleft()
        self._seen.append(_Seen(number, now, here or Likeness(1.0, 0.0)))
        dip, self._length = self._dip()
        self._dips = dip, self._dips[0]

    def mixtures(self) -> list[int]:
        """The frames of a dissolve that has ended with the last frame; none: there is none."""
        dip, before = self._dips
        if dip > _DIP or dip < before - _DEEPER:
            return []
        run = list(islice(self._seen, len(self._seen) - self._length - 1, None))
        if sum(each.here.moved for each in run[1:]) > _PATH or _wavers(run) > _WAVERING or not _sinks(run):
            return []
        over = likeness(run[0].signature, run[-1].signature)
        if over.correlation >= CHANGED and over.moved <= _PATH:
            return []
        return [each.number for each in run[1:-1]]

    def _dip(self) -> tuple[float, int]:
        """The deepest dip that ends at the last frame, as its middle's share of its ends' variance, and its length.

        It counts only as far as brightness does not explain it. Of those about as deep, the shortest.
        """
        last = len(self._seen) - 1
        lengths = np.arange(_SHORTEST, last + 1)
        if not len(lengths):
            return 1.0, 0
        energy, brightness = np.array([(each.signature.energy, each.signature.brightness) for each in self._seen]).T
        variances = np.stack([energy, energy / np.maximum(brightness, 1e-3)]) ** 2
        first = last - lengths
        ends = (variances[:, first] + variances[:, [last]]) / 2
        dips = (variances[:, last - lengths // 2] / np.maximum(ends, 1e-30)).max(axis=0)
        brightest = np.maximum.accumulate(brightness[::-1])[lengths - 1]
        dips[brightest > _BRIGHTER * np.maximum(brightness[first], brightness[last])] = 1.0
        shortest = int(np.flatnonzero(dips <= dips.min() + _ABOUT)[0])
        return float(dips.min()), int(lengths[shortest])


def _sinks(run: list[_Seen]) -> bool:
    """Whether variance sinks below both ends, as that of mixtures does. What comes into the picture adds to it.

    Of the shares a and 1 - a it is a^2 times the one and (1 - a)^2 times the other: at least the one over their sum.
    """
    variance = np.array([each.signature.energy for each in run]) ** 2
    lower, higher = sorted((variance[0], variance[-1]))
    if higher >= _UNEVEN * lower:
        return True
    return bool(variance.min() < lower * (1 - _SUNK * lower / (lower + higher)))


def _wavers(run: list[_Seen]) -> float:
    """How far variance goes up and down from the run's one end to its other, over the way down to its least and up."""
    variance = np.array([each.signature.energy for each in run]) ** 2
    straight = variance[0] + variance[-1] - 2 * variance.min()
    return float(np.abs(np.diff(variance)).sum() / max(straight, 1e-30))
