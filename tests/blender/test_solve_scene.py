"""A solved camera in Blender: the scene it makes, Blender's own solver, and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import Clip, TrackData, TrackingError, blender_camera, ensure_clip_loaded, read_tracks
from cinematic.tracking.blend_file import blend_with, open_blend, write_blend
from cinematic.tracking.blender_camera import (
    Beginning,
    add_solved_camera,
    leave_ready,
    lens_of_cameras,
    make_ready_to_solve,
    set_solve_keyframes,
    told_of_first_try,
)
from cinematic.tracking.camera import CameraSolve, solve_camera
from cinematic.tracking.context import tracking_context
from cinematic.tracking.convert import convert
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.formats import cinetrack
from cinematic.tracking.movie_clip import MovieClipStore, lens_of
from cinematic.tracking.solve import Cameras, ShotCameras, export
from cinematic.tracking.solve.lens_curve import PINHOLE, LensCurve
from tests.command import answer, run
from tests.scenes import SIZE, Scene, empty_movie, on_head, path, path_error, scene, stabilised, with_skyline

FRAMES, TRACKS = 24, 110
SAMPLE = Path(__file__).parents[2] / "examples" / "sample_plate.mp4"


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_movie(tmp_path_factory.mktemp("solve") / "shot.mp4", FRAMES)


@pytest.fixture(scope="module")
def seen() -> Scene:
    return scene(path(FRAMES), TRACKS)


@pytest.fixture(scope="module")
def clip(seen: Scene, footage: Path) -> Clip:
    return seen.on(footage)


def shown_in_blender(bpy: Any, camera: Any, bundles: Any, frame: int) -> dict[str, np.ndarray]:
    """Where Blender's camera sees each vertex, px, (0, 0) the centre of the top-left pixel."""
    from bpy_extras.object_utils import world_to_camera_view

    scene = bpy.context.scene
    scene.frame_set(frame)
    width, height = scene.render.resolution_x, scene.render.resolution_y
    found = {}
    names = bundles.data.attributes["track"].data
    for vertex in bundles.data.vertices:
        x, y, depth = world_to_camera_view(scene, camera, bundles.matrix_world @ vertex.co)
        if depth > 0:
            found[names[vertex.index].value.decode()] = np.array([x * width - 0.5, (1 - y) * height - 0.5])
    return found


def worst_distance(bpy: Any, solve: CameraSolve, camera: Any, bundles: Any, frame: int, scene_frame: int) -> float:
    """The largest px between what Blender's camera shows and the used markers of a plate frame, the lens undone."""
    shown = shown_in_blender(bpy, camera, bundles, scene_frame)
    straight = solve.cameras.through(PINHOLE)
    apart = []
    for name, frames in solve.used.items():
        if frame in frames:
            point = straight.project(np.array([solve.bundles[name]]))[0, solve.row(frame)]
            apart.append(np.linalg.norm(shown[name] - point))
    return float(max(apart))


@pytest.mark.parametrize("k1", [0.0, -0.1])
@pytest.mark.parametrize("zooming", [False, True])
def test_the_camera_of_a_reopened_blend_shows_the_bundles_on_the_plate(
    bpy: Any, footage: Path, tmp_path: Path, k1: float, zooming: bool
) -> None:
    focal = np.linspace(850, 1000, FRAMES) if zooming else 900.0
    clip = scene(path(FRAMES, focal, k1=k1), TRACKS).on(footage)
    solve = solve_camera(clip, zoom="on" if zooming else "off")
    movie_clip = blend_with(footage, clip.read())
    add_solved_camera(solve, movie_clip)
    write_blend(movie_clip, tmp_path / "shot.blend")

    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    camera, bundles = bpy.context.scene.camera, bpy.data.objects["Bundles"]
    assert len(bundles.data.vertices) == len(solve.bundles)
    for frame in (1, 12, FRAMES):
        assert worst_distance(bpy, solve, camera, bundles, frame, frame) < 0.01
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == SIZE
    (background,) = camera.data.background_images
    assert background.clip == bpy.data.movieclips[0]
    assert camera.data.show_background_images
    assert background.clip_user.use_render_undistorted == bool(k1)
    assert bpy.data.movieclips[0].tracking.camera.k1 == pytest.approx(solve.cameras.k1, abs=1e-6)
    shown = {area.ui_type for area in bpy.context.window_manager.windows[0].screen.areas}
    assert {"CLIP_EDITOR", "VIEW_3D"} <= shown


