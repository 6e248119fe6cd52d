"""Verdicts on drawn tracks: each fault is found, and named."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking import TrackData
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.judge import Limits, judge, judge_scene
from cinematic.tracking.readiness import readiness
from cinematic.tracking.scene_motion import slow_parts
from tests.scenes import path, scene
from tests.test_epipolar import tracks as projected

SIZE = (960, 540)


@pytest.fixture
def positions() -> np.ndarray:
    """120 points of a rigid scene over 30 frames, px."""
    points = np.random.default_rng(1).uniform((-3, -2, 6), (3, 2, 14), (120, 3))
    return projected(points, np.array([0.06, 0.01, 0.03]), noise=0.05)


def as_tracks(positions: np.ndarray) -> list[TrackData]:
    return [
        TrackData(f"t{row}", {f + 1: tuple(co_from_pixels(p, SIZE)) for f, p in enumerate(track) if np.isfinite(p[0])})
        for row, track in enumerate(positions)
    ]


def test_points_of_the_scene_are_good(positions: np.ndarray) -> None:
    verdicts = judge(as_tracks(positions), SIZE)
    assert [verdict.verdict for verdict in verdicts] == ["good"] * 120
    assert all(verdict.reasons == () and verdict.bad_markers == {} for verdict in verdicts)


def test_each_fault_is_named_and_nobody_else_is_blamed(positions: np.ndarray) -> None:
    positions[0, 15:] += (6, 6)  # another place from frame 16 on
    positions[8] = positions[1] + (30, 10)
    positions[[1, 8], :, 1] += np.linspace(0, 8, 30)  # two points of something that moves by itself
    positions[2, 4:] = np.nan
    positions[3] = positions[4] + 0.3
    positions[5] += np.random.default_rng(2).normal(0, 1.5, (30, 2))
    tracks = as_tracks(positions)
    tracks[6].correlations.update(dict.fromkeys(range(2, 31), 0.5))
    tracks[7].covariances.update(dict.fromkeys(range(2, 31), (0.36, 0.0, 0.0001)))
    verdicts = judge(tracks, SIZE)
    for row, reason in {
        0: "mismatched jump",
        1: "moving object",
        2: "too short",
        5: "jittery",
        6: "low correlation",
        7: "sliding along an edge",
    }.items():
        assert verdicts[row].verdict != "good", row
        assert reason in verdicts[row].reasons, (row, verdicts[row].reasons)
    assert sum("duplicate" in verdicts[row].reasons for row in (3, 4)) == 1
    assert all(verdict.verdict == "good" for verdict in verdicts[9:])
    assert max(v.badness for v in verdicts[9:]) < min(verdicts[row].badness for row in (0, 1, 5, 6, 7))


@pytest.mark.parametrize(("usual", "bad"), [(0.9, set(range(2, 31))), (0.5, set())])
def test_a_low_correlation_is_one_that_others_in_their_place_do_not_have(
    positions: np.ndarray, usual: float, bad: set[int]
) -> None:
    tracks = as_tracks(positions)
    for track in tracks:
        track.correlations.update(dict.fromkeys(range(2, 31), usual))
    tracks[6].correlations.update(dict.fromkeys(range(2, 31), 0.4))
    of_scene = judge(tracks, SIZE)[6]
    assert (of_scene.verdict, of_scene.reasons) == ("suspect", ("low correlation",))
    assert set(of_scene.bad_markers) == bad
    alone = judge(tracks[6:7], SIZE)[0]  # no scene to compare it with
    assert (alone.verdict, alone.reasons) == ("bad", ("low correlation",))
    assert set(alone.bad_markers) == set(range(2, 31))


def test_badness_puts_good_tracks_in_order_too(positions: np.ndarray) -> None:
    noise = np.random.default_rng(3).normal(0, 1, (30, 2))
    noise[0] = 0.0
    for row, size in enumerate((0.02, 0.04, 0.07, 0.1)):
        positions[row] += size * noise
    verdicts = judge(as_tracks(positions), SIZE)[:4]
    assert [verdict.verdict for verdict in verdicts] == ["good"] * 4
    badness = [verdict.badness for verdict in verdicts]
    assert badness == sorted(badness)
    assert badness[3] > 2 * badness[0]


def test_however_much_of_a_track_is_wrong_its_right_beginning_is_kept(positions: np.ndarray) -> None:
    positions[0, 8:] += np.arange(1, 23)[:, None] * (0.6, 0.8)  # a pixel more with every frame from frame 9 on
    positions[1, 3:] += np.arange(1, 28)[:, None] * (0.6, 0.8)
    long, short = judge(as_tracks(positions), SIZE)[:2]
    assert (long.verdict, short.verdict) == ("bad", "bad")
    ((first, last),) = long.sound
    assert first == 1
    assert last in (8, 9)
    assert short.sound == ()  # fewer than five markers are right


def test_where_the_camera_is_off_most_markers_it_is_not_believed() -> None:
    """A lens that is squeezed in the end: no camera has such a lens, but any two frames agree about one scene."""
    seen = scene(path(48), 160, noise=0.05).positions
    squeezed = np.arange(36, 48)
    middle = (SIZE[1] - 1) / 2
    seen[:, squeezed, 1] = middle + (seen[:, squeezed, 1] - middle) * (1 + 0.015 * (squeezed - 35))
    verdicts, (motion,) = judge_scene(as_tracks(seen), SIZE)
    solution = motion.scene.solution
    assert solution is not None
    assert solution.cameras.solved[:30].all()
    assert not solution.cameras.solved[-6:].any()
    assert not solution.used[:, -6:].any()
    assert np.isfinite(motion.scene.distance[:, -3:]).sum() >= 0.9 * np.isfinite(seen[:, -3:, 0]).sum()
    assert np.nanmedian(motion.scene.distance[:, -6:]) < 0.3
    hit = [verdict for verdict, row in zip(verdicts, seen, strict=True) if np.isfinite(row[-6:, 0]).all()]
    assert np.mean([verdict.verdict == "good" for verdict in hit]) > 0.7  # 0.03 of them, when it is believed


def test_nothing_to_judge() -> None:
    assert judge([], SIZE) == []
    (verdict,) = judge([TrackData("empty")], SIZE)
    assert verdict.verdict == "bad"
    assert verdict.reasons == ("too short",)


def test_a_known_focal_length_is_taken() -> None:
    wall = scene(path(12), 80, planar=True, noise=0.02)
    _, (untold,) = judge_scene(wall.tracks, SIZE)
    assert untold.scene.solution is None
    verdicts, (told,) = judge_scene(wall.tracks, SIZE, focal=900.0)
    assert told.scene.solution is not None
    assert np.unique(told.scene.solution.cameras.focal) == [900.0]
    assert np.mean([verdict.verdict == "good" for verdict in verdicts]) > 0.8


def test_limits_can_be_given(positions: np.ndarray) -> None:
    positions[1:, 12:] = np.nan
    whole, *others = judge(as_tracks(positions), SIZE, Limits(frames=20))
    assert "too short" not in whole.reasons
    assert {verdict.verdict for verdict in others} == {"bad"}


@pytest.mark.parametrize("frames", [2, 4, 12])
def test_on_all_frames_that_there_are_is_not_too_short(positions: np.ndarray, frames: int) -> None:
    positions[0, frames - 1 :] = np.nan
    shorter, *others = judge(as_tracks(positions[:, :frames]), SIZE, Limits(frames=20))
    assert shorter.reasons == ("too short",)
    assert np.mean([verdict.verdict == "good" for verdict in others]) > 0.9


def test_readiness_counts_tracks_on_each_frame(positions: np.ndarray) -> None:
    positions[6:, 20:] = np.nan
    tracks = as_tracks(positions)
    verdicts = judge(tracks, SIZE, Limits(frames=2))
    ready = readiness(tracks, verdicts, range(1, 31), SIZE)
    assert ready.tracks_per_frame[30] == 6
    assert ready.score < 0.5
    assert "10 of 30 frames have fewer than 8 tracks" in ready.reasons[0]
    whole = readiness(tracks, verdicts, range(1, 21), SIZE)
    assert whole.score > ready.score


def test_each_shot_is_judged_by_itself(positions: np.ndarray) -> None:
    """Two shots in one clip: as one scene they would contradict each other, and a drift in either would not show."""
    other = np.random.default_rng(5).uniform((-3, -2, 6), (3, 2, 14), (120, 3))
    second = projected(other, np.array([-0.04, 0.03, 0.05]), noise=0.05)
    drifting = (7, 120 + 9)
    positions[7, :, 1] += np.linspace(0, 6, 30)
    second[9, :, 1] += np.linspace(0, 6, 30)
    both = np.full((240, 60, 2), np.nan)
    both[:120, :30], both[120:, 30:] = positions, second
    order = np.random.default_rng(0).permutation(240)
    verdicts = judge(as_tracks(both[order]), SIZE)
    assert [verdict.name for verdict in verdicts] == [f"t{row}" for row in range(240)]
    bad = {int(order[row]) for row, verdict in enumerate(verdicts) if verdict.verdict == "bad"}
    assert bad == set(drifting)
    alone = judge(as_tracks(second), SIZE)
    assert [v.verdict for v in alone] == [
        verdicts[int(np.flatnonzero(order == 120 + row)[0])].verdict for row in range(120)
    ]


def test_what_is_kept_behind_a_jump_begins_behind_it(positions: np.ndarray) -> None:
    """The two markers before it show another point; with them the part's reference would be one of the wrong point."""
    positions[7, 2:] += (37.0, 12.0)
    verdict = judge(as_tracks(positions), SIZE)[7]
    assert (verdict.verdict, verdict.reasons[0]) == ("bad", "mismatched jump")
    assert verdict.sound == ((3, 30),)


