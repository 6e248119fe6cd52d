"""The camera of a whole shot through one lens, all rows read at once: map, then judge the markers, refine, repeat.

A shot is mapped on key frames; the frames between them are then added from the points, and all refined together.
A camera that only turns is recognised (pairs of frames show no parallax, and rotations alone explain the markers) and
solved as rotations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache, partial, reduce

import numpy as np
import numpy.typing as npt

from ..coords import Extent
from ..errors import TrackingError
from .cameras import Cameras
from .focal import AS_MANY, LikelyFocal, likeliest_path, moved_back, turned_over, with_focal_range, with_likeliest_focal
from .lens_curve import PINHOLE, LensCurve
from .mapping import Mapped, add_frames, adjust, map_cameras
from .planes import left_by_planes
from .solution import LensSearch, Round, Solution
from .triangulation import median_error, reprojection_errors, triangulate
from .tripod import adjust_turns, directions_of, on_arms, turn_cameras
from .turn_bundle import Freed

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEAST_TRACKS = 12
LEAST_FRAMES = 3

# Where the search for an unknown focal length starts, in picture widths (of the longer side). From too short a lens it
# comes to the right one; from too long a lens it may end in a wrong scene that no small step leaves: of 110 simulated
# shots of cameras that hardly turn 4 from 1.2, 1 from 0.8, none from 0.5.
_START_FOCAL = 0.5
# A barrel lens that is mapped through again, where a first round leaves more than so many px:
# through a wide one that bends much the mapping knows no way to the right scene from a straight one.
_BARREL, _UNEXPLAINED_PX = LensCurve(-0.2), 0.25
ROUNDS = 4
ROUNDS_BETWEEN = 1  # once the frames between the key frames have been added
ITERATIONS, ITERATIONS_BETWEEN = 40, 10  # of bundle adjustment in a round: the second begins next to its goal
ITERATIONS_TO_JUDGE = 5  # in place of those; an unknown focal length may then be half a percent farther off
# Pairs, mapping and adjustment cost what the key frames do, and more of them told no more: on development plates of 24
# and 48 frames all of them, every second and every third gave the same cameras (path off by 0.016 to 0.05 %).
_MOST_KEY_FRAMES = 24
_LEAST_KEY_FRAMES, _KEY_STEP = 12, 3  # of a short shot every third frame, or so that there are as many as this
_ENOUGH_TRACKS = 150  # on a frame, to map it by
_KEY_COMMON = 30  # tracks that two key frames in a row must have in common
_MOSTLY_MAPPED = 0.9  # of the key frames have a camera, or what is left may be wrong about the focal length
_SETTLED = 0.01  # relative change of the average error
_LEAST_PARALLAX = 0.1  # share of pairs that show parallax; fewer: the camera only turns, or sees one plane
# A camera that only turns is tried, too, where fewer pairs than this show parallax, or planes between them leave less:
# px, and through a lens that may bend, which bends planes, too, picture widths (simulated ones left up to 0.004).
_SURE_PARALLAX, _SURE_PX, _SURE_BENT = 0.9, 1.5, 0.006
_TURN_PX = 1.0  # median error up to which rotations alone explain a shot
_ANY_PX = float("inf")
_HOPELESS_PX = 3.0  # median error after a round, which further ones do not bring down to that
# Times what planes between pairs of frames leave, and at least px: from there on the median error of a first attempt,
# without distortion, says that a camera does not only turn. Simulated ones that do leave 0.3 to 1.0 times as much.
_ROUGH_TURN, _ROUGH_TURN_PX = 2.0, 0.02
_TURN_WORTH = 1.02  # times: a camera that only turns, as some of the tracks tell, may explain so many fewer of all
_TURN_GAIN = 1.3  # a path must bring the median error down by this factor, or the camera only turns
# Of what planes between pairs of frames leave: two noisy markers are the square root of 2 times as far apart as each is
# from its place. Simulated walls with a tenth or a fifth of the tracks on things that move by themselves: right cameras
# leave 0.57 to 0.69 of it, wrong ones, bent to these things, 0.76 to 1.6; of development plates 0.01 to 0.53.
_PLANES_LEAVE = 0.73
_SURER = 0.98  # of the median error: what another way must bring
_FARTHEST_MIDDLE = 0.1  # of the picture's longer side: a lens's middle from the picture's
_BEND_GAIN = 1.1  # radial terms must bring the median error down by this factor
# Of the markers: where fewer fit, the camera may be a wrong one. Of thirty simulated ways round an object with 60 % bad
# tracks, most of them short, five unknown focal lengths are more than a tenth off then, in place of eight.
_POORLY_FITTING = 0.6
_FARTHER = (2.2, 1.5, 1 / 1.5)  # times as far from the scene
_NOISE_PX = 0.3  # markers nearer than this fit, however small the others' errors are
_SIGMAS = 3.5
_EXPLAINED_PX = 1.0  # up to which error, px, a marker is explained, whatever else is
_LEAST_FITTING = 0.1  # of all markers must fit, or nothing is explained
_LOST_PX = 5.0  # median error of the markers that are said to fit
_FITTING_SHARE = 0.7  # of a track's markers must fit, or none of them is used
_LEAST_MARKERS = 4
_AGREEING_SHARE = 0.3  # of a frame's markers agree with its camera, or another one is looked for
_MOST_ASTRAY = 0.25  # share of the frames with a camera
TURNS, MOVES = "a camera that only turns", "one rigid scene"
_NO_FOCAL = "where no focal length can be found with the path; give the exact focal length"
_PLANES = f"planes explain the tracks as well as the best camera found: the camera sees a single plane, {_NO_FOCAL}"


class NoParallax(TrackingError):
    """Hardly any pair of frames shows parallax: a path cannot be told."""


class OnePlane(TrackingError):
    """Planes explain the tracks as well as the best camera that was found."""


def solve_through_one(
    positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None, iterations_between: int, *,
    of_others: bool = True,
) -> Solution:  # fmt: skip
    """The shot as one of a camera that moves or only turns, :func:`.solver.solve_shot`'s parameters in square units.

    ``lens`` says whether it zooms. Bundle adjustment on all frames has so many ``iterations_between``. Where what is
    found explains little, some of the tracks are asked by themselves (``of_others``).

    Raises
    ------
    TrackingError
        As for :func:`.solver.solve_positions`.
    """
    check_enough(positions)
    if only_turns:
        return _with_focal_range(checked(turning(positions, size, lens), TURNS), positions, size, lens)
    keys = key_frames(np.isfinite(positions[..., 0]))
    rows = enough_tracks(np.isfinite(positions[..., 0]))
    leading = positions[rows]

    @cache  # the barrel is asked for again where pairs' calibration has left frames out
    def mapped_through(curve: LensCurve, calibrated: bool = True) -> Mapped:
        return map_cameras(
            leading[:, keys], size, lens.focal or _START_FOCAL * max(size),
            focal_is_known=lens.focal_is_exact, calibrated=calibrated, zooms=lens.is_zoom, curve=curve,
        )  # fmt: skip

    mapped = mapped_through(PINHOLE)
    planes = left_by_planes(leading[:, keys])
    sure = _SURE_PX if lens.distortion is False else max(_SURE_PX, _SURE_BENT * max(size))
    may_turn = only_turns is None and (mapped.parallax_share < _SURE_PARALLAX or not planes > sure)
    tripod = turning_only(positions, size, lens, planes) if may_turn else None
    one_plane = mapped.parallax_share < _LEAST_PARALLAX
    if tripod is not None and one_plane:
        return tripod
    if one_plane and not lens.focal_is_exact:
        raise NoParallax(_one_plane(mapped))
    outvoted = np.zeros(len(positions), bool)
    outvoted[rows] = mapped.outvoted
    turns = None if tripod is None else tripod.cameras.within(keys)

    def moved(mapped: Cameras | None) -> Solution | None:
        return _moving(mapped, mapped_through, turns, keys, positions, outvoted, size, lens, iterations_between)

    moving = moved(mapped.cameras)
    if not lens.focal_is_exact and (moving is None or mapped.solved_share < _MOSTLY_MAPPED):
        moving = _fuller(moving, moved(mapped_through(PINHOLE, calibrated=False).cameras))
    if one_plane and moving is not None:
        moving = surer(moving, _turned_over(moving, positions, size, lens))
    if tripod is not None and (moving is None or tripod.median_error < _TURN_GAIN * moving.median_error):
        return tripod
    if moving is not None and of_others:
        solve = partial(
            solve_through_one, size=size, lens=lens, only_turns=only_turns, iterations_between=iterations_between,
            of_others=False,
        )  # fmt: skip
        rival = _of_others(moving, positions, solve)
        if rival is not None:
            return rival
    if moving is not None and not lens.focal_is_exact and moving.median_error > _PLANES_LEAVE * planes:
        raise OnePlane(_PLANES)
    return checked(moving, MOVES)


def _of_others(found: Solution, positions: FloatArray, solve: Callable[[FloatArray], Solution]) -> Solution | None:
    """What some of the tracks tell by themselves, if that explains more of all; else None.

    What moves by itself and is densely tracked, an actor before a screen with a few marks, may be what is found first:
    then it is those that are left which tell. Or it has bent what is found, which does not rest on it any more: then it
    is the others.

    Raises
    ------
    NoParallax, OnePlane
        More markers than what was found explains are on one plane, which tells no camera; nor does what moves there.
    """
    seen = np.isfinite(positions[..., 0]).sum(axis=1)
    rested_on = found.used.sum(axis=1) > seen / 2
    best: Solution | None = None
    for left_out, may_explain in (
        (rested_on, seen[~rested_on].sum() > _explained(found)),
        (~rested_on, found.used.sum() < _POORLY_FITTING * seen.sum()),
    ):
        if not may_explain:
            continue
        asked = np.where(left_out[:, None, None], np.nan, positions)
        try:
            rival = with_others(solve(asked), positions, left_out)
        except (NoParallax, OnePlane):
            if left_out is rested_on and left_by_planes(asked) < _EXPLAINED_PX:
                raise
            continue
        except TrackingError:
            continue
        if _explained(rival) * (_TURN_WORTH if rival.only_turns else 1.0) > _explained(best or found):
            best = rival
    return best


def _explained(solution: Solution) -> int:
    """How many markers."""
    return int((solution.errors < _EXPLAINED_PX).sum())


def check_enough(positions: FloatArray) -> None:
    """Refuse tracks (n, f, 2) that are too few, or of too few frames, whatever the camera does."""
    rich = np.isfinite(positions[..., 0]).sum(axis=1) >= 2
    if rich.sum() < LEAST_TRACKS or positions.shape[1] < LEAST_FRAMES:
        raise TrackingError(
            f"expected at least {LEAST_TRACKS} tracks over {LEAST_FRAMES} frames for a camera solve, "
            f"got {int(rich.sum())} over {positions.shape[1]}"
        )


def key_frames(seen: BoolArray) -> npt.NDArray[np.int64]:
    """Frames that a shot is mapped on: all of a very short one, else as few as its tracks can bridge.

    Parameters
    ----------
    seen : (n, f)
        Where there are markers.
    """
    frames = seen.shape[1]
    step = max(1, -(-frames // _MOST_KEY_FRAMES), min(_KEY_STEP, frames // _LEAST_KEY_FRAMES))
    keys = [0]
    while keys[-1] < frames - 1:
        last = keys[-1]
        ahead = np.arange(last + 1, min(last + step, frames - 1) + 1)
        linked = ahead[(seen[:, last, None] & seen[:, ahead]).sum(axis=0) >= _KEY_COMMON]
        keys.append(int(linked[-1] if len(linked) else ahead[0]))
    return np.array(keys)


def enough_tracks(seen: BoolArray) -> npt.NDArray[np.int64]:
    """Rows of the tracks that a shot is mapped by, drawn until every frame has enough; the others follow later.

    By lot: the longest ones would crowd on what is far away, where there is no parallax.

    Parameters
    ----------
    seen : (n, f)
        Where there are markers.
    """
    count = np.zeros(seen.shape[1], int)
    chosen = []
    for row in np.random.default_rng(0).permutation(len(seen)):
        if (count[seen[row]] < _ENOUGH_TRACKS).any():
            chosen.append(row)
            count += seen[row]
    return np.sort(np.array(chosen, dtype=np.int64))


def fitting(errors: FloatArray, of_scene: FloatArray | None = None) -> BoolArray:
    """(n, f) Which markers agree with the cameras as well as the plate's noise lets them.

    What that is tell errors ``of_scene``, or these themselves.
    """
    judged, telling = np.isfinite(errors), errors if of_scene is None else of_scene
    known = telling[np.isfinite(telling)]
    sigma = float(np.median(known)) / 1.18 if len(known) else 0.0  # of one coordinate (Rayleigh)
    fits = judged & (errors < max(_NOISE_PX, _SIGMAS * sigma))
    count = fits.sum(axis=1)
    whole = (count >= _LEAST_MARKERS) & (count >= _FITTING_SHARE * (~np.isnan(errors)).sum(axis=1))
    return fits & whole[:, None]


def _moving(
    mapped: Cameras | None, mapped_through: Callable[[LensCurve], Mapped], turns: Cameras | None,
    keys: npt.NDArray[np.int64], positions: FloatArray, outvoted: BoolArray, size: Extent, lens: LensSearch,
    iterations_between: int,
) -> Solution | None:  # fmt: skip
    """The solution on the key frames, then on all; None: the tracks do not fit together.

    ``turns`` are rotations that nearly explain the key frames, if any do.
    """
    mapped = _with_enough(mapped)
    if mapped is None:
        return None
    seen = np.where(outvoted[:, None, None], np.nan, positions[:, keys])
    begun, bent = _begun(mapped, mapped_through, seen, size, lens)
    solution = _went_on(begun, seen, size, lens, bent, ROUNDS - 1, ITERATIONS)
    solution = surer(solution, _through_fisheye(solution, seen, size, lens))
    if lens.focal is None:
        solution = from_elsewhere(solution, seen, size, lens, bent)
    if solution is not None and turns is not None:
        solution = _or_from_turns(solution, turns, seen, size, lens)
    if solution is not None and not lens.focal_is_exact and not lens.is_zoom:
        solution = _at_likeliest_focal(solution, turns, seen, size, lens)
    if solution is None:
        return None
    if outvoted.any():
        solution = with_others(solution, positions[:, keys], outvoted)
    if len(keys) == positions.shape[1]:
        return solution
    between = replace(solution, cameras=among_frames(solution.cameras, keys, positions.shape[1]))
    return _went_on(between, positions, size, lens, bent, ROUNDS_BETWEEN, iterations_between)


def with_others(solution: Solution, positions: FloatArray, others: BoolArray) -> Solution:
    """The same, and what those tracks (n,) that were left out of it come to by its cameras."""
    points = solution.points.copy()
    placed = directions_of if solution.only_turns else triangulate
    points[others] = placed(solution.cameras, positions[others])
    errors = reprojection_errors(solution.cameras, points, positions)
    used = solution.used | (fitting(errors, solution.errors) & others[:, None])
    return replace(solution, points=points, errors=errors, used=used)


def from_elsewhere(
    solution: Solution | None, positions: FloatArray, size: Extent, lens: LensSearch, bent: bool
) -> Solution | None:
    """The same, or what is found from nearer and from farther away, if that explains more.

    Where many tracks are bad a camera with a wrong focal length may choose those that fit it, and stay.
    """
    if solution is None or solution.used.sum() >= _POORLY_FITTING * np.isfinite(solution.errors).sum():
        return solution
    best: Solution | None = solution
    for by in _FARTHER:
        cameras, points = moved_back(solution.cameras, solution.points, solution.used.any(axis=1), by)
        other = refined(cameras, points, positions, size, lens, bent, ROUNDS - 1, ITERATIONS)
        best = surer(best, other)
    return best


def from_turns(turns: Cameras, positions: FloatArray, size: Extent, lens: LensSearch, bent: bool) -> Solution | None:
    """A path begun from cameras that only turn and nearly explain the shot; None: the tracks do not fit together."""
    return reduce(surer, _all_from_turns(turns, positions, size, lens, bent), None)


def _all_from_turns(
    turns: Cameras, positions: FloatArray, size: Extent, lens: LensSearch, bent: bool
) -> list[Solution]:
    """The paths that are found from each arm."""
    begun = (refined(moved, None, positions, size, lens, bent, ROUNDS, ITERATIONS) for moved in on_arms(turns))
    return [path for path in begun if path is not None]


def _or_from_turns(found: Solution, turns: Cameras, positions: FloatArray, size: Extent, lens: LensSearch) -> Solution:
    """The same, or what is begun from rotations, if it is likelier.

    Where there is little parallax these tell the lens better than the mapping does.
    """
    rivals = list[Solution]()
    for bent in {turns.is_bent, found.cameras.is_bent}:
        for path in _all_from_turns(turns, positions, size, lens, bent):
            finished = path.used.sum() >= AS_MANY * found.used.sum()
            further = path if finished else _went_on(path, positions, size, lens, bent, ROUNDS, ITERATIONS)
            rivals += [] if further is None else [further]
    return likeliest_path([found, *rivals], LikelyFocal.of_turns(turns))


def _turned_over(solution: Solution, positions: FloatArray, size: Extent, lens: LensSearch) -> Solution | None:
    """The other of the two cameras that two views of a plane leave; only one of them fits all others."""
    cameras, points = turned_over(solution.cameras, solution.points, solution.used.any(axis=1))
    return refined(cameras, points, positions, size, lens, solution.cameras.is_bent, ROUNDS, ITERATIONS)


def _begun(
    mapped: Cameras,
    mapped_through: Callable[[LensCurve], Mapped],
    positions: FloatArray,
    size: Extent,
    lens: LensSearch,
) -> tuple[Solution | None, bool]:
    """A first round, and whether it is through a lens with two radial terms."""

    def through(cameras: Cameras | None, bent: bool) -> Solution | None:
        return None if cameras is None else refined(cameras, None, positions, size, lens, bent, 1, ITERATIONS)

    tried = (False, True) if lens.distortion is None else (lens.distortion,)
    begun = {bent: through(mapped, bent) for bent in tried}
    first = begun[_better(begun)]
    if True in tried and (first is None or first.median_error > _UNEXPLAINED_PX):
        begun[True] = surer(begun[True], through(_with_enough(mapped_through(_BARREL).cameras), True))
    bent = _better(begun)
    return begun[bent], bent


def _through_fisheye(
    solution: Solution | None, positions: FloatArray, size: Extent, lens: LensSearch
) -> Solution | None:
    """What is found through a fisheye, which has as many terms as a bent pinhole; None: the lens does not bend."""
    if solution is None or not solution.cameras.is_bent:
        return None
    return refined(_as_fisheye(solution.cameras, size), None, positions, size, lens, True, ROUNDS - 1, ITERATIONS)


def off_the_middle(solution: Solution, positions: FloatArray, size: Extent, lens: LensSearch) -> Solution | None:
    """Through the lens whose middle explains the markers used best; None: no lens has it there, or it is as before."""
    used, bent = np.where(solution.used[..., None], positions, np.nan), solution.cameras.is_bent
    cameras, points = adjust(
        solution.cameras, solution.points, used, size,
        refine_focal=not lens.focal_is_exact, refine_distortion=bent, middle=True, iterations=ITERATIONS,
    )  # fmt: skip
    now, then = (
        median_error(reprojection_errors(*known, used))
        for known in ((cameras, points), (solution.cameras, solution.points))
    )
    if _is_far_off(cameras, size) or now >= _SURER * then:
        return None
    return refined(cameras, points, positions, size, lens, bent, ROUNDS - 1, ITERATIONS)


def _is_far_off(cameras: Cameras, size: Extent) -> bool:
    """Whether the lens's middle is where no lens has it, where a camera ends that is bent to things that move."""
    off = np.hypot(cameras.centre[0] - (size[0] - 1) / 2, cameras.centre[1] - (size[1] - 1) / 2)
    return bool(off > _FARTHEST_MIDDLE * max(size))


