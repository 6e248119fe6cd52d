"""Blender: a Clip Editor for operators to run in, and footage loaded as a MovieClip.

``bpy.ops.clip.*`` run only inside a Clip Editor that shows a clip. Headless and in a start-up file there is
none: an area of the window is turned into one for as long as it is needed and turned back afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from .blender import BLENDER_AVAILABLE, require_blender, require_movie_clip
from .coords import FrameNumbers
from .errors import BackendUnavailable, FootageError, TrackingError
from .footage import Footage, FootagePath, open_footage

__all__ = [
    "BLENDER_AVAILABLE",
    "ClipEditor",
    "ensure_clip_loaded",
    "frame_numbers",
    "get_active_clip",
    "get_clip_editor_area",
    "tracking_context",
]


@dataclass(frozen=True)
class ClipEditor:
    """A Clip Editor that shows ``clip``: where its operators run until the context ends."""

    clip: Any  # bpy.types.MovieClip
    window: Any  # bpy.types.Window
    space: Any  # bpy.types.SpaceClipEditor
    numbers: FrameNumbers

    def run(self, operator: str, **parameters: Any) -> set[str]:
        """Run ``bpy.ops.clip.<operator>``; what it returns.

        Raises
        ------
        TrackingError
            Blender refused; with its words.
        """
        try:
            return getattr(require_blender().ops.clip, operator)(**parameters)
        except RuntimeError as error:
            raise TrackingError(f"Blender's {operator} failed: {' '.join(str(error).split())}") from error

    @property
    def scene(self) -> Any:
        """The scene whose frame and range the operators use."""
        return self.window.scene

    def go_to(self, frame: int) -> None:
        """Show a plate frame, in the editor and on the timeline: operators start from there."""
        scene_frame = self.numbers.scene_from_plate(frame)
        self.scene.frame_current = scene_frame
        self.space.clip_user.frame_current = scene_frame

    def limit_range(self, first: int, last: int) -> None:
        """Make plate frames ``first`` to ``last`` the scene's range: ``track_markers`` ends at its border."""
        start, end = (self.numbers.scene_from_plate(frame) for frame in (first, last))
        lowest = self.scene.bl_rna.properties["frame_start"].hard_min
        if start < lowest:
            raise TrackingError(
                f"clip {self.clip.name!r}: frame {first} is scene frame {start}, and Blender's range begins at "
                f"{lowest}: set the clip's start frame to 1 or later"
            )
        self.scene.frame_start = start  # Blender pushes the other end along where it must,
        self.scene.frame_end = end  # so the order start, end gives any range


@contextmanager
def tracking_context(clip: Any) -> Iterator[ClipEditor]:
    """Run ``bpy.ops.clip`` operators on a MovieClip, headless or not.

    A Clip Editor of the window is used, or another area becomes one meanwhile. Afterwards the screen, the
    scene's frame and range, and the clip's active tracking object are as they were; what operators did to
    tracks and to their selection stays.

    Let no other thread run Python meanwhile. An operator lets others have Python's lock; where it then looks something
    up in the context that it is lent, Blender up to 5.0 takes another thread's lock for its own, and crashes.

    Parameters
    ----------
    clip : bpy.types.MovieClip

    Yields
    ------
    ClipEditor

    Raises
    ------
    BackendUnavailable
        Without Blender.
    ParameterError
        ``clip`` is no MovieClip.
    TrackingError
        Blender has no window.

    Examples
    --------
    >>> with tracking_context(clip):
    ...     bpy.ops.clip.select_all(action="SELECT")
    """
    require_movie_clip(clip)
    bpy = require_blender()
    window = _window()
    area = _area_showing(clip, window.screen) or max(window.screen.areas, key=lambda a: a.width * a.height)
    with _clip_editor(area, clip), _scene_kept(window.scene), _camera_active(clip):
        space = area.spaces.active
        region = next(region for region in area.regions if region.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region, space_data=space):
            yield ClipEditor(clip, window, space, frame_numbers(clip))


def get_clip_editor_area() -> Any | None:
    """The Clip Editor area that is open in Blender's window (the largest of several), or None.

    Raises
    ------
    BackendUnavailable
        Without Blender.
    """
    require_blender()
    areas = [area for window in _windows() for area in window.screen.areas if area.ui_type == "CLIP_EDITOR"]
    return max(areas, key=lambda area: area.width * area.height, default=None)


def get_active_clip() -> Any | None:
    """The MovieClip an artist would call the current one, or None.

    That of the open Clip Editor, else the scene's active clip, else the only clip of the file.

    Raises
    ------
    BackendUnavailable
        Without Blender.
    """
    bpy = require_blender()
    area = get_clip_editor_area()
    if area is not None and area.spaces.active.clip is not None:
        return area.spaces.active.clip
    if bpy.context.scene is not None and bpy.context.scene.active_clip is not None:
        return bpy.context.scene.active_clip
    clips = list(bpy.data.movieclips)
    return clips[0] if len(clips) == 1 else None


