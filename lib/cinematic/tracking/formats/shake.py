"""Nuke CameraTracker's and Shake's track text.

::

    TrackName autotrack0
       Frame             X             Y   Correlation
       1.00   348.000   614.667   1.000
    <blank line>

Origin: bottom-left of the picture (an EXR's display window), y up; pixels, 0 at the outer edge. Frames: the plate's own
numbers. The last column is the correlation; 1 where it is not known. Nuke takes tracks of the names ``autotrackN`` and
``usertrackN`` only: others are renamed. The format has no end mark: a file that is cut off between two lines cannot be
told from a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from ..coords import Axes
from .base import FileTrack, Format, Header, Variant
from .text import Lines, shown

_NAME = re.compile(r"(auto|user)track\d+")
_TITLE = "TrackName"
_COLUMNS = ["Frame", "X", "Y", "Correlation"]


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write one block per track."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for track in tracks:
            known = track.correlations
            file.write(f"{_TITLE} {track.name}\n   Frame             X             Y   Correlation\n")
            file.writelines(
                f"   {frame}.00   {x:.6f}   {y:.6f}   {known.get(frame, 1.0):.6f}\n" for frame, x, y in track.rows()
            )
            file.write("\n")


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the blocks."""
    with Lines(path, ends_with_newline=True) as lines:
        track: FileTrack | None = None
        for line in lines.filled():
            if line.startswith(_TITLE):
                if track is not None:
                    yield track
                track = FileTrack(line[len(_TITLE) :].strip(), [], [], lines.number, correlations={})
                if lines.take("the columns' names").split() != _COLUMNS:
                    lines.fail(f"expected {' '.join(_COLUMNS)}")
            elif track is None:
                lines.fail(f"expected {_TITLE} NAME, got {shown(line)}")
            else:
                _add_row(lines, line, track)
        if track is not None:
            yield track


def _add_row(lines: Lines, line: str, track: FileTrack) -> None:
    frame_text, x, y, correlation = lines.fields(line, 4, 4, "frame, x, y and correlation")
    frame = lines.whole(frame_text)
    track.frames.append(frame)
    track.positions.append((lines.decimal(x), lines.decimal(y)))
    track.correlations[frame] = lines.decimal(correlation)


def _fitted(wanted: Sequence[str]) -> list[str]:
    """``autotrackN`` for every name that is none of Nuke's."""
    taken = {name for name in wanted if _NAME.fullmatch(name)}
    free = (f"autotrack{number}" for number in count() if f"autotrack{number}" not in taken)
    unused = set(taken)
    result = []
    for name in wanted:
        result.append(name if name in unused else next(free))
        unused.discard(name)
    return result


FORMAT = Format(
    name="shake",
    title="Nuke CameraTracker and Shake text",
    extensions=(".txt",),
    axes=Axes("px", y_down=False),
    read=read,
    variants={"text": Variant(write)},
    keeps=frozenset({"empty", "correlations"}),
    sniff=lambda head: head.lstrip().startswith(b"TrackName"),
    fit_names=_fitted,
    export_suffix=".cameratracker.txt",
    from_picture=True,
)
