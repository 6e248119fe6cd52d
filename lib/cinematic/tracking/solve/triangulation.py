"""Points of the scene from their tracks and known cameras, robustly: a few wrong markers do not move the point.

Gauss-Newton on the reprojection error with Geman-McClure weights, whose scale shrinks from pass to pass (graduated
non-convexity: Black & Rangarajan 1996; Yang et al. 2020), all tracks at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..coords import lengths
from .cameras import Cameras

FloatArray = npt.NDArray[np.float64]

SCALES = (64.0, 16.0, 4.0, 2.0, 1.0, 1.0)  # px; what counts as far off, pass by pass
SCALES_NEAR_BY = (2.0, 1.0)  # px; the same, from a point that was right a moment ago
STEPS = 3  # of Gauss-Newton, at each scale
_MARKERS = 40_000  # at once, so that memory stays bounded


def triangulate(cameras: Cameras, positions: FloatArray, near: FloatArray | None = None) -> FloatArray:
    """The point that each track shows.

    Parameters
    ----------
    cameras : Cameras
        Of f frames.
    positions : (n, f, 2)
        Tracks, px; NaN where there is no marker.
    near : (n, 3), optional
        Where points are nearly right already, that is quicker to begin from; NaN: not known.

    Returns
    -------
    (n, 3) float64
        NaN for a track with fewer than two markers in solved frames, or with no point in front of its cameras.
    """
    found = np.full((len(positions), 3), np.nan)
    seen = np.isfinite(positions[..., 0]) & cameras.solved
    near = np.full_like(found, np.nan) if near is None else near
    known = np.isfinite(near[:, 0])
    count = seen.sum(axis=1)
    for rows in batches(np.where(known, 0, count)):
        views = packed(cameras, positions[rows], seen[rows])
        found[rows] = _settled(views, _crossing(views), SCALES)
    for rows in batches(np.where(known, count, 0)):
        found[rows] = _settled(packed(cameras, positions[rows], seen[rows]), near[rows], SCALES_NEAR_BY)
    return found


def reprojection_errors(cameras: Cameras, points: FloatArray, positions: FloatArray) -> FloatArray:
    """(n, f) px between each marker and its point; NaN without marker, camera or point, infinite behind the camera."""
    apart = lengths(cameras.project(points) - positions)
    judged = np.isfinite(positions[..., 0]) & cameras.solved & np.isfinite(points[:, :1])
    return np.where(judged, np.nan_to_num(apart, nan=np.inf), np.nan)


def parallax(
    cameras: Cameras, points: FloatArray, positions: FloatArray, references: npt.NDArray[np.int64]
) -> FloatArray:
    """(n,) degrees: the largest angle between the rays of a track's markers and that of its reference frame's.

    NaN where there is no point, or no camera in the reference frame.
    """
    towards = points[:, None] - cameras.positions
    towards /= np.maximum(np.linalg.norm(towards, axis=2, keepdims=True), 1e-300)
    at_reference = towards[np.arange(len(points)), references]
    apart = np.linalg.norm(towards - at_reference[:, None], axis=2)  # a chord of the unit circle
    apart = np.where(np.isfinite(positions[..., 0]) & np.isfinite(apart), apart, 0.0)
    angles = np.degrees(2 * np.arcsin(np.clip(apart.max(axis=1, initial=0.0) / 2, 0, 1)))
    return np.where(np.isfinite(at_reference[:, 0]), angles, np.nan)


def median_error(errors: FloatArray) -> float:
    """Of the errors (n, f) of all markers, px: one infinite or left out weighs like one far off; infinite for none."""
    judged = ~np.isnan(errors)
    return float(np.median(errors[judged])) if judged.any() else float("inf")


@dataclass(frozen=True)
class Views:
    """The markers of n tracks without the gaps between them: at most m a track, each with its own camera."""

    rotation: FloatArray  # (n, m, 3, 3)
    translation: FloatArray  # (n, m, 3)
    focal: FloatArray  # (n, m)
    plane: FloatArray  # (n, m, 2)
    frames: npt.NDArray[np.int64]  # (n, m)
    seen: npt.NDArray[np.bool_]  # (n, m) False: padding


def batches(counts: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Rows that have two markers or more, tracks of like length together: little padding, cost linear in markers."""
    order = np.argsort(counts, kind="stable")
    order = order[counts[order] >= 2]
    end = len(order)
    while end:  # the longest first
        start = max(0, end - max(1, _MARKERS // int(counts[order[end - 1]])))
        yield order[start:end]
        end = start


def packed(cameras: Cameras, positions: FloatArray, seen: npt.NDArray[np.bool_]) -> Views:
    """Markers (n, f, 2) px side by side, where ``seen`` (n, f)."""
    most = int(seen.sum(axis=1).max())
    frames = np.argsort(~seen, axis=1, kind="stable")[:, :most]  # the frames with a marker first
    there = np.take_along_axis(seen, frames, axis=1)
    plane = np.take_along_axis(cameras.plane(positions), frames[..., None], axis=1)
    return Views(
        rotation=np.where(there[..., None, None], cameras.rotation[frames], 0.0),
        translation=np.where(there[..., None], cameras.translation[frames], 0.0),
        focal=np.where(there, cameras.focal[frames], 0.0),
        plane=np.where(there[..., None], plane, 0.0),
        frames=frames,
        seen=there,
    )


def _settled(views: Views, points: FloatArray, scales: tuple[float, ...]) -> FloatArray:
    """From these points on to where the robust error is least; NaN where that is not in front of the cameras."""
    seen = views.seen
    damping = np.full(len(points), 1e-4)
    residual, slope = _linearised(views, points)
    for scale in scales:
        cost = robust_cost(residual, seen, scale)
        for _ in range(STEPS):
            weight = seen / (1 + (residual**2).sum(axis=-1) / scale**2) ** 2
            flat = slope.reshape(len(points), -1, 3)
            weighted = (weight[..., None, None] * slope).reshape(flat.shape).transpose(0, 2, 1)
            normal, push = weighted @ flat, weighted @ residual.reshape(len(points), -1, 1)
            size = np.einsum("njj->n", normal)[:, None, None] / 3 + 1e-300
            step = np.linalg.solve(normal + (damping[:, None, None] * size + 1e-12 * size) * np.eye(3), push)
            tried = points - step[..., 0]
            residual_after, slope_after = _linearised(views, tried)
            cost_after = robust_cost(residual_after, seen, scale)
            better = cost_after <= cost
            points = np.where(better[:, None], tried, points)
            residual = np.where(better[:, None, None], residual_after, residual)
            slope = np.where(better[:, None, None, None], slope_after, slope)
            cost = np.where(better, cost_after, cost)
            damping = np.where(better, damping * 0.1, damping * 10).clip(1e-12, 1e6)
    in_front = _in_camera(views, points)[..., 2] > 0
    fine = np.isfinite(points).all(axis=1) & ((in_front & seen).sum(axis=1) > 0.5 * seen.sum(axis=1))
    return np.where(fine[:, None], points, np.nan)


def _in_camera(views: Views, points: FloatArray) -> FloatArray:
    count = len(points)
    turned = views.rotation.reshape(count, -1, 3) @ points[..., None]
    return turned.reshape(views.translation.shape) + views.translation


def _crossing(views: Views) -> FloatArray:
    """Where a track's rays come nearest to each other; far out along them where they never do (least squares)."""
    seen = views.seen[..., None]
    rays = np.concatenate([views.plane, np.ones_like(views.plane[..., :1])], axis=-1)
    rays = np.einsum("nfji,nfj->nfi", views.rotation, rays / np.linalg.norm(rays, axis=-1, keepdims=True))
    origins = -np.einsum("nfji,nfj->nfi", views.rotation, views.translation)
    across = (np.eye(3) - rays[..., :, None] * rays[..., None, :]) * seen[..., None]
    normal, push = across.sum(axis=1), np.einsum("nfij,nfj->ni", across, origins)
    count = views.seen.sum(axis=1)[:, None]
    normal += 1e-9 * count[..., None] * np.eye(3)
    points = np.linalg.solve(normal, push[..., None])[..., 0]
    middle = (origins * seen).sum(axis=1) / count
    ahead = (rays * seen).sum(axis=1) / count
    behind = ((points - middle) * ahead).sum(axis=1) <= 0
    extent = np.linalg.norm(np.where(seen, np.abs(origins - middle[:, None]), 0.0).max(axis=1), axis=1) + 1e-9
    return np.where(behind[:, None], middle + 100 * extent[:, None] * ahead, points)


def _linearised(views: Views, points: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residuals (n, m, 2) px, and their derivatives by the point (n, m, 2, 3)."""
    at = _in_camera(views, points)
    depth = np.where(np.abs(at[..., 2]) > 1e-12, at[..., 2], 1e-12)
    shown = at[..., :2] / depth[..., None]
    residual = np.where(views.seen[..., None], (shown - views.plane) * views.focal[..., None], 0.0)
    residual = np.where((at[..., 2] <= 0)[..., None] & views.seen[..., None], 1e3, residual)  # behind: far off
    slope = (views.rotation[:, :, :2] - shown[..., None] * views.rotation[:, :, 2:]) * (views.focal / depth)[
        ..., None, None
    ]
    return residual, slope


def robust_cost(residual: FloatArray, weight: npt.NDArray[Any], scale: float) -> FloatArray:
    """(n,) Geman-McClure's, of residuals (n, m, 2) px with weights (n, m)."""
    square = (residual**2).sum(axis=-1)
    return (weight * square / (square + scale**2)).sum(axis=1)
