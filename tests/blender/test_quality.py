from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import (
    ParameterError,
    add_track,
    analyze_track_quality,
    clean_low_quality_tracks,
    delete_track,
    enable_tracks,
    filter_tracks_by_correlation,
    get_track_quality_report,
    read_tracks,
    track_markers,
)
from cinematic.tracking.quality import measure_correlations
from tests.blender.conftest import snapshot, surroundings


def muted(clip: Any) -> dict[str, list[tuple[int, bool]]]:
    return {track.name: [(m.frame, m.mute) for m in track.markers] for track in clip.tracking.tracks}


def spoil(clip: Any, name: str) -> Any:
    """Move a track's markers off its feature, by another distance on each frame."""
    track = clip.tracking.tracks[name]
    for marker in track.markers:
        if not marker.is_keyed:
            marker.co = (marker.co[0] + 0.02 * (marker.frame % 5 + 1), marker.co[1] - 0.03 * (marker.frame % 3 + 1))
    return track


def shorten(clip: Any, name: str, length: int) -> None:
    track = clip.tracking.tracks[name]
    for frame in [m.frame for m in track.markers if m.frame > length or m.frame < 1]:
        track.markers.delete_frame(frame)


def test_correlation_is_that_of_the_pixels(tracked: Any, plate: Any) -> None:
    """Against a correlation computed here, independently: unwarped patterns at whole pixels."""
    track = tracked.tracking.tracks["t0"]
    for frame, (x, y) in {1: (100, 120), 2: (103, 118)}.items():
        marker = track.markers.find_frame(frame, exact=True)
        marker.co = ((x + 0.5) / 320, 1 - (y + 0.5) / 240)
        marker.pattern_corners = [(i * 10.5 / 320, j * 10.5 / 240) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    reference = plate.frames[0][110:131, 90:111].ravel()
    pattern = plate.frames[1][108:129, 93:114].ravel()
    expected = np.corrcoef(reference, pattern)[0, 1]
    assert expected < 0.99
    assert measure_correlations(tracked)["t0"][2] == pytest.approx(expected, abs=2e-3)


def test_a_marker_that_is_its_own_reference_has_no_correlation(clip: Any) -> None:
    track = add_track(clip, 1, (0.4, 0.5), "by hand")
    track.markers.insert_frame(2, co=(0.41, 0.5))
    assert measure_correlations(clip) == {"by hand": {}}


def test_good_tracks_correlate_and_a_spoilt_one_is_named(tracked: Any) -> None:
    spoil(tracked, "t0")
    analysis = analyze_track_quality(tracked)
    assert analysis["low_correlation_tracks"] == ["t0"]
    assert {"total_tracks", "active_tracks", "average_markers", "short_tracks", "high_error_tracks"} <= set(analysis)
    assert analysis["total_tracks"] == analysis["active_tracks"] == len(tracked.tracking.tracks)
    others = [value for name, value in analysis["correlations"].items() if name != "t0"]
    assert np.median(others) > 0.95
    assert analysis["high_error_tracks"] == []
    assert not analysis["is_solved"]


def test_markers_and_short_tracks_are_counted_without_the_muted(tracked: Any) -> None:
    shorten(tracked, "t0", 3)
    analysis = analyze_track_quality(tracked)
    assert "t0" in analysis["short_tracks"]
    counts = [sum(not m.mute for m in track.markers) for track in tracked.tracking.tracks]
    assert analysis["average_markers"] == pytest.approx(np.mean(counts))


def test_an_empty_clip(clip: Any) -> None:
    analysis = analyze_track_quality(clip)
    assert (analysis["total_tracks"], analysis["average_markers"], analysis["short_tracks"]) == (0, 0.0, [])
    assert "0 tracks" in get_track_quality_report(clip)
    assert clean_low_quality_tracks(clip) == 0
    assert filter_tracks_by_correlation(clip) == 0


def test_disabling_is_taken_back_exactly(bpy: Any, tracked: Any) -> None:
    track = spoil(tracked, "t0")
    track.markers.find_frame(7, exact=True).mute = True
    before, around = snapshot(tracked), surroundings(bpy, tracked)
    assert filter_tracks_by_correlation(tracked, 0.6) == 1
    assert all(m.mute for m in track.markers)
    assert filter_tracks_by_correlation(tracked, 0.6) == 0
    after = snapshot(tracked)
    assert {n: v for n, v in after.items() if n != "t0"} == {n: v for n, v in before.items() if n != "t0"}
    analysis = analyze_track_quality(tracked)
    assert analysis["active_tracks"] == analysis["total_tracks"] - 1
    assert analysis["low_correlation_tracks"] == []
    assert enable_tracks(tracked) == 1
    assert snapshot(tracked) == before
    assert surroundings(bpy, tracked) == around
    assert enable_tracks(tracked) == 0


def test_disabling_survives_a_saved_file_and_a_new_name(bpy: Any, tracked: Any, tmp_path: Path) -> None:
    spoil(tracked, "t0").markers.find_frame(7, exact=True).mute = True
    spoil(tracked, "t1")
    before = muted(tracked)
    assert filter_tracks_by_correlation(tracked) == 2
    tracked.tracking.tracks["t1"].name = "renamed"
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    (clip,) = bpy.data.movieclips
    assert muted(clip) != before
    assert enable_tracks(clip) == 2
    before["renamed"] = before.pop("t1")
    assert muted(clip) == before


def test_disabled_tracks_are_neither_tracked_nor_cleaned_nor_lost(tracked: Any) -> None:
    spoil(tracked, "t0")
    filter_tracks_by_correlation(tracked)
    disabled = muted(tracked)["t0"]
    clean_low_quality_tracks(tracked, frames=20)
    clean_low_quality_tracks(tracked, frames=20, action="DELETE_SEGMENTS")
    track_markers(tracked)
    assert muted(tracked)["t0"] == disabled
    assert not tracked.tracking.tracks["t0"].lock
    data = {track.name: track for track in read_tracks(tracked)}["t0"]
    assert not data.enabled
    assert len(data.markers) > 10  # what it has is still there


def test_a_deleted_tracks_name_can_be_used_again(tracked: Any) -> None:
    spoil(tracked, "t0")
    filter_tracks_by_correlation(tracked)
    assert delete_track(tracked, "t0")
    new = add_track(tracked, 1, (0.5, 0.5), "t0")
    new.markers[0].mute = True
    assert enable_tracks(tracked) == 0
    assert new.markers[0].mute


def test_only_the_named_are_enabled(tracked: Any) -> None:
    spoil(tracked, "t0")
    spoil(tracked, "t1")
    assert filter_tracks_by_correlation(tracked) == 2
    assert enable_tracks(tracked, ["t1"]) == 1
    with pytest.raises(ParameterError, match="got 'nobody'"):
        enable_tracks(tracked, ["t0", "nobody"])
    assert all(m.mute for m in tracked.tracking.tracks["t0"].markers)


def test_locked_tracks_are_left_alone(tracked: Any) -> None:
    spoil(tracked, "t0").lock = True
    shorten(tracked, "t1", 2)
    tracked.tracking.tracks["t1"].lock = True
    assert filter_tracks_by_correlation(tracked) == 0
    before = muted(tracked)
    clean_low_quality_tracks(tracked)
    assert {"t0", "t1"} <= set(muted(tracked))
    assert muted(tracked)["t1"] == before["t1"]


@pytest.mark.parametrize("action", ["DELETE", "DELETE_TRACK"])
def test_short_tracks_are_removed_and_counted_exactly(bpy: Any, tracked: Any, action: str) -> None:
    shorten(tracked, "t0", 2)
    shorten(tracked, "t1", 3)
    tracked.tracking.tracks["t2"].select = False
    before, around = snapshot(tracked), surroundings(bpy, tracked)
    assert clean_low_quality_tracks(tracked, frames=4, action=action) == 2
    assert snapshot(tracked) == {name: value for name, value in before.items() if name not in ("t0", "t1")}
    assert surroundings(bpy, tracked) == around
    assert clean_low_quality_tracks(tracked, frames=4, action=action) == 0


def test_segments_are_cut_and_select_removes_nothing(tracked: Any) -> None:
    track = tracked.tracking.tracks["t0"]
    track.markers.find_frame(3, exact=True).mute = True
    for each in tracked.tracking.tracks:
        each.select = each.name == "t5"
    count = len(tracked.tracking.tracks)
    assert clean_low_quality_tracks(tracked, frames=5, action="SELECT") == 1
    assert [t.name for t in tracked.tracking.tracks if t.select] == ["t0", "t5"]
    assert clean_low_quality_tracks(tracked, frames=5, action="DELETE_SEGMENTS") == 1
    assert len(tracked.tracking.tracks) == count
    assert [m.frame for m in track.markers if not m.mute] == list(range(4, 25))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"frames": -1}, "frames as a whole number of at least 0, got -1"),
        ({"frames": 2.5}, "frames"),
        ({"error": float("nan")}, "error as px of at least 0, got nan"),
        ({"error": -2}, "error"),
        ({"action": "KILL"}, "action to be one of DELETE, DELETE_TRACK, DELETE_SEGMENTS, SELECT; got 'KILL'"),
    ],
)
def test_wrong_options_of_cleaning(tracked: Any, options: dict[str, Any], expected: str) -> None:
    before = snapshot(tracked)
    with pytest.raises(ParameterError) as caught:
        clean_low_quality_tracks(tracked, **options)
    assert expected in str(caught.value)
    assert snapshot(tracked) == before


@pytest.mark.parametrize("value", [1.5, -2, "high", float("nan"), True])
def test_wrong_correlations(tracked: Any, value: Any) -> None:
    with pytest.raises(ParameterError, match="min_correlation from -1 to 1"):
        filter_tracks_by_correlation(tracked, value)


def test_the_report_says_it_in_words(tracked: Any) -> None:
    spoil(tracked, "t0")
    report = get_track_quality_report(tracked)
    assert "low correlation: 1: t0 (" in report
    assert "reprojection error: not known before a camera solve" in report
