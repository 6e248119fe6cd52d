"""Frames of the plate with tracks drawn on them: which frames, and the paths that are drawn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..clip import segments
from ..types import ClipInfo
from .judged import Judged
from .words import counted

TAIL = 24
"""Frames of a track's way that are drawn, at most."""

TAIL_POINTS = 60_000
"""Points of all tails on one frame, about; where there are more tracks their tails are shorter."""

PLACE_POINTS = 40
"""Points of a track's whole way, at most."""

WORST = "most bad markers"
"""Why the frame is shown on which most goes wrong."""

NAMED = 250
"""Tracks that are not good and carry their name on a frame, at most."""


@dataclass(frozen=True)
class Drawn:
    """Tracks that are drawn alike: in SVG path data, px of the plate, y down, the first pixel's centre at 0."""

    state: str  # of judged.STATES
    reasons: tuple[str, ...]
    off: bool  # switched off
    tails: str
    marks: str
    title: str = ""  # the track's name and reason, where it is one track
    rank: int | None = None  # the track's, where it is one track


@dataclass(frozen=True)
class Plate:
    """One frame with what is drawn on it."""

    frame: int
    why: str  # it is shown
    count: int  # tracks with a marker on it
    drawn: list[Drawn]
    large: bool  # shown over the page's whole width


@dataclass(frozen=True)
class Place:
    """Where one track is in the picture."""

    frame: int | None  # one of the frames that are shown; None: it is on none of them
    way: str  # all of the track's way, as path data
    mark: str  # its marker on that frame, else its last one


def place_of(judged: Judged, info: ClipInfo, shown: Iterable[int]) -> Place | None:
    """Where a track is; None where it has no position."""
    size = info.width, info.height
    frames = judged.frames
    frame = next((frame for frame in shown if frame in judged.track.markers), None)
    way = judged.pixels(frames, size)
    here = judged.pixels(frames[-1:] if frame is None else [frame], size)
    if not len(way) or not np.isfinite(here).all():
        return None
    way = way[np.isfinite(way).all(axis=1)]
    thinned = way[np.unique(np.linspace(0, len(way) - 1, PLACE_POINTS).round().astype(int))]
    return Place(frame, polyline(thinned), mark(judged.state, here[0], max(size) / 34))


def shown_frames(judged: Sequence[Judged], info: ClipInfo) -> dict[int, str]:
    """Frames that tell most, and why: first, middle, last, and the one on which most goes wrong."""
    first, last = info.frame_start, info.frame_end
    frames = {last: "last frame", (first + last) // 2: "middle", first: "first frame"}
    events = Counter(f for each in judged for f in each.bad_markers if first <= f <= last and f in each.track.markers)
    if events:
        worst, count = min(events.items(), key=lambda event: (-event[1], event[0]))
        near = min(frames, key=lambda frame: abs(frame - worst))
        if abs(near - worst) <= max(1, (last - first) // 10):
            del frames[near]
        frames[worst] = f"{WORST}: {count:,}"
    return dict(sorted(frames.items()))


def plates(judged: Sequence[Judged], info: ClipInfo, frames: Mapping[int, str]) -> list[Plate]:
    """Frames, by number with why they are shown; where their number is odd the worst is shown large."""
    worst = next((frame for frame, why in frames.items() if why.startswith(WORST)), min(frames))
    odd = len(frames) % 2 == 1 and info.width * info.pixel_aspect >= info.height
    return [_plate(judged, info, frame, why, odd and frame == worst) for frame, why in frames.items()]


def _plate(judged: Sequence[Judged], info: ClipInfo, frame: int, why: str, large: bool) -> Plate:
    """One frame with its tracks, the good ones below, the bad ones on top."""
    present = [each for each in judged if frame in each.track.markers]
    named = {each.rank for each in [e for e in present if e.state in ("suspect", "bad")][:NAMED]}
    tail = max(2, min(TAIL, TAIL_POINTS // max(1, len(present))))
    alike: dict[tuple[str, tuple[str, ...], bool, int | None], list[Judged]] = defaultdict(list)
    for each in present:
        rank = each.rank if each.rank in named else None
        alike[each.state, each.reasons, not each.track.enabled, rank].append(each)
    drawn = [_drawn(members, info, frame, tail, named=key[3] is not None) for key, members in alike.items()]
    return Plate(frame, why, len(present), sorted(drawn, key=_order), large)


def _order(drawn: Drawn) -> tuple[int, int]:
    return ("unjudged", "good", "suspect", "bad").index(drawn.state), -(drawn.rank or 0)


def _drawn(members: Sequence[Judged], info: ClipInfo, frame: int, tail: int, *, named: bool) -> Drawn:
    size = info.width, info.height
    one = members[0]
    tails, marks = [], []
    radius = max(size) / 150
    for each in members:
        way = each.pixels(_way(each, frame, tail), size)
        if not np.isfinite(way).all():
            continue
        tails.append(polyline(way))
        marks.append(mark(one.state, way[-1], radius))
    title = f"{one.track.name}: {', '.join(one.reasons) or one.state}" if named else ""
    return Drawn(
        state=one.state,
        reasons=one.reasons,
        off=not one.track.enabled,
        tails="".join(tails),
        marks="".join(marks),
        title=title,
        rank=one.rank if named else None,
    )


def _way(each: Judged, frame: int, tail: int) -> list[int]:
    """The frames up to ``frame`` that the track has come without a gap, at most ``tail`` of them."""
    return segments(f for f in range(frame - tail + 1, frame + 1) if f in each.track.markers)[-1]


def polyline(points: npt.NDArray[np.float64]) -> str:
    """Path data through points (n, 2), in tenths; nothing for a single point."""
    tenths = np.round(points * 10).astype(np.int64)
    steps = np.diff(tenths, axis=0)
    steps = steps[(steps != 0).any(axis=1)]
    if not len(steps):
        return ""
    return f"M{_pair(tenths[0])}l" + " ".join(map(_pair, steps))


def mark(state: str, point: npt.NDArray[np.float64], radius: float) -> str:
    """A marker as path data: good a dot (drawn by its line's round end), suspect a diamond, bad a triangle."""
    r = round(radius, 1)
    at = _pair(np.round(point * 10).astype(np.int64))
    if state == "suspect":
        return f"M{at}m0 {-r:g}l{r:g} {r:g} {-r:g} {r:g} {-r:g} {-r:g}z"
    if state == "bad":
        half, height = round(1.05 * r, 1), round(1.8 * r, 1)
        return f"M{at}m0 {-1.1 * r:g}l{half:g} {height:g}h{-2 * half:g}z"
    return f"M{at}h0"


def _pair(tenths: npt.NDArray[np.int64]) -> str:
    x, y = tenths.tolist()
    return f"{x / 10:g} {y / 10:g}"


def described(count: int, info: ClipInfo, frame: int) -> str:
    """Alternative text of a frame."""
    return f"Frame {frame} of {info.frame_start} to {info.frame_end} with {counted(count, 'track')} drawn on it"
