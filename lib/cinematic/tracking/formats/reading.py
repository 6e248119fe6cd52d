"""Reading any format: a file's own numbers become normalised positions and the plate's frames."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from operator import gt
from os import PathLike
from pathlib import Path

import numpy as np

from ..coords import Axes, Size, co_on_axes
from ..errors import FormatError, ParameterError
from ..types import TrackData
from . import names
from .arguments import BEGINS_AT_ONE, check_frames, checked_corner, checked_size, shifted
from .base import FileTrack, Format, Header
from .losses import renamed
from .registry import axes_of, find_format, guess_format


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
    pixel_aspect: float | None = None  # width of a pixel over its height; None: the file does not say
    corner: tuple[int, int] | None = None  # of the images in their picture (types.ClipInfo); None: nobody says

    def __iter__(self) -> Iterator[TrackData]:
        return iter(self.tracks)

    def __len__(self) -> int:
        return len(self.tracks)


def read(
    path: str | PathLike[str],
    format: str | None = None,
    *,
    size: Size | None = None,
    frame_start: int | None = None,
    frame_offset: int = 0,
    half_pixel: str | None = None,
    corner: tuple[int, int] | None = None,
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
    corner : (x, y), optional
        Where the images' corner lies in their picture (:attr:`.types.ClipInfo.corner`), for formats that count from the
        picture's (Nuke's); where neither the file nor the caller says: (0, 0), images without overscan.

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
    check_frames(frame_start=frame_start, frame_offset=frame_offset)
    axes, corner = axes_of(form, half_pixel), checked_corner(corner)
    header = Header(corner=corner)
    tracks = []
    for track in form.read(path, header):
        agreed = _agreed_size(path, size, header)
        begin = frame_start if frame_start is not None else header.frame_start
        tracks.append(shifted(_from_file(path, form, track, header, axes, agreed, begin), frame_offset))
    for track_data, name in zip(tracks, _unique_names(tracks, header), strict=True):
        track_data.name = name
    if tracks and form.first_frame is not None and frame_start is None and header.frame_start is None:
        header.notes.append(BEGINS_AT_ONE)
    same_start = frame_start in (None, header.frame_start)
    return Shot(
        tracks, form.name, _agreed_size(path, size, header), header.fps, header.footage,
        header.frame_start if same_start else frame_start, header.frame_end if same_start else None, header.notes,
        header.pixel_aspect, header.corner,
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
    xy = np.asarray(track.positions, dtype=np.float64).reshape(-1, 2)
    co = co_on_axes(xy - header.origin(form), size, axes)
    frames = [frame + shift for frame in track.frames]
    positions = dict(zip(frames, map(tuple, co.tolist()), strict=True))
    if len(positions) < len(frames):
        ((twice, _),) = Counter(track.frames).most_common(1)
        raise FormatError(f"{where}: expected each frame once, got frame {twice} twice")
    if any(map(gt, frames, islice(frames, 1, None))):
        positions = dict(sorted(positions.items()))
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


def _agreed_size(path: Path, size: Size | None, header: Header) -> Size | None:
    if size is not None and header.size is not None and size != header.size:
        said, given = ("x".join(map(str, each)) for each in (header.size, size))
        raise ParameterError(f"expected the size {said} that {path} says, got {given}")
    return header.size or size
