"""The camera of a whole shot from its tracks: map, then judge the markers, leave out what does not fit, refine, repeat.

A shot is mapped on key frames; the frames between them are then added from the points, and all refined together.
A camera that only turns is recognised (pairs of frames show no parallax, and rotations alone explain the markers) and
solved as rotations. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from ..coords import SQUARE, Extent, Size, squared, squared_size
from ..errors import TrackingError
from .cameras import Cameras
from .mapping import Mapped, add_frames, adjust, map_cameras
from .planes import left_by_planes
from .rolling_shutter import more_readout
from .squeeze import LEAST_GAIN, likely_squeeze
from .triangulation import median_error, reprojection_errors, triangulate
from .tripod import adjust_turns, directions_of, turn_cameras

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LEAST_TRACKS = 12
LEAST_FRAMES = 3

LIKELY_FOCAL = 1.2
"""Where the search for an unknown focal length starts, in picture widths (of the longer side)."""

WIDE_FOCAL = 0.6
"""Where it starts again when the lens turns out to be bent: wide ones are."""

_ROUNDS = 4
_ROUNDS_BETWEEN = 1  # once the frames between the key frames have been added
_ITERATIONS, _ITERATIONS_BETWEEN = 40, 10  # of bundle adjustment in a round: the second begins next to its goal
_ITERATIONS_TO_JUDGE = 5  # in place of those; an unknown focal length may then be half a percent farther off
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
# Times what planes between pairs of frames leave, and at least px: from there on the median error of a first attempt,
# without distortion, says that a camera does not only turn. Simulated ones that do leave 0.3 to 1.0 times as much.
_ROUGH_TURN, _ROUGH_TURN_PX = 2.0, 0.02
_TURN_GAIN = 1.3  # a path must bring the median error down by this factor, or the camera only turns
# Of what planes between pairs of frames leave: two noisy markers are the square root of 2 times as far apart as each is
# from its place. Simulated walls with a tenth or a fifth of the tracks on things that move by themselves: right cameras
# leave 0.57 to 0.69 of it, wrong ones, bent to these things, 0.76 to 1.6; of development plates 0.01 to 0.53.
_PLANES_LEAVE = 0.73
_FOCAL_GAIN = 0.98  # of the median error: what another start must bring
_UNEXPLAINED_PX = 0.25  # median error of a straight lens from which on a bent one is tried harder
_BEND_GAIN = 1.1  # radial terms must bring the median error down by this factor
_ROLLING_GAIN = 1.02  # what reading rows one after the other must bring the median error down by
_READOUT_ROUNDS = 3  # of solving again, with what the rows' readout was still wrong by
_SQUEEZED_PX = 0.15  # median error from which on the picture may be a squeezed one
_PLANE_LIKE = 2.5  # times the median error; a camera that only turns leaves 1.4 times as much between planes
_ZOOM_GAIN = 1.15  # a focal length for every frame the same
_NOISE_PX = 0.3  # markers nearer than this fit, however small the others' errors are
_SIGMAS = 3.5
_WELL_FITTING = 0.8  # of all markers fit; where fewer do the lens may zoom
_LEAST_FITTING = 0.1  # of all markers must fit, or nothing is explained
_FITTING_SHARE = 0.7  # of a track's markers must fit, or none of them is used
_LEAST_MARKERS = 4
_AGREEING_SHARE = 0.3  # of a frame's markers agree with its camera, or another one is looked for
_MOST_ASTRAY = 0.25  # share of the frames with a camera
_TURNS, _MOVES = "a camera that only turns", "one rigid scene"
_NO_FOCAL = "where no focal length can be found with the path; give the exact focal length"
_PLANES = f"planes explain the tracks as well as the best camera found: the camera sees a single plane, {_NO_FOCAL}"


class _NoParallax(TrackingError):
    """Hardly any pair of frames shows parallax: a path cannot be told."""


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
    used: BoolArray  # (n, f) the markers that the cameras rest on
    rounds: tuple[Round, ...]
    only_turns: bool = False  # the cameras stand at the origin, and the points are directions (unit vectors)

    def of(self, tracks: npt.NDArray[np.int64], frames: npt.NDArray[np.int64]) -> Solution:
        """What it says of some tracks in some frames."""
        at = np.ix_(tracks, frames)
        cameras, points = self.cameras.within(frames), self.points[tracks]
        return replace(self, cameras=cameras, points=points, errors=self.errors[at], used=self.used[at])

    @property
    def average_error(self) -> float:
        """Mean reprojection error of the markers used, px."""
        return float(self.errors[self.used].mean())


@dataclass(frozen=True)
class LensSearch:
    """What is known of the lens, and what is to be found."""

    focal: float | None = None  # px; None: unknown
    refine_focal: bool = False  # ``focal`` is a start, not exact
    distortion: bool | None = False  # two radial terms are searched for; None: where they clearly explain more
    zooms: bool | None = False  # a focal length of its own in every frame; None: where that clearly explains more
    # Width of a pixel over its height; ``focal`` counts widths. Square, where nothing is said of zooming either: or
    # squeezed by an anamorphic lens, where that clearly explains more.
    pixel_aspect: float = SQUARE
    # Of a frame's time, what reading the rows takes (:attr:`.Cameras.readout`); None: found, where it clearly is some.
    readout: float | None = None

    @property
    def is_zoom(self) -> bool:
        """Every frame has a focal length of its own."""
        return self.zooms is True

    @property
    def is_unknown(self) -> bool:
        """Neither the focal length is known, nor whether the lens bends."""
        return self.focal is None and self.distortion is None

    @property
    def focal_is_exact(self) -> bool:
        """The focal length is taken as it is."""
        return self.focal is not None and not self.refine_focal and not self.is_zoom


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
    positions: FloatArray, size: Size, lens: LensSearch, *, only_turns: bool | None = None, to_judge: bool = False
) -> Solution:
    """Solve a camera that moves or only turns: which of the two is recognised, or said by ``only_turns``.

    Parameters are those of :func:`solve_positions`; so are the errors, but a camera that only turns is none.
    ``to_judge`` stops earlier: what markers are off is known well enough then, in less time.
    """
    between = _ITERATIONS_TO_JUDGE if to_judge else _ITERATIONS_BETWEEN
    square, within = squared(positions, lens.pixel_aspect), squared_size(size, lens.pixel_aspect)
    with threadpool_limits(limits=1, user_api="blas"):  # small matrices: BLAS's threads would only wait for each other
        found = _by_any_shutter(square, within, lens, only_turns, between)
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
    lens = LensSearch(distortion=known.is_bent, zooms=known.zooms)
    square, within = squared(known.at_once(positions), known.pixel_aspect), squared_size(size, known.pixel_aspect)
    begun, bent = replace(known.through_pixels(SQUARE), readout=0.0), known.is_bent
    with threadpool_limits(limits=1, user_api="blas"):
        if only_turns:
            found = _checked(_turned(begun, square, lens, bent), _TURNS)
        else:
            refined = _refined(begun, None, square, within, lens, bent, _ROUNDS, _ITERATIONS_BETWEEN)
            found = _checked(refined, _MOVES)
    return _in_picture(found, positions, known.pixel_aspect, known.readout)


def _by_any_shutter(
    positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None, iterations_between: int
) -> Solution:
    """With rows that were read at once; or one after the other, where that is told, or clearly explains more."""

    def solved(seen: FloatArray) -> Solution | TrackingError:
        try:
            return _solved(seen, size, replace(lens, zooms=lens.is_zoom), only_turns, iterations_between)
        except TrackingError as error:
            return error

    def through_any_lens(first: Solution | TrackingError, seen: FloatArray) -> Solution:
        return _through_any_lens(first, seen, size, lens, only_turns, iterations_between)

    _check_enough(positions)
    at_once = solved(positions)
    shutter = _shutter(at_once, positions, size, lens, only_turns)
    if shutter is not None:
        still = shutter.at_once(positions)
        try:
            rolled = _row_by_row(through_any_lens(solved(still), still), shutter.readout, positions, size, lens)
        except TrackingError:
            rolled = None
        if rolled is not None and (lens.readout or _rolls(rolled, at_once)):
            return rolled
    return through_any_lens(at_once, positions)


def _shutter(
    at_once: Solution | TrackingError, positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None
) -> Cameras | None:
    """Rough cameras with the readout that the tracks tell; None: rows were read at once, or nothing tells.

    A camera that only turns, and shakes, does not look like one before its shutter is known.
    """
    if isinstance(at_once, TrackingError):
        rough = None if only_turns is False else _turning(positions, size, replace(lens, zooms=lens.is_zoom))
    else:
        rough = at_once
    if rough is None:
        return None
    readout = _more_readout(rough, positions) if lens.readout is None else lens.readout
    if not readout:
        return None
    shutter = replace(rough.cameras, readout=readout)
    sure = lens.readout is not None or rough is not at_once
    return shutter if sure or _may_roll(rough, shutter, positions, size) else None


def _may_roll(at_once: Solution, shutter: Cameras, positions: FloatArray, size: Extent) -> bool:
    """Whether markers fit clearly better where the shutter has them; key frames tell it quickly.

    What a lens leaves unexplained is like a readout, too, and changes nothing.
    """
    rows, keys = enough_tracks(np.isfinite(positions[..., 0])), key_frames(np.isfinite(positions[..., 0]))
    known = at_once.cameras.within(keys)
    still = shutter.at_once(positions[rows])[:, keys]
    try:
        rolled, held = (
            solve_again(known, seen, size, only_turns=at_once.only_turns)
            for seen in (still, positions[np.ix_(rows, keys)])
        )
    except TrackingError:
        return False
    return _median(rolled) * _ROLLING_GAIN < _median(held)


def _row_by_row(still: Solution, readout: float, positions: FloatArray, size: Extent, lens: LensSearch) -> Solution:
    """The shot with rows read one after the other, from what was solved of it as if they had been read at once."""
    found = _in_picture(still, positions, still.cameras.pixel_aspect, readout)
    for _ in range(_READOUT_ROUNDS):
        more = _more_readout(found, positions) if lens.readout is None else 0.0
        known = replace(found.cameras, readout=found.cameras.readout + more)
        found = solve_again(known, positions, size, only_turns=found.only_turns)
        if not more:
            break
    return found


def _rolls(rolled: Solution, at_once: Solution | TrackingError) -> bool:
    return isinstance(at_once, TrackingError) or _median(rolled) < _median(at_once)


def _more_readout(found: Solution, positions: FloatArray) -> float:
    """How much more of a frame's time the rows take than the cameras say; 0 where nothing says so clearly."""
    rows = enough_tracks(np.isfinite(positions[..., 0]))
    more = more_readout(found.cameras, found.points[rows], positions[rows], only_turns=found.only_turns)
    return more.share if more is not None and more.is_sure else 0.0


