"""The camera of a whole shot from its tracks: through one lens and all rows at once, or what clearly explains more.

A lens that zooms, an anamorphic squeeze that nobody told of, a rolling shutter: each is tried where the simpler camera
leaves what it would explain. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ..coords import SQUARE, Extent, Size, scaled, squared, squared_size
from ..errors import TrackingError
from ..presets import larger_than_usual
from .cameras import Cameras
from .fixed import fixed_to_the_picture
from .least_zoom import is_along_sight, least_zoom
from .off_pivot import off_pivot
from .one_lens import (
    ITERATIONS_BETWEEN,
    ITERATIONS_TO_JUDGE,
    LEAST_FRAMES,
    MOVES,
    ROUNDS,
    ROUNDS_BETWEEN,
    TURNS,
    NoParallax,
    among_frames,
    check_enough,
    checked,
    enough_tracks,
    gains,
    key_frames,
    off_the_middle,
    refined,
    solve_through_one,
    surer,
    turned,
    turning,
    turning_only,
    with_others,
)
from .planes import left_by_planes
from .rolling_shutter import likeliest_readout, more_readout
from .shifted import shifted, shows_shifts
from .solution import LensSearch, Solution
from .squeeze import LEAST_GAIN, likely_squeeze
from .triangulation import median_error, reprojection_errors

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_MOVING_EXPLAINED, _MOSTLY_SOLVED = 0.5, 0.8  # of its markers, and of the frames: what moves in the picture is a scene
_FAR_AWAY = 0.5  # of the tracks that stand still are of that scene, too: far away
_ROLLING_GAIN = 1.02  # what reading rows one after the other must bring the median error down by
# Where planes between key frames leave less no shutter is to be seen, where rough cameras that only turn leave more it
# is none. Simulated ones that shake left 0.18 to 0.28 and 0.2 to 1.1 px.
_FLAT_PX, _ROLLING_PX = 0.1, 2.0
# Times what planes leave, which lean as pictures do, and from there on; and what the rows' readout must then bring the
# median error down by. Simulated cameras that only turn left 0.7 times as much, those that pan with a readout of 0.3
# 1.1 times and more, and half of it by the right one.
_LEANING, _LEANING_GAIN = 0.85, 1.15
# Markers, of which all cameras are adjusted within a second for a judgement, too. Key frames tell lens and points: of a
# long shot that once more would be most of the time, and find no more bad tracks.
_QUICKLY_ADJUSTED = 20_000
_READOUT_ROUNDS = 3  # of solving again, with what the rows' readout was still wrong by
_SQUEEZED_PX = 0.15  # median error from which on the picture may be a squeezed one
# Times the median error; a camera that only turns leaves 1.4 times as much between planes. One that also moves a
# little, through a lens that breathes, 2 to 5 times as much, and is taken for one that walks with a bent lens.
_PLANE_LIKE, _PLANE_LIKE_BENT = 2.5, 5.5
_SHIFT_GAIN = 1.1  # a place of its own for every frame's picture the same
# How often a lens's middle is sought: the first time may leave a tenth of the way (simulated), for markers that did not
# fit before have no say.
_MIDDLE_ROUNDS = 3
_NEARLY_ALL = 0.9  # of the markers: cameras that are wrong about the lens fit 0.5 to 0.8 of simulated ones
_ZOOM_GAIN = 1.15  # a focal length for every frame the same
# And those of a straight lens in place of a bent one: a camera that turns and moves a little as its lens breathes is
# explained through a bent lens, too, of two thirds of its focal length.
_ZOOM_GAIN_STRAIGHT = 1.02
# Times the markers that a fixed lens explains: those ahead of it, where the camera moves along its line of sight.
_MORE_ALONG_SIGHT = 1.1
_ALL_AHEAD = 0.9  # of all markers fit where all is ahead of such a camera
# What far depths come out as in one round tells how far they may be moved in the next.
_LEAST_ZOOM_ROUNDS = 2
# No lens zooms farther within a shot, nor a crash zoom faster: focal lengths that do are what a camera makes of things
# that move by themselves.
_MOST_ZOOM, _FASTEST_ZOOM = 40.0, 1.4  # times: longest through shortest, and from a frame to the next
_TURNING_PX = 0.25  # median error from which on a camera that turns may zoom
_BENT_PX = 0.15  # median error from which on a bent lens may be one that zooms
_WELL_FITTING = 0.8  # of all markers fit; where fewer do the lens may zoom


def solve_positions(
    positions: FloatArray, size: Size, focal: float | None = None, *, refine_distortion: bool | None = False,
    zooms: bool | None = False, refine_focal: bool = False,
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
        Find two radial terms, too; None: only if they clearly lower the error.
    zooms
        A focal length of its own in every frame; ``focal`` is a start then. None: only if that clearly lowers the
        error.
    refine_focal
        ``focal`` is a start, not exact.

    Raises
    ------
    TrackingError
        Too few tracks, no parallax (the camera only turns, or sees a single plane), or nothing fits together.
    """
    solution = solve_shot(positions, size, LensSearch(focal, refine_focal, refine_distortion, zooms))
    if solution.only_turns:
        raise TrackingError("no parallax: the camera only turns; there is no path to solve")
    return solution


