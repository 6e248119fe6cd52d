"""What is fixed to the camera: the car that it is in, an overlay, dirt on the lens. It stands still in the picture.

To a solver it is a scene like any other, one that a camera at rest shows. Whoever solves a camera wants what moves in
the picture; where that covers more of it, it is asked first.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..coords import Extent
from ..grid import Grid, coarse_grid, some_of

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_STILL_PX = 0.5  # root mean square, about its own mean, of a track that stands still
_LEAST_MARKERS = 10  # of a track that can be told to
_AHEAD = 5  # frames
_MOVING_PX = 1.0  # within these, at the median: less, and everything stands still
_LEAST_SHARE = 0.1  # of the markers: fewer are outvoted anyway


def fixed_to_the_picture(positions: FloatArray, size: Extent) -> BoolArray:
    """(n,) Which tracks stand still while the others move; none where these cover less of the picture, or it is few.

    What stands still all the time may also be so far away that a camera which does not turn shows it so.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px; NaN where there is no marker.
    size
        Width and height of the picture, px.
    """
    seen = np.isfinite(positions[..., 0])
    fixed = _still(positions, seen)
    moves = _moves(positions[~fixed])
    fixed &= _median_where(moves, seen) > _MOVING_PX
    if seen[fixed].sum() < _LEAST_SHARE * seen.sum():
        return np.zeros(len(positions), bool)
    covered, left = (_covered(positions[rows], coarse_grid(size)) for rows in (fixed, ~fixed))
    return fixed & (left > covered)


def _still(positions: FloatArray, seen: BoolArray) -> BoolArray:
    """(n,) Which tracks have enough markers, all of them about one place."""
    count = np.maximum(1, seen.sum(axis=1))
    filled = np.where(seen[..., None], positions, 0.0)
    mean = filled.sum(axis=1) / count[:, None]
    away = np.where(seen[..., None], positions - mean[:, None], 0.0)
    scatter = np.sqrt((away**2).sum(axis=(1, 2)) / count)
    return (seen.sum(axis=1) >= _LEAST_MARKERS) & (scatter <= _STILL_PX)


def _moves(positions: FloatArray) -> FloatArray:
    """(f,) px that tracks move within the next few frames, at the median; NaN where none goes on that far."""
    moves = np.full(positions.shape[1], np.nan)
    if positions.shape[1] <= _AHEAD:
        return moves
    steps = np.linalg.norm(positions[:, _AHEAD:] - positions[:, :-_AHEAD], axis=2)
    known = np.isfinite(steps)
    for frame in np.flatnonzero(known.any(axis=0)):
        moves[frame] = np.median(steps[known[:, frame], frame])
    return moves


def _median_where(values: FloatArray, seen: BoolArray) -> FloatArray:
    """(n,) The median of what is known of each track's frames, of values (f,); NaN where nothing is."""
    known = seen & np.isfinite(values)
    return np.array([np.median(values[row]) if row.any() else np.nan for row in known])


def _covered(positions: FloatArray, grid: Grid) -> float:
    """How many parts of the picture hold a marker, on the median frame."""
    return float(np.median([grid.held(positions[:, frame]) for frame in some_of(positions.shape[1])]))
