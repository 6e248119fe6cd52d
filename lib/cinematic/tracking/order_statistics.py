"""Medians and quantiles of few numbers, or of many columns of few: numpy's own take several times as long there."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def known_median(values: FloatArray) -> FloatArray:
    """Along the first axis, of what is not NaN; NaN where nothing is."""
    if not len(values):
        return np.full(values.shape[1:], np.nan)
    ordered = np.sort(values, axis=0)  # NaN last
    known = np.isfinite(ordered).sum(axis=0)
    lower, upper = (
        np.take_along_axis(ordered, index[None], axis=0)[0] for index in (np.maximum(known - 1, 0) // 2, known // 2)
    )
    return np.where(known > 0, (lower + upper) / 2, np.nan)


def quantile(values: Collection[float], share: float) -> float:
    """What ``share`` of some numbers, at least one and none of them NaN, stay below; as :func:`numpy.quantile` does."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    low, high, part = ordered[below], ordered[min(below + 1, len(ordered) - 1)], place - below
    if part == 0 or low == high:  # both may be infinite
        return low
    return low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part)
