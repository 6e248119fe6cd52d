"""Cleaning by verdict: what is cut, split, removed and left alone, and how it is taken back. On both kinds of clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import (
    Clip,
    ParameterError,
    TrackData,
    Verdict,
    add_track,
    clean_tracks,
    delete_track,
    detect_features,
    ensure_clip_loaded,
    judge_tracks,
    restore_tracks,
    solve_readiness,
    track_markers,
)
from cinematic.tracking.cleaning import plan_cleaning
from cinematic.tracking.coords import co_from_pixels
from cinematic.tracking.judge import OFF_SCENE, Limits, judge, judge_scene, known_cameras, why_no_camera
from cinematic.tracking.parts import part_around
from cinematic.tracking.readiness import readiness
from cinematic.tracking.solve import ShotCameras
from cinematic.tracking.store import store_of
from tests.command import answer, run
from tests.scenes import SIZE, driven, empty_movie, path, scene, with_bonnet

FRAMES = 24
TRIMMED, SPLIT, HOPELESS, LOCKED, BY_HAND, SHORT, BEGUN_ELSEWHERE = range(7)


def faulty_tracks() -> list[TrackData]:
    """A scene's tracks, seven of them with a fault each; every track has a marker on every frame it is seen in."""
    seen = scene(path(FRAMES), 150, noise=0.08)
    whole = np.flatnonzero(np.isfinite(seen.positions[..., 0]).all(axis=1))
    order = np.concatenate([whole[:8], np.setdiff1d(np.arange(150), whole[:8])])
    positions = seen.positions[order]
    positions[TRIMMED, 19:] += np.linspace(2, 9, 5)[:, None] * (0.4, 1.0)
    positions[SPLIT, 12:] = positions[7, 12:] + (5, 4)  # another place of the scene, near track 7's
    positions[7] = positions[6] + (9, -9)
    positions[BEGUN_ELSEWHERE, :2] += (40, 10)
    positions[HOPELESS] += np.random.default_rng(1).normal(0, 6, (FRAMES, 2)).cumsum(axis=0)
    for row in (LOCKED, BY_HAND):
        positions[row, 8:] += (25, -18)
    positions[SHORT, 3:] = np.nan
    tracks = [
        TrackData(
            f"t{row}",
            {int(f) + 1: tuple(co_from_pixels(track[f], SIZE)) for f in np.flatnonzero(np.isfinite(track[:, 0]))},
        )
        for row, track in enumerate(positions)
    ]
    for track in tracks:
        track.reference_frames = [min(track.markers)]
    tracks[LOCKED].locked = True
    tracks[BY_HAND].by_hand = True
    return tracks


def on_a_clip(movie: Path, tracks: list[TrackData]) -> Clip:
    return Clip(Clip.open(movie).footage, tracks)


def in_blender(movie: Path, tracks: list[TrackData]) -> Any:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    clip = ensure_clip_loaded(movie)
    store_of(clip).write(tracks)
    return clip


KINDS = [pytest.param(on_a_clip, id="clip"), pytest.param(in_blender, id="blender", marks=pytest.mark.blender)]
Opened = Callable[[Path, list[TrackData]], Any]


def content(clip: Any) -> dict[str, Any]:
    return {track.name: track.to_dict() for track in store_of(clip).read()}


@pytest.mark.parametrize("opened", KINDS)
def test_each_fault_is_dealt_with_and_it_can_be_taken_back(opened: Opened, movie: Path) -> None:
    clip = opened(movie, faulty_tracks())
    before = content(clip)
    verdicts = judge(store_of(clip).read(), SIZE)
    cleaning = clean_tracks(clip, verdicts=verdicts)
    done = {action.name: action for action in cleaning.actions}
    after = {track.name: track for track in store_of(clip).read()}

    assert done["t0"].action == "TRIM"
    assert set(done["t0"].frames) == set(range(20, 25))
    assert sorted(after["t0"].markers) == list(range(1, 20))
    assert done["t1"].action == "SPLIT"
    (part,) = done["t1"].into
    assert (sorted(after["t1"].markers), sorted(after[part].markers)) == (list(range(1, 13)), list(range(13, 25)))
    assert after[part].reference_frames == [13]
    (other,) = done["t6"].into  # a track whose first pattern is gone is another point's: its name goes, too
    assert sorted(after[other].markers) == list(range(3, 25))
    assert done["t2"].action == done["t5"].action == "REMOVE"
    assert not {"t2", "t5", "t6"} & set(after)
    assert not {"t3", "t4"} & set(done)
    left = content(clip)
    assert left["t3"] == before["t3"]
    good = [v.name for v in verdicts if v.verdict == "good" and not v.bad_markers]
    assert len(good) > 100
    assert all(left[name] == before[name] for name in good)

    assert restore_tracks(clip, cleaning) == len(cleaning.actions)
    assert content(clip) == before


