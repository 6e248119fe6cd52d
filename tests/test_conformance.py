"""One suite for both kinds of clip and both engines: the verbs mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import (
    Clip,
    ParameterError,
    TrackingError,
    add_track,
    analyze_track_quality,
    clean_low_quality_tracks,
    configure_track,
    delete_track,
    detect_features,
    enable_tracks,
    ensure_clip_loaded,
    filter_tracks_by_correlation,
    get_track_quality_report,
    read_tracks,
    track_markers,
)
from cinematic.tracking.coords import co_from_pixels, pixels_from_co
from cinematic.tracking.store import store_of
from tests.plates import Plate, drawn_plate, write_movie


@dataclass(frozen=True)
class Kind:
    """A kind of clip, and the engine to use on it."""

    name: str
    open: Callable[[Path], Any]
    engine: str


def loaded_into_blender(path: Path) -> Any:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    return ensure_clip_loaded(path)


KINDS = [
    pytest.param(Kind("our clip, klt", Clip.open, "klt"), id="clip-klt"),
    pytest.param(Kind("Blender's, libmv", loaded_into_blender, "libmv"), id="blender-libmv", marks=pytest.mark.blender),
    pytest.param(Kind("Blender's, klt", loaded_into_blender, "klt"), id="blender-klt", marks=pytest.mark.blender),
]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def positions(clip: Any) -> dict[str, dict[int, tuple[float, float]]]:
    return {track.name: dict(track.markers) for track in store_of(clip).read()}


def errors_of(clip: Any, plate: Plate) -> np.ndarray:
    """Pixels by which markers miss the truth, (n, 2); each track's first marker is its reference."""
    found = []
    for track in store_of(clip).read():
        frames = sorted(track.markers)
        pixels = pixels_from_co([track.markers[frame] for frame in frames], plate.size)
        reference = track.reference_frames[0]
        first = store_of(clip).numbers.first
        start = plate.on_first_frame(pixels[frames.index(reference)], reference - first)
        found += [
            pixel - plate.truth(start, frame - first)[0]
            for pixel, frame in zip(pixels, frames, strict=True)
            if frame != reference
        ]
    return np.array(found)


def test_detect_and_track_follow_the_plate(kind: Kind, plate: Plate, movie: Path) -> None:
    clip = kind.open(movie)
    created = detect_features(clip, engine=kind.engine)
    assert created == len(positions(clip)) >= 50
    result = track_markers(clip, engine=kind.engine)
    assert (result["frames_processed"], result["status"]) == (24, "completed")
    assert result["tracks_count"] == sum(len(markers) > 1 for markers in positions(clip).values())
    errors = errors_of(clip, plate)
    assert len(errors) > 600
    assert np.median(np.linalg.norm(errors, axis=1)) < 0.05
    assert np.abs(np.median(errors, axis=0)).max() < 0.02


def test_a_sequence_keeps_its_numbers(kind: Kind, plate: Plate, sequence: Path) -> None:
    clip = kind.open(sequence)
    detect_features(clip, frame=1005, engine=kind.engine)
    assert all(set(frames) == {1005} for frames in positions(clip).values())
    result = track_markers(clip, frame_end=1015, engine=kind.engine)
    assert (result["frames_processed"], result["status"]) == (11, "completed")
    backwards = track_markers(clip, backwards=True, engine=kind.engine)
    assert (backwards["frames_processed"], backwards["status"]) == (5, "completed")
    frames = {frame for markers in positions(clip).values() for frame in markers}
    assert frames == set(range(1001, 1016))
    assert np.median(np.linalg.norm(errors_of(clip, plate), axis=1)) < 0.05


def test_detection_leaves_what_is_there(kind: Kind, movie: Path) -> None:
    clip = kind.open(movie)
    add_track(clip, 3, (0.5, 0.5), "mine")
    first = detect_features(clip, engine=kind.engine)
    before = positions(clip)
    second = detect_features(clip, frame=9, engine=kind.engine)
    after = positions(clip)
    assert len(after) == 1 + first + second
    assert {name: after[name] for name in before} == before