def _as_fisheye(cameras: Cameras, size: Extent) -> Cameras:
    """The same through the fisheye that bends nearly alike."""
    focal = float(np.nanmedian(cameras.focal))
    return cameras.through(cameras.curve.as_fisheye(float(np.hypot(*size)) / 2 / focal))


def _at_likeliest_focal(
    solution: Solution, turns: Cameras | None, positions: FloatArray, size: Extent, lens: LensSearch
) -> Solution:
    """The solution with the markers used that fit at the likeliest focal length."""
    bent = solution.cameras.is_bent
    if lens.focal is not None:
        likely = LikelyFocal(lens.focal)
    else:
        likely = LikelyFocal.of_lens(max(size), bent) if turns is None else LikelyFocal.of_turns(turns)
    there = with_likeliest_focal(solution, positions, size, likely)
    return _went_on(there, positions, size, lens, bent, 1, 0) or solution


def _with_enough(mapped: Cameras | None) -> Cameras | None:
    """The same; None where too few frames have a camera to begin from."""
    return None if mapped is None or mapped.solved.sum() < LEAST_FRAMES else mapped


def _better(tried: Mapping[bool, Solution | None]) -> bool:
    """With two radial terms (True) or without: with them only if they clearly explain more."""
    straight, bent = tried.get(False), tried.get(True)
    if straight is None or bent is None:
        return straight is None and True in tried
    return gains(bent, straight)


