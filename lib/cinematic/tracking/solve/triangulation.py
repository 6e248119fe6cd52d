"""Points of the scene from their tracks and known cameras, robustly: a few wrong markers do not move the point.

Gauss-Newton on the reprojection error with Geman-McClure weights, whose scale shrinks from pass to pass (graduated
non-convexity: Black & Rangarajan 1996; Yang et al. 2020), all tracks at once.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .cameras import Cameras

FloatArray = npt.NDArray[np.float64]

_SCALES = (64.0, 16.0, 4.0, 2.0, 1.0, 1.0)  # px; what counts as far off, pass by pass
_STEPS = 3  # of Gauss-Newton, at each scale
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


def _cost(residual: FloatArray, seen: npt.NDArray[np.bool_], scale: float) -> FloatArray:
    square = (residual**2).sum(axis=-1)
    return (seen * square / (square + scale**2)).sum(axis=1)
