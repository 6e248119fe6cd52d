"""Points of the scene from their tracks and known cameras, robustly: a few wrong markers do not move the point.

Gauss-Newton on the reprojection error with Geman-McClure weights, whose scale shrinks from pass to pass (graduated
non-convexity: Black & Rangarajan 1996; Yang et al. 2020), all tracks at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .cameras import Cameras

FloatArray = npt.NDArray[np.float64]

_SCALES = (64.0, 16.0, 4.0, 2.0, 1.0, 1.0)  # px; what counts as far off, pass by pass
_STEPS = 3  # of Gauss-Newton, at each scale
_TRUSTED_FRAMES = 8.0  # from the reference frame, before a marker's say is halved: tracks begin right and go wrong
_ROWS = 256  # tracks at once, so that memory stays bounded


def triangulate(cameras: Cameras, positions: FloatArray, scales: tuple[float, ...] = _SCALES) -> FloatArray:
    """The point that each track shows.

    Parameters
    ----------
    cameras : Cameras
        Of f frames.
    positions : (n, f, 2)
        Tracks, px; NaN where there is no marker.

    Returns
    -------
    (n, 3) float64
        NaN for a track with fewer than two markers in solved frames, or with no point in front of its cameras.
    """
    points = np.full((len(positions), 3), np.nan)
    for start in range(0, len(positions), _ROWS):
        rows = slice(start, start + _ROWS)
        points[rows] = _triangulate(cameras, positions[rows], scales)
    return points


def reprojection_errors(cameras: Cameras, points: FloatArray, positions: FloatArray) -> FloatArray:
    """(n, f) px between each marker and its point; NaN without marker, camera or point, infinite behind the camera."""
    apart = np.linalg.norm(cameras.project(points) - positions, axis=2)
    judged = np.isfinite(positions[..., 0]) & cameras.solved & np.isfinite(points[:, :1])
    return np.where(judged, np.nan_to_num(apart, nan=np.inf), np.nan)


def _triangulate(cameras: Cameras, positions: FloatArray, scales: tuple[float, ...]) -> FloatArray:
    plane = cameras.plane(positions)
    seen = np.isfinite(plane[..., 0]) & cameras.solved
    plane = np.where(seen[..., None], plane, 0.0)
    rotation = np.nan_to_num(cameras.rotation)
    translation = np.nan_to_num(cameras.translation)
    focal = np.nan_to_num(cameras.focal)
    points = _crossing(rotation, translation, plane, seen)
    damping = np.full(len(points), 1e-4)
    for scale in scales:
        weight, residual, slope = _linearised(rotation, translation, focal, plane, seen, points, scale)
        cost = _cost(residual, seen, scale)
        for _ in range(_STEPS):
            normal = np.einsum("nf,nfij,nfik->njk", weight, slope, slope)
            push = np.einsum("nf,nfij,nfi->nj", weight, slope, residual)
            size = np.einsum("njj->n", normal)[:, None, None] / 3 + 1e-300
            step = np.linalg.solve(normal + (damping[:, None, None] * size + 1e-12 * size) * np.eye(3), push[..., None])
            tried = points - step[..., 0]
            after = _linearised(rotation, translation, focal, plane, seen, tried, scale)
            cost_after = _cost(after[1], seen, scale)
            better = cost_after <= cost
            points = np.where(better[:, None], tried, points)
            weight, residual, slope = (
                np.where(better.reshape(-1, *[1] * (new.ndim - 1)), new, old)
                for new, old in zip(after, (weight, residual, slope), strict=True)
            )
            cost = np.where(better, cost_after, cost)
            damping = np.where(better, damping * 0.1, damping * 10).clip(1e-12, 1e6)
    in_front = (np.einsum("fj,nj->nf", rotation[:, 2], points) + translation[:, 2] > 0) | ~seen
    fine = (seen.sum(axis=1) >= 2) & np.isfinite(points).all(axis=1) & (in_front.mean(axis=1) > 0.5)
    return np.where(fine[:, None], points, np.nan)


def _crossing(
    rotation: FloatArray, translation: FloatArray, plane: FloatArray, seen: npt.NDArray[np.bool_]
) -> FloatArray:
    """Where a track's rays come nearest to each other; far out along them where they never do (least squares)."""
    rays = np.concatenate([plane, np.ones_like(plane[..., :1])], axis=-1)
    rays = np.einsum("fji,nfj->nfi", rotation, rays / np.linalg.norm(rays, axis=-1, keepdims=True))
    origins = -np.einsum("fji,fj->fi", rotation, translation)
    across = (np.eye(3) - rays[..., :, None] * rays[..., None, :]) * seen[..., None, None]
    normal, push = across.sum(axis=1), np.einsum("nfij,fj->ni", across, origins)
    normal += 1e-9 * np.maximum(seen.sum(axis=1), 1)[:, None, None] * np.eye(3)
    points = np.linalg.solve(normal, push[..., None])[..., 0]
    count = np.maximum(seen.sum(axis=1), 1)[:, None]
    middle = (origins * seen[..., None]).sum(axis=1) / count
    ahead = (rays * seen[..., None]).sum(axis=1) / count
    behind = ((points - middle) * ahead).sum(axis=1) <= 0
    extent = np.linalg.norm(np.ptp(origins, axis=0)) + 1e-9
    return np.where(behind[:, None], middle + 100 * extent * ahead, points)