def fisheye(degrees: float) -> Cameras:
    """An equisolid one that shows so much across the picture."""
    focal = SIZE[0] / 4 / float(np.sin(np.radians(degrees) / 4))
    return path(FRAMES, focal).through(LensCurve(-1 / 24, 1 / 1920, fisheye=True))


@pytest.mark.parametrize(("degrees", "model", "error"), [(80.0, "NUKE", 0.14), (105.0, "BROWN", 0.25)])
def test_blender_solves_through_a_fisheye_by_a_model_that_is_near_it(
    bpy: Any, footage: Path, degrees: float, model: str, error: float
) -> None:
    """By the wider one's division model it is lost by thousands of px."""
    seen = scene(fisheye(degrees), TRACKS)
    movie_clip = blend_with(footage, seen.tracks)
    before = lens_of(movie_clip)
    begun = make_ready_to_solve(movie_clip, seen.tracks, ShotCameras(1, seen.cameras))
    assert begun is not None
    assert begun.error is not None
    assert begun.error < error
    lens = lens_of(movie_clip)
    assert (before.model, lens.model) == ("POLYNOMIAL", model)
    assert lens == replace(lens_of_cameras(seen.cameras, SIZE), focal=lens.focal, radial=lens.radial,
                           tangential=lens.tangential)  # fmt: skip
    on_it = np.isfinite(seen.positions[..., 0])
    straight = seen.cameras.through(PINHOLE).project(seen.points)[on_it]
    co = np.array([track.markers[frame] for track in seen.tracks for frame in track.markers])
    near = np.linalg.norm(straight - np.array(SIZE) / 2, axis=1) < SIZE[0] / 2  # what an undistorted picture shows
    middle, longer = (np.array(SIZE) - 1) / 2, lens.focal / seen.cameras.focal[0]
    found = pixels_from_co(lens.undistorted(co[near]), SIZE)
    off = np.linalg.norm(found - middle - longer * (straight[near] - middle), axis=1)
    assert np.median(off) < (0.2 if model == "NUKE" else 0.4)  # most of it is what the tracks are off by


def test_a_lens_whose_middle_is_not_the_pictures_is_blenders_principal_point(bpy: Any, footage: Path) -> None:
    centred = path(FRAMES, 700.0)
    x, y = centred.centre
    seen = scene(replace(centred, centre=(x + 40, y - 20)), TRACKS)
    solve = solve_camera(seen.on(footage), zoom="off")
    movie_clip = blend_with(footage, seen.tracks)
    begun = leave_ready(movie_clip, seen.tracks, solve.of_shot, camera=solve)
    assert begun is not None
    assert begun.error is not None
    assert begun.error < 0.14  # 0.2 with the principal point in the middle
    across, up = solve.cameras.centre[0] + 0.5, SIZE[1] - 0.5 - solve.cameras.centre[1]
    assert lens_of(movie_clip).principal == pytest.approx((across, up), abs=1e-3)
    assert (across, up) == pytest.approx((SIZE[0] / 2 + 40, SIZE[1] / 2 + 20), abs=2)
    scene_of = bpy.context.scene
    scene_of.render.resolution_x, scene_of.render.resolution_y = SIZE
    assert worst_distance(bpy, solve, scene_of.camera, bpy.data.objects["Bundles"], 12, 12) < 0.01


@pytest.mark.parametrize(("degrees", "is_told"), [(80.0, True), (105.0, False)])
def test_the_blend_of_a_solved_fisheye_undistorts_by_the_model_that_is_nearest(
    bpy: Any, footage: Path, degrees: float, is_told: bool
) -> None:
    seen = scene(fisheye(degrees), TRACKS)
    solve = solve_camera(seen.on(footage), zoom="off")
    movie_clip = blend_with(footage, seen.tracks)
    begun = leave_ready(movie_clip, seen.tracks, solve.of_shot, camera=solve)
    assert (begun is not None and begun.works) == is_told  # Blender cannot solve through the wider one's
    assert lens_of(movie_clip).model == "NUKE"
    scene_of = bpy.context.scene
    assert scene_of.camera.data.background_images[0].clip_user.use_render_undistorted
    scene_of.render.resolution_x, scene_of.render.resolution_y = SIZE
    assert worst_distance(bpy, solve, scene_of.camera, bpy.data.objects["Bundles"], 12, 12) < 0.01


