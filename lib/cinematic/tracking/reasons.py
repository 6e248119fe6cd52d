"""Why a track is off the scene's motion, from how it came to be so.

An object that moves by itself takes its markers along from the first frame on, smoothly and with patterns that match
well. A marker that something passes in front of is right until then, and goes away quickly. One that finds a
look-alike jumps within one frame. What creeps away slowly drifts; along the direction in which its pattern holds it
least, it slides.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_JUMP_SHARE = 0.5  # of the largest offset, made within one frame
_LEAST_JUMP_PX = 2.0
_LEAST_COMMON = 4  # frames
_SUDDEN = 4.0  # times the median step
_MOVING_SHARE = 0.5  # of the frames are off
_COMPANY = 0.12  # of the picture's width: how near those are who may move along
_ALIKE = 0.35  # of an offset's size: how much those of one object may differ
_FAST_FRAMES = 5  # within which an occluder has taken a marker away
_FAST_GROWTH = 4.0  # times the limit
_ALONG = 0.85  # cosine with the pattern's weak direction
_UNEVEN = 1.4  # ratio of the predicted deviations, weak direction over strong


def why_off(
    distance: FloatArray, offset: FloatArray, reference: int, limit: float, in_company: bool,
    covariances: Mapping[int, tuple[float, float, float]],
) -> str:  # fmt: skip
    """The reason, of ``types.REASONS``, for a track with markers that are off.

    Parameters
    ----------
    distance : (f,)
        From the scene's motion, px; NaN where unknown.
    offset : (f, 2)
        The same as vectors; all NaN without a camera solve.
    reference
        Index of the reference marker's frame.
    limit
        px from which a marker is off.
    in_company
        Others near by are off in the same way (:func:`moves_along`).
    covariances
        Predicted xx, xy, yy in px^2 by index of the frame, as far as known.
    """
    judged = np.flatnonzero(np.isfinite(distance))
    off = distance[judged] > limit
    if in_company and off.mean() > _MOVING_SHARE:
        return "moving object"
    if _jumped(distance, offset, judged):
        return "mismatched jump"
    if _taken_away(distance, judged, reference, limit):
        return "occluded"
    return "sliding along an edge" if _slid(distance, offset, covariances) else "drifting"


def moves_along(
    positions: FloatArray, offset: FloatArray, distance: FloatArray, limit: float, width: int
) -> npt.NDArray[np.bool_]:
    """(n,) Which tracks are off together with another one near by, in the same way: points of one moving object.

    Parameters
    ----------
    positions, offset : (n, f, 2)
        px; see :func:`why_off`.
    distance : (n, f)
    """
    off = np.flatnonzero(np.nanmax(np.where(np.isfinite(distance), distance, 0.0), axis=1, initial=0.0) > limit)
    found = np.zeros(len(positions), bool)
    for row in off:
        apart = np.linalg.norm(positions[off] - positions[row], axis=2)
        size = np.linalg.norm(offset[row], axis=1)
        unlike = np.linalg.norm(offset[off] - offset[row], axis=2)
        common = np.isfinite(apart) & np.isfinite(unlike) & (size > limit)
        enough = common.sum(axis=1) >= _LEAST_COMMON
        near = np.where(common, apart, np.inf).min(axis=1) < _COMPANY * width
        alike = np.where(common, unlike, 0.0).sum(axis=1) < _ALIKE * np.where(common, size, 0.0).sum(axis=1)
        found[row] = (enough & near & alike & (off != row)).any()
    return found


def _jumped(distance: FloatArray, offset: FloatArray, judged: npt.NDArray[np.int64]) -> bool:
    """One step makes most of the way."""
    following = np.diff(judged) == 1
    if np.isfinite(offset).any():
        steps = np.linalg.norm(np.diff(offset[judged], axis=0), axis=1)[following]
    else:
        steps = np.abs(np.diff(distance[judged]))[following]
    steps = steps[np.isfinite(steps)]
    if not len(steps):
        return False
    largest = min(float(np.nanmax(distance[judged])), 1e6)
    least = max(_LEAST_JUMP_PX, _JUMP_SHARE * largest, _SUDDEN * float(np.median(steps)))
    return float(steps.max()) > least


def _taken_away(distance: FloatArray, judged: npt.NDArray[np.int64], reference: int, limit: float) -> bool:
    """Right for a while, then away within a few frames; followed from the reference frame to both sides."""
    for side in (judged[judged >= reference], judged[judged <= reference][::-1]):
        off = np.flatnonzero(distance[side] > limit)
        if len(off) and off[0] >= 2:
            after = distance[side[off[0] : off[0] + _FAST_FRAMES]]
            if after.max() > _FAST_GROWTH * limit:
                return True
    return False


def _slid(distance: FloatArray, offset: FloatArray, covariances: Mapping[int, tuple[float, float, float]]) -> bool:
    known = [index for index in covariances if np.isfinite(offset[index]).all()]
    if not known:
        return False
    worst = max(known, key=lambda index: distance[index])
    xx, xy, yy = covariances[worst]
    values, vectors = np.linalg.eigh([[xx, xy], [xy, yy]])
    away = offset[worst] / max(1e-12, float(np.linalg.norm(offset[worst])))
    uneven = np.sqrt(max(values[1], 0.0)) > _UNEVEN * np.sqrt(max(values[0], 1e-12))
    return bool(uneven and abs(away @ vectors[:, 1]) > _ALONG)
