"""PointTracker: the whole job from a path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import FootageError, ParameterError, PointTracker, TrackData, TrackingError
from cinematic.tracking.coords import pixels_from_co
from tests.plates import Plate


@pytest.mark.parametrize("kind", ["movie", "sequence"])
def test_detect_track_clean_export(bpy: Any, plate: Plate, kind: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(kind)
    first = 1 if kind == "movie" else 1001
    tracker = PointTracker(path, preset="balanced")
    detected = tracker.detect_features()
    assert detected >= 50
    result = tracker.track_all()
    assert result["status"] == "completed"
    assert result["frames_processed"] == 24
    removed = tracker.clean_tracks()
    tracks = tracker.get_track_data()
    assert len(tracks) == detected - removed
    errors = []
    for track in tracks:
        assert track.reference_frames == [first]
        assert track.enabled
        assert track.motion_model == "Affine"
        assert min(track.markers) == first
        assert max(track.markers) <= first + 23
        assert set(track.correlations) == set(track.markers) - {first}
        assert track.correlation == pytest.approx(np.mean(list(track.correlations.values())))
        assert track.pattern_area == pytest.approx((-10.5, -10.5, 21, 21), abs=1e-3)
        assert TrackData.from_dict(track.to_dict()) == track
        start = pixels_from_co(track.markers[first], plate.size)
        for frame, co in track.markers.items():
            errors.append(pixels_from_co(co, plate.size) - plate.truth(start, frame - first))
    assert np.median(np.linalg.norm(errors, axis=1)) < 0.05


def test_options_reach_the_verbs(bpy: Any, movie: Path) -> None:
    tracker = PointTracker(str(movie), "fast")
    assert tracker.detect_features(threshold=0.05, min_distance=40, frame=5) > 0
    assert tracker.track_all(frame_start=5, frame_end=9)["frames_processed"] == 5
    assert tracker.clean_tracks(frames=6) > 0
    assert all(track.correlation is None for track in tracker.get_track_data(measure=False))


def test_out_of_order_says_what_comes_first(bpy: Any, movie: Path) -> None:
    tracker = PointTracker(movie)
    with pytest.raises(TrackingError, match=r"call detect_features\(\) first"):
        tracker.track_all()
    with pytest.raises(TrackingError, match=r"call detect_features\(\) and track_all\(\) first"):
        tracker.clean_tracks()
    tracker.detect_features()
    with pytest.raises(TrackingError, match=r"track_all\(\) first"):
        tracker.clean_tracks()
    with pytest.raises(TrackingError, match="no tracks to export yet"):
        tracker.get_track_data()


def test_what_cannot_be_tracked_is_refused_at_once(bpy: Any, movie: Path, tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="preset"):
        PointTracker(movie, "best")
    with pytest.raises(ParameterError, match="engine"):
        PointTracker(movie, engine="magic")
    with pytest.raises(FootageError, match="found nothing at"):
        PointTracker(tmp_path / "missing.mp4")
    assert len(bpy.data.movieclips) == 0


@pytest.mark.parametrize("engine", ["klt", "libmv"])
def test_a_whole_shot_on_either_kind_of_clip(bpy: Any, movie: Path, engine: str) -> None:
    tracker = PointTracker(movie, "fast", engine=engine)
    coverage = tracker.auto_track(tracks_per_frame=60)
    assert min(coverage.tracks_per_frame.values()) >= 40
    assert tracker.clean_tracks() == 0
    tracks = tracker.get_track_data()
    assert len(tracks) == coverage.tracks
    assert all(track.correlation > 0.9 for track in tracks)
