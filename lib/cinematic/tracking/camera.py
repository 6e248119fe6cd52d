"""The camera of a shot from its tracks, on either kind of clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .blender_camera import solve_in_blender, too_far_away
from .checks import check_choice, checked_number
from .coords import SQUARE, pixels_from_co
from .errors import FootageError, ParameterError, TrackingError
from .judge import ShotMotion
from .lens import SENSOR_WIDTH, focal_px
from .solve.cameras import Cameras, ShotCameras
from .solve.connected import Piece, connected_frames, largest_piece
from .solve.mapping import LEAST_POINTS
from .solve.one_lens import among_frames
from .solve.result import CameraSolve, by_track, in_scene
from .solve.solution import LensSearch
from .solve.solver import solve_again, solve_shot
from .solve.triangulation import reprojection_errors
from .store import Store, store_of
from .types import TrackData

__all__ = [
    "DISTORTIONS",
    "MOTIONS",
    "ROLLING_SHUTTERS",
    "SOLVERS",
    "ZOOMS",
    "CameraSolve",
    "solve_camera",
]

SOLVERS = ("colmap", "blender")
ROLLING_SHUTTERS: dict[str, float | None] = {"auto": None, "off": 0.0}
DISTORTIONS: dict[str, bool | None] = {"auto": None, "off": False, "on": True}
ZOOMS: dict[str, bool | None] = {"auto": None, "off": False, "on": True}
MOTIONS: dict[str, bool | None] = {"auto": None, "free": False, "tripod": True}

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_NO_MARKER = "no track has a marker here"
_CUT = "cut"  # what tracks.json says of a track that ends there


def solve_camera(
    clip: Any, *, focal: float | None = None, sensor_width: float | None = None, refine_focal: bool = False,
    zoom: str = "auto", distortion: str = "auto", rolling_shutter: str | float = "auto", motion: str = "auto",
    engine: str = "colmap", frames: tuple[int, int] | None = None, judged: Sequence[ShotMotion] = (),
) -> CameraSolve:  # fmt: skip
    """Find the camera that a clip was shot with, and the points that its tracks show.

    All enabled tracks with a weight above 0 are used, without their muted markers; locked ones, too. Markers that do
    not agree with the rest are left out, round by round. The clip's tracks get their reprojection error
    (``TrackData.average_error``). Blender's own solver leaves its reconstruction in the MovieClip, as if run by hand.
    Pixels are as wide, to their height, as the clip says (``pixel_aspect``); px of focal lengths are widths of them.
    Where it says they are square, and ``zoom`` is "auto", an anamorphic lens's squeeze is found out from the tracks.

    Where tracks do not connect all frames, as at a cut, the largest connected piece is solved: nothing says how the
    others lie to it. ``missing`` of the result says so, frame by frame; ``frames`` chooses another piece.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    focal
        Focal length, taken as exact: px, or mm where ``sensor_width`` is given. None: found with the rest.
    sensor_width
        Of the camera, mm.
    refine_focal
        ``focal`` is a start, not exact.
    zoom
        The focal length changes during the shot: ``"on"`` (a focal length that is given is a start then), ``"off"``, or
        ``"auto"``, only if that clearly lowers the error and no exact focal length is given. Engine ``blender`` takes
        ``"auto"`` as off and knows no ``"on"``.
    distortion
        Radial distortion (two terms): ``"on"``, ``"off"``, or ``"auto"``, only if it clearly lowers the error. Engine
        ``blender`` takes ``"auto"`` as off.
    rolling_shutter
        Rows that are read one after the other: the share of a frame's time that reading them takes, from the first to
        the last (below 0: the last is read first); ``"off"``, they are read at once; or ``"auto"``, found where that
        clearly lowers the error. The cameras are those of the middle row. Engine ``blender`` takes ``"auto"`` as off
        and knows no other.
    motion
        ``"free"``; ``"tripod"``, the camera only turns; or ``"auto"``, recognised.
    engine
        ``"colmap"``, or ``"blender"``, Blender's own solver. It does not recognise a tripod, and is lost by what is too
        far away to show its distance: what ``colmap`` finds of the two in a rough solve before it is told.
    frames
        First and last frame of the shot to solve, the plate's numbers, both inclusive; default all.
    judged
        What :func:`.judge_with_motion` said of the shots. Where what is asked for was looked for then (nothing known,
        everything "auto"), engine ``colmap`` goes on from there.

    Returns
    -------
    CameraSolve

    Raises
    ------
    ParameterError
        An argument is not one of those above.
    TrackingError
        Too few tracks, or they do not fit together; with the reason. The clip is unchanged.
    BackendUnavailable
        Engine ``blender`` without Blender.
    """
    store = store_of(clip)
    check_choice("zoom", zoom, ZOOMS)
    check_choice("distortion", distortion, DISTORTIONS)
    check_choice("motion", motion, MOTIONS)
    check_choice("engine", engine, SOLVERS)
    lens = LensSearch(
        focal_px(store.size, focal, sensor_width), refine_focal, DISTORTIONS[distortion], ZOOMS[zoom],
        store.pixel_aspect, _readout(rolling_shutter),
    )  # fmt: skip
    if refine_focal and focal is None:
        raise ParameterError("expected focal to start from with refine_focal, got None")
    if engine == "blender" and lens.is_zoom:
        raise ParameterError("expected engine colmap with zoom on: Blender's solver knows one focal length only")
    if engine == "blender" and lens.readout:
        raise ParameterError("expected engine colmap with a rolling shutter: Blender's solver knows none")
    span = _checked_frames(store, frames)
    tracks = [track for track in store.read() if track.enabled and track.weight > 0]
    tracks = [track for track in tracks if sum(frame in span for frame in track.markers) >= 2]
    if not tracks:
        within = "" if frames is None else f" on frames {span[0]}-{span[-1]}"
        raise TrackingError(f"expected tracks with two markers or more for a camera solve{within}, got none")
    shot = _Shot.of(tracks, store, span)
    width = sensor_width or SENSOR_WIDTH
    if engine == "blender":
        solve = _by_blender(shot, lens, MOTIONS[motion], width, judged)
    else:
        known = _known(shot, lens, judged) if MOTIONS[motion] is None else None
        solve = _by_colmap(shot, lens, MOTIONS[motion], width, known)
    store.set_errors(solve.track_errors)
    return solve


def _readout(rolling_shutter: str | float) -> float | None:
    if isinstance(rolling_shutter, str):
        check_choice("rolling_shutter", rolling_shutter, ROLLING_SHUTTERS)
        return ROLLING_SHUTTERS[rolling_shutter]
    return checked_number("rolling_shutter", rolling_shutter, -1, 1)


def _checked_frames(store: Store, frames: Any) -> range:
    if frames is None:
        return range(store.numbers.first, store.numbers.last + 1)
    if not (isinstance(frames, Sequence) and len(frames) == 2):
        raise ParameterError(f"expected frames as the first and the last one, got {frames!r}")
    first, last = (store.numbers.checked(frame, "frames") for frame in frames)
    if first >= last:
        raise ParameterError(f"expected the first of frames below the last, got {first} and {last}")
    return range(first, last + 1)


@dataclass(frozen=True)
class _Shot:
    """What there is to solve: n tracks over f frames, and the piece of them that is solved."""

    store: Store
    tracks: Sequence[TrackData]
    frames: list[int]  # the plate's, from the first marker to the last
    positions: FloatArray  # (n, f, 2) px; NaN where there is no marker
    pieces: list[Piece]
    solved: Piece

    @classmethod
    def of(cls, tracks: Sequence[TrackData], store: Store, span: range) -> _Shot:
        marked = [frame for track in tracks for frame in track.markers if frame in span]
        first, last = min(marked), max(marked)
        positions = np.full((len(tracks), last - first + 1, 2), np.nan)
        for row, track in enumerate(tracks):
            inside = [frame for frame in track.markers if first <= frame <= last]
            co = [track.markers[frame] for frame in inside]
            positions[row, np.array(inside) - first] = pixels_from_co(co, store.size)
        seen = np.isfinite(positions[..., 0])
        pieces = connected_frames(seen, LEAST_POINTS)
        solved = largest_piece(pieces, seen)
        return cls(store, tracks, list(range(first, last + 1)), positions, pieces, solved)

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """The frames that are solved, by index."""
        return np.arange(self.solved.first, self.solved.last + 1)

    def result(
        self, cameras: Cameras, points: FloatArray, errors: FloatArray, used: BoolArray, **rest: Any
    ) -> CameraSolve:
        """From what was found on the frames that are solved."""
        cameras, points = in_scene(cameras, points)
        count = len(self.frames)
        every_error = np.full((len(self.tracks), count), np.nan)
        every_used = np.zeros((len(self.tracks), count), bool)
        every_error[:, self.columns], every_used[:, self.columns] = errors, used
        missing = _missing(cameras, points, self.positions[:, self.columns], self.frames[self.solved.first :])
        names = [track.name for track in self.tracks]
        return CameraSolve(
            clip=replace(self.store.info, pixel_aspect=cameras.pixel_aspect), frames=tuple(self.frames),
            cameras=among_frames(cameras, self.columns, count),
            missing=dict(sorted({**missing, **self._of_other_pieces()}.items())),
            **by_track(names, self.frames, points, every_error, every_used), **rest,
        )  # fmt: skip

    def _of_other_pieces(self) -> dict[int, str]:
        """Why the frames outside of the piece have no camera."""
        at = self.pieces.index(self.solved)
        reasons: dict[int, str] = {}
        for outwards in (self.pieces[at:], self.pieces[at::-1]):
            apart = ""  # behind a cut everything is another shot
            for pair in pairwise(outwards):
                before, behind = sorted(pair, key=lambda piece: piece.first)
                apart = apart if apart.startswith("cut") else self._break(before, behind)
                reasons |= dict.fromkeys(self.frames[pair[1].first : pair[1].last + 1], apart)
        marked = np.isfinite(self.positions[..., 0]).any(axis=0)
        outside = [*range(self.solved.first), *range(self.solved.last + 1, len(self.frames))]
        return {
            self.frames[column]: reasons[self.frames[column]] if marked[column] else _NO_MARKER for column in outside
        }

    def _break(self, before: Piece, behind: Piece) -> str:
        """What lies between two neighbouring pieces."""
        last, first = self.frames[before.last], self.frames[behind.first]
        told = {
            frame
            for track in self.tracks
            for frame, why in track.lost.items()
            if why == _CUT and last <= frame <= first
        }
        cuts = [first] if told and first == last + 1 else _cuts_seen(self.store, last, first)
        if cuts:
            return f"cut at frame {cuts[0]}: another shot"
        return f"too few tracks go on to frame {first} ({behind.bridging}, {LEAST_POINTS} are needed): another piece"


def _cuts_seen(store: Store, last: int, first: int) -> list[int]:
    """What the footage shows between two frames. Where it cannot be read, nothing: tracks are solved without, too."""
    from .shots import cuts_between  # numba: a shot in one piece need not wait for its import

    try:
        return cuts_between(store.footage, last, first)
    except FootageError:
        return []


@dataclass(frozen=True)
class _Known:
    """The cameras of the piece that is solved, as they are known before."""

    cameras: Cameras
    only_turns: bool


def _known(shot: _Shot, lens: LensSearch, judged: Sequence[ShotMotion]) -> _Known | None:
    """What the judgement found, if that is an answer to what is asked now."""
    first, last = shot.frames[shot.solved.first], shot.frames[shot.solved.last]
    for motion in judged:
        solution = motion.scene.solution
        if solution is not None and motion.first <= first <= last <= motion.last:
            if replace(lens, pixel_aspect=SQUARE) != LensSearch(distortion=None, zooms=None):
                return None
            if not np.isclose(lens.pixel_aspect, (SQUARE, solution.cameras.pixel_aspect), rtol=1e-6).any():
                return None  # Blender holds it in 32 bits
            within = solution.cameras.within(slice(first - motion.first, last - motion.first + 1))
            if solution.only_turns and not within.solved.all():  # where it is not known it would not be looked for
                return None
            return _Known(within, solution.only_turns)
    return None


def _by_colmap(
    shot: _Shot, lens: LensSearch, only_turns: bool | None, sensor: float, known: _Known | None
) -> CameraSolve:
    positions, size = shot.positions[:, shot.columns], shot.store.size
    if known is None:
        found = solve_shot(positions, size, lens, only_turns=only_turns)
    else:
        found = solve_again(known.cameras, positions, size, only_turns=known.only_turns)
    return shot.result(
        found.cameras, found.points, found.errors, found.used, engine="colmap", only_turns=found.only_turns,
        sensor_width=sensor, rounds=found.rounds, average_error=found.average_error,
    )  # fmt: skip


def _by_blender(
    shot: _Shot, lens: LensSearch, only_turns: bool | None, sensor: float, judged: Sequence[ShotMotion]
) -> CameraSolve:
    positions, frames = shot.positions[:, shot.columns], [shot.frames[column] for column in shot.columns]
    seen = np.isfinite(positions[..., 0]).any(axis=1)
    names = [track.name for track in shot.tracks]
    known = None if only_turns else _known(shot, lens, judged) or _roughly(shot, lens, only_turns)
    if only_turns is None:
        only_turns = known is not None and known.only_turns
    far: tuple[str, ...] = ()
    if known is not None and not known.only_turns:
        far = too_far_away(shot.tracks, ShotCameras(frames[0], known.cameras), shot.store.size)
    cameras, points, average = solve_in_blender(
        shot.store, names, frames, lens, only_turns, far=far, left_out=_elsewhere(shot)
    )
    points[~seen] = np.nan
    errors = reprojection_errors(cameras, points, positions)
    return shot.result(
        cameras, points, errors, np.isfinite(errors), engine="blender", only_turns=only_turns, sensor_width=sensor,
        rounds=(), average_error=average,
    )  # fmt: skip


def _roughly(shot: _Shot, lens: LensSearch, only_turns: bool | None) -> _Known | None:
    """The cameras of the piece that is solved; None: they are not found, and Blender's solver is told nothing."""
    try:
        found = solve_shot(shot.positions[:, shot.columns], shot.store.size, lens, only_turns=only_turns, to_judge=True)
    except TrackingError:
        return None
    return _Known(found.cameras, found.only_turns)


def _elsewhere(shot: _Shot) -> list[str]:
    """Tracks that are on none of the frames that are solved."""
    solved = {shot.frames[column] for column in shot.columns}
    return [track.name for track in shot.store.read() if track.enabled and not solved & set(track.markers)]


def _missing(cameras: Cameras, points: FloatArray, positions: FloatArray, frames: Sequence[int]) -> dict[int, str]:
    seen = np.isfinite(positions[..., 0])
    placed = (seen & np.isfinite(points[:, :1])).sum(axis=0)
    reasons = {}
    for column in np.flatnonzero(~cameras.solved):
        if not seen[:, column].any():
            reason = _NO_MARKER
        elif placed[column] < LEAST_POINTS:
            reason = f"too few tracks: {placed[column]} with a bundle have a marker here, {LEAST_POINTS} are needed"
        else:
            reason = f"its {placed[column]} tracks do not fit the rest of the shot"
        reasons[frames[column]] = reason
    return reasons
