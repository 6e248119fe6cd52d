"""The two frames that Blender's solver is told to begin from."""

from __future__ import annotations

import numpy as np

from cinematic.tracking.solve.keyframes import solve_keyframes
from tests.scenes import SIZE, path, scene


def test_they_share_many_tracks_seen_from_far_apart() -> None:
    seen = scene(path(60), 200, outliers=0.03, gaps=0.2)
    first, second = solve_keyframes(seen.positions, SIZE)[0]
    marked = np.isfinite(seen.positions[..., 0])
    assert (marked[:, first] & marked[:, second]).sum() >= 30
    apart = np.linalg.norm(seen.cameras.positions[first] - seen.cameras.positions[second])
    assert apart > 0.2 * np.linalg.norm(seen.cameras.positions[0] - seen.cameras.positions[-1])


def test_they_are_found_where_the_camera_moves() -> None:
    moving = path(60)
    frames = np.concatenate([np.zeros(30, int), np.arange(0, 60, 2)])  # at rest for the first half
    seen = scene(moving, 200)
    found = solve_keyframes(seen.positions[:, frames], SIZE)
    assert found
    assert all(second > 32 for _, second in found)


def test_a_camera_that_only_turns_has_none() -> None:
    seen = scene(path(60, tripod=True), 200)
    assert solve_keyframes(seen.positions, SIZE) == []
    assert solve_keyframes(np.empty((0, 0, 2)), SIZE) == []


def test_they_are_found_before_a_wall_that_holds_most_of_the_tracks() -> None:
    wall, rest = scene(path(60), 140, planar=True), scene(path(60), 60, seed=5)
    positions = np.concatenate([wall.positions, rest.positions])
    assert solve_keyframes(positions, SIZE)


def test_further_pairs_are_of_other_places() -> None:
    pairs = solve_keyframes(scene(path(60), 200).positions, SIZE)
    assert len(pairs) == 8
    for number, pair in enumerate(pairs):
        assert all(abs(pair[0] - other[0]) + abs(pair[1] - other[1]) >= 6 for other in pairs[:number])
