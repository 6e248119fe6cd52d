"""A table of markers as Parquet, ``.parquet``; needs pyarrow (the extra ``parquet``).

The columns are those of :mod:`.table`: ``track`` text, ``frame`` int64, ``x``, ``y`` and ``correlation`` float64
(the last null where it was not measured), ``muted``, ``keyed`` and ``enabled`` bool. The file's metadata hold
``cinetrack``, JSON with ``width``, ``height``, ``fps``, ``path``, ``frame_start`` and ``frame_end``, where these are
known.

Origin: normalised positions, bottom-left, y up, at the outer edges. Frames: the plate's own numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..coords import Axes
from ..errors import FormatError, TrackingError
from . import names, table
from .base import FRAME_LIMIT, NUMBER_LIMIT, FileTrack, Format, Header, Variant

_ROWS = 1 << 17
"""Rows of a group: what is in memory at a time."""


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write groups of rows."""
    arrow, parquet = _pyarrow()
    schema = arrow.schema(
        [
            ("track", arrow.string()), ("frame", arrow.int64()), ("x", arrow.float64()), ("y", arrow.float64()),
            ("correlation", arrow.float64()), ("muted", arrow.bool_()), ("keyed", arrow.bool_()),
            ("enabled", arrow.bool_()),
        ],
        metadata={"cinetrack": json.dumps(_facts(header))},
    )  # fmt: skip
    with parquet.ParquetWriter(str(path), schema) as writer:
        group: list[Any] = []
        rows = 0
        for track in tracks:
            group.append(_batch(arrow, schema, track))
            rows += len(track.frames)
            if rows >= _ROWS:
                writer.write_table(arrow.Table.from_batches(group, schema))
                group, rows = [], 0
        writer.write_table(arrow.Table.from_batches(group, schema))


def _batch(arrow: Any, schema: Any, track: FileTrack) -> Any:
    count = len(track.frames)
    frames = np.asarray(track.frames, dtype=np.int64)
    xy = np.asarray(track.positions, dtype=np.float64).reshape(-1, 2)
    columns = [
        arrow.array([track.name] * count, arrow.string()),
        arrow.array(frames),
        arrow.array(np.ascontiguousarray(xy[:, 0])),
        arrow.array(np.ascontiguousarray(xy[:, 1])),
        arrow.array([track.correlations.get(frame) for frame in track.frames], arrow.float64()),
        arrow.array(np.isin(frames, track.off)),
        arrow.array(np.isin(frames, track.keyed)),
        arrow.array(np.full(count, track.enabled)),
    ]
    return arrow.RecordBatch.from_arrays(columns, schema=schema)


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the groups."""
    arrow, parquet = _pyarrow()
    tracks = table.Tracks()
    row = 0
    try:
        with parquet.ParquetFile(str(path)) as file:
            missing = [name for name in table.NEEDED if name not in file.schema_arrow.names]
            if missing:
                raise FormatError(f"{path}: expected the columns {', '.join(table.NEEDED)}, got no {missing[0]}")
            _take_facts(path, (file.schema_arrow.metadata or {}).get(b"cinetrack"), header)
            columns = [name for name in table.COLUMNS if name in file.schema_arrow.names]
            for batch in file.iter_batches(_ROWS, columns=columns):
                _add(path, row, batch.to_pydict(), tracks)
                row += batch.num_rows
    except FormatError:
        raise
    except (arrow.ArrowException, OSError, ValueError, OverflowError) as error:  # what pyarrow says of a broken file
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise FormatError(f"{path}: expected Parquet: {' '.join(str(error).split())[:200]}") from error
    yield from tracks


def _add(path: Path, first_row: int, columns: dict[str, list[Any]], tracks: table.Tracks) -> None:
    count = len(columns["track"])
    nothing = [None] * count
    optional = (columns.get(name, nothing) for name in ("correlation", "muted", "keyed", "enabled"))
    rows = zip(*(columns[name] for name in table.NEEDED), *optional, strict=True)
    for number, (name, frame, x, y, correlation, muted, keyed, enabled) in enumerate(rows, start=first_row + 1):
        _check(path, number, name, frame, (x, y, 0.0 if correlation is None else correlation))
        track = tracks.track(name, number)
        track.frames.append(frame)
        track.positions.append((x, y))
        if correlation is not None:
            track.correlations[frame] = correlation
        if muted:
            track.off.append(frame)
        if keyed:
            track.keyed.append(frame)
        if enabled is False:
            track.enabled = False


def _check(path: Path, row: int, name: Any, frame: Any, numbers: tuple[Any, ...]) -> None:
    if not isinstance(name, str):
        raise FormatError(f"{path}:{row}: expected a track's name as text, got {name!r}")
    if type(frame) is not int or not -FRAME_LIMIT <= frame <= FRAME_LIMIT:
        raise FormatError(f"{path}:{row}: expected a frame as a whole number within {FRAME_LIMIT}, got {frame!r}")
    for number in numbers:
        if not isinstance(number, float) or not -NUMBER_LIMIT <= number <= NUMBER_LIMIT:
            raise FormatError(f"{path}:{row}: expected a number within {NUMBER_LIMIT:g}, got {number!r}")


def _facts(header: Header) -> dict[str, Any]:
    width, height = header.size or (None, None)
    return {
        "width": width, "height": height, "fps": header.fps, "path": header.footage,
        "frame_start": header.frame_start, "frame_end": header.frame_end,
    }  # fmt: skip


def _take_facts(path: Path, text: bytes | None, header: Header) -> None:
    if text is None:
        return
    try:
        facts = json.loads(text)
        width, height = facts["width"], facts["height"]
        numbers = [facts[name] for name in ("fps", "frame_start", "frame_end")]
        if not all(number is None or isinstance(number, int | float) for number in (width, height, *numbers)):
            raise ValueError("a fact that is no number")
        header.size = None if width is None or height is None else (int(width), int(height))
        header.fps, header.frame_start, header.frame_end = numbers
        header.footage = None if facts["path"] is None else str(facts["path"])
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FormatError(f"{path}: expected what the shot is in the metadata: {error!r}") from error


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise TrackingError(
            f"Parquet needs pyarrow: install it with 'pip install cinematic-tracking[parquet]' ({error})"
        ) from error
    return pyarrow, pyarrow.parquet


FORMAT = Format(
    name="parquet",
    title="Parquet table",
    extensions=(".parquet",),
    axes=Axes("fraction", y_down=False),
    read=read,
    variants={"table": Variant(write)},
    keeps=table.KEEPS,
    sniff=lambda head: head.startswith(b"PAR1"),
    fit_names=names.texts,
    export_suffix=".parquet",
)
