"""Many shots by one command: each in a process of its own."""

from __future__ import annotations

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from distributed import LocalCluster

from cinematic.tracking import FootageError, ParameterError
from cinematic.tracking.checkpoint import FOLDER as CHECKPOINT_FOLDER
from cinematic.tracking.farm import shots_of
from cinematic.tracking.formats import cinetrack
from tests.command import COMMAND, run
from tests.plates import drawn_plate, write_movie

OPTIONS = ("--detect-once", "--no-clean", "--no-report")


def farm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run("farm", *arguments)


@pytest.fixture(autouse=True)
def _environment(without_blender: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", without_blender["PYTHONPATH"])


@pytest.fixture
def clips(movie: Path, sequence: Path, tmp_path: Path) -> list[Path]:
    """A movie, one that is none, and a sequence."""
    folder = tmp_path / "plates"
    folder.mkdir()
    shutil.copy(movie, folder / "alley.mp4")
    (folder / "broken.mp4").write_text("no movie")
    return [folder / "alley.mp4", folder / "broken.mp4", sequence]


def test_each_shot_gets_a_folder_and_one_that_fails_stops_no_other(clips: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = farm(*clips, "-o", out, *OPTIONS)
    assert result.returncode == 1
    assert result.stderr == "cinetrack: error: 2 of 3 shots are tracked, 1 failed: broken\n"
    assert sorted(path.name for path in out.iterdir()) == ["alley", "shot"]
    for name in ("alley", "shot"):
        _, tracks = cinetrack.read(out / name / "tracks.json")
        assert f"\n{name}: {len(tracks)} tracks, done, without a .blend" in result.stdout
    assert "\nbroken: failed: expected footage, cannot open" in result.stdout

    before = (out / "alley" / "tracks.json").stat().st_mtime_ns
    refused = farm(*clips, "-o", out, *OPTIONS)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"cinetrack: error: {out / 'alley'} holds a result already: "
        "give --resume to leave out what is done, or --overwrite\n"
    )
    shutil.copy(clips[0], clips[1])
    (out / "shot" / CHECKPOINT_FOLDER).mkdir()  # as of one killed while it wrote its result
    (out / "shot" / CHECKPOINT_FOLDER / "state.npz").write_bytes(b"")
    assert not shots_of(clips, out)[2].is_done
    shutil.rmtree(out / "shot" / CHECKPOINT_FOLDER)
    resumed = farm(*clips, "-o", out, "--resume", *OPTIONS)
    assert (resumed.returncode, resumed.stderr) == (0, "")
    assert "1 shot, 1 at a time\nbroken: " in resumed.stdout
    assert resumed.stdout.endswith(f"3 of 3 shots are tracked, in {out}\n")
    assert (out / "alley" / "tracks.json").stat().st_mtime_ns == before
    again = farm(*clips[:1], "-o", out, "--overwrite", *OPTIONS)
    assert (again.returncode, again.stderr) == (0, "")
    assert (out / "alley" / "tracks.json").stat().st_mtime_ns > before


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["{clip}", "--preset", "odd"], "expected --preset to be one of"),
        (["{clip}", "--presets", "fast"], "No such option: --presets"),
        (["--preset", "fast", "{clip}"], "expected clips before options, got '--preset'"),
        (["{clip}", "{clip}"], "expected clips of different names, got 2 called 'alley'"),
        (["{clip}", "--workers", "2", "--scheduler", "tcp://x:1"], "expected --workers without --scheduler"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_written(
    clips: list[Path], tmp_path: Path, arguments: list[str], error: str
) -> None:
    result = farm(*(each.format(clip=clips[0]) for each in arguments), "-o", tmp_path / "out")
    assert result.returncode == 2
    assert result.stderr.startswith("cinetrack: error: ")
    assert error in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_shots_are_called_as_their_clips(clips: list[Path], sequence: Path, tmp_path: Path) -> None:
    shots = shots_of([clips[0], sequence / "shot.####.png"], tmp_path / "out")
    assert [(shot.name, shot.folder) for shot in shots] == [
        ("alley", tmp_path / "out" / "alley"),
        ("shot", tmp_path / "out" / "shot"),
    ]
    with pytest.raises(FootageError, match="found nothing at"):
        shots_of([clips[0], tmp_path / "gone.mp4"], tmp_path / "out")
    with pytest.raises(ParameterError, match="got 2 called 'shot'"):
        shots_of([sequence, sequence / "shot.1001.png"], tmp_path / "out")


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(movie: Path, tmp_path: Path) -> None:
    clips = [tmp_path / "a.mp4", write_movie(tmp_path / "b.mp4", drawn_plate(count=80).frames), tmp_path / "c.mp4"]
    for clip in (clips[0], clips[2]):
        shutil.copy(movie, clip)
    out = tmp_path / "out"
    arguments = [
        *map(str, clips),
        "-o",
        str(out),
        "--workers",
        "1",
        "--no-report",
        "--no-clean",
        "--tracks-per-frame",
        "40",
    ]
    process = subprocess.Popen(
        [*COMMAND, "farm", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not list((out / "b" / CHECKPOINT_FOLDER).glob("records.*")):
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert error == ("cinetrack: error: interrupted, 1 of 3 shots are tracked: give --resume to go on from there\n")
    assert sorted(path.name for path in out.iterdir()) == ["a", "b"]
    assert [path.name for path in (out / "b").iterdir()] == [CHECKPOINT_FOLDER]
    result = farm(*arguments, "--resume")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("2 shots, 1 at a time\nb: ")
    assert sorted(path.name for path in (out / "b").iterdir() if path.suffix == ".json") == ["tracks.json"]


def test_on_a_dask_cluster(clips: list[Path], tmp_path: Path) -> None:
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, protocol="tcp", dashboard_address=None
    ) as cluster:
        result = farm(*clips, "-o", tmp_path / "out", "--scheduler", cluster.scheduler_address, *OPTIONS)
    assert result.returncode == 1
    assert result.stderr == "cinetrack: error: 2 of 3 shots are tracked, 1 failed: broken\n"
    assert result.stdout.startswith("3 shots, on tcp://")
    for name in ("alley", "shot"):
        assert len(cinetrack.read(tmp_path / "out" / name / "tracks.json")[1]) > 20


def test_nobody_answers(clips: list[Path], tmp_path: Path) -> None:
    result = farm(*clips, "-o", tmp_path / "out", "--scheduler", "nonsense://nowhere", *OPTIONS)
    assert result.returncode == 1
    assert result.stderr.startswith("cinetrack: error: expected a Dask scheduler at nonsense://nowhere: ")
    assert result.stderr.count("\n") == 1
