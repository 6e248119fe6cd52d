"""The project's own format, ``tracks.json``: UTF-8 JSON.

::

    {"format": "cinetrack", "version": 1,
     "clip": {"path", "width", "height", "fps", "frame_start", "frame_end", "pixel_aspect", "corner"},
     "tracks": [TrackData.to_dict(), ...]}

Origin: normalised positions, (0, 0) the outer corner of the bottom-left pixel, y up. Frames: the plate's own
numbers, as strings where they are keys. ``fps`` is null where the footage does not say. ``pixel_aspect``, a
pixel's width over its height, may be left out where it is 1; so may ``corner``, where the images' corner lies in their
picture (an EXR's data window in its display window), where it is [0, 0].
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from ..coords import SQUARE, Axes
from ..errors import FormatError
from ..files import write_atomically
from ..types import NO_OVERSCAN, ClipInfo, TrackData
from . import names
from .base import FileTrack, Format, Header, Variant
from .losses import HELD
from .text import read_json

NAME = "cinetrack"
VERSION = 1


def write(path: str | PathLike[str], clip: ClipInfo, tracks: Sequence[TrackData]) -> None:
    """Write ``tracks.json``, atomically: the file is whole or not there.

    Raises
    ------
    ValueError
        A number is not finite: JSON has no word for that.
    """
    write_atomically(Path(path), lambda temporary: _save(temporary, clip, tracks))


def _save(path: Path, clip: ClipInfo, tracks: Iterable[TrackData]) -> None:
    head = {"format": NAME, "version": VERSION, "clip": clip.to_dict()}
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{_json(head)[:-1]},"tracks":[')
        for number, track in enumerate(tracks):  # one by one: a long shot's text is never in memory as a whole
            file.write(f"{',' if number else ''}\n{_json(track.to_dict())}")
        file.write("\n]}\n")


def read(path: str | PathLike[str]) -> tuple[ClipInfo, list[TrackData]]:
    """Read ``tracks.json``.

    Raises
    ------
    FormatError
        The file is no such JSON, of another version, or a value is not what it must be; with the reason.
    OSError
        The file cannot be read.
    """
    document = read_json(Path(path))
    if not isinstance(document, dict) or document.get("format") != NAME:
        raise FormatError(f'expected "format": "{NAME}" in {path}')
    if document.get("version") != VERSION:
        raise FormatError(f"expected version {VERSION} in {path}, got {document.get('version')!r}")
    tracks = document.get("tracks")
    if not isinstance(tracks, list):
        raise FormatError(f"expected a list of tracks in {path}, got {type(tracks).__name__}")
    try:
        return ClipInfo.from_dict(document.get("clip")), [TrackData.from_dict(track) for track in tracks]
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _write_file(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    size, (first, last) = header.known_size(), header.known_range()
    aspect, corner = header.pixel_aspect or SQUARE, header.corner or NO_OVERSCAN
    clip = ClipInfo(header.footage or "", *size, header.fps, first, last, aspect, corner)
    _save(path, clip, (track.track for track in tracks if track.track is not None))


def _read_file(path: Path, header: Header) -> Iterator[FileTrack]:
    clip, tracks = read(path)
    header.size, header.fps = (clip.width, clip.height), clip.fps
    header.footage, header.pixel_aspect, header.corner = clip.path or None, clip.pixel_aspect, clip.corner
    header.frame_start, header.frame_end = clip.frame_start, clip.frame_end
    for track in tracks:
        yield FileTrack(track.name, [], [], track=track)


FORMAT = Format(
    name=NAME,
    title="tracks.json of this package",
    extensions=(".json",),
    axes=Axes("fraction", y_down=False),
    read=_read_file,
    variants={"json": Variant(_write_file)},
    keeps=frozenset(HELD),
    sniff=lambda head: b'"format"' in head and b'"cinetrack"' in head,
    fit_names=names.texts,
    export_suffix=".tracks.json",
    needs_size=True,
    needs_range=True,
)
