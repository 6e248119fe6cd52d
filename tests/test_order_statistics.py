"""Medians and quantiles against numpy's, which are slower and do not know better."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking.order_statistics import known_median, quantile


@pytest.mark.parametrize("count", [1, 2, 3, 10, 11, 57])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_quantile_is_numpys(count: int, share: float) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert quantile(values.tolist(), share) == np.quantile(values, share)


def test_a_quantile_of_what_is_partly_infinitely_far() -> None:
    assert quantile([1.0, 2.0, float("inf")], 0.5) == 2.0
    assert quantile([1.0, float("inf"), float("inf")], 0.9) == float("inf")


def test_a_median_of_what_is_known() -> None:
    values = np.random.default_rng(0).normal(size=(7, 40))
    values[np.random.default_rng(1).random(values.shape) < 0.4] = np.nan
    values[:, 3] = np.nan
    found = known_median(values)
    assert np.isnan(found[3])
    np.testing.assert_allclose(np.delete(found, 3), np.nanmedian(np.delete(values, 3, axis=1), axis=0))
