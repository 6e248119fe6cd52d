"""What a tracker knows of each of its tracks, as columns: rows come and go, and all of it can be saved.

A row's place in the columns is the tracker's own business; outside, a track is known by its number, counted from 0 in
the order in which tracks came. Rows are in the order of their numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..errors import ParameterError
from .patterns import PatternGrid, Patterns, empty_patterns
from .types import AUTO, MOTION_MODELS, Seeds, TrackOptions

SHAPE_SPAN = 4  # frames over which TrackOptions.shape_change_max is meant
_FEW, _MOST_FORGOTTEN = 48, 0.25  # rows, and share of all rows, that may be those of forgotten tracks


class TrackTable:
    """The columns. Lengths are pixels, matrices are homographies; n rows."""

    _number: np.ndarray  # (n,) the track's
    _adaptive: np.ndarray  # (n,) its motion model is chosen frame by frame
    _models: np.ndarray  # (n,) index into MOTION_MODELS
    _match: np.ndarray  # (n,) one of PATTERN_MATCHES
    _correlation_min: np.ndarray  # (n,)
    _alive: np.ndarray  # (n,) it has a marker in the last frame
    _forgotten: np.ndarray  # (n,) its row goes with others: to let rows go moves the memory of all that stay
    _fresh: np.ndarray  # (n,) it has one marker only, so that its velocity is unknown
    _seed_frame: np.ndarray  # (n,)
    _position: np.ndarray  # (n, 2) the last marker
    _velocity: np.ndarray  # (n, 2)
    _warp: np.ndarray  # (n, 3, 3) template coordinates of the reference in use -> frame
    _base: np.ndarray  # (n, 3, 3) first pattern's pixel offsets -> those template coordinates
    _first_base: np.ndarray  # (n, 3, 3)
    _link_covariance: np.ndarray  # (n, 2, 2) of the reference in use, in its pixels^2
    _first_link_covariance: np.ndarray  # (n, 2, 2)
    _reference_frame: np.ndarray  # (n,)
    _shapes: np.ndarray  # (n, SHAPE_SPAN, 2, 2) of the last frames, in turn; first pattern -> frame
    _sharp_place: np.ndarray  # (n, 3, 3) first pattern's pixel offsets -> the last sharp frame; NaN: it was not there
    _service: np.ndarray  # (n,) frames in which the reference in use has been matched
    _patch: np.ndarray  # (n, m) what alignment read last
    _patterns: Patterns
    _first_patterns: Patterns | None  # copies of first references, once any track has left its own

    def __init__(self, options: TrackOptions, grid: PatternGrid) -> None:
        self.options = options
        self.grid = grid
        self._steps = 0  # frames taken so far
        self._count = 0  # tracks that ever were
        self._rooms: dict[str, np.ndarray] = {}  # what columns are the beginning of
        self._patterns = empty_patterns(0, grid)
        self._first_patterns = None
        for name, column in _columns(Seeds(0, np.zeros((0, 2))), options, self._patterns, 0).items():
            setattr(self, name, column)

    def _append(self, seeds: Seeds) -> None:
        """Rows for further tracks, behind the others."""
        patterns = empty_patterns(len(seeds), self.grid)
        for name, column in _columns(seeds, self.options, patterns, self._count).items():
            setattr(self, name, self._longer(name, getattr(self, name), column))
        self._patterns = self._joined("pattern", self._patterns, patterns)
        if self._first_patterns is not None:
            self._first_patterns = self._joined("first", self._first_patterns, patterns)
        self._count += len(seeds)

    def _joined(self, whose: str, known: Patterns, new: Patterns) -> Patterns:
        names = (f"{whose} {name}" for name in Patterns._fields)
        return Patterns(*map(self._longer, names, known, new))

    def _longer(self, name: str, column: np.ndarray, more: np.ndarray) -> np.ndarray:
        """A column with further rows, in the room behind it where that is enough: most frames bring a few tracks."""
        room, count = self._rooms.get(name), len(column) + len(more)
        if room is None or column.base is not room or count > len(room):
            room = np.empty((count + len(column), *column.shape[1:]), column.dtype)
            room[: len(column)] = column
            self._rooms[name] = room
        room[len(column) : count] = more
        return room[:count]

    def _forget_rows(self, rows: np.ndarray) -> None:
        """Let them go, now or when there are many."""
        self._alive[rows], self._forgotten[rows] = False, True
        if self._forgotten.sum() > max(_FEW, _MOST_FORGOTTEN * len(self._forgotten)):
            self._keep_rows(np.flatnonzero(~self._forgotten))

    def _keep_rows(self, rows: np.ndarray) -> None:
        """Let all other rows go."""
        for name in _COLUMNS:
            setattr(self, name, _shorter(getattr(self, name), rows))
        self._patterns = Patterns(*(_shorter(array, rows) for array in self._patterns))
        if self._first_patterns is not None:
            self._first_patterns = Patterns(*(_shorter(array, rows) for array in self._first_patterns))

    def _rows_of(self, tracks: Any) -> np.ndarray:
        """(k,) The rows of tracks, given by their numbers."""
        tracks = np.asarray(tracks, np.int64).reshape(-1)
        rows = np.searchsorted(self._number, tracks)
        known = rows < len(self._number)
        known[known] = (self._number[rows[known]] == tracks[known]) & ~self._forgotten[rows[known]]
        if not known.all():
            raise ParameterError(f"expected tracks that are here and not forgotten, got {tracks[~known].tolist()}")
        return rows

    def state(self) -> dict[str, np.ndarray]:
        """All of it but the last frame, as arrays of numbers and text; for :meth:`_restore`."""
        arrays = {name: getattr(self, name) for name in _COLUMNS}
        arrays |= {f"pattern {name}": array for name, array in self._patterns._asdict().items()}
        if self._first_patterns is not None:
            arrays |= {f"first {name}": array for name, array in self._first_patterns._asdict().items()}
        return arrays | {"counts": np.array([self._steps, self._count])}

    def _restore(self, state: Mapping[str, np.ndarray]) -> None:
        for name in _COLUMNS:
            setattr(self, name, state[name])
        self._patterns = Patterns(*(state[f"pattern {name}"] for name in Patterns._fields))
        if "first values" in state:
            self._first_patterns = Patterns(*(state[f"first {name}"] for name in Patterns._fields))
        self._steps, self._count = (int(number) for number in state["counts"])


def _columns(seeds: Seeds, options: TrackOptions, patterns: Patterns, first: int) -> dict[str, np.ndarray]:
    """The columns of tracks that have not begun, numbered from ``first``."""
    count = len(seeds)
    models, matches, minima = seeds.settings(options)
    return {
        "_number": np.arange(first, first + count),
        "_adaptive": np.array([name == AUTO for name in models], bool),
        "_models": np.array([0 if name == AUTO else MOTION_MODELS.index(name) for name in models], np.int64),
        "_match": np.array(matches, dtype="<U10"),
        "_correlation_min": np.array(minima, np.float64),  # kernels take no other
        "_alive": np.zeros(count, bool),
        "_forgotten": np.zeros(count, bool),
        "_fresh": np.zeros(count, bool),
        "_seed_frame": np.array(seeds.frames, np.int64),
        "_position": seeds.positions.copy(),
        "_velocity": np.zeros((count, 2)),
        "_warp": np.zeros((count, 3, 3)),
        "_base": np.zeros((count, 3, 3)),
        "_first_base": np.zeros((count, 3, 3)),
        "_link_covariance": np.zeros((count, 2, 2)),
        "_first_link_covariance": np.zeros((count, 2, 2)),
        "_reference_frame": np.array(seeds.frames, np.int64),
        "_shapes": np.zeros((count, SHAPE_SPAN, 2, 2)),
        "_sharp_place": np.full((count, 3, 3), np.nan),
        "_service": np.zeros(count, np.int64),
        "_patch": np.zeros_like(patterns.values),
    }


_COLUMNS = tuple(name for name in TrackTable.__annotations__ if not name.endswith("patterns"))


def _shorter(column: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """These rows of a column, in their order, at the beginning of its room."""
    column[: len(rows)] = column[rows]
    return column[: len(rows)]
