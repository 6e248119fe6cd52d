"""How far each marker is from where one rigid scene, seen by one moving camera, would have it.

The measure that finds bad tracks: the camera is solved from all tracks together, each track's point is placed on the
ray of its own reference marker, and every other marker is compared with where that point shows. A point that is free
to move would hide a slow drift; on the reference marker's ray it cannot. Where there is no camera to solve (no
parallax, too few tracks), pairs of frames say it, less sharply (:mod:`.epipolar`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .coords import SQUARE, Size, lengths, pixels_from_co
from .epipolar import epipolar_distances
from .errors import TrackingError
from .order_statistics import known_median
from .solve import Solution
from .solve.pinned import triangulate_pinned
from .solve.solution import LensSearch
from .solve.solver import solve_shot
from .solve.triangulation import parallax, reprojection_errors
from .types import TrackData

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_SMOOTHED = 3  # markers to either side that tell drift from noise
_ABOUT = 5  # frames to either side that tell what is usual on a frame
_LEAST_KNOWN = 30  # markers there
_MOST_USED = 2 / 3  # share of those of tracks that it rests on elsewhere, too: as many tell that it is right
_FEW_USED = 1 / 3  # share of the markers there: where a camera rests on fewer it is the camera that must be wrong


@dataclass(frozen=True)
class SceneErrors:
    """What the scene's motion says of n tracks over f frames."""

    distance: FloatArray  # (n, f) px; NaN where nothing could be said
    drift: FloatArray  # (n, f) px; the slow part of it (:func:`slow_parts`); all of it without a solved camera
    places: FloatArray  # (n, f, 2) px, where each track's point shows, with a marker or without; NaN: not known
    usual: FloatArray  # (f,) px; how far off markers are there that the camera rests on, at the median; NaN: unknown
    usual_drift: FloatArray  # (f,) px; the same of ``drift``
    parallax: FloatArray  # (n,) degrees: the largest angle between a track's rays and its reference's; NaN: unknown
    solution: Solution | None  # the camera solve it rests on
    note: str  # why there is none; empty where there is


def scene_errors(
    positions: FloatArray,
    references: npt.NDArray[np.int64],
    size: Size,
    *,
    pixel_aspect: float = SQUARE,
    focal: float | None = None,
) -> SceneErrors:
    """Compare every marker with the motion of the scene.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px, (0, 0) the centre of the top-left pixel; NaN where there is no marker.
    references : (n,)
        Index of the frame of each track's reference marker.
    pixel_aspect
        Width of a pixel over its height.
    focal
        px; None: found.
    """
    lens = LensSearch(focal, distortion=None, zooms=None, pixel_aspect=pixel_aspect)
    try:
        solution = solve_shot(positions, size, lens, to_judge=True)
    except TrackingError as error:
        count, frames, _ = positions.shape
        nothing, usual, unknown = (np.full(shape, np.nan) for shape in (positions.shape, frames, count))
        distance = epipolar_distances(positions)
        return SceneErrors(distance, distance, nothing, usual, usual, unknown, None, str(error))
    astray = _frames_astray(solution)
    solution = _without(solution, astray)
    pinned = triangulate_pinned(solution.cameras, positions, references)
    free = np.isnan(pinned[:, :1])  # no camera in the reference frame
    errors = _errors_of(solution, np.where(free, solution.points, pinned), positions, references)
    usual, usual_drift = (_usual(values, solution.used) for values in (errors.distance, errors.drift))
    errors = replace(errors, usual=usual, usual_drift=usual_drift)
    return _by_pairs(errors, positions, astray) if astray.any() else errors


def errors_of_others(
    known: SceneErrors, solution: Solution, positions: FloatArray, references: npt.NDArray[np.int64]
) -> SceneErrors:
    """Compare markers of other tracks with a scene whose motion is known; what no camera sees is not judged.

    Parameters
    ----------
    known
        What :func:`scene_errors` said of the tracks that ``solution`` rests on.
    positions : (n, f, 2)
        Over the same f frames.
    references : (n,)
    """
    points = triangulate_pinned(solution.cameras, positions, references)
    errors = _errors_of(solution, points, positions, references)
    return replace(errors, usual=known.usual, usual_drift=known.usual_drift)


