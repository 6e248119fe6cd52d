"""Rows that are read one after the other: found, undone, and told apart from what tracks get wrong."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cinematic.tracking import CameraSolve, ParameterError, solve_camera
from cinematic.tracking.judge import judge
from cinematic.tracking.solve import Cameras
from cinematic.tracking.solve.between_frames import slopes_and_bends, velocity
from cinematic.tracking.solve.solution import LensSearch
from cinematic.tracking.solve.solver import solve_shot
from tests.scenes import SIZE, Scene, empty_movie, path, path_error, scene, turn_error

FRAMES, FINE = 36, 16  # and cameras to a frame, by which the truth is known


def shaken(*, tripod: bool = False, shake_px: float = 2.0) -> Cameras:
    """A camera in the hand, every sixteenth of a frame, from a frame before the shot to one after it."""
    fine = path((FRAMES + 1) * FINE + 1, tripod=tripod)
    rng, at = np.random.default_rng(5), np.arange(len(fine.focal)) / FINE / 24
    angles = np.zeros((len(at), 3))
    for hertz in (1.5, 2.7, 4.1):
        size, phase = rng.normal(0, shake_px / 900 * 2 / hertz, 3), rng.uniform(0, 6, 3)
        angles += size * np.sin(2 * np.pi * hertz * at[:, None] + phase)
    rotation = np.stack([cv2.Rodrigues(angle)[0] @ turn for angle, turn in zip(angles, fine.rotation, strict=True)])
    return replace(fine, rotation=rotation, translation=-np.einsum("fij,fj->fi", rotation, fine.positions))


def filmed(readout: float, *, tripod: bool = False, noise: float = 0.1, movers: float = 0.0) -> Scene:
    """A hand-held shot whose rows are read in this share of a frame's time; its cameras are those of the middle row."""
    fine = shaken(tripod=tripod)
    middle = FINE * np.arange(1, FRAMES + 1)
    seen = scene(fine.within(middle), 200, noise=0, seed=4)
    every = fine.project(seen.points)
    row = every[:, middle, 1]
    for _ in range(5):
        time = middle + readout * FINE * ((row + 0.5) / SIZE[1] - 0.5)
        before = np.clip(np.nan_to_num(time), 0, every.shape[1] - 2).astype(int)
        share = (time - before)[..., None]
        tracks = np.arange(len(every))[:, None]
        positions = every[tracks, before] * (1 - share) + every[tracks, before + 1] * share
        row = positions[..., 1]
    rng = np.random.default_rng(6)
    wrong = np.arange(len(every)) < round(movers * len(every))
    drift = rng.uniform(-0.4, 0.4, (len(every), 1, 2)) * np.arange(FRAMES)[:, None]
    positions = positions + rng.normal(0, noise, positions.shape) + np.where(wrong[:, None, None], drift, 0)
    positions[np.isnan(seen.positions[..., 0])] = np.nan
    return replace(seen, positions=positions, wrong=wrong)


def solved(seen: Scene, **lens: float) -> Cameras:
    return solve_shot(seen.positions, SIZE, LensSearch(distortion=None, zooms=None, **lens)).cameras