def _linearised(
    rotation: FloatArray, translation: FloatArray, focal: FloatArray, plane: FloatArray, seen: npt.NDArray[np.bool_],
    points: FloatArray, scale: float,
) -> tuple[FloatArray, FloatArray, FloatArray]:  # fmt: skip
    """Weights (n, f), residuals (n, f, 2) px, and their derivatives by the point (n, f, 2, 3)."""
    at = np.einsum("fij,nj->nfi", rotation, points) + translation
    depth = np.where(np.abs(at[..., 2]) > 1e-12, at[..., 2], 1e-12)
    shown = at[..., :2] / depth[..., None]
    residual = np.where(seen[..., None], (shown - plane) * focal[:, None], 0.0)
    residual = np.where((at[..., 2] <= 0)[..., None] & seen[..., None], 1e3, residual)  # behind the camera: far off
    slope = (rotation[:, :2] - shown[..., None] * rotation[:, 2:]) * (focal / depth)[..., None, None]
    weight = seen / (1 + (residual**2).sum(axis=-1) / scale**2) ** 2
    return weight, residual, slope


def _cost(residual: FloatArray, weight: npt.NDArray[Any], scale: float) -> FloatArray:
    square = (residual**2).sum(axis=-1)
    return (weight * square / (square + scale**2)).sum(axis=1)


def triangulate_pinned(
    cameras: Cameras, positions: FloatArray, reference: npt.NDArray[np.int64], scales: tuple[float, ...] = _SCALES
) -> FloatArray:
    """The point that each track shows, on the very ray of its reference marker.

    The reference marker is the point that was marked; what the other markers are off this point is the track's drift,
    which a point that is free to move would hide.

    Parameters
    ----------
    reference : (n,)
        Index of the frame of each track's reference marker.

    Returns
    -------
    (n, 3) float64
        NaN where the reference frame has no camera or the track no marker in it.
    """
    points = np.full((len(positions), 3), np.nan)
    for start in range(0, len(positions), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(positions)))
        marked = np.isfinite(positions[rows, reference[rows], 0]) & cameras.solved[reference[rows]]
        points[rows[marked]] = _along_rays(cameras, positions[rows[marked]], reference[rows[marked]], scales)
    return points


def _along_rays(
    cameras: Cameras, positions: FloatArray, reference: npt.NDArray[np.int64], scales: tuple[float, ...]
) -> FloatArray:
    """Gauss-Newton over one inverse depth a track, from the best of a coarse set."""
    plane = cameras.plane(positions)
    seen = np.isfinite(plane[..., 0]) & cameras.solved
    age = np.abs(np.arange(plane.shape[1]) - reference[:, None])
    trust = seen / (1 + age / _TRUSTED_FRAMES)
    plane = np.where(seen[..., None], plane, 0.0)
    at_reference = plane[np.arange(len(plane)), reference]
    ray = np.einsum("nji,nj->ni", cameras.rotation[reference], np.column_stack([at_reference, np.ones(len(plane))]))
    origin = cameras.positions[reference]
    rotation, focal = np.nan_to_num(cameras.rotation), np.nan_to_num(cameras.focal)
    turned = np.einsum("fij,nj->nfi", rotation, ray)
    moved = np.einsum("fij,nj->nfi", rotation, origin) + np.nan_to_num(cameras.translation)

    def linearised(inverse: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Residuals (n, f, 2) px and their derivatives by the inverse depth."""
        at = turned + moved * inverse[:, None, None]
        depth = np.where(at[..., 2:] > 1e-9, at[..., 2:], 1e-9)
        shown = at[..., :2] / depth
        residual = np.where(seen[..., None], np.clip((shown - plane) * focal[:, None], -1e4, 1e4), 0.0)
        return residual, (moved[..., :2] - shown * moved[..., 2:]) / depth * focal[:, None]

    inverse = _best_start(linearised, _likely_depths(cameras), trust, scales[0])
    for scale in scales:
        for _ in range(_STEPS):
            residual, slope = linearised(inverse)
            weight = trust / (1 + (residual**2).sum(axis=-1) / scale**2) ** 2
            push = np.einsum("nf,nfi,nfi->n", weight, slope, residual)
            normal = np.einsum("nf,nfi,nfi->n", weight, slope, slope)
            tried = np.maximum(inverse - push / (normal + 1e-12), 0.0)
            better = _cost(linearised(tried)[0], trust, scale) <= _cost(residual, trust, scale)
            inverse = np.where(better, tried, inverse)
    return origin + ray / np.maximum(inverse, 1e-9)[:, None]


def _likely_depths(cameras: Cameras) -> FloatArray:
    """Inverse depths to start from: a geometric series around the extent of the camera's path."""
    extent = np.linalg.norm(np.nanmax(cameras.positions, axis=0) - np.nanmin(cameras.positions, axis=0)) + 1e-9
    return 1 / (extent * np.geomspace(0.1, 1000, 33))


def _best_start(
    linearised: Callable[[FloatArray], tuple[FloatArray, FloatArray]], inverses: FloatArray, trust: FloatArray,
    scale: float,
) -> FloatArray:  # fmt: skip
    costs = [_cost(linearised(np.full(len(trust), inverse))[0], trust, scale) for inverse in inverses]
    return inverses[np.argmin(costs, axis=0)]
