"""PFTrack's 2D tracks, ``.2dt`` (or ``.txt``).

::

    # comments
    "NAME"
    1                                   clip number (2011 and later), or "Primary" (version 5); absent in version 4
    NFRAMES
    FRAME X Y RESIDUAL [Z]              NFRAMES times

Origin: bottom-left, y up; pixels, 0 in the first pixel's CENTRE (the half-pixel switch takes its outer edge instead).
Frames: 1 is the clip's first frame; 0 in version 5 (variant ``v5``, with CRLF line ends). Tracksperanto counts every
version from 1: shift the frames for it. The residual is written as 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from ..coords import Axes
from . import names
from .base import FileTrack, Format, Header, Variant
from .text import Lines, shown


def write(path: Path, tracks: Sequence[FileTrack], header: Header, *, clip: str, newline: str) -> None:
    """Write one block per track."""
    with path.open("w", encoding="utf-8", newline=newline) as file:
        for track in tracks:
            file.write(f'"{track.name}"\n{clip}\n{len(track.frames)}\n')
            file.writelines(f"{frame} {x:.6f} {y:.6f} 0.000\n" for frame, x, y in track.rows())
            file.write("\n")


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the blocks of any version."""
    with Lines(path) as lines:
        data = _Pushback(lines)
        for line in data:
            if not _is_quoted(line):
                lines.fail(f"expected a track's name in double quotes, got {shown(line)}; are there too many rows?")
            track = FileTrack(line.strip()[1:-1], [], [], lines.number)
            for _ in range(_row_count(data, header)):
                row = data.take("frame, x, y and residual")
                frame, x, y, *_rest = lines.fields(row, 4, 5, "frame, x, y and residual")
                track.frames.append(lines.whole(frame))
                track.positions.append((lines.decimal(x), lines.decimal(y)))
            yield track


class _Pushback:
    """The lines that are neither blank nor comments; one can be given back."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._returned: str | None = None
        self._data = (line for line in lines.filled() if not line.startswith("#"))

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self._returned is not None:
            line, self._returned = self._returned, None
            return line
        return next(self._data)

    def take(self, expected: str) -> str:
        """The next one, or an error."""
        line = next(self, None)
        return self.lines.take(expected) if line is None else line

    def give_back(self, line: str) -> None:
        """Let it be the next one again."""
        self._returned = line


def _row_count(data: _Pushback, header: Header) -> int:
    """What stands before the rows: a clip's number or name, if any, and the number of rows."""
    first = data.take("a clip or the number of frames")
    if _is_quoted(first):
        header.first_frame = 0  # version 5
        first = data.take("the number of frames")
        return data.lines.count(first, "frames")
    count = data.lines.count(first, "frames")
    second = next(data, None)
    if second is None:
        return count  # version 4, the last track, without a row
    if len(second.split()) == 1 and not _is_quoted(second):
        return data.lines.count(second, "frames")
    data.give_back(second)
    return count


def _is_quoted(line: str) -> bool:
    text = line.strip()
    return len(text) > 1 and text[0] == text[-1] == '"'


FORMAT = Format(
    name="pftrack",
    title="PFTrack 2D tracks",
    extensions=(".2dt", ".txt"),
    axes=Axes("px", y_down=False, half_pixel="centre"),
    read=read,
    variants={
        "2011": Variant(partial(write, clip="1", newline="\n"), first_frame=1),
        "v5": Variant(partial(write, clip='"Primary"', newline="\r\n"), first_frame=0),
    },
    keeps=frozenset({"empty"}),
    sniff=lambda head: _is_quoted(_first_line(head)),
    fit_names=names.quoted,
    export_suffix=".2dt",
    has_half_pixel_switch=True,
)


def _first_line(head: bytes) -> str:
    lines = head.decode("utf-8", "replace").splitlines()
    return next((line for line in lines if line.strip() and not line.startswith("#")), "")