def surer(one: Solution | None, other: Solution | None) -> Solution | None:
    """Of two found in different ways the one that explains more; the first where they are alike."""
    if one is None or other is None:
        return one or other
    return other if other.median_error < _SURER * one.median_error else one


def _fuller(one: Solution | None, other: Solution | None) -> Solution | None:
    """Of two the one that gives more frames a camera, unless it explains clearly less; else the surer one."""
    if one is None or other is None:
        return one or other
    more = other.cameras.solved.sum() > one.cameras.solved.sum()
    return other if more and other.median_error < _BEND_GAIN * one.median_error else surer(one, other)


def _went_on(
    solution: Solution | None,
    positions: FloatArray,
    size: Extent,
    lens: LensSearch,
    bent: bool,
    most: int,
    iterations: int,
) -> Solution | None:
    """More rounds, from a solution's cameras and points."""
    if solution is None:
        return None
    more = refined(solution.cameras, solution.points, positions, size, lens, bent, most, iterations)
    return None if more is None else replace(more, rounds=(*solution.rounds, *more.rounds))


def among_frames(cameras: Cameras, keys: npt.NDArray[np.int64], frames: int) -> Cameras:
    """The cameras as those of frames ``keys`` of ``frames``; the others have none."""
    rotation, translation = np.full((frames, 3, 3), np.nan), np.full((frames, 3), np.nan)
    focal = np.full(frames, np.nan)
    rotation[keys], translation[keys], focal[keys] = cameras.rotation, cameras.translation, cameras.focal
    return replace(cameras, rotation=rotation, translation=translation, focal=focal)


