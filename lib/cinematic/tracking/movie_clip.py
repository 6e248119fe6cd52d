"""Blender: read and write the tracks of a MovieClip, without operators.

The tracks meant are the camera's (``clip.tracking.tracks``). Track structs are looked up by name and never
kept across an operator, which may free them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from .checks import checked_pixel_aspect
from .clip import unique_name
from .context import check_shown, footage_path, frame_numbers
from .coords import Size, corners_of, pixel_offsets_from_co
from .errors import FootageError
from .footage import Footage, corner_of, open_footage
from .lens import LENS_MODELS, Lens
from .passes import State
from .types import AUTO, NO_OVERSCAN, Area, ClipInfo, Markers, Point, TrackData, as_float32

_DISABLED = "cinetrack_disabled"
"""The clip's custom property (saved with the .blend) that remembers which markers were unmuted before a track
was disabled: JSON, ``{track: {"frames": [marker frames], "first": [x, y]}}``."""

_BY_HAND = "cinetrack_by_hand"
"""The clip's custom property that names the tracks that were set by hand through this package: JSON, a list."""
_REFERENCES = "cinetrack_references"
"""The clip's custom property that tells how many keyed markers the tracks had that were written with several, found
again after they were lost: JSON, ``{track: count}``. Those keyed beyond that are an artist's."""
_ERRORS = "cinetrack_average_errors"
"""The clip's custom property that keeps the errors of a solve that is not Blender's: JSON, ``{track: px}``. Blender's
own ``track.average_error`` cannot be written."""


class MovieClipStore:
    """A MovieClip seen as :class:`.clip.Clip` is: footage, and tracks as plain data to read and write."""

    def __init__(self, clip: Any) -> None:
        self.clip = clip
        self.name: str = clip.name
        self.size = clip_size(clip)
        self.numbers = frame_numbers(clip)

    @property
    def info(self) -> ClipInfo:
        """What tracks.json says of the footage."""
        fps = float(self.clip.fps) if self.clip.fps > 0 else None  # 0 for an image sequence
        path, (first, last) = footage_path(self.clip), (self.numbers.first, self.numbers.last)
        corner = corner_of(path) if path.suffix.lower() == ".exr" and path.exists() else NO_OVERSCAN
        return ClipInfo(str(path), *self.size, fps, first, last, self.pixel_aspect, corner)

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel over its height, as the clip's camera has it."""
        return float(self.clip.tracking.camera.pixel_aspect)

    @pixel_aspect.setter
    def pixel_aspect(self, value: float) -> None:
        self.clip.tracking.camera.pixel_aspect = checked_pixel_aspect(value)

    @property
    def footage(self) -> Footage:
        """The footage itself, read without Blender.

        Raises
        ------
        FootageError
            It cannot be read, or is not what Blender shows.
        BackendUnavailable
            This Blender cannot show it as it is (:func:`.context.check_shown`).
        """
        footage = open_footage(footage_path(self.clip))
        check_shown(footage)
        if footage.size != self.size:
            raise FootageError(
                f"expected {self.size[0]}x{self.size[1]} as in Blender, got {footage.size}: {footage.path}"
            )
        return footage

    def read(self) -> list[TrackData]:
        """All tracks as plain data, in the clip's order."""
        remembered = _disabled_tracks(self.clip), _tracks_by_hand(self.clip), _reference_counts(self.clip)
        tracks = [track_data(self.clip, track, *remembered) for track in self.clip.tracking.tracks]
        errors = json.loads(self.clip.get(_ERRORS, "{}"))
        for track in tracks:
            if track.average_error is None:
                track.average_error = errors.get(track.name)
        return tracks

    def write(self, tracks: Iterable[TrackData]) -> None:
        """Make the clip's tracks of these names what the data say, new ones where there are none."""
        for track in tracks:
            write_track(self.clip, track)

    def add(self, tracks: Iterable[TrackData]) -> None:
        """Take new tracks in; where a name is taken it gets ``.001`` and so on."""
        taken = {track.name for track in self.clip.tracking.tracks}
        for track in tracks:
            track = replace(track, name=unique_name(track.name, taken))
            taken.add(track.name)
            write_track(self.clip, track)

    def set_errors(self, errors: Mapping[str, float]) -> None:
        """Remember the reprojection errors (px) of a camera solve; those of Blender's own solver go before them."""
        self.clip[_ERRORS] = json.dumps(dict(errors))

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Give the named tracks the weights, 0 to 1, that they have in a camera solve."""
        for name, weight in weights.items():
            self.clip.tracking.tracks[name].weight = weight

    def disable(self, names: Iterable[str]) -> int:
        """Mute the named tracks' markers; the number of tracks that were enabled."""
        return disable_tracks(self.clip, [self.clip.tracking.tracks[name] for name in names])

    def enable(self, names: Iterable[str]) -> int:
        """Take :meth:`disable` back; the number of tracks that were disabled."""
        return enable_tracks(self.clip, [self.clip.tracking.tracks[name] for name in names])


