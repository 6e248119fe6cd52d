"""Blender: read and write the tracks of a MovieClip, without operators.

The tracks meant are the camera's (``clip.tracking.tracks``). Track structs are looked up by name and never
kept across an operator, which may free them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from .context import footage_path, frame_numbers
from .coords import Size, pixel_offsets_from_co
from .errors import ParameterError
from .types import Area, ClipInfo, Markers, TrackData

_DISABLED = "cinetrack_disabled"
"""The clip's custom property (saved with the .blend) that remembers which markers were unmuted before a track
was disabled: JSON, ``{track: {"frames": [marker frames], "first": [x, y]}}``."""


def clip_size(clip: Any) -> Size:
    """Width and height of the footage, px."""
    width, height = clip.size
    return int(width), int(height)


def clip_info(clip: Any) -> ClipInfo:
    """What tracks.json says of the footage."""
    numbers = frame_numbers(clip)
    width, height = clip_size(clip)
    fps = float(clip.fps) if clip.fps > 0 else None  # 0 for an image sequence
    return ClipInfo(str(footage_path(clip)), width, height, fps, numbers.first, numbers.last)


def find_track(clip: Any, name: str) -> Any | None:
    """The track of that name, or None."""
    if not isinstance(name, str):
        raise ParameterError(f"expected a track's name, got {name!r}")
    return clip.tracking.tracks.get(name)


def read_markers(clip: Any, track: Any) -> Markers:
    """All markers of a track, the muted ones too."""
    count = len(track.markers)

    def column(name: str, shape: tuple[int, ...], kind: type) -> Any:
        values: Any = np.empty(count * int(np.prod(shape)), dtype=kind)
        track.markers.foreach_get(name, values)
        return values.reshape(count, *shape)

    return Markers(
        frames=column("frame", (), np.int32).astype(np.int64) + (frame_numbers(clip).first - 1),
        co=column("co", (2,), np.float32).astype(np.float64),
        corners=column("pattern_corners", (4, 2), np.float32).astype(np.float64),
        search_min=column("search_min", (2,), np.float32).astype(np.float64),
        search_max=column("search_max", (2,), np.float32).astype(np.float64),
        muted=column("mute", (), np.bool_),
        keyed=column("is_keyed", (), np.bool_),
    )


def is_enabled(track: Any) -> bool:
    """A track is disabled when every marker of it is muted: Blender has no switch for a whole track."""
    return any(not marker.mute for marker in track.markers)


def valid_markers(clip: Any, track: Any) -> Markers:
    """The markers that hold a position: the unmuted ones; of a disabled track, those that were."""
    markers = read_markers(clip, track)
    remembered = _disabled_tracks(clip).get(track.name)
    if remembered is None or not markers.muted.all():
        return markers[~markers.muted]
    clip_frames = markers.frames - (frame_numbers(clip).first - 1)
    return markers[np.isin(clip_frames, remembered["frames"])]


def disable_tracks(clip: Any, tracks: Iterable[Any]) -> int:
    """Mute every marker of the tracks and remember, in the clip, which were unmuted; the number disabled."""
    remembered = _disabled_tracks(clip)
    count = 0
    for track in tracks:
        unmuted = [marker for marker in track.markers if not marker.mute]
        if not unmuted:
            continue
        remembered[track.name] = {
            "frames": [marker.frame for marker in unmuted],
            "first": list(unmuted[0].co),
        }
        for marker in unmuted:
            marker.mute = True
        count += 1
    _remember(clip, remembered)
    return count


def enable_tracks(clip: Any, tracks: Iterable[Any]) -> int:
    """Unmute exactly the markers that :func:`disable_tracks` muted; the number of tracks enabled."""
    remembered = _disabled_tracks(clip)
    count = 0
    for track in tracks:
        entry = remembered.pop(track.name, None)
        if entry is None:
            continue
        for frame in entry["frames"]:
            marker = track.markers.find_frame(frame, exact=True)
            if marker is not None:
                marker.mute = False
        count += 1
    _remember(clip, remembered)
    return count


def forget_disabled(clip: Any, names: Iterable[str]) -> None:
    """Drop what is remembered of tracks that are about to be deleted: their names may be used again."""
    remembered = _disabled_tracks(clip)
    for name in names:
        remembered.pop(name, None)
    _remember(clip, remembered)


def track_data(clip: Any, track: Any, correlations: Mapping[int, float] | None = None) -> TrackData:
    """A track as plain data.

    Parameters
    ----------
    correlations
        ZNCC of its markers by plate frame; left out: not measured.
    """
    markers = valid_markers(clip, track)
    size = clip_size(clip)
    reference = int(np.argmax(markers.keyed)) if len(markers) else 0
    data = TrackData(
        name=track.name,
        markers={int(f): (float(x), float(y)) for f, (x, y) in zip(markers.frames, markers.co, strict=True)},
        enabled=is_enabled(track),
        color=tuple(track.color) if track.use_custom_color else None,
        motion_model=track.motion_model,
        pattern_match=track.pattern_match,
        correlation_min=track.correlation_min,
        weight=track.weight,
        locked=track.lock,
        reference_frames=[int(frame) for frame in markers.frames[markers.keyed]],
    )
    if len(markers):
        data.pattern_area = _area(markers.corners[reference], size)
        data.search_area = _area(np.stack([markers.search_min[reference], markers.search_max[reference]]), size)
    if correlations:
        data.correlations = dict(correlations)
        data.correlation = float(np.mean(list(correlations.values())))
    return data


@contextmanager
def selection_kept(clip: Any) -> Iterator[None]:
    """Put the selection of the tracks that are there now, and the active track, back afterwards."""
    tracks = clip.tracking.tracks
    parts = ("select_anchor", "select_pattern", "select_search")
    selected = {track.name: [getattr(track, part) for part in parts] for track in tracks}
    planes = {plane.name: plane.select for plane in clip.tracking.plane_tracks}
    active = tracks.active.name if tracks.active is not None else None
    try:
        yield
    finally:
        for track in tracks:
            for part, value in zip(parts, selected.get(track.name, ()), strict=False):
                setattr(track, part, value)
        for plane in clip.tracking.plane_tracks:
            plane.select = planes.get(plane.name, plane.select)
        if active is not None and tracks.get(active) is not None:
            tracks.active = tracks[active]


def select_only(clip: Any, names: Iterable[str]) -> None:
    """Select the named tracks, and nothing else."""
    wanted = set(names)
    for track in clip.tracking.tracks:
        track.select = track.name in wanted
    for plane in clip.tracking.plane_tracks:
        plane.select = False


@contextmanager
def flags_set(clip: Any, flag: str, names: Iterable[str], value: bool) -> Iterator[None]:
    """Give a boolean property (``hide``, ``lock``) of the named tracks a value meanwhile."""
    tracks = clip.tracking.tracks
    changed = [name for name in names if getattr(tracks[name], flag) != value]
    for name in changed:
        setattr(tracks[name], flag, value)
    try:
        yield
    finally:
        for name in changed:
            if tracks.get(name) is not None:
                setattr(tracks[name], flag, not value)


@contextmanager
def default_settings(clip: Any, **values: Any) -> Iterator[None]:
    """Give new tracks these settings meanwhile (``pattern_size=21`` sets ``default_pattern_size``, and so on)."""
    settings = clip.tracking.settings
    with ExitStack() as restored:
        for name, value in values.items():
            attribute = f"use_default_{name}" if isinstance(value, bool) else f"default_{name}"
            restored.callback(setattr, settings, attribute, getattr(settings, attribute))
            setattr(settings, attribute, value)
        yield


def _area(corners: Any, size: Size) -> Area:
    """Bounding box of normalised offsets as (x, y, width, height), px, y up."""
    offsets = pixel_offsets_from_co(corners, size) * (1, -1)
    low, high = offsets.min(axis=0), offsets.max(axis=0)
    return tuple(float(value) for value in (*low, *(high - low)))  # type: ignore[return-value]


def _disabled_tracks(clip: Any) -> dict[str, dict[str, Any]]:
    """What is remembered of disabled tracks, by the name they have now.

    An artist may have renamed one: it is then recognised by its first position.
    """
    remembered: dict[str, dict[str, Any]] = json.loads(clip.get(_DISABLED, "{}"))
    tracks = clip.tracking.tracks
    for name in [name for name in remembered if tracks.get(name) is None]:
        entry = remembered.pop(name)
        renamed = next((t.name for t in tracks if t.name not in remembered and _starts_at(t, entry)), None)
        if renamed is not None:
            remembered[renamed] = entry
    return remembered


def _starts_at(track: Any, entry: Mapping[str, Any]) -> bool:
    marker = track.markers.find_frame(entry["frames"][0], exact=True)
    return marker is not None and marker.mute and list(marker.co) == entry["first"]


def _remember(clip: Any, remembered: Mapping[str, Any]) -> None:
    if remembered:
        clip[_DISABLED] = json.dumps(remembered)
    elif _DISABLED in clip:
        del clip[_DISABLED]
