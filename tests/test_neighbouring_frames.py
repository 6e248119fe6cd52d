"""Markers measured by what the frames around them show: less scatter, and nothing else changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cinematic.tracking import TrackData
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.engine.congealing import REACH, Stacks
from cinematic.tracking.engine.threads import use_threads
from cinematic.tracking.footage import Footage, open_footage
from cinematic.tracking.neighbouring_frames import _over_time, among_neighbours
from cinematic.tracking.other_windows import followed_shapes
from tests.plates import Plate, drawn_plate, write_movie

GRAIN = 10.0  # of 255
FRAMES = 48
SCATTER = 0.12  # px, along each axis
POINTS = np.array([[60.0, 60], [160, 60], [250, 70], [60, 170], [150, 120], [240, 170], [110, 100], [200, 190]])


@pytest.fixture(scope="module")
def plate() -> Plate:
    drawn = drawn_plate(count=FRAMES)
    lots = np.random.default_rng(5)
    grainy = [np.clip(f + lots.normal(0, GRAIN, f.shape), 0, 255).astype(np.uint8) for f in drawn.frames]
    return Plate(grainy, drawn.motions)


@pytest.fixture(scope="module")
def footage(plate: Plate, tmp_path_factory: pytest.TempPathFactory) -> Footage:
    return open_footage(write_movie(tmp_path_factory.mktemp("grainy") / "grainy.mp4", plate.frames))


@pytest.fixture(scope="module")
def truth(plate: Plate) -> np.ndarray:
    return np.stack([plate.truth(POINTS, frame) for frame in range(FRAMES)], axis=1)


@pytest.fixture(scope="module")
def shapes(plate: Plate) -> np.ndarray:
    return np.broadcast_to(plate.motions[:, :, :2].astype(np.float32), (len(POINTS), FRAMES, 2, 2)).copy()


@pytest.fixture
def scattered(truth: np.ndarray) -> np.ndarray:
    positions = truth + np.random.default_rng(3).normal(0, SCATTER, truth.shape)
    positions[:, 0] = truth[:, 0]
    return positions


def settle(positions: np.ndarray, shapes: np.ndarray, footage: Footage) -> np.ndarray:
    """With patterns of 21 px and reference markers on the first frame."""
    return among_neighbours(positions, shapes, [21] * len(positions), np.zeros(len(positions), int), 1, footage=footage)


def spread(off: np.ndarray) -> float:
    return float(np.sqrt(np.mean((off - off.mean(axis=1, keepdims=True)) ** 2)))


def test_markers_scatter_less(scattered: np.ndarray, truth: np.ndarray, shapes: np.ndarray, footage: Footage) -> None:
    moved = settle(scattered, shapes, footage)
    assert spread((moved - truth)[:, 1:]) < 0.55 * spread((scattered - truth)[:, 1:])
    assert np.array_equal(moved[:, 0], scattered[:, 0])


def test_noise_of_shapes_hardly_matters(
    scattered: np.ndarray, truth: np.ndarray, shapes: np.ndarray, footage: Footage
) -> None:
    shapes += np.random.default_rng(4).normal(0, 0.01, shapes.shape).astype(np.float32)
    shapes[:, ::3] = np.nan
    assert spread((settle(scattered, shapes, footage) - truth)[:, 1:]) < 0.55 * spread((scattered - truth)[:, 1:])


def test_what_drifts_goes_on_drifting(
    scattered: np.ndarray, truth: np.ndarray, shapes: np.ndarray, footage: Footage
) -> None:
    drift = np.linspace(0, 2, FRAMES)
    scattered[0, :, 0] += drift
    off = settle(scattered, shapes, footage)[0] - truth[0]
    assert np.polyfit(drift[4:-4], off[4:-4, 0], 1)[0] == pytest.approx(1, abs=0.06)


def test_other_tracks_have_no_say(scattered: np.ndarray, shapes: np.ndarray, footage: Footage) -> None:
    """Tracks that come after others are kept in the memory that those have left; and a long gap ends a stack."""
    scattered[:4, 20:] = np.nan
    scattered[4:7, : 20 + REACH] = np.nan
    scattered[7, 8 : 8 + 2 * REACH] = np.nan
    references = np.array([0] * 4 + [20 + REACH] * 3 + [0])

    def of(rows: slice) -> np.ndarray:
        return among_neighbours(scattered[rows], shapes[rows], [21] * 8, references[rows], 1, footage=footage)

    together = of(slice(None))
    apart = np.concatenate([of(slice(row, row + 1)) for row in range(8)])
    assert np.array_equal(together, apart, equal_nan=True)
    assert np.array_equal(np.isnan(together), np.isnan(scattered))
    assert (together != scattered)[~np.isnan(scattered)].mean() > 0.9


def test_the_number_of_threads_changes_nothing(scattered: np.ndarray, shapes: np.ndarray, footage: Footage) -> None:
    found = []
    for threads in (1, 2):
        with use_threads(threads):
            found.append(settle(scattered, shapes, footage))
    assert np.array_equal(found[0], found[1])


def test_who_has_few_markers_no_shape_or_is_far_off_stays(
    scattered: np.ndarray, truth: np.ndarray, shapes: np.ndarray, footage: Footage
) -> None:
    scattered[0, 4:] = np.nan
    shapes[1] = np.nan
    scattered[2, 30] = truth[2, 30] + (1.2, 0.0)
    moved = settle(scattered, shapes, footage)
    for row in (0, 1):
        assert np.array_equal(moved[row], scattered[row], equal_nan=True)
    assert np.array_equal(moved[2, 30], scattered[2, 30])
    assert not np.array_equal(moved[2, 29], scattered[2, 29])


def test_no_track_is_fine(footage: Footage) -> None:
    assert settle(np.zeros((0, FRAMES, 2)), np.zeros((0, FRAMES, 2, 2), np.float32), footage).shape == (0, FRAMES, 2)


def test_shapes_begin_as_they_are_whatever_size_of_window_has_followed_them(tmp_path: Path) -> None:
    """A faint pattern is followed by a larger window than a strong one of the same size."""
    drawn = drawn_plate(count=6)
    lots = np.random.default_rng(5)
    faint = [120 + 0.2 * (frame - 120.0) + lots.normal(0, 4, frame.shape) for frame in drawn.frames]
    for name, frames in (("strong", drawn.frames), ("faint", [np.round(frame).astype(np.uint8) for frame in faint])):
        footage = open_footage(write_movie(tmp_path / f"{name}.mp4", frames))
        places = [co_from_pixels(drawn.truth(POINTS[4], index), drawn.size) for index in range(6)]
        track = TrackData("a", markers={number: tuple(co) for number, co in enumerate(places, start=1)})
        found = followed_shapes([track], np.ones(1, int), 1, 6, footage=footage)[0]
        assert np.isfinite(found).all()
        assert found == pytest.approx(drawn.motions[:, :, :2], abs=0.1)


def warp(x: float, y: float, radius: float) -> np.ndarray:
    return np.array([[[radius, 0, x], [0, radius, y], [0, 0, 1]]])


def compared(images: list[np.ndarray], x: float, y: float, side: int = 31) -> np.ndarray:
    """The Gram matrix of the middle one of these frames; they show the same at the same place."""
    stacks, only = Stacks(side, 1), np.zeros(1, int)
    for frame, image in enumerate(images):
        stacks.take(frame, image.astype(np.float32) / 255, only, warp(x, y, stacks.radius))
    return stacks.compare(len(images) // 2, only)[0]


def test_the_residual_of_the_same_picture_is_nothing_but_noise() -> None:
    lots = np.random.default_rng(8)
    still = drawn_plate(count=2).frames[0].astype(float)
    gram = compared([still + lots.normal(0, 4, still.shape) for _ in range(9)], 150.3, 119.6)
    assert np.array_equal(gram, gram.T)
    shift = np.linalg.solve(gram[:4, :4], gram[:4, 8])[:2]
    assert np.abs(shift).max() < 0.05
    deviation = np.sqrt(np.diag(np.linalg.inv(gram[:2, :2])))
    assert (np.abs(shift) < 4 * deviation).all()


@pytest.mark.parametrize("where", ["half beyond the frame", "flat", "NaN", "too few"])
def test_what_tells_too_little_has_no_weight(plate: Plate, where: str) -> None:
    images = [frame.astype(float) for frame in [plate.frames[0]] * 9]
    x = -3.0 if where == "half beyond the frame" else 150.0
    if where == "flat":
        images = [np.full_like(images[0], 90)] * 9
    if where == "NaN":
        images[4] = images[4].copy()
        images[4][119, 151] = np.nan
    if where == "too few":
        images = images[:4]
    assert not compared(images, x, 120.0).any()


def test_a_pattern_at_the_border_is_compared_by_what_is_shown(plate: Plate) -> None:
    gram = compared([frame.astype(float) for frame in plate.frames[:9]], 8.0, 120.0)
    assert gram[3, 3] > 0


def test_smoothing_over_time_keeps_lines_and_bridges_gaps() -> None:
    line = np.stack([np.arange(40.0), 5 - 0.5 * np.arange(40)], axis=1)
    holes = line.copy()
    holes[[3, 10, 11, 12, 25]] = np.nan
    assert _over_time(holes, 14) == pytest.approx(line)
    holes[8:] = np.nan
    assert np.isnan(_over_time(holes, 14)[25:]).all()
    assert _over_time(np.full((6, 1), 2.0), 14, linear=False) == pytest.approx(np.full((6, 1), 2.0))