def _frames_astray(solution: Solution) -> BoolArray:
    """(f,) Where the camera is off what most markers say, and is therefore not known."""
    judged, frames = np.isfinite(solution.errors), solution.errors.shape[1]
    of_scene = judged & solution.used.any(axis=1)[:, None]  # the others may all be of something large that passes
    astray = np.zeros(frames, bool)
    for frame in range(frames):
        about = _about(frame)
        count, of_these, used = (each[:, about].sum() for each in (judged, of_scene, solution.used))
        is_sure = of_these >= _LEAST_KNOWN and used >= _MOST_USED * of_these
        astray[frame] = count >= _LEAST_KNOWN and used < _FEW_USED * count and not is_sure
    return astray


def _about(frame: int) -> slice:
    return slice(max(0, frame - _ABOUT), frame + _ABOUT + 1)


def _without(solution: Solution, frames: BoolArray) -> Solution:
    """The same with no camera in some frames (f,)."""
    errors = np.where(frames, np.nan, solution.errors)
    return replace(solution, cameras=solution.cameras.without(frames), errors=errors, used=solution.used & ~frames)


def _by_pairs(errors: SceneErrors, positions: FloatArray, frames: BoolArray) -> SceneErrors:
    """The same, with what pairs of frames say in some frames (f,)."""
    distance = np.where(frames, epipolar_distances(positions), errors.distance)
    return replace(errors, distance=distance, drift=np.where(frames, distance, errors.drift))


def _errors_of(
    solution: Solution, points: FloatArray, positions: FloatArray, references: npt.NDArray[np.int64]
) -> SceneErrors:
    cameras = solution.cameras
    distance = reprojection_errors(cameras, points, positions)
    places = cameras.project(points)
    slow = lengths(slow_parts(positions - places))
    drift = np.where(np.isfinite(slow), slow, distance)
    unknown = np.full(positions.shape[1], np.nan)
    angles = parallax(cameras, points, positions, references)
    return SceneErrors(distance, drift, places, unknown, unknown, angles, solution, "")


def slow_parts(offsets: FloatArray) -> FloatArray:
    """What tracks' markers are off together for some frames, without what changes from frame to frame.

    Grain moves each marker by itself, drift moves them together: of each marker and the three before and behind it the
    median counts, coordinate by coordinate.

    Parameters
    ----------
    offsets : (n, f, 2)
        px; NaN where there is no marker.

    Returns
    -------
    (n, f, 2) float64
        px; NaN where there is no marker.
    """
    known = np.isfinite(offsets).all(axis=2)
    rows = np.nonzero(known)[0]
    place = np.arange(len(rows)) + _SMOOTHED * (rows + 1)  # in one row behind the other, with gaps between tracks
    line = np.full((len(rows) + _SMOOTHED * (len(offsets) + 1), 2), np.nan)
    line[place] = offsets[known]
    slow = np.full_like(offsets, np.nan)
    slow[known] = known_median(np.stack([line[place + away] for away in range(-_SMOOTHED, _SMOOTHED + 1)]))
    return slow


def _usual(distance: FloatArray, used: BoolArray) -> FloatArray:
    """(f,) What lens, shutter and noise leave unexplained about each frame: the median over the markers used there."""
    usual = np.full(distance.shape[1], np.nan)
    for frame in range(len(usual)):
        about = _about(frame)
        known = np.isfinite(distance[:, about])
        counted = known & used[:, about]
        if known.sum() >= _LEAST_KNOWN and counted.any():
            usual[frame] = np.median(distance[:, about][counted])
    return usual


def frame_positions(tracks: Sequence[TrackData], size: Size) -> tuple[int, FloatArray]:
    """The first frame of all, and px by track and frame; NaN where there is no marker."""
    frames = [frame for track in tracks for frame in track.markers]
    if not frames:
        return 0, np.empty((len(tracks), 0, 2))
    return min(frames), positions_within(tracks, size, min(frames), max(frames) - min(frames) + 1)


def positions_within(tracks: Sequence[TrackData], size: Size, first: int, count: int) -> FloatArray:
    """(n, count, 2) px from the frame ``first`` on, in which all markers lie; NaN where there is none."""
    positions = np.full((len(tracks), count, 2), np.nan)
    for row, track in enumerate(tracks):
        if track.markers:
            columns = np.fromiter(track.markers, dtype=np.int64) - first
            positions[row, columns] = pixels_from_co(list(track.markers.values()), size)
    return positions
