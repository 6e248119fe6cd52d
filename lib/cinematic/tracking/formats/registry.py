"""All formats by name; reading and writing any of them.

A module reads and writes its own numbers; here they become normalised positions and the plate's frames, and back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import check_choice, checked_length, checked_number
from ..coords import HALF_PIXELS, Axes, Size, co_on_axes, positions_on_axes
from ..errors import FormatError, ParameterError
from ..files import write_atomically, write_folder_atomically
from ..types import ClipInfo, TrackData
from . import (
    after_effects,
    boujou,
    cinetrack,
    colmap,
    csv_table,
    matchmover,
    mayalive,
    mmsolver,
    names,
    nuke,
    parquet,
    pftrack,
    shake,
    syntheyes,
    tapvid,
    tde4,
)
from .base import FRAME_LIMIT, NUMBER_LIMIT, FileTrack, Format, Header, Variant
from .losses import Loss, kept, losses, renamed

FORMATS: dict[str, Format] = {
    module.FORMAT.name: module.FORMAT
    for module in (
        nuke, shake, tde4, syntheyes, pftrack, boujou, matchmover, mayalive, mmsolver, after_effects, colmap, tapvid,
        csv_table, parquet, cinetrack,
    )
}  # fmt: skip
"""Every format by its name."""

_HEAD = 4096
"""Bytes of a file that are looked at to guess its format."""


_BEGINS_AT_ONE = "the plate is taken to begin at frame 1 (--frame-start)"


@dataclass(frozen=True)
class Shot:
    """Tracks that were read, and what the file says besides. Iterating gives the tracks."""

    tracks: list[TrackData]
    format: str  # the name of its format
    size: Size | None = None  # px; None: neither the file nor the caller says, and the format needs none
    fps: float | None = None
    footage: str | None = None  # its path
    frame_start: int | None = None  # the plate's first frame; None: neither the file nor the caller says
    frame_end: int | None = None
    notes: list[str] = field(default_factory=list)  # what an artist should know of the file

    def __iter__(self) -> Iterator[TrackData]:
        return iter(self.tracks)

    def __len__(self) -> int:
        return len(self.tracks)


def find_format(name: str) -> tuple[Format, str | None]:
    """The format and the layout that ``name`` (``"pftrack"``, ``"pftrack:v5"``) means; None: the default layout.

    Raises
    ------
    ParameterError
        There is no such format or layout; the message lists those there are.
    """
    base, colon, layout = name.partition(":") if isinstance(name, str) else (name, "", "")
    form = FORMATS[check_choice("the format", base, FORMATS)]
    if not colon:
        return form, None
    return form, check_choice(f"the layout of {base}", layout, form.variants)


def formats_for_name(path: Path) -> list[str]:
    """The formats that write files whose names end like this one's."""
    return [name for name, form in FORMATS.items() if path.suffix.lower() in form.extensions]


def guess_format(path: Path) -> str:
    """The format of a file that is there, by its name, else by how it begins.

    Raises
    ------
    ParameterError
        Neither makes it certain; the message lists the candidates.
    OSError
        The file cannot be read.
    """
    if path.is_dir():
        if (path / "images.txt").is_file():
            return "colmap"
        raise ParameterError(f"expected a file or a COLMAP text model, got the folder {path}")
    by_name = formats_for_name(path)
    if len(by_name) == 1:
        return by_name[0]
    with path.open("rb") as file:
        head = file.read(_HEAD)
    by_content = [name for name, form in FORMATS.items() if form.sniff(head)]
    if len(by_content) == 1:
        return by_content[0]
    raise _uncertain(path, by_content or by_name)


def _uncertain(path: Path, candidates: Sequence[str]) -> ParameterError:
    return ParameterError(f"cannot tell the format of {path}: expected one of {', '.join(candidates or FORMATS)}")


