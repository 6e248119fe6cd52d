"""The command, as a user runs it: in its own process."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cinematic.tracking import __version__
from cinematic.tracking.blend_file import open_blend
from cinematic.tracking.blender import blender_version
from cinematic.tracking.context import tracking_context
from cinematic.tracking.formats import cinetrack
from cinematic.tracking.movie_clip import MovieClipStore
from tests.command import COMMAND, answer, run
from tests.plates import Plate, drawn_plate, write_movie, write_sequence

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample_plate.mp4"


@pytest.mark.parametrize("engine", ["klt", "libmv"])
def test_a_sequence_from_path_to_files(bpy: Any, sequence: Path, tmp_path: Path, engine: str) -> None:
    result = run("track", sequence / "shot.####.png", "-o", tmp_path / "out", "--engine", engine)
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "cinetrack.log",
        "report.html",
        "shot.blend",
        "tracks.json",
    ]
    document = json.loads((tmp_path / "out" / "tracks.json").read_text())
    assert (document["format"], document["version"]) == ("cinetrack", 1)
    assert document["clip"] == {
        "path": str(sequence / "shot.1001.png"), "width": 320, "height": 240, "fps": None,
        "frame_start": 1001, "frame_end": 1024, "pixel_aspect": 1.0, "corner": [0, 0],
    }  # fmt: skip
    _, tracks = cinetrack.read(tmp_path / "out" / "tracks.json")
    assert len(tracks) > 30
    assert f"{len(tracks)} tracks of" in result.stdout
    release = ".".join(map(str, bpy.app.version[:2]))
    assert f"\nBlender {release} opens them with {tmp_path / 'out' / 'shot.blend'}\n" in result.stdout

    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "out" / "shot.blend"))
    (clip,) = bpy.data.movieclips
    assert Path(bpy.path.abspath(clip.filepath)).resolve() == sequence / "shot.1001.png"
    found = {t.name: t for t in MovieClipStore(clip).read()}
    assert found.keys() == {t.name for t in tracks}
    for track in tracks:
        assert found[track.name].markers == track.markers
        assert found[track.name].corners.keys() == track.markers.keys()
    scene = bpy.context.scene
    assert (scene.frame_start, scene.frame_end, scene.active_clip) == (1001, 1024, clip)
    assert (scene.render.resolution_x, scene.render.resolution_y) == (320, 240)
    assert any(a.ui_type == "CLIP_EDITOR" for a in bpy.context.window_manager.windows[0].screen.areas)


def test_part_of_a_movie_without_cleaning(movie: Path, tmp_path: Path, without_blender: dict[str, str]) -> None:
    options = ("--frames", "5-9", "--no-clean", "--preset", "fast")
    result = run("track", movie, "-o", tmp_path, *options, environment=without_blender)
    assert (result.returncode, result.stderr) == (0, "")
    assert "tracking frames 5-9 with klt" in result.stdout
    assert "cleaning" not in result.stdout
    assert "\n  no camera was found: no parallax in " in result.stdout
    clip, tracks = cinetrack.read(tmp_path / "tracks.json")
    assert clip.fps == 24
    assert {min(track.markers) for track in tracks} == {5}
    assert max(max(track.markers) for track in tracks) == 9


def test_tracks_are_filled_up_and_weighed_unless_told_otherwise(
    tmp_path: Path, without_blender: dict[str, str]
) -> None:
    done, left = (
        run("track", SAMPLE, "-o", tmp_path / out, "--frames", "1-12", "--no-report", *no, environment=without_blender)
        for out, no in (("done", ("--focal", "27mm")), ("left", ("--no-refill", "--no-refine", "--no-weigh")))
    )
    assert (done.returncode, left.returncode) == (0, 0)
    assert "filling what cleaning has emptied" in done.stdout
    assert "\n  lens: 27.00 mm (480.0 px) on a sensor 36 mm wide" in done.stdout  # as it was told
    assert "\n  lens, as the judgement found it: " in left.stdout
    assert "filling" not in left.stdout
    assert "cleaning" in left.stdout
    assert "weighing: " in done.stdout
    assert "settling: " in done.stdout
    assert not {"weighing", "refining", "settling"} & {
        line.strip().partition(":")[0] for line in left.stdout.splitlines()
    }
    weights = [track.weight for track in cinetrack.read(tmp_path / "done" / "tracks.json")[1]]
    assert min(weights) < 0.7
    assert max(weights) == 1.0
    assert {track.weight for track in cinetrack.read(tmp_path / "left" / "tracks.json")[1]} == {1.0}


def test_blender_solves_the_blend_at_the_first_try(tmp_path: Path) -> None:
    done = run("track", SAMPLE, "-o", tmp_path, "--no-report")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lens, as the judgement found it: " in done.stdout
    clip = open_blend(tmp_path / "sample_plate.blend")
    tracking = clip.tracking
    assert tracking.reconstruction.is_valid  # it has been tried, and that is kept
    tried = tracking.reconstruction.average_error
    with np.load(SAMPLE.with_name("sample_plate_truth.npz")) as truth:
        true_focal = json.loads(str(truth["head"]))["lens"]["focal"]
    assert tracking.camera.focal_length_pixels == pytest.approx(true_focal, rel=0.02)
    with tracking_context(clip) as editor:
        editor.run("solve_camera")
    assert len(tracking.reconstruction.cameras) == 48
    assert tracking.reconstruction.average_error == pytest.approx(tried, rel=1e-6)
    assert tried < 0.1
    camera = tracking.objects[0]
    frames, error = (camera.keyframe_a, camera.keyframe_b), tracking.reconstruction.average_error
    told = f"Blender's own solve from frames {frames[0]} and {frames[1]}: {error:.2f} px with the tracks' weights"
    assert f"writing: done; {told} (" in done.stdout


def test_an_existing_result_stays_unless_told_otherwise(movie: Path, tmp_path: Path) -> None:
    (tmp_path / "tracks.json").write_text("mine")
    result = answer("track", movie, "-o", tmp_path)
    assert result.returncode == 1
    assert "tracks.json exists already" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.json"]
    assert (tmp_path / "tracks.json").read_text() == "mine"
    assert run("track", movie, "-o", tmp_path, "--overwrite", "--no-report", "--no-clean").returncode == 0
    assert cinetrack.read(tmp_path / "tracks.json")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.mp4"], 1, "found nothing at"),
        (["empty"], 1, "expected images in the folder"),
        (["junk.mp4"], 1, "cannot open"),
        (["notes.txt"], 1, "no pictures"),
        (["holes"], 1, "frames 1003 of 1001-1006 are missing"),
        (["flat"], 1, "no features found on frames 1001-1003"),
        (["flat", "--detect-once"], 1, "no features found on frame 1001"),
        (["MOVIE", "--mask", "missing.png"], 1, "found nothing at"),
        (["MOVIE", "--mask", "missing.png", "--engine", "libmv"], 1, "found nothing at"),
        (
            ["MOVIE", "--mask", "MOVIE", "--tracks-per-frame", "9", "--detect-once"],
            2,
            "expected --tracks-per-frame with",
        ),
        (["MOVIE", "--region", "0,0,0.01,0.01", "--engine", "libmv"], 1, "too little texture where masks leave any"),
        (["MOVIE", "--resume", "--engine", "libmv"], 2, "expected --resume with the engine klt"),
        (["MOVIE", "--region", "0,0,1"], 1, "a region (left, bottom, right, top) as 4 numbers"),
        (["MOVIE", "--region", "left"], 2, "expected --region LEFT,BOTTOM,RIGHT,TOP"),
        (["MOVIE", "--tracks-per-frame", "0"], 2, "--tracks-per-frame"),
        (["MOVIE", "--frames", "5-90"], 1, "--frames within 1-24, got 90"),
        (["MOVIE", "--frames", "9"], 2, "expected --frames A-B"),
        (["MOVIE", "--frames", "9-5"], 2, "expected --frames A-B"),
        (["MOVIE", "--focal", "35mm", "--no-clean", "--no-report"], 2, "expected --focal where tracks are judged"),
        (["MOVIE", "--focal", "5"], 1, "expected focal of 0.1 to 50 picture widths, got 5 px"),
        (["MOVIE", "--preset", "best"], 2, "expected --preset to be one of high_quality"),
        (["MOVIE", "--engine", "magic"], 2, "expected --engine to be one of"),
        (["MOVIE", "--nonsense"], 2, "No such option"),
        (["MOVIE", "--mask", "pl\udce4n.png"], 2, r"expected arguments in UTF-8, got b'pl\xe4n.png'"),
        ([], 2, "Missing argument"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    arguments: list[str], code: int, words: str, movie: Path, plate: Plate, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    (tmp_path / "notes.txt").write_text("notes\n" * 100)
    write_sequence(tmp_path / "holes", plate.frames[:6])
    (tmp_path / "holes" / "shot.1003.png").unlink()
    write_sequence(tmp_path / "flat", [plate.frames[0] * 0] * 3)
    given = [str(movie) if a == "MOVIE" else str(tmp_path / a) if (tmp_path / a).exists() or i == 0 else a
             for i, a in enumerate(arguments)]  # fmt: skip
    tell = run if "libmv" in given else answer  # of Blender the tests have one already
    result = tell("track", *given, "-o", tmp_path / "deep" / "out")
    assert result.returncode == code, result
    assert words in result.stderr
    assert result.stderr.startswith("cinetrack: error: ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "deep").exists()


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = run("track", tmp_path / "missing.mp4", "-o", tmp_path / "out", "--debug")
    assert result.returncode == 1
    assert "Traceback" in result.stderr


@pytest.fixture(scope="module")
def long_movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_movie(tmp_path_factory.mktemp("long") / "long.mp4", drawn_plate(count=150).frames)


SOME = ("--tracks-per-frame", "60")  # there is less to judge then


@pytest.fixture(scope="module")
def saved_movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Long enough to be saved several times while it is tracked."""
    return write_movie(tmp_path_factory.mktemp("saved") / "long.mp4", drawn_plate(count=60).frames)


