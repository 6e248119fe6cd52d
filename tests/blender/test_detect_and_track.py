"""Detection and tracking on Blender: the same as by hand, and nothing besides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cinematic.tracking import (
    ParameterError,
    TrackingError,
    add_track,
    configure_track,
    detect_features,
    ensure_clip_loaded,
    get_detection_params,
    track_markers,
    tracking_context,
)
from cinematic.tracking.coords import co_from_pixels, pixels_from_co
from cinematic.tracking.movie_clip import clip_size, read_markers
from tests.blender.conftest import snapshot, surroundings
from tests.plates import Plate, drawn_plate, write_movie


def by_hand(bpy: Any, clip: Any, operate: Any, first: int = 1, last: int = 24) -> None:
    """What an artist's own script does: a Clip Editor, a frame, a range, the operators."""
    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area.ui_type = "CLIP_EDITOR"
    space = area.spaces.active
    space.clip = clip
    region = next(region for region in area.regions if region.type == "WINDOW")
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = first, last
    with bpy.context.temp_override(window=window, area=area, region=region, space_data=space):
        operate(scene, space)


def positions(clip: Any) -> dict[str, Any]:
    return {t.name: [(m.frame, m.mute, *m.co, *sum(map(tuple, m.pattern_corners), ())) for m in t.markers]
            for t in clip.tracking.tracks}  # fmt: skip


def positions_at(clip: Any, frame: int) -> dict[str, tuple[float, ...]]:
    found = {track.name: track.markers.find_frame(frame, exact=True) for track in clip.tracking.tracks}
    return {name: tuple(marker.co) for name, marker in found.items() if marker is not None}


@pytest.mark.parametrize("model", ["Loc", "Affine", "Perspective"])
def test_tracks_are_those_of_blenders_operators_run_by_hand(bpy: Any, movie: Path, model: str) -> None:
    def hand(scene: Any, space: Any) -> None:
        space.clip.tracking.settings.default_motion_model = model
        scene.frame_current = space.clip_user.frame_current = 1
        bpy.ops.clip.detect_features(threshold=0.05, margin=24, min_distance=24)
        bpy.ops.clip.track_markers(backwards=False, sequence=True)

    clip = bpy.data.movieclips.load(str(movie))
    by_hand(bpy, clip, hand)
    expected = positions(clip)

    bpy.ops.wm.read_factory_settings(use_empty=True)
    clip = ensure_clip_loaded(movie)
    assert detect_features(clip, threshold=0.05, margin=24, min_distance=24) == len(expected) > 20
    for track in clip.tracking.tracks:
        configure_track(track, motion_model=model, correlation_min=0.75)
        track.use_normalization = False
    result = track_markers(clip)
    found = positions(clip)
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], atol=1e-6)
    assert result["status"] == "completed"


def test_backwards_and_part_of_the_range_are_by_hand_too(bpy: Any, movie: Path) -> None:
    def hand(scene: Any, space: Any) -> None:
        scene.frame_current = space.clip_user.frame_current = 15
        bpy.ops.clip.detect_features(threshold=0.05, margin=24, min_distance=24)
        bpy.ops.clip.track_markers(backwards=True, sequence=True)

    clip = bpy.data.movieclips.load(str(movie))
    by_hand(bpy, clip, hand, first=6, last=20)
    expected = positions(clip)

    bpy.ops.wm.read_factory_settings(use_empty=True)
    clip = ensure_clip_loaded(movie)
    detect_features(clip, threshold=0.05, margin=24, min_distance=24, frame=15)
    for track in clip.tracking.tracks:
        configure_track(track, motion_model="Loc", correlation_min=0.75)
        track.use_normalization = False
    result = track_markers(clip, frame_start=6, frame_end=15, backwards=True)
    assert positions(clip) == expected
    assert result["frames_processed"] == 10


def test_markers_are_where_the_plate_moved(bpy: Any, plate: Plate, clip: Any) -> None:
    """co to pixel: the plate turns and zooms, so half a pixel, or a flip, would show as 0.1 px and more."""
    detect_features(clip)
    for track in clip.tracking.tracks:
        configure_track(track, motion_model="Affine")
    track_markers(clip)
    errors = []
    for track in clip.tracking.tracks:
        markers = read_markers(clip, track)
        pixels = pixels_from_co(markers.co, clip_size(clip))
        for frame, muted, pixel in zip(markers.frames, markers.muted, pixels, strict=True):
            if not muted:
                errors.append(pixel - plate.truth(pixels[markers.frames == 1], frame - 1)[0])
    assert len(errors) > 500
    assert np.abs(np.median(errors, axis=0)).max() < 0.02
    wrong = np.median([plate.truth(p + 0.5, 23) - plate.truth(p, 23) - 0.5 for p in pixels], axis=0)
    assert np.abs(wrong).max() > 0.1  # the test would see half a pixel


