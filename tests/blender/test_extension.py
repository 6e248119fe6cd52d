"""The Blender extension, as scripts call it: each button does all of its job at once.

They are pressed in test_window, and installed into a Blender that has nothing else in test_installed_extension.
"""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import cinematic.tracking as ct
from cinematic.tracking.movie_clip import MovieClipStore
from tests.blender import tasks
from tests.blender.conftest import snapshot, surroundings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def extension(bpy: Any) -> Iterator[Any]:
    import extension

    extension.register()
    yield extension
    extension.unregister()


@pytest.fixture
def buttons(bpy: Any, extension: Any) -> Any:
    bpy.context.scene.cinetrack.tracks_per_frame = 40
    return bpy.ops.cinetrack


@pytest.fixture
def found(extension: Any) -> Any:
    return extension.findings.of


def without_colors(clip: Any) -> dict[str, Any]:
    return {name: {k: v for k, v in entry.items() if k != "colour"} for name, entry in snapshot(clip).items()}


def test_a_shot_is_tracked_as_by_the_package(buttons: Any, clip: Any, movie: Path, found: Any) -> None:
    ct.add_track(clip, 1, (0.5, 0.5), "Track")
    assert buttons.track_shot() == {"FINISHED"}
    own = ct.Clip.open(movie)
    ct.add_track(own, 1, (0.5, 0.5), "Track")
    coverage = ct.auto_track(own, tracks_per_frame=40)
    tracks = {track.name: track for track in MovieClipStore(clip).read()}
    assert list(tracks) == own.tracks.keys()
    for track in own.tracks:
        assert list(tracks[track.name].markers) == list(track.markers)
        expected = np.array(list(track.markers.values()))
        np.testing.assert_allclose(list(tracks[track.name].markers.values()), expected, atol=1e-6)
    assert found(clip).last.startswith(f"{coverage.tracks} tracks, ")


def test_no_button_changes_the_screen_or_defaults(bpy: Any, buttons: Any, clip: Any) -> None:
    before = surroundings(bpy, clip)
    buttons.track_shot()
    buttons.judge_tracks()
    assert surroundings(bpy, clip) == before


def test_judged_tracks_have_colors_but_for_the_artists(bpy: Any, buttons: Any, tracked: Any, found: Any) -> None:
    tracks = tracked.tracking.tracks
    for name in ("t0", "t1"):
        for marker in list(tracks[name].markers)[1:]:
            marker.co = (marker.co[0] + 0.03 * (marker.frame % 3), marker.co[1])
    tracks["t1"].use_custom_color, tracks["t1"].color = True, (0.0, 0.0, 1.0)
    before = without_colors(tracked)
    bpy.context.scene.cinetrack.color_tracks = False
    buttons.judge_tracks()
    assert [track.name for track in tracks if track.use_custom_color] == ["t1"]
    bpy.context.scene.cinetrack.color_tracks = True
    assert buttons.judge_tracks() == {"FINISHED"}
    verdicts = {verdict.name: verdict.verdict for verdict in found(tracked).verdicts}
    assert verdicts["t0"] == verdicts["t1"] == "bad"
    assert found(tracked).verdicts[0].name in ("t0", "t1")  # the worst first
    assert tuple(tracks["t1"].color) == (0.0, 0.0, 1.0)
    colored = {track.name for track in tracks if track.use_custom_color}
    assert colored == {name for name, verdict in verdicts.items() if verdict != "good"}
    assert without_colors(tracked) == before


def test_cleaning_removes_what_is_bad_and_leaves_what_is_locked(bpy: Any, buttons: Any, tracked: Any) -> None:
    tracks = tracked.tracking.tracks
    for name in ("t0", "t1"):
        for marker in list(tracks[name].markers)[1:]:
            marker.co = (marker.co[0] + 0.03 * (marker.frame % 3), marker.co[1] - 0.02 * (marker.frame % 5))
    tracks["t1"].lock = True
    locked = snapshot(tracked)["t1"]
    bpy.context.scene.cinetrack.fill = False
    buttons.judge_tracks()
    known = set(tracks.keys())
    assert buttons.clean_tracks() == {"FINISHED"}
    assert "t0" not in tracks
    assert snapshot(tracked)["t1"]["markers"] == locked["markers"]
    assert set(tracks.keys()) <= known
    assert not any(track.use_custom_color for track in tracks)