def test_a_picture_that_is_shifted_is_a_shifted_lens(bpy: Any, footage: Path, tmp_path: Path) -> None:
    solve = solve_camera(stabilised(scene(path(FRAMES, 500.0), 160), 12.0).on(footage))
    assert solve.cameras.shift is not None
    camera = add_solved_camera(solve, blend_with(footage, []))
    scene_of = bpy.context.scene
    scene_of.render.resolution_x, scene_of.render.resolution_y = SIZE
    for frame in (1, 12, FRAMES):
        assert worst_distance(bpy, solve, camera, bpy.data.objects["Bundles"], frame, frame) < 0.01


def test_a_sequence_is_animated_on_its_own_frames(bpy: Any, seen: Scene, footage: Path, clip_1001: Any) -> None:
    solve = solve_camera(seen.on(footage), focal=900.0)
    shifted = replace(
        solve, frames=tuple(frame + 1000 for frame in solve.frames),
        clip=replace(solve.clip, frame_start=1001, frame_end=1000 + FRAMES),
        used={name: tuple(frame + 1000 for frame in frames) for name, frames in solve.used.items()},
    )  # fmt: skip
    scene_of = bpy.context.scene
    scene_of.render.resolution_x, scene_of.render.resolution_y = SIZE
    camera = add_solved_camera(shifted, clip_1001)
    assert worst_distance(bpy, shifted, camera, bpy.data.objects["Bundles"], 1005, 1005) < 0.01


@pytest.mark.parametrize("shifted", [False, True])
def test_usd_shows_the_same_in_blender(bpy: Any, clip: Clip, footage: Path, tmp_path: Path, shifted: bool) -> None:
    from bpy_extras.object_utils import world_to_camera_view

    if shifted and bpy.app.version < (5, 0, 0):
        pytest.skip("Blender 4.2 reads no animated aperture offset from USD, 5.0 does")
    solve = solve_camera(stabilised(scene(path(FRAMES), 140), 12.0).on(footage) if shifted else clip)
    assert (solve.cameras.shift is not None) is shifted
    export.write_usd(tmp_path / "camera.usda", solve)
    bpy.ops.wm.usd_import(filepath=str(tmp_path / "camera.usda"))
    (camera,) = (each for each in bpy.data.objects if each.type == "CAMERA")
    (cloud,) = (each for each in bpy.data.objects if each.type == "POINTCLOUD")
    bpy_scene = bpy.context.scene
    bpy_scene.render.resolution_x, bpy_scene.render.resolution_y = SIZE
    assert (bpy_scene.frame_start, bpy_scene.frame_end) == (1, FRAMES)
    for frame in (1, 12, FRAMES):
        bpy_scene.frame_set(frame)
        truth = solve.cameras.project(np.array(list(solve.bundles.values())))[:, frame - 1]
        places = cloud.data.attributes["position"].data
        for point, place in zip(truth, places, strict=True):
            x, y, depth = world_to_camera_view(bpy_scene, camera, cloud.matrix_world @ place.vector)
            if depth > 0:
                assert np.hypot(x * SIZE[0] - 0.5 - point[0], (1 - y) * SIZE[1] - 0.5 - point[1]) < 0.01


@pytest.mark.parametrize("kind", ["Clip", "MovieClip"])
def test_blenders_own_solver_gives_the_same_kind_of_result(bpy: Any, seen: Scene, footage: Path, kind: str) -> None:
    clip: Any = seen.on(footage)
    if kind == "MovieClip":
        tracks = clip.read()
        clip = ensure_clip_loaded(footage)
        MovieClipStore(clip).write(tracks)
    settings = (True, False) if kind == "Clip" else (clip.tracking.settings.use_keyframe_selection, False)
    solve = solve_camera(clip, focal=900.0, engine="blender")
    assert solve.engine == "blender"
    assert solve.missing == {}
    assert path_error(solve.cameras, seen.cameras) < 0.002
    assert solve.average_error < 0.2
    assert len(solve.bundles) > 0.95 * TRACKS
    assert np.median(list(solve.track_errors.values())) == pytest.approx(solve.average_error, rel=0.2)
    if kind == "MovieClip":
        assert clip.tracking.reconstruction.is_valid
        errors = {track.name: track.average_error for track in clip.tracking.tracks if track.has_bundle}
        assert {track.name: track.average_error for track in read_tracks(clip, measure=False) if
                track.average_error is not None} == errors  # fmt: skip
        assert clip.tracking.settings.use_keyframe_selection == settings[0]
    else:
        assert len(bpy.data.movieclips) == 0


