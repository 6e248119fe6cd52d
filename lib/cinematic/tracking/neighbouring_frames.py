"""Where every track's pattern is, measured by what the frames around each marker show.

Markers come from a comparison of two frames, each with its own grain. What the frames around a marker show where it was
in them has next to no grain on average, over a window twice as wide as the pattern: compared with that, the marker
is less a matter of chance (:mod:`.engine.congealing`). Only what changes from frame to frame is learned so: the mean of
all markers over some time stays where it was, for that is what the reference marker says.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from .coords import lengths
from .engine.congealing import COLUMNS, REACH, Stacks
from .engine.types import odd_size
from .footage import Footage
from .presets import larger_than_usual

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

_TIMES = 2.4  # the pattern's side: on four development sets 2 to 3 are alike
_LARGEST = 61  # px
_LEAST_MARKERS = 5
_SHAPE_REACH, _TIE_REACH = 14, 12  # frames: how smooth shapes are over time; over how many the mean stays
_SHARE = 0.8  # of the way to where its neighbours have a marker; 0.65 to 1 are alike
_FARTHEST = 0.5  # px up to 1920 px wide: where this leads farther the marker stays where it is
_RIDGE = 1e-6  # of what each column has by itself: where a pattern does not tell two motions apart, both are small


def among_neighbours(
    positions: FloatArray, shapes: npt.NDArray[np.float32], sides: Sequence[float], references: IntArray, first: int, *,
    footage: Footage,
) -> FloatArray:  # fmt: skip
    """The positions, each moved most of the way to where those around it have the pattern.

    Parameters
    ----------
    positions : (n, f, 2)
        Pixels, from plate frame ``first`` on; NaN where there is no marker.
    shapes : (n, f, 2, 2)
        What a pattern's axes have become since its reference marker, to be smoothed over time; NaN: not known.
    sides : (n,)
        Of the tracks' patterns, pixels.
    references : (n,)
        Frames, counted from 0, of the reference markers, which stay where they are.

    Raises
    ------
    FootageError
        The footage cannot be read.
    """
    marked = np.isfinite(positions[..., 0])
    rows = np.flatnonzero((marked.sum(axis=1) >= _LEAST_MARKERS) & np.isfinite(shapes[..., 0, 0]).any(axis=1))
    smooth = _smoothed(shapes, marked, rows)
    frames = first + np.arange(marked.shape[1])
    marked &= np.isfinite(smooth[..., 0, 0])
    marked &= (frames >= footage.numbers.first) & (frames <= footage.numbers.last)
    groups = _groups(rows, marked, sides)
    with threadpool_limits(limits=1, user_api="blas"):  # small matrices: BLAS's threads would only wait for each other
        compared = [part for part in _compared(groups, positions, smooth, marked, first, footage) if len(part.rows)]
    moved = positions.copy()
    if not compared:
        return moved
    steps, farthest = _Steps.joined(compared), _FARTHEST * larger_than_usual(footage.size[0])
    for row, (begin, end), own in steps.by_row():
        span = slice(begin, end)
        step = np.einsum("fij,fj->fi", smooth[row, span].astype(np.float64), own)
        step -= _over_time(step, _TIE_REACH, linear=False)
        near = lengths(step) <= farthest  # False where it is NaN
        moved[row, span][near] -= _SHARE * step[near]
    each = np.arange(len(moved))
    moved[each, references] = positions[each, references]
    return moved


def _smoothed(shapes: npt.NDArray[np.float32], marked: np.ndarray, rows: IntArray) -> npt.NDArray[np.float32]:
    """Shapes smoothed over time from the first marker of a track to its last; NaN elsewhere, and of other rows."""
    smooth = np.full(shapes.shape, np.nan, np.float32)
    for row in rows:
        at = np.flatnonzero(marked[row])
        span = slice(at[0], at[-1] + 1)
        smooth[row, span] = _over_time(shapes[row, span].reshape(-1, 4), _SHAPE_REACH).reshape(-1, 2, 2)
    return smooth


@dataclass(frozen=True)
class _Steps:
    """How far k patterns are from the mean of their neighbours, in the axes of their reference patterns, pixels."""

    rows: IntArray  # (k,) tracks
    columns: IntArray  # (k,) frames, from the first one asked for on
    shift: FloatArray  # (k, 2) if their shapes are right
    coupling: FloatArray  # (k, 2, 4) by how much less for a change of shape
    bend: FloatArray  # (k, 4) the change of shape that explains most

    @classmethod
    def of(cls, rows: IntArray, column: int, gram: FloatArray, radius: float) -> _Steps:
        """From the Gram matrices (k, 9, 9) of a comparison; those of which too little is known are left out."""
        known = gram[:, 3, 3] > 0
        gram = gram[known]
        each = np.arange(COLUMNS)
        diagonal = gram[:, each, each]
        gram[:, each, each] += _RIDGE * np.where(diagonal > 0, diagonal, 1)
        whole = np.linalg.solve(gram[:, :8, :8], gram[:, :8, 8:])[..., 0]
        rigid = np.linalg.solve(gram[:, :4, :4], gram[:, :4, [8, 4, 5, 6, 7]])
        gain = np.maximum(1 + rigid[:, 2, :1], 0.3)
        shift, coupling = rigid[:, :2, 0] / gain, radius * rigid[:, :2, 1:] / gain[..., None]
        column_of = np.full(len(gram), column)
        return cls(rows[known], column_of, shift, coupling, np.clip(whole[:, 4:] / radius, -0.1, 0.1))

    @classmethod
    def joined(cls, parts: Sequence[_Steps]) -> _Steps:
        """All of them, track by track."""
        rows = np.concatenate([part.rows for part in parts])
        columns = np.concatenate([part.columns for part in parts])
        order = np.lexsort([columns, rows])
        shift, coupling, bend = (
            np.concatenate([getattr(part, name) for part in parts])[order] for name in ("shift", "coupling", "bend")
        )
        return cls(rows[order], columns[order], shift, coupling, bend)

    def by_row(self) -> Iterator[tuple[int, tuple[int, int], FloatArray]]:
        """Each track's row, the span of its frames and (f, 2) its steps there, changes of shape smoothed over time."""
        edges = np.flatnonzero(np.diff(self.rows, prepend=-1, append=-1))
        for begin, end in pairwise(edges.tolist()):
            columns = self.columns[begin:end]
            span = int(columns[0]), int(columns[-1]) + 1
            bend = np.full((span[1] - span[0], 4), np.nan)
            bend[columns - span[0]] = self.bend[begin:end]
            smooth = _over_time(bend, _SHAPE_REACH)[columns - span[0]]
            steps = np.full((len(bend), 2), np.nan)
            steps[columns - span[0]] = self.shift[begin:end] - np.einsum("kij,kj->ki", self.coupling[begin:end], smooth)
            yield int(self.rows[begin]), span, steps


