from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cinematic.tracking import clean_low_quality_tracks, detect_features, ensure_clip_loaded, track_markers


@pytest.fixture
def bpy() -> Any:
    """Blender as it starts: nothing of an earlier test is left."""
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    return bpy


@pytest.fixture
def clip(bpy: Any, movie: Path) -> Any:
    """The drawn plate as a movie."""
    return ensure_clip_loaded(movie)


@pytest.fixture
def clip_1001(bpy: Any, sequence: Path) -> Any:
    """The drawn plate as a sequence that starts at frame 1001."""
    return ensure_clip_loaded(sequence)


@pytest.fixture(scope="session")
def tracked_blend(movie: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    clip = ensure_clip_loaded(movie)
    detect_features(clip)
    track_markers(clip)
    clean_low_quality_tracks(clip, frames=clip.frame_duration)
    for number, track in enumerate(clip.tracking.tracks):
        track.name = f"t{number}"
    clip.use_fake_user = True  # no editor shows it: Blender would not save it a second time
    path = tmp_path_factory.mktemp("tracked") / "tracked.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def tracked(tracked_blend: Path, bpy: Any) -> Any:
    """The movie with tracks ``t0``, ``t1``, ... that all have a marker on every frame; tracked once, opened anew."""
    bpy.ops.wm.open_mainfile(filepath=str(tracked_blend))
    (clip,) = bpy.data.movieclips
    return clip


def snapshot(clip: Any) -> dict[str, Any]:
    """Everything of a clip's tracks that a verb might touch, by name."""
    return {
        track.name: {
            "markers": [
                (m.frame, tuple(m.co), m.mute, m.is_keyed, tuple(map(tuple, m.pattern_corners)), tuple(m.search_min))
                for m in track.markers
            ],
            "flags": (track.select, track.select_anchor, track.select_pattern, track.hide, track.lock),
            "settings": (track.motion_model, track.pattern_match, track.correlation_min, track.weight),
            "colour": (track.use_custom_color, tuple(track.color)),
        }
        for track in clip.tracking.tracks
    }


def surroundings(bpy: Any, clip: Any) -> dict[str, Any]:
    """Screen, scene and defaults: what no verb may leave changed."""
    settings = clip.tracking.settings
    scene = bpy.context.scene
    return {
        "areas": [area.ui_type for area in bpy.context.window_manager.windows[0].screen.areas],
        "scene": (scene.frame_current, scene.frame_start, scene.frame_end),
        "defaults": [
            getattr(settings, name) for name in dir(settings) if name.startswith(("default_", "use_default_"))
        ],
        "clip": (clip.frame_start, clip.frame_offset),
    }
