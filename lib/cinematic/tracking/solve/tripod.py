"""The camera of a shot that only turns: rotations, a focal length, and directions in place of points.

Every frame is turned onto the directions known so far, then all rotations, directions and the lens are adjusted
together (:mod:`.turn_bundle`).

Source: Kabsch 1976 (one rotation).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..coords import Extent
from .cameras import Cameras
from .turn_bundle import Freed, bundled, rotations

FloatArray = npt.NDArray[np.float64]

LEAST_DIRECTIONS = 8
"""Tracks with a known direction that a frame must show to be turned onto them."""

# Where the search for an unknown focal length starts, picture widths (of the longer side); where radial terms are found
# with it, from nearer: from afar they lead astray. Simulated lenses of 0.45 to 8 widths came right from these.
_FOCALS, _BENT_FOCALS, _LONG_FOCALS = (1.2, 0.6, 2.4), (1.2, 0.6, 0.45), (5.0, 10.0)
# A picture that only shifts, a wall that passes, looks like a turn through a lens of any length, the longer the better:
# from a long start a lens is told only where one so many times as long costs that much more.
_LONGER, _LONGER_COST = 3.0, 1.2
_FOCAL_GAIN = 0.98  # of the cost: what a later one of these must bring; a camera at rest leaves all of them equal
# Arms, in the camera's axes. Simulated tripods come to the right one from any of them more often than not, from one of
# the three nearly always; and so does what a hand sways by.
_ARMS = np.eye(3)[::-1]
# How far away the scene is, in arms: from 10 to 300 it came to the same, in fewest rounds from afar, where the
# rotations that are known still fit.
_AWAY = 300.0
_SCALES = (256.0, 64.0, 16.0, 4.0, 2.0, 1.0)  # px; what counts as far off, pass by pass
_STEPS, _MOST_TRACKS = 30, 600  # of an adjustment; the tracks with the most markers
_ROUGH_STEPS, _ROUGH_TRACKS = 8, 120  # of one that only has to find the right neighbourhood


def turn_cameras(positions: FloatArray, size: Extent, focal: float | None, freed: Freed) -> Cameras | None:
    """Cameras at the origin, turned to show the tracks, as a start to refine; None: there is nothing to begin with.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks, px; NaN where there is no marker. Many may be wrong.
    focal
        px; None: found with the rest.
    """
    shares = _BENT_FOCALS if freed.distortion else _FOCALS
    starts = [share * max(size) for share in shares] if focal is None else [focal]
    long = [] if focal is not None or freed.distortion else [share * max(size) for share in _LONG_FOCALS]

    def rough(start: float, refine_focal: bool) -> tuple[Cameras, float] | None:
        chain = _chained(_at_rest(positions.shape[1], size, start), positions)
        return None if chain is None else _adjusted(
            chain, positions, replace(freed, focal=refine_focal),
            scale=4.0, most_tracks=_ROUGH_TRACKS, steps=_ROUGH_STEPS,
        )  # fmt: skip

    def is_told(cameras: Cameras, cost: float) -> bool:
        longer = rough(_LONGER * float(np.nanmedian(cameras.focal)), False)
        return longer is not None and longer[1] > _LONGER_COST * cost

    best: Cameras | None = None
    best_cost = float("inf")
    for start in (*starts, *long):
        found = rough(start, freed.focal or focal is None)
        better = found is not None and (best is None or found[1] < _FOCAL_GAIN * best_cost)
        if found is not None and better and (start not in long or is_told(*found)):
            best, best_cost = found
    return best


def on_arms(cameras: Cameras) -> list[Cameras]:
    """Cameras that only turn, moved by an arm that turns along, one after the other; what is far away shows as before.

    Starts to refine: the lens of a tripod is not quite over its pivot.
    """
    axis = cameras.rotation[:, 2]  # (f, 3) where each of them looks
    found = []
    for arm in _ARMS:
        moved = arm @ cameras.rotation
        moved -= moved[len(moved) // 2]
        towards = _unit(_AWAY * axis - moved)
        rotation = cameras.rotation @ rotations(np.cross(towards, axis))
        found.append(replace(cameras, rotation=rotation, translation=-np.einsum("fij,fj->fi", rotation, moved)))
    return found


def adjust_turns(cameras: Cameras, positions: FloatArray, freed: Freed) -> Cameras:
    """Refine cameras that only turn over the markers given."""
    return _adjusted(cameras, positions, freed, scale=1.0)[0]


def directions_of(cameras: Cameras, positions: FloatArray) -> FloatArray:
    """(n, 3) The unit vectors that tracks show to cameras that only turn, robustly; NaN where nothing is known."""
    rays = np.einsum("fji,nfj->nfi", cameras.rotation, _rays(cameras, positions))
    seen = np.isfinite(rays[..., 0])
    rays = np.where(seen[..., None], rays, 0.0)
    focal = np.nan_to_num(cameras.focal)
    mean = _unit(rays.sum(axis=1))
    for scale in (*_SCALES, *_SCALES[-1:]):
        apart = np.linalg.norm(rays - mean[:, None], axis=2) * focal
        mean = _unit(np.einsum("nf,nfi->ni", seen / (1 + apart**2 / scale**2) ** 2, rays))
    return np.where(seen.any(axis=1)[:, None], mean, np.nan)


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-300)


def _at_rest(frames: int, size: Extent, focal: float) -> Cameras:
    nowhere = np.full((frames, 3, 3), np.nan)
    centre = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    return Cameras(nowhere, np.full((frames, 3), np.nan), np.full(frames, focal), centre)


def _rays(cameras: Cameras, positions: FloatArray) -> FloatArray:
    """(n, f, 3) Unit vectors in the camera's axes."""
    plane = cameras.plane(positions)
    rays = np.concatenate([plane, np.ones_like(plane[..., :1])], axis=-1)
    return rays / np.linalg.norm(rays, axis=-1, keepdims=True)


