"""Whether a camera solve can work with a set of judged tracks, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .coords import Size, pixels_from_co
from .grid import coarse_grid, some_of
from .lens import SENSOR_WIDTH
from .presets import larger_than_usual
from .repeated_frames import repeated_frames
from .solve.cameras import ShotCameras
from .types import Readiness, TrackData, Verdict

FAILS_BELOW, WEAK_BELOW = 8, 16
"""Tracks on a frame: fewer than the first and the solve will fail there, fewer than the second and it is weak.
Blender's own colours change there."""

_LEAST_SPREAD = 0.5  # of the picture's cells
_LEAST_PARALLAX_DEG = 2.0
_STILL_PX = 1.0  # on plates up to 1920 wide; a track within so much, from its first marker to its last, stands still
_LEAST_MARKERS = 10  # of a track that can be told to stand still
_MANY_APART, _MANY_APART_SHARE = 20, 0.15  # tracks, and share of them: as many make another scene
_WITHOUT_DEPTH = 0.3  # of the score, where the tracks tell no depth, or no camera at all


def readiness(
    tracks: Sequence[TrackData],
    verdicts: Sequence[Verdict],
    frames: range,
    size: Size,
    known: ShotCameras | None = None,
    no_camera: str = "",
) -> Readiness:
    """Judge the tracks together: those that are not bad.

    Too few tracks on a frame, tracks crowded into a part of the picture, and a camera that hardly moves past the scene
    all leave the solve to guesswork, unless it is known to only turn: tripods are solved without depth. Where the
    judgement has found no camera, a solve will hardly find one.

    Parameters
    ----------
    frames
        The plate's frames.
    size
        Width and height of the footage, px.
    known
        The cameras that the judgement found: what their lens is, whether the tracks tell it, whether they only turn.
        None: that is not said.
    no_camera
        Why the judgement found none; empty: it did, or it was not asked.
    """
    usable = [(t, v) for t, v in zip(tracks, verdicts, strict=True) if v.verdict != "bad" and t.enabled]
    counts = dict.fromkeys(frames, 0)
    for track, _ in usable:
        for frame in track.markers:
            if frame in counts:
                counts[frame] += 1
    least = min(counts.values(), default=0)
    spread = _spread([track for track, _ in usable], frames, size)
    angles = [v.measures["parallax_deg"] for _, v in usable if np.isfinite(v.measures.get("parallax_deg", np.nan))]
    cameras = None if known is None else known.cameras
    turns = cameras is not None and cameras.only_turn
    parallax = float(np.median(angles)) if angles and not turns else None
    score = min(1.0, least / WEAK_BELOW) * min(1.0, spread / _LEAST_SPREAD)
    if parallax is not None:
        score *= min(1.0, _WITHOUT_DEPTH + (1.0 - _WITHOUT_DEPTH) * parallax / _LEAST_PARALLAX_DEG)
    if no_camera:
        score *= _WITHOUT_DEPTH
    doubt = "" if cameras is None else cameras.focal_doubt(size[0], SENSOR_WIDTH)
    lens = "" if cameras is None else cameras.lens_in_words(size[0], SENSOR_WIDTH, doubt=False)
    missing = _missing(counts, spread, parallax, repeated_frames([track for track, _ in usable], size), doubt)
    if turns:
        missing.append("the camera only turns: to be solved as a tripod's, there is no depth")
    if cameras is not None and (told := about_what_stands_still(tracks, verdicts, size)):
        missing.append(told)
    if no_camera:
        missing.append(f"no camera was found: {no_camera}")
    return Readiness(float(score), tuple(missing), counts, lens)


def about_what_stands_still(tracks: Sequence[TrackData], verdicts: Sequence[Verdict], size: Size) -> str:
    """What stands still beside much that moves (a car that the camera is in, an overlay), and what it was taken for.

    In words, or empty. Who solves a camera hardly wants one that stands still, where as many tracks say something else.
    """
    still = np.array([_extent(track, size) for track in tracks]) <= _STILL_PX * larger_than_usual(size[0])
    of_scene = np.array([each.verdict != "bad" and track.enabled for track, each in zip(tracks, verdicts, strict=True)])
    long = np.array([len(track.markers) >= _LEAST_MARKERS for track in tracks])
    apart = np.array(["moving object" in each.reasons for each in verdicts])
    many = max(_MANY_APART, _MANY_APART_SHARE * len(tracks))
    scene_is_still = still[of_scene & long].sum() > (of_scene & long).sum() / 2
    fixed, moving = int((still & apart).sum()), int((~still & apart).sum())
    if scene_is_still and moving >= many:
        return (
            f"what was taken for the scene stands still in the picture, and {moving} tracks that move were not: to "
            "solve by those (outside of a car, behind an overlay), mask what stands still"
        )
    if not scene_is_still and fixed >= many:
        return (
            f"{fixed} tracks stand still in the picture while others move: taken for what is fixed to the camera "
            "(a car that it is in, an overlay), not for the scene"
        )
    return ""


def _extent(track: TrackData, size: Size) -> float:
    """How far apart a track's markers are, px; NaN where they are few."""
    if len(track.markers) < _LEAST_MARKERS:
        return float("nan")
    return float(np.linalg.norm(np.ptp(pixels_from_co(list(track.markers.values()), size), axis=0)))


def _missing(
    counts: dict[int, int], spread: float, parallax: float | None, repeated: Sequence[int], focal_doubt: str
) -> list[str]:
    thin = sum(count < FAILS_BELOW for count in counts.values())
    weak = sum(FAILS_BELOW <= count < WEAK_BELOW for count in counts.values())
    told = []
    if thin:
        told.append(f"{thin} of {len(counts)} frames have fewer than {FAILS_BELOW} tracks: the solve will fail there")
    if weak:
        told.append(f"{weak} of {len(counts)} frames have {FAILS_BELOW} to {WEAK_BELOW - 1} tracks: weak")
    if spread < _LEAST_SPREAD:
        told.append(f"tracks cover {spread:.0%} of the picture: the rest is guesswork")
    if parallax is not None and parallax < _LEAST_PARALLAX_DEG:
        told.append(f"the median track is seen under {parallax:.1f}° of parallax: depth is guesswork")
    if repeated:
        told.append(
            f"{len(repeated)} of {len(counts)} frames repeat the one before, the first of them {repeated[0]}: "
            "the camera will stop there (pulldown, or a converted frame rate)"
        )
    if focal_doubt:
        told.append(f"the tracks hardly tell the focal length: on a sensor {SENSOR_WIDTH:g} mm wide {focal_doubt}")
    return told


def _spread(tracks: Sequence[TrackData], frames: range, size: Size) -> float:
    """The share of the picture's cells that hold a track, on the median frame."""
    grid = coarse_grid(size)
    shares = []
    for frame in (frames[each] for each in some_of(len(frames))):
        held = [track.markers[frame] for track in tracks if frame in track.markers]
        shares.append(grid.held(pixels_from_co(np.reshape(held, (-1, 2)), size)) / grid.count)
    return float(np.median(shares)) if shares else 0.0