def test_the_threshold_is_lowered_for_those_who_gave_none(kind: Kind, movie: Path, tmp_path: Path) -> None:
    clip = kind.open(movie)
    assert detect_features(clip, threshold=1.0, min_distance=12, engine=kind.engine) < 50
    assert detect_features(clip, min_distance=12, engine=kind.engine) >= 50
    flat = kind.open(write_movie(tmp_path / "flat.mp4", [np.full((120, 160), 128, np.uint8)] * 4))
    assert detect_features(flat, engine=kind.engine) == 0


def test_tracks_that_begin_on_different_frames(kind: Kind, plate: Plate, movie: Path) -> None:
    clip = kind.open(movie)
    for name, frame in (("early", 1), ("late", 10)):
        add_track(clip, frame, tuple(co_from_pixels((150, 110), plate.size)), name)
    result = track_markers(clip, frame_start=1, engine=kind.engine)
    assert result == {"tracks_count": 2, "frames_processed": 24, "status": "completed"}
    assert sorted(positions(clip)["early"]) == list(range(1, 25))
    assert sorted(positions(clip)["late"]) == list(range(10, 25))


def test_one_frame_only(kind: Kind, movie: Path) -> None:
    clip = kind.open(movie)
    add_track(clip, 5, (0.5, 0.5), "a")
    result = track_markers(clip, frame_start=5, sequence=False, engine=kind.engine)
    assert result == {"tracks_count": 1, "frames_processed": 2, "status": "completed"}
    assert sorted(positions(clip)["a"]) == [5, 6]


def test_locked_and_disabled_tracks_stay(kind: Kind, movie: Path) -> None:
    clip = kind.open(movie)
    detect_features(clip, engine=kind.engine)
    tracks = list(store_of(clip).read())
    locked, disabled = tracks[0].name, tracks[1].name
    lock(clip, locked)
    store_of(clip).disable([disabled])
    track_markers(clip, engine=kind.engine)
    after = positions(clip)
    assert (len(after[locked]), len(after[disabled])) == (1, 1)
    assert max(len(markers) for markers in after.values()) == 24


def lock(clip: Any, name: str) -> None:
    if isinstance(clip, Clip):
        clip.tracks[name].locked = True
    else:
        clip.tracking.tracks[name].lock = True


def test_partial_when_no_track_reaches_the_end(kind: Kind, tmp_path: Path) -> None:
    leaving = drawn_plate(count=16, rotation=0, zoom=1, shift=(120, 0))
    clip = kind.open(write_movie(tmp_path / "leaving.mp4", leaving.frames))
    add_track(clip, 1, (0.85, 0.5), "at the right edge")
    result = track_markers(clip, engine=kind.engine)
    reached = positions(clip)["at the right edge"]
    assert 2 < len(reached) < 12
    assert result == {"tracks_count": 1, "frames_processed": len(reached), "status": "partial"}


def test_nothing_to_track(kind: Kind, movie: Path) -> None:
    clip = kind.open(movie)
    with pytest.raises(TrackingError, match="has no tracks: detect features or add a track first"):
        track_markers(clip, engine=kind.engine)
    add_track(clip, 1, (0.5, 0.5), "a")
    lock(clip, "a")
    with pytest.raises(TrackingError, match=r"got none of 1 \(1 locked, 0 disabled\)"):
        track_markers(clip, engine=kind.engine)