def test_a_lens_that_zooms_is_judged_by_its_own_focal_lengths() -> None:
    seen = scene(path(30, np.linspace(1500, 800, 30)), 140, movers=0.1)
    verdicts, (motion,) = judge_scene(seen.tracks, SIZE)
    assert motion.scene.solution is not None
    assert motion.scene.solution.cameras.zooms
    bad = np.array([verdict.verdict == "bad" for verdict in verdicts])
    long = np.isfinite(seen.positions[..., 0]).sum(axis=1) >= 8
    assert bad[long & ~seen.wrong].mean() < 0.02
    assert bad[long & seen.wrong].mean() > 0.8


def test_limits_widen_to_what_can_be_known(positions: np.ndarray) -> None:
    """Nothing here follows the scene to half a pixel, as with a bent lens: who sways like the rest is good."""
    rng = np.random.default_rng(4)
    phase, rate = rng.uniform(0, 2 * np.pi, (120, 1, 2)), rng.uniform(0.2, 0.5, (120, 1, 2))
    swaying = positions + 0.28 * np.sin(phase + rate * np.arange(30)[:, None])
    swaying[7, :, 1] += np.linspace(0, 12, 30)
    verdicts = judge(as_tracks(swaying), SIZE)
    others = [verdict for row, verdict in enumerate(verdicts) if row != 7]
    assert np.median([verdict.measures["off_scene_px"] for verdict in others]) > Limits().reprojection_px
    assert {verdict.verdict for verdict in others} == {"good", "suspect"}
    assert sum(len(verdict.bad_markers) for verdict in others) < 0.01 * sum(len(track) for track in swaying)
    assert verdicts[7].verdict == "bad"
    assert verdicts[7].reasons[0] == "drifting"


def test_drift_is_told_from_noise() -> None:
    """At 0.2 px of noise a drift of 0.3 px does not show in single markers; in the slow part it does."""
    noise = np.random.default_rng(3).normal(0, 0.2, (200, 2))
    drift = np.linspace(0, 0.6, 200)[:, None] * (1.0, 0.0)
    offset = noise + drift
    offset[50] = np.nan
    offset[120] += 5.0  # one stray marker
    slow = slow_parts(offset[None])[0]
    assert np.isnan(slow[50]).all()
    known = np.isfinite(slow[:, 0])
    assert np.median(np.linalg.norm(offset - drift, axis=1)[known]) > 0.2
    assert np.median(np.linalg.norm(slow - drift, axis=1)[known]) < 0.13
    assert np.linalg.norm(slow - drift, axis=1)[known].max() < 0.5
    assert np.isnan(slow_parts(np.full((1, 4, 2), np.nan))).all()
