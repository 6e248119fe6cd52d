"""Plates whose pixels are not square: what the footage says, the camera, judgement and files."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import OpenImageIO as oiio
import pycolmap
import pytest

from cinematic.tracking import Clip, ParameterError, formats
from cinematic.tracking.camera import solve_camera
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.footage import open_footage
from cinematic.tracking.footage.stream import pixel_aspect
from cinematic.tracking.judge import judge_scene
from cinematic.tracking.solve import export
from cinematic.tracking.solve.solution import LensSearch, Solution
from cinematic.tracking.solve.solver import solve_shot
from cinematic.tracking.solve.squeeze import SQUEEZES
from tests.scenes import SIZE, Scene, empty_movie, path, path_error, scene, turn_error

FRAMES, TRACKS, SQUEEZED = 24, 110, 2.0


@pytest.fixture(scope="module")
def seen() -> Scene:
    return scene(path(FRAMES, pixel_aspect=SQUEEZED), TRACKS)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return empty_movie(tmp_path_factory.mktemp("squeezed") / "shot.mp4", FRAMES)


@pytest.fixture
def clip(seen: Scene, footage: Path) -> Clip:
    clip = seen.on(footage)
    clip.pixel_aspect = SQUEEZED
    return clip


def written_movie(file: Path, aspect: Fraction) -> Path:
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.sample_aspect_ratio = aspect
        grey = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 128, np.uint8), format="rgb24")
        container.mux(stream.encode(grey))
        container.mux(stream.encode())
    return file


@pytest.mark.parametrize(
    ("said", "meant"),
    [(Fraction(2), 2.0), (Fraction(10, 11), 10 / 11), (Fraction(0, 1), 1.0), (Fraction(1280, 1281), 1.0)],
)
def test_a_movie_says_how_wide_its_pixels_are(tmp_path: Path, said: Fraction, meant: float) -> None:
    movie = written_movie(tmp_path / "shot.mp4", said)
    assert open_footage(movie).pixel_aspect == pytest.approx(meant)
    assert Clip.open(movie).info.pixel_aspect == pytest.approx(meant)


@pytest.mark.parametrize(("kind", "said"), [("exr", 2.0), ("dpx", 1.5), ("exr", None)])
def test_a_sequence_says_so_too(tmp_path: Path, kind: str, said: float | None) -> None:
    spec = oiio.ImageSpec(32, 24, 3, "half" if kind == "exr" else "uint8")
    if said is not None:
        spec.attribute("PixelAspectRatio", said)
    for number in (1, 2):
        file = str(tmp_path / f"shot.{number:04d}.{kind}")
        image = oiio.ImageOutput.create(file)
        assert image.open(file, spec)
        assert image.write_image(np.full((24, 32, 3), 0.5, np.float32))
        image.close()
    assert open_footage(tmp_path).pixel_aspect == (1.0 if said is None else said)


@pytest.mark.parametrize("said", [float("inf"), float("nan"), 0.0, -2.0, "2", None])
def test_what_is_no_pixel_aspect_is_taken_for_none(said: object) -> None:
    assert pixel_aspect(said) == 1.0


def solved(seen: Scene, pixel_aspect: float) -> Solution:
    return solve_shot(seen.positions, SIZE, LensSearch(distortion=None, zooms=None, pixel_aspect=pixel_aspect))


@pytest.mark.parametrize("aspect", [0.9, SQUEEZED])
@pytest.mark.parametrize("k1", [0.0, -0.1])
def test_the_camera_of_a_path(aspect: float, k1: float) -> None:
    seen = scene(path(FRAMES, k1=k1, pixel_aspect=aspect), TRACKS)
    solution = solved(seen, aspect)
    assert path_error(solution.cameras, seen.cameras) < 0.001
    assert np.median(solution.cameras.focal) == pytest.approx(900, rel=0.005)
    assert solution.cameras.k1 == pytest.approx(k1, abs=0.01)
    assert solution.cameras.centre == pytest.approx(seen.cameras.centre)
    assert solution.average_error < 0.2


@pytest.mark.parametrize("squeeze", [SQUEEZES[1], SQUEEZES[-1]])
def test_a_squeeze_that_nobody_tells_is_found_out(squeeze: float) -> None:
    seen = scene(path(FRAMES, pixel_aspect=squeeze), TRACKS, noise=0.15, outliers=0.02)
    solution = solved(seen, 1.0)
    assert solution.cameras.pixel_aspect == squeeze
    assert path_error(solution.cameras, seen.cameras) < 0.001


def test_what_is_not_asked_is_not_looked_for(seen: Scene) -> None:
    solution = solve_shot(seen.positions, SIZE, LensSearch(distortion=None))
    assert solution.cameras.pixel_aspect == 1.0
    assert path_error(solution.cameras, seen.cameras) > 0.005


@pytest.mark.parametrize(("k1", "noise"), [(0.0, 0.4), (-0.2, 0.2)])
def test_square_pixels_stay_square(k1: float, noise: float) -> None:
    seen = scene(path(FRAMES, 600.0, k1=k1), TRACKS, noise=noise, movers=0.1, outliers=0.02)
    solution = solved(seen, 1.0)
    assert np.median(solution.errors[np.isfinite(solution.errors)]) > 0.15  # so that it was looked into
    assert solution.cameras.pixel_aspect == 1.0


def test_the_camera_of_a_tripod() -> None:
    seen = scene(path(FRAMES, tripod=True, pixel_aspect=SQUEEZED), TRACKS)
    solution = solved(seen, SQUEEZED)
    assert solution.only_turns
    assert turn_error(solution.cameras, seen.cameras) < 0.05


def test_a_clips_camera_in_all_its_files(clip: Clip, seen: Scene, tmp_path: Path) -> None:
    solve = solve_camera(clip)
    assert path_error(solve.cameras, seen.cameras) < 0.001
    for name, point in solve.bundles.items():
        shown = solve.cameras.project(np.array([point]))[0]
        for frame, error in solve.marker_errors[name].items():
            marker = pixels_from_co(clip.tracks[name].markers[frame], SIZE)
            assert np.linalg.norm(shown[solve.row(frame)] - marker) == pytest.approx(error, abs=1e-6)
    export.write_json(tmp_path / "camera.json", solve)
    again = export.read_json(tmp_path / "camera.json")
    assert again.to_dict() == solve.to_dict()
    assert again.cameras.pixel_aspect == SQUEEZED
    export.write_colmap(tmp_path / "colmap", solve, clip.tracks)
    model = pycolmap.Reconstruction(tmp_path / "colmap")
    model.update_point_3d_errors()
    assert model.compute_mean_reprojection_error() == pytest.approx(solve.average_error, rel=0.05)


def test_judgement_and_solve_find_it_too(seen: Scene, footage: Path) -> None:
    tracks = scene(path(FRAMES, pixel_aspect=SQUEEZED), TRACKS, noise=0.05).tracks
    told, untold = (judge_scene(tracks, SIZE, pixel_aspect=aspect) for aspect in (SQUEEZED, 1.0))
    assert all(verdict.measures["off_scene_px"] < 0.5 for verdict in told[0])
    assert [verdict.verdict for verdict in untold[0]] == [verdict.verdict for verdict in told[0]]
    clip = seen.on(footage)
    solve = solve_camera(clip, judged=untold[1])
    assert (solve.clip.pixel_aspect, clip.pixel_aspect) == (SQUEEZED, 1.0)
    assert path_error(solve.cameras, seen.cameras) < 0.001


def test_saved_loaded_and_written_for_others(clip: Clip, tmp_path: Path) -> None:
    clip.save(tmp_path / "tracks.json")
    again = Clip.load(tmp_path / "tracks.json")
    assert again.pixel_aspect == SQUEEZED
    assert again.footage.pixel_aspect == 1.0
    shot = formats.read(tmp_path / "tracks.json")
    assert shot.pixel_aspect == SQUEEZED
    formats.write(shot, tmp_path / "copy.json", "cinetrack")
    assert formats.read(tmp_path / "copy.json").pixel_aspect == SQUEEZED
    formats.write(shot, tmp_path / "shot.txt", "ae")
    assert "Pixel Aspect Ratio\t2\n" in (tmp_path / "shot.txt").read_text()


@pytest.mark.parametrize("wrong", [0, -1, 11, float("nan"), "2", True])
def test_what_it_cannot_be(clip: Clip, wrong: object) -> None:
    with pytest.raises(ParameterError, match=r"expected pixel_aspect from 0\.1 to 10, got"):
        clip.pixel_aspect = wrong  # type: ignore[assignment]
    assert clip.pixel_aspect == SQUEEZED