def _squeezed(
    square: Solution, positions: FloatArray, size: Extent, solve: Callable[[float], Solution]
) -> Solution | None:
    """The shot as one of an anamorphic lens, where that explains clearly more than square pixels do; else None."""
    if square.only_turns or _median(square) < _SQUEEZED_PX:
        return None
    seen = np.isfinite(positions[..., 0])
    rows, keys = enough_tracks(seen), key_frames(seen)
    some = square.of(rows, keys)
    if some.cameras.solved.sum() < LEAST_FRAMES:
        return None
    squeeze = likely_squeeze(some.cameras, some.points, positions[np.ix_(rows, keys)], size)
    if squeeze is None:
        return None
    try:
        squeezed = solve(squeeze)
    except TrackingError:
        return None
    return squeezed if _median(square) > LEAST_GAIN * _median(squeezed) else None


def _in_picture(solution: Solution, positions: FloatArray, pixel_aspect: float, readout: float = 0.0) -> Solution:
    """What was solved in square units, of rows read at once, in the picture's pixels and rows."""
    if pixel_aspect == SQUARE and not readout:
        return solution
    cameras = replace(solution.cameras.through_pixels(pixel_aspect), readout=readout)
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
        fixed = _solved(square, within, replace(lens, zooms=False), only_turns, iterations_between)
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
        return _solved(seen, size, zoom, only_turns, iterations_between)

    def turned(seen: FloatArray) -> Solution:
        return _checked(_turning_only(seen, size, zoom, left_by_planes(seen)), _TURNS)

    if isinstance(fixed, TrackingError):
        solve = turned if only_turns is None and isinstance(fixed, _NoParallax) else zoomed
        zooming = None if lens.focal_is_exact else _zooming(positions, size, None, solve)
        if zooming is None:
            raise fixed
        return zooming
    return fixed if lens.focal_is_exact else _zooming(positions, size, fixed, zoomed) or fixed