def test_detection_counts_what_it_created_and_touches_nothing_else(bpy: Any, clip: Any) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.frame_current = 3, 77, 19
    first = detect_features(clip, threshold=0.1, frame=4)
    tracks = clip.tracking.tracks
    assert first == len(tracks) > 0
    tracks[0].select, tracks[1].hide, tracks[2].lock = False, True, True
    tracks.active = tracks[3]
    before, around, names = snapshot(clip), surroundings(bpy, clip), {t.name for t in tracks}
    second = detect_features(clip, threshold=0.1, frame=9)
    assert second == len(tracks) - first > 0
    after = snapshot(clip)
    assert {name: after[name] for name in names} == before
    assert surroundings(bpy, clip) == around
    assert tracks.active == tracks[3]
    assert {m.frame for name in after.keys() - names for m in tracks[name].markers if not m.mute} == {9}


def test_the_threshold_is_lowered_until_there_are_enough_or_there_is_no_more(
    bpy: Any, clip: Any, tmp_path: Path
) -> None:
    wanted = get_detection_params("balanced")["min_features"]
    assert detect_features(clip, threshold=0.5, min_distance=12) < wanted
    assert detect_features(clip, min_distance=12) >= wanted
    flat = ensure_clip_loaded(write_movie(tmp_path / "flat.mp4", [np.full((120, 160), 128, np.uint8)] * 4))
    assert detect_features(flat) == 0
    assert len(flat.tracking.tracks) == 0


def test_new_tracks_have_the_presets_settings_and_the_artists_defaults_stay(bpy: Any, clip: Any) -> None:
    clip.tracking.settings.default_motion_model = "LocRot"
    detect_features(clip, preset="high_quality")
    track = clip.tracking.tracks[0]
    assert (track.motion_model, track.use_normalization) == ("Perspective", True)
    assert track.correlation_min == pytest.approx(0.85)
    width = track.markers[0].pattern_corners[1][0] - track.markers[0].pattern_corners[0][0]
    assert width * 320 == pytest.approx(25, abs=0.01)
    assert clip.tracking.settings.default_motion_model == "LocRot"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"threshold": 0}, "threshold above 0 to 1, got 0"),
        ({"threshold": float("nan")}, "threshold"),
        ({"threshold": "low"}, "threshold"),
        ({"margin": -1}, "margin as whole px of at least 0, got -1"),
        ({"min_distance": 2.5}, "min_distance"),
        ({"frame": 0}, "frame within 1-24, got 0"),
        ({"preset": "best"}, "preset"),
        ({"engine": "magic"}, "engine to be one of klt, libmv; got 'magic'"),
    ],
)
def test_wrong_options_of_detection(bpy: Any, clip: Any, options: dict[str, Any], expected: str) -> None:
    with pytest.raises(ParameterError) as caught:
        detect_features(clip, **options)
    assert expected in str(caught.value)
    assert len(clip.tracking.tracks) == 0


def test_both_directions_from_the_middle_cover_the_clip(bpy: Any, clip_1001: Any) -> None:
    detect_features(clip_1001, frame=1012)
    before = surroundings(bpy, clip_1001)
    forwards = track_markers(clip_1001)
    assert forwards["status"] == "completed"
    assert forwards["frames_processed"] == 13
    middle = positions_at(clip_1001, 14)
    backwards = track_markers(clip_1001, backwards=True)
    assert backwards["frames_processed"] == 12
    assert surroundings(bpy, clip_1001) == before
    assert positions_at(clip_1001, 14) == middle
    whole = [t for t in clip_1001.tracking.tracks if {m.frame for m in t.markers if not m.mute} == set(range(1, 25))]
    assert len(whole) > 0.5 * len(clip_1001.tracking.tracks)


def test_only_unlocked_enabled_tracks_are_tracked_hidden_ones_too(bpy: Any, clip: Any) -> None:
    detect_features(clip)
    tracks = clip.tracking.tracks
    locked, hidden, disabled = tracks[0], tracks[1], tracks[2]
    locked.lock, hidden.hide = True, True
    for marker in disabled.markers:
        marker.mute = True
    for track in tracks:
        track.select = False
    result = track_markers(clip)
    assert (len(locked.markers), len(disabled.markers)) == (1, 1)
    assert len(hidden.markers) > 2
    assert hidden.hide
    assert not any(track.select for track in tracks)
    grown = sum(sum(not m.mute for m in track.markers) > 1 for track in tracks)
    assert result["tracks_count"] == grown


def test_a_track_that_begins_later_gets_no_invented_marker(bpy: Any, clip: Any) -> None:
    """Blender, asked to track from frame 1, puts a marker there that nobody set."""
    add_track(clip, 1, (0.5, 0.5), "early")
    add_track(clip, 10, (0.5, 0.5), "late")
    result = track_markers(clip, frame_start=1)
    frames = [m.frame for m in clip.tracking.tracks["late"].markers if not m.mute]
    assert frames == list(range(10, 25))
    assert result == {"tracks_count": 2, "frames_processed": 24, "status": "completed"}