def _chained(cameras: Cameras, positions: FloatArray) -> Cameras | None:
    """Turn frame after frame onto the directions of those before; a frame that shows too few stays without."""
    rays = _rays(cameras, positions)
    seen = np.isfinite(rays[..., 0])
    enough = np.flatnonzero(seen.sum(axis=0) >= LEAST_DIRECTIONS)
    if not len(enough):
        return None
    rotation, translation = cameras.rotation.copy(), cameras.translation.copy()
    directions = np.full((len(positions), 3), np.nan)
    last = np.eye(3)
    start = int(enough[0])
    for frame in [*range(start, len(cameras.focal)), *range(start)]:
        rows = np.flatnonzero(seen[:, frame] & np.isfinite(directions[:, 0]))
        if frame != start and len(rows) < LEAST_DIRECTIONS:
            continue
        if frame != start:
            last = _turn(directions[rows], rays[rows, frame], last, float(cameras.focal[frame]))
        rotation[frame], translation[frame] = last, 0.0
        new = np.flatnonzero(seen[:, frame] & np.isnan(directions[:, 0]))
        directions[new] = rays[new, frame] @ last
    return replace(cameras, rotation=rotation, translation=translation)


def _turn(directions: FloatArray, rays: FloatArray, start: FloatArray, focal: float) -> FloatArray:
    """The rotation that takes directions (n, 3) to rays (n, 3), a few of which may be wrong."""
    rotation = start
    for scale in _SCALES:
        apart = np.linalg.norm(directions @ rotation.T - rays, axis=1) * focal
        weight = 1 / (1 + apart**2 / scale**2) ** 2
        u, _, vt = np.linalg.svd((weight[:, None] * rays).T @ directions)
        rotation = u @ np.diag([1.0, 1.0, np.sign(np.linalg.det(u @ vt))]) @ vt
    return rotation


def _adjusted(
    cameras: Cameras, positions: FloatArray, freed: Freed, *,
    scale: float, most_tracks: int = _MOST_TRACKS, steps: int = _STEPS,
) -> tuple[Cameras, float]:  # fmt: skip
    """The adjusted cameras, and their robust cost."""
    count = np.isfinite(positions[..., 0]).sum(axis=1)
    positions = positions[np.sort(np.argsort(-count, kind="stable")[:most_tracks])]
    seen = np.where(cameras.solved[:, None], positions, np.nan)
    seen = seen[np.isfinite(seen[..., 0]).sum(axis=1) >= 2]
    return bundled(cameras, directions_of(cameras, seen), seen, freed, scale, steps)
