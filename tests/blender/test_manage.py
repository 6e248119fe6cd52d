"""Add, delete, configure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cinematic.tracking import (
    ParameterError,
    TrackData,
    add_track,
    configure_track,
    delete_track,
    detect_features,
    track_markers,
)
from cinematic.tracking.movie_clip import MovieClipStore
from cinematic.tracking.store import detached
from tests.blender.conftest import snapshot, surroundings


def test_an_added_track_can_be_tracked_at_once(bpy: Any, clip_1001: Any) -> None:
    before = surroundings(bpy, clip_1001)
    track = add_track(clip_1001, 1001, (0.4, 0.6), name="door")
    (marker,) = track.markers
    assert (track.name, marker.frame, marker.is_keyed) == ("door", 1, True)
    assert tuple(marker.co) == pytest.approx((0.4, 0.6), abs=1e-7)
    assert marker.search_max[0] > marker.pattern_corners[2][0] > 0
    assert surroundings(bpy, clip_1001) == before
    assert track_markers(clip_1001)["frames_processed"] == 24


def test_names_are_made_unique_as_blender_does(bpy: Any, clip: Any) -> None:
    names = [add_track(clip, 1, (0.5, 0.5), name).name for name in ("a", "a", "a", None, None, "ä ß")]
    assert names == ["a", "a.001", "a.002", "Track", "Track.001", "ä ß"]


def test_adding_leaves_the_others_and_their_selection(bpy: Any, clip: Any) -> None:
    detect_features(clip, threshold=0.1)
    clip.tracking.tracks[0].select = False
    before = snapshot(clip)
    add_track(clip, 1, (0.5, 0.5), "new")
    after = snapshot(clip)
    assert after.pop("new")
    assert after == before


@pytest.mark.parametrize(
    ("frame", "position", "name", "expected"),
    [
        (0, (0.5, 0.5), None, "frame within 1-24, got 0"),
        (25, (0.5, 0.5), None, "frame within 1-24, got 25"),
        (1, (1.2, 0.5), None, "position from 0 to 1, got 1.2"),
        (1, (0.5, -0.001), None, "position from 0 to 1"),
        (1, (0.5, float("nan")), None, "position"),
        (1, (0.5,), None, "position as 2 numbers"),
        (1, 0.5, None, "position as 2 numbers"),
        (1, "ab", None, "position as 2 numbers"),
        (1, (0.5, 0.5), "", "name to have 1 to 63 bytes"),
        (1, (0.5, 0.5), "ä" * 40, "name to have 1 to 63 bytes"),
        (1, (0.5, 0.5), 7, "name to have 1 to 63 bytes"),
    ],
)
def test_what_cannot_be_added(bpy: Any, clip: Any, frame: Any, position: Any, name: Any, expected: str) -> None:
    with pytest.raises(ParameterError) as caught:
        add_track(clip, frame, position, name)
    assert expected in str(caught.value)
    assert len(clip.tracking.tracks) == 0


@pytest.mark.parametrize("state", ["plain", "hidden", "locked", "both", "selected"])
def test_exactly_that_track_is_deleted_and_the_selection_stays(bpy: Any, clip: Any, state: str) -> None:
    detect_features(clip, threshold=0.1)
    tracks = clip.tracking.tracks
    tracks[0].select, tracks[2].hide, tracks[3].lock = False, True, True
    doomed = tracks[1]
    doomed.hide, doomed.lock = state in ("hidden", "both"), state in ("locked", "both")
    doomed.select = state == "selected"
    name = doomed.name
    before, around = snapshot(clip), surroundings(bpy, clip)
    before.pop(name)
    assert delete_track(clip, name) is True
    assert snapshot(clip) == before
    assert surroundings(bpy, clip) == around
    assert delete_track(clip, name) is False


def test_a_selected_plane_track_survives(bpy: Any, clip: Any) -> None:
    from cinematic.tracking import tracking_context

    for i, position in enumerate([(0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), (0.5, 0.5)]):
        add_track(clip, 1, position, f"corner {i}")
    for track in clip.tracking.tracks:
        track.select = track.name != "corner 4"
    with tracking_context(clip):
        bpy.ops.clip.create_plane_track()
    assert len(clip.tracking.plane_tracks) == 1
    delete_track(clip, "corner 4")
    assert len(clip.tracking.plane_tracks) == 1
    assert clip.tracking.plane_tracks[0].select


def test_configure_sets_everything(bpy: Any, clip: Any) -> None:
    track = add_track(clip, 1, (0.5, 0.5))
    configure_track(track)
    assert (track.motion_model, track.pattern_match, track.weight) == ("Perspective", "KEYFRAME", 1)
    assert track.correlation_min == pytest.approx(0.6)
    assert not track.use_custom_color
    configure_track(track, "LocRotScale", 0.9, "PREV_FRAME", 0.25, (1, 0.5, 0))
    assert (track.motion_model, track.pattern_match, track.weight) == ("LocRotScale", "PREV_FRAME", 0.25)
    assert (track.use_custom_color, tuple(track.color)) == (True, (1, 0.5, 0))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"motion_model": "Projective"}, "motion_model to be one of Loc, LocRot"),
        ({"motion_model": "Loc", "correlation_min": 1.5}, "correlation_min from 0 to 1, got 1.5"),
        ({"motion_model": "Loc", "pattern_match": "FIRST"}, "pattern_match to be one of KEYFRAME, PREV_FRAME"),
        ({"motion_model": "Loc", "weight": -1}, "weight from 0 to 1"),
        ({"motion_model": "Loc", "weight": True}, "weight"),
        ({"motion_model": "Loc", "color": (1, 0)}, "color as 3 numbers"),
        ({"motion_model": "Loc", "color": (1, 0, 2)}, "color from 0 to 1, got 2"),
    ],
)
def test_one_wrong_value_changes_nothing(bpy: Any, clip: Any, options: dict[str, Any], expected: str) -> None:
    track = add_track(clip, 1, (0.5, 0.5))
    before = snapshot(clip)
    with pytest.raises(ParameterError) as caught:
        configure_track(track, **options)
    assert expected in str(caught.value)
    assert snapshot(clip) == before


def test_what_is_no_track_or_no_name(bpy: Any, clip: Any) -> None:
    with pytest.raises(ParameterError, match=r"expected a bpy.types.MovieTrackingTrack or a TrackData, got str"):
        configure_track("Track")
    with pytest.raises(ParameterError, match="expected a track's name, got 3"):
        delete_track(clip, 3)  # type: ignore[arg-type]


def test_a_track_written_with_several_references_is_not_one_by_hand(clip: Any) -> None:
    """One that was lost and found again has a reference for each piece: it may be cleaned like any other."""
    store = MovieClipStore(clip)
    markers = {frame: (0.3 + frame / 100, 0.5) for frame in (1, 2, 3, 7, 8, 9)}
    store.write([TrackData("found again", markers=markers, reference_frames=[1, 7])])
    (data,) = store.read()
    assert (data.reference_frames, data.by_hand) == ([1, 7], False)
    clip.tracking.tracks["found again"].markers.find_frame(8).is_keyed = True  # an artist's correction
    (data,) = store.read()
    assert data.by_hand
    store.write([replace(data, by_hand=False, reference_frames=[1], markers={1: (0.3, 0.5), 2: (0.31, 0.5)})])
    clip.tracking.tracks["found again"].markers.find_frame(2).is_keyed = True
    assert store.read()[0].by_hand


def test_what_joins_others_gets_a_name_of_its_own(clip: Any) -> None:
    store = MovieClipStore(clip)
    store.add([TrackData("door", markers={1: (0.3, 0.5)}), TrackData("door", markers={1: (0.4, 0.5)})])
    store.add([TrackData("door", markers={1: (0.5, 0.5)})])
    assert {track.name: track.markers[1][0] for track in store.read()} == {
        "door": 0.3,
        "door.001": 0.4,
        "door.002": 0.5,
    }


def test_a_detached_copy_is_not_the_clip(tracked: Any) -> None:
    tracked.tracking.camera.pixel_aspect = 2.0
    copy = detached(tracked)
    before = snapshot(tracked)
    assert [track.to_dict() for track in copy.tracks] == [track.to_dict() for track in MovieClipStore(tracked).read()]
    assert (copy.size, copy.pixel_aspect) == (tuple(tracked.size), 2.0)
    copy.tracks[0].markers.clear()
    copy.tracks.remove(["t1"])
    assert snapshot(tracked) == before
    again = detached(copy)
    again.tracks[0].name = "other"
    assert copy.tracks[0].name == "t0"
