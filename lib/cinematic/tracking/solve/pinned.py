"""Points of the scene on the very rays of the markers that were marked first.

The reference marker is the point that was marked. What a track's other markers are off this point is its drift; a point
that is free to move (:mod:`.triangulation`) would hide it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .cameras import Cameras
from .triangulation import SCALES, STEPS, Views, batches, packed, robust_cost

FloatArray = npt.NDArray[np.float64]
Linearised = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

_TRUSTED_FRAMES = 8.0  # from the reference frame, before a marker's say is halved: tracks begin right and go wrong
_STARTS = 33  # depths that are tried, from a tenth of the camera path's extent to a thousand times it
_FARTHEST = 1e7  # times that extent: what lies beyond shows no parallax


def triangulate_pinned(cameras: Cameras, positions: FloatArray, reference: npt.NDArray[np.int64]) -> FloatArray:
    """The point that each track shows, on the ray of its reference marker.

    Parameters
    ----------
    cameras : Cameras
        Of f frames.
    positions : (n, f, 2)
        Tracks, px; NaN where there is no marker.
    reference : (n,)
        Index of the frame of each track's reference marker. Where rows are read one after the other, and the cameras
        begin or end there, how they turn within the frame is not known well: the next frame's marker stands for it.

    Returns
    -------
    (n, 3) float64
        NaN where the reference frame has no camera, or the track no marker there or fewer than two in all.
    """
    points = np.full((len(positions), 3), np.nan)
    seen = np.isfinite(positions[..., 0]) & cameras.solved
    reference = _away_from_ends(reference, seen, cameras)
    marked = seen[np.arange(len(seen)), reference]
    for rows in batches(seen.sum(axis=1) * marked):
        origin, ray = _reference_rays(cameras, positions[rows], reference[rows])
        points[rows] = _along_rays(packed(cameras, positions[rows], seen[rows]), reference[rows], origin, ray, cameras)
    return points


def _away_from_ends(
    reference: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_], cameras: Cameras
) -> npt.NDArray[np.int64]:
    """The references (n,), or of those on the first or last camera of a rolling shutter the frame next to it."""
    if not cameras.readout:
        return reference
    padded = np.pad(cameras.solved, 1)
    tracks, frames = np.arange(len(seen)), np.arange(len(cameras.solved))
    next_to = frames + (padded[2:] & ~padded[:-2]) - (padded[:-2] & ~padded[2:])
    return np.where(seen[tracks, next_to[reference]], next_to[reference], reference)


def _reference_rays(
    cameras: Cameras, positions: FloatArray, reference: npt.NDArray[np.int64]
) -> tuple[FloatArray, FloatArray]:
    """Where the rays begin, (n, 3), and where they go, (n, 3) with depth 1 in the reference camera."""
    plane = cameras.plane(positions)[np.arange(len(positions)), reference]
    ahead = np.column_stack([plane, np.ones(len(plane))])
    return cameras.positions[reference], np.einsum("nji,nj->ni", cameras.rotation[reference], ahead)


def _along_rays(
    views: Views, reference: npt.NDArray[np.int64], origin: FloatArray, ray: FloatArray, cameras: Cameras
) -> FloatArray:
    """Gauss-Newton over one inverse depth a track, from the best of a coarse set."""
    trust = views.seen / (1 + np.abs(views.frames - reference[:, None]) / _TRUSTED_FRAMES)
    turned = np.einsum("nfij,nj->nfi", views.rotation, ray)
    moved = np.einsum("nfij,nj->nfi", views.rotation, origin) + views.translation

    def linearised(inverse: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals (n, m, 2) px and their derivatives by the inverse depth."""
        at = turned + moved * inverse[:, None, None]
        depth = np.maximum(at[..., 2:], 1e-9)
        shown = at[..., :2] / depth
        focal = views.focal[..., None]
        residual = np.where(views.seen[..., None], np.clip((shown - views.plane) * focal, -1e4, 1e4), 0.0)
        return residual, (moved[..., :2] - shown * moved[..., 2:]) / depth * focal

    extent = _extent(cameras)
    inverse = _best_start(linearised, 1 / (extent * np.geomspace(0.1, 1000, _STARTS)), trust)
    residual, slope = linearised(inverse)
    for scale in SCALES:
        cost = robust_cost(residual, trust, scale)
        for _ in range(STEPS):
            weight = trust / (1 + (residual**2).sum(axis=-1) / scale**2) ** 2
            push = np.einsum("nf,nfi,nfi->n", weight, slope, residual)
            normal = np.einsum("nf,nfi,nfi->n", weight, slope, slope)
            tried = np.maximum(inverse - push / (normal + 1e-12), 0.0)
            residual_after, slope_after = linearised(tried)
            cost_after = robust_cost(residual_after, trust, scale)
            better = cost_after <= cost
            inverse, cost = np.where(better, tried, inverse), np.where(better, cost_after, cost)
            residual = np.where(better[:, None, None], residual_after, residual)
            slope = np.where(better[:, None, None], slope_after, slope)
    return origin + ray / np.maximum(inverse, 1 / (extent * _FARTHEST))[:, None]


def _extent(cameras: Cameras) -> float:
    """Of the cameras' path, in units of the solve, which may be any."""
    return float(np.linalg.norm(np.ptp(cameras.positions[cameras.solved], axis=0))) + 1e-9


def _best_start(linearised: Linearised, inverses: FloatArray, trust: FloatArray) -> FloatArray:
    costs = [robust_cost(linearised(np.full(len(trust), inverse))[0], trust, SCALES[0]) for inverse in inverses]
    return inverses[np.argmin(costs, axis=0)]