def off(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    apart = np.linalg.norm(one - other, axis=2)
    return apart[np.isfinite(apart)]


def test_slopes_and_bends_of_a_curve_and_the_gaps_in_it() -> None:
    at = np.arange(30.0)[:, None]
    known = np.ones(30, bool)
    known[[10, 12]] = False
    slope, bend = slopes_and_bends(np.where(known[:, None], np.sin(at / 3), np.nan), known)
    assert np.isnan(slope[~known]).all()
    assert np.isnan(bend[~known]).all()
    assert slope[11] == bend[11] == 0  # alone
    far = np.abs(np.arange(30) - 11) > 4
    inside = known & far & (np.arange(30) > 3) & (np.arange(30) < 26)
    assert slope[inside] == pytest.approx(np.cos(at / 3)[inside] / 3, abs=1e-3)
    assert bend[inside] == pytest.approx(-np.sin(at / 3)[inside] / 9, abs=3e-3)
    assert slope[[0, -1]] == pytest.approx(np.cos(at / 3)[[0, -1]] / 3, abs=1e-2)


@pytest.mark.parametrize("frames", [2, 3, 4, 5])
def test_a_straight_line_has_its_slope_and_no_bend_however_short(frames: int) -> None:
    values = 3.0 * np.arange(frames)[:, None] + 1
    slope, bend = slopes_and_bends(values, np.ones(frames, bool))
    assert slope == pytest.approx(np.full((frames, 1), 3.0))
    assert bend == pytest.approx(np.zeros((frames, 1)), abs=1e-12)


def test_velocity_of_tracks_with_gaps() -> None:
    track = np.array([[np.nan, 0.0, 1.0, 4.0, np.nan, 7.0, np.nan]])[..., None]
    assert velocity(track)[0, :, 0] == pytest.approx([np.nan, 1.0, 2.0, 3.0, np.nan, np.nan, np.nan], nan_ok=True)


@pytest.mark.parametrize("tripod", [False, True])
def test_cameras_see_by_rows_what_was_filmed_by_rows(tripod: bool) -> None:
    seen, still = (filmed(readout, tripod=tripod, noise=0) for readout in (0.6, 0.0))
    cameras = replace(seen.cameras, readout=0.6)
    inner = slice(2, -2)  # at both ends how the camera turns is known from one side only
    assert np.median(off(seen.positions, still.positions)) > 0.5
    assert np.quantile(off(cameras.project(seen.points), seen.positions), 0.5) < 0.03
    assert off(cameras.project(seen.points)[:, inner], seen.positions[:, inner]).max() < 0.15
    assert np.quantile(off(cameras.at_once(seen.positions), still.positions), 0.5) < 0.03


@pytest.mark.parametrize(("readout", "tripod"), [(0.6, False), (0.3, False), (-0.4, False), (0.5, True)])
def test_it_is_found_and_the_camera_is_the_middle_rows(readout: float, tripod: bool) -> None:
    seen = filmed(readout, tripod=tripod)
    found, taken_at_once = solved(seen), solved(seen, readout=0.0)
    assert found.readout == pytest.approx(readout, abs=0.04)
    assert taken_at_once.readout == 0
    if tripod:
        assert turn_error(found, seen.cameras) < 0.1
    else:
        assert path_error(found, seen.cameras) < 0.0006
        assert path_error(found, seen.cameras) < path_error(taken_at_once, seen.cameras) / 2


def test_where_rows_are_read_at_once_none_is_found() -> None:
    for tripod in (False, True):
        assert solved(filmed(0.0, tripod=tripod)).readout == 0


def test_right_tracks_are_kept_and_wrong_ones_still_found() -> None:
    seen = filmed(0.6, movers=0.1)
    verdicts = np.array([verdict.verdict for verdict in judge(seen.tracks, SIZE)])
    long = np.isfinite(seen.positions[..., 0]).sum(axis=1) >= 10
    assert (verdicts[long & ~seen.wrong] == "bad").mean() < 0.03
    assert (verdicts[long & seen.wrong] != "good").mean() > 0.95


def test_a_solve_tells_it_keeps_it_and_can_be_told(tmp_path: Path) -> None:
    seen = filmed(0.6)
    movie = empty_movie(tmp_path / "shot.mp4", FRAMES)
    found = solve_camera(seen.on(movie))
    assert "of a frame's time (rolling shutter)" in found.lens
    assert CameraSolve.from_dict(found.to_dict()).cameras.readout == found.cameras.readout
    told = solve_camera(seen.on(movie), rolling_shutter=0.6)
    assert told.cameras.readout == 0.6
    at_once = solve_camera(seen.on(movie), rolling_shutter="off")
    assert "rolling" not in at_once.lens
    assert max(found.average_error, told.average_error) < 0.75 * at_once.average_error


@pytest.mark.parametrize("value", ["fast", 2.0, float("nan"), None])
def test_a_shutter_that_is_none(tmp_path: Path, value: object) -> None:
    clip = filmed(0.0).on(empty_movie(tmp_path / "shot.mp4", FRAMES))
    with pytest.raises(ParameterError, match="expected rolling_shutter"):
        solve_camera(clip, rolling_shutter=value)


def test_blenders_solver_knows_none(tmp_path: Path) -> None:
    clip = filmed(0.0).on(empty_movie(tmp_path / "shot.mp4", FRAMES))
    with pytest.raises(ParameterError, match="expected engine colmap with a rolling shutter"):
        solve_camera(clip, rolling_shutter=0.5, engine="blender")
