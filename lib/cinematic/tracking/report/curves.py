"""Charts as geometry: path data in a box of 1000 x 100, ticks and zones in percent; the template draws them.

The box is stretched to the page's width while lines keep their width, and the words beside it are text of the
page: they stay readable at any width.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..clip import segments
from ..types import ClipInfo, Readiness
from .judged import STATES, Judged
from .words import counted, figure, label, spans

WILL_FAIL = 8
"""Tracks on a frame below which a camera solve fails, as Blender has it."""

WEAK = 16
"""Tracks on a frame below which a camera solve is weak, as Blender colours it."""

BINS = 24
MOST_POINTS = 400
"""Points of one line; longer curves keep the least and the greatest of each piece."""

BARS = 250
"""Frames that are marked one by one behind a curve; on longer tracks several make one bar."""

MOST_CURVES = 8
"""Curves of one track, at most."""

SQUARE_ROOT_ABOVE = 64
"""Tracks on a frame above which the chart's axis is a square root, so that 8 and 16 can still be told apart."""


@dataclass(frozen=True)
class Shape:
    """Path data with the class that styles it."""

    kind: str
    d: str


@dataclass(frozen=True)
class Tick:
    """A label on an axis."""

    at: float  # percent of the axis, from its beginning
    label: str


@dataclass(frozen=True)
class Zone:
    """A stretch of an axis."""

    kind: str
    start: float  # percent
    length: float  # percent
    label: str = ""


@dataclass(frozen=True)
class Chart:
    """One chart."""

    title: str
    description: str  # what it shows, for those who do not see it
    shapes: list[Shape]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    unit: str = ""  # of y for curves, of x for distributions
    note: str = ""
    zones: list[Zone] = field(default_factory=list)  # along y


@dataclass(frozen=True)
class Axis:
    """Values from ``low`` to ``high`` laid out over an axis."""

    low: float
    high: float
    square_root: bool = False

    def share(self, value: float) -> float:
        """Where a value is: 0 at ``low``, 1 at ``high``."""
        span = self.high - self.low
        share = min(1.0, max(0.0, (value - self.low) / span)) if span > 0 else 0.5
        return math.sqrt(share) if self.square_root else share

    def x(self, value: float) -> str:
        """Across the box."""
        return f"{1000 * self.share(value):.1f}".removesuffix(".0")

    def y(self, value: float) -> str:
        """Down the box."""
        return f"{100 - 100 * self.share(value):.1f}".removesuffix(".0")

    def tick(self, value: float, text: str | None = None) -> Tick:
        """The label of a value."""
        return Tick(round(100 * self.share(value), 2), _short(value) if text is None else text)

    def zone(self, kind: str, start: float, end: float, text: str = "") -> Zone:
        """A stretch from one value to another."""
        at = 100 * self.share(start)
        return Zone(kind, round(at, 2), round(100 * self.share(end) - at, 2), text)


def per_frame(judged: Sequence[Judged], readiness: Readiness, info: ClipInfo) -> Chart:
    """Tracks on each frame: the good ones, and all that are switched on; with the zones in which a solve is weak."""
    frames = range(info.frame_start, info.frame_end + 1)
    good = {frame: readiness.tracks_per_frame.get(frame, 0) for frame in frames}
    every = _counted_frames(each.track.markers for each in judged if each.track.enabled)
    most = max(max(good.values(), default=0), max((every[frame] for frame in frames), default=0), 20)
    axis = Axis(0, most * 1.05, square_root=most > SQUARE_ROOT_ABOVE)
    across = Axis(info.frame_start, info.frame_end + 1)
    least = min(good.values(), default=0)
    return Chart(
        title="Tracks on each frame",
        description=f"{figure(least)} good tracks on the weakest frame, {figure(max(good.values(), default=0))} on the "
        f"best. {low_frames(good)}",
        shapes=[
            Shape("line every", _steps({frame: every[frame] for frame in frames}, across, axis)),
            Shape("line good", _steps(good, across, axis)),
        ],
        x_ticks=frame_ticks(info.frame_start, info.frame_end, across, 0.5),
        y_ticks=[axis.tick(value) for value in _count_ticks(most, axis)],
        note="The scale is a square root, so that few tracks can be told apart." if axis.square_root else "",
        zones=[
            axis.zone("red", 0, WILL_FAIL, f"below {WILL_FAIL}: will fail"),
            axis.zone("yellow", WILL_FAIL, WEAK, f"below {WEAK}: weak"),
        ],
    )