def test_one_frame_only(bpy: Any, clip: Any) -> None:
    add_track(clip, 5, (0.5, 0.5), "a")
    result = track_markers(clip, frame_start=5, sequence=False)
    assert [m.frame for m in clip.tracking.tracks["a"].markers if not m.mute] == [5, 6]
    assert result == {"tracks_count": 1, "frames_processed": 2, "status": "completed"}


def test_status_is_partial_when_tracks_are_alive_but_the_range_is_not_finished(bpy: Any, clip: Any) -> None:
    track = add_track(clip, 1, (0.5, 0.5), "a")
    track.frames_limit = 5
    assert track_markers(clip) == {"tracks_count": 1, "frames_processed": 6, "status": "partial"}


def test_status_is_partial_when_no_track_reaches_the_last_frame(bpy: Any, tmp_path: Path) -> None:
    leaving = drawn_plate(count=16, rotation=0, zoom=1, shift=(120, 0))
    clip = ensure_clip_loaded(write_movie(tmp_path / "leaving.mp4", leaving.frames))
    track = add_track(clip, 1, (0.85, 0.5), "at the right edge")
    result = track_markers(clip)
    reached = [m.frame for m in track.markers if not m.mute]
    assert 2 < len(reached) < 10
    assert result == {"tracks_count": 1, "frames_processed": len(reached), "status": "partial"}


def test_nothing_to_track_says_why(bpy: Any, clip: Any) -> None:
    with pytest.raises(TrackingError, match=r"'shot.mp4' has no tracks: detect features or add a track first"):
        track_markers(clip)
    add_track(clip, 1, (0.5, 0.5)).lock = True
    with pytest.raises(TrackingError, match=r"got none of 1 \(1 locked, 0 disabled\)"):
        track_markers(clip)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, 5, "frame_start within 1-24, got 0"),
        (1, 25, "frame_end within 1-24"),
        (9, 9, "below frame_end, got 9 and 9"),
    ],
)
def test_ranges_that_are_none(bpy: Any, clip: Any, start: int, end: int, expected: str) -> None:
    add_track(clip, 1, (0.5, 0.5))
    before = snapshot(clip)
    with pytest.raises(ParameterError) as caught:
        track_markers(clip, start, end)
    assert expected in str(caught.value)
    assert snapshot(clip) == before


def test_one_operator_call_a_direction(bpy: Any, clip: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cinematic.tracking.context import ClipEditor

    calls: list[str] = []
    run = ClipEditor.run

    def counted(self: ClipEditor, operator: str, **parameters: Any) -> set[str]:
        calls.append(operator)
        return run(self, operator, **parameters)

    monkeypatch.setattr(ClipEditor, "run", counted)
    detect_features(clip, threshold=0.05)
    track_markers(clip)
    track_markers(clip, backwards=True, frame_end=24)
    assert calls.count("track_markers") == 2
    assert calls.count("detect_features") == 1


def test_ctrl_c_leaves_everything_in_place(bpy: Any, clip: Any) -> None:
    """The signal comes while the operator runs; it is answered after all has been put back."""
    import signal

    detect_features(clip)
    clip.tracking.tracks[0].select = False
    selected = [track.select for track in clip.tracking.tracks]
    before = surroundings(bpy, clip)
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))  # first: unanswered, it would kill
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    with pytest.raises(KeyboardInterrupt):
        track_markers(clip)
    assert surroundings(bpy, clip) == before
    assert [track.select for track in clip.tracking.tracks] == selected
    assert all(not track.lock and not track.hide for track in clip.tracking.tracks)
    assert track_markers(clip)["status"] == "completed"


def test_a_raw_clip_and_a_shifted_one_count_the_plates_frames(bpy: Any, sequence: Path) -> None:
    """However the artist placed the clip in the scene, public frames are the files' numbers."""
    clip = bpy.data.movieclips.load(str(sequence / "shot.1001.png"))
    for start in (1, 1001, 37):
        clip.frame_start = start
        track = add_track(clip, 1003, tuple(co_from_pixels((160, 120), (320, 240))), f"from {start}")
        assert track.markers[0].frame == 3
        result = track_markers(clip, frame_start=1003, frame_end=1010)
        assert result["frames_processed"] == 8
        assert [m.frame for m in track.markers if not m.mute] == list(range(3, 11))


def test_the_context_is_the_artists_when_operators_fail(bpy: Any, clip: Any) -> None:
    with tracking_context(clip) as editor, pytest.raises(TrackingError, match="Blender's solve_camera failed"):
        editor.run("solve_camera")