def format_to_write(path: Path, name: str | None) -> tuple[Format, Variant]:
    """The format and the layout that a path and a name mean together.

    Raises
    ------
    ParameterError
        There is no such format, or none is named and the path's ending does not say.
    """
    if name is None:
        candidates = formats_for_name(path)
        if len(candidates) != 1:
            raise _uncertain(path, candidates)
        name = candidates[0]
    form, layout = find_format(name)
    if layout is None:
        suffix = path.suffix.lower()
        layout = next((key for key, variant in form.variants.items() if suffix in variant.extensions), None)
        layout = layout or next(iter(form.variants))
    return form, form.variants[layout]


def read(
    path: str | PathLike[str],
    format: str | None = None,
    *,
    size: Size | None = None,
    frame_start: int | None = None,
    frame_offset: int = 0,
    half_pixel: str | None = None,
) -> Shot:
    """Read tracks of any format.

    Parameters
    ----------
    format
        Its name; None: told from the file, when its name or content makes it certain.
    size : (width, height), optional
        Of the footage, px. Needed where the format measures in pixels and the file does not say.
    frame_start
        The plate's first frame, for formats that count frames from the shot's begin; where neither the file nor the
        caller says: 1, as of a movie.
    frame_offset
        Added to every frame.
    half_pixel : {"edge", "centre"}, optional
        Where the file's positions have their zero, for formats about which tools disagree.

    Raises
    ------
    FormatError
        The file does not follow its format; with the line and the reason. Nothing of it is returned.
    ParameterError
        The format is not certain, the size is missing or contradicts the file, an argument cannot be meant.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    form = find_format(format if format is not None else guess_format(path))[0]
    size = checked_size(size)
    _check_frames(frame_start=frame_start, frame_offset=frame_offset)
    axes = _axes(form, half_pixel)
    header = Header()
    tracks = []
    for track in form.read(path, header):
        agreed = _agreed_size(path, size, header)
        begin = frame_start if frame_start is not None else header.frame_start
        tracks.append(shifted(_from_file(path, form, track, header, axes, agreed, begin), frame_offset))
    for track_data, name in zip(tracks, _unique_names(tracks, header), strict=True):
        track_data.name = name
    if tracks and form.first_frame is not None and frame_start is None and header.frame_start is None:
        header.notes.append(_BEGINS_AT_ONE)
    same_start = frame_start in (None, header.frame_start)
    return Shot(
        tracks, form.name, _agreed_size(path, size, header), header.fps, header.footage,
        header.frame_start if same_start else frame_start, header.frame_end if same_start else None, header.notes,
    )  # fmt: skip


def _from_file(
    path: Path, form: Format, track: FileTrack, header: Header, axes: Axes, size: Size | None, start: int | None
) -> TrackData:
    if track.track is not None:
        return track.track
    if header.axes is not None:
        axes = header.axes
    if axes.needs_size and size is None:
        raise ParameterError(f"{form.title} measures in pixels: give the footage's size (--size WxH) to read {path}")
    where = f"{path}:{track.line}" if track.line is not None else f"{path}: track {track.name!r}"
    first = header.first_frame if header.first_frame is not None else form.first_frame
    shift = 0 if first is None else (1 if start is None else start) - first
    co = co_on_axes(np.asarray(track.positions, dtype=np.float64).reshape(-1, 2), size, axes)
    frames = [frame + shift for frame in track.frames]
    positions = dict(zip(frames, map(tuple, co.tolist()), strict=True))
    if len(positions) < len(frames):
        twice = next(frame for number, frame in enumerate(track.frames) if frame in track.frames[:number])
        raise FormatError(f"{where}: expected each frame once, got frame {twice} twice")
    off = {frame + shift for frame in track.off}
    correlations = {frame + shift: value for frame, value in track.correlations.items()}
    data = TrackData(
        name=track.name,
        markers={frame: position for frame, position in positions.items() if frame not in off} if off else positions,
        muted={frame: positions[frame] for frame in off},
        enabled=track.enabled,
        color=track.color,
        correlations=correlations,
        correlation=float(np.mean(list(correlations.values()))) if correlations else None,
        reference_frames=[frame + shift for frame in track.keyed],
    )
    if track.weight is not None:
        data.weight = track.weight
    data.pattern_area = track.pattern_area or data.pattern_area
    data.search_area = track.search_area or data.search_area
    return data


def _unique_names(tracks: Sequence[TrackData], header: Header) -> list[str]:
    given = [track.name for track in tracks]
    result = names.texts(given)
    header.notes.extend(str(loss) for loss in renamed(given, result))
    return result


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
        What the footage is. ``size``, ``fps`` and ``frame_start`` (the plate's first frame) go before it, and it goes
        before what was read with the tracks.
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
    _check_frames(frame_start=frame_start, frame_offset=frame_offset)
    header = _header_of(tracks, clip, checked_size(size), checked_fps(fps), frame_start)
    axes = _axes(form, half_pixel)
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
    """Refuse to replace what is there."""
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
        xy = positions_on_axes(co, self._header.size, self._axes)
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
            track=_named(track, name),
        )


def _named(track: TrackData, name: str) -> TrackData:
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


def shifted(track: TrackData, frames: int) -> TrackData:
    """The track on other frames: itself where ``frames`` is 0."""
    if not frames:
        return track
    columns = ("markers", "muted", "correlations", "corners", "forward_backward", "covariances", "lost")
    moved: dict[str, Any] = {
        name: {frame + frames: entry for frame, entry in getattr(track, name).items()} for name in columns
    }
    return replace(track, reference_frames=[frame + frames for frame in track.reference_frames], **moved)


def _header_of(
    tracks: Shot | Iterable[TrackData], clip: ClipInfo | None, size: Size | None, fps: float | None, start: int | None
) -> Header:
    """What is known of the shot: what the caller says, else the clip, else what was read with the tracks."""
    header = Header()
    if isinstance(tracks, Shot):
        header = Header(tracks.size, tracks.fps, tracks.footage, tracks.frame_start, tracks.frame_end)
    if clip is not None:
        header = Header((clip.width, clip.height), clip.fps, clip.path, clip.frame_start, clip.frame_end)
    header.size = size or header.size
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
        notes.append(_BEGINS_AT_ONE)
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


def _axes(form: Format, half_pixel: str | None) -> Axes:
    if half_pixel is None:
        return form.axes
    check_choice("half_pixel", half_pixel, HALF_PIXELS)
    if not form.has_half_pixel_switch:
        switched = ", ".join(name for name, other in FORMATS.items() if other.has_half_pixel_switch)
        raise ParameterError(f"{form.title} is clear about half pixels: the switch is for {switched}")
    return replace(form.axes, half_pixel=half_pixel)


def _agreed_size(path: Path, size: Size | None, header: Header) -> Size | None:
    if size is not None and header.size is not None and size != header.size:
        said, given = ("x".join(map(str, each)) for each in (header.size, size))
        raise ParameterError(f"expected the size {said} that {path} says, got {given}")
    return header.size or size


def checked_size(size: Any) -> Size | None:
    """``size`` when it is None or two whole numbers above 0.

    Raises
    ------
    ParameterError
        It is neither.
    """
    if size is None:
        return None
    try:
        width, height = size
    except (TypeError, ValueError):
        raise ParameterError(f"expected size as (width, height), got {size!r}") from None
    return checked_length("width", width, least=1), checked_length("height", height, least=1)


def checked_fps(fps: float | None) -> float | None:
    """``fps`` when it is None or a number above 0."""
    return None if fps is None else checked_number("fps", fps, 0, 1e6, above=True)


def _check_frames(**frames: Any) -> None:
    for name, frame in frames.items():
        whole = isinstance(frame, int | np.integer) and not isinstance(frame, bool)
        if frame is not None and (not whole or abs(frame) > FRAME_LIMIT):
            raise ParameterError(f"expected {name} as a whole number within {FRAME_LIMIT}, got {frame!r}")