def refined(
    cameras: Cameras, points: FloatArray | None, positions: FloatArray, size: Extent, lens: LensSearch, bent: bool,
    most: int, iterations: int,
) -> Solution | None:  # fmt: skip
    """Rounds of judging and refining: at most ``most``, each of at most ``iterations`` of bundle adjustment (0: none).

    None: the tracks do not fit together.
    """
    rounds: list[Round] = []
    points = triangulate(cameras, positions) if points is None else points
    while True:
        known = _placed_again(cameras, points, positions, size, lens)
        if known is not cameras:
            cameras, points = known, triangulate(known, positions)
        used = fitting(reprojection_errors(cameras, points, positions))
        if used.any(axis=1).sum() < LEAST_TRACKS:
            return None
        if iterations:
            cameras, points = adjust(
                cameras, points, np.where(used[..., None], positions, np.nan), size,
                refine_focal=not lens.focal_is_exact, refine_distortion=bent, zooms=lens.is_zoom, iterations=iterations,
            )  # fmt: skip
            points = triangulate(cameras, positions, near=np.where(used.any(axis=1)[:, None], points, np.nan))
        errors = reprojection_errors(cameras, points, positions)
        used &= fitting(errors)
        if not used.any():
            return None
        rounds.append(_round(errors, used))
        if len(rounds) == most or _is_settled(rounds):
            return Solution(cameras, points, errors, used, tuple(rounds))


