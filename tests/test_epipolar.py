"""Two-view geometry of drawn scenes: what moves with the scene is near zero, what does not is not."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking.epipolar import LEAST_TRACKS, epipolar_distances

FOCAL, CENTRE = 900.0, np.array([480.0, 270.0])


def rotation(x: float, y: float) -> np.ndarray:
    cx, sx, cy, sy = np.cos(x), np.sin(x), np.cos(y), np.sin(y)
    return np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]]) @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])


def tracks(points: np.ndarray, path: np.ndarray, noise: float, frames: int = 30, seed: int = 0) -> np.ndarray:
    """Points (n, 3) seen by a camera that turns a little and moves along ``path`` per frame; (n, f, 2) px."""
    rng = np.random.default_rng(seed)
    seen = []
    for frame in range(frames):
        local = (points - frame * path) @ rotation(0.002 * frame, -0.003 * frame).T
        seen.append(FOCAL * local[:, :2] / local[:, 2:] + CENTRE)
    return np.stack(seen, axis=1) + rng.normal(0, noise, (len(points), frames, 2))


@pytest.fixture
def points() -> np.ndarray:
    return np.random.default_rng(1).uniform((-3, -2, 6), (3, 2, 14), (120, 3))


def test_a_rigid_scene_is_near_zero_and_what_moves_by_itself_is_not(points: np.ndarray) -> None:
    positions = tracks(points, np.array([0.06, 0.01, 0.03]), noise=0.05)
    wrong = np.arange(12)
    positions[wrong, :, 1] += np.linspace(0, 6, 30)  # across the epipolar lines
    distances = epipolar_distances(positions)
    assert np.nanpercentile(distances[12:], 99) < 0.3
    assert np.nanmedian(distances[wrong], axis=1).min() > 0.3
    assert np.nanmedian(distances[wrong]) > 10 * np.nanmedian(distances[12:])


def test_a_jump_shows_around_the_frame_where_it_is(points: np.ndarray) -> None:
    positions = tracks(points, np.array([0.06, 0.01, 0.03]), noise=0.05)
    positions[7, 20:] += (0, 5)
    distances = epipolar_distances(positions)
    across = distances[7, 18:22]  # further away from the jump a marker has a partner on its own side
    assert np.nanmax(across) > 1
    assert np.nanmax(distances[8]) < 0.5


@pytest.mark.parametrize("kind", ["pure rotation", "one plane"])
def test_without_parallax_nothing_good_is_flagged_and_the_wrong_still_is(points: np.ndarray, kind: str) -> None:
    path = np.zeros(3) if kind == "pure rotation" else np.array([0.06, 0.01, 0.03])
    if kind == "one plane":
        points = points * (1, 1, 0) + (0, 0, 9) + points[:, :1] * (0, 0, 0.2)
    positions = tracks(points, path, noise=0.05)
    for row in range(6):  # each in a direction of its own: no epipole explains them all
        positions[row] += np.linspace(0, 8, 30)[:, None] * (np.cos(row), np.sin(row))
    distances = epipolar_distances(positions)
    assert np.nanpercentile(distances[6:], 99) < 0.3
    assert np.nanmedian(distances[:6], axis=1).min() > 0.4


def test_gaps_and_too_few_tracks_are_not_judged(points: np.ndarray) -> None:
    positions = tracks(points, np.array([0.06, 0.01, 0.03]), noise=0.05)
    positions[3, 5:9] = np.nan
    distances = epipolar_distances(positions)
    assert np.isnan(distances[3, 5:9]).all()
    assert np.isfinite(distances[3, :5]).all()
    assert np.isnan(epipolar_distances(positions[: LEAST_TRACKS - 1])).all()
    assert epipolar_distances(np.empty((0, 10, 2))).shape == (0, 10)