@pytest.mark.parametrize("opened", KINDS)
def test_a_dry_run_changes_nothing(opened: Opened, movie: Path) -> None:
    clip = opened(movie, faulty_tracks())
    before = content(clip)
    cleaning = clean_tracks(clip, verdicts=judge(store_of(clip).read(), SIZE), dry_run=True)
    assert {action.action for action in cleaning.actions} == {"TRIM", "SPLIT", "REMOVE"}
    assert content(clip) == before


def test_muting_keeps_the_markers(movie: Path) -> None:
    clip = on_a_clip(movie, faulty_tracks())
    trimmed = dict(clip.tracks["t0"].markers)
    clean_tracks(clip, verdicts=judge(clip.read(), SIZE), mute=True)
    track = clip.tracks["t0"]
    assert (sorted(track.markers), sorted(track.muted)) == (list(range(1, 20)), list(range(20, 25)))
    assert {**track.markers, **track.muted} == trimmed
    assert clip.tracks["t2"].markers == {}
    assert len(clip.tracks["t2"].muted) == FRAMES


def test_named_tracks_are_kept(movie: Path) -> None:
    clip = on_a_clip(movie, faulty_tracks())
    verdicts = judge(clip.read(), SIZE)
    cleaning = clean_tracks(clip, verdicts=verdicts, keep=["t2"])
    assert "t2" in clip.tracks
    assert "t2" not in cleaning.removed
    with pytest.raises(ParameterError, match=r"expected keep to name tracks of clip .*, got 'nobody'"):
        clean_tracks(clip, keep=["nobody"])
    with pytest.raises(ParameterError, match="expected the verdicts of clip"):
        clean_tracks(clip, verdicts=verdicts[:3])


def verdict_on(track: TrackData, off: dict[int, float], reason: str = "drifting") -> Verdict:
    """Bad on the frames where it is so far off, px, and sound before."""
    sound = ((min(track.markers), min(off) - 1),)
    bad_markers = dict.fromkeys(off, reason)
    return Verdict(track.name, "bad", (reason,), 0.8, bad_markers, curves={OFF_SCENE: off}, sound=sound)


def test_the_least_wrong_stay_where_a_frame_has_too_few_others() -> None:
    def tracked(name: str, last: int) -> TrackData:
        return TrackData(name, dict.fromkeys(range(1, last + 1), (0.5, 0.5)), reference_frames=[1])

    tracks = [tracked(f"good{row}", 12 if row < 6 else 10) for row in range(9)]
    verdicts = [Verdict(track.name, "good", (), 0.1, sound=((1, len(track.markers)),)) for track in tracks]
    wrong = {
        "off": verdict_on(tracked("off", 12), {10: 0.8, 11: 0.9, 12: 0.7}),
        "farther": verdict_on(tracked("farther", 12), {11: 1.2, 12: 1.6}),
        "more": verdict_on(tracked("more", 12), {11: 1.3, 12: 1.4}),
        "hidden": verdict_on(tracked("hidden", 12), {11: 0.1, 12: 0.1}, "occluded"),
        "unknown": replace(verdict_on(tracked("unknown", 12), {11: 0.1, 12: 0.1}), curves={}),
    }
    tracks += [tracked(name, 12) for name in wrong]
    verdicts += wrong.values()

    plan = plan_cleaning(tracks, verdicts, limits=Limits())
    gone = {action.name: action.frames for action in plan.actions}
    # Frame 10 has nine good tracks; 11 and 12 have six, and two places each for what is off by less than 1.5 px.
    assert gone == {"off": (10,), "farther": (12,), "more": (11,), "hidden": (11, 12), "unknown": (11, 12)}
    assert plan.spared == 4
    assert plan.in_words() == "0 tracks removed, 5 cut, 0 split; 4 markers stay on frames with too few others"
    everything = plan_cleaning(tracks, verdicts)
    assert {action.name for action in everything.actions if action.frames[-2:] == (11, 12)} == set(wrong)
    assert everything.spared == 0