def _placed_again(
    cameras: Cameras, points: FloatArray, positions: FloatArray, size: Extent, lens: LensSearch
) -> Cameras:
    """Cameras for the frames without one, and for those few whose own agrees with hardly any of their markers.

    Such a one would stay: the adjustment rests on the markers that agree.
    """
    errors = reprojection_errors(cameras, points, positions)
    fits = fitting(errors)
    agreeing, judged = fits.sum(axis=0), np.isfinite(errors).sum(axis=0)
    astray = cameras.solved & (agreeing < _AGREEING_SHARE * judged)
    if astray.sum() > _MOST_ASTRAY * cameras.solved.sum():  # then it is the scene that is not known well yet
        astray[:] = False
    if cameras.solved.all() and not astray.any():
        return cameras
    placed, sure = cameras.without(astray), np.where(fits.any(axis=1)[:, None], points, np.nan)
    for known in (sure, points):  # what moves by itself may be most of what a frame shows
        placed = add_frames(placed, known, positions, size, zooms=lens.is_zoom)
    return placed.or_else(cameras)


def turning(
    positions: FloatArray,
    size: Extent,
    lens: LensSearch,
    most_px: float = _ANY_PX,
    hopeless_px: float = _ANY_PX,
) -> Solution | None:
    """The shot as one of a camera that only turns.

    None: that cannot be, or the median error is more than ``most_px`` at first, or ``hopeless_px`` after a round.
    """
    tried = (False, True) if lens.distortion is None else (lens.distortion,)
    found = {bent: _turning_through(positions, size, lens, bent, most_px, hopeless_px) for bent in tried}
    best = found[_better(found)]
    if best is None:
        found = {
            bent: _turning_through(positions, size, lens, bent, most_px, hopeless_px, off_middle=True) for bent in tried
        }
        best = found[_better(found)]
    if best is None or _is_far_off(best.cameras, size):
        return None

    def or_off_the_middle(held: Solution | None) -> Solution | None:
        if held is None:
            return None
        off = turned(held.cameras, positions, lens, held.cameras.is_bent, hopeless_px, off_middle=True)
        return held if off is None or _is_far_off(off.cameras, size) else surer(held, off)

    fisheye = None
    if best.cameras.is_bent:
        fisheye = turned(_as_fisheye(best.cameras, size), positions, lens, True, hopeless_px)
    return surer(or_off_the_middle(best), or_off_the_middle(fisheye))