@pytest.mark.parametrize("engine", [["klt", "--detect-once"], ["libmv"]], ids=["klt", "libmv"])
def test_ctrl_c_is_answered_at_once_and_leaves_nothing(long_movie: Path, tmp_path: Path, engine: list[str]) -> None:
    process = subprocess.Popen(
        [*COMMAND, "track", str(long_movie), "-o", str(tmp_path / "out"), "--engine", *engine],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    while "detecting" not in process.stdout.readline():
        assert process.poll() is None
    time.sleep(0.5)  # well inside Blender's operator
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error == "cinetrack: error: interrupted, nothing was written\n"
    assert not (tmp_path / "out").exists()


def begun(movie: Path, out: Path, *options: str, environment: Mapping[str, str] = os.environ) -> subprocess.Popen[str]:
    """The command at work: it has opened the clip and is about to track."""
    process = subprocess.Popen(
        [*COMMAND, "track", str(movie), "-o", str(out), *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**environment, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    while "opening the clip" not in process.stdout.readline():
        assert process.poll() is None
    return process


@pytest.fixture(scope="module")
def straight(saved_movie: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """tracks.json of a run that nobody interrupts."""
    out = tmp_path_factory.mktemp("straight") / "out"
    result = run("track", saved_movie, "-o", out, *SOME)
    assert (result.returncode, result.stderr) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == [
        "cinetrack.log",
        "long.blend",
        "report.html",
        "tracks.json",
    ]
    return (out / "tracks.json").read_bytes()


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on_with_it(
    saved_movie: Path, tmp_path: Path, straight: bytes
) -> None:
    out = tmp_path / "deep" / "out"
    process = begun(saved_movie, out, *SOME)
    while not (out / "cinetrack.partial" / "records.0001.npy").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error == "cinetrack: error: interrupted, give --resume to go on from there\n"
    assert [path.name for path in out.iterdir()] == ["cinetrack.partial"]

    refused = answer("track", saved_movie, "-o", out, *SOME)
    assert refused.returncode == 1
    assert "give --resume to go on with it, or --overwrite to begin anew" in refused.stderr
    other = answer("track", saved_movie, "-o", out, *SOME, "--resume", "--preset", "fast")
    assert other.returncode == 1
    assert "expected a checkpoint of the same footage and options" in other.stderr

    (out / "long.blend").write_bytes(b"half a result: killed while writing")
    resumed = run("track", saved_movie, "-o", out, *SOME, "--resume")
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert "going on with what is done" in resumed.stdout
    assert sorted(path.name for path in out.iterdir()) == [
        "cinetrack.log",
        "long.blend",
        "report.html",
        "tracks.json",
    ]
    assert (out / "tracks.json").read_bytes() == straight


def test_killed_at_ten_random_moments_the_result_is_that_of_an_uninterrupted_run(
    saved_movie: Path, tmp_path: Path, straight: bytes, without_blender: dict[str, str]
) -> None:
    rng = np.random.default_rng(6)
    out = tmp_path / "out"
    partial = out / "cinetrack.partial"

    def checkpoints() -> int:
        return sum(name.startswith("records.") for _, _, names in os.walk(partial) for name in names)

    kills = halfway = 0
    while kills < 10:
        goal = checkpoints() + rng.integers(0, 3)  # a moment some checkpoints later, however fast the machine is today
        process = begun(saved_movie, out, *SOME, "--resume", environment=without_blender)
        while process.poll() is None and checkpoints() < goal:
            time.sleep(0.005)
        time.sleep(rng.uniform(0.0, 0.3))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        halfway += (partial / "state.npz").exists()
        if (out / "tracks.json").exists():  # it was faster than its killer
            assert (out / "tracks.json").read_bytes() == straight
            shutil.rmtree(out)
    assert halfway > 0
    result = run("track", saved_movie, "-o", out, *SOME, "--resume", environment=without_blender)
    assert (result.returncode, result.stderr) == (0, "")
    assert (out / "tracks.json").read_bytes() == straight
    assert not (out / "cinetrack.partial").exists()


def test_masks_and_cuts_from_the_command_line(plate: Plate, tmp_path: Path, without_blender: dict[str, str]) -> None:
    other = drawn_plate(seed=9)
    write_movie(tmp_path / "shot.mp4", [*plate.frames[:12], *other.frames[:12]])
    matte = np.zeros((240, 320), np.uint8)
    matte[:, :160] = 255
    assert cv2.imwrite(str(tmp_path / "matte.png"), matte)
    for option, left in (("--mask", False), ("--mask-keep", True)):
        out = tmp_path / option
        where = (option, tmp_path / "matte.png", "--region", "0,0,1,0.25", "--no-report")
        result = run("track", tmp_path / "shot.mp4", "-o", out, *where, environment=without_blender)
        assert (result.returncode, result.stderr) == (0, "")
        assert "cuts: new shots begin at frame 13\n" in result.stdout
        assert "few tracks on frames 1-24: masks leave out 8" in result.stdout
        _, tracks = cinetrack.read(out / "tracks.json")
        places = np.array([place for track in tracks for place in track.markers.values()])
        assert len(places) > 100
        assert (places[:, 1] < 0.25).all()
        assert ((places[:, 0] < 0.5) == left).all()


@pytest.mark.parametrize("options", [["--detect-once"], ["--engine", "libmv"]])
def test_masks_and_regions_for_features_of_the_first_frame(movie: Path, tmp_path: Path, options: list[str]) -> None:
    matte = np.zeros((240, 320), np.uint8)
    matte[:, :160] = 255
    assert cv2.imwrite(str(tmp_path / "matte.png"), matte)
    where = ["--mask-keep", tmp_path / "matte.png", "--region", "0,0.25,1,1"]
    result = run("track", movie, "-o", tmp_path / "out", *where, "--no-clean", "--no-report", *options)
    assert (result.returncode, result.stderr) == (0, "")
    _, tracks = cinetrack.read(tmp_path / "out/tracks.json")
    places = np.array([place for track in tracks for place in track.markers.values()])
    assert len(places) > 100
    assert places[:, 0].max() < 0.5
    assert places[:, 1].min() > 0.25
    assert any(track.muted for track in tracks)  # the plate moves to the right, and what leaves the matte ends


def test_a_terminal_gets_a_bar_and_a_log_gets_lines(movie: Path, tmp_path: Path) -> None:
    terminal, seen_by_command = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "track", str(movie), "-o", str(tmp_path / "out"), "--no-clean", "--no-report"],
        stdout=seen_by_command, stderr=seen_by_command, env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(seen_by_command)
    shown = b""
    while True:
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the terminal hangs up when the command ends
            break
    assert process.wait(timeout=60) == 0
    assert "━" in shown.decode()
    assert "tracking frames 1-24 with klt" in shown.decode()
    assert re.search(r"backwards, \d+ tracks, [\d.]+ frames/s, 0:00:\d\d left", shown.decode())
    log = (tmp_path / "out" / "cinetrack.log").read_text()
    assert "━" not in log
    assert "tracking frames 1-24 with klt: " in log


def test_presets_and_doctor(tmp_path: Path) -> None:
    presets = answer("presets")
    assert presets.returncode == 0
    assert "balanced" in presets.stdout
    doctor = run("doctor")
    assert doctor.returncode == 0
    assert f"engine libmv: works (Blender {blender_version()})" in doctor.stdout
    assert "engine klt: works" in doctor.stdout
    assert "threads: " in doctor.stdout
    version = run("--version")
    assert version.returncode == 0
    assert version.stdout == f"cinetrack {__version__}\n"
    help_text = answer("track", "--help")
    assert help_text.returncode == 0
    assert "--preset" in help_text.stdout
