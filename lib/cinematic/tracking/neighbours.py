"""Measures of a track against the tracks around it: shaking that they do not share, and following what one of them
follows already."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .coords import lengths

FloatArray = npt.NDArray[np.float64]


def jitter(positions: FloatArray) -> FloatArray:
    """What nine in ten accelerations stay below, px per frame squared, against the 8 nearest neighbours' median."""
    count, frames, _ = positions.shape
    result = np.zeros(count)
    if frames < 3:
        return result
    acceleration = np.diff(positions, n=2, axis=1)
    sample = _sampled_frames(positions)
    for row in range(count):
        apart = known_median(lengths(sample - sample[row]).T)
        apart[row] = np.nan
        near = np.argsort(apart)[: min(8, int(np.isfinite(apart).sum()))]  # NaN sorts last
        own = np.flatnonzero(np.isfinite(acceleration[row, :, 0]))
        if not len(near):
            continue
        difference = acceleration[row, own] - known_median(acceleration[np.ix_(near, own)])
        size = lengths(difference)
        size = size[np.isfinite(size)]
        result[row] = float(np.quantile(size, 0.9)) if len(size) else 0.0
    return result


def known_median(values: FloatArray) -> FloatArray:
    """Along the first axis, of what is not NaN; NaN where nothing is. numpy's own takes seven times as long."""
    ordered = np.sort(values, axis=0)  # NaN last
    known = np.isfinite(ordered).sum(axis=0)
    lower, upper = (
        np.take_along_axis(ordered, index[None], axis=0)[0] for index in (np.maximum(known - 1, 0) // 2, known // 2)
    )
    return np.where(known > 0, (lower + upper) / 2, np.nan)


def duplicates(positions: FloatArray, limit: float) -> set[int]:
    """Rows that follow another, longer (or earlier) track closer than ``limit`` px on 9 of 10 common frames."""
    markers = np.isfinite(positions[..., 0]).sum(axis=1)
    sample = _sampled_frames(positions)
    doubles: set[int] = set()
    for row in np.argsort(-markers, kind="stable"):
        if row in doubles or markers[row] < 2:
            continue
        apart = lengths(sample - sample[row])
        common = np.isfinite(apart).sum(axis=1)
        close = (apart < limit).sum(axis=1) >= np.maximum(2, 0.9 * common)
        followers = close & (common >= 0.5 * np.isfinite(sample[..., 0]).sum(axis=1))
        doubles |= {int(r) for r in np.flatnonzero(followers) if r != row and markers[r] <= markers[row]}
    return doubles


def _sampled_frames(positions: FloatArray, most: int = 24) -> FloatArray:
    """Every second, third ... frame: enough to tell who is near whom, at a cost that long shots can bear."""
    return positions[:, :: max(1, positions.shape[1] // most)]