def test_a_track_of_which_nothing_is_sound_stays_where_it_has_enough_to_spare() -> None:
    def tracked(name: str, frames: range) -> TrackData:
        return TrackData(name, dict.fromkeys(frames, (0.5, 0.5)), reference_frames=[frames[0]])

    tracks = [tracked("long", range(1, 12)), tracked("short", range(1, 5)), tracked("brief", range(1, 8))]
    offs: list[dict[int, float]] = [dict.fromkeys(range(3, 12), 0.9), dict.fromkeys(range(1, 5), 0.9), {2: 0.9, 3: 1.2}]
    verdicts = [replace(verdict_on(track, off), sound=()) for track, off in zip(tracks, offs, strict=True)]
    plan = plan_cleaning(tracks, verdicts, limits=Limits())
    assert plan.removed == ["short", "brief"]
    (left,) = plan.after
    assert (left.name, sorted(left.markers), left.reference_frames) == ("long", list(range(3, 12)), [3])


@pytest.mark.parametrize("opened", KINDS)
def test_what_was_added_by_hand_is_known_to_be(opened: Opened, movie: Path) -> None:
    clip = opened(movie, [])
    add_track(clip, 3, (0.5, 0.5), "door")
    (track,) = store_of(clip).read()
    assert track.by_hand
    assert clean_tracks(clip).actions == []
    assert [t.name for t in store_of(clip).read()] == ["door"]


@pytest.mark.blender
def test_a_deleted_track_leaves_its_name_without_a_past(movie: Path) -> None:
    clip = in_blender(movie, [])
    add_track(clip, 3, (0.5, 0.5), "door")
    assert delete_track(clip, "door")
    store_of(clip).write([TrackData("door", {1: (0.25, 0.5)}, reference_frames=[1])])
    (track,) = store_of(clip).read()
    assert not track.by_hand


def test_a_track_is_followed_until_it_is_off_for_good() -> None:
    marked, astray = np.ones(12, bool), np.zeros(12, bool)
    assert part_around(astray, marked, 5) == (0, 11)
    astray[[2, 9, 10, 11]] = True
    assert part_around(astray, marked, 5) == (0, 8)  # one stray marker is no end
    astray[1] = True
    assert part_around(astray, marked, 5) == (3, 8)
    marked[7] = False
    assert part_around(astray, marked, 5) == (3, 8)
    assert part_around(np.ones(12, bool), marked, 5) == (5, 5)


def test_readiness_tells_of_missing_parallax() -> None:
    moving, turning = (scene(path(FRAMES, tripod=tripod), 150, noise=0.05) for tripod in (False, True))
    for seen, word in ((moving, False), (turning, True)):
        tracks = seen.tracks
        told = readiness(tracks, judge(tracks, SIZE), range(1, FRAMES + 1), SIZE)
        assert any("parallax" in reason for reason in told.reasons) is word
        assert (told.score > 0.5) is not word
        known = readiness(tracks, judge(tracks, SIZE), range(1, FRAMES + 1), SIZE, ShotCameras(1, seen.cameras))
        assert known.reasons == (
            ("the camera only turns: to be solved as a tripod's, there is no depth",) if word else ()
        )
        assert known.score > 0.5


