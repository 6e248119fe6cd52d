r"""Nuke's tracker node, ``.nk``: what Nuke's node graph takes from the clipboard, and any script that has such nodes.

::

    set cut_paste_input [stack 0]
    version 14.0 v2
    push $cut_paste_input
    Tracker4 {
     tracks { { 1 31 NTRACKS }
     { { 5 1 20 enable e 1 }
     { 3 1 75 name name 1 }
     ...                              31 columns, each { a b c NAME LABEL [1] }
     }
     {
      { {curve K x1 1} "track 1" {curve x1 322 328.27 x18 249 242.1} {curve x1 ...} ...31 values }
     }
    }
    name Tracker1
    }

A curve is ``xF v v v``: values on frame F and those after it; a new ``xF`` after a gap. Slopes (``sN``) and flags
(``K``, ``i``) are skipped on reading. ``Tracker3`` nodes are read, too: ``track1 {{curve ...} {curve ...}}``.

Origin: bottom-left of the picture (an EXR's display window), y up; pixels, 0 at the outer edge. Frames: the plate's own
numbers (Nuke's timeline).

Nuke draws a line through a gap; so ``enable`` is 0 there, before the first and after the last marker. A disabled
track is 0 throughout. On reading, a marker whose ``enable`` is 0 counts as muted. Area columns (``pattern_x`` ...)
are the edges of the box from the marker, y up.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from ..coords import Axes
from ..types import Area, TrackData
from . import names
from .base import FileTrack, Format, Header, Variant
from .text import Lines, shown

_COLUMNS = (
    ("enable", "5 1 20"), ("name", "3 1 75"), ("track_x", "2 1 58"), ("track_y", "2 1 58"),
    ("offset_x", "2 1 63"), ("offset_y", "2 1 63"), ("T", "4 1 27"), ("R", "4 1 27"), ("S", "4 1 27"),
    ("error", "2 0 45"),
    *((name, "1 1 0") for name in (
        "error_min", "error_max", "pattern_x", "pattern_y", "pattern_r", "pattern_t",
        "search_x", "search_y", "search_r", "search_t")),
    *((name, "2 1 0") for name in (
        "key_track", "key_search_x", "key_search_y", "key_search_r", "key_search_t",
        "key_track_x", "key_track_y", "key_track_r", "key_track_t", "key_centre_offset_x", "key_centre_offset_y")),
)  # fmt: skip

_HEAD = "set cut_paste_input [stack 0]\nversion 14.0 v2\npush $cut_paste_input\nTracker4 {\n tracks { { 1 31 %d }\n"
_NODE = re.compile(r"\s*Tracker([34])\s*\{\s*$")
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]|[^\s{}"]+|"')
_TRACK3 = re.compile(r"track\d+$")
_NUMERIC = frozenset("-+.0123456789")
_FLAG = re.compile(r"[A-Za-z]|[st][-+.\d][-+.\de]*")
"""What a curve has beside frames and values: how it is interpolated, and slopes."""
_DEPTH = 8
_PLAIN = TrackData()


def write(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write one Tracker4 node, as Nuke's clipboard has it."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(_HEAD % len(tracks))
        columns = [f"{{ {kind} {name} {'e' if name == 'enable' else name} 1 }}" for name, kind in _COLUMNS]
        file.write(" { " + "\n ".join(columns) + "\n }\n {\n")
        for track in tracks:
            file.write(f"  {{ {' '.join(_row(track))} }}\n")
        file.write(" }\n }\n name Tracker1\n}\n")


def _row(track: FileTrack) -> Iterator[str]:
    runs = list(_runs(track.rows()))
    yield _enable_curve(runs, track.enabled)
    yield f'"{_escaped(track.name)}"'
    for axis in (1, 2):
        yield _curve(runs, axis)
    first = track.frames[0] if len(track.frames) else 1
    yield from [f"{{curve K x{first} 0}}"] * 2 + ["1", "0", "0", f"{{curve x{first} 0}}", "0", "0"]
    for x, y, width, height in (track.pattern_area or _PLAIN.pattern_area, track.search_area or _PLAIN.search_area):
        yield from (f"{edge:.10g}" for edge in (x, y, x + width, y + height))
    yield from ["{}"] * 11


def _runs(rows: Iterable[tuple[int, float, float]]) -> Iterator[list[tuple[int, float, float]]]:
    run: list[tuple[int, float, float]] = []
    for row in rows:
        if run and row[0] != run[-1][0] + 1:
            yield run
            run = []
        run.append(row)
    if run:
        yield run


def _curve(runs: list[list[tuple[int, float, float]]], axis: int) -> str:
    words = ["curve"]
    for number, run in enumerate(runs):
        words.append(f"x{run[0][0]}")
        words.extend([f"{row[axis]:.6f}" for row in run])
        if number and len(run) > 1:  # Nuke itself names the frame again behind the first one after a gap
            words.insert(len(words) - len(run) + 1, f"x{run[1][0]}")
    return f"{{{' '.join(words)}}}"


def _enable_curve(runs: list[list[tuple[int, float, float]]], enabled: bool) -> str:
    if not runs or not enabled:
        return f"{{curve K x{runs[0][0][0] if runs else 1} {int(enabled)}}}"
    keys = [f"x{runs[0][0][0] - 1} 0"]
    for run in runs:
        keys += [f"x{run[0][0]} 1", f"x{run[-1][0] + 1} 0"]
    return f"{{curve K {' '.join(keys)}}}"


def _escaped(name: str) -> str:
    return re.sub(r'([\\"\[\]{}$])', r"\\\1", name)


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """All tracks of all Tracker4 and Tracker3 nodes of a script."""
    nodes = 0
    with Lines(path) as lines:
        for line in lines:
            node = _NODE.match(line)
            if node:
                nodes += 1
                yield from _node(_Tokens(lines), node[1] == "4")
        if not nodes:
            lines.fail("expected a Tracker4 or Tracker3 node, found none")


class _Tokens:
    """Words, braces and quoted strings (these with their first quote) of the lines to come."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines
        self._waiting: Iterator[str] = iter(())
        self._next: str | None = None

    def take(self) -> str:
        """The next one."""
        if self._next is not None:
            token, self._next = self._next, None
            return token
        while True:
            for token in self._waiting:
                if token[0] != '"':
                    return token
                if len(token) < 2:
                    self.fail('expected a closing "')
                return '"' + re.sub(r"\\(.)", r"\1", token[1:-1])
            self._waiting = iter(_TOKEN.findall(self.lines.take("}")))

    def peek(self) -> str:
        """The one that :meth:`take` will give."""
        if self._next is None:
            self._next = self.take()
        return self._next

    def list(self) -> list[Any]:
        """A list in braces, nested lists as lists."""
        self.expect("{")
        stack: list[list[Any]] = [[]]
        while True:
            token = self.take()
            if token == "{":
                if len(stack) == _DEPTH:
                    self.fail(f"expected lists nested at most {_DEPTH} deep")
                stack.append([])
            elif token == "}":
                done = stack.pop()
                if not stack:
                    return done
                stack[-1].append(done)
            else:
                stack[-1].append(token)

    def expect(self, token: str) -> None:
        """Take the one that must come."""
        found = self.take()
        if found != token:
            self.fail(f"expected {token}, got {shown(found)}")

    def fail(self, reason: str) -> NoReturn:
        """Raise a FormatError about this line."""
        self.lines.fail(reason)


