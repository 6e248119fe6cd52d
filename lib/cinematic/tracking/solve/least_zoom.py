"""A camera that comes nearer along its line of sight as its lens zooms, a dolly zoom: which of those that explain it?

Cameras that do not turn, and move along where they look, are told apart by nothing in the picture: with depths z from
one of them, ``z / (1 + b z)`` and focal lengths ``f / (1 + b d)``, d being how far each has come, explain it as well,
whatever b is; so do all depths and focal lengths times a factor. One lens of a fixed focal length is among them, with
what lies farther than a certain depth behind the cameras. The one to take zooms as little as may be with everything
ahead of them.
Source: Sturm 1999, "Critical motion sequences for the self-calibration of cameras and stereo systems with variable
focal length" (what such a motion leaves open).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .cameras import Cameras
from .solution import Solution

FloatArray = npt.NDArray[np.float64]

_MOST_TURNED = 0.02  # radians that cameras may look to the side of where they look on average
_MOST_ASIDE = 0.05  # of the way, that they may be off a straight line along there
_FARTHEST = 10.0  # times the depth of the middle one of the points: what lies farther may as well be behind
_STRANGERS = 0.01  # of the points at either end of all depths say nothing
_TRIED, _NEAREST = 2000, 1e-6  # of the cameras that explain it as well, most of them where the farthest goes far away


def is_along_sight(cameras: Cameras) -> bool:
    """Whether the cameras move along where all of them look."""
    sight, places = _sight(cameras), cameras.positions[cameras.solved]
    way = (places - places[0]) @ sight
    aside = np.linalg.norm(places - places[0] - way[:, None] * sight, axis=1)
    turned = np.linalg.norm(np.cross(cameras.rotation[cameras.solved, 2], sight), axis=1)
    return bool(turned.max() < _MOST_TURNED and aside.max() < _MOST_ASIDE * np.ptp(way))


def least_zoom(found: Solution, focal: float) -> Cameras | None:
    """Of cameras that move along their line of sight those that explain the same and zoom least; None: they do not.

    Parameters
    ----------
    found
        Any of those that explain it.
    focal : float
        px, what the median of the focal lengths is to be.
    """
    cameras = found.cameras
    if found.only_turns or not is_along_sight(cameras):
        return None
    sight = _sight(cameras)
    hindmost = cameras.positions[np.nanargmin(cameras.positions @ sight)]
    way = (cameras.positions - hindmost) @ sight
    depths = (found.points[found.used.any(axis=1)] - hindmost) @ sight
    depths = depths[depths > 0]
    if not len(depths):
        return None
    bends = _bends(np.quantile(depths, np.linspace(_STRANGERS, 1 - _STRANGERS, 50)))
    bends = bends[1 + bends * np.nanmax(way) > 0]
    zoom = np.nanstd(np.log(cameras.focal) - np.log1p(np.multiply.outer(bends, way)), axis=1)
    stretch = 1 + bends[np.argmin(zoom)] * way
    focals = cameras.focal / stretch
    longer = focal / float(np.nanmedian(focals))
    moved = (cameras.positions - hindmost) / stretch[:, None]
    moved += np.multiply.outer((longer - 1) * moved @ sight, sight)
    return replace(cameras, focal=longer * focals, translation=-np.einsum("fij,fj->fi", cameras.rotation, moved))


def _bends(depths: FloatArray) -> FloatArray:
    """(k,) The b of which all depths stay ahead, and not too far away; ``depths``: ascending."""
    bends = (np.geomspace(_NEAREST, 2, _TRIED) - 1) / depths[-1]
    bent = depths / (1 + np.multiply.outer(bends, depths))
    return bends[bent[:, -1] <= max(_FARTHEST, depths[-1] / np.median(depths)) * np.median(bent, axis=1)]


def _sight(cameras: Cameras) -> FloatArray:
    """(3,) Where they look on average, in the world."""
    sight = np.nanmean(cameras.rotation[:, 2], axis=0)
    return sight / np.linalg.norm(sight)
