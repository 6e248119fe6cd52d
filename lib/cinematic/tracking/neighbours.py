"""Measures of a track against the tracks around it: shaking that they do not share, and following what one of them
follows already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .coords import lengths
from .order_statistics import known_median, quantile

FloatArray = npt.NDArray[np.float64]


def jitter(positions: FloatArray, of_scene: npt.NDArray[np.bool_] | None = None) -> FloatArray:
    """What nine in ten accelerations stay below, px per frame squared, against the 8 nearest neighbours' median.

    Of tracks ``of_scene`` (n,) only such are neighbours: what is beside them (a car that the camera is in, somebody who
    walks) need not shake as a hand-held camera makes the scene shake.
    """
    count, frames, _ = positions.shape
    result = np.zeros(count)
    if frames < 3:
        return result
    of_scene = np.zeros(count, bool) if of_scene is None else of_scene
    acceleration = np.diff(positions, n=2, axis=1)
    sample = _sampled_frames(positions)
    spans = Spans(sample)
    for row in range(count):
        others = spans.meeting_row(row)
        others = others[(others != row) & (of_scene[others] | ~of_scene[row])]
        apart = known_median(lengths(sample[others] - sample[row]).T)
        near = others[np.argsort(apart)[: min(8, int(np.isfinite(apart).sum()))]]  # NaN sorts last
        own = np.flatnonzero(np.isfinite(acceleration[row, :, 0]))
        if not len(near):
            continue
        difference = acceleration[row, own] - known_median(acceleration[np.ix_(near, own)])
        size = lengths(difference)
        size = size[np.isfinite(size)]
        result[row] = quantile(size.tolist(), 0.9) if len(size) else 0.0
    return result


class Spans:
    """From which frame to which each of n tracks has markers: most tracks of a long shot never meet."""

    def __init__(self, positions: FloatArray) -> None:
        """``positions`` (n, f, 2), NaN where there is no marker."""
        marked = np.isfinite(positions[..., 0])
        frames = marked.shape[1]
        there = marked.any(axis=1)
        self._first = np.where(there, marked.argmax(axis=1) if frames else 0, frames)
        self._last = np.where(there, frames - 1 - marked[:, ::-1].argmax(axis=1) if frames else 0, -1)

    def meeting(self, first: int, last: int) -> npt.NDArray[np.int64]:
        """Rows of the tracks that have begun by frame ``last`` and end at ``first`` or later."""
        return np.flatnonzero((self._first <= last) & (self._last >= first))

    def meeting_row(self, row: int) -> npt.NDArray[np.int64]:
        """The same of those that one of them may meet, itself among them."""
        return self.meeting(int(self._first[row]), int(self._last[row]))


def duplicates(positions: FloatArray, limit: float) -> set[int]:
    """Rows that follow another, longer (or earlier) track closer than ``limit`` px on 9 of 10 common frames."""
    markers = np.isfinite(positions[..., 0]).sum(axis=1)
    sample = _sampled_frames(positions)
    spans = Spans(sample)
    doubles: set[int] = set()
    for row in np.argsort(-markers, kind="stable"):
        if row in doubles or markers[row] < 2:
            continue
        others = spans.meeting_row(int(row))
        apart = lengths(sample[others] - sample[row])
        common = np.isfinite(apart).sum(axis=1)
        close = (apart < limit).sum(axis=1) >= np.maximum(2, 0.9 * common)
        followers = close & (common >= 0.5 * np.isfinite(sample[others, :, 0]).sum(axis=1))
        doubles |= {int(r) for r in others[followers] if r != row and markers[r] <= markers[row]}
    return doubles


def _sampled_frames(positions: FloatArray, most: int = 24) -> FloatArray:
    """Every second, third ... frame: enough to tell who is near whom, at a cost that long shots can bear."""
    return positions[:, :: max(1, positions.shape[1] // most)]
