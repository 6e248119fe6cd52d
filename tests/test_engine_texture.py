"""Faint patterns: how firmly texture holds them, larger ones in their place, and the middle's say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from cinematic.tracking.engine import LostReason, Seeds, TrackOptions, build_pyramid, track
from cinematic.tracking.engine.patterns import cut_patterns, empty_patterns, square_grid
from cinematic.tracking.engine.texture import deviations

NOISE = 6 / 255
SIZE = 200  # pixels across a frame
PLACE = np.array([[100.0, 100.0]])


def texture(contrast: float, seed: int = 0, size: int = SIZE) -> np.ndarray:
    """Blobs of 3 px with a standard deviation of ``contrast``."""
    blobs = gaussian_filter(np.random.default_rng(seed).normal(size=(size, size)), 3.0)
    return 0.5 + contrast * blobs / blobs.std()


def noisy(image: np.ndarray, seed: int, noise: float = NOISE) -> np.ndarray:
    return (image + np.random.default_rng(seed).normal(0, noise, image.shape)).astype(np.float32)


def stripes(across: float = 0.2, along: float = 0.01) -> np.ndarray:
    """Strong texture from row to row, faint texture along them: an edge in all but name."""
    rows = texture(across, 1).mean(1, keepdims=True)
    return texture(along, 2) + 20 * (rows - rows.mean())


@pytest.mark.parametrize("contrast", [0.05, 0.1])
def test_deviations_are_the_bound_of_a_shift(contrast: float) -> None:
    image = texture(contrast)
    places = np.random.default_rng(3).uniform(40, SIZE - 40, (60, 2))
    gy, gx = np.gradient(image)
    expected = []
    for x, y in np.rint(places).astype(int):
        window = np.s_[y - 10 : y + 11, x - 10 : x + 11]
        a, b = gx[window].ravel(), gy[window].ravel()
        weakest = np.linalg.eigvalsh([[a @ a, a @ b], [a @ b, b @ b]])[0]
        expected.append(NOISE * np.sqrt(2 / weakest))
    found = deviations(build_pyramid(noisy(image, 4)), 21, places)
    assert np.median(found / expected) == pytest.approx(1, abs=0.15)


def test_noise_is_not_taken_for_texture() -> None:
    flat = deviations(build_pyramid(noisy(np.full((SIZE, SIZE), 0.5), 5)), 21, PLACE)
    edge = deviations(build_pyramid(noisy(stripes(), 6)), 21, PLACE)
    firm = deviations(build_pyramid(noisy(texture(0.2), 7)), 21, PLACE)
    assert firm < 0.1 < 0.25 < edge
    assert flat > 0.5
    assert deviations(build_pyramid(np.full((SIZE, SIZE), 0.5, np.float32)), 21, PLACE) == 0


def test_grain_of_shadows_is_told_by_other_shadows() -> None:
    """They hold seven times the noise of the rest here, but fine detail in that rest is none."""
    dark, strong = np.zeros((SIZE, SIZE), bool), 21 / 255
    dark[:, 120:] = True
    image, light = texture(0.1), np.where(dark, -0.3, 0.2)
    shadows = np.where(dark, noisy(image, 8, strong), noisy(image, 9, strong / 7)) + light
    assert deviations(build_pyramid(shadows.astype(np.float32)), 21, np.array([[155.0, 100.0]])) > 0.4
    detailed = noisy(image, 9, strong / 7)
    detailed[85:116, 40:71] = noisy(image, 8, strong)[85:116, 40:71]
    assert deviations(build_pyramid(detailed), 21, np.array([[55.0, 100.0]])) < 0.06


def width(corners: np.ndarray) -> float:
    return float(corners[1, 0] - corners[0, 0])


@pytest.mark.parametrize(("contrast", "growth", "expected"), [(0.2, 1.5, 21), (0.03, 1.5, 31), (0.03, 1.0, 21)])
def test_a_faint_pattern_is_taken_larger(contrast: float, growth: float, expected: int) -> None:
    frames = [(number, noisy(texture(contrast), number)) for number in range(3)]
    results = list(track(frames, Seeds(0, PLACE), TrackOptions(motion_model="Loc", pattern_growth=growth)))
    assert [width(markers.corners[0]) for markers in results] == pytest.approx([expected] * 3)


@pytest.mark.parametrize(("size", "expected"), [(5, 7), (81, 101), (101, 101)])
def test_patterns_of_every_size_can_be_tracked(size: int, expected: int) -> None:
    frames = [(number, noisy(stripes(0.2, 0.001), number)) for number in range(2)]
    options = TrackOptions(pattern_size=size, motion_model="Loc", correlation_min=0, middle_max=np.inf)
    assert width(list(track(frames, Seeds(0, PLACE), options))[1].corners[0]) == pytest.approx(expected)


def test_a_larger_pattern_must_lie_on_the_frame() -> None:
    near = np.array([[12.0, 100.0]])
    frames = [(number, noisy(texture(0.03), number)) for number in range(2)]
    results = list(track(frames, Seeds(0, near), TrackOptions(motion_model="Loc")))
    assert width(results[0].corners[0]) == 21
    assert results[0].tracked.all()


def test_larger_and_smaller_patterns_keep_their_numbers() -> None:
    """Tracks of both sizes, begun on different frames, are reported in the order of their numbers."""
    image = texture(0.2)
    image[:, SIZE // 2 :] = texture(0.04)[:, SIZE // 2 :]
    places = np.array([[60.0, 60], [150, 60], [60, 120], [150, 120], [60, 150], [150, 150]])
    begin = np.array([1, 0, 0, 1, 1, 0])
    frames = [(number, noisy(image, number)) for number in range(4)]
    options = TrackOptions(motion_model="Loc", correlation_min=0, middle_max=np.inf)
    results = list(track(frames, Seeds(begin, places), options))
    assert results[0].track.tolist() == [1, 2, 5]
    assert results[3].track.tolist() == list(range(6))
    assert np.abs(results[3].position - places).max() < 1.5
    assert [round(width(corners)) for corners in results[3].corners] == [21, 21, 21, 31, 21, 31]


def test_smooth_gradients_are_for_grain_only() -> None:
    grid = square_grid(21)
    worth = []
    for contrast in (0.2, 0.03):
        patterns = empty_patterns(1, grid)
        cut_patterns(build_pyramid(noisy(texture(contrast), 8)), grid, PLACE, np.zeros(1, np.int64), patterns)
        worth.append(patterns.worth[0])
    assert worth[0] == 1
    assert worth[1] > 1.3


def test_smooth_gradients_lose_less_to_grain() -> None:
    """How far off a faint pattern's shift is found, in units of the bound: with sharp gradients it is 1.72."""
    image, seeds = texture(0.04, 9), range(60)
    errors = []
    for seed in seeds:
        frames = [(number, noisy(image, 100 * seed + number)) for number in range(2)]
        options = TrackOptions(motion_model="Loc", pattern_growth=1, middle_max=np.inf, correlation_min=0)
        errors.append(list(track(frames, Seeds(0, PLACE), options))[1].position[0] - PLACE[0])
    gy, gx = np.gradient(image[90:111, 90:111])
    gram = np.array([[(gx * gx).sum(), (gx * gy).sum()], [(gx * gy).sum(), (gy * gy).sum()]])
    least = NOISE * np.sqrt(2 * np.trace(np.linalg.inv(gram)))
    assert np.sqrt(np.mean(np.sum(np.square(errors), axis=1))) < 1.62 * least


