"""Why a track is off the scene's motion, from how it came to be so.

An object that moves by itself takes its markers along, one like the other. A marker that something passes in front of
is right until then, and where its feature should be the picture shows something else from there on. One that finds a
look-alike jumps within one frame. What creeps away drifts; along the direction in which its pattern holds it least, it
slides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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
_FOR_GOOD = 0.8  # of the markers from there on are off
_RIGHT_FRAMES = 2  # from the reference frame on, before something came in front
_HIDDEN = 0.4  # ZNCC; a feature that shows correlates better than this where it should be
_FAST_FRAMES = 6  # within which an occluder has taken a marker away
_FAST_GROWTH = 3.0  # times the limit
_ALONG = 0.85  # cosine with the pattern's weak direction
_UNEVEN = 1.4  # ratio of the predicted deviations, weak direction over strong


@dataclass(frozen=True)
class Evidence:
    """What is known of a track that has markers off the scene's motion; f frames."""

    distance: FloatArray  # (f,) from the scene's motion, px; NaN where unknown
    offset: FloatArray  # (f, 2) px, the same as vectors; all NaN without a camera solve
    reference: int  # index of the reference marker's frame
    in_company: bool  # others near by are off in the same way (:func:`moves_along`)
    covariances: Mapping[int, tuple[float, float, float]]  # predicted xx, xy, yy in px^2 by index of the frame
    shows: float | None = None  # ZNCC where the feature should be once the markers have left it; None: not looked at


def why_off(evidence: Evidence, limit: float) -> str:
    """The reason, of ``types.REASONS``, for markers that are more than ``limit`` px off."""
    distance, offset = evidence.distance, evidence.offset
    judged = np.flatnonzero(np.isfinite(distance))
    if evidence.in_company and (distance[judged] > limit).mean() > _MOVING_SHARE:
        return "moving object"
    if _was_right(distance, evidence.reference, limit) and evidence.shows is not None and evidence.shows < _HIDDEN:
        return "occluded"
    if _jumped(distance, offset, judged):
        return "mismatched jump"
    if evidence.shows is None and _taken_away(distance, evidence.reference, limit):
        return "occluded"
    return "sliding along an edge" if _slid(distance, offset, evidence.covariances) else "drifting"


def gone_wrong(distance: FloatArray, reference: int, limit: float) -> npt.NDArray[np.int64]:
    """Indices of the frames from where a track is off for good, outwards from the reference; the longer side's.

    Where it only strays now and then, from the first time on.
    """
    judged = np.flatnonzero(np.isfinite(distance))
    sides = []
    for side in (judged[judged > reference], judged[judged < reference][::-1]):
        off = distance[side] > limit
        stays = np.cumsum(off[::-1])[::-1] >= _FOR_GOOD * np.arange(len(off), 0, -1)  # share of what is left
        starts = np.flatnonzero(off & stays) if (off & stays).any() else np.flatnonzero(off)
        sides.append(side[starts[0] :] if len(starts) else side[:0])
    return max(sides, key=len)


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
        # only frames where this one is off: of a long shot they are few
        frames = np.flatnonzero(np.linalg.norm(offset[row], axis=1) > limit)
        apart = np.linalg.norm(positions[np.ix_(off, frames)] - positions[row, frames], axis=2)
        size = np.linalg.norm(offset[row, frames], axis=1)
        unlike = np.linalg.norm(offset[np.ix_(off, frames)] - offset[row, frames], axis=2)
        common = np.isfinite(apart) & np.isfinite(unlike)
        enough = common.sum(axis=1) >= _LEAST_COMMON
        near = np.where(common, apart, np.inf).min(axis=1, initial=np.inf) < _COMPANY * width
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


def _was_right(distance: FloatArray, reference: int, limit: float) -> bool:
    off = gone_wrong(distance, reference, limit)
    return len(off) > 0 and abs(int(off[0]) - reference) >= _RIGHT_FRAMES


def _taken_away(distance: FloatArray, reference: int, limit: float) -> bool:
    """Right for a while, then away within a few frames."""
    off = gone_wrong(distance, reference, limit)
    return _was_right(distance, reference, limit) and float(distance[off[:_FAST_FRAMES]].max()) > _FAST_GROWTH * limit


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
