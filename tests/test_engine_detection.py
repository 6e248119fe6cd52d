"""Detection: strong, sub-pixel, evenly spread, no edges, and only where it may."""

from __future__ import annotations

import doctest

import numpy as np
import pytest
from scipy import ndimage

from cinematic.tracking import engine
from cinematic.tracking.engine import detect
from cinematic.tracking.errors import ParameterError
from tests.test_engine_plate import Texture


def nearest(positions: np.ndarray, target: tuple[float, float]) -> float:
    return float(np.hypot(*(positions - np.array(target)).T).min())


def saddle(size: int, centre: tuple[float, float]) -> np.ndarray:
    """A chessboard's corner at a sub-pixel place: symmetric, so that its centre is the best place for a pattern."""
    x, y = np.meshgrid(np.arange(size) - centre[0], np.arange(size) - centre[1])
    return (0.5 + 0.4 * np.tanh(x / 1.5) * np.tanh(y / 1.5)).astype(np.float32)


def test_corner_is_found_to_a_tenth_of_a_pixel() -> None:
    errors = []
    for centre in [(40.0, 40.0), (40.3, 39.8), (40.5, 40.5), (39.6, 40.2)]:
        features = detect(saddle(80, centre), max_features=1)
        errors.append(nearest(features.positions, centre))
    assert max(errors) < 0.1  # the whole-pixel peak is up to 0.7 off


def test_features_keep_their_distance_and_are_sharpest_first() -> None:
    features = detect(Texture(1).frame((320, 240)), min_distance=25)
    apart = np.hypot(*(features.positions[:, None] - features.positions[None]).transpose(2, 0, 1))
    np.fill_diagonal(apart, np.inf)
    assert len(features) > 20
    assert apart.min() >= 25
    assert (np.diff(features.bluntness) >= 0).all()
    assert (features.edge_ratio >= 1).all()


