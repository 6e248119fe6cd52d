"""The public face of the solve on our own clip, its result, and the camera as files."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pycolmap
import pytest

from cinematic.tracking import (
    Clip,
    FormatError,
    ParameterError,
    TrackingError,
    detect_features,
    judge_with_motion,
    track_markers,
)
from cinematic.tracking.camera import CameraSolve, solve_camera
from cinematic.tracking.coords import pixels_from_co, scaled
from cinematic.tracking.solve import export
from cinematic.tracking.solve.mapping import map_cameras
from cinematic.tracking.solve.solution import LensSearch
from cinematic.tracking.solve.solver import solve_again, solve_shot
from tests.scenes import SIZE, Scene, empty_movie, path, path_error, scene, without_frames

FRAMES, TRACKS = 24, 110
SAMPLE = Path(__file__).parents[1] / "examples" / "sample_plate.mp4"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_movie(tmp_path_factory.mktemp("solve") / "shot.mp4", FRAMES)


@pytest.fixture(scope="module")
def seen() -> Scene:
    return without_frames(scene(path(FRAMES), TRACKS), 9, 9)


@pytest.fixture(scope="module")
def clip(seen: Scene, footage: Path) -> Clip:
    return seen.on(footage)


@pytest.fixture(scope="module")
def solve(clip: Clip) -> CameraSolve:
    return solve_camera(clip, focal=900.0)


def test_cameras_stand_by_the_plates_frames(solve: CameraSolve, seen: Scene) -> None:
    assert solve.engine == "colmap"
    assert solve.frames == tuple(range(1, FRAMES + 1))
    assert solve.missing == {10: "no track has a marker here"}
    assert solve.solved_frames == [frame for frame in solve.frames if frame != 10]
    assert path_error(solve.cameras, seen.cameras) < 0.0005
    assert solve.focal_mm(1) == pytest.approx(900 * 36 / SIZE[0])
    assert not solve.zooms


def test_the_world_is_blenders(solve: CameraSolve) -> None:
    first = solve.cameras.rotation[0]
    assert np.allclose(solve.cameras.positions[0], 0)
    assert np.allclose(first @ [0, 1, 0], [0, 0, 1])  # looks along +Y
    assert np.allclose(first @ [0, 0, 1], [0, -1, 0])  # level, Z up
    distances = np.linalg.norm(list(solve.bundles.values()), axis=1)
    assert np.median(distances) == pytest.approx(10)


def test_bundles_are_seen_where_their_markers_are(solve: CameraSolve, clip: Clip) -> None:
    assert len(solve.bundles) > 0.95 * TRACKS
    for name, point in solve.bundles.items():
        shown = solve.cameras.project(np.array([point]))[0]
        for frame, error in solve.marker_errors[name].items():
            marker = pixels_from_co(clip.tracks[name].markers[frame], SIZE)
            assert np.linalg.norm(shown[solve.row(frame)] - marker) == pytest.approx(error, abs=1e-6)
    assert np.median(list(solve.track_errors.values())) < 0.15


def test_the_tracks_know_their_error(solve: CameraSolve, clip: Clip) -> None:
    for track in clip.tracks:
        assert track.average_error == solve.track_errors.get(track.name)


def test_disabled_weightless_and_muted_are_left_out_and_locked_are_not(seen: Scene, footage: Path) -> None:
    clip = seen.on(footage)
    rng = np.random.default_rng(2)
    for row, track in enumerate(clip.tracks):
        if row % 3 == 0:  # nonsense; it would be noticed
            track.markers = {frame: tuple(rng.uniform(0, 1, 2).tolist()) for frame in track.markers}
            track.enabled, track.weight = (False, 1.0) if row % 2 else (True, 0.0)
        elif row % 3 == 1:
            track.locked = True
            frame = min(track.markers)
            track.muted[frame] = (0.9, 0.1)
            del track.markers[frame]
    solve = solve_camera(clip, focal=900.0)
    assert {int(name[1:]) % 3 for name in solve.bundles} == {1, 2}
    assert all(min(solve.marker_errors[name]) not in clip.tracks[name].muted for name in solve.bundles)
    assert solve.average_error < 0.15
    assert clip.tracks["t0"].average_error is None


def test_a_focal_length_in_mm(seen: Scene, footage: Path) -> None:
    solve = solve_camera(seen.on(footage), focal=22.5, sensor_width=24.0)
    assert solve.cameras.focal[0] == pytest.approx(900)
    assert solve.focal_mm(1) == pytest.approx(22.5)
    assert "22.50 mm (900.0 px) on a sensor 24 mm wide" in solve.lens


def test_a_tripod_has_directions_for_bundles(footage: Path) -> None:
    turning = scene(path(FRAMES, tripod=True), TRACKS)
    clip = turning.on(footage)
    solve = solve_camera(clip)
    assert solve.only_turns
    assert np.allclose(np.linalg.norm(list(solve.bundles.values()), axis=1), 10)
    assert np.allclose(solve.cameras.positions, 0)
    assert np.median(list(solve.track_errors.values())) < 0.15
    assert solve_camera(clip, motion="tripod").only_turns
    again = solve_camera(clip, judged=judge_with_motion(clip)[1])
    assert again.only_turns
    assert again.average_error == pytest.approx(solve.average_error, rel=0.01)


def test_a_judged_camera_is_gone_on_from(clip: Clip) -> None:
    """In fewer rounds, to what a solve from nothing finds; and only where it is an answer to what is asked."""
    motions = judge_with_motion(clip)[1]
    anew, again = solve_camera(clip, frames=(5, 20)), solve_camera(clip, frames=(5, 20), judged=motions)
    assert len(again.rounds) < len(anew.rounds)
    assert again.solved_frames == anew.solved_frames
    assert again.average_error == pytest.approx(anew.average_error, rel=0.02)
    assert sum(map(len, again.used.values())) >= 0.99 * sum(map(len, anew.used.values()))
    for options in ({"focal": 900.0}, {"distortion": "off"}, {"motion": "free"}):
        assert solve_camera(clip, judged=motions, **options).rounds == solve_camera(clip, **options).rounds


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"focal": -3.0}, "focal above 0"),
        ({"focal": 35.0}, r"focal of 0.1 to 50 picture widths, got 35 px \(mm go with sensor_width\)"),
        ({"focal": 35.0, "sensor_width": 0.0}, "sensor_width above 0"),
        ({"refine_focal": True}, "expected focal to start from"),
        ({"distortion": "some"}, "distortion to be one of auto, off, on"),
        ({"motion": "pan"}, "motion to be one of auto, free, tripod"),
        ({"engine": "magic"}, "engine to be one of colmap, blender"),
        ({"zoom": "in"}, "zoom to be one of auto, off, on"),
        ({"engine": "blender", "zoom": "on"}, "engine colmap with zoom on"),
    ],
)
def test_arguments_that_cannot_be_meant(clip: Clip, wrong: dict[str, Any], words: str) -> None:
    before = [track.average_error for track in clip.tracks]
    with pytest.raises(ParameterError, match=words):
        solve_camera(clip, **wrong)
    assert [track.average_error for track in clip.tracks] == before


def test_a_clip_without_tracks(footage: Path) -> None:
    with pytest.raises(TrackingError, match="expected tracks with two markers or more"):
        solve_camera(Clip.open(footage))


@pytest.mark.parametrize("told", [None, (850.5, 960.0)])
def test_camera_json_gives_the_solve_back(solve: CameraSolve, tmp_path: Path, told: tuple[float, float] | None) -> None:
    solve = replace(solve, cameras=replace(solve.cameras, focal_range=told))
    export.write_json(tmp_path / "camera.json", solve)
    again = export.read_json(tmp_path / "camera.json")
    assert again.to_dict() == solve.to_dict()
    assert again.cameras.focal_range == told
    assert np.array_equal(again.cameras.translation, solve.cameras.translation, equal_nan=True)
    assert (again.used, again.missing, again.rounds) == (solve.used, solve.missing, solve.rounds)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "cinetrack"}, 'expected "format": "cinetrack-camera"'),
        ({"version": 2}, '"version": 1'),
        ({"lens": None}, "expected a whole cinetrack-camera"),
        ({"cameras": {"1": {}}}, "expected a whole cinetrack-camera"),
    ],
)
def test_a_camera_json_that_is_none(solve: CameraSolve, tmp_path: Path, change: dict[str, Any], words: str) -> None:
    (tmp_path / "camera.json").write_text(json.dumps(solve.to_dict() | change))
    with pytest.raises(FormatError, match=words):
        export.read_json(tmp_path / "camera.json")


def test_colmap_reads_what_was_written(solve: CameraSolve, clip: Clip, tmp_path: Path) -> None:
    export.write_colmap(tmp_path / "colmap", solve, clip.tracks)
    assert {"cameras.txt", "images.txt", "points3D.txt"} <= {file.name for file in (tmp_path / "colmap").iterdir()}
    model = pycolmap.Reconstruction(tmp_path / "colmap")
    assert model.num_reg_images() == FRAMES - 1
    assert sorted(image.name for image in model.images.values())[0] == "shot.0001.png"
    assert model.num_points3D() == len(solve.bundles)
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() == pytest.approx(solve.average_error, rel=0.05)
    export.write_colmap(tmp_path / "colmap", solve, clip.tracks)  # once more, over what is there
    assert [file.name for file in tmp_path.iterdir()] == ["colmap"]


def test_the_sample_plate(tmp_path: Path) -> None:
    clip = Clip.open(SAMPLE)
    detect_features(clip)
    track_markers(clip)
    with np.load(SAMPLE.with_name("sample_plate_truth.npz")) as truth:
        head = json.loads(str(truth["head"]))
        pose = truth["world_to_camera"][:, 0]
    true_focal, true_path = head["lens"]["focal"], np.linalg.inv(pose)[:, :3, 3]
    solve = solve_camera(clip)
    assert solve.solved_frames == list(range(1, 49))
    assert solve.average_error < 0.15
    assert solve.cameras.focal[0] == pytest.approx(true_focal, rel=0.02)
    found = solve.cameras
    a, b = found.positions - found.positions.mean(axis=0), true_path - true_path.mean(axis=0)
    u, stretch, vt = np.linalg.svd(b.T @ a)
    left = b - stretch.sum() / (a**2).sum() * a @ (u @ vt).T
    assert np.sqrt((left**2).sum(axis=1).mean()) / np.linalg.norm(np.ptp(true_path, axis=0)) < 0.002


PLANE = np.frombuffer(
    base64.b85decode(
        b"P&5x<5v`Fxjo$=xnOQ$TZoub<5si^Ro7ujym{~tSl0O)D?$2>ROW@v4g$zGHV!L~Q?oV+*OW@v4g$zGH?YkoQ-`ZP1_~5lm8-_tZOvGE"
        b"~-`ZI~_~5lm8-_tZVH@#eH>qhrh%N&u3`H|Q0u#7(H>qeqh%N&u3`H|Q%Pp;j#Bhs1E2ljr=L9oAkBBLe#4w9ME2ljr=L9oAAO^bj1+0"
        b"BQoQ;*3XXP_MfDZHJ1uT6)oQ;*3XXP_Mkep21DjteJyi&iQzwbRjF_aVSD&C1eyi&iQzwbRj{(qb>VH#6F1onp<5dtbe)Bx`;VH#0D1o"
        b"np<5dtbep)Kc9T(yNjlmcF;^h!ZMtxnERTy=#&lmcF;^h!ZMb;_d~VWoFKc_Ww)t$HdzMMeiCVI_A!c_Ww)t$Hdz-1KKZQZ$Z0dqrHOV"
        b"DdOXQ$KGiQuK{L&YP0OVDdOX4gC{btbc?+E=8yaCQUa$g-07ltUrW6E=8yaCQUa$m6&HGE$)v%BB!tCYZfs;%VrKqEv}D1f%l(AYZfs;"
        b")*4FfMe1TeZ>mAs_isBuaSb8}M(SZeZ>mAs_isBu`YQR@UFLy6VB0Qs^Lsf!O%hAWU8aFRVB0Qs^Lsf!KNxuKJvx9u#^_dC^J_prPpnh"
        b"rd-Q)m#^_dC^J_prIrFPIKo*BUOpcab_U0%+wuik?K-PvpOpcab_U0%+GfmijGOTn!zVnL`^yf4{+Z%jgGAwjJzVnL`^yf4{mLZOHajK"
        b"9&G2d<n@<lj6(#8>Maf*;Y-iSEo@kKa5(XK+u4@r_hPRJN(^9eRUG~9sC4=IvBPRJN(^9eRUCOXS3LU4LOF0ts0-d{IB_O&iGLhyM&F0"
        b"ts0-d{IB3iOFQNx_Ujn2aF^sa`-pfj*HZNr8+&n2aF^sa`-pDrc0_L!mH0hq2gbF@HNiF@ucT!$BcHE!tL+z<)bHk2a223r>STKH!OR%"
        b"*Hi9RFMi}3l4)oKH!OR%*Hi9&Qyp;;wOke)GpvectkxwZ%j{E;^&7z)GpvectkxwE=z^Nv6w+XM3byPnXxZGsgHJ&V=+5GM3byPnXxZG"
    )
).reshape(26, 2, 2)
"""Of 26 points where they are on two frames (px): of a plane that moves 8 px to the left, as tracked."""


def test_points_of_one_plane_do_not_crash_colmap() -> None:
    positions = np.full((26, 5, 2), np.nan)
    positions[:, [0, 4]] = PLANE
    mapped = map_cameras(positions, (1200, 48), 720.0, focal_is_known=False)
    assert (mapped.pairs, mapped.parallax_share) == (1, 0.0)


def test_a_plate_wider_than_1920_is_solved_as_one_of_1920(seen: Scene) -> None:
    larger = 1920 / SIZE[0]
    lens = LensSearch(focal=900 * larger, refine_focal=True, distortion=None, zooms=None)
    usual, wide = (
        solve_shot(
            scaled(seen.positions, larger * times),
            (round(SIZE[0] * larger * times), round(SIZE[1] * larger * times)),
            replace(lens, focal=900 * larger * times),
        )
        for times in (1, 2)
    )
    assert path_error(wide.cameras, seen.cameras) < 0.0005
    assert wide.cameras.focal == pytest.approx(2 * usual.cameras.focal, nan_ok=True)
    assert wide.cameras.centre == pytest.approx([2 * (place + 0.5) - 0.5 for place in usual.cameras.centre])
    assert wide.errors == pytest.approx(2 * usual.errors, abs=1e-6, nan_ok=True)
    again = solve_again(wide.cameras, scaled(seen.positions, 2 * larger), (3840, 2160), only_turns=False)
    assert again.average_error == pytest.approx(wide.average_error, rel=0.01)
    assert again.rounds[-1].average_error == pytest.approx(again.average_error)
