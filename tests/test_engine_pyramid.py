"""A frame made ready: what the spline reads between pixels, and where the smaller copies' pixels lie."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking.engine.pyramid import PAD, build_pyramid
from cinematic.tracking.engine.sampling import fill_window, sample_scratch, sample_warped, spline_window
from cinematic.tracking.errors import ParameterError
from tests.test_engine_plate import Texture, apply, around


def read(pyramid, warp: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The spline at ``warp`` of points (n a multiple of 4)."""
    u, v = (np.ascontiguousarray(points[:, axis], np.float32) for axis in (0, 1))
    out = np.empty(len(points), np.float32)
    places, window = apply(warp, points), spline_window(200)
    assert fill_window(pyramid.full, np.array([*places.min(0), *places.max(0)]), window)
    sample_warped(window, warp / warp[2, 2], u, v, sample_scratch(len(points)), out)
    return out


@pytest.mark.parametrize(
    "warp",
    [
        around((40, 30), shift=(0.5, 0.25)),
        around((40, 30), angle=0.4, scale=0.7),
        around((40, 30), angle=0.2, perspective=(1e-3, 5e-4)),
    ],
    ids=["shift", "similarity", "perspective"],
)
def test_spline_reads_between_pixels_ten_times_better_than_bilinear(warp: np.ndarray) -> None:
    texture = Texture(3)
    image = texture.frame((80, 60))
    points = np.random.default_rng(0).uniform([25, 20], [55, 40], (400, 2))
    places = apply(warp, points)
    truth = 0.5 + sum(
        a * np.cos(places @ k + p) for k, p, a in zip(texture.wave.T, texture.phase, texture.amplitude, strict=True)
    )
    whole = np.floor(places).astype(int)
    (fx, fy), (x, y) = (places - whole).T, whole.T
    bilinear = (1 - fy) * ((1 - fx) * image[y, x] + fx * image[y, x + 1])
    bilinear += fy * ((1 - fx) * image[y + 1, x] + fx * image[y + 1, x + 1])
    spline_error = np.abs(read(build_pyramid(image), warp, points) - truth)
    assert np.median(spline_error) < 0.1 * np.median(np.abs(bilinear - truth))
    assert spline_error.max() < 0.01


def test_whole_pixels_are_read_back_also_on_the_border() -> None:
    image = np.random.default_rng(0).random((24, 32), dtype=np.float32)  # white noise: the hardest image
    y, x = np.mgrid[0:24, 0:32]
    points = np.stack([x.ravel(), y.ravel()], 1).astype(float)
    assert np.abs(read(build_pyramid(image), np.eye(3), points) - image.ravel()).max() < 2e-3


def test_smaller_copies_halve_coordinates_without_a_shift() -> None:
    y, x = np.mgrid[0:64, 0:80].astype(np.float32)
    pyramid = build_pyramid(x / 80 + y / 640)
    for level, scale in ((pyramid.half, 2), (pyramid.quarter, 4), (pyramid.eighth, 8)):
        inside = level[PAD:-PAD, PAD:-PAD]
        row, column = np.mgrid[0 : inside.shape[0], 0 : inside.shape[1]]
        ramp = column * scale / 80 + row * scale / 640
        assert np.abs(inside - ramp)[2:-2, 2:-2].max() < 1e-6


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (1, 50), (17, 16)])
def test_tiny_frames_are_made_ready_too(shape: tuple[int, int]) -> None:
    pyramid = build_pyramid(np.ones(shape, np.float32))
    around_it = np.array([[x, y] for x in (-12.0, 0.3, shape[1] + 11.0) for y in (-12.0, shape[0] + 11.0)][:4])
    assert np.allclose(read(pyramid, np.eye(3), around_it), 1, atol=1e-5)
    assert np.allclose(pyramid.eighth, 1, atol=1e-5)


def test_a_window_reads_the_same_whatever_else_it_holds() -> None:
    pyramid = build_pyramid(np.random.default_rng(1).random((60, 80), dtype=np.float32))
    points = np.random.default_rng(2).uniform([20, 15], [60, 45], (40, 2))
    everything = read(pyramid, np.eye(3), points)
    assert np.allclose(read(pyramid, np.eye(3), points[:4]), everything[:4], atol=1e-6)


@pytest.mark.parametrize("beyond", [(180.0, 180.0), (55.0, 170.0), (118.0, 55.0)], ids=["large", "tall", "wide"])
def test_a_window_that_is_too_small_says_so(beyond: tuple[float, float]) -> None:
    pyramid, window = build_pyramid(np.zeros((400, 600), np.float32)), spline_window(30)
    assert fill_window(pyramid.full, np.array([50.0, 50.0, 80.0, 80.0]), window)
    held = window.place[2] * window.place[3]
    assert held <= len(window.spline)
    assert not fill_window(pyramid.full, np.array([50.0, 50.0, *beyond]), window)


def test_one_nan_spoils_its_neighbourhood_only() -> None:
    image = Texture(4).frame((80, 60))
    image[30, 40] = np.nan
    y, x = np.mgrid[0:60, 0:80]
    points = np.stack([x.ravel(), y.ravel()], 1).astype(float)
    bad = ~np.isfinite(read(build_pyramid(image), np.eye(3), points).reshape(60, 80))
    rows, columns = np.nonzero(bad)
    assert rows.min() >= 22
    assert rows.max() <= 37
    assert columns.min() >= 32
    assert columns.max() <= 47


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), r"luminance image \[row, col\].*\(4, 4, 3\)"),
        (np.zeros((0, 4), np.float32), "at least 1 x 1"),
        (np.zeros((4, 4), np.uint8), "floating-point luminance.*uint8"),
    ],
)
def test_what_is_no_luminance_image_is_refused(image: np.ndarray, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        build_pyramid(image)
