"""In which share of a frame's time the sensor read its rows, one after the other: the tracks tell.

What is in the lower rows is then seen later than what is in the upper ones. Of a camera that moves evenly the picture
only leans; one that shakes leaves markers off in each frame in another way, the more the farther from the middle row.
A lean that comes and goes shows, too, where the camera only turns: points take up less of it
(:func:`likeliest_readout`).
How much a readout would put them off follows from the cameras; how much of that is there is one number for the shot,
and is found by least squares with a small turn and shift of each frame's camera, into which some of it has gone.

Sources: the model of rows and the search by reprojection errors, Hedborg et al. 2012; the derivatives of turn and
shift, Longuet-Higgins & Prazdny 1980; Tukey's weights, Huber & Ronchetti 2009.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .cameras import Cameras

FloatArray = npt.NDArray[np.float64]

_TRIED = 0.1  # of a frame's time: the readout by which derivatives are taken
_ROUNDS = 5  # of weighing markers
_TUKEY = 4.685  # standard deviations, from which on a marker has no weight
_LEAST_MARKERS = 8  # on a frame
_LITTLE = 1e-4  # radians, and shares of the path and of the focal length
_LEAST_SIGMA = 1e-3  # px
_LIKELY, _FINER = (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6, 0.9), (0.15, 0.05)  # readouts tried, and steps between them
_LEAST_SHARE, _SURE = 0.03, 6.0  # of a frame's time, and standard errors


@dataclass(frozen=True)
class Readout:
    """The share of a frame's time in which rows are read, from the first to the last, and its standard error."""

    share: float  # below 0 where the last row is read first
    error: float

    @property
    def is_sure(self) -> bool:
        """Whether it is no chance that rows were not read at once."""
        return abs(self.share) > max(_LEAST_SHARE, _SURE * self.error)


def more_readout(cameras: Cameras, points: FloatArray, positions: FloatArray, *, only_turns: bool) -> Readout | None:
    """By how much more readout than that of ``cameras`` the markers are explained best; None: too few markers.

    Parameters
    ----------
    cameras : Cameras
        Of f frames.
    points : (n, 3)
    positions : (n, f, 2)
        px; NaN where there is no marker.
    only_turns
        The cameras stand in one place.
    """
    shown = cameras.project(points)
    leaning = replace(cameras, readout=cameras.readout + _TRIED).project(points)
    lean, offset = _shaken((leaning - shown) / _TRIED), _shaken(positions - shown)
    moves = np.stack([camera.project(points) - shown for camera in _moved_a_little(cameras, only_turns)], axis=-1)
    known = np.isfinite(offset).all(axis=2) & np.isfinite(lean).all(axis=2) & np.isfinite(moves).all(axis=(2, 3))
    seen = [np.flatnonzero(known[:, frame]) for frame in range(known.shape[1])]
    views = [
        (moves[rows, frame].reshape(2 * len(rows), -1), lean[rows, frame].ravel(), offset[rows, frame].ravel())
        for frame, rows in enumerate(seen)
        if len(rows) >= _LEAST_MARKERS
    ]
    if not views:
        return None
    residuals = [off - np.median(off) for _, _, off in views]
    share = 0.0
    for _ in range(_ROUNDS):
        sigma = max(_LEAST_SIGMA, 1.4826 * float(np.median(np.abs(np.concatenate(residuals)))))
        weights = [_tukey(each / sigma) for each in residuals]
        freed = [_without(*view, weight) for view, weight in zip(views, weights, strict=True)]
        told = sum(float(weight @ leans**2) for (leans, _), weight in zip(freed, weights, strict=True))
        if not told:
            return None
        share = sum(float(weight @ (leans * off)) for (leans, off), weight in zip(freed, weights, strict=True)) / told
        residuals = [off - share * leans for leans, off in freed]
    return Readout(share, sigma / float(np.sqrt(told)))


def likeliest_readout(left: Callable[[float], float]) -> float | None:
    """The readout by which the least is ``left`` unexplained, to some hundredths; None: no shutter's."""
    best = min(_LIKELY, key=left)
    if best in (_LIKELY[0], _LIKELY[-1]):
        return None
    for step in _FINER:
        before, at, after = (left(best + away) for away in (-step, 0.0, step))
        bowl = before - 2 * at + after
        if not 0 < bowl < np.inf:
            return None
        best += step * float(np.clip((before - after) / (2 * bowl), -1, 1))  # the lowest point of a parabola
    return best


def _shaken(values: FloatArray) -> FloatArray:
    """What (n, f, 2) is in a frame otherwise than in those before and after; NaN where it is not known in all three.

    What lasts, places of points have taken up.
    """
    shaken = np.full_like(values, np.nan)
    shaken[:, 1:-1] = values[:, 1:-1] - (values[:, :-2] + values[:, 2:]) / 2
    return shaken


def _moved_a_little(cameras: Cameras, only_turns: bool) -> list[Cameras]:
    """The cameras turned, shifted and zoomed, each a little and in one way, as each frame's may be off."""
    found = []
    for axis in np.eye(3) * _LITTLE:
        turn = np.eye(3) + np.cross(np.eye(3), axis)
        found.append(replace(cameras, rotation=turn @ cameras.rotation, translation=cameras.translation @ turn.T))
        if not only_turns:
            far = float(np.nanmax(np.abs(cameras.positions), initial=_LITTLE))
            found.append(replace(cameras, translation=cameras.translation + far * axis))
    return [*found, replace(cameras, focal=cameras.focal * (1 + _LITTLE))] if cameras.zooms else found


def _without(
    moves: FloatArray, lean: FloatArray, offset: FloatArray, weight: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """What a frame's camera cannot take up of the lean and of the offsets of its markers, (m,) coordinates each."""
    both = np.column_stack([lean, offset])
    root = np.sqrt(weight)[:, None]
    taken, *_ = np.linalg.lstsq(moves * root, both * root, rcond=None)
    rest = both - moves @ taken
    return rest[:, 0], rest[:, 1]


def _tukey(residual: FloatArray) -> FloatArray:
    """Weights by residuals in standard deviations."""
    left: FloatArray = np.clip(1 - (residual / _TUKEY) ** 2, 0, None)
    return left * left