def test_max_features_covers_the_frame_where_the_sharpest_would_crowd() -> None:
    image = Texture(2).frame((480, 320))
    image[:, 160:] = ndimage.gaussian_filter(image[:, 160:], 1.5)  # two thirds of the frame are soft
    everything = detect(image, min_distance=12, threshold=0.002, max_bluntness=np.inf)
    spread = detect(image, min_distance=12, threshold=0.002, max_bluntness=np.inf, max_features=24)
    assert 20 <= len(spread) <= 24

    def cells(positions: np.ndarray) -> int:
        return len({(int(x // 80), int(y // 80)) for x, y in positions})

    assert cells(spread.positions) >= 20  # of 24
    assert cells(everything.positions[:24]) <= 12


def test_edges_are_rejected_but_corners_are_not() -> None:
    x, y = np.meshgrid(np.arange(200.0), np.arange(160.0))
    ramp = 0.5 + 0.4 * np.tanh((x - 0.3 * y - 60) / 1.5)  # one long slanted edge
    rng = np.random.default_rng(0)
    image = (ramp + rng.normal(0, 0.004, ramp.shape)).astype(np.float32)
    patch = saddle(60, (30.2, 29.7))
    image[90:150, 130:190] = patch
    features = detect(image, threshold=0.0003)
    distance_to_edge = np.abs(features.positions[:, 0] - 0.3 * features.positions[:, 1] - 60) / np.hypot(1, 0.3)
    inner = (features.positions[:, 1] > 15) & (features.positions[:, 1] < 145)
    assert not (inner & (distance_to_edge < 6)).any()
    assert nearest(features.positions, (160.2, 119.7)) < 0.3
    everything = detect(image, threshold=0.0003, max_edge_ratio=np.inf)
    on_edge = np.abs(everything.positions[:, 0] - 0.3 * everything.positions[:, 1] - 60) / np.hypot(1, 0.3) < 6
    assert on_edge.sum() > 3  # without the ratio test the edge would be full of them


def blocks_beside_texture() -> np.ndarray:
    """Fine texture on the left; on the right flat blocks, whose corners are steps between two areas."""
    texture = ndimage.gaussian_filter(np.random.default_rng(5).normal(0.0, 1.0, (240, 400)), 1.0)
    image = (0.5 + 0.3 * texture).astype(np.float32)
    image[:, 200:] = 0.3
    for top in range(30, 220, 60):
        for left in range(230, 390, 60):
            image[top : top + 30, left : left + 30] = 0.7
    return image


def test_corners_of_flat_areas_come_last_or_not_at_all() -> None:
    image = blocks_beside_texture()
    sharp = detect(image, min_distance=12)
    everything = detect(image, min_distance=12, max_bluntness=np.inf)
    assert not sharp.is_blunt.any()
    assert len(sharp) > 40
    assert sharp.positions[:, 0].max() < 200
    np.testing.assert_array_equal(everything.positions[: len(sharp)], sharp.positions)
    rest = everything.positions[len(sharp) :]
    assert everything.is_blunt[len(sharp) :].all()
    assert (rest[:, 0] > 220).sum() > 30  # strong as they are: four corners of twelve blocks


def test_a_picture_of_nothing_but_corners_has_features() -> None:
    corners = blocks_beside_texture()[:, 200:]
    assert len(detect(corners)) > 10


def test_mask_margin_and_existing_are_kept_clear() -> None:
    image = Texture(3).frame((320, 240))
    mask = np.zeros((240, 320), bool)
    mask[:, :150] = True
    left = detect(image, mask=mask)
    assert len(left) > 5
    assert left.positions[:, 0].max() < 150
    inner = detect(image, margin=60)
    assert (inner.positions.min(0) >= 59.5).all()
    assert (inner.positions.max(0) <= np.array([319, 239]) - 59.5).all()
    free = detect(image, existing=inner.positions, min_distance=30)
    apart = np.hypot(*(free.positions[:, None] - inner.positions[None]).transpose(2, 0, 1))
    assert apart.min() >= 30


def test_threshold_leaves_out_noise() -> None:
    noise = (0.5 + np.random.default_rng(0).normal(0, 2 / 255, (200, 200))).astype(np.float32)
    assert len(detect(noise, threshold=0.0)) > 20
    assert len(detect(noise)) == 0


@pytest.mark.parametrize(
    "image",
    [np.zeros((3, 3)), np.full((60, 60), 0.5), np.full((60, 60), np.nan), np.zeros((1, 200)), np.zeros((200, 23))],
    ids=["3x3", "constant", "nan", "one row", "narrow"],
)
def test_where_nothing_can_be_tracked_nothing_is_found(image: np.ndarray) -> None:
    assert len(detect(image.astype(np.float32), threshold=0.0)) == 0


def test_nan_pixels_are_kept_away_from() -> None:
    image = Texture(4).frame((200, 200))
    image[100, 100] = np.nan
    features = detect(image)
    assert len(features) > 10
    assert nearest(features.positions, (100, 100)) > 10


def test_nan_pixels_do_not_make_others_sharp() -> None:
    image = blocks_beside_texture()
    blunt = detect(image, max_bluntness=np.inf).is_blunt.sum()
    image[100, 100] = np.nan
    assert detect(image, max_bluntness=np.inf).is_blunt.sum() > 0.8 * blunt > 10


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pattern_size": 20}, "odd pattern_size"),
        ({"pattern_size": 3}, r"5\.\.101, got 3"),
        ({"threshold": -1}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"min_distance": 0}, "min_distance"),
        ({"max_features": -1}, "max_features"),
        ({"max_edge_ratio": 0.5}, "max_edge_ratio"),
        ({"max_bluntness": -1.0}, "max_bluntness"),
        ({"mask": np.ones((3, 3), bool)}, r"mask as bool of shape \(60, 60\)"),
        ({"existing": np.zeros((2, 3))}, r"\(n, 2\)"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        detect(np.zeros((60, 60), np.float32), **arguments)


def test_the_example_in_the_package_runs() -> None:
    assert doctest.testmod(engine).failed == 0
