"""Why a track is off, from how it came to be so; and from whether its feature still shows where it should be."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking.judge import Limits, judge, preset_limits
from cinematic.tracking.metrics import PatternTrack
from cinematic.tracking.reasons import Evidence, Shown, gone_wrong, moves_along, why_off
from tests.scenes import SIZE, path, scene

FRAMES = 24


def evidence(offset: np.ndarray, after: float | None = None, **others: object) -> Evidence:
    known = {"in_company": False, "covariances": {}} | others
    if after is not None:
        known["seen"] = Shown(before=0.9, after=after, farthest=after)
    return Evidence(np.linalg.norm(offset, axis=1), offset, 0, **known)


def off_from(frame: int, step: float, direction: tuple[float, float] = (1.0, 0.0)) -> np.ndarray:
    return np.maximum(0, np.arange(FRAMES) - frame)[:, None] * step * np.array(direction)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (evidence(off_from(10, 0.1)), "drifting"),
        (evidence(off_from(10, 2.0)), "occluded"),  # away within a few frames, and nobody has looked
        (evidence(off_from(10, 2.0), 0.1), "occluded"),
        (evidence(off_from(10, 2.0), 0.9), "drifting"),  # its feature is still there to be seen
        (evidence(off_from(10, 2.0), seen=Shown(before=0.1, after=0.1)), "drifting"),  # it did not show before, either
        (evidence(off_from(10, 2.0), seen=Shown(before=0.9, after=0.9, leaves=True)), "occluded"),
        (evidence(off_from(10, 0.3), seen=Shown(before=0.9, after=0.7, later=0.2)), "occluded"),  # bit by bit
        (evidence(off_from(10, 0.3), seen=Shown(before=0.9, after=0.7, later=0.6)), "drifting"),
        (evidence(off_from(8, 0.08), 0.1), "drifting"),  # it had begun to before it was hidden
        (evidence(np.where(np.arange(FRAMES)[:, None] < 10, 0.0, (8.0, 0.0))), "mismatched jump"),
        (evidence(off_from(0, 0.5), in_company=True), "moving object"),
        (evidence(off_from(0, 0.5), in_company=True, correlation=0.5), "drifting"),  # what it shows is something else
        (evidence(off_from(0, 0.5), 0.1, correlation=0.95), "moving object"),  # alone, but evenly, and it is not there
        (evidence(off_from(0, 0.5), 0.9, correlation=0.95, in_company=True), "drifting"),  # it is still there
        (evidence(off_from(0, 0.5)), "drifting"),
        (evidence(off_from(5, 0.1), covariances={20: (0.09, 0.0, 0.01)}), "sliding along an edge"),
        (evidence(off_from(5, 0.1, (0.0, 1.0)), covariances={20: (0.09, 0.0, 0.01)}), "drifting"),
    ],
)
def test_each_way_to_go_wrong_has_its_name(found: Evidence, reason: str) -> None:
    assert why_off(found, 0.5) == reason


def test_a_track_goes_wrong_where_it_is_off_for_good() -> None:
    distance = np.zeros(12)
    distance[3] = 2.0  # strays once
    distance[8:] = 2.0
    assert gone_wrong(distance, 0, 0.5).tolist() == [8, 9, 10, 11]
    assert gone_wrong(distance[::-1], 11, 0.5).tolist() == [3, 2, 1, 0]
    assert gone_wrong(np.zeros(5), 0, 0.5).tolist() == []


def test_company_is_near_and_moves_alike() -> None:
    positions = np.broadcast_to(np.array([[100.0, 100], [150, 120], [160, 90], [800, 400]])[:, None], (4, FRAMES, 2))
    offset = np.stack([off_from(0, 0.5), off_from(0, 0.55), off_from(0, 0.5, (0, -1)), off_from(0, 0.5)])
    found = moves_along(positions, offset, np.linalg.norm(offset, axis=2), 0.5, 960)
    assert found.tolist() == [True, True, False, False]  # the third moves otherwise, the fourth is far away


def test_the_footage_is_asked_where_the_feature_should_be() -> None:
    seen = scene(path(FRAMES), 120, noise=0.05)
    whole = int(np.flatnonzero(np.isfinite(seen.positions[..., 0]).all(axis=1))[0])
    truth = seen.positions[whole].copy()
    seen.positions[whole, 14:] += np.arange(1, 11)[:, None] * (2.0, 1.0)
    asked: list[PatternTrack] = []

    def look(patterns: object) -> dict[str, dict[int, float]]:
        asked.extend(patterns)
        return {each.name: {frame: 0.9 if frame <= 14 else 0.05 for frame in each.frames.tolist()} for each in asked}

    verdict = judge(seen.tracks, SIZE, look=look)[whole]
    assert verdict.reasons[0] == "occluded"
    (pattern,) = [each for each in asked if each.name == f"t{whole}"]
    frames = pattern.frames - 1
    assert set(range(14, 19)) <= set(frames)
    centres = pattern.quads.mean(axis=1)
    assert np.abs(centres - truth[frames]).max() < 1.0  # where it was, not where the markers went


def test_presets_say_how_much_is_too_much() -> None:
    assert preset_limits("balanced", 1920).reprojection_px == 0.5
    assert preset_limits("balanced", 1920).drift_px == Limits().drift_px
    assert preset_limits("handheld", 1920).correlation < Limits().correlation
    assert preset_limits("high_quality", 1920).frames == 10


def test_pixels_of_limits_grow_on_plates_wider_than_1920() -> None:
    usual, wide = Limits(), Limits().on(3840)
    assert usual == usual.on(1920) == usual.on(640) == preset_limits("balanced", 960)
    assert (wide.reprojection_px, wide.duplicate_px) == (2 * usual.reprojection_px, 2 * usual.duplicate_px)
    assert (wide.frames, wide.correlation, wide.bad_marker_share) == (5, usual.correlation, usual.bad_marker_share)
