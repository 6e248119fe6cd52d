"""Markers averaged over windows of several sizes: nearer to the truth, taken back, and left where somebody set them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import (
    Clip,
    ParameterError,
    TrackData,
    detect_features,
    judge_with_motion,
    other_windows,
    refine_tracks,
    restore_tracks,
    settle_tracks,
    track_markers,
)
from cinematic.tracking import ensure_clip_loaded as load
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.footage import Footage
from cinematic.tracking.other_windows import ask_other_windows
from cinematic.tracking.second_opinion import Places
from cinematic.tracking.store import store_of
from tests.command import run
from tests.plates import Plate, drawn_plate, write_movie

GRAIN = 8.0  # of 255


@pytest.fixture(scope="module")
def grainy() -> Plate:
    plate = drawn_plate(count=12)
    lots = np.random.default_rng(5)
    frames = [np.clip(f + lots.normal(0, GRAIN, f.shape), 0, 255).astype(np.uint8) for f in plate.frames]
    return Plate(frames, plate.motions)


@pytest.fixture(scope="module")
def grainy_movie(grainy: Plate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_movie(tmp_path_factory.mktemp("grainy") / "grainy.mp4", grainy.frames)


@pytest.fixture(params=["klt on a Clip", "klt in Blender", "libmv in Blender"])
def tracked(request: pytest.FixtureRequest, grainy_movie: Path) -> Any:
    if "Blender" in request.param:
        bpy = pytest.importorskip("bpy")
        bpy.ops.wm.read_factory_settings(use_empty=True)
    clip = load(grainy_movie) if "Blender" in request.param else Clip.open(grainy_movie)
    engine = request.param.split()[0]
    detect_features(clip, engine=engine)
    track_markers(clip, engine=engine)
    return clip


def scatter(clip: Any, plate: Plate) -> float:
    """RMS error of the markers around each track's own mean, px: what a solve cannot take for another point."""
    squares = []
    for track in store_of(clip).read():
        frames = sorted(track.markers)
        pixels = pixels_from_co([track.markers[frame] for frame in frames], plate.size)
        begun = plate.on_first_frame(pixels[0], frames[0] - 1)
        off = pixels[1:] - [plate.truth(begun, frame - 1)[0] for frame in frames[1:]]
        if len(off) > 3 and np.abs(off).max() < 1:
            squares.append(((off - off.mean(axis=0)) ** 2).sum(axis=1))
    return float(np.sqrt(np.concatenate(squares).mean()))


def test_markers_scatter_less_and_it_can_be_taken_back(tracked: Any, grainy: Plate) -> None:
    before = {track.name: track for track in store_of(tracked).read()}
    was = scatter(tracked, grainy)
    done = refine_tracks(tracked)
    assert scatter(tracked, grainy) < 0.85 * was
    assert 0.01 < done.moved_px < 0.3
    assert done.in_words() == f"{len(done.after)} tracks, markers moved by {done.moved_px:.2f} px at the median"
    after = {track.name: track for track in store_of(tracked).read()}
    assert after.keys() == before.keys()
    for name, track in after.items():
        first = before[name].reference_frames[0]
        assert track.markers.keys() == before[name].markers.keys()
        assert track.markers[first] == pytest.approx(before[name].markers[first], abs=1e-6)
        assert (track.color, track.correlation_min, track.reference_frames) == (
            before[name].color, before[name].correlation_min, before[name].reference_frames
        )  # fmt: skip
    assert restore_tracks(tracked, done) == len(done.before)
    for track in store_of(tracked).read():
        assert np.array(list(track.markers.values())) == pytest.approx(
            np.array(list(before[track.name].markers.values())), abs=1e-6
        )


def test_settled_they_scatter_less_still(tracked: Any, grainy: Plate) -> None:
    refine_tracks(tracked)
    was, before = scatter(tracked, grainy), store_of(tracked).read()
    done = settle_tracks(tracked)
    assert scatter(tracked, grainy) < 0.9 * was
    after = store_of(tracked).read()
    for now, then in zip(after, before, strict=True):
        first = then.reference_frames[0]
        assert now.markers.keys() == then.markers.keys()
        assert now.markers[first] == pytest.approx(then.markers[first], abs=1e-6)
    assert len(done.after) >= 0.8 * len(after)
    assert restore_tracks(tracked, done) == len(done.before)
    for track, then in zip(store_of(tracked).read(), before, strict=True):
        assert np.array(list(track.markers.values())) == pytest.approx(np.array(list(then.markers.values())), abs=1e-6)