def _turning_through(
    positions: FloatArray, size: Extent, lens: LensSearch, bent: bool, most_px: float, hopeless_px: float, *,
    off_middle: bool = False,
) -> Solution | None:  # fmt: skip
    """The same through a lens with two radial terms, or without; whose middle need not be the picture's."""
    start = turn_cameras(positions, size, lens.focal, _freed(lens, bent, off_middle))
    if start is None:
        return None
    if median_error(reprojection_errors(start, directions_of(start, positions), positions)) > most_px:
        return None
    return turned(start, positions, lens, bent, hopeless_px, off_middle=off_middle)


def turning_only(positions: FloatArray, size: Extent, lens: LensSearch, planes: float) -> Solution | None:
    """The same where rotations alone explain the shot; else None, which key frames tell in a fraction of the time.

    ``planes`` is what planes between pairs of key frames leave, px.
    """
    most_px = max(_ROUGH_TURN * planes, _ROUGH_TURN_PX)
    some = turning(positions[:, key_frames(np.isfinite(positions[..., 0]))], size, lens, most_px, _HOPELESS_PX)
    if some is None or some.median_error >= _TURN_PX:
        return None
    focal = float(np.nanmedian(some.cameras.focal)) if lens.focal is None else lens.focal
    near = replace(lens, focal=focal, refine_focal=not lens.focal_is_exact, distortion=some.cameras.is_bent)
    whole = turning(positions, size, near, most_px)
    if whole is None or whole.median_error >= _TURN_PX:
        return None
    return _with_focal_range(whole, positions, size, lens)


