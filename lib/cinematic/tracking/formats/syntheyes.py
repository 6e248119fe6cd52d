"""SynthEyes' "Tracker 2-D Paths", ``.txt``.

::

    NAME FRAME U V OUTCOME

One line per marker; a tracker's lines follow one another, frames ascend. ``OUTCOME`` is a sum of bits: 1 run, 2
enabled, 4 position usable, 8 key, 16 jumped, 32 out of sight. So 7 is an ordinary marker and 15 the first of a run;
without 2 the tracker is disabled, without 4 the marker is no valid one.

Origin: u -1 (left) to 1 (right), v -1 (top) to 1 (bottom). Frames: 0 is the shot's first frame (SynthEyes' preference
"First frame is 1" moves that: shift the frames). Names are single words, and SynthEyes shows underscores as blanks:
names with either are written in CamelCase.

Programs disagree about half a pixel. By default -1 and 1 are the picture's outer edges (as Blender's exporter has it);
with half pixel ``centre`` they are the centres of its first and last pixel (as Tracksperanto has it). The format has
no end mark: a file that is cut off between two lines cannot be told from a whole one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ..coords import Axes
from . import names
from .base import FileTrack, Format, Header, Variant
from .text import Lines

_RUN, _ENABLED, _USABLE, _KEY = 1, 2, 4, 8


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write one line per marker."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for track in tracks:
            file.writelines(_lines(track))


def _lines(track: FileTrack) -> Iterator[str]:
    previous: int | None = None
    usual = _RUN | _USABLE | (_ENABLED if track.enabled else 0)
    for frame, u, v in track.rows():
        outcome = usual if previous == frame - 1 else usual | _KEY
        yield f"{track.name} {frame} {u:.8f} {v:.8f} {outcome}\n"
        previous = frame


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read the lines, in whatever order the trackers come."""
    tracks: dict[str, FileTrack] = {}
    enabled: set[str] = set()
    with Lines(path, ends_with_newline=True) as lines:
        for line in lines.filled():
            name, frame_text, u, v, outcome_text = lines.fields(line, 5, 5, "name, frame, u, v and outcome")
            track = tracks.get(name)
            if track is None:
                track = tracks[name] = FileTrack(name, [], [], lines.number)
            frame, outcome = lines.whole(frame_text), lines.whole(outcome_text, "an outcome", 0, 255)
            track.frames.append(frame)
            track.positions.append((lines.decimal(u), lines.decimal(v)))
            if not outcome & _USABLE:
                track.off.append(frame)
            if outcome & _ENABLED:
                enabled.add(name)
    for track in tracks.values():
        track.enabled = track.name in enabled
        yield track


def _sniff(head: bytes) -> bool:
    words = head.decode("utf-8", "replace").partition("\n")[0].split()
    try:
        _, frame, u, v, outcome = words
        return int(frame) >= 0 and abs(float(u)) < 4 and abs(float(v)) < 4 and 0 <= int(outcome) < 256
    except ValueError:
        return False


FORMAT = Format(
    name="syntheyes",
    title="SynthEyes tracker 2-D paths",
    extensions=(".txt",),
    axes=Axes("signed", y_down=True),
    read=read,
    variants={"paths": Variant(write, first_frame=0)},
    keeps=frozenset({"disabled"}),
    sniff=_sniff,
    fit_names=names.camel_case,
    export_suffix=".syntheyes.txt",
    has_half_pixel_switch=True,
)
