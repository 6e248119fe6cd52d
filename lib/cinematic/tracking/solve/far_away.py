"""Tracks so far away that their distance does not show: the sky, a coast, a skyline.

To a solver that keeps each point as x, y and z such a point is anywhere on its ray, behind the camera, too, and one
that is not robust may be led astray by it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..presets import larger_than_usual
from .cameras import Cameras
from .triangulation import parallax, triangulate

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_NEAR = 2.0  # px of parallax, on plates up to 1920 wide: some ten times what a marker scatters
_LEAST_LEFT = 30  # tracks on a frame, that a camera there may rest on


def far_away(cameras: Cameras, positions: FloatArray, width: int) -> BoolArray:
    """(n,) Which tracks show no distance, the farthest first, as long as 30 others are left on each of their frames.

    Parameters
    ----------
    cameras : Cameras
        Of f frames, that move.
    positions : (n, f, 2)
        Tracks, px; NaN where there is no marker.
    width
        Of the picture, px.
    """
    seen = np.isfinite(positions[..., 0]) & cameras.solved
    shown = np.flatnonzero(seen.sum(axis=1) >= 2)
    points = triangulate(cameras, positions[shown])
    angles = np.radians(parallax(cameras, points, positions[shown], seen[shown].argmax(axis=1)))
    focal = np.median(cameras.focal[cameras.solved])
    px = np.nan_to_num(angles, nan=0.0) * focal  # who has no point in front of the cameras is farther away than all
    left, far = seen.sum(axis=0), np.zeros(len(positions), bool)
    for row in shown[np.argsort(px, kind="stable")][: np.count_nonzero(px < _NEAR * larger_than_usual(width))]:
        if (left[seen[row]] > _LEAST_LEFT).all():
            left[seen[row]] -= 1
            far[row] = True
    return far