def _with_focal_range(tripod: Solution, positions: FloatArray, size: Extent, lens: LensSearch) -> Solution:
    """The same, and which focal lengths explain it as well, as key frames tell; not where one is told."""
    if lens.focal_is_exact:
        return tripod
    seen = np.isfinite(positions[..., 0])
    some = enough_tracks(seen), key_frames(seen)
    bent = tripod.cameras.is_bent or lens.distortion is None
    told = with_focal_range(tripod.of(*some), positions[np.ix_(*some)], size, bent)
    return replace(tripod, cameras=replace(tripod.cameras, focal_range=told.cameras.focal_range))


def _freed(lens: LensSearch, bent: bool, off_middle: bool) -> Freed:
    return Freed(focal=not lens.focal_is_exact, distortion=bent, zooms=lens.is_zoom, middle=off_middle)


def turned(
    cameras: Cameras, positions: FloatArray, lens: LensSearch, bent: bool, hopeless_px: float = _ANY_PX, *,
    off_middle: bool = False,
) -> Solution | None:  # fmt: skip
    """Rounds of judging and refining cameras that only turn; with ``off_middle`` the lens's middle is refined, too.

    None: the tracks do not fit together, or a round leaves the median error above ``hopeless_px``.
    """
    freed = _freed(lens, bent, off_middle)
    directions = directions_of(cameras, positions)
    rounds: list[Round] = []
    while True:
        used = fitting(reprojection_errors(cameras, directions, positions))
        if used.any(axis=1).sum() < LEAST_TRACKS:
            return None
        cameras = adjust_turns(cameras, np.where(used[..., None], positions, np.nan), freed)
        directions = directions_of(cameras, positions)
        errors = reprojection_errors(cameras, directions, positions)
        used &= fitting(errors)
        if not used.any() or median_error(errors) > hopeless_px:
            return None
        rounds.append(_round(errors, used))
        if len(rounds) == ROUNDS or _is_settled(rounds):
            return Solution(cameras, directions, errors, used, tuple(rounds), only_turns=True)