def solve_shot(
    positions: FloatArray, size: Extent, lens: LensSearch, *, only_turns: bool | None = None, to_judge: bool = False
) -> Solution:
    """Solve a camera that moves or only turns: which of the two is recognised, or said by ``only_turns``.

    Parameters are those of :func:`solve_positions`; so are the errors, but a camera that only turns is none.
    ``to_judge`` stops earlier: what markers are off is known well enough then, in less time. On plates wider than 1920
    px it is done as on one of 1920: what is off by a share of the picture is, however finely that is sampled.
    """
    larger = larger_than_usual(size[0])
    if larger > 1:
        its_lens = replace(lens, focal=None if lens.focal is None else lens.focal / larger)
        small = _smaller(positions, size, larger)
        return solve_shot(*small, its_lens, only_turns=only_turns, to_judge=to_judge).scaled(larger)
    between = ITERATIONS_BETWEEN
    if to_judge:
        between = ITERATIONS_TO_JUDGE if np.isfinite(positions[..., 0]).sum() <= _QUICKLY_ADJUSTED else 0
    square, within = squared(positions, lens.pixel_aspect), squared_size(size, lens.pixel_aspect)
    with threadpool_limits(limits=1, user_api="blas"):  # small matrices: BLAS's threads would only wait for each other
        found = _beside_what_is_fixed(square, within, lens, only_turns, between)
    if lens.pixel_aspect == SQUARE:
        return found
    return _in_picture(found, positions, lens.pixel_aspect, found.cameras.readout)


def solve_again(known: Cameras, positions: FloatArray, size: Extent, *, only_turns: bool) -> Solution:
    """Solve a shot whose cameras other tracks have given already: refined from there, that takes a third of the time.

    Parameters
    ----------
    known
        Their kind of lens is kept: fixed or zooming, with radial terms or without; and how fast rows are read.
    positions : (n, f, 2)
        Over the frames of ``known``; as for :func:`solve_positions`, and so are the errors.
    """
    larger = larger_than_usual(size[0])
    if larger > 1:
        small = _smaller(positions, size, larger)
        return solve_again(known.scaled(1 / larger), *small, only_turns=only_turns).scaled(larger)
    lens = LensSearch(distortion=known.is_bent, zooms=known.zooms)
    square, within = squared(known.at_once(positions), known.pixel_aspect), squared_size(size, known.pixel_aspect)
    begun, bent = replace(known.through_pixels(SQUARE), readout=0.0, shift=None), known.is_bent
    with threadpool_limits(limits=1, user_api="blas"):
        if only_turns:
            found = checked(turned(begun, square, lens, bent), TURNS)
        else:
            moving = refined(begun, None, square, within, lens, bent, ROUNDS, ITERATIONS_BETWEEN)
            found = checked(moving, MOVES)
    return _in_picture(found, positions, known.pixel_aspect, known.readout, known.shift)