def test_what_cleaning_has_emptied_is_filled(bpy: Any, buttons: Any, tracked: Any) -> None:
    tracks = tracked.tracking.tracks
    for row, track in enumerate(list(tracks)[::2]):  # each by itself: together they would be a scene that moves
        for marker in list(track.markers)[1:]:
            phase = marker.frame + 7 * row
            marker.co = (marker.co[0] + 0.03 * (phase % 3), marker.co[1] - 0.02 * (phase % 5))
    known = set(tracks.keys())
    buttons.clean_tracks()
    added = set(tracks.keys()) - known
    assert len(added) >= 3
    truth = [verdict.verdict for verdict in ct.judge_tracks(tracked) if verdict.name in added]
    assert truth.count("bad") <= len(truth) / 5


def test_what_was_changed_meanwhile_is_not_cleaned(bpy: Any, extension: Any, tracked: Any) -> None:
    job = extension.jobs.CleanTracks(tracked, bpy.context.scene.cinetrack)
    come = job.task(lambda words: None)
    tracked.tracking.tracks["t2"].markers[4].co = (0.5, 0.5)
    before = snapshot(tracked)
    with pytest.raises(ct.TrackingError, match="were changed meanwhile, nothing was done"):
        job.take_over(tracked, come)
    assert snapshot(tracked) == before


def test_tracks_that_came_meanwhile_keep_their_names(bpy: Any, extension: Any, clip: Any) -> None:
    job = extension.jobs.TrackShot(clip, bpy.context.scene.cinetrack)
    come = job.task(lambda words: None)
    ct.add_track(clip, 1, (0.5, 0.5), "Track")
    before = snapshot(clip)["Track"]
    job.take_over(clip, come)
    assert snapshot(clip)["Track"] == before
    assert len(clip.tracking.tracks) == 1 + len(come.added)


def test_nothing_is_tracked_under_a_mask(bpy: Any, buttons: Any, clip: Any) -> None:
    mask = bpy.data.masks.new("actor")
    spline = mask.layers.new(name="a").splines.new()
    spline.points.add(3)
    spline.use_cyclic = True
    for point, place in zip(spline.points, [(-0.1, -0.1), (0.5, -0.1), (0.5, 1.1), (-0.1, 1.1)], strict=True):
        point.handle_type = "VECTOR"
        point.co = point.handle_left = point.handle_right = place
    chosen = bpy.context.scene.cinetrack
    chosen.mask = mask
    buttons.track_shot()
    right = [x for track in MovieClipStore(clip).read() for x, _ in track.markers.values()]
    assert min(right) >= 0.5
    clip.tracking.tracks.new(name="away", frame=1)
    chosen.mask_use = "KEEP"
    known = set(clip.tracking.tracks.keys())
    buttons.track_shot()
    new = [track for track in MovieClipStore(clip).read() if track.name not in known]
    assert new
    assert max(x for track in new for x, _ in track.markers.values()) <= 0.5


def test_an_annotation_without_strokes_is_refused(bpy: Any, buttons: Any, clip: Any) -> None:
    bpy.context.scene.cinetrack.annotation_use = "LEAVE_OUT"
    with pytest.raises(RuntimeError, match=r"expected strokes of the annotation on 'shot.mp4'"):
        buttons.track_shot()
    assert not len(clip.tracking.tracks)


def test_without_tracks_there_is_nothing_to_judge(buttons: Any, clip: Any) -> None:
    for button in ("judge_tracks", "clean_tracks", "prepare_solve", "report"):
        with pytest.raises(RuntimeError, match="has no tracks to judge: track the shot first"):
            getattr(buttons, button)()


def test_without_a_clip_no_button_can_be_pressed(buttons: Any) -> None:
    assert not buttons.track_shot.poll()
    with pytest.raises(RuntimeError, match="Open a clip first"):
        buttons.track_shot()


def test_a_preset_brings_its_number_of_tracks(bpy: Any, buttons: Any) -> None:
    chosen = bpy.context.scene.cinetrack
    chosen.preset = "fast"
    assert chosen.tracks_per_frame == ct.get_detection_params("fast")["tracks_per_frame"]


