"""Writing any format: normalised positions and the plate's frames become what the file counts."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..coords import Axes, Size, positions_on_axes
from ..errors import ParameterError
from ..files import write_atomically, write_folder_atomically
from ..types import ClipInfo, TrackData
from .arguments import BEGINS_AT_ONE, check_frames, checked_corner, checked_fps, checked_size, shifted
from .base import FRAME_LIMIT, NUMBER_LIMIT, FileTrack, Format, Header, Variant
from .losses import Loss, kept, losses, renamed
from .reading import Shot
from .registry import axes_of, format_to_write


@dataclass(frozen=True)
class Written:
    """What was written, and what of it is not in the file."""

    path: Path
    format: str  # the format's name
    tracks: int  # how many are in the file
    losses: list[Loss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what was taken for granted


def write(
    tracks: Shot | Iterable[TrackData],
    path: str | PathLike[str],
    format: str | None = None,
    *,
    clip: ClipInfo | None = None,
    size: Size | None = None,
    fps: float | None = None,
    frame_start: int | None = None,
    frame_offset: int = 0,
    half_pixel: str | None = None,
    corner: tuple[int, int] | None = None,
    overwrite: bool = False,
) -> Written:
    """Write tracks in any format: the file is whole or not there.

    Parameters
    ----------
    tracks
        What :func:`read` returned, or any tracks.
    format
        Its name, with a layout where there are several (``"pftrack:v5"``); None: told from the path's ending, when
        that makes it certain.
    clip
        What the footage is. ``size``, ``fps``, ``frame_start`` (the plate's first frame) and ``corner`` (of images with
        overscan: :attr:`.types.ClipInfo.corner`) go before it, and it goes before what was read with the tracks.
    frame_offset
        Added to every frame.
    half_pixel : {"edge", "centre"}, optional
        Where the file's positions have their zero, for formats about which tools disagree.
    overwrite
        Replace what is there.

    Raises
    ------
    ParameterError
        The format is not certain; a size or a rate is missing; a position is not finite; something is there already
        and ``overwrite`` is False; an argument cannot be meant.
    OSError
        The file cannot be written.
    """
    path = Path(path)
    form, variant = format_to_write(path, format)
    check_frames(frame_start=frame_start, frame_offset=frame_offset)
    header = _header_of(tracks, clip, checked_size(size), checked_fps(fps), frame_start, checked_corner(corner))
    axes = axes_of(form, half_pixel)
    check_writable(form, header.size, header.fps, axes)
    check_absent(path, overwrite)
    given = [shifted(track, frame_offset) for track in tracks]
    found = losses(given, form.keeps)
    given = kept(given, form.keeps)
    notes = _complete_range(form, variant, header, given)
    if form.dense:
        given, outside = _within(given, header)
        found += outside
    fitted = form.fit_names([track.name for track in given])
    found += renamed([track.name for track in given], fitted)
    outgoing = _Outgoing(given, fitted, form, variant, header, axes)
    if variant.writes_folder:
        write_folder_atomically(path, lambda temporary: variant.write(temporary, outgoing, header))
    else:
        write_atomically(path, lambda temporary: variant.write(temporary, outgoing, header))
    return Written(path, form.name, len(given), found, notes)


def check_writable(form: Format, size: Size | None, fps: float | None, axes: Axes | None = None) -> None:
    """Refuse, before any work is done, to write what needs a size or a rate without one."""
    if size is None and ((axes or form.axes).needs_size or form.needs_size):
        raise ParameterError(f"{form.title} needs the footage's size: give --size WxH")
    if fps is None and form.needs_fps:
        raise ParameterError(f"{form.title} needs the footage's frame rate: give --fps")


def check_absent(path: Path, overwrite: bool) -> None:
    """Refuse to replace what is there, and to write where there is no folder."""
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    if path.exists() and not overwrite:
        raise ParameterError(f"{path} exists already: give --overwrite to replace it")


class _Outgoing(Sequence[FileTrack]):
    """Tracks as the file will have them, each made when it is asked for."""

    def __init__(
        self, tracks: list[TrackData], fitted: list[str], form: Format, variant: Variant, header: Header, axes: Axes
    ) -> None:
        self._tracks = tracks
        self._names = fitted
        self._form = form
        self._header = header
        self._axes = axes
        first, start = variant.first_frame, header.frame_start
        self._shift = 0 if first is None else first - (1 if start is None else start)

    def __len__(self) -> int:
        return len(self._tracks)

    def __getitem__(self, number: Any) -> Any:
        return self._made(self._tracks[number], self._names[number])

    def _made(self, track: TrackData, name: str) -> FileTrack:
        keeps = self._form.keeps
        positions = {**track.markers, **track.muted} if "muted" in keeps else track.markers
        frames = sorted(positions)
        co = np.array([positions[frame] for frame in frames], dtype=np.float64).reshape(-1, 2)
        xy = positions_on_axes(co, self._header.size, self._axes) + self._header.origin(self._form)
        _check_markers(track.name, frames, xy)
        shift = self._shift
        references = set(track.reference_frames) & positions.keys()
        return FileTrack(
            name=name,
            frames=[frame + shift for frame in frames] if shift else frames,
            positions=xy,
            enabled=track.enabled,
            off=[frame + shift for frame in track.muted] if "muted" in keeps else [],
            correlations={frame + shift: value for frame, value in track.correlations.items() if frame in positions},
            keyed=[frame + shift for frame in sorted(references)],
            color=track.color,
            weight=track.weight,
            pattern_area=track.pattern_area,
            search_area=track.search_area,
            track=named(track, name),
        )


def named(track: TrackData, name: str) -> TrackData:
    """The track under another name: itself where it has that name already."""
    if track.name == name:
        return track
    other = copy(track)
    other.name = name
    return other


def _check_markers(name: str, frames: list[int], xy: Any) -> None:
    wrong = ~(np.abs(xy) <= NUMBER_LIMIT).all(axis=1)
    if wrong.any():
        at = int(np.argmax(wrong))
        raise ParameterError(
            f"expected positions within {NUMBER_LIMIT:g}, got {xy[at].tolist()} on frame {frames[at]} of {name!r}"
        )
    if frames and max(-frames[0], frames[-1]) > FRAME_LIMIT:
        raise ParameterError(f"expected frames within {FRAME_LIMIT}, got {frames[0]} to {frames[-1]} in {name!r}")


def _header_of(
    tracks: Shot | Iterable[TrackData],
    clip: ClipInfo | None,
    size: Size | None,
    fps: float | None,
    start: int | None,
    corner: tuple[int, int] | None,
) -> Header:
    """What is known of the shot: what the caller says, else the clip, else what was read with the tracks."""
    header = Header()
    if isinstance(tracks, Shot):
        header = Header(tracks.size, tracks.fps, tracks.footage, tracks.frame_start, tracks.frame_end)
        header.pixel_aspect, header.corner = tracks.pixel_aspect, tracks.corner
    if clip is not None:
        header = Header((clip.width, clip.height), clip.fps, clip.path, clip.frame_start, clip.frame_end)
        header.pixel_aspect, header.corner = clip.pixel_aspect, clip.corner
    header.size = size or header.size
    header.corner = corner or header.corner
    header.fps = fps if fps is not None else header.fps
    if start is not None and start != header.frame_start:
        header.frame_start, header.frame_end = start, None
    return header


def _complete_range(form: Format, variant: Variant, header: Header, tracks: Sequence[TrackData]) -> list[str]:
    """Fill in the plate's frames where the format needs them; what was taken for granted, in words."""
    notes = []
    if form.needs_range:
        frames = [frame for track in tracks for frame in (*track.markers, *track.muted)]
        first, last = (min(frames), max(frames)) if frames else (1, 1)
        if header.frame_start is None or header.frame_end is None:
            header.frame_start = header.frame_start if header.frame_start is not None else first
            header.frame_end = max(header.frame_start, last)
            notes.append(f"the plate is taken to have frames {header.frame_start}-{header.frame_end}")
    elif variant.first_frame is not None and header.frame_start is None:
        notes.append(BEGINS_AT_ONE)
    return notes


def _within(tracks: Sequence[TrackData], header: Header) -> tuple[list[TrackData], list[Loss]]:
    """The tracks with their markers on the plate, and the loss of the others."""
    first, last = header.known_range()
    plate = range(first, last + 1)
    result = []
    for track in tracks:
        if all(frame in plate for frame in (*track.markers, *track.muted)):
            result.append(track)
            continue
        other = copy(track)
        other.markers = {frame: position for frame, position in track.markers.items() if frame in plate}
        other.muted = {frame: position for frame, position in track.muted.items() if frame in plate}
        result.append(other)
    changed = sum(before is not after for before, after in zip(tracks, result, strict=True))
    return result, [Loss("markers outside the plate", changed)] if changed else []