def _smaller(positions: FloatArray, size: Extent, factor: float) -> tuple[FloatArray, Extent]:
    """Tracks (n, f, 2) px, and the picture's size, where it is so much fewer pixels wide and high."""
    return scaled(positions, 1 / factor), (size[0] / factor, size[1] / factor)


def _beside_what_is_fixed(
    positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None, iterations_between: int
) -> Solution:
    """By what moves in the picture, where much stands still beside it; by all of it, where that gives no camera."""
    check_enough(positions)
    fixed = fixed_to_the_picture(positions, size)
    if fixed.any():
        moving = np.where(fixed[:, None, None], np.nan, positions)
        try:
            check_enough(moving)
            solution = _about_any_middle(moving, size, lens, only_turns, iterations_between)
            found = with_others(solution, positions, fixed)
        except TrackingError:  # then what stands still is all there is
            found = None
        if found is not None and _is_apart(found, fixed):
            return found
    return _about_any_middle(positions, size, lens, only_turns, iterations_between)


def _is_apart(found: Solution, fixed: BoolArray) -> bool:
    """Whether a camera explains what does not stand still, and not those tracks (n,) that do."""
    judged = np.isfinite(found.errors)
    explains = found.used[~fixed].sum() >= _MOVING_EXPLAINED * judged[~fixed].sum()
    of_scene = found.used[fixed].any(axis=1).mean() > _FAR_AWAY
    return bool(explains and not of_scene and found.cameras.solved.mean() >= _MOSTLY_SOLVED)


def _about_any_middle(
    positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None, iterations_between: int
) -> Solution:
    """Through a lens whose middle is the picture's; or not, where that explains more of what a camera on a path shows.

    It is asked last: squeezed and shifted pictures, and planes, look like it. Cameras that only turn have it already.
    """
    found = _in_any_place(positions, size, lens, only_turns, iterations_between)
    if found.only_turns and only_turns is None:
        found = _off_the_pivot(found, positions, size, lens, iterations_between) or found
    for _ in range(_MIDDLE_ROUNDS):
        before = found
        found = surer(before, _off_the_middle(before, positions, size, lens, iterations_between)) or before
        if found is before:
            break
    return found


def _off_the_pivot(
    found: Solution, positions: FloatArray, size: Extent, lens: LensSearch, iterations: int
) -> Solution | None:
    """The same of a tripod whose lens is not over its pivot, where that explains clearly more; None: it does not.

    It is asked where lens and shutter are known: what they leave unexplained looks like a little parallax, too.
    """
    cameras = found.cameras
    still = replace(found, cameras=replace(cameras, readout=0.0))
    its_lens = replace(lens, zooms=cameras.zooms)
    moving = off_pivot(still, cameras.at_once(positions), size, its_lens, _leading(positions), iterations)
    return None if moving is None else _in_picture(moving, positions, SQUARE, cameras.readout)


def _off_the_middle(
    found: Solution, positions: FloatArray, size: Extent, lens: LensSearch, iterations: int
) -> Solution | None:
    """The same through the lens whose middle explains key frames best; None: they are explained as well as before."""
    cameras, leading = found.cameras, _leading(positions)
    is_plain = cameras.shift is None and not cameras.readout and cameras.pixel_aspect == SQUARE
    some = found.of(*leading)
    if found.only_turns or cameras.zooms or not is_plain or some.cameras.solved.sum() < LEAST_FRAMES:
        return None
    fixed = replace(lens, zooms=False)
    better = off_the_middle(some, positions[np.ix_(*leading)], size, fixed)
    if better is None:
        return None
    placed = among_frames(better.cameras, leading[1], positions.shape[1])
    return refined(placed, None, positions, size, fixed, cameras.is_bent, ROUNDS_BETWEEN, iterations)