def gains(bent: Solution, straight: Solution) -> bool:
    """Whether a richer lens explains clearly more."""
    return bent.median_error * _BEND_GAIN < straight.median_error


def checked(solution: Solution | None, what: str) -> Solution:
    """The solution; refused where it explains next to nothing as the view of ``what``."""
    if solution is None or _is_lost(solution):
        raise TrackingError(f"the tracks do not fit together as the view of {what}")
    return solution


def _is_lost(solution: Solution) -> bool:
    """It fits hardly any marker; or it fits them only as what is wrong everywhere fits everything."""
    used = solution.used
    if used.sum() < _LEAST_FITTING * np.isfinite(solution.errors).sum():
        return True
    return bool(used.any()) and float(np.median(solution.errors[used])) > _LOST_PX


def _one_plane(mapped: Mapped) -> str:
    return (
        f"no parallax in {1 - mapped.parallax_share:.0%} of the {mapped.pairs} pairs of frames looked at: the camera "
        f"sees a single plane, {_NO_FOCAL}"
    )


def _round(errors: FloatArray, used: BoolArray) -> Round:
    return Round(int(used.any(axis=1).sum()), int(used.sum()), float(errors[used].mean()))


def _is_settled(rounds: list[Round]) -> bool:
    if len(rounds) < 2:
        return False
    before, after = rounds[-2:]
    same = abs(before.average_error - after.average_error) < _SETTLED * after.average_error
    return same and abs(before.markers - after.markers) < _SETTLED * after.markers
