"""Whole shots from their first frame to their last: who tracks them, and how.

All contenders use the preset `balanced`. Blender's own tracker detects once, or again every few frames as an artist
would: what lies too near to a track that is alive is dropped, and everything alive is tracked on to the next detection.
"""

from __future__ import annotations

import copy
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import blender
from cinematic.tracking import (
    BLENDER_AVAILABLE,
    Clip,
    TrackData,
    auto_track,
    clean_low_quality_tracks,
    clean_tracks,
    detect_features,
    engine,
    ensure_clip_loaded,
    get_detection_params,
    judge_with_motion,
    refill_tracks,
    refine_tracks,
    settle_tracks,
    track_markers,
    weigh_tracks,
)
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.store import store_of

TRACKS = 150  # asked for on every frame
AGAIN = 10  # frames from one detection to the next
LEAST_MARKERS = 5  # of a track that counts


@dataclass(frozen=True)
class Delivery:
    """What a contender has made of a shot, after so much time."""

    name: str
    tracks: list[TrackData]
    seconds: float  # by the clock
    cpu_seconds: float  # of all threads: what a busy machine does not add to


Stages = Iterator[tuple[str, Any]]
"""What a contender has done, and the clip that then holds its tracks; stage by stage."""


def deliveries(path: Path, only: str = "", mask: Path | None = None) -> Iterator[Delivery]:
    """The tracks of every contender whose name matches, one contender at a time.

    Parameters
    ----------
    mask
        White on what moves: our own contender is run with it, too.
    """
    engine.warm()
    for name, run in _contenders(mask).items():
        if not re.search(only, name):
            continue
        begun, cpu = time.perf_counter(), time.process_time()
        found = []
        with blender.quiet():
            for stage, clip in run(path):
                spent = time.perf_counter() - begun, time.process_time() - cpu
                tracks = [copy.deepcopy(t) for t in store_of(clip).read() if len(t.markers) >= LEAST_MARKERS]
                found.append(Delivery(stage, tracks, *spent))
        yield from found


def _contenders(mask: Path | None) -> dict[str, Callable[[Path], Stages]]:
    field: dict[str, Callable[[Path], Stages]] = {"auto_track": lambda path: _auto(path, "auto_track")}
    if mask is not None:
        field["auto_track, masked"] = lambda path: _auto(path, "auto_track, masked", mask=mask)
    field["klt, detected once"] = lambda path: _once(Clip.open(path), "klt")
    if BLENDER_AVAILABLE:
        field["libmv, detected once"] = lambda path: _once(_loaded(path), "libmv")
        field[f"libmv, detected every {AGAIN}"] = _again
    return field


def _auto(path: Path, name: str, **options: Any) -> Stages:
    clip = Clip.open(path)
    auto_track(clip, tracks_per_frame=TRACKS, **options)
    yield name, clip
    verdicts, motion = judge_with_motion(clip, refinement=refine_tracks(clip))
    cleaning = clean_tracks(clip, verdicts=verdicts)
    yield f"{name}, cleaned", clip
    refilled = refill_tracks(clip, cleaning=cleaning, motion=motion, tracks_per_frame=TRACKS, **options)
    refine_tracks(clip, names=refilled.added)
    settle_tracks(clip)
    weigh_tracks(clip, motion=motion)
    yield f"{name}, refilled", clip


def _once(clip: Any, engine: str) -> Stages:
    _detected(clip, engine)
    track_markers(clip, engine=engine)
    clean_low_quality_tracks(clip)
    yield f"{engine}, detected once", clip


def _again(path: Path) -> Stages:
    clip = _loaded(path)
    numbers = store_of(clip).numbers
    distance = _detected(clip, "libmv")
    for frame in range(numbers.first, numbers.last, AGAIN):
        if frame > numbers.first:
            _topped_up(clip, frame, distance)
        blender.track_on(clip, frame, min(frame + AGAIN, numbers.last))
    clean_low_quality_tracks(clip)
    yield f"libmv, detected every {AGAIN}", clip


def _detected(clip: Any, engine: str) -> int:
    """As many features as auto_track holds: the distance between them, px, is halved until there are, or it is least.

    That distance is returned.
    """
    distance = get_detection_params("balanced")["min_distance"] * store_of(clip).size[0] // 1920
    while detect_features(clip, min_distance=distance, engine=engine) < TRACKS and distance > 8:
        distance //= 2
        _remove(clip, {track.name for track in store_of(clip).read()})
    return distance


def _topped_up(clip: Any, frame: int, distance: int) -> None:
    """Detect on a frame, and drop what is nearer than that to a track that is alive there."""
    before = blender.markers_on(clip, frame)
    detect_features(clip, min_distance=distance, engine="libmv", frame=frame)
    living = np.array(list(before.values())).reshape(-1, 2)
    near = {
        name
        for name, place in blender.markers_on(clip, frame).items()
        if name not in before and len(living) and np.linalg.norm(living - place, axis=1).min() < distance
    }
    _remove(clip, near)


def _remove(clip: Any, names: set[str]) -> None:
    if isinstance(clip, Clip):
        clip.tracks.remove(names)
    else:
        blender.remove_tracks(clip, names)


def _loaded(path: Path) -> Any:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    return ensure_clip_loaded(path)


def positions_of(tracks: list[TrackData], size: tuple[int, int], frames: range) -> np.ndarray:
    """(N, F, 2) px; NaN where there is no marker."""
    positions = np.full((len(tracks), len(frames), 2), np.nan)
    for row, track in zip(positions, tracks, strict=True):
        held = [frame for frame in track.markers if frame in frames]
        if held:
            row[np.array(held) - frames[0]] = pixels_from_co([track.markers[frame] for frame in held], size)
    return positions