def _in_any_place(
    positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None, iterations_between: int
) -> Solution:
    """With the picture in its place; or elsewhere in every frame, where that clearly explains more.

    That is looked for where nothing is said of zooming or of the shutter; where it explains nearly all, these are not.
    Where rows seem to be read one after the other they are first: of a camera that turns and shakes that looks like it.
    """
    at_once = _through_one_lens(positions, size, lens, only_turns, iterations_between)
    shutter = _shutter(at_once, positions, size, lens, only_turns)

    def in_place() -> Solution:
        return _by_any_shutter(at_once, shutter, positions, size, lens, only_turns, iterations_between)

    found = None if shutter is None else in_place()
    if lens.zooms is not None or lens.readout is not None or (found is not None and _explains_nearly_all(found)):
        return found or in_place()
    rival = _elsewhere(at_once, positions, size, lens, only_turns, iterations_between)
    if found is None and rival is not None and _explains_nearly_all(rival):
        return rival
    found = found or in_place()
    return found if rival is None or rival.median_error * _SHIFT_GAIN > found.median_error else rival


def _elsewhere(
    at_once: Solution | TrackingError, positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None,
    iterations_between: int,
) -> Solution | None:  # fmt: skip
    """With the picture elsewhere in every frame, where that explains clearly more than what was solved ``at_once``."""
    if isinstance(at_once, TrackingError) or at_once.only_turns or not shows_shifts(at_once, positions, size, lens):
        return None
    rival = shifted(at_once, positions, size, lens, iterations_between)
    if at_once.cameras.is_bent and lens.distortion is None and (rival is None or not _explains_nearly_all(rival)):
        straight = replace(lens, distortion=False)  # the bend may only have taken up what the shifts leave
        other = _through_one_lens(positions, size, straight, only_turns, iterations_between)
        if not isinstance(other, TrackingError) and not other.only_turns:
            rival = surer(rival, shifted(other, positions, size, lens, iterations_between))
    return None if rival is None or rival.median_error * _SHIFT_GAIN > at_once.median_error else rival


def _explains_nearly_all(solution: Solution) -> bool:
    return bool(solution.used.sum() > _NEARLY_ALL * np.isfinite(solution.errors).sum())


def _by_any_shutter(
    at_once: Solution | TrackingError, shutter: Cameras | None, positions: FloatArray, size: Extent, lens: LensSearch,
    only_turns: bool | None, iterations_between: int,
) -> Solution:  # fmt: skip
    """With rows that were read at once; or one after the other, where that is told, or clearly explains more.

    ``shutter`` is what :func:`_shutter` says.
    """

    def through_one_lens(seen: FloatArray) -> Solution | TrackingError:
        return _through_one_lens(seen, size, lens, only_turns, iterations_between)

    def through_any_lens(first: Solution | TrackingError, seen: FloatArray) -> Solution:
        return _through_any_lens(first, seen, size, lens, only_turns, iterations_between)

    if shutter is None:
        return through_any_lens(at_once, positions)
    still = shutter.at_once(positions)
    rival = None if lens.readout or isinstance(at_once, TrackingError) else at_once  # must explain less
    if rival is None or _may_roll(rival, still, positions, size):
        try:
            first = through_any_lens(through_one_lens(still), still)
            rolled = _row_by_row(first, shutter.readout, positions, size, lens)
            if rival is None or rolled.median_error < rival.median_error:
                return rolled
        except TrackingError:
            if lens.readout:
                raise
    return through_any_lens(at_once, positions)


def _through_one_lens(
    positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None, iterations_between: int
) -> Solution | TrackingError:
    """Through a lens of one focal length, unless it is told to zoom; or why that cannot be."""
    try:
        return solve_through_one(positions, size, replace(lens, zooms=lens.is_zoom), only_turns, iterations_between)
    except TrackingError as error:
        return error