def test_judging_after_it_asks_no_window_again(tracked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = store_of(tracked).read()[0].name
    lock(tracked, locked)
    refinement = refine_tracks(tracked)
    anew, _ = judge_with_motion(tracked, focal=900.0)
    asked: list[str] = []

    def counted(tracks: Sequence[TrackData], *about: Any, footage: Footage) -> list[Places]:
        asked.extend(track.name for track in tracks)
        return ask_other_windows(tracks, *about, footage=footage)

    monkeypatch.setattr(other_windows, "ask_other_windows", counted)
    verdicts, _ = judge_with_motion(tracked, focal=900.0, refinement=refinement)
    assert asked == [locked]
    assert [verdict.curves for verdict in verdicts] == [verdict.curves for verdict in anew]
    assert [verdict.badness for verdict in verdicts] == [verdict.badness for verdict in anew]


def lock(clip: Any, name: str) -> None:
    if isinstance(clip, Clip):
        clip.tracks[name].locked = True
    else:
        clip.tracking.tracks[name].lock = True


def test_tracks_that_somebody_keeps_stay(grainy_movie: Path) -> None:
    clip = Clip.open(grainy_movie)
    detect_features(clip)
    track_markers(clip)
    locked, off, by_hand, free = list(clip.tracks)[:4]
    locked.locked, off.enabled, by_hand.by_hand = True, False, True
    kept = [track.copy() for track in (locked, off, by_hand)]
    for make_exact in (refine_tracks, settle_tracks):
        moved = {track.name for track in make_exact(clip).after}
        assert free.name in moved
        assert not moved & {track.name for track in kept}
    assert [clip.tracks[track.name] for track in kept] == kept


def test_tracks_of_one_marker_and_none_at_all(grainy_movie: Path) -> None:
    clip = Clip.open(grainy_movie)
    assert refine_tracks(clip).in_words() == "no track that may be changed"
    detect_features(clip)
    done = refine_tracks(clip)
    assert (done.after, done.moved_px) == ([], 0.0)
    assert settle_tracks(clip).after == []


def test_markers_beyond_the_footage_stay(grainy_movie: Path) -> None:
    clip = Clip.open(grainy_movie)
    detect_features(clip)
    track_markers(clip)
    track = clip.tracks[0]
    track.markers |= dict.fromkeys((13, 14, 20), (0.5, 0.5))
    for make_exact in (refine_tracks, settle_tracks):
        assert track.name in {each.name for each in make_exact(clip).after}
        assert [clip.tracks[track.name].markers[frame] for frame in (13, 14, 20)] == [(0.5, 0.5)] * 3


def test_some_of_the_tracks(grainy_movie: Path) -> None:
    clip = Clip.open(grainy_movie)
    detect_features(clip)
    track_markers(clip)
    first, second, *_ = (track.name for track in clip.tracks)
    assert [track.name for track in refine_tracks(clip, names=[second]).after] == [second]
    with pytest.raises(ParameterError, match=r"^expected names to name tracks of clip 'grainy.mp4', got 'nobody'$"):
        refine_tracks(clip, names=[first, "nobody"])


def test_the_clean_command_refines_when_it_is_asked_to(grainy_movie: Path, tmp_path: Path) -> None:
    clip = Clip.open(grainy_movie)
    detect_features(clip)
    track_markers(clip)
    clip.save(tmp_path / "tracks.json")
    before = (tmp_path / "tracks.json").read_bytes()
    lens = ("--focal", "22.5mm", "--sensor", "24")  # known, so that a drawn plane is judged in a second
    would = run("clean", tmp_path, "--refine", *lens, "--dry-run")
    assert (tmp_path / "tracks.json").read_bytes() == before
    told = run("clean", tmp_path, "--refine", *lens)
    assert (told.returncode, told.stderr) == (0, "")
    assert would.stdout.splitlines()[-1].replace("would clean", "cleaned").replace("refine ", "refined ") in told.stdout
    assert f", refined {len(clip.tracks)} tracks" in told.stdout
    assert Clip.load(tmp_path / "tracks.json").tracks[0].markers != clip.tracks[0].markers
    assert run("clean", tmp_path, "--undo").returncode == 0
    assert (tmp_path / "tracks.json").read_bytes() == before
