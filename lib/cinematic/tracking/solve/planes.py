"""What a shot's tracks would be if all they show were a plane: a measure for cameras that claim to explain more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..epipolar import plane_distances

FloatArray = npt.NDArray[np.float64]

_APART = 4  # frames
_LEAST_COMMON = 15  # tracks
_INLIER_PX = 1.5


def left_by_planes(positions: FloatArray) -> float:
    """Median distance, px, of markers from where homographies between pairs of frames take them; NaN: no pair has any.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks, px; NaN where there is no marker.
    """
    seen = np.isfinite(positions[..., 0])
    left = []
    for first in range(seen.shape[1] - _APART):
        common = np.flatnonzero(seen[:, first] & seen[:, first + _APART])
        if len(common) < _LEAST_COMMON:
            continue
        distances = plane_distances(positions[common, first], positions[common, first + _APART], _INLIER_PX)
        if distances is not None:
            left.append(distances)
    return float(np.median(np.concatenate(left))) if left else float("nan")
