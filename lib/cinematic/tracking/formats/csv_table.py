"""A table of markers as CSV, ``.csv``: UTF-8, comma separated, quoted where needed, one header row, a row per marker.

The columns are those of :mod:`.table`. Origin: normalised positions, bottom-left, y up, at the outer edges. Frames: the
plate's own numbers. Numbers are written with all their digits. The last row must end with a newline.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..coords import Axes
from . import names, table
from .base import FileTrack, Format, Header, Variant
from .text import Lines, shown

_FLAGS = {"": False, "0": False, "1": True, "false": False, "true": True}


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write a row per marker."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(table.COLUMNS)
        for track in tracks:
            rows.writerows(_rows(track))


def _rows(track: FileTrack) -> Iterator[tuple[object, ...]]:
    off, keyed = set(track.off), set(track.keyed)
    enabled = int(track.enabled)
    for frame, x, y in track.rows():
        yield (
            track.name, frame, repr(x), repr(y), track.correlations.get(frame, ""),
            int(frame in off), int(frame in keyed), enabled,
        )  # fmt: skip


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the rows."""
    tracks = table.Tracks()
    with Lines(path, ends_with_newline=True) as lines:
        rows = csv.reader((f"{line}\n" for line in lines), strict=True)
        try:
            names_of_columns = next(rows, [])
            if not set(table.NEEDED) <= set(names_of_columns):
                lines.fail(f"expected the columns {', '.join(table.NEEDED)}, got {shown(','.join(names_of_columns))}")
            place = {name: names_of_columns.index(name) for name in table.COLUMNS if name in names_of_columns}
            for row in rows:
                if len(row) != len(names_of_columns):
                    lines.fail(f"expected {len(names_of_columns)} columns, got {len(row)}")
                _add(lines, row, place, tracks)
        except csv.Error as error:
            lines.fail(f"expected CSV: {error}")
    yield from tracks


def _add(lines: Lines, row: list[str], place: dict[str, int], tracks: table.Tracks) -> None:
    track = tracks.track(row[place["track"]], lines.number)
    frame = lines.whole(row[place["frame"]])
    track.frames.append(frame)
    track.positions.append((lines.decimal(row[place["x"]]), lines.decimal(row[place["y"]])))
    if "correlation" in place and row[place["correlation"]]:
        track.correlations[frame] = lines.decimal(row[place["correlation"]])
    if _flag(lines, row, place, "muted"):
        track.off.append(frame)
    if _flag(lines, row, place, "keyed"):
        track.keyed.append(frame)
    if "enabled" in place and not _flag(lines, row, place, "enabled"):
        track.enabled = False


def _flag(lines: Lines, row: list[str], place: dict[str, int], name: str) -> bool:
    if name not in place:
        return False
    value = _FLAGS.get(row[place[name]].lower())
    if value is None:
        lines.fail(f"expected {name} as 0 or 1, got {shown(row[place[name]])}")
    return value


FORMAT = Format(
    name="csv",
    title="CSV table",
    extensions=(".csv",),
    axes=Axes("fraction", y_down=False),
    read=read,
    variants={"table": Variant(write)},
    keeps=table.KEEPS,
    sniff=lambda head: set(table.NEEDED) <= set(head.partition(b"\n")[0].decode("utf-8", "replace").strip().split(",")),
    fit_names=names.lines,
    export_suffix=".csv",
)