@pytest.mark.parametrize(("passing", "word"), [(60, True), (8, False)])
def test_readiness_doubts_a_scene_that_stands_still_beside_many_that_move(passing: int, word: bool) -> None:
    """Seen from within a car: what it is of stands still, and more than a few say that it moves."""
    rng = np.random.default_rng(2)
    inside = np.repeat(rng.uniform((20, 20), (SIZE[0] - 20, SIZE[1] - 20), (90, 1, 2)), FRAMES, axis=1)
    inside += rng.normal(0, 0.03, inside.shape)
    outside = scene(path(FRAMES), passing, noise=0.05)
    positions = np.concatenate([inside, outside.positions])
    tracks = replace(outside, positions=positions, wrong=np.zeros(len(positions), bool)).tracks
    verdicts, motion = judge_scene(tracks, SIZE)
    ready = readiness(tracks, verdicts, range(1, FRAMES + 1), SIZE, known_cameras(motion))
    assert any("mask what stands still" in reason for reason in ready.reasons) is word
    assert any("the camera only turns" in reason for reason in ready.reasons)


def test_from_within_a_car_what_is_outside_of_it_is_judged() -> None:
    """The bonnet does not shake as the street does, and that makes no track of the street jittery."""
    seen, alone = (with_bonnet(scene(driven(60), 450), count) for count in (250, 0))
    tracks = seen.tracks  # some of them without a marker
    verdicts, motion = judge_scene(tracks, SIZE)
    ready = readiness(tracks, verdicts, range(1, 61), SIZE, known_cameras(motion))
    assert any("tracks stand still" in told and "fixed to the camera" in told for told in ready.reasons), ready.reasons
    bad, bad_alone = ([each.verdict == "bad" for each in found] for found in (verdicts, judge(alone.tracks, SIZE)))
    assert all(bad[450:])
    assert abs(sum(bad[:450]) - sum(bad_alone)) < 5


@pytest.mark.parametrize(("told", "word"), [(None, False), ((880.0, 920.0), False), ((700.0, 2400.0), True)])
def test_readiness_tells_of_a_focal_length_that_is_not_told(told: tuple[float, float] | None, word: bool) -> None:
    seen = scene(path(FRAMES), 150, noise=0.05)
    tracks, cameras = seen.tracks, replace(seen.cameras, focal_range=told)
    ready = readiness(tracks, judge(tracks, SIZE), range(1, FRAMES + 1), SIZE, ShotCameras(1, cameras))
    assert any("26.2 to 90.0 mm explain the tracks as well" in reason for reason in ready.reasons) is word
    assert ready.lens == "33.75 mm (900.0 px) on a sensor 36 mm wide"


def saved(folder: Path, movie: Path, tracks: list[TrackData]) -> Path:
    on_a_clip(movie, tracks).save(folder / "tracks.json")
    return folder


def test_the_quality_command(movie: Path, tmp_path: Path) -> None:
    saved(tmp_path, movie, faulty_tracks()[:40])
    told = run("quality", tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert " bad\n" in told.stdout.splitlines()[0] + "\n"
    assert "camera solve: " in told.stdout
    machine = json.loads(answer("quality", tmp_path / "tracks.json", "--json").stdout)
    assert {track["name"] for track in machine["tracks"]} >= {"t0", "t1", "t2"}
    assert 0 <= machine["readiness"]["score"] <= 1
    assert f"  lens: {machine['readiness']['lens']}\n" in told.stdout


def test_quality_without_footage_says_so(movie: Path, tmp_path: Path) -> None:
    saved(tmp_path, movie, faulty_tracks()[:40])
    document = json.loads((tmp_path / "tracks.json").read_text())
    document["clip"]["path"] = "/nowhere/shot.mp4"
    (tmp_path / "tracks.json").write_text(json.dumps(document))
    told = run("quality", tmp_path)
    assert told.returncode == 0
    assert "note: judged without the footage" in told.stdout


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda text: text[: len(text) // 2], "expected JSON"),
        (lambda text: text.replace('"version":1', '"version":7'), "expected version 1"),
        (lambda text: text.replace('"weight":1.0', '"weight":NaN', 1), "expected"),
    ],
)
@pytest.mark.parametrize("command", ["quality", "clean"])
def test_bad_files_are_refused(
    movie: Path, tmp_path: Path, change: Callable[[str], str], expected: str, command: str
) -> None:
    saved(tmp_path, movie, faulty_tracks()[:5])
    text = change((tmp_path / "tracks.json").read_text())
    (tmp_path / "tracks.json").write_text(text)
    told = answer(command, tmp_path)
    assert told.returncode == 1
    assert told.stderr.startswith("cinetrack: error: ")
    assert expected in told.stderr
    assert len(told.stderr.splitlines()) == 1
    assert (tmp_path / "tracks.json").read_text() == text
    assert sorted(p.name for p in tmp_path.iterdir()) == ["tracks.json"]