def _zooming(
    positions: FloatArray, size: Extent, fixed: Solution | None, solve: Callable[[FloatArray], Solution]
) -> Solution | None:
    """The shot as one of a lens that zooms, where that explains clearly more than a fixed one does; else None."""
    seen = np.isfinite(positions[..., 0])
    rows, keys = enough_tracks(seen), key_frames(seen)
    some = positions[np.ix_(rows, keys)]
    planes = left_by_planes(some)
    like = None if fixed is None else fixed.of(rows, keys)
    if fixed is not None and like is not None and not _may_zoom(fixed, like, some, size, planes):
        return None
    try:
        if not _explains_more(solve(some), like, planes):  # that is known in a tenth of the time
            return None
        zooming = solve(positions)
    except TrackingError:
        return None
    return zooming if _explains_more(zooming, fixed, planes) else None


def _may_zoom(fixed: Solution, some: Solution, positions: FloatArray, size: Extent, planes: float) -> bool:
    """Whether one focal length may not be enough; quick to say, and wrong now and then.

    A wrong camera fits few of the markers, or has not found all frames; one that turns and zooms looks like one that
    walks towards a plane; and one that is nearly right gets better at once where its focal length may change.

    Parameters
    ----------
    some
        What ``fixed`` says of a part of the tracks and frames, with ``positions`` (n, f, 2) px.
    """
    if fixed.used.sum() < _WELL_FITTING * np.isfinite(fixed.errors).sum() or not fixed.cameras.solved.all():
        return True
    if fixed.only_turns:
        return _median(fixed) > _UNEXPLAINED_PX
    if planes < _PLANE_LIKE * _median(fixed):
        return True
    bent = fixed.cameras.is_bent
    freed, held = (
        _refined(some.cameras, some.points, positions, size, LensSearch(zooms=zooms), bent, 1, _ITERATIONS_TO_JUDGE)
        for zooms in (True, False)
    )
    return freed is not None and held is not None and _gains(freed, held)