def ensure_clip_loaded(path: str | PathLike[str]) -> Any:
    """The MovieClip of a movie or an image sequence; loaded once, however its path is written.

    Parameters
    ----------
    path
        A movie; any file of a sequence (``shot.1001.exr``: the whole sequence is meant); a pattern
        (``shot.####.exr``, ``shot.%04d.exr``); or a folder that holds one sequence.

    Returns
    -------
    bpy.types.MovieClip
        Of a sequence, scene frames are set to be the plate's numbers (``clip.frame_start``), unless the clip
        was loaded already: then it is returned untouched.

    Raises
    ------
    BackendUnavailable
        Without Blender, or what this Blender would not show as it is (:func:`check_shown`).
    FootageError
        Missing file, folder without images, no footage, a sequence with holes. Nothing is loaded then.
    """
    bpy = require_blender()
    footage = open_footage(path)  # Blender "loads" anything: what is none fails here, before anything is changed
    check_shown(footage)
    for clip in bpy.data.movieclips:
        if _is_clip_of(clip, footage):
            return clip
    return _load(bpy, footage)


def check_shown(footage: Footage) -> None:
    """Refuse footage that this Blender shows otherwise than it is: before 4.4 it turned no movie.

    Raises
    ------
    BackendUnavailable
        A movie whose frames are stored lying, as those of phones that are held upright.
    """
    app = require_blender().app
    if footage.is_turned and app.version < (4, 4, 0):
        raise BackendUnavailable(
            f"Blender {app.version_string} does not turn the frames of {footage.path.name}, which are stored lying: "
            "4.4 does"
        )


def frame_numbers(clip: Any) -> FrameNumbers:
    """How the frames of a MovieClip are counted. The first file that a sequence's clip names is its first frame."""
    first = FootagePath.of_file(_absolute(clip)).number if clip.source == "SEQUENCE" else 1
    return FrameNumbers(first + clip.frame_offset, clip.frame_duration, clip.frame_start)


def footage_path(clip: Any) -> Path:
    """The absolute path of the file that a MovieClip was loaded from (of a sequence, its first file)."""
    return _absolute(clip)


def _absolute(clip: Any) -> Path:
    bpy = require_blender()
    return Path(bpy.path.abspath(clip.filepath, library=clip.library))


def _is_clip_of(clip: Any, footage: Footage) -> bool:
    # A clip that was loaded from a later file of the sequence lacks the frames before it: it is another clip.
    return _absolute(clip).resolve() == footage.path.resolve()


def _load(bpy: Any, footage: Footage) -> Any:
    try:
        clip = bpy.data.movieclips.load(str(footage.path))
    except RuntimeError as error:
        raise FootageError(f"Blender cannot read {footage.path}: {error}") from error
    if clip.frame_duration < 1 or 0 in clip.size:
        # Blender "loads" any file, as 256x256 with 0 frames.
        bpy.data.movieclips.remove(clip)
        raise FootageError(f"expected footage that Blender can read, got {footage.path}")
    if clip.source == "SEQUENCE":
        clip.frame_start = footage.numbers.first
    clip.tracking.camera.pixel_aspect = footage.pixel_aspect  # Blender does not look what the file says of it
    return clip


def _windows() -> list[Any]:
    bpy = require_blender()
    return [window for manager in bpy.data.window_managers for window in manager.windows]


def _window() -> Any:
    bpy = require_blender()
    windows = _windows()
    if not windows:
        raise TrackingError("expected Blender to have a window (headless has one too), got none")
    return bpy.context.window or windows[0]


def _area_showing(clip: Any, screen: Any) -> Any | None:
    """A Clip Editor of the screen: one that shows ``clip`` already, else any."""
    editors = [area for area in screen.areas if area.ui_type == "CLIP_EDITOR"]
    return next((area for area in editors if area.spaces.active.clip == clip), editors[0] if editors else None)


@contextmanager
def _clip_editor(area: Any, clip: Any) -> Iterator[None]:
    """Make ``area`` a Clip Editor in tracking mode that shows ``clip``, for as long as it is needed."""
    with _attribute(area, "ui_type", "CLIP_EDITOR"), _clips_of_editors_kept():
        space = area.spaces.active
        space.clip = clip
        with (
            _attribute(space, "mode", "TRACKING"),
            _attribute(space, "view", "CLIP"),
            _attribute(space.clip_user, "proxy_render_size", "FULL"),
            _attribute(space.clip_user, "frame_current", space.clip_user.frame_current),
        ):
            yield


@contextmanager
def _clips_of_editors_kept() -> Iterator[None]:
    """Put every Clip Editor's clip back: Blender shows a clip that one editor is given in others, too."""
    spaces = [
        space
        for screen in require_blender().data.screens
        for area in screen.areas
        for space in area.spaces
        if space.type == "CLIP_EDITOR"
    ]
    shown = [(space, space.clip) for space in spaces]
    try:
        yield
    finally:
        for space, clip in shown:
            if space.clip != clip:
                space.clip = clip


@contextmanager
def _attribute(owner: Any, name: str, value: Any) -> Iterator[None]:
    previous = getattr(owner, name)
    if previous != value:
        setattr(owner, name, value)
    try:
        yield
    finally:
        if getattr(owner, name) != previous:
            setattr(owner, name, previous)


@contextmanager
def _scene_kept(scene: Any) -> Iterator[None]:
    frame, start, end = scene.frame_current, scene.frame_start, scene.frame_end
    try:
        yield
    finally:
        scene.frame_start, scene.frame_end = start, end
        if scene.frame_current != frame:
            scene.frame_current = frame


def camera_object(clip: Any) -> Any:
    """The tracking object that stands for the camera; every clip has it."""
    return next(entry for entry in clip.tracking.objects if entry.is_camera)


@contextmanager
def _camera_active(clip: Any) -> Iterator[None]:
    """``clip.tracking.tracks`` are the camera's; operators work on the active tracking object's."""
    with _attribute(clip.tracking.objects, "active", camera_object(clip)):
        yield