def _node(tokens: _Tokens, is_tracker4: bool) -> Iterator[FileTrack]:
    """The tracks of a node whose opening brace has been read."""
    name = "Tracker"
    tracks3: list[FileTrack] = []
    while (key := tokens.take()) != "}":
        line = tokens.lines.number
        if key == "{":
            tokens.fail("expected a knob's name, got {")
        if is_tracker4 and key == "tracks":
            yield from _tracks_knob(tokens)
            continue
        value: Any = tokens.list() if tokens.peek() == "{" else tokens.take()
        if key == "name":
            name = _text(value)
        elif not is_tracker4 and _TRACK3.match(key):
            x, y = value if isinstance(value, list) and len(value) == 2 else ([], [])
            tracks3.append(_track(tokens, "", x, y, [], line))
    for number, track in enumerate(tracks3, start=1):
        track.name = f"{name}_track{number}"
        yield track


def _tracks_knob(tokens: _Tokens) -> Iterator[FileTrack]:
    tokens.expect("{")
    if tokens.peek() == "}":  # a node that was never used
        tokens.take()
        return
    head = tokens.list()
    if len(head) != 3 or not all(isinstance(word, str) for word in head):
        tokens.fail("expected { 1 COLUMNS TRACKS }")
    columns = [column[3] if len(column) > 3 else "" for column in tokens.list()]
    place = {name: number for number, name in enumerate(columns) if isinstance(name, str)}
    if not {"name", "track_x", "track_y"} <= place.keys():
        tokens.fail("expected the columns name, track_x and track_y")
    expected = tokens.lines.count(head[2], "tracks")
    tokens.expect("{")
    found = 0
    while tokens.peek() != "}":
        row = tokens.list()
        if len(row) != len(columns):
            tokens.fail(f"expected a track of {len(columns)} columns, got {len(row)}")
        yield _table_row(tokens, row, place)
        found += 1
    if found != expected:
        tokens.fail(f"expected {expected} tracks, got {found}")
    tokens.take()
    tokens.expect("}")