def test_add_configure_delete(kind: Kind, movie: Path) -> None:
    clip = kind.open(movie)
    names = [add_track(clip, 1, (0.5, 0.5), name).name for name in ("a", "a", None, None)]
    assert names == ["a", "a.001", "Track", "Track.001"]
    track = add_track(clip, 2, (0.25, 0.75), "b")
    configure_track(track, "LocRotScale", 0.9, "PREV_FRAME", 0.25, (1, 0.5, 0))
    data = {each.name: each for each in store_of(clip).read()}["b"]
    assert data.markers == {2: (0.25, 0.75)}
    assert (data.motion_model, data.correlation_min, data.pattern_match) == ("LocRotScale", 0.9, "PREV_FRAME")
    assert (data.weight, data.color) == (0.25, (1, 0.5, 0))
    assert delete_track(clip, "a") is True
    assert delete_track(clip, "a") is False
    assert set(positions(clip)) == {"a.001", "Track", "Track.001", "b"}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda clip: detect_features(clip, frame=25), "frame within 1-24, got 25"),
        (lambda clip: detect_features(clip, threshold=0), "threshold above 0 to 1"),
        (lambda clip: detect_features(clip, preset="best"), "preset"),
        (lambda clip: detect_features(clip, engine="magic"), "engine to be one of klt, libmv"),
        (lambda clip: track_markers(clip, 9, 9), "below frame_end"),
        (lambda clip: add_track(clip, 0, (0.5, 0.5)), "frame within 1-24"),
        (lambda clip: add_track(clip, 1, (0.5, 1.5)), "position from 0 to 1"),
        (lambda clip: add_track(clip, 1, (0.5, 0.5), ""), "1 to 63 bytes"),
        (lambda clip: clean_low_quality_tracks(clip, frames=-1), "frames"),
        (lambda clip: clean_low_quality_tracks(clip, action="KILL"), "action"),
        (lambda clip: filter_tracks_by_correlation(clip, 2), "min_correlation"),
        (lambda clip: enable_tracks(clip, ["nobody"]), "nobody"),
        (lambda clip: delete_track(clip, 3), "track's name"),
    ],
)
def test_wrong_arguments_change_nothing(kind: Kind, movie: Path, call: Callable[[Any], Any], words: str) -> None:
    clip = kind.open(movie)
    add_track(clip, 1, (0.5, 0.5), "a")
    before = [track.to_dict() for track in store_of(clip).read()]
    with pytest.raises(ParameterError) as caught:
        call(clip)
    assert words in str(caught.value)
    assert [track.to_dict() for track in store_of(clip).read()] == before


@pytest.fixture
def tracked(kind: Kind, movie: Path) -> Any:
    clip = kind.open(movie)
    detect_features(clip, engine=kind.engine)
    track_markers(clip, engine=kind.engine)
    clean_low_quality_tracks(clip, frames=24)
    return clip


def test_quality_of_good_tracks(tracked: Any) -> None:
    analysis = analyze_track_quality(tracked)
    assert analysis["total_tracks"] == analysis["active_tracks"] == len(positions(tracked)) > 15
    assert analysis["average_markers"] == 24
    assert (analysis["short_tracks"], analysis["low_correlation_tracks"], analysis["high_error_tracks"]) == ([], [], [])
    assert np.median(list(analysis["correlations"].values())) > 0.95
    assert "tracks" in get_track_quality_report(tracked)
    assert all(track.correlation > 0.6 for track in read_tracks(tracked))


def test_cleaning_counts_exactly(tracked: Any) -> None:
    names = list(positions(tracked))
    shorten(tracked, names[0], set(range(4, 25)))
    shorten(tracked, names[1], {4})
    count = len(names)
    assert clean_low_quality_tracks(tracked, frames=5, action="DELETE_SEGMENTS") == 2
    after = positions(tracked)
    assert len(after) == count - 1
    assert sorted(after[names[1]]) == list(range(5, 25))
    shorten(tracked, names[2], {4})
    assert clean_low_quality_tracks(tracked, frames=5) == 1
    assert set(positions(tracked)) == set(names[1:2] + names[3:])
    assert clean_low_quality_tracks(tracked, frames=5) == 0


def shorten(clip: Any, name: str, frames: set[int]) -> None:
    if isinstance(clip, Clip):
        clip.tracks[name].drop(frames)
    else:
        for frame in frames:
            clip.tracking.tracks[name].markers.delete_frame(frame)


def test_the_filter_can_be_taken_back(tracked: Any) -> None:
    before = [track.to_dict() for track in store_of(tracked).read()]
    disabled = filter_tracks_by_correlation(tracked, 1.0)
    assert disabled == len(before)
    analysis = analyze_track_quality(tracked)
    assert (analysis["active_tracks"], analysis["total_tracks"]) == (0, disabled)
    assert clean_low_quality_tracks(tracked, frames=99) == 0
    assert [track.enabled for track in store_of(tracked).read()] == [False] * disabled
    assert enable_tracks(tracked) == disabled
    assert [track.to_dict() for track in store_of(tracked).read()] == before