def test_blenders_solver_is_told_where_to_begin(bpy: Any, seen: Scene, footage: Path) -> None:
    movie_clip = blend_with(footage, seen.tracks)
    frames = set_solve_keyframes(movie_clip, seen.tracks)
    assert frames is not None
    camera = movie_clip.tracking.objects[0]
    assert (camera.keyframe_a, camera.keyframe_b) == frames
    assert not movie_clip.tracking.settings.use_keyframe_selection
    camera.keyframe_a, camera.keyframe_b = 2, 5
    solve_camera(movie_clip, engine="blender", focal=900.0)
    assert (camera.keyframe_a, camera.keyframe_b) == (2, 5)  # what the artist has set is the artist's


def test_a_new_blend_of_converted_tracks_says_where_to_begin(
    bpy: Any, clip: Clip, seen: Scene, footage: Path, tmp_path: Path
) -> None:
    likeliest = set_solve_keyframes(blend_with(footage, seen.tracks), seen.tracks)
    clip.save(tmp_path / "tracks.json")
    convert(tmp_path / "tracks.json", tmp_path / "new.blend")
    opened = open_blend(tmp_path / "new.blend")
    camera = opened.tracking.objects[0]
    assert (camera.keyframe_a, camera.keyframe_b) == likeliest
    camera.keyframe_a, camera.keyframe_b = 2, 5
    write_blend(opened, tmp_path / "mine.blend")
    convert(tmp_path / "tracks.json", tmp_path / "mine.blend", overwrite=True)
    camera = open_blend(tmp_path / "mine.blend").tracking.objects[0]
    assert (camera.keyframe_a, camera.keyframe_b) == (2, 5)  # a file that is there keeps what it has


@pytest.fixture
def misled(monkeypatch: pytest.MonkeyPatch) -> tuple[tuple[int, int], tuple[int, int]]:
    """The likeliest pair of frames is none to begin from; the next one is."""
    pairs = ((0, 11), (3, 20))  # nothing has a marker on both of the first: see `parted`
    monkeypatch.setattr(blender_camera, "solve_keyframes", lambda positions, size: list(pairs))
    return pairs


def parted(seen: Scene) -> list[TrackData]:
    """Of each track the marker on frame 1 or that on frame 12 is gone."""
    tracks = seen.tracks
    for row, track in enumerate(tracks):
        track.drop([1 if row % 2 else 12])
    return tracks


