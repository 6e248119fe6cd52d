"""How far each marker is from where one rigid scene, seen by one moving camera, would have it.

The measure that finds bad tracks: the camera is solved from all tracks together, each track's point is placed on the
ray of its own reference marker, and every other marker is compared with where that point shows. A point that is free
to move would hide a slow drift; on the reference marker's ray it cannot. Where there is no camera to solve (no
parallax, too few tracks), pairs of frames say it, less sharply (:mod:`.epipolar`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .coords import Size
from .epipolar import epipolar_distances
from .errors import TrackingError
from .solve import Solution
from .solve.pinned import triangulate_pinned
from .solve.solver import LensSearch, solve_shot
from .solve.triangulation import reprojection_errors

FloatArray = npt.NDArray[np.float64]

_POOR_FIT = 0.6  # share of the markers; where a fixed lens explains fewer, a zooming one is tried


@dataclass(frozen=True)
class SceneErrors:
    """What the scene's motion says of n tracks over f frames."""

    distance: FloatArray  # (n, f) px; NaN where nothing could be said
    offset: FloatArray  # (n, f, 2) px, from where the point shows to the marker; NaN without a solved camera
    solution: Solution | None  # the camera solve it rests on
    note: str  # why there is none; empty where there is


def scene_errors(
    positions: FloatArray, references: npt.NDArray[np.int64], size: Size, focal: float | None = None
) -> SceneErrors:
    """Compare every marker with the motion of the scene.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px, (0, 0) the centre of the top-left pixel; NaN where there is no marker.
    references : (n,)
        Index of the frame of each track's reference marker.
    focal
        px, where it is known.
    """
    try:
        solution = _solution(positions, size, focal)
    except TrackingError as error:
        return SceneErrors(epipolar_distances(positions), np.full(positions.shape, np.nan), None, str(error))
    cameras = solution.cameras
    pinned = triangulate_pinned(cameras, positions, references)
    free = np.isnan(pinned[:, :1])  # no camera in the reference frame
    points = np.where(free, solution.points, pinned)
    distance = reprojection_errors(cameras, points, positions)
    return SceneErrors(distance, positions - cameras.project(points), solution, "")


def _solution(positions: FloatArray, size: Size, focal: float | None) -> Solution:
    fixed = solve_shot(positions, size, LensSearch(focal, distortion=None))
    if _fit(fixed) >= _POOR_FIT:
        return fixed
    zooming = solve_shot(positions, size, LensSearch(focal, distortion=None, zooms=True))
    return zooming if _fit(zooming) > _fit(fixed) else fixed


def _fit(solution: Solution) -> float:
    judged = np.isfinite(solution.errors).sum()
    return float(solution.used.sum() / judged) if judged else 0.0