def _table_row(tokens: _Tokens, row: list[Any], place: dict[str, int]) -> FileTrack:
    enable = row[place["enable"]] if "enable" in place else []
    x, y, name = (row[place[column]] for column in ("track_x", "track_y", "name"))
    track = _track(tokens, _text(name), x, y, enable, tokens.lines.number)
    track.pattern_area = _box(tokens, row, place, "pattern")
    track.search_area = _box(tokens, row, place, "search")
    return track


def _track(tokens: _Tokens, name: str, x: Any, y: Any, enable: Any, line: int) -> FileTrack:
    """A track of two curves: the frames on which both have a key."""
    across, up = _keys(tokens, x), _keys(tokens, y)
    frames = sorted(across.keys() & up.keys())
    switch = _keys(tokens, enable)
    off = _switched_off(frames, switch)
    everything_off = len(off) == len(frames) if frames else bool(switch) and not any(switch.values())
    positions = [(across[frame], up[frame]) for frame in frames]
    return FileTrack(name, frames, positions, line, enabled=not everything_off, off=[] if everything_off else off)


def _keys(tokens: _Tokens, value: Any) -> dict[int, float]:
    """Values by frame; none of what is no curve (a constant, an expression)."""
    if not isinstance(value, list) or not value or value[0] != "curve":
        return {}
    lines = tokens.lines
    keys: dict[int, float] = {}
    frame: int | None = None
    for word in islice(value, 1, None):
        if not isinstance(word, str):
            tokens.fail("expected a curve of words, got a list in it")
        if word[0] == "x":
            frame = lines.whole(word[1:])
        elif word[0] in _NUMERIC or not _FLAG.fullmatch(word):
            if frame is None:
                tokens.fail("expected a curve to begin with a frame such as x1")
            keys[frame] = lines.decimal(word)
            frame += 1
    return keys


def _switched_off(frames: Sequence[int], enable: dict[int, float]) -> list[int]:
    """The frames on which the last key at or before them is 0."""
    keyed = sorted(enable)
    if all(enable.values()):
        return []
    return [frame for frame in frames if not enable[keyed[max(0, bisect_right(keyed, frame) - 1)]]]


def _box(tokens: _Tokens, row: list[Any], place: dict[str, int], kind: str) -> Area | None:
    edges = [row[place[f"{kind}_{edge}"]] for edge in "xyrt" if f"{kind}_{edge}" in place]
    if len(edges) != 4 or not all(isinstance(edge, str) for edge in edges):
        return None
    x, y, right, top = map(tokens.lines.decimal, edges)
    return x, y, right - x, top - y


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value).removeprefix('"')


FORMAT = Format(
    name="nuke",
    title="Nuke Tracker4 node",
    extensions=(".nk",),
    axes=Axes("px", y_down=False),
    read=read,
    variants={"tracker4": Variant(write)},
    keeps=frozenset({"empty", "disabled", "pattern and search areas"}),
    sniff=lambda head: b"Tracker4 {" in head or b"Tracker3 {" in head,
    fit_names=names.lines,
    export_suffix=".nk",
    from_picture=True,
)
