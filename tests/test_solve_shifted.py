"""A picture that is shifted from frame to frame against the lens: found, and not where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pycolmap
import pytest

from cinematic.tracking import CameraSolve, solve_camera
from cinematic.tracking.solve import Cameras, export
from cinematic.tracking.solve.solution import LensSearch, Solution
from cinematic.tracking.solve.solver import solve_again, solve_shot
from tests.scenes import SIZE, Scene, driven, empty_movie, judged, path, path_error, rails, scene, stabilised

FRAMES, TRACKS = 24, 140
AUTO = LensSearch(distortion=None, zooms=None)


def solved(seen: Scene, lens: LensSearch = AUTO) -> Solution:
    return solve_shot(seen.positions, SIZE, lens)


@pytest.fixture(scope="module")
def seen() -> Scene:
    return stabilised(scene(path(FRAMES, 700.0), TRACKS), 6.0)


@pytest.fixture(scope="module")
def solve(seen: Scene, tmp_path_factory: pytest.TempPathFactory) -> CameraSolve:
    return solve_camera(seen.on(empty_movie(tmp_path_factory.mktemp("shifted") / "shot.mp4", FRAMES)))


@pytest.mark.parametrize(
    ("cameras", "px"),
    [(path(FRAMES, 500.0), 3.0), (path(FRAMES), 12.0), (rails(FRAMES, 600.0, (2.0, 0.1, 0.8), pan=0.3), 6.0)],
)
def test_where_the_picture_lies_is_found(cameras: Cameras, px: float) -> None:
    """With the picture in its place the errors are up to twice as large."""
    seen = stabilised(scene(cameras, TRACKS), px)
    solution = solved(seen)
    found, truth = solution.cameras.shift, seen.cameras.shift
    assert found is not None
    assert truth is not None
    assert np.sqrt(np.mean((found - truth) ** 2)) < 1.5
    assert np.median(solution.errors[np.isfinite(solution.errors)]) < 0.125
    assert path_error(solution.cameras, cameras) < 0.0006
    assert solution.cameras.focal[0] == pytest.approx(cameras.focal[0], rel=0.01)


@pytest.mark.parametrize(
    "cameras",
    [
        path(FRAMES),
        path(FRAMES, 500.0, k1=-0.2),
        path(FRAMES, np.linspace(700, 1000, FRAMES)),
        path(FRAMES, tripod=True),
        driven(FRAMES),
    ],
)
def test_a_picture_in_its_place_stays_there(cameras: Cameras) -> None:
    assert solved(scene(cameras, TRACKS)).cameras.shift is None


def test_it_is_looked_for_where_nothing_is_said_of_zoom_and_shutter(seen: Scene) -> None:
    for told in (replace(AUTO, zooms=False), replace(AUTO, readout=0.0)):
        assert solved(seen, told).cameras.shift is None


def test_the_judgement_finds_it_and_a_solve_goes_on_from_there(seen: Scene, solve: CameraSolve) -> None:
    known, bad = judged(seen)
    assert bad < 0.05
    assert known.shift is not None
    again = solve_again(known, seen.positions, SIZE, only_turns=False)
    assert path_error(again.cameras, seen.cameras) < 0.0006
    assert "the picture shifted by up to" in solve.lens


@pytest.mark.parametrize("readout", [0.0, 0.3])
def test_what_the_lens_does_is_undone(seen: Scene, readout: float) -> None:
    cameras = replace(seen.cameras, readout=readout, k1=-0.1)
    wide = cameras.through_pixels(2.0).scaled(2.0)
    for each, frames in ((cameras, slice(None)), (wide, slice(None)), (wide.within(slice(3, 20)), slice(3, 20))):
        straight = np.einsum("fij,nj->nfi", each.rotation, seen.points) + each.translation
        off = straight[..., :2] / straight[..., 2:] - each.plane(each.project(seen.points))
        inside = np.isfinite(seen.positions[:, frames, 0])
        inside[:, [0, -1]] = False  # how cameras turn at the ends is not known
        assert np.abs(off[inside]).max() < (1e-6 if not readout else 0.01)  # what they move within a frame stays
    assert np.allclose(wide.shift, cameras.shift * (2, 4))


def test_all_files_hold_it(seen: Scene, solve: CameraSolve, tmp_path: Path) -> None:
    export.write_json(tmp_path / "camera.json", solve)
    again = export.read_json(tmp_path / "camera.json")
    assert again.to_dict() == solve.to_dict()
    assert np.allclose(again.cameras.shift, solve.cameras.shift)
    export.write_usd(tmp_path / "camera.usda", solve)
    lines = [line for line in (tmp_path / "camera.usda").read_text().splitlines() if "ApertureOffset" in line]
    assert all(".timeSamples = {1: " in line and f"{FRAMES}: " in line for line in lines)
    export.write_colmap(tmp_path / "colmap", solve, seen.tracks)
    model = pycolmap.Reconstruction(tmp_path / "colmap")
    assert model.num_cameras() == FRAMES
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() == pytest.approx(solve.average_error, rel=0.05)
