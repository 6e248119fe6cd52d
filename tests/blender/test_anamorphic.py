"""Plates whose pixels are not square, in Blender: its own solver, the scene of a camera, and the command."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from cinematic.tracking import Clip, ensure_clip_loaded
from cinematic.tracking.blend_file import blend_with, open_blend, write_blend
from cinematic.tracking.blender_camera import add_solved_camera
from cinematic.tracking.camera import solve_camera
from cinematic.tracking.formats import cinetrack
from cinematic.tracking.movie_clip import MovieClipStore
from cinematic.tracking.solve import export
from tests.blender.test_cli import SAMPLE
from tests.blender.test_solve_scene import worst_distance
from tests.command import run
from tests.scenes import SIZE, Scene, empty_movie, path, path_error, scene
from tests.test_anamorphic import written_movie

FRAMES, TRACKS = 24, 110


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_movie(tmp_path_factory.mktemp("squeezed") / "shot.mp4", FRAMES)


def squeezed(footage: Path, aspect: float, k1: float = 0.0) -> tuple[Clip, Scene]:
    seen = scene(path(FRAMES, k1=k1, pixel_aspect=aspect), TRACKS)
    clip = seen.on(footage)
    clip.pixel_aspect = aspect
    return clip, seen


@pytest.mark.parametrize("kind", ["Clip", "MovieClip"])
@pytest.mark.parametrize("aspect", [0.9, 2.0])
def test_blenders_own_solver_sees_the_same(bpy: Any, footage: Path, aspect: float, kind: str) -> None:
    ours, seen = squeezed(footage, aspect)
    clip: Any = ours
    if kind == "MovieClip":
        clip = ensure_clip_loaded(footage)
        MovieClipStore(clip).pixel_aspect = aspect
        MovieClipStore(clip).write(ours.read())
    solve = solve_camera(clip, focal=900.0, engine="blender")
    assert path_error(solve.cameras, seen.cameras) < 0.002
    assert (solve.clip.pixel_aspect, solve.cameras.pixel_aspect) == pytest.approx((aspect, aspect))
    # Blender's error is in square units, ours in the picture's pixels; the same where pixels are square
    assert np.median(list(solve.track_errors.values())) == pytest.approx(solve.average_error, rel=0.6)
    if kind == "MovieClip":
        assert path_error(solve_camera(clip).cameras, seen.cameras) < 0.001


@pytest.mark.parametrize(("aspect", "k1"), [(0.9, 0.0), (2.0, -0.1)])
def test_the_camera_of_a_reopened_blend_shows_the_bundles_on_the_plate(
    bpy: Any, footage: Path, tmp_path: Path, aspect: float, k1: float
) -> None:
    clip, _ = squeezed(footage, aspect, k1)
    solve = solve_camera(clip)
    movie_clip = blend_with(footage, clip.read(), aspect)
    add_solved_camera(solve, movie_clip)
    write_blend(movie_clip, tmp_path / "shot.blend")
    again = open_blend(tmp_path / "shot.blend")
    assert again.tracking.camera.pixel_aspect == pytest.approx(aspect)
    for frame in (1, 12, FRAMES):
        assert worst_distance(bpy, solve, bpy.context.scene.camera, bpy.data.objects["Bundles"], frame, frame) < 0.01


def test_usd_shows_the_same(bpy: Any, footage: Path, tmp_path: Path) -> None:
    clip, _ = squeezed(footage, 2.0)
    solve = solve_camera(clip)
    export.write_usd(tmp_path / "camera.usda", solve)
    bpy.ops.wm.usd_import(filepath=str(tmp_path / "camera.usda"))
    (camera,) = (each for each in bpy.data.objects if each.type == "CAMERA")
    assert camera.data.sensor_width == pytest.approx(36)
    assert camera.data.sensor_height == pytest.approx(36 * SIZE[1] / SIZE[0] / 2)


def test_a_clip_is_loaded_as_its_footage_says(bpy: Any, tmp_path: Path) -> None:
    clip = ensure_clip_loaded(written_movie(tmp_path / "shot.mp4", Fraction(2)))
    assert clip.tracking.camera.pixel_aspect == 2.0
    clip.tracking.camera.pixel_aspect = 1.5  # what the artist has set is the artist's
    assert ensure_clip_loaded(tmp_path / "shot.mp4").tracking.camera.pixel_aspect == 1.5


def test_the_command_finds_it_out(bpy: Any, tmp_path: Path) -> None:
    squeezed = tmp_path / "shot.mp4"
    with av.open(str(SAMPLE)) as plate, av.open(str(squeezed), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 360, "yuv420p"
        stream.options = {"crf": "10"}
        for frame in islice(plate.decode(video=0), 32):
            half = cv2.resize(frame.to_ndarray(format="bgr24"), (320, 360), interpolation=cv2.INTER_AREA)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(half, format="bgr24")))
        container.mux(stream.encode())
    out = tmp_path / "out"
    result = run("track", squeezed, "-o", out, "--no-refill", "--no-report")
    assert (result.returncode, result.stderr) == (0, "")
    assert "pixels are 2 times as wide as high (--pixel-aspect), as the judgement found it" in result.stdout
    assert cinetrack.read(out / "tracks.json")[0].pixel_aspect == 2.0
    assert open_blend(out / "shot.blend").tracking.camera.pixel_aspect == 2.0


def test_the_command_is_told(bpy: Any, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run("track", SAMPLE, "-o", out, "--frames", "1-8", "--pixel-aspect", "1.5", "--no-report", "--no-clean")
    assert (result.returncode, result.stderr) == (0, "")
    assert "pixels are 1.5 times as wide as high" in result.stdout
    assert cinetrack.read(out / "tracks.json")[0].pixel_aspect == 1.5
    assert open_blend(out / "sample_plate.blend").tracking.camera.pixel_aspect == 1.5
    assert bpy.context.scene.render.pixel_aspect_x == 1.5
    converted = run("convert", out / "tracks.json", tmp_path / "other.blend")
    assert (converted.returncode, converted.stderr) == (0, "")
    assert open_blend(tmp_path / "other.blend").tracking.camera.pixel_aspect == 1.5
    wrong = run("track", SAMPLE, "-o", tmp_path / "none", "--pixel-aspect", "0")
    assert wrong.returncode == 1
    assert wrong.stderr == "cinetrack: error: expected pixel_aspect from 0.1 to 10, got 0.0\n"
    assert not (tmp_path / "none").exists()
