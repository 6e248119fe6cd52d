"""boujou's feature tracks, ``.txt``.

::

    # boujou 2d tracks export: text
    # boujou version: ...
    # Creation date : ...
    #
    # track_id    view      x    y
    NAME  VIEW  X  Y

Origin: top-left, y down; pixels, 0 at the outer edge. Frames (views): 1 is the sequence's first. Names are single
words. Not checked in boujou itself, and what is public disagrees: Tracksperanto writes one pixel lower and counts
frames from 0 where it writes, from 1 where it reads. The format has no end mark: a file that is cut off between two
lines cannot be told from a whole one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..coords import Axes
from . import names
from .base import FileTrack, Format, Header, Variant
from .text import Lines

_COLUMNS = ["track_id", "view", "x", "y"]
_HEAD = """\
# boujou 2d tracks export: text
# boujou version: 4.1.0
# Creation date : not kept
#
# track_id    view      x    y
"""


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write one line per marker."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD)
        for track in tracks:
            file.writelines(f"{track.name}  {frame}  {x:.6f}  {y:.6f}\n" for frame, x, y in track.rows())


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the lines, in whatever order the tracks come."""
    tracks: dict[str, FileTrack] = {}
    with Lines(path, ends_with_newline=True) as lines:
        columns = next((line for line in lines if line.lstrip("# ").startswith("track_id")), "")
        if columns.lstrip("# ").split() != _COLUMNS:
            lines.fail(f"expected the columns # {' '.join(_COLUMNS)}")
        for line in lines.filled():
            if line.startswith("#"):
                continue
            name, view, x, y = lines.fields(line, 4, 4, "track_id, view, x and y")
            track = tracks.get(name)
            if track is None:
                track = tracks[name] = FileTrack(name, [], [], lines.number)
            track.frames.append(lines.whole(view))
            track.positions.append((lines.decimal(x), lines.decimal(y)))
    yield from tracks.values()


FORMAT = Format(
    name="boujou",
    title="boujou feature tracks",
    extensions=(".txt",),
    axes=Axes("px", y_down=True),
    read=read,
    variants={"text": Variant(write, first_frame=1)},
    keeps=frozenset(),
    sniff=lambda head: b"# track_id" in head or head.startswith(b"# boujou"),
    fit_names=names.words,
    export_suffix=".boujou.txt",
    has_half_pixel_switch=True,
)
