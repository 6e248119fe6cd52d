"""cinetrack quality: tracks of any tool are judged as if they were our own, as far as the file goes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cinematic.tracking import Clip, FormatError, ParameterError, TrackData, detect_features, formats, track_markers
from cinematic.tracking.judge import judge
from cinematic.tracking.judged_file import JudgedFile, judge_file
from cinematic.tracking.types import ClipInfo
from tests.command import answer, run
from tests.formats.samples import LAYOUTS, form_of, path_for
from tests.plates import write_sequence
from tests.scenes import SIZE, path, scene
from tests.test_cleaning import FRAMES, faulty_tracks

INFO = ClipInfo("/nowhere/shot.1001.png", *SIZE, 24.0, 1001, 1000 + FRAMES)
WITHOUT = "judged without the footage"


def on_1001(tracks: list[TrackData]) -> list[TrackData]:
    """The same tracks on a plate that begins at frame 1001, as plain as any tool could have made them."""
    return [TrackData(track.name, {frame + 1000: place for frame, place in track.markers.items()}) for track in tracks]


@pytest.fixture(scope="module")
def tracks() -> list[TrackData]:
    return on_1001(faulty_tracks()[:80])


@pytest.fixture(scope="module")
def expected(tracks: list[TrackData]) -> dict[str, int]:
    return counted(judge(tracks, SIZE))


def counted(verdicts: object) -> dict[str, int]:
    counts: dict[str, int] = {}
    for verdict in verdicts:  # type: ignore[attr-defined]
        counts[verdict.verdict] = counts.get(verdict.verdict, 0) + 1
    return counts


def written(folder: Path, layout: str, tracks: list[TrackData], info: ClipInfo = INFO) -> Path:
    full = next(entry for entry in LAYOUTS if entry.startswith(layout))
    return formats.write(tracks, path_for(folder, full), full, clip=info).path


def test_a_focal_length_that_is_known_is_taken(tmp_path: Path) -> None:
    """A plane tells none: without it there is no camera that its tracks are judged by."""
    wall = scene(path(12), 80, planar=True, noise=0.02)
    file = written(tmp_path, "csv", on_1001(wall.tracks), replace(INFO, frame_end=1012))
    assert not judge_file(file, size=SIZE).readiness.lens
    assert "(900.0 px)" in judge_file(file, size=SIZE, focal=900.0).readiness.lens
    assert "(900.0 px)" in judge_file(file, size=SIZE, focal=22.5, sensor_width=24.0).readiness.lens
    with pytest.raises(ParameterError, match=r"expected focal of 0\.1 to 50 picture widths"):
        judge_file(file, size=SIZE, focal=2.0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_format_is_judged_alike(
    layout: str, tracks: list[TrackData], expected: dict[str, int], tmp_path: Path
) -> None:
    path = written(tmp_path, layout, tracks)
    name = layout.partition(":")[0]
    start = 1001 if form_of(layout).first_frame is not None else None
    judged = judge_file(path, name, size=SIZE, frame_start=start)
    assert len(judged.verdicts) == len(tracks)
    found = counted(judged.verdicts)
    assert all(abs(found.get(verdict, 0) - count) <= 2 for verdict, count in expected.items()), (found, expected)
    assert found["bad"] >= 4
    assert (judged.info.frame_start, judged.info.frame_end) == (1001, 1000 + FRAMES)
    assert WITHOUT in judged.note
    assert judged.readiness.tracks_per_frame.keys() == set(range(1001, 1001 + FRAMES))


def test_what_the_file_does_not_say_is_asked_for(tracks: list[TrackData], tmp_path: Path) -> None:
    nuke = written(tmp_path, "nuke", tracks)
    with pytest.raises(ParameterError, match="give the footage's size"):
        judge_file(nuke)
    csv = formats.write(tracks, tmp_path / "tracks.csv", clip=INFO).path
    with pytest.raises(
        ParameterError, match=r"expected the footage's size to judge by.*give --size WxH or --footage PATH"
    ):
        judge_file(csv)
    told = judge_file(csv, size=SIZE)
    assert "the plate is taken to have frames 1001-" in told.note
    empty = formats.write([TrackData("a", {1001: (0.5, 0.5)})], tmp_path / "one.csv", clip=INFO).path
    empty.write_text(empty.read_text().splitlines()[0] + "\n")
    with pytest.raises(FormatError, match="expected tracks with markers"):
        judge_file(empty, size=SIZE)


@pytest.fixture(scope="module")
def shot(tmp_path_factory: pytest.TempPathFactory, plate: object) -> tuple[Path, Clip]:
    """A plate that begins at 1001, and its tracks."""
    folder = write_sequence(tmp_path_factory.mktemp("shot"), plate.frames)  # type: ignore[attr-defined]
    clip = Clip.open(folder)
    detect_features(clip)
    track_markers(clip)
    return folder, clip


@pytest.mark.parametrize("layout", ["nuke", "3de4", "syntheyes", "matchmover", "csv"])
def test_with_the_footage_correlations_are_measured(layout: str, shot: tuple[Path, Clip], tmp_path: Path) -> None:
    """It says its size, and where the plate begins."""
    folder, clip = shot
    plain = [TrackData(track.name, dict(track.markers)) for track in clip.tracks]
    judged = judge_file(written(tmp_path, layout, plain, clip.info), layout, footage=folder)
    assert WITHOUT not in judged.note
    assert {frame for track in judged.tracks for frame in track.markers} == set(range(1001, 1025))
    lowest = [verdict.measures["lowest_correlation"] for verdict in judged.verdicts if verdict.measures["markers"] > 9]
    assert len(lowest) > 30
    assert np.median(lowest) > 0.7  # measured: these files say nothing of it
    assert judged.info == clip.info


def test_footage_that_is_another_one_is_refused(
    shot: tuple[Path, Clip], tracks: list[TrackData], tmp_path: Path
) -> None:
    folder, clip = shot
    path = written(tmp_path, "cinetrack", tracks)  # of a larger plate
    with pytest.raises(ParameterError, match=r"expected the size .* got 320x240"):
        judge_file(path, footage=folder)
    early = [TrackData(track.name, {f - 1000: p for f, p in track.markers.items()}) for track in clip.tracks]
    csv = formats.write(early, tmp_path / "early.csv", clip=clip.info).path
    with pytest.raises(
        ParameterError, match="expected tracks on the footage's frames 1001-1024, got 1-24: see --frame-start"
    ):
        judge_file(csv, footage=folder)
    assert WITHOUT not in judge_file(csv, footage=folder, frame_offset=1000).note


def test_footage_that_has_changed_is_not_looked_at(shot: tuple[Path, Clip], tmp_path: Path) -> None:
    _, clip = shot
    shorter = ClipInfo(clip.info.path, *clip.size, None, 1001, 1023)
    path = written(tmp_path, "cinetrack", list(clip.tracks), shorter)
    judged: JudgedFile = judge_file(path)
    assert "expected size and frames" in judged.note
    assert WITHOUT in judged.note
    path.unlink()
    assert WITHOUT not in judge_file(written(tmp_path, "cinetrack", list(clip.tracks), clip.info)).note


def test_the_command(tracks: list[TrackData], tmp_path: Path) -> None:
    path = formats.write(tracks, tmp_path / "tracks.txt", "3de4", clip=INFO).path
    told = run("quality", path, "--from", "3de4", "--size", f"{SIZE[0]}x{SIZE[1]}", "--frame-start", 1001)
    assert (told.returncode, told.stderr) == (0, "")
    assert " bad\n" in told.stdout
    assert f"note: {WITHOUT} (3de4 does not say where it is: --footage PATH)" in told.stdout
    plain = answer("quality", path, "--from", "3de4", "--size", f"{SIZE[0]}x{SIZE[1]}", "--frame-start", 1001, "--json")
    machine = json.loads(plain.stdout)
    assert len(machine["tracks"]) == len(tracks)
    assert machine["clip"]["frame_start"] == 1001
    for arguments, code, words in (
        ([path, "--from", "3de4"], 1, "(--size WxH)"),
        ([path, "--from", "sgi"], 2, "expected --from to be one of nuke"),
        ([tmp_path], 1, "tracks.json"),
        ([tmp_path / "nothing.nk"], 1, "No such file"),
    ):
        failed = answer("quality", *arguments)
        assert (failed.returncode, len(failed.stderr.splitlines())) == (code, 1)
        assert words in failed.stderr


@pytest.mark.blender
def test_a_blend(shot: tuple[Path, Clip], tmp_path: Path) -> None:
    from cinematic.tracking.blend_file import blend_with, write_blend

    folder, clip = shot
    write_blend(blend_with(folder, list(clip.tracks)), tmp_path / "shot.blend")
    told = run("quality", tmp_path / "shot.blend", "--json")
    assert (told.returncode, told.stderr) == (0, "")
    machine = json.loads(told.stdout)
    assert len(machine["tracks"]) == len(clip.tracks)
    assert machine["note"] == ""
    assert machine["clip"]["frame_start"] == 1001