def clip_size(clip: Any) -> Size:
    """Width and height of the footage, px."""
    width, height = clip.size
    return int(width), int(height)


def lens_of(clip: Any) -> Lens:
    """The lens that a MovieClip's camera has."""
    camera = clip.tracking.camera
    model = camera.distortion_model
    return Lens(
        model,
        clip_size(clip),
        camera.focal_length_pixels,
        (camera.principal_point_pixels[0], camera.principal_point_pixels[1]),
        tuple(getattr(camera, name) for name in lens_terms(model)),
        tuple(getattr(camera, name) for name in lens_terms(model, "p")),
        camera.pixel_aspect,
    )


def lens_terms(model: str, of: str = "k") -> list[str]:
    """What Blender's camera calls a lens model's radial terms; those ``of`` "p" are the tangential ones."""
    radial, tangential = LENS_MODELS[model]
    prefix = "" if model == "POLYNOMIAL" else f"{model.lower()}_"
    return [f"{prefix}{of}{number}" for number in range(1, (radial if of == "k" else tangential) + 1)]


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


def read_states(clip: Any) -> list[State]:
    """Locked and enabled, track by track."""
    return [State(track.lock, is_enabled(track)) for track in clip.tracking.tracks]


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


def end_track(track: Any, frame: int, beyond: Iterable[int]) -> None:
    """Mute a track's marker and take away those ``beyond`` it that nobody set by hand; frames as Blender counts them.

    It is then what Blender makes of a track that it lost there.
    """
    track.markers.find_frame(frame, exact=True).mute = True
    for other in beyond:
        marker = track.markers.find_frame(other, exact=True)
        if marker is not None and (marker.mute or not marker.is_keyed):
            track.markers.delete_frame(other)


def forget_tracks(clip: Any, names: Iterable[str]) -> None:
    """Drop what is remembered of tracks that are about to be deleted: their names may be used again."""
    gone = set(names)
    _remember(clip, {name: entry for name, entry in _disabled_tracks(clip).items() if name not in gone})
    if _BY_HAND in clip:
        clip[_BY_HAND] = json.dumps(sorted(_tracks_by_hand(clip) - gone))
    _remember_references(clip, {name: n for name, n in _reference_counts(clip).items() if name not in gone})
    if _ERRORS in clip:
        errors = json.loads(clip[_ERRORS])
        clip[_ERRORS] = json.dumps({name: error for name, error in errors.items() if name not in gone})


def mark_by_hand(clip: Any, name: str) -> None:
    """Remember that a track was set by hand."""
    clip[_BY_HAND] = json.dumps(sorted({*_tracks_by_hand(clip), name}))


def _tracks_by_hand(clip: Any) -> set[str]:
    return set(json.loads(clip.get(_BY_HAND, "[]")))


def _reference_counts(clip: Any) -> dict[str, int]:
    counts: dict[str, int] = json.loads(clip.get(_REFERENCES, "{}"))
    return counts


def _remember_references(clip: Any, counts: Mapping[str, int]) -> None:
    if counts or _REFERENCES in clip:
        clip[_REFERENCES] = json.dumps(dict(counts))


