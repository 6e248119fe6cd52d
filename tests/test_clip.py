"""A clip without Blender: its tracks, saving and loading, and what the engine leaves in them."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from cinematic.tracking import (
    Clip,
    FootageError,
    FormatError,
    TrackData,
    add_track,
    detect_features,
    judge_tracks,
    track_markers,
)
from cinematic.tracking.clip import Tracks, segments, unique_name
from tests.command import answer, run
from tests.plates import Plate, write_movie


@pytest.fixture
def tracked(movie: Path) -> Clip:
    clip = Clip.open(movie)
    detect_features(clip)
    track_markers(clip)
    return clip


def test_tracks_are_found_by_name_and_by_number() -> None:
    tracks = Tracks([TrackData("a"), TrackData("b"), TrackData("a")])
    assert [track.name for track in tracks] == ["a", "b", "a.001"]
    assert tracks["b"] is tracks[1]
    assert ("b" in tracks, "c" in tracks, tracks.get("c")) == (True, False, None)
    tracks[1].name = "renamed"
    assert tracks["renamed"] is tracks[1]
    with pytest.raises(KeyError):
        tracks["b"]
    assert tracks.remove(["a", "nobody"]) == 1
    assert tracks.keys() == ["renamed", "a.001"]


@pytest.mark.parametrize(
    ("name", "taken", "expected"),
    [
        ("a", set(), "a"),
        ("a", {"a"}, "a.001"),
        ("a", {"a", "a.001", "a.003"}, "a.002"),
        ("a.001", {"a.001"}, "a.002"),
        ("a.b", {"a.b"}, "a.b.001"),
    ],
)
def test_names_are_unique_by_blenders_rule(name: str, taken: set[str], expected: str) -> None:
    assert unique_name(name, taken | {"a"} if name.startswith("a.0") else taken) == expected


def test_segments() -> None:
    assert segments([]) == []
    assert segments([5, 1, 2, 9, 3, 6]) == [[1, 2, 3], [5, 6], [9]]


def test_what_the_engine_knows_is_kept(tracked: Clip) -> None:
    whole = [track for track in tracked.tracks if len(track.markers) == 24]
    assert len(whole) > 20
    for track in whole:
        later = set(range(2, 25))
        assert set(track.correlations) == set(track.corners) == set(track.covariances) == later
        assert set(track.forward_backward) <= later
        assert min(track.correlations.values()) > track.correlation_min
        assert max(track.forward_backward.values()) < 1
        assert track.lost == {}
        assert track.correlation == pytest.approx(np.mean(list(track.correlations.values())))
    lost = [track for track in tracked.tracks if track.lost]
    assert lost
    for track in lost:
        ((frame, reason),) = track.lost.items()
        assert frame == max(track.markers) + 1
        assert reason in ("out of frame", "low correlation", "forward backward", "degenerate", "diverged")


def test_saved_and_loaded_it_is_the_same(tracked: Clip, tmp_path: Path) -> None:
    tracked.tracks[0].locked = True
    tracked.tracks[1].enabled = False
    tracked.tracks[2].color = (1.0, 0.5, 0.25)
    tracked.save(tmp_path / "tracks.json")
    loaded = Clip.load(tmp_path / "tracks.json")
    assert list(loaded.tracks) == list(tracked.tracks)
    assert loaded.info == tracked.info


@pytest.mark.blender
def test_into_blender_and_back_nothing_is_lost(tracked: Clip, movie: Path) -> None:
    import bpy

    from cinematic.tracking.blend_file import blend_with
    from cinematic.tracking.movie_clip import MovieClipStore

    tracked.tracks[0].locked = tracked.tracks[1].hidden = True
    tracked.tracks[2].enabled = False
    tracked.tracks[3].color = (1.0, 0.5, 0.25)
    tracked.tracks[4].muted = {3: tracked.tracks[4].markers.pop(3)}
    tracked.tracks[4].drop([3])
    back = {track.name: track for track in MovieClipStore(blend_with(movie, tracked.tracks)).read()}
    assert list(back) == tracked.tracks.keys()
    for track in tracked.tracks:
        found = back[track.name]
        for field in ("markers", "muted", "enabled", "locked", "hidden", "color", "reference_frames", "weight"):
            assert getattr(found, field) == getattr(track, field), (track.name, field)
        assert {f: c for f, c in found.corners.items() if f in track.corners} == track.corners
        assert found.pattern_area == pytest.approx(track.pattern_area, abs=1e-3)
        assert found.search_area == pytest.approx(track.search_area, abs=1e-3)
    assert len(bpy.data.movieclips) == 1


def test_the_footage_may_have_moved_along_with_the_file(tracked: Clip, movie: Path, tmp_path: Path) -> None:
    tracked.save(tmp_path / "tracks.json")
    text = (tmp_path / "tracks.json").read_text()
    (tmp_path / "tracks.json").write_text(text.replace(str(movie), "/gone/shot.mp4"))
    with pytest.raises(FootageError, match=r"found nothing at /gone/shot\.mp4"):
        Clip.load(tmp_path / "tracks.json")
    (tmp_path / "shot.mp4").symlink_to(movie)
    assert len(Clip.load(tmp_path / "tracks.json").tracks) == len(tracked.tracks)


def test_footage_that_is_another_by_now(tracked: Clip, plate: Plate, tmp_path: Path) -> None:
    other = write_movie(tmp_path / "other.mp4", plate.frames[:10])
    tracked.save(tmp_path / "tracks.json")
    text = (tmp_path / "tracks.json").read_text()
    (tmp_path / "tracks.json").write_text(text.replace(str(tracked.footage.path), str(other)))
    with pytest.raises(FormatError, match=r"expected footage of size and frames \(320, 240, 1, 24\)"):
        Clip.load(tmp_path / "tracks.json")


def test_tracking_again_replaces_what_was_there(movie: Path) -> None:
    clip = Clip.open(movie)
    track = add_track(clip, 1, (0.5, 0.5), "a")
    track_markers(clip)
    first = dict(track.markers)
    track_markers(clip, frame_end=12)
    assert track.markers == first
    track.motion_model = "Loc"
    track_markers(clip)
    assert track.markers != first
    assert sorted(track.markers) == sorted(first)


def test_threads_do_not_change_the_result(movie: Path) -> None:
    results = []
    for threads in (1, 2):
        clip = Clip.open(movie)
        detect_features(clip)
        track_markers(clip, threads=threads)
        results.append([track.to_dict() for track in clip.tracks])
    assert results[0] == results[1]


def test_an_interrupted_run_leaves_the_clip_as_it_was(movie: Path) -> None:
    clip = Clip.open(movie)
    detect_features(clip)
    before = [track.to_dict() for track in clip.tracks]

    def stop(frame: int) -> None:
        if frame == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        track_markers(clip, on_frame=stop)
    assert [track.to_dict() for track in clip.tracks] == before


def test_every_track_gets_a_verdict_and_nothing_is_changed(tracked: Clip) -> None:
    cut = tracked.tracks[0]
    cut.drop([frame for frame in cut.markers if frame > 3])
    before = [track.to_dict() for track in tracked.tracks]
    verdicts = judge_tracks(tracked)
    assert [verdict.name for verdict in verdicts] == tracked.tracks.keys()
    assert [track.to_dict() for track in tracked.tracks] == before
    whole = {track.name for track in tracked.tracks if len(track.markers) == 24}
    good = [verdict for verdict in verdicts if verdict.verdict == "good"]
    assert len(good) > 0.8 * len(whole)
    assert all(not verdict.reasons and verdict.badness < 0.4 for verdict in good)
    short = [verdict for verdict in verdicts if verdict.measures["markers"] < 5]
    assert cut.name in {verdict.name for verdict in short}
    assert all(verdict.verdict == "bad" and "too short" in verdict.reasons for verdict in short)


@pytest.mark.parametrize("command", ["report", "solve", "clean"])
def test_what_is_no_result_is_refused(movie: Path, command: str) -> None:
    told = run(command, movie)
    assert (told.returncode, told.stdout) == (1, "")
    assert (
        told.stderr
        == f"cinetrack: error: expected a result of 'cinetrack track', a folder that holds tracks.json, got {movie}\n"
    )


def test_tracks_are_no_footage(movie: Path, tmp_path: Path) -> None:
    Clip.open(movie).save(tmp_path / "tracks.json")
    with pytest.raises(
        FootageError, match=r"expected footage, got .+tracks.json, a result of cinetrack: Clip.load opens"
    ):
        Clip.open(tmp_path / "tracks.json")


def test_the_report_command(tracked: Clip, tmp_path: Path) -> None:
    tracked.save(tmp_path / "tracks.json")
    told = run("report", tmp_path)
    assert (told.returncode, told.stderr) == (0, "")
    assert " good, " in told.stdout
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert tracked.tracks[0].name in page
    again = answer("report", tmp_path / "tracks.json")
    assert again.returncode == 1
    assert again.stderr == f"cinetrack: error: {tmp_path}/report.html exists already: give --overwrite to replace it\n"
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("kind", ["movie", "sequence"])
def test_a_pickled_clip_is_the_same_elsewhere(request: pytest.FixtureRequest, kind: str) -> None:
    """Another process opens the footage anew, and has the tracks."""
    clip = Clip.open(request.getfixturevalue(kind))
    clip.pixel_aspect = 2.0
    clip.tracks.add(TrackData("door", {clip.info.frame_start: (0.25, 0.5)}))
    there = pickle.loads(pickle.dumps(clip))
    assert there.info == clip.info
    assert list(there.tracks) == list(clip.tracks)
    last = clip.info.frame_end
    np.testing.assert_array_equal(there.footage.frame(last), clip.footage.frame(last))
    there.tracks.remove(["door"])
    assert len(clip.tracks) == 1