def test_frames_that_lead_blenders_solver_astray_are_not_named(
    bpy: Any, seen: Scene, footage: Path, misled: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    movie_clip = blend_with(footage, parted(seen))
    camera, settings = movie_clip.tracking.camera, movie_clip.tracking.settings
    camera.focal_length, camera.k1 = 21.0, 0.25
    settings.refine_intrinsics_focal_length = True
    lens = lens_of_cameras(seen.cameras, SIZE)
    assert set_solve_keyframes(movie_clip, parted(seen)) == (1, 12)
    assert set_solve_keyframes(movie_clip, parted(seen), lens) == (4, 21)
    named = movie_clip.tracking.objects[0]
    assert (named.keyframe_a, named.keyframe_b) == (4, 21)
    assert not settings.use_keyframe_selection
    assert not movie_clip.tracking.reconstruction.is_valid  # it was a trial
    assert camera.focal_length == pytest.approx(21.0)
    assert camera.k1 == 0.25
    assert settings.refine_intrinsics_focal_length


def test_an_artists_solve_is_not_lost_to_a_trial(
    bpy: Any, seen: Scene, footage: Path, misled: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    movie_clip = blend_with(footage, parted(seen))
    solve_camera(movie_clip, focal=900.0, engine="blender")
    error = movie_clip.tracking.reconstruction.average_error
    assert set_solve_keyframes(movie_clip, parted(seen), lens_of_cameras(seen.cameras, SIZE)) == (1, 12)
    assert movie_clip.tracking.reconstruction.is_valid
    assert movie_clip.tracking.reconstruction.average_error == error


def test_that_blenders_solver_is_lost_is_told(
    bpy: Any, seen: Scene, footage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blender_camera, "solve_keyframes", lambda positions, size: [(0, 11)])
    begun = make_ready_to_solve(blend_with(footage, parted(seen)), parted(seen), ShotCameras(1, seen.cameras))
    assert begun == Beginning((1, 12), float("inf"), is_weighed=False, works=False)
    assert not begun.works
    told = "done; but Blender's own solve is lost from whatever frames it begins: it finds no camera"
    assert told_of_first_try(begun) == told
    untried = make_ready_to_solve(blend_with(footage, parted(seen)), parted(seen), None)
    assert untried == Beginning((1, 12), None, is_weighed=False, works=False)
    assert told_of_first_try(untried) == "done"


def test_a_camera_that_nearly_only_turns_is_blenders_tripod(bpy: Any, footage: Path) -> None:
    """Its lens is off the pivot by so little that no two frames show enough parallax to begin from."""
    seen = scene(on_head(FRAMES, 25, np.array([0.0, 0.0, 0.05])), TRACKS)
    movie_clip = blend_with(footage, seen.tracks)
    begun = make_ready_to_solve(movie_clip, seen.tracks, ShotCameras(1, seen.cameras), keep_solve=True)
    assert begun is not None
    assert begun.works
    assert begun.frames is None
    assert movie_clip.tracking.settings.use_tripod_solver
    assert movie_clip.tracking.reconstruction.is_valid


def test_a_focal_length_that_is_known_is_set_and_tried_without_cameras(bpy: Any, seen: Scene, footage: Path) -> None:
    movie_clip = blend_with(footage, seen.tracks)
    begun = make_ready_to_solve(movie_clip, seen.tracks, None, focal=900.0, keep_solve=True)
    assert begun is not None
    assert begun.works
    assert begun.error == movie_clip.tracking.reconstruction.average_error
    assert movie_clip.tracking.camera.focal_length_pixels == pytest.approx(900.0)


def test_the_solve_that_was_tried_may_stay(
    bpy: Any, seen: Scene, footage: Path, misled: tuple[tuple[int, int], tuple[int, int]], monkeypatch: Any
) -> None:
    for pairs in ([(0, 11), (3, 20)], [(3, 20), (0, 11)]):  # the best one was tried last, and first
        monkeypatch.setattr(blender_camera, "solve_keyframes", lambda positions, size, pairs=pairs: pairs)
        movie_clip = blend_with(footage, parted(seen))
        begun = make_ready_to_solve(movie_clip, parted(seen), ShotCameras(1, seen.cameras), keep_solve=True)
        assert begun is not None
        assert begun.frames == (4, 21)
        found = movie_clip.tracking.reconstruction
        assert found.is_valid
        assert found.average_error == pytest.approx(begun.error)
        assert len(found.cameras) == len(seen.cameras.solved)
    monkeypatch.setattr(blender_camera, "solve_keyframes", lambda positions, size: [(0, 11)])
    movie_clip = blend_with(footage, parted(seen))
    make_ready_to_solve(movie_clip, parted(seen), ShotCameras(1, seen.cameras), keep_solve=True)
    assert not movie_clip.tracking.reconstruction.is_valid


def test_what_is_left_for_blenders_first_try(bpy: Any, seen: Scene, footage: Path) -> None:
    movie_clip = blend_with(footage, seen.tracks)
    movie_clip.tracking.settings.use_tripod_solver = True
    begun = make_ready_to_solve(movie_clip, seen.tracks, ShotCameras(1, replace(seen.cameras, k1=-0.01, k2=0.02)))
    assert begun is not None
    assert begun.works
    camera = movie_clip.tracking.camera
    assert camera.focal_length_pixels == pytest.approx(900.0)
    assert camera.focal_length == pytest.approx(900.0 * 36 / SIZE[0])
    assert (camera.sensor_width, camera.distortion_model) == (36.0, "POLYNOMIAL")
    assert (camera.k1, camera.k2, camera.k3) == pytest.approx((-0.01, 0.02, 0.0))
    assert not movie_clip.tracking.settings.use_keyframe_selection
    assert not movie_clip.tracking.settings.use_tripod_solver


@pytest.fixture(scope="module")
def skyline(seen: Scene) -> Scene:
    return with_skyline(seen, 60)


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_what_shows_no_distance_is_left_out_where_blender_is_lost_with_it(
    bpy: Any, skyline: Scene, footage: Path, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = blender_camera._error_of_a_solve, iter(range(100))

    def lost_at_first(*args: Any) -> float:
        error = real(*args)
        return 50.0 if next(tries) < lost else error

    monkeypatch.setattr(blender_camera, "_error_of_a_solve", lost_at_first)
    monkeypatch.setattr(blender_camera, "_FEW_MARKERS", 0)  # one start that works is enough
    tracks = skyline.tracks
    tracks[TRACKS].locked = True
    movie_clip = blend_with(footage, tracks)
    begun = make_ready_to_solve(movie_clip, tracks, ShotCameras(1, skyline.cameras), keep_solve=True)
    assert begun is not None
    assert begun.works
    assert begun.error == movie_clip.tracking.reconstruction.average_error
    near, far = [track.name for track in tracks[: TRACKS + 1]], [track.name for track in tracks[TRACKS + 1 :]]
    left = {track.name: (track.weight, track.enabled) for track in MovieClipStore(movie_clip).read()}
    assert {left[name] for name in near} == {(1.0, True)}  # the locked one, too
    if begun.far_away:  # it may be lost more often than that
        assert {left[name] for name in far} == {(1.0, False) if begun.disabled else (0.0, True)}
        assert begun.far_away == len(far)
        how = "are disabled" if begun.disabled else "have weight 0"
        assert told_of_first_try(begun).endswith(
            f"; 59 tracks too far away to show their distance {how}: it is lost with them"
        )
    else:
        assert {left[name] for name in far} == {(1.0, True)}
    assert (begun.far_away, begun.disabled) >= ((0, False), (59, False), (59, True))[lost]
    solved = {camera.frame: np.array(camera.matrix)[:3, 3] for camera in movie_clip.tracking.reconstruction.cameras}
    assert len(solved) == FRAMES


def test_nothing_is_left_out_in_vain(bpy: Any, skyline: Scene, footage: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blender_camera, "_error_of_a_solve", lambda editor, clip: 50.0)
    movie_clip = blend_with(footage, skyline.tracks)
    before = MovieClipStore(movie_clip).read()
    begun = make_ready_to_solve(movie_clip, skyline.tracks, ShotCameras(1, skyline.cameras))
    assert begun is not None
    assert not begun.works
    assert not begun.far_away
    assert MovieClipStore(movie_clip).read() == before


@pytest.mark.parametrize("keep_solve", [True, False])
def test_a_tripods_camera_is_left_for_blenders_tripod_solver(bpy: Any, footage: Path, keep_solve: bool) -> None:
    turning = scene(path(FRAMES, tripod=True), 150, noise=0.05)
    movie_clip = blend_with(footage, turning.tracks)
    begun = make_ready_to_solve(movie_clip, turning.tracks, ShotCameras(1, turning.cameras), keep_solve=keep_solve)
    assert begun is not None
    assert begun.frames is None
    assert begun.error is not None
    assert begun.error < 0.1
    assert told_of_first_try(begun) == f"done; Blender's own solve as a tripod's: {begun.error:.2f} px"
    found = movie_clip.tracking.reconstruction
    assert found.is_valid is keep_solve
    with tracking_context(movie_clip) as editor:  # as when somebody presses Solve
        editor.run("solve_camera")
    assert found.average_error == pytest.approx(begun.error, rel=1e-6)
    assert len(found.cameras) == FRAMES
    turns = [np.array(camera.matrix)[:3, :3] for camera in found.cameras]
    angle = np.degrees(np.arccos((np.trace(turns[0].T @ turns[-1]) - 1) / 2))
    truth = turning.cameras.rotation
    assert angle == pytest.approx(np.degrees(np.arccos((np.trace(truth[0].T @ truth[-1]) - 1) / 2)), abs=0.1)


def test_blenders_solver_is_told_of_a_tripod(bpy: Any, footage: Path) -> None:
    """By itself it has no two frames to begin from there."""
    turning = scene(path(FRAMES, tripod=True), 150, noise=0.05)
    clip = Clip(turning.on(footage).footage, turning.tracks)
    with pytest.raises(TrackingError, match="solve_camera failed"):
        solve_camera(clip, focal=900.0, engine="blender", motion="free")
    solve = solve_camera(clip, focal=900.0, engine="blender")
    assert solve.only_turns
    assert len(solve.solved_frames) == FRAMES
    assert solve.average_error < 0.1


@pytest.mark.parametrize("lost", [1, 2])
def test_blenders_own_solve_leaves_out_what_it_is_lost_by(
    bpy: Any, skyline: Scene, footage: Path, lost: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the tracks stay as they were."""
    real, tries = blender_camera._error_of_a_solve, iter(range(100))
    monkeypatch.setattr(blender_camera, "_error_of_a_solve", lambda *a: 50.0 if next(tries) < lost else real(*a))
    movie_clip = blend_with(footage, skyline.tracks)
    before = [(track.weight, track.enabled) for track in MovieClipStore(movie_clip).read()]
    solve = solve_camera(movie_clip, focal=900.0, engine="blender")
    assert path_error(solve.cameras, skyline.cameras) < 0.002
    assert [(track.weight, track.enabled) for track in MovieClipStore(movie_clip).read()] == before


def test_of_a_tripod_with_a_lens_that_zooms_nothing_is_tried(bpy: Any, footage: Path) -> None:
    zooming = scene(path(FRAMES, np.linspace(700.0, 900.0, FRAMES), tripod=True), 60)
    movie_clip = blend_with(footage, zooming.tracks)
    begun = make_ready_to_solve(movie_clip, zooming.tracks, ShotCameras(1, zooming.cameras))
    assert begun == Beginning(None, None, is_weighed=False, works=False)
    assert movie_clip.tracking.settings.use_tripod_solver


def test_blenders_own_solve_goes_on_to_frames_that_work(
    bpy: Any, seen: Scene, footage: Path, misled: tuple[tuple[int, int], tuple[int, int]]
) -> None:
    solve = solve_camera(Clip(seen.on(footage).footage, parted(seen)), focal=900.0, engine="blender")
    assert path_error(solve.cameras, seen.cameras) < 0.002


def test_colmap_on_a_movie_clip_keeps_the_errors(bpy: Any, seen: Scene, footage: Path) -> None:
    clip = ensure_clip_loaded(footage)
    MovieClipStore(clip).write(seen.tracks)
    solve = solve_camera(clip, focal=900.0)
    assert {track.name: track.average_error for track in read_tracks(clip, measure=False)} == pytest.approx(
        solve.track_errors
    )


def test_blender_says_why_it_cannot_solve(bpy: Any, seen: Scene, footage: Path) -> None:
    clip = Clip(seen.on(footage).footage, seen.tracks[:4])
    with pytest.raises(TrackingError, match="solve_camera failed"):
        solve_camera(clip, focal=900.0, engine="blender")
    assert len(bpy.data.movieclips) == 0


def test_track_with_solve_and_solve_again(bpy: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--frames", "1-24", "--no-refill", "--no-report", "--solve", "--focal", "480"]
    told = run("track", SAMPLE, "-o", out, *options)
    assert (told.returncode, told.stderr) == (0, "")
    assert "solving the camera: 24 of 24 frames" in told.stdout
    assert "round 1: " in told.stdout
    _, tracks = cinetrack.read(out / "tracks.json")
    solve = export.read_json(out / "camera.json")
    assert {t.name: t.average_error for t in tracks if t.average_error is not None} == solve.track_errors
    bpy.ops.wm.open_mainfile(filepath=str(out / "sample_plate.blend"))
    camera, bundles = bpy.context.scene.camera, bpy.data.objects["Bundles"]
    for frame in (1, 12, 24):  # against the markers themselves
        shown = shown_in_blender(bpy, camera, bundles, frame)
        size = (640, 360)
        apart = [
            np.hypot(
                *(shown[t.name] - [t.markers[frame][0] * size[0] - 0.5, (1 - t.markers[frame][1]) * size[1] - 0.5])
            )
            for t in tracks
            if frame in solve.used.get(t.name, ())
        ]
        assert len(apart) > 20
        assert max(apart) < 0.5

    again = answer("solve", out)
    assert again.returncode == 1
    assert again.stderr == f"cinetrack: error: {out}/camera.json exists already: choose another folder or give " \
                           "--overwrite\n"  # fmt: skip
    again = run("solve", out, "--focal", "27mm", "--overwrite")
    assert (again.returncode, again.stderr) == (0, "")
    assert "27.00 mm (480.0 px)" in again.stdout
    assert (out / "camera.blend").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--focal", "expected --focal as px or as mm"),
        ("--rolling-shutter", "expected --rolling-shutter as a number from -1 to 1, or auto, off; got 'wide'"),
    ],
)
def test_an_option_that_is_no_number(tmp_path: Path, option: str, message: str) -> None:
    (tmp_path / "tracks.json").touch()
    told = answer("solve", tmp_path, option, "wide")
    assert told.returncode == 2
    assert message in told.stderr
