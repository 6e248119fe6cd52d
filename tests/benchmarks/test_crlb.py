"""The Cramer-Rao bound against a Monte-Carlo run of an unbiased estimator."""

import numpy as np
import pytest

from benchmarks import crlb

WINDOW, SIGMA = 15, 2.0
WAVES = np.array([[0.55, 0.2, 30.0, 0.3], [-0.25, 0.6, 26.0, 1.1], [0.35, -0.4, 22.0, 2.0], [0.8, 0.1, 12.0, 0.5]])


def pattern(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A known texture, a sum of waves, with its exact gradients."""
    phase = WAVES[:, 0] * x[..., None] + WAVES[:, 1] * y[..., None] + WAVES[:, 3]
    wave, slope = WAVES[:, 2] * np.sin(phase), WAVES[:, 2] * np.cos(phase)
    return 128.0 + wave.sum(-1), (slope * WAVES[:, 0]).sum(-1), (slope * WAVES[:, 1]).sum(-1)


def fit(noisy: np.ndarray, i: np.ndarray, j: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Least squares for affine map, gain and bias of the known texture in a noisy window, by Gauss-Newton."""
    p = np.array([0.0, 0.0, 1.0 / scale, 0.0, 0.0, 1.0 / scale, 1.0, 0.0])
    for _ in range(5):
        x, y = p[0] + p[2] * i + p[3] * j, p[1] + p[4] * i + p[5] * j
        value, gx, gy = pattern(x, y)
        columns = [p[6] * gx, p[6] * gy, p[6] * gx * i, p[6] * gx * j, p[6] * gy * i, p[6] * gy * j]
        jacobian = np.stack([*columns, value, np.ones_like(value)], axis=1)
        p = p + np.linalg.lstsq(jacobian, noisy - p[6] * value - p[7], rcond=None)[0]
    return p


def test_the_bound_is_what_an_unbiased_estimator_reaches():
    """The texture located in two noisy frames, each by itself: the difference has the bound's covariance."""
    half = WINDOW // 2
    j, i = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
    i, j = i.ravel(), j.ravel()
    clean = pattern(i, j)[0]
    rng = np.random.default_rng(3)
    trials = 1500
    found = np.array(
        [[fit(clean + SIGMA * rng.normal(size=clean.shape), i, j)[:2] for _ in range(2)] for _ in range(trials)]
    )
    difference = found[:, 1] - found[:, 0]
    y, x = np.mgrid[0:61, 0:61].astype(float)
    bound = crlb.covariances(pattern(x - 30.0, y - 30.0)[0], np.array([[30.0, 30.0]]), SIGMA, WINDOW)[0]
    spread = np.sqrt(np.diag(bound))
    assert np.all(np.abs(difference.mean(axis=0)) < 4.0 * spread / np.sqrt(trials))
    assert np.cov(difference.T) == pytest.approx(bound, rel=0.12, abs=0.12 * spread.prod())
    median = np.median(np.linalg.norm(difference, axis=1))
    assert crlb.pooled_median(bound[None], 20000) == pytest.approx(median, rel=0.06)


@pytest.mark.parametrize("scale", [0.6, 1.6])
def test_the_bound_where_the_pattern_is_seen_larger_or_smaller(scale):
    """The second frame shows the texture `scale` times larger, in as many more pixels."""
    grids, clean = [], []
    for s in (1.0, scale):
        half = round(s * (WINDOW // 2))
        j, i = np.mgrid[-half : half + 1, -half : half + 1].astype(float)
        grids.append((i.ravel(), j.ravel()))
        clean.append(pattern(i.ravel() / s, j.ravel() / s)[0])
    rng = np.random.default_rng(4)
    found = []
    for _ in range(1200):
        first, second = (
            fit(c + SIGMA * rng.normal(size=c.shape), *grid, s)
            for c, grid, s in zip(clean, grids, (1.0, scale), strict=True)
        )
        found.append(np.linalg.solve(second[2:6].reshape(2, 2), first[:2] - second[:2]))
    y, x = np.mgrid[0:61, 0:61].astype(float)
    image = pattern(x - 30.0, y - 30.0)[0]
    bounds = crlb.covariances(image, np.array([[30.0, 30.0]]), SIGMA, WINDOW)
    bound = crlb.carried(bounds, scale * np.eye(2)[None, None])[0, 0]
    spread = np.sqrt(np.diag(bound))
    assert np.cov(np.array(found).T) == pytest.approx(bound, rel=0.2, abs=0.15 * spread.prod())


def test_a_pattern_without_corners_has_no_bound():
    stripes = np.tile(128.0 + 40.0 * np.sin(0.7 * np.arange(41)), (41, 1))
    assert np.all(np.isinf(crlb.covariances(stripes, np.array([[20.0, 20.0]]), SIGMA, WINDOW)))


def test_more_noise_and_a_smaller_window_are_worse():
    y, x = np.mgrid[0:61, 0:61].astype(float)
    image, point = pattern(x, y)[0], np.array([[30.2, 29.6]])
    base = crlb.covariances(image, point, SIGMA, 15)[0]
    assert crlb.covariances(image, point, 2 * SIGMA, 15)[0] == pytest.approx(4.0 * base)
    assert np.all(np.diag(crlb.covariances(image, point, SIGMA, 9)[0]) > np.diag(base))


def test_an_even_window_is_refused():
    with pytest.raises(ValueError, match="expected an odd window, got 20"):
        crlb.covariances(np.zeros((50, 50)), np.array([[25.0, 25.0]]), SIGMA, 20)