def track_data(
    clip: Any, track: Any, remembered: Mapping[str, Any], by_hand: Collection[str], references: Mapping[str, int]
) -> TrackData:
    """A track as plain data, with nothing left out that :func:`write_track` could write.

    Of a disabled track the markers that were unmuted count as valid: ``remembered`` is what the clip knows of those.
    By hand are the tracks named so, and those corrected by hand: an engine keys one marker of a track, or as many as
    ``references`` says.
    """
    markers = read_markers(clip, track)
    valid = markers[~markers.muted]
    if not len(valid) and track.name in remembered:
        clip_frames = markers.frames - (frame_numbers(clip).first - 1)
        valid = markers[np.isin(clip_frames, remembered[track.name]["frames"])]
    size = clip_size(clip)
    data = TrackData(
        name=track.name,
        markers=_points(valid),
        enabled=is_enabled(track),
        color=tuple(as_float32(track.color)) if track.use_custom_color else None,
        motion_model=track.motion_model,
        pattern_match=track.pattern_match,
        correlation_min=as_float32(track.correlation_min),
        weight=as_float32(track.weight),
        locked=track.lock,
        hidden=track.hide,
        by_hand=track.name in by_hand or int(valid.keyed.sum()) > references.get(track.name, 1),
        reference_frames=valid.frames[valid.keyed].tolist(),
        average_error=float(track.average_error) if track.has_bundle else None,
        corners=dict(zip(valid.frames.tolist(), map(tuple, as_float32(valid.corners.reshape(-1, 8))), strict=True)),
        muted=_points(markers[~np.isin(markers.frames, valid.frames)]),
    )
    if len(valid):
        reference = int(np.argmax(valid.keyed))
        data.pattern_area = area_of(valid.corners[reference], size)
        data.search_area = area_of(np.stack([valid.search_min[reference], valid.search_max[reference]]), size)
    return data


def write_track(clip: Any, data: TrackData) -> Any:
    """Make the clip's track of that name what ``data`` says, a new one if there is none; the track.

    Frames outside the clip are no error: Blender keeps such markers, too.
    """
    tracks = clip.tracking.tracks
    first = frame_numbers(clip).first - 1
    positions = {**data.markers, **data.muted}
    frames = sorted(positions)
    track = tracks.get(data.name)
    if track is None:
        track = tracks.new(name=data.name, frame=frames[0] - first if frames else 1)
    known = {marker.frame for marker in track.markers}
    for frame in frames:
        if frame - first not in known:
            track.markers.insert_frame(frame - first)
    for frame in known - {frame - first for frame in frames}:
        if len(track.markers) > 1:
            track.markers.delete_frame(frame)
    _write_markers(track, data, frames, clip_size(clip))
    track.motion_model = data.motion_model if data.motion_model != AUTO else "Affine"
    track.pattern_match = data.pattern_match if data.pattern_match != AUTO else "KEYFRAME"
    track.correlation_min, track.weight = data.correlation_min, data.weight
    track.use_custom_color = data.color is not None
    if data.color is not None:
        track.color = data.color
    track.lock, track.hide = data.locked, data.hidden
    if data.by_hand:
        mark_by_hand(clip, track.name)
    counts = _reference_counts(clip)
    several = len(data.reference_frames) > 1 and not data.by_hand
    if several or track.name in counts:
        _remember_references(clip, counts | {track.name: max(1, len(data.reference_frames))})
    if not data.enabled:
        disable_tracks(clip, [track])
    return track


def _write_markers(track: Any, data: TrackData, frames: Sequence[int], size: Size) -> None:
    """Fill the markers, which exist and are in the order of ``frames``, with the data's."""
    if not frames:
        track.markers[0].mute = True  # Blender has no track without a marker
        return
    upright = corners_of(data.pattern_area, size)
    corners = [data.corners.get(frame, upright) for frame in frames]
    low, high = np.reshape(corners_of(data.search_area, size), (4, 2))[[0, 2]]
    positions = {**data.markers, **data.muted}
    columns = {
        "co": np.array([positions[frame] for frame in frames]),
        "pattern_corners": np.array(corners),
        "search_min": np.tile(low, len(frames)),
        "search_max": np.tile(high, len(frames)),
    }
    for name, values in columns.items():
        track.markers.foreach_set(name, values.astype(np.float32).ravel())
    references = set(data.reference_frames)
    track.markers.foreach_set("is_keyed", np.array([frame in references for frame in frames]))
    track.markers.foreach_set("mute", np.array([frame in data.muted for frame in frames]))


def _points(markers: Markers) -> dict[int, Point]:
    return {frame: (x, y) for frame, (x, y) in zip(markers.frames.tolist(), as_float32(markers.co), strict=True)}


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


def area_of(corners: Any, size: Size) -> Area:
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
