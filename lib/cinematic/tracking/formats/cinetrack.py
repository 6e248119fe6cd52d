"""The project's own format, ``tracks.json``: UTF-8 JSON.

::

    {"format": "cinetrack", "version": 1,
     "clip": {"path", "width", "height", "fps", "frame_start", "frame_end"},
     "tracks": [TrackData.to_dict(), ...]}

Origin: normalised positions, (0, 0) the outer corner of the bottom-left pixel, y up. Frames: the plate's own
numbers, as strings where they are keys. ``fps`` is null where the footage does not say.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from ..errors import FormatError
from ..files import write_atomically
from ..types import ClipInfo, TrackData

FORMAT = "cinetrack"
VERSION = 1


def write(path: str | PathLike[str], clip: ClipInfo, tracks: Sequence[TrackData]) -> None:
    """Write ``tracks.json``, atomically: the file is whole or not there.

    Raises
    ------
    ValueError
        A number is not finite: JSON has no word for that.
    """
    head = {"format": FORMAT, "version": VERSION, "clip": clip.to_dict()}

    def save(temporary: Path) -> None:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(f'{_json(head)[:-1]},"tracks":[')
            for number, track in enumerate(tracks):  # one by one: a long shot's text is never in memory as a whole
                file.write(f"{',' if number else ''}\n{_json(track.to_dict())}")
            file.write("\n]}\n")

    write_atomically(Path(path), save)


def read(path: str | PathLike[str]) -> tuple[ClipInfo, list[TrackData]]:
    """Read ``tracks.json``.

    Raises
    ------
    FormatError
        The file is no such JSON, of another version, or a value is not what it must be; with the reason.
    OSError
        The file cannot be read.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"expected JSON in {path}: {error}") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise FormatError(f'expected "format": "{FORMAT}" in {path}')
    if document.get("version") != VERSION:
        raise FormatError(f"expected version {VERSION} in {path}, got {document.get('version')!r}")
    tracks = document.get("tracks")
    if not isinstance(tracks, list):
        raise FormatError(f"expected a list of tracks in {path}, got {type(tracks).__name__}")
    try:
        return _clip_info(document.get("clip")), [TrackData.from_dict(track) for track in tracks]
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))


def _clip_info(data: Any) -> ClipInfo:
    kinds: dict[str, Any] = {
        "path": str, "width": int, "height": int, "fps": int | float | None, "frame_start": int, "frame_end": int,
    }  # fmt: skip
    if not isinstance(data, dict) or set(data) != set(kinds):
        raise FormatError(f"expected clip with {', '.join(kinds)}, got {data!r}")
    wrong = [name for name, kind in kinds.items() if not isinstance(data[name], kind)]
    if wrong:
        raise FormatError(f"clip: got {', '.join(f'{name} {data[name]!r}' for name in wrong)}")
    return ClipInfo(**data)