class _Group:
    """Tracks with windows of one size, and their stacks."""

    def __init__(self, side: int, rows: IntArray, slots: IntArray) -> None:
        self.rows, self._slots = rows, slots
        self._stacks = Stacks(side, int(slots.max()) + 1)
        self._pending: list[tuple[int, int, npt.NDArray[np.bool_]]] = []

    def take(
        self, column: int, frame: int, image: np.ndarray, positions: FloatArray, shapes: np.ndarray, marked: np.ndarray
    ) -> None:
        """What a frame shows of those of all tracks that are marked there."""
        here = marked[self.rows, column]
        rows = self.rows[here]
        warps = np.zeros((len(rows), 3, 3))
        warps[:, :2, :2] = self._stacks.radius * shapes[rows, column]
        warps[:, :2, 2], warps[:, 2, 2] = positions[rows, column], 1
        self._stacks.take(frame, image, self._slots[here], warps)
        self._pending.append((column, frame, here))

    def compared(self, before: int) -> Iterator[_Steps]:
        """Those of frames whose neighbours have all been, when the next frame is ``before``."""
        while self._pending and self._pending[0][1] + REACH <= before:
            column, frame, here = self._pending.pop(0)
            gram = self._stacks.compare(frame, self._slots[here])
            yield _Steps.of(self.rows[here], column, gram, self._stacks.radius)


def _compared(
    groups: Sequence[_Group], positions: FloatArray, shapes: np.ndarray, marked: np.ndarray, first: int,
    footage: Footage,
) -> Iterator[_Steps]:  # fmt: skip
    """One pass over the frames with markers."""
    columns = np.flatnonzero(marked.any(axis=0))
    if not groups:
        return
    shown = set((first + columns).tolist())
    for frame, image in footage.frames(first + int(columns[0]), first + int(columns[-1])):
        if frame in shown:
            for group in groups:
                yield from group.compared(frame)
                group.take(frame - first, frame, image, positions, shapes, marked)
    for group in groups:
        yield from group.compared(first + int(columns[-1]) + REACH)


def _groups(rows: IntArray, marked: np.ndarray, sides: Sequence[float]) -> list[_Group]:
    of_size: dict[int, list[int]] = {}
    for row in rows.tolist():
        if marked[row].any():
            of_size.setdefault(min(odd_size(_TIMES * sides[row]), _LARGEST), []).append(row)
    return [_Group(side, np.array(members), _slots(marked[members])) for side, members in of_size.items()]


def _slots(marked: np.ndarray) -> IntArray:
    """(n,) Numbers for tracks with markers (n, f): the same for those that are long enough after one another."""
    begins, ends = marked.argmax(axis=1), marked.shape[1] - marked[:, ::-1].argmax(axis=1)
    slots = np.zeros(len(marked), np.int64)
    free: list[tuple[int, int]] = []  # from which frame on, and which slot
    for row in np.argsort(begins, kind="stable").tolist():
        reused = bool(free) and free[0][0] <= begins[row]
        slots[row] = heapq.heappop(free)[1] if reused else len(free)
        heapq.heappush(free, (int(ends[row]) + REACH, int(slots[row])))
    return slots


def _over_time(values: np.ndarray, reach: int, *, linear: bool = True) -> FloatArray:
    """(f, c) Values smoothed over frames by a local line, or constant, with weights that end ``reach`` frames away.

    Frames without a value (NaN) count nowhere and get one; where none is within reach it is NaN.
    """
    away = np.arange(1 - reach, reach)
    weight = (1 - (away / reach) ** 2) ** 2
    known = np.isfinite(values[:, :1]).astype(np.float64)
    filled = np.where(known > 0, values, 0.0)

    def summed(of: FloatArray, power: int) -> FloatArray:
        kernel = (weight * away.astype(np.float64) ** power)[::-1]
        columns = [np.convolve(column, kernel)[reach - 1 : reach - 1 + len(column)] for column in of.T]
        return np.stack(columns, axis=1)

    total, mean = summed(known, 0), summed(filled, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        constant = np.where(total > 1e-9, mean / total, np.nan)
        if not linear:
            return constant
        moment, square, slope = summed(known, 1), summed(known, 2), summed(filled, 1)
        spread = total * square - moment**2
        line = (square * mean - moment * slope) / spread
        return np.where(spread > 1e-3 * total**2, line, constant)
