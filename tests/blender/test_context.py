from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cinematic.tracking import (
    FootageError,
    ParameterError,
    ensure_clip_loaded,
    get_active_clip,
    get_clip_editor_area,
    tracking_context,
)
from cinematic.tracking.context import frame_numbers
from tests.blender.conftest import surroundings
from tests.plates import Plate, write_sequence


def test_operators_run_in_the_context_and_everything_is_put_back(bpy: Any, clip: Any) -> None:
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.frame_current = 7, 93, 41
    before = surroundings(bpy, clip)
    with tracking_context(clip) as editor:
        editor.go_to(3)
        editor.limit_range(1, 5)
        assert (scene.frame_current, scene.frame_start, scene.frame_end) == (3, 1, 5)
        assert bpy.ops.clip.detect_features(threshold=0.01, min_distance=30) == {"FINISHED"}
    assert len(clip.tracking.tracks) > 0
    assert surroundings(bpy, clip) == before
    assert get_clip_editor_area() is None


def test_it_is_put_back_after_an_error_too(bpy: Any, clip: Any) -> None:
    before = surroundings(bpy, clip)
    with pytest.raises(ZeroDivisionError), tracking_context(clip) as editor:
        editor.go_to(1 // 0)
    assert surroundings(bpy, clip) == before


def test_an_open_clip_editor_is_used_and_keeps_its_clip_and_view(bpy: Any, clip: Any, sequence: Path) -> None:
    other = ensure_clip_loaded(sequence)
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.ui_type = "CLIP_EDITOR"
    space = area.spaces.active
    space.clip, space.view, space.mode = other, "GRAPH", "TRACKING"
    space.clip_user.frame_current = 5
    with tracking_context(clip) as editor:
        assert editor.space == space
        assert space.clip == clip
        editor.go_to(2)
    assert (space.clip, space.view, space.clip_user.frame_current) == (other, "GRAPH", 5)
    assert get_clip_editor_area() == area


def test_it_works_on_the_cameras_tracks_whatever_object_is_active(bpy: Any, clip: Any) -> None:
    thing = clip.tracking.objects.new("thing")
    clip.tracking.objects.active = thing
    with tracking_context(clip):
        bpy.ops.clip.detect_features(threshold=0.01, min_distance=30)
    assert len(clip.tracking.tracks) > 0
    assert len(thing.tracks) == 0
    assert clip.tracking.objects.active == thing


def test_what_is_no_clip(bpy: Any) -> None:
    with pytest.raises(ParameterError, match=r"expected a bpy.types.MovieClip, got NoneType"), tracking_context(None):
        pass


def test_the_active_clip(bpy: Any, movie: Path, sequence: Path) -> None:
    assert get_active_clip() is None
    first = ensure_clip_loaded(movie)
    assert get_active_clip() == first
    second = ensure_clip_loaded(sequence)
    assert get_active_clip() is None  # two, and nothing says which
    bpy.context.scene.active_clip = second
    assert get_active_clip() == second
    area = bpy.context.window_manager.windows[0].screen.areas[0]
    area.ui_type = "CLIP_EDITOR"
    area.spaces.active.clip = first
    assert get_active_clip() == first


@pytest.mark.parametrize("name", ["", "shot.1001.png", "shot.1009.png", "shot.####.png", "shot.%04d.png"])
def test_a_sequence_is_loaded_once_however_it_is_written(
    bpy: Any, sequence: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    clip = ensure_clip_loaded(sequence)
    monkeypatch.chdir(sequence.parent)
    roundabout = Path(sequence.name) / ".." / sequence.name / name
    assert ensure_clip_loaded(roundabout) == clip
    assert ensure_clip_loaded(str(sequence / name)) == clip
    assert len(bpy.data.movieclips) == 1
    assert clip.frame_duration == 24


def test_a_movie_is_loaded_once_through_a_link_and_a_relative_path(bpy: Any, movie: Path, tmp_path: Path) -> None:
    clip = ensure_clip_loaded(movie)
    link = tmp_path / "link.mp4"
    link.symlink_to(movie)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "a.blend"), relative_remap=True)
    assert ensure_clip_loaded(link) == clip
    assert len(bpy.data.movieclips) == 1


def test_frames_are_the_plates(bpy: Any, clip: Any, clip_1001: Any) -> None:
    numbers = frame_numbers(clip)
    assert (numbers.first, numbers.last, clip.frame_start) == (1, 24, 1)
    numbers = frame_numbers(clip_1001)
    assert (numbers.first, numbers.last) == (1001, 1024)
    assert clip_1001.frame_start == 1001  # so that the timeline shows the plate's numbers
    assert numbers.scene_from_plate(1001) == 1001


def test_what_blender_would_load_anyway_is_refused_before_anything_changes(
    bpy: Any, tmp_path: Path, plate: Plate
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    holes = write_sequence(tmp_path / "holes", plate.frames[:6])
    (holes / "shot.1003.png").unlink()
    for path in ("missing.mp4", "empty", "junk.mp4", "holes", "holes/shot.1001.png", "holes/shot.####.png"):
        with pytest.raises(FootageError):
            ensure_clip_loaded(tmp_path / path)
    assert len(bpy.data.movieclips) == 0
