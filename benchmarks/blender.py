"""Blender's tracking by its own operators and properties, without the package under test.

The benchmarks drive plain bpy, so that a fault of the package cannot hide in the figures that it is
compared with. Positions are pixels, (0, 0) the centre of the top-left pixel; frames are numbered from 1.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.footage import Footage

Clip = Any  # bpy.types.MovieClip


def load_clip(footage: Footage) -> Clip:
    """The footage as a clip of its own."""
    import bpy

    clip = bpy.data.movieclips.load(str(footage.path(1)))
    if clip.frame_duration != footage.frames or tuple(clip.size) != footage.size:
        found = f"{clip.frame_duration} frames of {tuple(clip.size)}"
        raise ValueError(f"{footage.folder}: expected {footage.frames} frames of {footage.size}, got {found}")
    return clip


@contextlib.contextmanager
def clip_editor(clip: Clip) -> Iterator[Any]:
    """Make an area of the window a Clip Editor that shows `clip`; its operators run inside."""
    import bpy

    window = bpy.context.window_manager.windows[0]
    area = window.screen.areas[0]
    area_type = area.ui_type
    area.ui_type = "CLIP_EDITOR"
    try:
        space = area.spaces.active
        space.clip = clip
        region = next(r for r in area.regions if r.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=region, space_data=space):
            yield space
    finally:
        area.ui_type = area_type


@contextlib.contextmanager
def quiet(log: Path | None = None) -> Iterator[None]:
    """Send what C++ libraries print (libmv, by the hundred lines) to `log` instead of the terminal."""
    target = os.open(log or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(target, 1)
        os.dup2(target, 2)
        yield
    finally:
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        for descriptor in (target, *saved):
            os.close(descriptor)


def warm_cache(clip: Clip) -> None:
    """Make Blender decode every frame once, so that a timed run does not pay for reading."""
    import bpy

    with clip_editor(clip), quiet():
        bpy.ops.clip.prefetch()


def detect(clip: Clip, threshold: float = 0.02, min_distance: int = 12, margin: int = 16) -> np.ndarray:
    """Features of frame 1 as Blender detects them, (n, 2) px. The clip is left without tracks."""
    import bpy

    remove_tracks(clip)
    with clip_editor(clip) as space:
        bpy.context.scene.frame_current = space.clip_user.frame_current = 1
        bpy.ops.clip.detect_features(threshold=threshold, min_distance=min_distance, margin=margin)
    tracks = list(clip.tracking.tracks)
    found = read_tracks(clip, [track.name for track in tracks])[:, 0]
    remove_tracks(clip)
    return found


def remove_tracks(clip: Clip, names: Collection[str] | None = None) -> None:
    """Delete the tracks of these names; by default all."""
    import bpy

    going = [track for track in clip.tracking.tracks if names is None or track.name in names]
    for track in clip.tracking.tracks:
        track.select = False
    for track in going:
        track.select, track.lock, track.hide = True, False, False
    if going:
        with clip_editor(clip):
            bpy.ops.clip.delete_track(confirm=False)


def markers_on(clip: Clip, frame: int) -> dict[str, tuple[float, float]]:
    """Where the tracks are that are alive on a frame, px, by name."""
    width, height = clip.size
    places = {}
    for track in clip.tracking.tracks:
        marker = track.markers.find_frame(frame, exact=True)
        if marker is not None and not marker.mute:
            places[track.name] = marker.co[0] * width - 0.5, (1.0 - marker.co[1]) * height - 0.5
    return places


def add_tracks(
    clip: Clip, features: np.ndarray, motion_model: str, pattern: int, search: int, correlation: float
) -> list[str]:
    """One track, selected and ready, for each feature (n, 2) of frame 1; their names in order."""
    width, height = clip.size
    corner = 0.5 * np.array([pattern / width, pattern / height])
    reach = 0.5 * np.array([search / width, search / height])
    names = []
    for number, co in enumerate(_to_blender(features, width, height)):
        track = clip.tracking.tracks.new(name=f"f{number:05d}", frame=1)
        marker = track.markers.insert_frame(1, co=co)
        marker.pattern_corners = [(sx * corner[0], sy * corner[1]) for sx, sy in _CORNERS]
        marker.search_min, marker.search_max = -reach, reach
        track.motion_model, track.pattern_match = motion_model, "KEYFRAME"
        track.correlation_min, track.margin, track.use_normalization = correlation, 0, False
        track.select = True
        names.append(track.name)
    return names


_CORNERS = ((-1, -1), (1, -1), (1, 1), (-1, 1))


def set_markers(clip: Clip, tracks: np.ndarray) -> None:
    """Replace the clip's tracks by these, (N, F, 2) px with NaN where there is no marker."""
    remove_tracks(clip)
    width, height = clip.size
    for number, positions in enumerate(tracks):
        frames = np.flatnonzero(np.isfinite(positions[:, 0]))
        if len(frames) == 0:
            continue
        track = clip.tracking.tracks.new(name=f"f{number:05d}", frame=int(frames[0]) + 1)
        for frame, co in zip(frames, _to_blender(positions[frames], width, height), strict=True):
            track.markers.insert_frame(int(frame) + 1, co=co)
        for gap in np.flatnonzero(np.diff(frames) > 1):
            track.markers.insert_frame(int(frames[gap]) + 2, co=(0.0, 0.0)).mute = True
        track.markers.insert_frame(int(frames[-1]) + 2, co=(0.0, 0.0)).mute = True


