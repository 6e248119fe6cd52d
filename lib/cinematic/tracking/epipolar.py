"""Do tracks move as points of one rigid scene do? Robust two-view geometry over several frame gaps.

Between two frames all points of a rigid scene obey one fundamental matrix: each lies on its epipolar line. A track
that does not, over several pairs of frames, is no point of the scene: mismatched, occluded, or on something that
moves. Where there is no parallax (the camera only turns, or sees one plane) a homography says it all, the fundamental
matrix is not determined, and distances are taken from the homography: nothing is flagged for lack of parallax.

Sources: Sampson distance, Hartley & Zisserman 2004, eq. 11.9; MAGSAC++, Barath et al. 2020, in OpenCV's USAC.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

GAPS = (3, 6, 12, 24)
"""Frames between the two of a pair."""

LEAST_TRACKS = 16
"""Tracks that a pair must have in common: eight determine the matrix, as many again tell who is wrong."""

MOST_PAIRS = 400
"""Pairs that are looked at; on a long shot they are spread evenly."""

_TIGHT = 0.5  # px; inliers of the fundamental matrix
_NO_PARALLAX = 0.95  # a homography explains this share of what the fundamental matrix explains
_LITTLE_PARALLAX = 0.8


def epipolar_distances(positions: FloatArray, gaps: Sequence[int] = GAPS) -> FloatArray:
    """How far each marker is from where the scene's motion allows it to be.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px; NaN where there is no marker.
    gaps
        Frames between the two of a pair.

    Returns
    -------
    (n, f) float64
        Px; NaN where there was no pair to judge by. For each gap the better of a marker's two partners counts (a good
        marker has a bad partner now and then, a bad one has no good partner), and then the gap that shows most: a slow
        drift shows over long gaps only.
    """
    count, frames, _ = positions.shape
    worst = np.full((count, frames), np.nan)
    for gap in gaps:
        best = np.full((count, frames), np.nan)
        for first in _starts(frames, gap, len(gaps)):
            rows = np.flatnonzero(np.isfinite(positions[:, [first, first + gap], 0]).all(axis=1))
            distances = pair_distances(positions[rows, first], positions[rows, first + gap])
            if distances is not None:
                for frame in (first, first + gap):
                    best[rows, frame] = np.fmin(best[rows, frame], distances)
        worst = np.fmax(worst, best)
    return worst


def pair_distances(first: FloatArray, second: FloatArray) -> FloatArray | None:
    """Distances of n correspondences, (n, 2) px each, from the two-view geometry that most of them share.

    None where there are too few of them, or no geometry fits.
    """
    import cv2  # a tenth of a second that most uses of this package do not need

    if len(first) < LEAST_TRACKS:
        return None
    fundamental = _fundamental(first, second)
    if fundamental is None:
        return None
    along = sampson_distances(fundamental, first, second)
    homography, _ = cv2.findHomography(first, second, cv2.USAC_MAGSAC, 2 * _TIGHT, maxIters=2000, confidence=0.999)
    if homography is None:
        return along
    plane = (
        transfer_distances(np.asarray(homography, dtype=np.float64), first, second) / 2
    )  # two directions to miss in, twice the tolerance
    explained = float((plane < _TIGHT).sum()) / max(1, int((along < _TIGHT).sum()))
    if explained >= _NO_PARALLAX:
        return plane
    return np.minimum(along, plane) if explained >= _LITTLE_PARALLAX else along


def plane_distances(first: FloatArray, second: FloatArray, inlier_px: float) -> FloatArray | None:
    """Distances, px, of n correspondences, (n, 2) px each, from the homography that most of them share; None: none do.

    So many pixels off is still taken for its own.
    """
    import cv2

    homography, _ = cv2.findHomography(first, second, cv2.USAC_DEFAULT, inlier_px, maxIters=500)
    return None if homography is None else transfer_distances(np.asarray(homography, dtype=np.float64), first, second)


def sampson_distances(fundamental: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """First-order distance, px, of n correspondences from ``second' F first = 0``."""
    a, b = np.column_stack([first, np.ones(len(first))]), np.column_stack([second, np.ones(len(second))])
    line_in_second, line_in_first = a @ fundamental.T, b @ fundamental
    steepness = np.sqrt((line_in_second[:, :2] ** 2).sum(axis=1) + (line_in_first[:, :2] ** 2).sum(axis=1))
    return np.abs((b * line_in_second).sum(axis=1)) / np.maximum(steepness, 1e-12)


def transfer_distances(homography: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray:
    """Distance, px, of n points from where the homography takes their partners."""
    moved = np.column_stack([first, np.ones(len(first))]) @ homography.T
    return np.linalg.norm(moved[:, :2] / moved[:, 2:] - second, axis=1)


def _fundamental(first: FloatArray, second: FloatArray) -> FloatArray | None:
    import cv2

    try:
        matrix, _ = cv2.findFundamentalMat(first, second, cv2.USAC_MAGSAC, _TIGHT, 0.9999, 5000)
    except cv2.error:
        return None  # OpenCV asserts where no sample gave a model at all
    return None if matrix is None else np.asarray(matrix[:3], dtype=np.float64)


def _starts(frames: int, gap: int, gaps: int) -> range:
    """First frames of the pairs with this gap; on a long shot every second, third ... one."""
    step = max(1, -(-max(0, frames - gap) * gaps // MOST_PAIRS))
    return range(0, frames - gap, step)
