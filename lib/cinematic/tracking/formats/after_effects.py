r"""After Effects keyframe text, ``.txt``: what its clipboard takes and gives. Columns are separated by tabs.

::

    Adobe After Effects 8.0 Keyframe Data

    \tUnits Per Second\t29.97
    \tSource Width\t1920
    \tSource Height\t1080
    \tSource Pixel Aspect Ratio\t1
    \tComp Pixel Aspect Ratio\t1

    Motion Trackers\tTracker #1\tTrack Point #1\tFeature Center
    \tFrame\tX pixels\tY pixels
    \t0\t938.125\t525.75

    End of Keyframe Data

The default is the layout for a layer's tracker. Variant ``null`` is for the position of a (null) layer:
``Transform\tPosition`` with x, y and z, one such text per track, one after another: a layer takes one at a time.

Origin: top-left, y down; pixels, 0 at the outer edge. Frames: 0 is the composition's first frame. Other blocks
(Confidence, Attach Point, Scale ...) are skipped on reading.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..coords import SQUARE, Axes
from .base import FileTrack, Format, Header, Variant
from .text import Lines, shown

_BEGIN, _END = "Adobe After Effects ", "End of Keyframe Data"
_CENTRE, _POSITION = "Feature Center", ["Transform", "Position"]


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write one text whose blocks are the points of one tracker."""
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        file.write(_head(header))
        for track in tracks:
            file.write(f"Motion Trackers\tTracker #1\t{track.name}\t{_CENTRE}\n\tFrame\tX pixels\tY pixels\n")
            file.writelines(f"\t{frame}\t{x:.6f}\t{y:.6f}\n" for frame, x, y in track.rows())
            file.write("\n")
        file.write(f"{_END}\n")


def write_null(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write one text per track, each the position of a layer."""
    with path.open("w", encoding="utf-8", newline="\r\n") as file:
        for number, track in enumerate(tracks):
            file.write(("\n" if number else "") + _head(header))
            file.write("Transform\tPosition\n\tFrame\tX pixels\tY pixels\tZ pixels\n")
            file.writelines(f"\t{frame}\t{x:.6f}\t{y:.6f}\t0\n" for frame, x, y in track.rows())
            file.write(f"\n{_END}\n")
        if not tracks:
            file.write(f"{_head(header)}{_END}\n")


def _head(header: Header) -> str:
    width, height = header.known_size()
    aspect = f"{header.pixel_aspect or SQUARE:.10g}"
    return (
        f"{_BEGIN}8.0 Keyframe Data\n\n\tUnits Per Second\t{header.known_fps():.10g}\n"
        f"\tSource Width\t{width}\n\tSource Height\t{height}\n"
        f"\tSource Pixel Aspect Ratio\t{aspect}\n\tComp Pixel Aspect Ratio\t{aspect}\n\n"
    )


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read one text or several, one after another."""
    texts = positions = 0
    with Lines(path) as lines:
        for line in lines.filled():
            if not line.startswith(_BEGIN):
                lines.fail(f"expected {_BEGIN}... Keyframe Data, got {shown(line)}")
            texts += 1
            for title, first, rows in _blocks(lines, header):
                if title[-1] == _CENTRE:
                    yield _track(lines, title[-2] if len(title) > 1 else "", first, rows)
                elif title == _POSITION:
                    positions += 1
                    yield _track(lines, f"Track Point #{positions}", first, rows)
        if not texts:
            lines.fail(f"expected {_BEGIN}... Keyframe Data, got an empty file")


_Row = tuple[int, list[str]]


def _blocks(lines: Lines, header: Header) -> Iterator[tuple[list[str], int, list[_Row]]]:
    """Title, line and rows of each block of one text, up to its end; what comes before them goes into the header."""
    settings: dict[str, str] = {}
    title: list[str] = []
    first = 0
    rows: list[_Row] = []
    while True:
        line = lines.take(_END)
        words = line.strip().split("\t")
        if not line.strip():
            continue
        if line.startswith("\t"):
            if title:
                rows.append((lines.number, words))
            else:
                settings[words[0]] = words[-1]
            continue
        if title:
            yield title, first, rows
        else:
            _settle(lines, settings, header)
        if line.strip() == _END:
            return
        title, first, rows = words, lines.number, []


def _settle(lines: Lines, settings: dict[str, str], header: Header) -> None:
    missing = [key for key in ("Units Per Second", "Source Width", "Source Height") if key not in settings]
    if missing:
        lines.fail(f"expected {', '.join(missing)} before the keyframes")
    size = tuple(lines.whole(settings[key], key, 1) for key in ("Source Width", "Source Height"))
    if header.size not in (None, size):
        lines.fail(f"expected {header.size} as in the text before, got {size}")
    header.size = (size[0], size[1])
    header.fps = lines.decimal(settings["Units Per Second"])
    if header.fps <= 0:
        lines.fail(f"expected Units Per Second above 0, got {settings['Units Per Second']}")


def _track(lines: Lines, name: str, first: int, rows: list[_Row]) -> FileTrack:
    if not rows or rows[0][1][:3] != ["Frame", "X pixels", "Y pixels"]:
        lines.fail("expected the columns Frame, X pixels and Y pixels", first)
    track = FileTrack(name, [], [], first)
    for number, words in rows[1:]:
        if len(words) not in (3, 4):
            lines.fail(f"expected frame, x and y, got {shown(' '.join(words))}", number)
        track.frames.append(lines.whole(words[0]))
        track.positions.append((lines.decimal(words[1]), lines.decimal(words[2])))
    return track


FORMAT = Format(
    name="ae",
    title="After Effects keyframe text",
    extensions=(".txt",),
    axes=Axes("px", y_down=True),
    read=read,
    variants={"tracker": Variant(write, first_frame=0), "null": Variant(write_null, first_frame=0)},
    keeps=frozenset({"empty"}),
    sniff=lambda head: head.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"Adobe After Effects"),
    fit_names=lambda wanted: [f"Track Point #{number}" for number in range(1, len(wanted) + 1)],
    export_suffix=".ae.txt",
    needs_fps=True,
)