def test_a_lens_that_is_known_is_taken(bpy: Any, buttons: Any, tracked: Any, found: Any) -> None:
    """And the cameras of before, which had found it themselves, are not taken for those of this lens."""
    buttons.judge_tracks()
    assert found(tracked).focal is None
    lens = tracked.tracking.camera
    lens.units, lens.focal_length_pixels = "PIXELS", 700.0
    bpy.context.scene.cinetrack.lens_is_known = True
    assert buttons.prepare_solve() == {"FINISHED"}
    assert found(tracked).focal == 700.0
    cameras = found(tracked).cameras.cameras
    assert np.unique(cameras.focal[cameras.solved]) == [700.0]
    assert lens.focal_length_pixels == pytest.approx(700.0, abs=0.01)
    lens.focal_length_pixels = 1e6
    with pytest.raises(RuntimeError, match=r"expected focal of 0.1 to 50 picture widths, got 1e\+06"):
        buttons.judge_tracks()


def test_the_report_is_written(buttons: Any, tracked: Any, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert buttons.report(filepath=str(target)) == {"FINISHED"}
    assert "t0" in target.read_text(encoding="utf-8")


def test_tracks_go_to_other_tools_and_come_back(bpy: Any, buttons: Any, tracked: Any, tmp_path: Path) -> None:
    bpy.context.scene.cinetrack.format = "nuke"
    assert buttons.export(filepath=str(tmp_path / "shot.nk")) == {"FINISHED"}
    before = snapshot(tracked)
    assert getattr(buttons, "import")(filepath=str(tmp_path / "shot.nk")) == {"FINISHED"}
    tracks = MovieClipStore(tracked).read()
    assert len(tracks) == 2 * len(before)
    assert {name: entry for name, entry in snapshot(tracked).items() if name in before} == before
    for there, back in zip(tracks, tracks[len(before) :], strict=False):
        np.testing.assert_allclose(list(there.markers.values()), list(back.markers.values()), atol=1e-4)


def test_what_cannot_be_read_or_written_is_told(bpy: Any, buttons: Any, tracked: Any, tmp_path: Path) -> None:
    before = snapshot(tracked)
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(RuntimeError, match=r"broken\.json"):
        getattr(buttons, "import")(filepath=str(tmp_path / "broken.json"))
    with pytest.raises(RuntimeError, match="nowhere"):
        buttons.export(filepath=str(tmp_path / "nowhere" / "shot.nk"))
    assert snapshot(tracked) == before


def test_a_bad_track_is_shown_where_it_goes_wrong(bpy: Any, buttons: Any, tracked: Any) -> None:
    assert buttons.show_track(name="t3", frame=7) == {"FINISHED"}
    assert bpy.context.scene.frame_current == 7
    assert [track.name for track in tracked.tracking.tracks if track.select] == ["t3"]
    assert tracked.tracking.tracks.active.name == "t3"
    with pytest.raises(RuntimeError, match=r"expected a track of 'shot\.mp4', got 'gone'"):
        buttons.show_track(name="gone", frame=7)


def test_findings_are_forgotten_with_the_file(bpy: Any, tracked: Any, movie: Path, found: Any) -> None:
    found(tracked).last = "33 tracks"
    bpy.ops.wm.read_homefile(use_empty=True)
    assert found(ct.ensure_clip_loaded(movie)).last == ""


def test_nothing_is_left_when_it_is_switched_off(bpy: Any) -> None:
    import extension

    handlers = [len(bpy.app.handlers.load_pre), len(bpy.app.handlers.undo_post)]
    for _ in range(2):
        extension.register()
        assert bpy.types.Scene.bl_rna.properties.get("cinetrack") is not None
        extension.unregister()
    assert bpy.types.Scene.bl_rna.properties.get("cinetrack") is None
    assert [len(bpy.app.handlers.load_pre), len(bpy.app.handlers.undo_post)] == handlers
    assert not [name for name in dir(bpy.types) if name.startswith("CINETRACK_")]


# -- work beside Blender ----------------------------------------------------------------------------------------------


def test_tasks_come_to_the_same_beside_blender(bpy: Any, extension: Any, tracked: Any, tmp_path: Path) -> None:
    chosen, jobs = bpy.context.scene.cinetrack, extension.jobs
    job = jobs.CleanTracks(tracked, chosen)
    beside, here = extension.beside.Beside(job.task).outcome(), job.task(lambda words: None)
    assert replace(beside, cameras=None) == replace(here, cameras=None)
    assert np.array_equal(beside.cameras.cameras.rotation, here.cameras.cameras.rotation, equal_nan=True)
    job = jobs.SolveCamera(tracked, chosen)
    assert extension.beside.Beside(job.task).outcome().cameras
    job = jobs.WriteReport(tracked, chosen, tmp_path / "report.html")
    assert extension.beside.Beside(job.task).outcome() is None
    assert "t0" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_what_is_drawn_goes_beside_blender(bpy: Any, extension: Any, clip: Any) -> None:
    mask = bpy.data.masks.new("actor")
    spline = mask.layers.new(name="a").splines.new()
    spline.points.add(2)
    spline.use_cyclic = True
    for point, place in zip(spline.points, [(-0.1, -0.1), (0.5, -0.1), (0.5, 1.1)], strict=True):
        point.co = point.handle_left = point.handle_right = place
    bpy.context.scene.cinetrack.mask = mask
    job = extension.jobs.TrackShot(clip, bpy.context.scene.cinetrack)
    come = extension.beside.Beside(job.task).outcome()
    assert come.added == job.task(lambda words: None).added


def test_work_beside_says_how_far_it_is_and_can_be_stopped(extension: Any) -> None:
    beside = extension.beside.Beside(tasks.go_half)
    until(lambda: beside.said == "half")
    assert (beside.is_done, beside.is_stopping) == (False, False)
    beside.stop()
    until(lambda: beside.is_done)
    assert beside.is_stopping
    with pytest.raises(extension.beside.Stopped):
        beside.outcome()


@pytest.mark.parametrize("end", ["stop", "abandon", "outcome"])
def test_nothing_is_left_of_work_beside(extension: Any, tmp_path: Path, monkeypatch: Any, end: str) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    beside = extension.beside.Beside(tasks.go_all_the_way)
    (folder,) = tmp_path.iterdir()
    if end == "stop":
        beside.stop()
        with pytest.raises(extension.beside.Stopped):
            beside.outcome()
    else:
        assert getattr(beside, end)() == ("all the way" if end == "outcome" else None)
    assert beside.is_done
    assert not folder.exists()


def test_what_goes_wrong_beside_is_raised(extension: Any) -> None:
    with pytest.raises(ct.ParameterError, match=r"^no features$"):
        extension.beside.Beside(tasks.refuse).outcome()


def test_a_crash_beside_is_told_and_not_shared(extension: Any, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ct.TrackingError, match=r"^the work has crashed, nothing was changed: .*not a number"):
        extension.beside.Beside(tasks.fail).outcome()
    assert "Traceback" in capfd.readouterr().err
    with pytest.raises(ct.TrackingError, match=r"^the work has crashed, nothing was changed: SIGSEGV$"):
        extension.beside.Beside(tasks.crash).outcome()


ENDS_WHILE_WORK_GOES_ON = """
import os, time
from extension.beside import Beside
from tests.blender import tasks

beside = Beside(tasks.go_half)
while beside.said != "half":
    time.sleep(0.01)
print(beside._process.pid, flush=True)
os._exit(1)
"""


def test_work_beside_ends_with_blender() -> None:
    run = subprocess.run(
        [sys.executable, "-c", ENDS_WHILE_WORK_GOES_ON], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False
    )
    until(lambda: not psutil.pid_exists(int(run.stdout)))


def test_a_python_that_cannot_be_started_is_told(extension: Any, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no python"))
    with pytest.raises(ct.TrackingError, match=r"^Blender.s Python cannot be started for work beside it: .*no python"):
        extension.beside.Beside(tasks.go_half)
    assert not list(tmp_path.iterdir())


def until(so: Callable[[], bool]) -> None:
    """Wait for it, but not for ever."""
    end = time.monotonic() + 60
    while not so():
        assert time.monotonic() < end
        time.sleep(0.01)


# -- the package that Blender installs --------------------------------------------------------------------------------


def test_the_manifest_has_the_packages_version() -> None:
    manifest = tomllib.loads((ROOT / "extension" / "blender_manifest.toml").read_text(encoding="utf-8"))
    assert manifest["version"] == ct.__version__
