"""Lenses whose middle is not the picture's: of real ones it hardly ever is, and a cropped plate's is far off."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pycolmap
import pytest

from cinematic.tracking import CameraSolve, solve_camera
from cinematic.tracking.solve import Cameras, export
from cinematic.tracking.solve.solution import LensSearch, Solution
from cinematic.tracking.solve.solver import solve_shot
from tests.scenes import SIZE, Scene, empty_movie, judged, panning, path, path_error, scene, turn_error

FRAMES, TRACKS = 24, 150
AUTO = LensSearch(distortion=None, zooms=None)
MIDDLE = (np.array(SIZE) - 1) / 2


def off(cameras: Cameras, px: float) -> Cameras:
    x, y = cameras.centre
    return replace(cameras, centre=(x + px, y - 0.5 * px))


def solved(seen: Scene, lens: LensSearch = AUTO) -> Solution:
    return solve_shot(seen.positions, SIZE, lens)


@pytest.fixture(scope="module")
def seen() -> Scene:
    return scene(off(path(FRAMES, 600.0), 40.0), TRACKS)


@pytest.fixture(scope="module")
def solve(seen: Scene, tmp_path_factory: pytest.TempPathFactory) -> CameraSolve:
    return solve_camera(seen.on(empty_movie(tmp_path_factory.mktemp("off") / "shot.mp4", FRAMES)))


@pytest.mark.parametrize(
    ("cameras", "px"),
    [
        (path(FRAMES), 15.0),
        (path(FRAMES, 500.0), 10.0),
        (path(FRAMES, 500.0, k1=-0.15), 30.0),
        (replace(path(FRAMES, 579.0), fisheye=True), 30.0),
    ],
)
def test_where_a_lens_has_its_middle_is_found(cameras: Cameras, px: float) -> None:
    """With it in the picture's the path is two to thirty times as far off."""
    wanted = off(cameras, px)
    solution = solved(scene(wanted, TRACKS))
    assert np.array(solution.cameras.centre) == pytest.approx(np.array(wanted.centre), abs=2.5)
    assert solution.cameras.fisheye == cameras.fisheye
    assert solution.cameras.focal[0] == pytest.approx(cameras.focal[0], rel=0.005)
    assert path_error(solution.cameras, wanted) < 0.0006
    assert solution.median_error < 0.125


@pytest.mark.parametrize(
    ("cameras", "px"),
    [
        (path(FRAMES, tripod=True), 10.0),
        (panning(FRAMES, 40.0), 40.0),
        (path(FRAMES, 500.0, tripod=True, k1=-0.15), 20.0),
        (path(FRAMES, np.linspace(800, 1300, FRAMES), tripod=True), 30.0),
    ],
)
def test_on_a_tripod(cameras: Cameras, px: float) -> None:
    """A hundredth of the picture's width was enough to take such a shot for one of a single plane."""
    wanted = off(cameras, px)
    solution = solved(scene(wanted, TRACKS))
    assert solution.only_turns
    assert np.array(solution.cameras.centre) == pytest.approx(np.array(wanted.centre), abs=1.0)
    assert solution.cameras.focal == pytest.approx(cameras.focal, rel=0.006)
    assert turn_error(solution.cameras, wanted) < 0.05


@pytest.mark.parametrize("cameras", [path(FRAMES, 500.0, k1=-0.2), panning(FRAMES, 10.0)])
def test_in_the_picture_s_middle_it_stays(cameras: Cameras) -> None:
    seen = scene(cameras, TRACKS, movers=0.15, outliers=0.02)
    assert np.array(solved(seen).cameras.centre) == pytest.approx(MIDDLE)


def test_the_judgement_knows_it(seen: Scene) -> None:
    known, bad = judged(seen)
    assert np.array(known.centre) == pytest.approx(np.array(seen.cameras.centre), abs=2.0)
    assert bad < 0.05


def test_it_is_said_and_all_files_hold_it(seen: Scene, solve: CameraSolve, tmp_path: Path) -> None:
    x, y = solve.cameras.centre
    assert f"the lens's middle at {x:.1f}, {y:.1f} px" in solve.lens
    assert "middle" not in replace(solve, cameras=replace(solve.cameras, centre=tuple(MIDDLE.tolist()))).lens
    export.write_json(tmp_path / "camera.json", solve)
    again = export.read_json(tmp_path / "camera.json")
    assert again.to_dict() == solve.to_dict()
    assert again.cameras.centre == solve.cameras.centre
    export.write_colmap(tmp_path / "colmap", solve, seen.tracks)
    model = pycolmap.Reconstruction(tmp_path / "colmap")
    (camera,) = model.cameras.values()
    assert (camera.principal_point_x, camera.principal_point_y) == pytest.approx((x + 0.5, y + 0.5), abs=1e-3)
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() == pytest.approx(solve.average_error, rel=0.05)