def _explains_more(zooming: Solution, fixed: Solution | None, planes: float) -> bool:
    """Whether a lens that zooms explains what none that does not can, or as much by a camera that only turns."""
    if fixed is None:
        return not zooming.only_turns or _median(zooming) <= planes
    if zooming.only_turns and not fixed.only_turns:
        return _median(zooming) < _ZOOM_GAIN * _median(fixed)
    return _ZOOM_GAIN * _median(zooming) < _median(fixed)


def _solved(
    positions: FloatArray, size: Extent, lens: LensSearch, only_turns: bool | None, iterations_between: int
) -> Solution:
    _check_enough(positions)
    if only_turns:
        return _checked(_turning(positions, size, lens), _TURNS)
    keys = key_frames(np.isfinite(positions[..., 0]))
    leading = positions[enough_tracks(np.isfinite(positions[..., 0]))]

    def mapped_from(focal: float, calibrated: bool = True) -> Mapped:
        return map_cameras(
            leading[:, keys], size, focal,
            focal_is_known=lens.focal_is_exact, calibrated=calibrated, zooms=lens.is_zoom,
        )  # fmt: skip

    start = lens.focal or LIKELY_FOCAL * max(size)
    mapped = mapped_from(start)
    planes = left_by_planes(leading[:, keys])
    sure = _SURE_PX if lens.distortion is False else max(_SURE_PX, _SURE_BENT * max(size))
    may_turn = only_turns is None and (mapped.parallax_share < _SURE_PARALLAX or not planes > sure)
    turning = _turning_only(positions, size, lens, planes) if may_turn else None
    one_plane = mapped.parallax_share < _LEAST_PARALLAX
    if turning is not None and one_plane:
        return turning
    if one_plane and not lens.focal_is_exact:
        raise _NoParallax(_one_plane(mapped))
    moving = _moving(mapped.cameras, mapped_from, keys, positions, size, lens, iterations_between)
    if not lens.focal_is_exact and (moving is None or mapped.solved_share < _MOSTLY_MAPPED):
        whole = mapped_from(start, calibrated=False).cameras
        moving = _fuller(moving, _moving(whole, mapped_from, keys, positions, size, lens, iterations_between))
    if turning is not None and (moving is None or _median(turning) < _TURN_GAIN * _median(moving)):
        return turning
    if moving is not None and not lens.focal_is_exact and _median(moving) > _PLANES_LEAVE * planes:
        raise TrackingError(_PLANES)
    return _checked(moving, _MOVES)


def _check_enough(positions: FloatArray) -> None:
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


