"""3DEqualizer 4's 2D points, ``.txt`` (File > Export > 2D tracking data).

::

    NPOINTS
    NAME                                a line
    COLOUR                              0: red
    NFRAMES
    FRAME X Y                           NFRAMES times
    ...the next point

Origin: bottom-left, y up; pixels, 0 at the outer edge. Frames: 1 is the sequence's first frame.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..coords import Axes
from . import names
from .base import FileTrack, Format, Header, Variant
from .text import Lines, looks_like_counted_points, shown


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write the points, all in the first colour."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{len(tracks)}\n")
        for track in tracks:
            file.write(f"{track.name}\n0\n{len(track.frames)}\n")
            file.writelines(f"{frame} {x:.15f} {y:.15f}\n" for frame, x, y in track.rows())


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the points, as many as the file says it has."""
    with Lines(path, ends_with_newline=True) as lines:
        points = lines.count(lines.take("the number of points"), "points")
        for _ in range(points):
            track = FileTrack(lines.take("a point's name").strip(), [], [], lines.number)
            lines.whole(lines.take("a point's colour"), "a colour")
            for _ in range(lines.count(lines.take("the number of frames"), "frames")):
                frame, x, y = lines.fields(lines.take("frame, x and y"), 3, 3, "frame, x and y")
                track.frames.append(lines.whole(frame))
                track.positions.append((lines.decimal(x), lines.decimal(y)))
            yield track
        for line in lines.filled():
            lines.fail(f"expected {points} points and nothing behind them, got {shown(line)}")


FORMAT = Format(
    name="3de4",
    title="3DEqualizer 4 2D points",
    extensions=(".txt",),
    axes=Axes("px", y_down=False),
    read=read,
    variants={"text": Variant(write, first_frame=1)},
    keeps=frozenset({"empty"}),
    sniff=lambda head: looks_like_counted_points(head, before_rows=4, columns=3),
    fit_names=names.lines,
    export_suffix=".3de4.txt",
)