def set_weights(clip: Clip, weights: np.ndarray) -> None:
    """Give the tracks of `set_markers` their weights (N,), 0 to 1."""
    for track in clip.tracking.tracks:
        track.weight = weights[int(track.name[1:])]


def track_forwards(clip: Clip) -> None:
    """Track all selected tracks from frame 1 to the end."""
    import bpy

    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, clip.frame_duration
    with clip_editor(clip) as space, quiet():
        scene.frame_current = space.clip_user.frame_current = 1
        bpy.ops.clip.track_markers(backwards=False, sequence=True)


def track_on(clip: Clip, first: int, last: int) -> None:
    """Track what is alive on the frame `first` on to the frame `last`."""
    import bpy

    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, last
    living = markers_on(clip, first)
    for track in clip.tracking.tracks:
        track.select = track.name in living
    with clip_editor(clip) as space, quiet():
        scene.frame_current = space.clip_user.frame_current = first
        bpy.ops.clip.track_markers(backwards=False, sequence=True)


def read_tracks(clip: Clip, names: list[str]) -> np.ndarray:
    """The tracks of these names, (N, F, 2) px; muted markers and those outside the clip are none."""
    width, height = clip.size
    tracks = np.full((len(names), clip.frame_duration, 2), np.nan)
    for row, name in zip(tracks, names, strict=True):
        for marker in clip.tracking.tracks[name].markers:
            if not marker.mute and 1 <= marker.frame <= clip.frame_duration:
                row[marker.frame - 1] = marker.co[0] * width - 0.5, (1.0 - marker.co[1]) * height - 0.5
    return tracks


@dataclass(frozen=True)
class Solve:
    """Blender's camera solve."""

    error: float  # average reprojection error, px; infinite when there was no solve
    frames: np.ndarray  # (n,) the frames that have a camera
    centres: np.ndarray  # (n, 3) where it stood
    message: str = ""  # why there is no solve
    seconds: float = float("nan")
    focal: float = float("nan")  # px; of the first frame
    cpu_seconds: float = float("nan")  # of all threads: what a busy machine does not add to


def solve(
    clip: Clip, focal: float | None, radial: bool = False, keyframes: tuple[int, int] | None = None, k1: float = 0.0
) -> Solve:
    """Blender's first camera solve of the clip's tracks; keyframes its own choice where none are given.

    `focal` px held; None: refined, from what Blender gives a clip. `radial`: distortion refined, too, from
    the `k1` that is given.
    """
    import bpy

    tracking = clip.tracking
    camera = tracking.camera
    camera.units = "MILLIMETERS"
    camera.distortion_model = "POLYNOMIAL"
    camera.k1, camera.k2, camera.k3 = k1, 0.0, 0.0
    if focal is not None:
        camera.sensor_width = 36.0
        camera.focal_length = focal * camera.sensor_width / clip.size[0]
    camera.principal_point = (0.0, 0.0)
    tracking.settings.use_keyframe_selection = keyframes is None
    if keyframes is not None:
        tracking.objects[0].keyframe_a, tracking.objects[0].keyframe_b = keyframes
    tracking.settings.use_tripod_solver = False
    for part in ("focal_length", "principal_point", "radial_distortion", "tangential_distortion"):
        setattr(tracking.settings, f"refine_intrinsics_{part}", False)
    tracking.settings.refine_intrinsics_focal_length = focal is None
    tracking.settings.refine_intrinsics_radial_distortion = radial
    nothing = (np.empty(0, int), np.empty((0, 3)))
    begun, cpu = time.perf_counter(), time.process_time()
    with clip_editor(clip), quiet():
        try:
            bpy.ops.clip.solve_camera()
        except RuntimeError as error:
            return Solve(float("inf"), *nothing, message=" ".join(str(error).split()))
    seconds, cpu_seconds = time.perf_counter() - begun, time.process_time() - cpu
    found = tracking.reconstruction
    if not found.is_valid:
        return Solve(float("inf"), *nothing, message="the reconstruction is not valid")
    frames = np.array([camera.frame for camera in found.cameras])
    centres = np.array([np.array(camera.matrix)[:3, 3] for camera in found.cameras])
    return Solve(
        found.average_error, frames, centres, seconds=seconds, focal=camera.focal_length_pixels, cpu_seconds=cpu_seconds
    )


def _to_blender(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Blender's normalised positions, y up, of pixels (n, 2)."""
    return np.stack([(pixels[:, 0] + 0.5) / width, 1.0 - (pixels[:, 1] + 0.5) / height], axis=1)