def low_frames(good: Mapping[int, int]) -> str:
    """In words, the frames that have too few good tracks."""
    failing = [frame for frame, count in good.items() if count < WILL_FAIL]
    weak = [frame for frame, count in good.items() if WILL_FAIL <= count < WEAK]
    told = []
    if failing:
        told.append(f"Fewer than {WILL_FAIL} good tracks, a solve will fail: frames {spans(failing)}.")
    if weak:
        told.append(f"{WILL_FAIL} to {WEAK - 1}, weak: frames {spans(weak)}.")
    return " ".join(told) or f"Every frame has {WEAK} good tracks or more."


def bad_per_frame(judged: Sequence[Judged], info: ClipInfo) -> Chart | None:
    """Bad markers on each frame; None where there are none."""
    frames = range(info.frame_start, info.frame_end + 1)
    found = _counted_frames(each.bad_markers for each in judged)
    counts = {frame: found[frame] for frame in frames}
    most = max(counts.values(), default=0)
    if not most:
        return None
    axis, across = Axis(0, most), Axis(info.frame_start, info.frame_end + 1)
    worst = max(counts, key=lambda frame: counts[frame])
    return Chart(
        title="Bad markers on each frame",
        description=f"{counted(sum(counts.values()), 'bad marker')}; most of them on frame {worst}: {most:,}.",
        shapes=[Shape("area bad", _steps(counts, across, axis, closed=True))],
        x_ticks=frame_ticks(info.frame_start, info.frame_end, across, 0.5),
        y_ticks=[axis.tick(0), axis.tick(most)],
    )


def distributions(judged: Sequence[Judged], most: int = 12) -> list[Chart]:
    """How track lengths, and the measures behind the verdicts, are distributed; stacked by verdict."""
    lengths = {state: [float(len(e.track.markers)) for e in judged if e.state == state] for state in STATES}
    charts = [histogram("track length", "frames", lengths)]
    names = Counter(name for each in judged if each.verdict for name in each.verdict.measures)
    for name in list(names)[:most]:
        values: dict[str, list[float]] = {state: [] for state in STATES}
        for each in judged:
            value = each.verdict.measures.get(name, math.nan) if each.verdict else math.nan
            if math.isfinite(value):
                values[each.state].append(value)
        charts.append(histogram(*label(name), values))
    return [chart for chart in charts if chart is not None]


