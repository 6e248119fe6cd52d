"""Cleaning by reprojection error, after Blender's own camera solve."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cinematic.tracking import analyze_track_quality, clean_low_quality_tracks, get_track_quality_report
from cinematic.tracking import tracking_context as in_clip_editor

BAD = ("point 3", "point 11")
KEYFRAMES = (1, 20)


@pytest.fixture
def solved(clip: Any) -> Any:
    """Forty points in space seen by a moving camera, two of them wobbling by 8 px, solved by Blender."""
    rng = np.random.default_rng(7)
    points = rng.uniform((-2, -1.2, 7), (4, 2, 16), (40, 3))
    focal = 1.2  # of the width
    for number, point in enumerate(points):
        name = f"point {number}"
        track = clip.tracking.tracks.new(name=name, frame=1)
        for frame in range(1, 25):
            x, y, z = point - np.array([0.16 * frame, 0.02 * frame, 0.1 * frame])
            co = np.array([0.5 + focal * x / z, 0.5 + focal * y / z * 320 / 240])
            if name in BAD and frame not in KEYFRAMES:  # they would spoil the solve itself
                co += rng.choice([-1, 1], 2) * 8 / np.array([320, 240])
            track.markers.insert_frame(frame, co=tuple(co))
    camera = clip.tracking.camera
    camera.sensor_width, camera.units = 36, "PIXELS"
    camera.focal_length_pixels = focal * 320
    clip.tracking.objects[0].keyframe_a, clip.tracking.objects[0].keyframe_b = KEYFRAMES
    with in_clip_editor(clip) as editor:
        assert editor.run("solve_camera") == {"FINISHED"}
    return clip


def test_tracks_with_a_high_error_are_named_and_removed(solved: Any) -> None:
    analysis = analyze_track_quality(solved)
    assert analysis["is_solved"]
    high = analysis["high_error_tracks"]
    assert {entry["name"] for entry in high} == set(BAD)
    assert high[0]["error"] >= high[1]["error"] > 2
    assert "high reprojection error: 2: " in get_track_quality_report(solved)
    assert clean_low_quality_tracks(solved, frames=5, error=2.0) == 2
    assert len(solved.tracking.tracks) == 38
    assert not set(BAD) & {track.name for track in solved.tracking.tracks}


def test_segments_and_error_together_cut_the_one_and_remove_the_other(solved: Any) -> None:
    track = solved.tracking.tracks["point 0"]
    track.markers.find_frame(3, exact=True).mute = True
    assert clean_low_quality_tracks(solved, frames=5, error=2.0, action="DELETE_SEGMENTS") == 3
    assert len(solved.tracking.tracks) == 38
    assert [m.frame for m in track.markers if not m.mute] == list(range(4, 25))


def test_error_zero_judges_length_alone(solved: Any) -> None:
    assert clean_low_quality_tracks(solved, frames=5, error=0) == 0