def test_a_middle_that_goes_its_own_way_ends_the_track() -> None:
    """A strong surround, a faint middle that moves past it: the whole follows the surround, the marker must not."""
    middle = np.hypot(*(np.mgrid[:SIZE, :SIZE] - 100)) < 7

    def frame(number: int, shift: int) -> np.ndarray:
        inner = np.roll(texture(0.04, 11), shift, axis=1)
        return noisy(np.where(middle, inner, texture(0.06, 10)), number)

    frames = [(number, frame(number, 2 * number)) for number in range(3)]
    options = {"motion_model": "Loc", "correlation_min": 0.0}
    asked = list(track(frames, Seeds(0, PLACE), TrackOptions(**options)))
    unasked = list(track(frames, Seeds(0, PLACE), TrackOptions(**options, middle_max=np.inf)))
    assert asked[2].reason[0] == LostReason.MIDDLE_ELSEWHERE
    assert unasked[2].tracked[0]
    assert LostReason.MIDDLE_ELSEWHERE.words == "middle elsewhere"


def test_the_predicted_covariance_is_honest_in_grain() -> None:
    """The faint pattern's gradients are half grain, and the mean of frames lies where noise has put them."""
    image, places = texture(0.04, 9), np.mgrid[40:161:30, 40:161:30].reshape(2, -1).T.astype(float)
    options = TrackOptions(
        motion_model="Loc", pattern_growth=1, correlation_min=0, forward_backward_max=np.inf, middle_max=np.inf,
        deviation_max=np.inf,
    )  # fmt: skip
    squares: dict[int, list[np.ndarray]] = {1: [], 5: []}
    for seed in range(10):
        frames = [(number, noisy(image, 100 * seed + number)) for number in range(6)]
        results = list(track(frames, Seeds(0, places), options))
        for number, found in squares.items():
            error = results[number].position - places
            said = np.linalg.inv(results[number].covariance)
            found.append(np.einsum("ni,nij,nj->n", error, said, error) / 2)
    assert np.mean(squares[1]) == pytest.approx(1, abs=0.3)
    assert np.mean(squares[5]) == pytest.approx(1.3, abs=0.4)


def test_a_track_that_noise_moves_too_far_ends() -> None:
    """Not before its pattern has been matched in three frames: until then noise moves it further than it will."""
    frames = [(number, noisy(texture(0.02, 12), number)) for number in range(5)]
    options = {"motion_model": "Loc", "correlation_min": 0.0, "middle_max": np.inf}
    asked = list(track(frames, Seeds(0, PLACE), TrackOptions(**options, deviation_max=0.05)))
    unasked = list(track(frames, Seeds(0, PLACE), TrackOptions(**options)))
    assert asked[3].tracked[0]
    assert asked[4].reason[0] == LostReason.UNCERTAIN
    assert unasked[4].tracked[0]