def histogram(title: str, unit: str, values: Mapping[str, Sequence[float]]) -> Chart | None:
    """Values by state, stacked; what lies far out is gathered in the last bin. None where there are no values."""
    every = np.array([value for group in values.values() for value in group])
    if not every.size:
        return None
    low, high, beyond = _range(every)
    whole = bool((every == np.round(every)).all()) and high - low < BINS
    edges = np.arange(low - 0.5, high + 1) if whole else np.linspace(low, high, BINS + 1)
    counts = {state: np.histogram(np.minimum(group, edges[-1]), edges)[0] for state, group in values.items() if group}
    middle = float((low + high) // 2) if (every == np.round(every)).all() and high - low > 1 else (low + high) / 2
    across, axis = Axis(float(edges[0]), float(edges[-1])), Axis(0, float(np.sum(list(counts.values()), axis=0).max()))
    floor = np.zeros(len(edges) - 1)
    shapes = []
    for state in STATES:
        if state in counts:
            shapes.append(Shape(f"bar {state}", _bars(edges, floor, floor + counts[state], across, axis)))
            floor = floor + counts[state]
    return Chart(
        title=title,
        unit=unit,
        description=f"{title} of {counted(every.size, 'track')}: {figure(float(every.min()))} to "
        f"{figure(float(every.max()))} {unit}, {figure(float(np.median(every)))} at the median",
        shapes=shapes,
        x_ticks=[
            across.tick(low),
            across.tick(middle),
            across.tick(high, f"≥ {_short(high)}" if beyond else None),
        ],
        y_ticks=[axis.tick(axis.high)],
        note=f"median {figure(float(np.median(every)))}",
    )


def track_curves(judged: Judged) -> list[Chart]:
    """The curves of one track by frame: those of its verdict, and what the engine has left with it."""
    curves: dict[str, Mapping[int, float]] = dict(judged.verdict.curves) if judged.verdict else {}
    known = {label(name)[0] for name in curves}
    for name, values in (
        ("correlation", judged.track.correlations),
        ("forward_backward_px", judged.track.forward_backward),
    ):
        if values and label(name)[0] not in known:
            curves[name] = values
    charts = [_curve(name, values, judged) for name, values in curves.items()]
    return [chart for chart in charts if chart is not None][:MOST_CURVES]


def _curve(name: str, values: Mapping[int, float], judged: Judged) -> Chart | None:
    values = {frame: value for frame, value in sorted(values.items()) if math.isfinite(value)}
    if not values:
        return None
    title, unit = label(name)
    frames = judged.frames or list(values)
    across = Axis(min(frames[0], min(values)) - 0.5, max(frames[-1], max(values)) + 0.5)
    axis = _value_axis(title, values.values())
    minimum = judged.track.correlation_min if title == "correlation" else None
    shapes = [Shape("span", _spans(judged.bad_markers, across)), Shape("line value", _line(values, across, axis))]
    if minimum is not None and minimum > axis.low:
        shapes.append(Shape("line threshold", f"M0 {axis.y(minimum)}H1000"))
    worst = min(values.values()) if title == "correlation" else max(values.values(), key=abs)
    return Chart(
        title=title,
        unit=unit,
        description=f"{title} by frame, {figure(min(values.values()))} to {figure(max(values.values()))} {unit}",
        shapes=shapes,
        x_ticks=frame_ticks(math.ceil(across.low), math.floor(across.high), across, 0.0, most=4),
        y_ticks=[axis.tick(axis.low), axis.tick(axis.high)],
        note=f"worst {figure(worst)}",
    )


def _value_axis(title: str, values: Collection[float]) -> Axis:
    low, high = min(values), max(values)
    if title == "correlation":
        return Axis(math.floor(min(low, 0.5) * 10) / 10, 1.0)
    return Axis(-_rounded_up(-low) if low < 0 else 0.0, _rounded_up(max(high, 1e-6)))


def _rounded_up(value: float) -> float:
    """The next of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next((step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8) if value <= step * power * (1 + 1e-9)), 10 * power)


def frame_ticks(first: int, last: int, across: Axis, offset: float, most: int = 6) -> list[Tick]:
    """Round frame numbers, with the first and the last; ``offset`` from a frame's number to its middle."""
    step = next(s * 10**p for p in range(9) for s in (1, 2, 5) if (last - first) / (s * 10**p) <= most - 1)
    inner = [f for f in range(first - first % step, last, step) if f - first > step * 0.45 and last - f > step * 0.45]
    return [across.tick(frame + offset, str(frame)) for frame in dict.fromkeys((first, *inner, last))]


def _short(value: float) -> str:
    text = figure(value)
    return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text


def _counted_frames(columns: Iterable[Mapping[int, Any]]) -> Counter[int]:
    counts: Counter[int] = Counter()
    for column in columns:
        counts.update(column.keys())
    return counts


def _count_ticks(most: int, axis: Axis) -> list[int]:
    wanted = [0, WILL_FAIL, WEAK, *(s * 10**p for p in range(1, 7) for s in (1, 2, 5)), most]
    ticks: list[int] = []
    for value in (0, WILL_FAIL, WEAK, most, *wanted):
        if value <= most and all(abs(axis.share(value) - axis.share(tick)) > 0.07 for tick in ticks):
            ticks.append(value)
    return sorted(ticks)


def _range(values: npt.NDArray[Any]) -> tuple[float, float, bool]:
    """From where to where bins go, and whether values lie beyond (the last two of a hundred, when far out)."""
    low, high = float(values.min()), float(values.max())
    usual = float(np.quantile(values, 0.98))
    beyond = high - low > 1.5 * (usual - low) > 0
    high = usual if beyond else high
    return (low, high, beyond) if high > low else (low - 0.5, high + 0.5, False)


def _bars(edges: npt.NDArray[Any], floor: npt.NDArray[Any], top: npt.NDArray[Any], across: Axis, axis: Axis) -> str:
    return "".join(
        f"M{across.x(edges[i])} {axis.y(floor[i])}V{axis.y(top[i])}H{across.x(edges[i + 1])}V{axis.y(floor[i])}z"
        for i in np.flatnonzero(top > floor)
    )


def _steps(counts: Mapping[int, int], across: Axis, axis: Axis, *, closed: bool = False) -> str:
    """A stair over frames: each is as wide as it lasts."""
    pieces = [f"M{across.x(min(counts))} {axis.y(0)}" if closed else ""]
    runs = _equal_runs(counts)
    for start, end, count in runs:
        lead = "M" if not closed and start == runs[0][0] else "L"
        pieces.append(f"{lead}{across.x(start)} {axis.y(count)}H{across.x(end)}")
    return "".join(pieces) + (f"V{axis.y(0)}z" if closed else "")


def _equal_runs(counts: Mapping[int, int]) -> list[tuple[int, int, int]]:
    runs: list[tuple[int, int, int]] = []
    for frame, count in counts.items():
        if runs and runs[-1][2] == count:
            runs[-1] = (runs[-1][0], frame + 1, count)
        else:
            runs.append((frame, frame + 1, count))
    return runs


def _line(values: Mapping[int, float], across: Axis, axis: Axis) -> str:
    """A line through values by frame, broken where frames are missing; a dot where one stands alone."""
    pieces = []
    for run in segments(values):
        kept = _thinned(run, values.__getitem__, max(4, MOST_POINTS * len(run) // len(values)))
        points = [f"{across.x(frame)} {axis.y(values[frame])}" for frame in kept]
        pieces.append(f"M{'L'.join(points)}" + ("h0" if len(points) == 1 else ""))
    return "".join(pieces)


def _spans(frames: Collection[int], across: Axis) -> str:
    """Frames as upright bars; on long tracks a bar may stand for several frames."""
    width = max(1, math.ceil((across.high - across.low) / BARS))
    columns = {int((frame - across.low) // width) for frame in frames if across.low <= frame <= across.high}
    ways = ((across.low + run[0] * width, across.low + (run[-1] + 1) * width) for run in segments(columns))
    return "".join(f"M{across.x(start)} 0H{across.x(end)}V100H{across.x(start)}z" for start, end in ways)


def _thinned(frames: Sequence[int], value: Callable[[int], float], most: int) -> list[int]:
    """At most ``most`` of the frames: of each piece, those with the least and the greatest value."""
    if len(frames) <= most:
        return list(frames)
    pieces = np.array_split(np.array(frames), most // 2)
    kept = {frames[0], frames[-1]}
    for piece in pieces:
        kept |= {min(piece.tolist(), key=value), max(piece.tolist(), key=value)}
    return sorted(kept)
