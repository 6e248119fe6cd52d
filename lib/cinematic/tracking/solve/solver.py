"""The camera of a whole shot from its tracks: map, then judge the markers, leave out what does not fit, refine, repeat.

Pure: arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..coords import Size
from ..errors import TrackingError
from .cameras import Cameras
from .mapping import adjust, map_cameras
from .triangulation import reprojection_errors, triangulate

FloatArray = npt.NDArray[np.float64]

LEAST_TRACKS = 12
LEAST_FRAMES = 3

LIKELY_FOCAL = 1.2
"""Where the search for an unknown focal length starts, in picture widths (of the longer side)."""

_ROUNDS = 4
_SETTLED = 0.01  # relative change of the average error
_LEAST_PARALLAX = 0.1  # share of pairs that show parallax; fewer: the camera only turns, or sees one plane
_NOISE_PX = 0.3  # markers nearer than this fit, however small the others' errors are
_SIGMAS = 3.5
_FITTING_SHARE = 0.7  # of a track's markers must fit, or none of them is used
_LEAST_MARKERS = 4


@dataclass(frozen=True)
class Round:
    """One round of judging and refining."""

    tracks: int  # used
    markers: int  # used
    average_error: float  # px, over the markers used


@dataclass(frozen=True)
class Solution:
    """Cameras and points, and how well each marker agrees with them."""

    cameras: Cameras
    points: FloatArray  # (n, 3); NaN where a track gave none
    errors: FloatArray  # (n, f) reprojection error of every marker, used or not, px; NaN without marker or camera
    used: npt.NDArray[np.bool_]  # (n, f) the markers that the cameras rest on
    rounds: tuple[Round, ...]

    @property
    def average_error(self) -> float:
        """Mean reprojection error of the markers used, px."""
        return float(self.errors[self.used].mean())


def solve_positions(
    positions: FloatArray, size: Size, focal: float | None = None, *, refine_distortion: bool = False,
    zooms: bool = False,
) -> Solution:  # fmt: skip
    """Solve a moving camera from tracks.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px, (0, 0) the centre of the top-left pixel; NaN where there is no marker.
    size
        Width and height of the footage, px.
    focal
        px, taken as exact; None: found with the rest.
    refine_distortion
        Find two radial terms, too.
    zooms
        A focal length of its own in every frame.

    Raises
    ------
    TrackingError
        Too few tracks, no parallax (the camera only turns, or sees a single plane), or nothing fits together.
    """
    rich = np.isfinite(positions[..., 0]).sum(axis=1) >= 2
    if rich.sum() < LEAST_TRACKS or positions.shape[1] < LEAST_FRAMES:
        raise TrackingError(
            f"expected at least {LEAST_TRACKS} tracks over {LEAST_FRAMES} frames for a camera solve, "
            f"got {int(rich.sum())} over {positions.shape[1]}"
        )
    start = focal or LIKELY_FOCAL * max(size)
    mapped = map_cameras(positions, size, start, focal_is_known=focal is not None)
    if mapped.pairs and mapped.parallax_share < _LEAST_PARALLAX:
        raise TrackingError(
            f"no parallax: the camera only turns, or sees a single plane, in {1 - mapped.parallax_share:.0%} of the "
            f"{mapped.pairs} pairs of frames looked at; there is no path to solve"
        )
    if mapped.cameras is None or mapped.cameras.solved.sum() < LEAST_FRAMES:
        raise TrackingError("the tracks do not fit together as the view of one rigid scene")
    return _refined(mapped.cameras, positions, size, focal is None, refine_distortion, zooms)


def _refined(
    cameras: Cameras, positions: FloatArray, size: Size, refine_focal: bool, refine_distortion: bool, zooms: bool
) -> Solution:
    rounds: list[Round] = []
    while True:
        points = triangulate(cameras, positions)
        errors = reprojection_errors(cameras, points, positions)
        used = fitting(errors)
        if used.any(axis=1).sum() < LEAST_TRACKS:
            raise TrackingError("the tracks do not fit together as the view of one rigid scene")
        kept = np.where(used[..., None], positions, np.nan)
        cameras, points = adjust(
            cameras, points, kept, size, refine_focal=refine_focal, refine_distortion=refine_distortion, zooms=zooms
        )
        errors = reprojection_errors(cameras, points, positions)
        rounds.append(Round(int(used.any(axis=1).sum()), int(used.sum()), float(errors[used].mean())))
        if len(rounds) == _ROUNDS or (len(rounds) > 1 and _is_settled(rounds[-2], rounds[-1])):
            return Solution(cameras, points, errors, used, tuple(rounds))


def fitting(errors: FloatArray) -> npt.NDArray[np.bool_]:
    """(n, f) Which markers agree with the cameras as well as the plate's noise lets them."""
    judged = np.isfinite(errors)
    sigma = float(np.median(errors[judged])) / 1.18 if judged.any() else 0.0  # of one coordinate (Rayleigh)
    fits = judged & (errors < max(_NOISE_PX, _SIGMAS * sigma))
    count = fits.sum(axis=1)
    whole = (count >= _LEAST_MARKERS) & (count >= _FITTING_SHARE * judged.sum(axis=1))
    return fits & whole[:, None]


def _is_settled(before: Round, after: Round) -> bool:
    same = abs(before.average_error - after.average_error) < _SETTLED * after.average_error
    return same and abs(before.markers - after.markers) < _SETTLED * after.markers