def _shutter(
    at_once: Solution | TrackingError, positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None
) -> Cameras | None:
    """Rough cameras with the readout that the tracks tell; None: rows were read at once, or nothing tells.

    A camera that only turns, and shakes, does not look like one before its shutter is known. What looks like a path of
    little parallax then has taken up most of it.
    """
    if lens.readout == 0:
        return None
    found = None if isinstance(at_once, TrackingError) else at_once
    rough = [] if found is None else [found]
    if only_turns is not False and _may_turn(found, left_by_planes(positions[np.ix_(*_leading(positions))])):
        turns = turning(positions, size, replace(lens, zooms=lens.is_zoom, distortion=False), _ROLLING_PX)
        rough = rough if turns is None else [turns, *rough]
    for each in rough:
        readout = lens.readout or _more_readout(each, positions) or _even_readout(each, positions, size)
        if readout:
            return replace(each.cameras, readout=readout)
    return None


def _may_turn(found: Solution | None, planes: float) -> bool:
    """Whether a camera may only turn that nothing else is known of, or that was taken for one on a path.

    ``planes`` is what planes between key frames leave, px.
    """
    if found is None:
        return planes >= _FLAT_PX
    return not found.only_turns and planes < _PLANE_LIKE * found.median_error


def _may_roll(at_once: Solution, still: FloatArray, positions: FloatArray, size: Extent) -> bool:
    """Whether markers fit clearly better where the shutter has them (``still``); key frames tell it quickly.

    What a lens leaves unexplained is like a readout, too, and changes nothing.
    """
    leading = _leading(positions)
    known = at_once.cameras.within(leading[1])
    try:
        rolled, held = (
            solve_again(known, seen[np.ix_(*leading)], size, only_turns=at_once.only_turns)
            for seen in (still, positions)
        )
    except TrackingError:
        return False
    return rolled.median_error * _ROLLING_GAIN < held.median_error


def _row_by_row(still: Solution, readout: float, positions: FloatArray, size: Extent, lens: LensSearch) -> Solution:
    """The shot with rows read one after the other, from what was solved of it as if they had been read at once."""
    found = _in_picture(still, positions, still.cameras.pixel_aspect, readout)
    for _ in range(_READOUT_ROUNDS):
        more = _more_readout(found, positions) if lens.readout is None else 0.0
        known = replace(found.cameras, readout=found.cameras.readout + more)
        again = solve_again(known, positions, size, only_turns=found.only_turns)
        if surer(again, found) is found:  # a path of little parallax may take up what the rows do
            break
        found = again
        if not more:
            break
    return found


