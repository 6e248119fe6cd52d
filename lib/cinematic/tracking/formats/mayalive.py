"""Maya Live's tracks, ``.txt``.

::

    # Size WIDTH HEIGHT [ASPECT]
    # Pixels                            optional: positions are pixels
    # Name NAME
    POINT FRAME X Y ERROR               POINT counts from 0

Origin: the picture's middle, y up; y -1 (bottom) to 1 (top), x minus to plus the aspect ratio, at the outer edges. With
``# Pixels``: bottom-left, pixels. Frames: 0 is the first frame. The error is written as 0; -1 marks a tracker's first
marker in some files. An aspect ratio that is only WIDTH / HEIGHT rounded means WIDTH / HEIGHT. The format has no end
mark: a file that is cut off between two lines cannot be told from a whole one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from ..coords import Axes
from . import names
from .base import FileTrack, Format, Header, Variant
from .text import Lines, shown

_COLUMNS = "point, frame, x, y and error"


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write one block per track."""
    width, height = header.known_size()
    aspect = width / height
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# Size  {width}  {height}  {aspect:.6f}\n")
        for number, track in enumerate(tracks):
            file.write(f"# Name {track.name}\n")
            file.writelines(f"{number} {frame} {x * aspect:.10f} {y:.10f} 0\n" for frame, x, y in track.rows())


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the blocks."""
    with Lines(path, ends_with_newline=True) as lines:
        across = _read_size(lines, header)
        track: FileTrack | None = None
        for line in lines.filled():
            if line.split()[:2] == ["#", "Pixels"]:
                header.axes, across = Axes("px", y_down=False), 1.0
            elif line.split()[:2] == ["#", "Name"]:
                if track is not None:
                    yield track
                track = FileTrack(line.split("Name", 1)[1].strip(), [], [], lines.number)
            elif line.startswith("#"):
                continue
            elif track is None:
                lines.fail(f"expected # Name NAME, got {shown(line)}")
            else:
                _point, frame, x, y, _error = lines.fields(line, 5, 5, _COLUMNS)
                track.frames.append(lines.whole(frame))
                track.positions.append((lines.decimal(x) / across, lines.decimal(y)))
        if track is not None:
            yield track


def _read_size(lines: Lines, header: Header) -> float:
    """The size, into the header; how far x reaches."""
    line = next(lines.filled(), None)
    words = (lines.take("# Size WIDTH HEIGHT") if line is None else line).split()
    if words[:2] != ["#", "Size"] or len(words) not in (4, 5):
        lines.fail("expected # Size WIDTH HEIGHT [ASPECT]")
    width, height = (lines.whole(word, "pixels", 1) for word in words[2:4])
    header.size = (width, height)
    aspect = width / height
    if len(words) == 5:
        decimals = len(words[4].partition(".")[2])
        given = lines.decimal(words[4])
        if given <= 0:
            lines.fail(f"expected an aspect ratio above 0, got {words[4]}")
        return aspect if np.isclose(round(aspect, decimals), given) else given
    return aspect


FORMAT = Format(
    name="mayalive",
    title="Maya Live tracks",
    extensions=(".txt",),
    axes=Axes("signed", y_down=False),
    read=read,
    variants={"text": Variant(write, first_frame=0)},
    keeps=frozenset({"empty"}),
    sniff=lambda head: head.startswith((b"# Size", b"#  Size")),
    fit_names=names.lines,
    export_suffix=".mayalive.txt",
    needs_size=True,
)