def fitting(errors: FloatArray) -> BoolArray:
    """(n, f) Which markers agree with the cameras as well as the plate's noise lets them."""
    judged = np.isfinite(errors)
    sigma = float(np.median(errors[judged])) / 1.18 if judged.any() else 0.0  # of one coordinate (Rayleigh)
    fits = judged & (errors < max(_NOISE_PX, _SIGMAS * sigma))
    count = fits.sum(axis=1)
    whole = (count >= _LEAST_MARKERS) & (count >= _FITTING_SHARE * (~np.isnan(errors)).sum(axis=1))
    return fits & whole[:, None]


def _moving(
    mapped: Cameras | None, mapped_from: Callable[[float], Mapped], keys: npt.NDArray[np.int64], positions: FloatArray,
    size: Extent, lens: LensSearch, iterations_between: int,
) -> Solution | None:  # fmt: skip
    """The solution on the key frames, then on all; None: the tracks do not fit together."""
    mapped = _with_enough(mapped)
    if mapped is None:
        return None
    seen = positions[:, keys]
    tried = (False, True) if lens.distortion is None else (lens.distortion,)
    begun = {bent: _refined(mapped, None, seen, size, lens, bent, 1, _ITERATIONS) for bent in tried}
    bent = _better(begun)

    def from_a_wide_lens(rounds: int) -> Solution | None:
        wide = _with_enough(mapped_from(WIDE_FOCAL * max(size)).cameras)
        return None if wide is None else _refined(wide, None, seen, size, lens, True, rounds, _ITERATIONS)

    first = begun[bent]
    if bent and lens.focal is None:
        first = surer(first, from_a_wide_lens(1))
    solution = _went_on(first, seen, size, lens, bent, _ROUNDS - 1, _ITERATIONS)
    if solution is not None and not bent and lens.is_unknown and _median(solution) > _UNEXPLAINED_PX:
        wide = from_a_wide_lens(_ROUNDS)  # a round from afar does not show what bending explains
        if wide is not None and _gains(wide, solution):
            solution, bent = wide, True
    if solution is None or len(keys) == positions.shape[1]:
        return solution
    between = replace(solution, cameras=among_frames(solution.cameras, keys, positions.shape[1]))
    return _went_on(between, positions, size, lens, bent, _ROUNDS_BETWEEN, iterations_between)


def _with_enough(mapped: Cameras | None) -> Cameras | None:
    """The same; None where too few frames have a camera to begin from."""
    return None if mapped is None or mapped.solved.sum() < LEAST_FRAMES else mapped


def _better(tried: Mapping[bool, Solution | None]) -> bool:
    """With two radial terms (True) or without: with them only if they clearly explain more."""
    straight, bent = tried.get(False), tried.get(True)
    if straight is None or bent is None:
        return straight is None and True in tried
    return _gains(bent, straight)


def surer(one: Solution | None, other: Solution | None) -> Solution | None:
    """Of two that began from different focal lengths the one that explains more; the first where they are alike."""
    if one is None or other is None:
        return one or other
    return other if _median(other) < _FOCAL_GAIN * _median(one) else one


def _fuller(one: Solution | None, other: Solution | None) -> Solution | None:
    """Of two the one that gives more frames a camera, unless it explains clearly less; else the surer one."""
    if one is None or other is None:
        return one or other
    more = other.cameras.solved.sum() > one.cameras.solved.sum()
    return other if more and _median(other) < _BEND_GAIN * _median(one) else surer(one, other)


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
    more = _refined(solution.cameras, solution.points, positions, size, lens, bent, most, iterations)
    return None if more is None else replace(more, rounds=(*solution.rounds, *more.rounds))


def among_frames(cameras: Cameras, keys: npt.NDArray[np.int64], frames: int) -> Cameras:
    """The cameras as those of frames ``keys`` of ``frames``; the others have none."""
    rotation, translation = np.full((frames, 3, 3), np.nan), np.full((frames, 3), np.nan)
    focal = np.full(frames, np.nan)
    rotation[keys], translation[keys], focal[keys] = cameras.rotation, cameras.translation, cameras.focal
    return replace(cameras, rotation=rotation, translation=translation, focal=focal)


