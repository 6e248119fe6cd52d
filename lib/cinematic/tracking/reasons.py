"""Why a track is off the scene's motion, from how it came to be so.

An object that moves by itself takes its markers along, evenly or one like the other, and their patterns stay what they
were. A marker that something passes in front of is right until then, and where its feature should be the picture shows
something else from there on; or the feature leaves the picture. One that finds a look-alike jumps within one frame.
What creeps away drifts; along the direction in which its pattern holds it least, it slides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .coords import lengths
from .neighbours import Spans

FloatArray = npt.NDArray[np.float64]

_JUMP = 4.0  # times the limit; made within one frame
_ABOUT_ONSET = 1  # frames to either side of the first that is off
_LEAST_COMMON = 4  # frames
_MOVING_SHARE = 0.5  # of the frames are off
_COMPANY = 0.12  # of the picture's width: how near those are who may move along
_ALIKE = 0.35  # of an offset's size: how much those of one object may differ
_FOR_GOOD = 0.8  # of the markers from there on are off
_RIGHT_FRAMES = 2  # from the reference frame on, before something came in front
_RIGHT_MARKERS = 5  # the last before something came in front
_CREPT = 0.5  # of the limit; who is farther off at the median of those had begun to drift
_HIDDEN = 0.5  # of the ZNCC that it had before; a feature that shows correlates better where it should be
_SHOWN = 0.3  # ZNCC; what did not show before tells nothing by not showing later
_INTACT = 0.85  # median ZNCC of markers that have moved with their feature
_EVEN = 0.25  # change of a step over the step, at the median: what moves by itself has inertia
_FAST_FRAMES = 6  # within which an occluder has taken a marker away
_FAST_GROWTH = 3.0  # times the limit
_ALONG = 0.85  # cosine with the pattern's weak direction
_UNEVEN = 1.4  # ratio of the predicted deviations, weak direction over strong


@dataclass(frozen=True)
class Shown:
    """What shows where a feature should be: ZNCC with the reference pattern; None where nobody has looked."""

    before: float | None = None  # in the last frames in which the markers were right
    after: float | None = None  # in the first in which they are off
    later: float | None = None  # in the frames behind those, whether there are markers or not
    farthest: float | None = None  # where they are off the most
    leaves: bool = False  # the feature leaves the picture as the markers go off


@dataclass(frozen=True)
class Evidence:
    """What is known of a track that has markers off the scene's motion; f frames."""

    distance: FloatArray  # (f,) from the scene's motion, px; NaN where unknown
    offset: FloatArray  # (f, 2) px, the same as vectors; all NaN without a camera solve
    reference: int  # index of the reference marker's frame
    in_company: bool  # others near by are off in the same way (:func:`moves_along`)
    covariances: Mapping[int, tuple[float, float, float]]  # predicted xx, xy, yy in px^2 by index of the frame
    correlation: float | None = None  # median ZNCC of the markers' patterns; None: not known
    seen: Shown = Shown()


def why_off(evidence: Evidence, limit: float) -> str:
    """The reason, of ``types.REASONS``, for markers that are more than ``limit`` px off."""
    distance, offset = evidence.distance, evidence.offset
    was_right = _was_right(evidence, limit)
    if _moves_by_itself(evidence, limit, was_right):
        return "moving object"
    if was_right and (evidence.seen.leaves or _is_hidden(evidence.seen)):
        return "occluded"
    if _jumped(evidence, limit):
        return "mismatched jump"
    if was_right and evidence.seen.after is None and _taken_away(distance, evidence.reference, limit):
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
    spans = Spans(positions[off])
    for row in off:
        # only frames where this one is off: of a long shot they are few
        frames = np.flatnonzero(lengths(offset[row]) > limit)
        if len(frames) < _LEAST_COMMON:
            continue
        others = off[spans.meeting(int(frames[0]), int(frames[-1]))]
        apart = lengths(positions[np.ix_(others, frames)] - positions[row, frames])
        size = lengths(offset[row, frames])
        unlike = lengths(offset[np.ix_(others, frames)] - offset[row, frames])
        common = np.isfinite(apart) & np.isfinite(unlike)
        enough = common.sum(axis=1) >= _LEAST_COMMON
        near = np.where(common, apart, np.inf).min(axis=1, initial=np.inf) < _COMPANY * width
        alike = np.where(common, unlike, 0.0).sum(axis=1) < _ALIKE * np.where(common, size, 0.0).sum(axis=1)
        found[row] = (enough & near & alike & (others != row)).any()
    return found


def _moves_by_itself(evidence: Evidence, limit: float, was_right: bool) -> bool:
    judged = np.flatnonzero(np.isfinite(evidence.distance))
    if (evidence.distance[judged] > limit).mean() <= _MOVING_SHARE:
        return False
    if evidence.correlation is not None and evidence.correlation < _INTACT:
        return False
    if evidence.seen.farthest is None:
        return evidence.in_company
    has_stayed = evidence.seen.farthest > _HIDDEN  # the feature, where the scene has it
    return not has_stayed and (evidence.in_company or (not was_right and _is_even(evidence.offset[judged])))


def _is_even(offset: FloatArray) -> bool:
    steps = np.diff(offset, axis=0)
    changes = lengths(np.diff(steps, axis=0))
    if not len(changes) or not np.isfinite(changes).all():
        return False
    return float(np.median(changes)) < _EVEN * float(np.median(lengths(steps)))


def _is_hidden(seen: Shown) -> bool:
    """At once, or a few frames later: what covers it bit by bit takes the markers along before that."""
    before = seen.before
    if before is None or before < _SHOWN:
        return False
    return any(value is not None and value < _HIDDEN * before for value in (seen.after, seen.later))


def _was_right(evidence: Evidence, limit: float) -> bool:
    """On the point for a while, not yet creeping away, and then off."""
    off = gone_wrong(evidence.distance, evidence.reference, limit)
    if not len(off) or abs(int(off[0]) - evidence.reference) < _RIGHT_FRAMES:
        return False
    outwards = 1 if off[0] > evidence.reference else -1
    before = np.arange(int(off[0]) - outwards, evidence.reference - outwards, -outwards)
    offset = evidence.offset[before][np.isfinite(evidence.offset[before, 0])][:_RIGHT_MARKERS]
    return not len(offset) or float(np.linalg.norm(np.median(offset, axis=0))) < _CREPT * limit


def _jumped(evidence: Evidence, limit: float) -> bool:
    """The step with which it went off is too large to be a drift's."""
    off = gone_wrong(evidence.distance, evidence.reference, limit)
    if not len(off):
        return False
    judged = np.flatnonzero(np.isfinite(evidence.distance))
    near = judged[np.abs(judged - off[0]) <= 1 + _ABOUT_ONSET]
    vectors = evidence.offset[near] if np.isfinite(evidence.offset[near]).all() else evidence.distance[near, None]
    steps = np.linalg.norm(np.diff(vectors, axis=0), axis=1)[np.diff(near) == 1]
    return bool(len(steps)) and float(steps.max()) > _JUMP * limit


def _taken_away(distance: FloatArray, reference: int, limit: float) -> bool:
    """Away within a few frames."""
    off = gone_wrong(distance, reference, limit)
    return float(distance[off[:_FAST_FRAMES]].max()) > _FAST_GROWTH * limit


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
