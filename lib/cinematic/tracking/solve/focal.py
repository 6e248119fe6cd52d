"""How surely tracks tell a camera's focal length, and the likeliest of those that explain them.

A camera that moves and hardly turns (on rails, on a gimbal, in an aircraft) shows nearly the same through a longer lens
in a deeper scene; one that only turns, and hardly does, through a longer lens when it turns less. Along that valley the
error changes so little that bundle adjustment stops halfway to its floor. Here it is walked: the scene is stretched
along the view step by step, and all but the focal length adjusted. Where the floor is flat the likelier lens is taken;
and how wide it is is told.

Sources: motions that do not tell a focal length, Sturm 1997 and Kahl, Triggs & Åström 2000; what is left when all but
one parameter is fitted (profile likelihood), Venzon & Moolgavkar 1988.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..coords import Extent
from .cameras import Cameras
from .mapping import ROBUST_PX, adjust
from .solution import Solution
from .triangulation import reprojection_errors
from .tripod import adjust_turns, directions_of
from .turn_bundle import Freed

FloatArray = npt.NDArray[np.float64]

LIKELY_FOCAL = 1.2
"""What an unknown focal length is likeliest to be, in picture widths (of the longer side)."""
AS_MANY = 0.95
"""Times the most markers that any rests on: on so many of them those rest that are compared by what they leave."""

_LIKELY_BENT = 0.6  # where the lens is bent: wide ones are
_LIKELY_DEVIATION = 0.5  # of the natural logarithm: a factor of 2.7 either way is odd
_LEAST_DEVIATION = 0.005  # where the camera moves after all, rotations tell it no better
_STEP = 1.1  # from one focal length to the next
_SHORTEST, _LONGEST = 0.25, 8.0  # picture widths: what is walked through
_ITERATIONS = 20  # of bundle adjustment at each; with the focal length held that is enough
_CLIMBED = 1.06  # times the floor: the valley's side, no need to go farther
# Of simulated cameras that hardly turn the right focal length left at most 1.002 times what the floor does; of a
# part of a clip, whose lens and shutter are not quite those of the model, what all of it tells left 1.015 times.
_AS_GOOD = 1.02
_LEAST_COST = 1e-12  # px^2, of tracks without any error
_NEAR = 1.03  # times the focal length that bundle adjustment has found: no need to go there


@dataclass(frozen=True)
class LikelyFocal:
    """What a focal length is likeliest to be before a path tells it: a normal distribution of its logarithm."""

    px: float
    deviation: float = _LIKELY_DEVIATION

    @classmethod
    def of_lens(cls, width: float, is_bent: bool) -> LikelyFocal:
        """Where nothing else is known."""
        return cls(width * (_LIKELY_BENT if is_bent else LIKELY_FOCAL))

    @classmethod
    def of_turns(cls, cameras: Cameras) -> LikelyFocal:
        """Where cameras that only turn nearly explain the shot, and tell which focal lengths do as well.

        Of simulated ones that moved a little all but one of 25 had theirs within that range.
        """
        if cameras.focal_range is None:
            return cls(float(np.nanmedian(cameras.focal)))
        shortest, longest = np.log(cameras.focal_range)
        return cls(float(np.nanmedian(cameras.focal)), max(_LEAST_DEVIATION, float(longest - shortest) / 2))

    def oddness(self, focals: FloatArray) -> FloatArray:
        """Minus the logarithm of how likely these are, px, each against the likeliest."""
        return (np.log(focals / self.px) / self.deviation) ** 2 / 2


@dataclass(frozen=True, eq=False)
class _Stop:
    """The scene as adjusted to one focal length."""

    cameras: Cameras
    points: FloatArray  # (n, 3); directions where the camera only turns
    cost: float  # mean robust error over the markers used, px^2

    @property
    def log_focal(self) -> float:
        return float(np.log(np.nanmedian(self.cameras.focal)))


def with_likeliest_focal(solution: Solution, positions: FloatArray, size: Extent, likely: LikelyFocal) -> Solution:
    """A moving camera at the likeliest focal length; :attr:`.Cameras.focal_range` says which ones are as good.

    The same cameras, where bundle adjustment has come near it.

    Parameters
    ----------
    solution
        Its one focal length was found with the rest.
    positions : (n, f, 2)
        px; NaN where there is no marker.
    likely
        What counts beside what is left of the tracks.
    """
    used, bent = solution.used, solution.cameras.is_bent
    seen = np.where(used[..., None], positions, np.nan)

    def stop(cameras: Cameras, points: FloatArray) -> _Stop:
        search = {"refine_focal": False, "refine_distortion": bent}
        cameras, points = adjust(cameras, points, seen, size, **search, iterations=_ITERATIONS)
        return _Stop(cameras, points, _cost(reprojection_errors(cameras, points, seen)[used]))

    start = stop(solution.cameras, solution.points)

    def at(log_focal: float) -> _Stop:
        near = min(stops, key=lambda each: abs(each.log_focal - log_focal))
        return stop(*_stretched(near.cameras, near.points, float(np.exp(log_focal - near.log_focal))))

    stops = _valley(start, stop, max(size))
    if likely.deviation < np.log(_STEP):  # else the steps would miss what is likely
        between = np.log(likely.px) + likely.deviation * np.array([-1.0, 0.0, 1.0])
        walked = (stops[0].log_focal < between) & (between < stops[-1].log_focal)
        stops = sorted([*stops, *map(at, between[walked])], key=lambda each: each.log_focal)
    focals, costs = _floor(stops)
    best = _lowest(focals, _oddness(costs, used) + likely.oddness(np.exp(focals)))
    if abs(best - start.log_focal) > min(np.log(_NEAR), likely.deviation):
        found = at(best)
        errors = reprojection_errors(found.cameras, found.points, positions)
        solution = replace(solution, cameras=found.cameras, points=found.points, errors=errors)
    return replace(solution, cameras=replace(solution.cameras, focal_range=_as_good(focals, costs)))


def with_focal_range(solution: Solution, positions: FloatArray, size: Extent, bent: bool) -> Solution:
    """A camera that only turns: :attr:`.Cameras.focal_range` says which focal lengths explain the tracks as well.

    Those of a lens that zooms are all as much longer or shorter: how they change stays as it was found.

    Parameters are those of :func:`with_likeliest_focal`; ``bent``: through lenses with radial terms, which little tells
    apart from others where the camera hardly turns.
    """
    used = solution.used
    seen = np.where(used[..., None], positions, np.nan)

    def stop(cameras: Cameras, _: FloatArray) -> _Stop:
        cameras = adjust_turns(cameras, seen, Freed(distortion=bent))
        directions = directions_of(cameras, seen)
        return _Stop(cameras, directions, _cost(reprojection_errors(cameras, directions, seen)[used]))

    focals, costs = _floor(_valley(stop(solution.cameras, solution.points), stop, max(size)))
    return replace(solution, cameras=replace(solution.cameras, focal_range=_as_good(focals, costs)))


def likeliest_path(tried: Sequence[Solution], likely: LikelyFocal) -> Solution:
    """Of moving cameras found in different ways the one that explains the tracks best with a likely focal length.

    It rests on about as many markers as any of them; they are compared by what all such explain.
    """
    most = max(each.used.sum() for each in tried)
    tried = [each for each in tried if each.used.sum() >= AS_MANY * most]
    used = np.all([each.used for each in tried], axis=0)
    costs = np.array([_cost(each.errors[used]) for each in tried])
    focals = np.array([np.nanmedian(each.cameras.focal) for each in tried])
    return tried[int(np.argmin(_oddness(costs, used) + likely.oddness(focals)))]


def _oddness(costs: FloatArray, used: npt.NDArray[np.bool_]) -> FloatArray:
    """Minus the logarithm of how likely tracks are that leave so much over the markers used (n, f).

    A track's errors go together, whatever the number of its markers: each track counts as one.
    """
    return np.asarray(used.any(axis=1).sum() * costs / costs.min(), np.float64)


def _valley(start: _Stop, stop: Callable[[Cameras, FloatArray], _Stop], width: float) -> list[_Stop]:
    """Up both sides, or to the end of what is looked at: from the shortest to the longest."""
    limits = np.log(_SHORTEST * width), np.log(_LONGEST * width)
    shorter, longer = [start], [start]
    for way, by in ((shorter, 1 / _STEP), (longer, _STEP)):
        while limits[0] < way[-1].log_focal + np.log(by) < limits[1]:
            way.append(stop(*_stretched(way[-1].cameras, way[-1].points, by)))
            if way[-1].cost > _CLIMBED * min(each.cost for each in shorter + longer):
                break
    return [*reversed(shorter), *longer[1:]]


def _floor(stops: list[_Stop]) -> tuple[FloatArray, FloatArray]:
    """log(focal), and cost."""
    return np.array([each.log_focal for each in stops]), np.array([each.cost for each in stops])


def _stretched(cameras: Cameras, points: FloatArray, by: float) -> tuple[Cameras, FloatArray]:
    """Through a lens ``by`` times as long a scene as much deeper along the mean view: nearly the same picture."""
    solved, mean = cameras.solved, _mean_view(cameras)
    rotation = cameras.rotation.copy()
    rotation[solved] = [_turned_less(turn @ mean.T, by) @ mean for turn in rotation[solved]]
    stretch = mean.T @ np.diag([1.0, 1.0, by]) @ mean
    translation = -np.einsum("fij,fj->fi", rotation, cameras.positions @ stretch)
    return replace(_through_longer(cameras, by), rotation=rotation, translation=translation), points @ stretch


def moved_back(
    cameras: Cameras, points: FloatArray, known: npt.NDArray[np.bool_], by: float
) -> tuple[Cameras, FloatArray]:
    """Through a lens ``by`` times as long from as much farther away: nearly the same picture of what is not deep.

    Unlike a stretched scene that goes for a camera that goes round it, too. ``known`` (n,): points that tell where the
    scene's middle is; it becomes the origin.
    """
    middle = np.median(points[known], axis=0)
    to_middle = cameras.translation + cameras.rotation @ middle
    return replace(_through_longer(cameras, by), translation=to_middle * [1.0, 1.0, by]), points - middle


def turned_over(cameras: Cameras, points: FloatArray, known: npt.NDArray[np.bool_]) -> tuple[Cameras, FloatArray]:
    """The scene mirrored in depth, and cameras that pan and tilt the other way: nearly the same picture of a plane.

    ``known`` (n,): points that tell where the scene's middle is; it becomes the origin. Sources: the two motions that a
    homography leaves, Faugeras & Lustman 1988; the second pose of a plane, Schweighofer & Pinz 2006.
    """
    middle, view = np.median(points[known], axis=0), _mean_view(cameras)
    mirror = np.diag([1.0, 1.0, -1.0])
    rotation = mirror @ (cameras.rotation @ view.T) @ mirror
    translation = cameras.translation + cameras.rotation @ middle
    return replace(cameras, rotation=rotation, translation=translation), (points - middle) @ view.T @ mirror


def _mean_view(cameras: Cameras) -> FloatArray:
    """The rotation (3, 3) from the world to what the cameras see on average."""
    left, _, right = np.linalg.svd(cameras.rotation[cameras.solved].sum(axis=0))
    return np.asarray(left @ right, np.float64)


def _through_longer(cameras: Cameras, by: float) -> Cameras:
    """Through a lens ``by`` times as long that bends the same picture alike."""
    return replace(cameras.through(cameras.curve.through_longer(by)), focal=cameras.focal * by)


def _turned_less(turn: FloatArray, by: float) -> FloatArray:
    """A rotation (3, 3) with its pan and tilt divided; the roll stays."""
    import cv2

    vector = cv2.Rodrigues(turn)[0].ravel()
    return np.asarray(cv2.Rodrigues(vector / [by, by, 1.0])[0], np.float64)


def _cost(errors: FloatArray) -> float:
    """Mean of what the adjustment makes small (Cauchy's loss), px^2; behind the camera counts as far off."""
    off = np.nan_to_num(errors, posinf=20 * ROBUST_PX) / ROBUST_PX
    return max(float(ROBUST_PX**2 * np.log1p(off**2).mean()), _LEAST_COST)


def _lowest(x: FloatArray, y: FloatArray) -> float:
    """Where a curve through points is lowest: of the parabola through the least of them and its neighbours."""
    if len(x) < 3:
        return float(x[np.argmin(y)])
    row = int(np.clip(np.argmin(y), 1, len(x) - 2))
    bend, slope, _ = np.polyfit(x[row - 1 : row + 2] - x[row], y[row - 1 : row + 2], 2)
    lowest = x[row] - slope / (2 * bend) if bend > 0 else x[np.argmin(y)]
    return float(np.clip(lowest, x[row - 1], x[row + 1]))


def _as_good(focals: FloatArray, costs: FloatArray) -> tuple[float, float]:
    """The shortest and longest focal length, px, of those that cost nearly the least; ``focals`` are logarithms."""
    row = int(np.argmin(costs))
    climbs = np.sqrt(costs / costs[row] - 1)  # the sides are parabolas: their square roots rise evenly
    limit = np.sqrt(_AS_GOOD - 1)
    sides = slice(row, None, -1), slice(row, None)
    low, high = (float(np.exp(_crossing(focals[side], climbs[side], limit))) for side in sides)
    return low, high


def _crossing(places: FloatArray, heights: FloatArray, limit: float) -> float:
    """Where heights, from the valley's floor up one of its sides, pass the limit first; the last place: nowhere."""
    above = np.flatnonzero(heights > limit)
    if not len(above):
        return float(places[-1])
    far = int(above[0])
    return float(np.interp(limit, heights[far - 1 : far + 1], places[far - 1 : far + 1]))
