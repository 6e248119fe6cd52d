"""MatchMover's point tracks, ``.rz2``.

::

    imageSequence	"Sequence 01"
    {
        WIDTH	HEIGHT	f( "/plates/shot.%04d.dpx" )	b( FIRST LAST STEP )
    }
    pointTrack  "NAME"  rgb( 255 0 0 )
    {
        FRAME	   X     Y    ki( 0.8 )	    s( 28 28 33 33 )  p( 10 10 8 8 )
        FRAME	   X     Y    p+( 0.926994 )
    }

``ki``/``kb``: a key, set by hand or first of a run; ``p+``/``p*``: tracked; with the correlation; some files have
neither. ``s`` and ``p``:
search and pattern area: how far they reach left, right, up and down (px). The path may go over several lines.

Origin: top-left, y down; pixels, 0 at the outer edge. Frames: the plate's own numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..coords import Axes
from ..types import Area
from . import names
from .base import FileTrack, Format, Header, Variant
from .text import Lines, shown

_SEQUENCE = re.compile(
    r'(?P<width>\d+)\s+(?P<height>\d+)\s+f\(\s*"?(?P<path>.*?)"?\s*\)\s+b\(\s*(?P<range>[^)]*)\)\s*$', re.DOTALL
)
_TRACK = re.compile(r'pointTrack\s+"(?P<name>.*)"\s+rgb\(\s*(?P<rgb>[^)]*)\)')
_ROW = re.compile(r"(\S+)\s+(\S+)\s+(\S+)(?:\s+([kp]\S*)\(\s*(\S+)\s*\)\s*(.*))?$")
_MOST_LINES = 100  # of what describes the sequence


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write the image sequence and one block per track."""
    width, height = header.known_size()
    first, last = header.known_range()
    footage = names.in_quotes(_pattern(header.footage, first) if header.footage else "unknown")
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f'imageSequence\t"Sequence 01"\n{{\n\t{width}\t{height}\tf( "{footage}" )\t')
        file.write(f"b( {first} {last} 1 )\t\n}}\n")
        for track in tracks:
            rgb = " ".join(str(round(255 * min(max(part, 0), 1))) for part in track.color or (1, 0, 0))
            file.write(f'pointTrack  "{track.name}"  rgb( {rgb} )\t\n{{\n')
            file.writelines(_rows(track))
            file.write("}\n")


def _pattern(footage: str, first: int) -> str:
    """The path of a sequence's first file with ``%04d`` for its number; another path as it is."""
    found = re.search(r"(\d+)(\D*)$", footage)
    if not found or int(found[1]) != first:
        return footage
    return f"{footage[: found.start()]}%0{len(found[1])}d{found[2]}"


def _rows(track: FileTrack) -> Iterator[str]:
    keyed = set(track.keyed)
    previous: int | None = None
    for frame, x, y in track.rows():
        correlation = track.correlations.get(frame, 1.0)
        if previous == frame - 1 and frame not in keyed:
            yield f"\t{frame}\t   {x:.6f}     {y:.6f}    p+( {correlation:.6f} )\t\n"
        else:
            areas = f"s( {_reach(track.search_area)} )  p( {_reach(track.pattern_area)} )"
            yield f"\t{frame}\t   {x:.6f}     {y:.6f}    ki( {correlation:.6f} )\t    {areas}\n"
        previous = frame


def _reach(area: Area | None) -> str:
    x, y, width, height = area or (-10.5, -10.5, 21.0, 21.0)
    return " ".join(f"{reach:.10g}" for reach in (-x, x + width, y + height, -y))


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the sequence and its tracks."""
    with Lines(path) as lines:
        for line in lines.filled():
            if line.startswith("imageSequence"):
                _read_sequence(lines, header)
            elif line.startswith("pointTrack"):
                yield _read_track(lines, line)
            else:
                lines.fail(f"expected imageSequence or pointTrack, got {shown(line)}")
        if header.size is None:
            lines.fail("expected an imageSequence, found none")


def _read_sequence(lines: Lines, header: Header) -> None:
    if lines.take("{").strip() != "{":
        lines.fail("expected {")
    text = ""
    for _ in range(_MOST_LINES):
        line = lines.take("}")
        if line.strip() == "}":
            break
        text += line + "\n"
    found = _SEQUENCE.search(text)
    if not found:
        lines.fail(f"expected width, height, f( PATH ) and b( FIRST LAST STEP ), got {shown(text)}")
    header.size = (lines.whole(found["width"], "pixels", 1), lines.whole(found["height"], "pixels", 1))
    header.footage = found["path"].replace("\n", "")
    first, last, *_ = [*lines.fields(found["range"], 2, 3, "FIRST LAST STEP")]
    header.frame_start, header.frame_end = lines.whole(first), lines.whole(last)


def _read_track(lines: Lines, line: str) -> FileTrack:
    found = _TRACK.match(line)
    if not found:
        lines.fail(f'expected pointTrack "NAME" rgb( R G B ), got {shown(line)}')
    red, green, blue = (lines.decimal(part) / 255 for part in lines.fields(found["rgb"], 3, 3, "three colours"))
    track = FileTrack(found["name"], [], [], lines.number, color=(red, green, blue))
    if lines.take("{").strip() != "{":
        lines.fail("expected {")
    while (row := lines.take("a marker or }")).strip() != "}":
        if row.strip():
            _read_row(lines, row, track)
    return track


def _read_row(lines: Lines, line: str, track: FileTrack) -> None:
    found = _ROW.match(line.strip())
    if not found:
        lines.fail(f"expected frame, x, y and ki( ), kb( ), p+( ) or p*( ), got {shown(line)}")
    frame_text, x, y, kind, correlation, rest = found.groups()
    frame = lines.whole(frame_text)
    track.frames.append(frame)
    track.positions.append((lines.decimal(x), lines.decimal(y)))
    if kind is None:
        return
    track.correlations[frame] = lines.decimal(correlation)
    if kind.startswith("k"):
        track.keyed.append(frame)
        track.search_area = track.search_area or _area(lines, rest, "s")
        track.pattern_area = track.pattern_area or _area(lines, rest, "p")


def _area(lines: Lines, text: str, kind: str) -> Area | None:
    found = re.search(rf"\b{kind}\(([^)]*)\)", text)
    if not found:
        return None
    left, right, up, down = map(lines.decimal, lines.fields(found[1], 4, 4, "four lengths"))
    return -left, -down, left + right, up + down


FORMAT = Format(
    name="matchmover",
    title="MatchMover point tracks",
    extensions=(".rz2",),
    axes=Axes("px", y_down=True),
    read=read,
    variants={"rz2": Variant(write)},
    keeps=frozenset({"empty", "colors", "correlations", "pattern and search areas"}),
    sniff=lambda head: head.lstrip().startswith(b"imageSequence"),
    fit_names=names.quoted,
    export_suffix=".rz2",
    needs_range=True,
)
