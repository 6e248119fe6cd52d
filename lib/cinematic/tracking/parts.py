"""Which parts of a track are worth keeping: the part around its reference marker, and what follows after a jump.

From the reference frame to either side a track is followed until it leaves the scene's motion for good. What lies
beyond is cut off. A long run beyond that holds together as a point of its own, as after a jump to a look-alike, is a
part, too.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .order_statistics import quantile
from .solve import Cameras, Solution
from .solve.pinned import triangulate_pinned
from .solve.triangulation import reprojection_errors, triangulate

FloatArray = npt.NDArray[np.float64]
Part = tuple[int, int]
"""First and last index of a run of frames, inclusive."""

LEAST_NEW = 8
"""Markers of a part that becomes a track of its own."""

_FOR_GOOD = 2  # markers in a row that are off
_MOSTLY = 0.8  # of a part's markers are not off
_LOOKED_FROM = (0.0, 0.25, 0.5, 0.75, 1.0)  # of a stretch's markers


def part_around(astray: npt.NDArray[np.bool_], marked: npt.NDArray[np.bool_], reference: int) -> Part:
    """The part that follows the point of the reference marker.

    Parameters
    ----------
    astray : (f,)
        Where a marker is off; where nothing is known is no reason to cut.
    marked : (f,)
        Where the track has a marker.
    reference
        Index of the reference marker's frame.
    """
    frames = np.flatnonzero(marked)
    off = astray[frames]
    at = int(np.searchsorted(frames, reference))
    last = at + _until_off(off[at:])
    first = at - _until_off(off[: at + 1][::-1])
    return int(frames[first]), int(frames[last])


def parts_beyond(positions: FloatArray, solution: Solution, kept: Part, limit: float) -> list[Part]:
    """Runs outside ``kept`` that are points of the scene by themselves.

    Parameters
    ----------
    positions : (f, 2)
        px; NaN where there is no marker.
    limit
        px that nine in ten of their markers must stay below.
    """
    marked = np.isfinite(positions[:, 0])
    found = []
    for low, high in ((0, kept[0] - 1), (kept[1] + 1, len(positions) - 1)):
        for run in _runs(marked, low, high):
            part = _as_one_point(positions, solution, run, limit) if run[1] - run[0] + 1 >= LEAST_NEW else None
            if part is not None:
                found.append(part)
    return found


def _until_off(off: npt.NDArray[np.bool_]) -> int:
    """Index of the last marker before the track is off for good; the first one, the reference, always stays."""
    last = 0
    for index in range(1, len(off)):
        if not off[index]:
            last = index
        elif off[index : index + _FOR_GOOD].all():  # at the end of a track one is enough
            break
    return last


def _runs(marked: npt.NDArray[np.bool_], low: int, high: int) -> list[Part]:
    inside = np.flatnonzero(marked[low : high + 1]) + low
    pieces = np.split(inside, np.flatnonzero(np.diff(inside) > 1) + 1)
    return [(int(piece[0]), int(piece[-1])) for piece in pieces if len(piece)]


def _as_one_point(positions: FloatArray, solution: Solution, run: Part, limit: float) -> Part | None:
    """The run without what is off at its ends, as the markers on either side of a jump; None: it is no point."""
    alone = np.full((1, *positions.shape), np.nan)
    alone[0, run[0] : run[1] + 1] = positions[run[0] : run[1] + 1]
    errors = reprojection_errors(solution.cameras, triangulate(solution.cameras, alone), alone)[0]
    near = np.flatnonzero(errors <= limit)  # False for NaN
    if not len(near) or near[-1] - near[0] + 1 < LEAST_NEW:
        return None
    part = errors[near[0] : near[-1] + 1]
    fits = bool(np.isfinite(part).all()) and quantile(part.tolist(), 0.9) <= limit
    return (int(near[0]), int(near[-1])) if fits else None


def best_parts(
    cameras: Cameras, positions: FloatArray, widened: FloatArray, limits: tuple[float, float]
) -> list[tuple[int, npt.NDArray[np.int64]] | None]:
    """Of stretches that as a whole show no point of the scene, the longest part that does.

    Each is looked at from several frames: the point on the ray of the marker there is compared with the other markers.

    Parameters
    ----------
    positions : (n, f, 2)
        px; NaN outside the stretch.
    widened : (f,)
        By how much limits widen in each frame.
    limits
        px from which a marker is off, and px that nine in ten of a part's markers must stay below.

    Returns
    -------
    list
        Index of the reference frame, and of the frames to keep; None: there is no such part.
    """
    found: list[tuple[int, npt.NDArray[np.int64]] | None] = [None] * len(positions)
    marked = np.isfinite(positions[..., 0])
    for share in _LOOKED_FROM:
        references = np.array([_at_share(row, share) for row in marked], np.int64)
        points = triangulate_pinned(cameras, positions, references)
        distance = reprojection_errors(cameras, points, positions) / widened
        for row, reference in enumerate(references.tolist()):
            low, high = part_around(distance[row] > limits[0], marked[row], reference)
            frames = np.flatnonzero(distance[row] <= limits[0])  # False for NaN
            frames = frames[(frames >= low) & (frames <= high)]
            there = int(marked[row, low : high + 1].sum())
            best = found[row]
            if len(frames) < max(LEAST_NEW, _MOSTLY * there, 0 if best is None else len(best[1]) + 1):
                continue
            if reference in frames and quantile(distance[row, frames].tolist(), 0.9) <= limits[1]:
                found[row] = reference, frames
    return found


def _at_share(marked: npt.NDArray[np.bool_], share: float) -> int:
    frames = np.flatnonzero(marked)
    return int(frames[round(share * (len(frames) - 1))])
