"""Blender: a .blend that opens ready to go on: clip, tracks, frame range and a Clip Editor."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .blender import require_blender, require_movie_clip
from .context import ensure_clip_loaded, frame_numbers, get_active_clip
from .errors import FormatError, ParameterError, TrackingError
from .files import write_atomically
from .movie_clip import MovieClipStore, clip_size
from .types import TrackData


def new_blend() -> None:
    """Start from Blender's own empty file, whatever the user's start-up file holds."""
    require_blender().ops.wm.read_factory_settings(use_empty=True)


def blend_with(footage: Path, tracks: Iterable[TrackData], pixel_aspect: float | None = None) -> Any:
    """Start an empty file with the footage and these tracks in it; the MovieClip.

    ``pixel_aspect``: width of a pixel over its height; None: as the footage says.
    """
    new_blend()
    clip = ensure_clip_loaded(footage)
    store = MovieClipStore(clip)
    if pixel_aspect is not None:
        store.pixel_aspect = pixel_aspect
    store.write(tracks)
    return clip


def write_blend(clip: Any, path: Path) -> None:
    """Save Blender's data as a .blend in which ``clip`` is the scene's clip, shown in a large Clip Editor.

    Where the scene has a camera, a 3D view looks through it beside the Clip Editor.

    The scene gets the clip's frame range, size and rate. The file is written atomically; the Blender that is
    running goes on under its own file's name.

    Raises
    ------
    TrackingError
        Blender could not write.
    """
    bpy = require_blender()
    require_movie_clip(clip)
    _prepare_scene(bpy.context.scene, clip)
    _show(bpy, clip)

    save_blend(path)


def save_blend(path: Path) -> None:
    """Save Blender's data as they are, atomically; the Blender that is running goes on under its own file's name.

    Raises
    ------
    TrackingError
        Blender could not write.
    """
    bpy = require_blender()

    def save(temporary: Path) -> None:
        try:
            bpy.ops.wm.save_as_mainfile(
                filepath=str(temporary.absolute()), copy=True, compress=True, check_existing=False
            )
        except RuntimeError as error:
            raise TrackingError(f"Blender cannot write {path}: {' '.join(str(error).split())}") from error

    write_atomically(path, save)


def open_blend(path: Path, name: str | None = None) -> Any:
    """Open a .blend instead of what Blender has open, without running its scripts; the MovieClip meant.

    Parameters
    ----------
    name
        The clip's; None: the file's current one (see :func:`.context.get_active_clip`).

    Raises
    ------
    FormatError
        Blender cannot open it.
    ParameterError
        There is no such clip, none at all, or none that is the current one; with the names of those there are.
    """
    bpy = require_blender()
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    try:
        bpy.ops.wm.open_mainfile(filepath=str(path.absolute()), use_scripts=False, display_file_selector=False)
    except RuntimeError as error:
        raise FormatError(f"expected a .blend: {' '.join(str(error).split())}") from error
    clip = bpy.data.movieclips.get(name) if name is not None else get_active_clip()
    if clip is None:
        names = ", ".join(repr(clip.name) for clip in bpy.data.movieclips) or "none"
        raise ParameterError(
            f"expected {f'the clip {name!r}' if name else 'one clip'} in {path}, found {names} (--clip)"
        )
    return clip


def _prepare_scene(scene: Any, clip: Any) -> None:
    numbers = frame_numbers(clip)
    scene.active_clip = clip
    scene.frame_start = numbers.scene_from_plate(numbers.first)
    scene.frame_end = numbers.scene_from_plate(numbers.last)
    scene.frame_current = scene.frame_start
    scene.render.resolution_x, scene.render.resolution_y = clip_size(clip)
    aspect = MovieClipStore(clip).pixel_aspect  # Blender's are 1 at least
    scene.render.pixel_aspect_x, scene.render.pixel_aspect_y = max(1.0, aspect), max(1.0, 1 / aspect)
    if clip.fps > 0:
        # Blender keeps a whole rate and a divisor: 23.976 is 24 / 1.001.
        scene.render.fps = max(1, round(clip.fps))
        scene.render.fps_base = scene.render.fps / clip.fps


def _show(bpy: Any, clip: Any) -> None:
    for window in bpy.context.window_manager.windows:
        area = max(window.screen.areas, key=lambda area: area.width * area.height)
        if window.scene.camera is not None:
            _show_camera(bpy, window, area)
        area.ui_type = "CLIP_EDITOR"
        area.spaces.active.clip = clip
        area.spaces.active.mode = "TRACKING"


def _show_camera(bpy: Any, window: Any, area: Any) -> None:
    """Split the area: the half that is new looks through the scene's camera."""
    known = {each.as_pointer() for each in window.screen.areas}
    with bpy.context.temp_override(window=window, screen=window.screen, area=area):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=0.5)
    (new,) = (each for each in window.screen.areas if each.as_pointer() not in known)
    new.ui_type = "VIEW_3D"
    new.spaces.active.region_3d.view_perspective = "CAMERA"