def test_the_clean_command_and_its_undo(movie: Path, tmp_path: Path) -> None:
    folder = saved(tmp_path, movie, faulty_tracks()[:40])
    before = (folder / "tracks.json").read_bytes()
    assert answer("clean", folder, "--dry-run").stdout.splitlines()[-1].startswith("would clean ")
    assert (folder / "tracks.json").read_bytes() == before
    for name in ("report.html", f"{movie.stem}.nk", "camera.json", "notes.txt"):
        (folder / name).write_text("of before")
    done = run("clean", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"report.html, {movie.stem}.nk, camera.json: still the tracks as they were" in done.stdout
    assert (folder / "tracks.json").read_bytes() != before
    assert answer("clean", folder, "--undo").returncode == 0
    assert (folder / "tracks.json").read_bytes() == before
    again = answer("clean", folder, "--undo")
    assert again.returncode == 1
    assert "nothing was cleaned here" in again.stderr


def test_commands_take_a_focal_length_that_is_known(tmp_path: Path) -> None:
    """A plane tells none."""
    scene(path(12), 80, planar=True, noise=0.02).on(empty_movie(tmp_path / "grey.mp4", 12)).save(
        tmp_path / "tracks.json"
    )
    for option, told in (((), "the camera sees a single plane"), (("--focal", "22.5mm", "--sensor", "24"), "900.0 px")):
        assert told in answer("quality", tmp_path, *option).stdout
        assert answer("report", tmp_path, "--overwrite", *option).returncode == 0
        assert told in (tmp_path / "report.html").read_text(encoding="utf-8")
    for command in (("quality",), ("report", "--overwrite"), ("clean",)):
        refused = answer(*command, tmp_path, "--focal", "2")
        assert refused.returncode == 1
        assert refused.stderr.startswith("cinetrack: error: expected focal of 0.1 to 50 picture widths, got 2 px")


def test_readiness_tells_why_no_camera_was_found() -> None:
    tracks = scene(path(12), 80, planar=True, noise=0.02).tracks
    verdicts, motion = judge_scene(tracks, SIZE)
    assert known_cameras(motion) is None
    assert "the camera sees a single plane" in why_no_camera(motion)
    ready = readiness(tracks, verdicts, range(1, 13), SIZE, no_camera=why_no_camera(motion))
    assert ready.reasons[-1] == f"no camera was found: {why_no_camera(motion)}"
    assert ready.score <= 0.3
    _, motion = judge_scene(scene(path(12), 80).tracks, SIZE)
    assert why_no_camera(motion) == why_no_camera(()) == ""


def test_where_nothing_is_cleaned_there_is_nothing_to_take_back(movie: Path, tmp_path: Path) -> None:
    clip = Clip.open(movie)
    detect_features(clip)
    track_markers(clip)
    clip.save(tmp_path / "tracks.json")
    assert answer("clean", tmp_path).stdout == "cleaned 0 tracks, 0 markers\n"
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.json"]


def test_solve_readiness_of_a_clip(movie: Path) -> None:
    clip = on_a_clip(movie, faulty_tracks())
    verdicts, motion = judge_scene(clip.read(), clip.size)  # without the footage: it shows something else
    told = solve_readiness(clip, verdicts)
    assert set(told.tracks_per_frame) == set(range(1, FRAMES + 1))
    assert min(told.tracks_per_frame.values()) > 16
    assert told.lens == ""  # verdicts alone do not say it
    lens = solve_readiness(clip, verdicts, motion=motion).lens
    assert float(lens.split(" mm")[0]) == pytest.approx(33.75, rel=0.02)
    assert [v.name for v in judge_tracks(clip)] == clip.tracks.keys()