def _refined(
    cameras: Cameras, points: FloatArray | None, positions: FloatArray, size: Extent, lens: LensSearch, bent: bool,
    most: int, iterations: int,
) -> Solution | None:  # fmt: skip
    """Rounds of judging and refining: at most ``most``, each of at most ``iterations`` of bundle adjustment.

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
    agreeing, judged = fitting(errors).sum(axis=0), np.isfinite(errors).sum(axis=0)
    astray = cameras.solved & (agreeing < _AGREEING_SHARE * judged)
    if astray.sum() > _MOST_ASTRAY * cameras.solved.sum():  # then it is the scene that is not known well yet
        astray[:] = False
    if cameras.solved.all() and not astray.any():
        return cameras
    placed = add_frames(cameras.without(astray), points, positions, size, zooms=lens.is_zoom)
    return placed.or_else(cameras)


def _turning(positions: FloatArray, size: Extent, lens: LensSearch, most_px: float = float("inf")) -> Solution | None:
    """The shot as one of a camera that only turns; None: that cannot be, or first attempts are off by ``most_px``."""
    tried = (False, True) if lens.distortion is None else (lens.distortion,)
    found = {bent: _turning_through(positions, size, lens, bent, most_px) for bent in tried}
    return found[_better(found)]


def _turning_through(
    positions: FloatArray, size: Extent, lens: LensSearch, bent: bool, most_px: float
) -> Solution | None:
    """The same through a lens with two radial terms, or without."""
    start = turn_cameras(
        positions, size, lens.focal,
        refine_focal=not lens.focal_is_exact, refine_distortion=bent, zooms=lens.is_zoom,
    )  # fmt: skip
    if start is None:
        return None
    if median_error(reprojection_errors(start, directions_of(start, positions), positions)) > most_px:
        return None
    return _turned(start, positions, lens, bent)


def _turning_only(positions: FloatArray, size: Extent, lens: LensSearch, planes: float) -> Solution | None:
    """The same where rotations alone explain the shot; else None, which key frames tell in a fraction of the time.

    ``planes`` is what planes between pairs of key frames leave, px.
    """
    most_px = max(_ROUGH_TURN * planes, _ROUGH_TURN_PX)
    some = _turning(positions[:, key_frames(np.isfinite(positions[..., 0]))], size, lens, most_px)
    if some is None or _median(some) >= _TURN_PX:
        return None
    focal = float(np.nanmedian(some.cameras.focal)) if lens.focal is None else lens.focal
    near = replace(lens, focal=focal, refine_focal=not lens.focal_is_exact, distortion=some.cameras.is_bent)
    whole = _turning(positions, size, near, most_px)
    return whole if whole is not None and _median(whole) < _TURN_PX else None


def _turned(cameras: Cameras, positions: FloatArray, lens: LensSearch, bent: bool) -> Solution | None:
    search = {"refine_focal": not lens.focal_is_exact, "refine_distortion": bent, "zooms": lens.is_zoom}
    directions = directions_of(cameras, positions)
    rounds: list[Round] = []
    while True:
        used = fitting(reprojection_errors(cameras, directions, positions))
        if used.any(axis=1).sum() < LEAST_TRACKS:
            return None
        cameras = adjust_turns(cameras, np.where(used[..., None], positions, np.nan), **search)
        directions = directions_of(cameras, positions)
        errors = reprojection_errors(cameras, directions, positions)
        used &= fitting(errors)
        if not used.any():
            return None
        rounds.append(_round(errors, used))
        if len(rounds) == _ROUNDS or _is_settled(rounds):
            return Solution(cameras, directions, errors, used, tuple(rounds), only_turns=True)


def _gains(bent: Solution, straight: Solution) -> bool:
    return _median(bent) * _BEND_GAIN < _median(straight)


def _checked(solution: Solution | None, what: str) -> Solution:
    if solution is None or solution.used.sum() < _LEAST_FITTING * np.isfinite(solution.errors).sum():
        raise TrackingError(f"the tracks do not fit together as the view of {what}")
    return solution


def _one_plane(mapped: Mapped) -> str:
    return (
        f"no parallax in {1 - mapped.parallax_share:.0%} of the {mapped.pairs} pairs of frames looked at: the camera "
        f"sees a single plane, {_NO_FOCAL}"
    )


def _median(solution: Solution) -> float:
    return median_error(solution.errors)


def _round(errors: FloatArray, used: BoolArray) -> Round:
    return Round(int(used.any(axis=1).sum()), int(used.sum()), float(errors[used].mean()))


def _is_settled(rounds: list[Round]) -> bool:
    if len(rounds) < 2:
        return False
    before, after = rounds[-2:]
    same = abs(before.average_error - after.average_error) < _SETTLED * after.average_error
    return same and abs(before.markers - after.markers) < _SETTLED * after.markers
