"""mmSolver's marker files, ``.uv``: JSON (versions 2 to 5 are read, 3 is written), and the text of version 1.

::

    {"version": 3, "num_points": N, "is_undistorted": null,
     "points": [{"name", "id", "set_name",
                 "per_frame": [{"frame", "pos": [u, v], "pos_dist": [u, v], "weight"}, ...],
                 "3d": {"x", "y", "z", "x_lock", "y_lock", "z_lock"}}, ...]}

``pos_dist`` is the position on the plate, ``pos`` the one without the lens's distortion; here both are the same.
Version 4 adds ``camera`` with ``resolution``. Variant ``v1``, text::

    NPOINTS
    NAME                                a line
    NFRAMES
    FRAME U V WEIGHT                    NFRAMES times

Origin: bottom-left, y up; 0 to 1 at the outer edges. Frames: the plate's own numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from ..coords import Axes
from ..errors import FormatError
from . import names
from .base import FRAME_LIMIT, NUMBER_LIMIT, FileTrack, Format, Header, Variant
from .text import Lines, looks_like_counted_points, read_json, shown

_VERSIONS = (2, 3, 4, 5)
_NOWHERE = dict.fromkeys(("x", "y", "z", "x_lock", "y_lock", "z_lock"))


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write JSON of version 3, track by track."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'{{"version": 3, "num_points": {len(tracks)}, "is_undistorted": null, "points": [')
        for number, track in enumerate(tracks):
            name = json.dumps(track.name, ensure_ascii=False)
            file.write(f'{"," if number else ""}\n{{"name": {name}, "id": {number}, "set_name": null, "per_frame": [')
            weight = 1.0 if track.weight is None else track.weight
            rows = (
                f'{{"frame": {frame}, "pos": [{u!r}, {v!r}], "pos_dist": [{u!r}, {v!r}], "weight": {weight!r}}}'
                for frame, u, v in track.rows()
            )
            file.write(", ".join(rows) + f'], "3d": {json.dumps(_NOWHERE)}}}')
        file.write("\n]}\n")


def write_v1(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write the text of version 1."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(tracks)}\n")
        for track in tracks:
            weight = 1.0 if track.weight is None else track.weight
            file.write(f"{track.name}\n{len(track.frames)}\n")
            file.writelines(f"{frame} {u:.15f} {v:.15f} {weight:.6f}\n" for frame, u, v in track.rows())


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read any version."""
    with path.open("rb") as file:
        is_json = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")
    return _read_json(path, header) if is_json else _read_v1(path)


def _read_v1(path: Path) -> Iterator[FileTrack]:
    with Lines(path, ends_with_newline=True) as lines:
        points = lines.count(lines.take("the number of points"), "points")
        for _ in range(points):
            track = FileTrack(lines.take("a point's name").strip(), [], [], lines.number)
            weights = []
            for _ in range(lines.count(lines.take("the number of frames"), "frames")):
                frame, u, v, weight = lines.fields(lines.take("frame, u, v and weight"), 4, 4, "frame, u, v, weight")
                track.frames.append(lines.whole(frame))
                track.positions.append((lines.decimal(u), lines.decimal(v)))
                weights.append(lines.decimal(weight))
            track.weight = float(np.mean(weights)) if weights else None
            yield track
        for line in lines.filled():
            lines.fail(f"expected {points} points and nothing behind them, got {shown(line)}")


class _Document:
    """The parts of a JSON document, each checked when it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.where = ""  # which part an error is about
        self.data = self.mapping(read_json(path), "a JSON object")

    def fail(self, reason: str) -> NoReturn:
        """Raise a FormatError; JSON that was read no longer knows its lines."""
        raise FormatError(f"{self.path}: {self.where}{reason}")

    def mapping(self, value: Any, what: str) -> dict[str, Any]:
        """``value``, an object."""
        if not isinstance(value, dict):
            self.fail(f"expected {what}, got {shown(repr(value))}")
        return value

    def list(self, value: Any, what: str) -> list[Any]:
        """``value``, a list."""
        if not isinstance(value, list):
            self.fail(f"expected {what} as a list, got {shown(repr(value))}")
        return value

    def decimal(self, value: Any) -> float:
        """``value``, a number that is neither NaN nor huge."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not abs(value) <= NUMBER_LIMIT:
            self.fail(f"expected a number within {NUMBER_LIMIT:g}, got {shown(repr(value))}")
        return float(value)

    def frame(self, value: Any) -> int:
        """``value``, a frame."""
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > FRAME_LIMIT:
            self.fail(f"expected a frame within {FRAME_LIMIT}, got {shown(repr(value))}")
        return value


def _read_json(path: Path, header: Header) -> Iterator[FileTrack]:
    document = _Document(path)
    data = document.data
    if data.get("version") not in _VERSIONS:
        document.fail(f"expected version {', '.join(map(str, _VERSIONS))}, got {shown(repr(data.get('version')))}")
    points = document.list(data.get("points"), "points")
    if data.get("num_points") != len(points):
        document.fail(f"expected {shown(repr(data.get('num_points')))} points, got {len(points)}")
    camera = data.get("camera")
    if camera is not None:
        header.size = _resolution(document, document.mapping(camera, "a camera"))
    for point in points:
        yield _point(document, document.mapping(point, "a point"))


def _resolution(document: _Document, camera: dict[str, Any]) -> tuple[int, int]:
    values = document.list(camera.get("resolution"), "the camera's resolution")
    if len(values) != 2 or not all(type(value) is int and 0 < value <= FRAME_LIMIT for value in values):
        document.fail(f"expected the camera's resolution as two whole numbers, got {shown(repr(values))}")
    return values[0], values[1]


def _point(document: _Document, point: dict[str, Any]) -> FileTrack:
    name = point.get("name")
    if not isinstance(name, str):
        document.fail(f"expected a point's name as text, got {shown(repr(name))}")
    track = FileTrack(name, [], [])
    weights = []
    document.where = f"point {shown(name)}: "
    for entry in document.list(point.get("per_frame"), "per_frame"):
        row = document.mapping(entry, "an object for each frame")
        position = document.list(row.get("pos_dist", row.get("pos")), "a position")
        if len(position) != 2:
            document.fail(f"expected a position of two numbers, got {shown(repr(position))}")
        track.frames.append(document.frame(row.get("frame")))
        track.positions.append((document.decimal(position[0]), document.decimal(position[1])))
        weights.append(document.decimal(row.get("weight", 1.0)))
    document.where = ""
    track.weight = float(np.mean(weights)) if weights else None
    return track


FORMAT = Format(
    name="mmsolver",
    title="mmSolver markers",
    extensions=(".uv",),
    axes=Axes("fraction", y_down=False),
    read=read,
    variants={"json": Variant(write), "v1": Variant(write_v1)},
    keeps=frozenset({"empty", "weights"}),
    sniff=lambda head: (
        (head.lstrip().startswith(b"{") and b'"num_points"' in head)
        or looks_like_counted_points(head, before_rows=3, columns=4)
    ),
    fit_names=names.lines,
    export_suffix=".uv",
)