def _leading(positions: FloatArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the tracks, and key frames, that tell quickly how well a camera would do."""
    seen = np.isfinite(positions[..., 0])
    return enough_tracks(seen), key_frames(seen)


def _more_readout(found: Solution, positions: FloatArray) -> float:
    """How much more of a frame's time the rows take than the cameras say; 0 where nothing says so clearly."""
    rows = enough_tracks(np.isfinite(positions[..., 0]))
    more = more_readout(found.cameras, found.points[rows], positions[rows], only_turns=found.only_turns)
    return more.share if more is not None and more.is_sure else 0.0


def _even_readout(rough: Solution, positions: FloatArray, size: Extent) -> float:
    """The readout that a camera shows which turns evenly; 0 where none lets rotations explain clearly more."""
    leading = _leading(positions)
    known, some = rough.cameras.within(leading[1]), positions[np.ix_(*leading)]
    if not rough.only_turns or not (known.is_bent or rough.median_error > _LEANING * left_by_planes(some)):
        return 0.0

    @cache
    def errors(readout: float) -> FloatArray:
        still = replace(rough.cameras, readout=readout).at_once(positions)[np.ix_(*leading)]
        try:
            return solve_again(known, still, size, only_turns=True).errors
        except TrackingError:
            return np.full(still.shape[:2], np.inf)

    def left(readout: float) -> float:
        square = errors(readout)[np.isfinite(errors(readout))] ** 2
        return float((square / (1 + square)).mean()) if len(square) else float("inf")

    readout = likeliest_readout(left)
    if readout is None or median_error(errors(0.0)) < _LEANING_GAIN * median_error(errors(readout)):
        return 0.0
    return readout


def _squeezed(
    square: Solution, positions: FloatArray, size: Extent, solve: Callable[[float], Solution]
) -> Solution | None:
    """The shot as one of an anamorphic lens, where that explains clearly more than square pixels do; else None."""
    if square.only_turns or square.median_error < _SQUEEZED_PX:
        return None
    leading = _leading(positions)
    some = square.of(*leading)
    if some.cameras.solved.sum() < LEAST_FRAMES:
        return None
    squeeze = likely_squeeze(some.cameras, some.points, positions[np.ix_(*leading)], size)
    if squeeze is None:
        return None
    try:
        squeezed = solve(squeeze)
    except TrackingError:
        return None
    return squeezed if square.median_error > LEAST_GAIN * squeezed.median_error else None


def _in_picture(
    solution: Solution,
    positions: FloatArray,
    pixel_aspect: float,
    readout: float = 0.0,
    shift: FloatArray | None = None,
) -> Solution:
    """What was solved in square units, of rows read at once, in the picture's pixels and rows, shifted (f, 2) px."""
    if pixel_aspect == SQUARE and not readout and shift is None:
        return solution
    cameras = replace(solution.cameras.through_pixels(pixel_aspect), readout=readout)
    cameras = cameras if shift is None else replace(cameras, shift=shift)
    return replace(solution, cameras=cameras, errors=reprojection_errors(cameras, solution.points, positions))


def _through_any_lens(
    first: Solution | TrackingError, positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None,
    iterations_between: int,
) -> Solution:  # fmt: skip
    """As solved at first; or through a lens that zooms or squeezes, where none is told and that clearly explains more.

    Raises
    ------
    TrackingError
        That which came ``first``: no other lens makes the tracks fit together.
    """

    def zooming_or_not(first: Solution | TrackingError, seen: FloatArray, size: Extent) -> Solution:
        return _zooming_or_not(first, seen, size, lens, only_turns, iterations_between)

    def squeezed(aspect: float) -> Solution:
        square, within = squared(positions, aspect), squared_size(size, aspect)
        fixed = _through_one_lens(square, within, lens, only_turns, iterations_between)
        return _in_picture(zooming_or_not(fixed, square, within), positions, aspect)

    if lens.zooms is None:
        first = zooming_or_not(first, positions, size)
    if isinstance(first, TrackingError):
        raise first
    if lens.zooms is not None or lens.pixel_aspect != SQUARE:
        return first
    return _squeezed(first, positions, size, squeezed) or first


def _zooming_or_not(
    fixed: Solution | TrackingError, positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None,
    iterations_between: int,
) -> Solution:  # fmt: skip
    """With one focal length; or with one of its own in every frame, where that clearly explains more."""
    zoom = replace(lens, zooms=True)

    def zoomed(seen: FloatArray) -> Solution:
        found = solve_through_one(seen, size, zoom, only_turns, iterations_between)
        return found if isinstance(fixed, TrackingError) else _zooming_least(found, fixed, seen, size, zoom)

    def turned(seen: FloatArray) -> Solution:
        return checked(turning_only(seen, size, zoom, left_by_planes(seen)), TURNS)

    if isinstance(fixed, TrackingError):
        solve = turned if only_turns is None and isinstance(fixed, NoParallax) else zoomed
        zooming = None if lens.focal_is_exact else _zooming(positions, size, None, solve)
        if zooming is None:
            raise fixed
        return zooming
    return fixed if lens.focal_is_exact else _zooming(positions, size, fixed, zoomed) or fixed


def _zooming(
    positions: FloatArray, size: Extent, fixed: Solution | None, solve: Callable[[FloatArray], Solution]
) -> Solution | None:
    """The shot as one of a lens that zooms, where that explains clearly more than a fixed one does; else None."""
    leading = _leading(positions)
    some = positions[np.ix_(*leading)]
    planes = left_by_planes(some)
    like = None if fixed is None else fixed.of(*leading)
    if fixed is not None and like is not None and not _may_zoom(fixed, like, some, size, planes):
        return None
    try:
        if not _explains_more(solve(some), like, planes):  # that is known in a tenth of the time
            return None
        zooming = solve(positions)
    except TrackingError:
        return None
    return zooming if is_of_a_lens(zooming.cameras) and _explains_more(zooming, fixed, planes) else None


def _zooming_least(found: Solution, fixed: Solution, positions: FloatArray, size: Extent, zoom: LensSearch) -> Solution:
    """A shot that moves along its line of sight by the cameras that zoom least, as long as ``fixed`` is on average."""
    focal, bent = float(np.nanmedian(fixed.cameras.focal)), found.cameras.is_bent
    for _ in range(_LEAST_ZOOM_ROUNDS):
        calm = least_zoom(found, focal)
        if calm is None:
            break
        found = refined(calm, None, positions, size, zoom, bent, ROUNDS, ITERATIONS_BETWEEN) or found
    return found


def is_of_a_lens(cameras: Cameras) -> bool:
    """Whether a lens may zoom like that."""
    focal = np.log(cameras.focal)
    steps = np.abs(np.diff(focal))  # NaN beside a frame that has no camera
    return bool(np.nanmax(focal) - np.nanmin(focal) < np.log(_MOST_ZOOM) and not (steps > np.log(_FASTEST_ZOOM)).any())


def _may_zoom(fixed: Solution, some: Solution, positions: FloatArray, size: Extent, planes: float) -> bool:
    """Whether one focal length may not be enough; quick to say, and wrong now and then.

    A wrong camera fits few of the markers, or has not found all frames; one that turns and zooms looks like one that
    walks towards a plane; one that bends takes up much of what zooms; and one that is nearly right gets better at once
    where its focal length may change.

    Parameters
    ----------
    some
        What ``fixed`` says of a part of the tracks and frames, with ``positions`` (n, f, 2) px.
    """
    fitting = fixed.used.sum() / np.isfinite(fixed.errors).sum()
    if fitting < _WELL_FITTING or not fixed.cameras.solved.all():
        return True
    if fixed.only_turns:
        return fixed.median_error > _TURNING_PX
    if fitting < _ALL_AHEAD and is_along_sight(fixed.cameras):
        return True
    bent = fixed.cameras.is_bent
    if planes < (_PLANE_LIKE_BENT if bent else _PLANE_LIKE) * fixed.median_error:
        return True
    if bent and fixed.median_error > _BENT_PX:
        return True
    freed, held = (
        refined(some.cameras, some.points, positions, size, LensSearch(zooms=zooms), bent, 1, ITERATIONS_TO_JUDGE)
        for zooms in (True, False)
    )
    return freed is not None and held is not None and gains(freed, held)


def _explains_more(zooming: Solution, fixed: Solution | None, planes: float) -> bool:
    """Whether a lens that zooms explains what none that does not can, or as much by a camera that only turns."""
    if fixed is None:
        return not zooming.only_turns or zooming.median_error <= planes
    if zooming.only_turns and not fixed.only_turns:
        return zooming.median_error < _ZOOM_GAIN * fixed.median_error
    more = not zooming.only_turns and _MORE_ALONG_SIGHT * fixed.used.sum() < zooming.used.sum()
    if more and is_along_sight(zooming.cameras):  # a fixed lens has what is far away behind it
        return True
    takes_place_of_bend = fixed.cameras.is_bent and not zooming.cameras.is_bent
    gain = _ZOOM_GAIN_STRAIGHT if takes_place_of_bend else _ZOOM_GAIN
    return gain * zooming.median_error < fixed.median_error
