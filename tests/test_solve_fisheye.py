"""Wide lenses that little is corrected of: solved as fisheyes, which a pinhole with radial terms is no match for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pycolmap
import pytest

from cinematic.tracking import CameraSolve, solve_camera
from cinematic.tracking.solve import Cameras, export
from cinematic.tracking.solve.lens_curve import PINHOLE, LensCurve, pole_of_division
from cinematic.tracking.solve.solution import LensSearch, Solution
from cinematic.tracking.solve.solver import solve_again, solve_shot
from tests.scenes import SIZE, Scene, empty_movie, judged, panning, path, path_error, rails, scene, turn_error

FRAMES, TRACKS = 24, 160
AUTO = LensSearch(distortion=None, zooms=None)
EQUIDISTANT, EQUISOLID = LensCurve(fisheye=True), LensCurve(-1 / 24, 1 / 1920, fisheye=True)
CURVES = [PINHOLE, LensCurve(-0.2, 0.03), LensCurve(0.1, 0.02), EQUIDISTANT, LensCurve(0.06, -0.02, fisheye=True)]
CORNER = float(np.hypot(*SIZE)) / 2  # px from the middle


def focal_of(degrees: float) -> float:
    """px, with which an equidistant fisheye shows so much across the picture."""
    return SIZE[0] / 2 / float(np.radians(degrees / 2))


def through(cameras: Cameras, curve: LensCurve = EQUIDISTANT) -> Cameras:
    return cameras.through(curve)


def solved(seen: Scene, lens: LensSearch = AUTO) -> Solution:
    return solve_shot(seen.positions, SIZE, lens)


def share_of_good(solution: Solution) -> float:
    """Of the markers, those that the camera explains."""
    errors = solution.errors[np.isfinite(solution.errors)]
    return float(np.mean(errors < 1.0))


@pytest.fixture(scope="module")
def seen() -> Scene:
    return scene(through(path(FRAMES, focal_of(110))), TRACKS)


@pytest.fixture(scope="module")
def solve(seen: Scene, tmp_path_factory: pytest.TempPathFactory) -> CameraSolve:
    return solve_camera(seen.on(empty_movie(tmp_path_factory.mktemp("fisheye") / "shot.mp4", FRAMES)))


@pytest.mark.parametrize("curve", CURVES)
def test_what_a_curve_does_is_undone_and_its_derivatives_are_those(curve: LensCurve) -> None:
    radius = np.linspace(0.0, 1.2, 25)
    square, little = radius**2 + 0.01, 1e-6
    assert np.allclose(curve.undone(radius * curve.stretch(radius**2)), radius, atol=1e-9)
    by_square = (curve.stretch(square + little) - curve.stretch(square - little)) / (2 * little)
    assert np.allclose(curve.by_square(square), by_square, atol=1e-8)
    for term, name in enumerate(("k1", "k2")):
        more, less = (replace(curve, **{name: getattr(curve, name) + way * little}) for way in (1, -1))
        by_term = (more.stretch(square) - less.stretch(square)) / (2 * little)
        assert np.allclose(curve.by_terms(square)[:, term], by_term, atol=1e-8)
    longer = curve.through_longer(1.1)
    assert np.allclose(1.1 * (radius / 1.1) * longer.stretch((radius / 1.1) ** 2), radius * curve.stretch(radius**2),
                       atol=0.003)  # fmt: skip


def test_what_is_far_outside_the_picture_has_a_place_all_the_same() -> None:
    assert np.isfinite(EQUIDISTANT.undone(np.array([0.0, 1.5, 2.0, 50.0]))).all()
    assert np.isfinite(LensCurve(-0.3).undone(np.array([0.0, 1.5, 2.0, 50.0]))).all()


@pytest.mark.parametrize("degrees", [70, 95, 120])
def test_other_models_come_near_it(degrees: float) -> None:
    """The division model within a pixel at the corner of the widest; the nearest fisheye to a bent pinhole is that."""
    focal = focal_of(degrees)
    shown = np.linspace(0, CORNER / focal, 100)
    first, second = EQUISOLID.divided_by(shown[-1])
    radius = shown / (1 + first * shown**2 + second * shown**4)
    assert pole_of_division(first, second) == pytest.approx(float(2 * np.sin(np.pi / 4)), rel=0.05)  # 90 degrees
    off = radius * EQUISOLID.stretch(radius**2) - shown
    assert np.abs(off).max() * focal < {70: 0.03, 95: 0.2, 120: 1.2}[degrees]
    by, terms = EQUISOLID.as_series(shown[-1], 4)
    radius = EQUISOLID.undone(shown)
    series = by * radius * (1 + sum(term * radius ** (2 * power + 2) for power, term in enumerate(terms)))
    assert np.sqrt(np.mean((series - shown) ** 2)) * focal < {70: 0.01, 95: 0.2, 120: 5.0}[degrees]
    barrel = LensCurve(-0.15, 0.01)
    again = barrel.as_fisheye(0.7)
    bare = np.linspace(0, 0.7, 50)
    assert np.abs(bare * (again.stretch(bare**2) - barrel.stretch(bare**2))).max() * 900 < 0.5


@pytest.mark.parametrize(("degrees", "curve"), [(78, EQUISOLID), (95, EQUIDISTANT), (122, EQUISOLID)])
def test_a_walk_with_an_action_camera(degrees: float, curve: LensCurve) -> None:
    """As a bent pinhole's the median error is a fifth to twice larger, and up to a third of the markers more than a
    pixel off."""
    cameras = through(path(FRAMES, focal_of(degrees)), curve)
    seen = scene(cameras, TRACKS, outliers=0.02)
    solution = solved(seen)
    assert solution.cameras.fisheye
    assert solution.cameras.focal[0] == pytest.approx(cameras.focal[0], rel=0.005)
    assert path_error(solution.cameras, cameras) < 0.0006
    assert share_of_good(solution) > 0.97
    assert solution.median_error < 0.125


def test_wrong_tracks_beside_it_are_told(seen: Scene) -> None:
    wrong = scene(seen.cameras, TRACKS, movers=0.2, outliers=0.05)
    solution = solved(wrong, replace(AUTO, zooms=False))
    rested_on = solution.used.any(axis=1)
    assert solution.cameras.fisheye
    assert rested_on[wrong.wrong].mean() < 0.1
    assert rested_on[~wrong.wrong].mean() > 0.95


def test_on_a_tripod() -> None:
    degrees = 118
    cameras = through(panning(FRAMES, 40.0))
    cameras = replace(cameras, focal=np.full(FRAMES, focal_of(degrees)))
    solution = solved(scene(cameras, TRACKS))
    assert solution.only_turns
    assert solution.cameras.fisheye
    assert solution.cameras.focal[0] == pytest.approx(focal_of(degrees), rel=0.005)
    assert turn_error(solution.cameras, cameras) < 0.05
    assert share_of_good(solution) > 0.98


def test_with_rows_that_are_read_one_after_the_other() -> None:
    shaken = np.random.default_rng(1).normal(0, 0.006, (FRAMES, 3)).cumsum(axis=0) * 0.5
    cameras = rails(FRAMES, focal_of(100), (0.4, 0.0, 6.0), pan=0.3)
    turn = np.eye(3) + np.cross(np.eye(3), shaken[:, None])
    rotation = np.linalg.qr(turn @ cameras.rotation)[0]
    rotation = rotation * np.sign(np.einsum("fij,fij->fj", rotation, turn @ cameras.rotation))[:, None]
    cameras = replace(
        through(cameras), readout=0.4, rotation=rotation,
        translation=-np.einsum("fij,fj->fi", rotation, cameras.positions),
    )  # fmt: skip
    solution = solved(scene(cameras, TRACKS), replace(AUTO, readout=None))
    assert solution.cameras.fisheye
    assert solution.cameras.readout == pytest.approx(0.4, abs=0.03)
    assert solution.cameras.focal[0] == pytest.approx(focal_of(100), rel=0.01)
    assert share_of_good(solution) > 0.97


@pytest.mark.parametrize("cameras", [path(FRAMES, k1=-0.05), path(FRAMES, 500.0, k1=-0.12), path(FRAMES, 600.0)])
def test_a_lens_that_bends_as_a_pinhole_does_is_one(cameras: Cameras) -> None:
    assert not solved(scene(cameras, TRACKS)).cameras.fisheye


def test_where_distortion_is_off_there_is_none(seen: Scene) -> None:
    told = LensSearch(distortion=False, zooms=False, readout=0.0)
    assert not solved(seen, told).cameras.is_bent


def test_the_judgement_finds_it_and_a_solve_goes_on_from_there(seen: Scene) -> None:
    known, bad = judged(seen)
    assert bad < 0.03
    assert known.fisheye
    again = solve_again(known, seen.positions, SIZE, only_turns=False)
    assert again.cameras.fisheye
    assert path_error(again.cameras, seen.cameras) < 0.0006


def test_it_is_said_and_all_files_hold_it(seen: Scene, solve: CameraSolve, tmp_path: Path) -> None:
    assert "mm wide, a fisheye" in solve.lens
    assert share_of_good(solved(seen)) > 0.97
    export.write_json(tmp_path / "camera.json", solve)
    again = export.read_json(tmp_path / "camera.json")
    assert again.to_dict() == solve.to_dict()
    assert again.cameras.curve == solve.cameras.curve
    export.write_usd(tmp_path / "camera.usda", solve)
    assert 'custom token radialDistortion:model = "fisheye"' in (tmp_path / "camera.usda").read_text()


@pytest.mark.parametrize(("aspect", "model"), [(1.0, "RADIAL_FISHEYE"), (2.0, "OPENCV_FISHEYE")])
def test_colmaps_model_of_it(seen: Scene, solve: CameraSolve, aspect: float, model: str, tmp_path: Path) -> None:
    """Markers stay where they are on the picture, whatever the shape of its pixels."""
    height = round(SIZE[1] * aspect)
    clip = replace(solve.clip, height=height, pixel_aspect=aspect)
    taller = replace(solve, cameras=solve.cameras.through_pixels(aspect), clip=clip)
    bundles = np.array(list(solve.bundles.values()))
    shown = taller.cameras.project(bundles)
    names = list(solve.bundles)
    tracks = [track for track in seen.tracks if track.name in names]
    for track in tracks:
        row = names.index(track.name)
        for frame in track.markers:
            x, y = shown[row, frame - 1]
            track.markers[frame] = ((x + 0.5) / SIZE[0], 1 - (y + 0.5) / height)
    export.write_colmap(tmp_path / "colmap", taller, tracks)
    written = pycolmap.Reconstruction(tmp_path / "colmap")
    assert {camera.model_name for camera in written.cameras.values()} == {model}
    written.update_point_3d_errors()
    assert written.compute_mean_reprojection_error() < 1e-3
