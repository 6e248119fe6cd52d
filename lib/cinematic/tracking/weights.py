"""How much each track should count in a camera solve.

Least squares is at its best when each error counts by the inverse of what it scatters. How much a track's markers
scatter shows once a camera is known: around where their point is seen, without what they are off together, which says
nothing about the camera. A few markers hardly tell it; theirs is drawn towards what is usual.
Source: Triggs et al. 2000, "Bundle Adjustment - A Modern Synthesis", section 3.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .coords import Size
from .judge import ShotMotion, errors_by
from .types import TrackData

FloatArray = npt.NDArray[np.float64]

LEAST_WEIGHT = 0.1
_USUAL_MARKERS = 1  # markers of the usual scatter, added to each track's own
_BEST_SHARE = 0.25  # of the tracks, which count fully


def track_weights(tracks: Sequence[TrackData], size: Size, motions: Sequence[ShotMotion]) -> dict[str, float]:
    """``{name: weight}``, :data:`LEAST_WEIGHT` to 1, of the tracks that a solved camera sees in two frames or more.

    The quarter that scatters least has weight 1; who scatters twice as much has half of that. Shot by shot.
    """
    weights: dict[str, float] = {}
    for motion in motions:
        of_shot = [track for track in tracks if motion.holds(track)]
        if motion.scene.solution is None or not of_shot:
            continue
        positions, _, scene = errors_by(motion, of_shot, size)
        scatter = _scatter(positions - scene.places)
        known = np.flatnonzero(np.isfinite(scatter))
        if len(known):
            least = np.quantile(scatter[known], _BEST_SHARE)
            found = np.clip(least / np.maximum(scatter[known], 1e-9), LEAST_WEIGHT, 1.0)
            weights |= {of_shot[row].name: float(weight) for row, weight in zip(known, found, strict=True)}
    return weights


def _scatter(offsets: FloatArray) -> FloatArray:
    """(n,) px, of offsets (n, f, 2) around each track's own mean; NaN for fewer than two."""
    known = np.isfinite(offsets).all(axis=2)
    count = known.sum(axis=1)
    held = np.where(known[..., None], offsets, 0.0)
    mean = held.sum(axis=1) / np.maximum(count, 1)[:, None]
    squares = np.where(known, ((held - mean[:, None]) ** 2).sum(axis=2), 0.0).sum(axis=1)
    told = count > 1
    if not told.any():
        return np.full(len(offsets), np.nan)
    usual = np.median(squares[told] / (count[told] - 1))
    drawn = (squares + _USUAL_MARKERS * usual) / np.maximum(count - 1 + _USUAL_MARKERS, 1)
    return np.where(told, np.sqrt(drawn), np.nan)
