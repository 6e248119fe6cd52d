"""The camera of a shot from its tracks, on either kind of clip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .blender_camera import solve_in_blender
from .checks import check_choice, checked_number
from .coords import pixels_from_co
from .errors import ParameterError, TrackingError
from .solve.cameras import Cameras
from .solve.mapping import LEAST_POINTS
from .solve.result import CameraSolve, by_track, in_scene
from .solve.solver import LensSearch, solve_shot
from .solve.triangulation import reprojection_errors
from .store import Store, store_of
from .types import TrackData

__all__ = ["DISTORTIONS", "MOTIONS", "SENSOR_WIDTH", "SOLVERS", "CameraSolve", "solve_camera"]

SOLVERS = ("colmap", "blender")
DISTORTIONS: dict[str, bool | None] = {"auto": None, "off": False, "on": True}
MOTIONS: dict[str, bool | None] = {"auto": None, "free": False, "tripod": True}

SENSOR_WIDTH = 36.0
"""mm; where no sensor is named. It only says what a focal length in mm means."""

FloatArray = npt.NDArray[np.float64]


def solve_camera(
    clip: Any, *, focal: float | None = None, sensor_width: float | None = None, refine_focal: bool = False,
    zoom: bool = False, distortion: str = "auto", motion: str = "auto", engine: str = "colmap",
) -> CameraSolve:  # fmt: skip
    """Find the camera that a clip was shot with, and the points that its tracks show.

    All enabled tracks with a weight above 0 are used, without their muted markers; locked ones, too. Markers that do
    not agree with the rest are left out, round by round. The clip's tracks get their reprojection error
    (``TrackData.average_error``). Blender's own solver leaves its reconstruction in the MovieClip, as if run by hand.
    Pixels are taken to be square.

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
        The focal length changes during the shot. Engine ``colmap`` only.
    distortion
        Radial distortion (two terms): ``"on"``, ``"off"``, or ``"auto"``, only if it clearly lowers the error. Engine
        ``blender`` takes ``"auto"`` as off.
    motion
        ``"free"``; ``"tripod"``, the camera only turns; or ``"auto"``, recognised. Engine ``blender`` takes ``"auto"``
        as free.
    engine
        ``"colmap"``, or ``"blender"``, Blender's own solver.

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
    check_choice("distortion", distortion, DISTORTIONS)
    check_choice("motion", motion, MOTIONS)
    check_choice("engine", engine, SOLVERS)
    lens = LensSearch(_focal_px(store, focal, sensor_width), refine_focal, DISTORTIONS[distortion], zoom)
    if refine_focal and focal is None:
        raise ParameterError("expected focal to start from with refine_focal, got None")
    if engine == "blender" and zoom:
        raise ParameterError("expected engine colmap with zoom: Blender's solver knows one focal length only")
    tracks = [track for track in store.read() if track.enabled and track.weight > 0 and len(track.markers) >= 2]
    if not tracks:
        raise TrackingError("expected tracks with two markers or more for a camera solve, got none")
    frames, positions = _positions(tracks, store)
    width = sensor_width or SENSOR_WIDTH
    if engine == "blender":
        found = solve_in_blender(store, [track.name for track in tracks], frames, lens, bool(MOTIONS[motion]))
        solve = _of_blender(store, tracks, frames, positions, *found, only_turns=bool(MOTIONS[motion]), sensor=width)
    else:
        solve = _of_colmap(store, tracks, frames, positions, lens, MOTIONS[motion], width)
    store.set_errors(solve.track_errors)
    return solve


def _focal_px(store: Store, focal: float | None, sensor_width: float | None) -> float | None:
    if sensor_width is not None:
        checked_number("sensor_width", sensor_width, 0, 1000, above=True)
    if focal is None:
        return None
    longest = max(store.size)
    px = checked_number("focal", focal, 0, 1e6, above=True)
    px = px * store.size[0] / sensor_width if sensor_width is not None else px
    unit = "mm" if sensor_width is not None else "px (mm go with sensor_width)"
    if not 0.1 * longest <= px <= 50 * longest:
        raise ParameterError(
            f"expected focal of 0.1 to 50 picture widths, got {focal:g} {unit}: {px / longest:.3g} picture widths"
        )
    return px


def _positions(tracks: Sequence[TrackData], store: Store) -> tuple[list[int], FloatArray]:
    """The plate's frames from the first marker to the last, and px by track and frame."""
    first = max(min(min(track.markers) for track in tracks), store.numbers.first)
    last = min(max(max(track.markers) for track in tracks), store.numbers.last)
    positions = np.full((len(tracks), last - first + 1, 2), np.nan)
    for row, track in enumerate(tracks):
        inside = [frame for frame in track.markers if first <= frame <= last]
        if inside:
            co = [track.markers[frame] for frame in inside]
            positions[row, np.array(inside) - first] = pixels_from_co(co, store.size)
    return list(range(first, last + 1)), positions


def _of_colmap(
    store: Store, tracks: Sequence[TrackData], frames: Sequence[int], positions: FloatArray, lens: LensSearch,
    only_turns: bool | None, sensor: float,
) -> CameraSolve:  # fmt: skip
    solution = solve_shot(positions, store.size, lens, only_turns=only_turns)
    cameras, points = in_scene(solution.cameras, solution.points)
    return CameraSolve(
        clip=store.info, engine="colmap", only_turns=solution.only_turns, frames=tuple(frames), cameras=cameras,
        sensor_width=sensor, missing=_missing(cameras, points, positions, frames), rounds=solution.rounds,
        average_error=solution.average_error,
        **by_track([track.name for track in tracks], frames, points, solution.errors, solution.used),
    )  # fmt: skip


def _of_blender(
    store: Store, tracks: Sequence[TrackData], frames: Sequence[int], positions: FloatArray, cameras: Cameras,
    points: FloatArray, average_error: float, *, only_turns: bool, sensor: float,
) -> CameraSolve:  # fmt: skip
    cameras, points = in_scene(cameras, points)
    errors = reprojection_errors(cameras, points, positions)
    return CameraSolve(
        clip=store.info, engine="blender", only_turns=only_turns, frames=tuple(frames), cameras=cameras,
        sensor_width=sensor, missing=_missing(cameras, points, positions, frames), rounds=(),
        average_error=average_error,
        **by_track([track.name for track in tracks], frames, points, errors, np.isfinite(errors)),
    )  # fmt: skip


def _missing(cameras: Cameras, points: FloatArray, positions: FloatArray, frames: Sequence[int]) -> dict[int, str]:
    seen = np.isfinite(positions[..., 0])
    placed = (seen & np.isfinite(points[:, :1])).sum(axis=0)
    reasons = {}
    for column in np.flatnonzero(~cameras.solved):
        if not seen[:, column].any():
            reason = "no track has a marker here"
        elif placed[column] < LEAST_POINTS:
            reason = f"{placed[column]} tracks with a bundle have a marker here, {LEAST_POINTS} are needed"
        else:
            reason = f"its {placed[column]} tracks do not fit the rest of the shot"
        reasons[frames[column]] = reason
    return reasons
