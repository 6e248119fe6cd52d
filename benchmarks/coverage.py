"""How well whole shots are covered: auto_track against detecting once, and against detecting again every few frames.

    python -m benchmarks.coverage shot.mp4 other.mp4 ...   tracks per frame, share of textured cells, life, time
    python -m benchmarks.coverage --memory 2000            memory on a drawn shot of so many frames

All contenders use the preset `balanced`, tracks of at least five markers count, and cells are those of a grid for 150
tracks. A cell has texture when a pattern in it passes the preset's floor.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.blender import quiet
from benchmarks.report import Table
from cinematic.tracking import (
    BLENDER_AVAILABLE,
    Clip,
    Progress,
    auto_track,
    clean_low_quality_tracks,
    detect_features,
    ensure_clip_loaded,
    get_detection_params,
    track_markers,
)
from cinematic.tracking.coords import FrameNumbers, pixels_from_co
from cinematic.tracking.coverage import Grid
from cinematic.tracking.engine import detect
from cinematic.tracking.footage import Footage
from cinematic.tracking.store import store_of

TRACKS = 150
SAMPLED = 10  # every so many frames the share of covered cells is taken
AGAIN = 10  # frames from one detection to the next

COLUMNS = {
    "tracks": "tracks",
    "least": "tracks a frame, min",
    "middle": "median",
    "thin": "frames < 50",
    "covered_least": "cells covered, min",
    "covered": "median",
    "life": "median life, frames",
    "seconds": "seconds",
}


def contenders() -> dict[str, Callable[[Path], Any]]:
    """What is compared: each opens a clip, tracks it, and returns it."""
    field = {"auto_track": _auto, "klt, detected once": lambda path: _once(Clip.open(path), "klt")}
    if BLENDER_AVAILABLE:
        field["libmv, detected once"] = lambda path: _once(_loaded(path), "libmv")
        field[f"libmv, detected every {AGAIN}"] = _again
    return field


def covered(path: Path, only: str = "") -> Table:
    """One clip, all contenders, or those whose name matches."""
    footage = Clip.open(path).footage
    numbers = footage.numbers
    grid = Grid.of(footage.size, TRACKS)
    textured = _textured_cells(footage, grid)
    title = f"{path.name}, {footage.size[0]}x{footage.size[1]}, {numbers.duration} frames, grid of {grid.count} cells"
    table = Table(f"coverage-{path.stem}", title, COLUMNS)
    for name, run in contenders().items():
        if not re.search(only, name):
            continue
        begun = time.perf_counter()
        clip = run(path)
        seconds = time.perf_counter() - begun
        tracks = [track for track in store_of(clip).read() if len(track.markers) >= 5]
        frames = range(numbers.first, numbers.last + 1)
        counts = np.array([sum(frame in track.markers for track in tracks) for frame in frames])
        shares = []
        for frame, cells in textured.items():
            places = [track.markers[frame] for track in tracks if frame in track.markers]
            held = grid.counted(pixels_from_co(places, footage.size)) > 0 if places else np.zeros(grid.count, bool)
            shares.append(float((held & cells).sum() / max(1, cells.sum())))
        table.rows.append(
            {
                "name": name,
                "tracks": str(len(tracks)),
                "least": str(counts.min()),
                "middle": f"{np.median(counts):.0f}",
                "thin": str((counts < 50).sum()),
                "covered_least": f"{min(shares):.0%}",
                "covered": f"{np.median(shares):.0%}",
                "life": f"{np.median([len(track.markers) for track in tracks]):.0f}" if tracks else "0",
                "seconds": f"{seconds:.1f}",
            }
        )
    return table


def memory(frames: int) -> Table:
    """What the process holds while a long shot is tracked, and how much of it is markers."""
    table = Table("coverage-memory", f"Drawn shot, 640x360, {frames} frames", {"resident": "MB", "live": "tracks"})

    def note(progress: Progress) -> None:
        if progress.done % (frames // 4) == 0 or progress.done == 50:
            row = {"name": f"{progress.stage}, frame {progress.frame}", "resident": _resident(), "live": progress.live}
            table.rows.append(row)

    clip = Clip(DrawnFootage(frames))
    coverage = auto_track(clip, on_progress=note)
    table.rows.append({"name": "tracks made", "resident": _resident(), "live": coverage.tracks})
    markers = sum(len(track.markers) for track in clip.tracks)
    table.notes.append(f"{markers} markers delivered.")
    return table


class DrawnFootage(Footage):
    """A camera that wanders over a large drawing, frame by frame out of a formula: no file, no memory."""

    def __init__(self, count: int) -> None:
        self.path = Path(__file__)
        self.size = (640, 360)
        self.fps = None
        self.numbers = FrameNumbers(1, count)
        noise = np.random.default_rng(3).standard_normal((2048, 2048)).astype(np.float32)
        drawing = cv2.GaussianBlur(noise, (0, 0), 2.0) / 0.14 + cv2.GaussianBlur(noise[::-1], (0, 0), 6.0) / 0.05
        self._drawing = 0.1 + 0.8 * (drawing - drawing.min()) / (drawing.max() - drawing.min())

    def _decode(self, first: int, last: int) -> Any:
        for frame in range(first, last + 1):
            angle = frame / 90
            x, y = 700 + 600 * np.cos(angle), 800 + 650 * np.sin(1.3 * angle)
            yield frame, cv2.getRectSubPix(self._drawing, self.size, (x + 320, y + 180))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--only", default="", help="contenders whose name matches this regular expression")
    parser.add_argument("--memory", type=int, metavar="FRAMES")
    arguments = parser.parse_args()
    for path in arguments.clips:
        with quiet():
            table = covered(path, arguments.only)
        print(table.markdown(), flush=True)
    if arguments.memory:
        print(memory(arguments.memory).markdown())


def _auto(path: Path) -> Clip:
    clip = Clip.open(path)
    auto_track(clip, tracks_per_frame=TRACKS)
    return clip


def _once(clip: Any, engine: str) -> Any:
    _detected(clip, engine)
    track_markers(clip, engine=engine)
    clean_low_quality_tracks(clip)
    return clip


def _again(path: Path) -> Any:
    clip = _loaded(path)
    numbers = store_of(clip).numbers
    for frame in range(numbers.first, numbers.last, AGAIN):
        _detected(clip, "libmv", frame)
    track_markers(clip, engine="libmv")
    clean_low_quality_tracks(clip)
    return clip


def _detected(clip: Any, engine: str, frame: int | None = None) -> None:
    """As many features as auto_track holds: the distance between them is halved until there are, or it is least."""
    before = {track.name for track in store_of(clip).read()}
    distance = get_detection_params("balanced")["min_distance"] * store_of(clip).size[0] // 1920
    for _ in range(3):
        if detect_features(clip, min_distance=distance, engine=engine, frame=frame) >= TRACKS or distance <= 8:
            return
        distance //= 2
        _remove(clip, {track.name for track in store_of(clip).read()} - before)
    detect_features(clip, min_distance=distance, engine=engine, frame=frame)


def _remove(clip: Any, names: set[str]) -> None:
    if isinstance(clip, Clip):
        clip.tracks.remove(names)
        return
    from cinematic.tracking import delete_track

    for name in names:
        delete_track(clip, name)


def _loaded(path: Path) -> Any:
    import bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    return ensure_clip_loaded(path)


def _textured_cells(footage: Footage, grid: Grid) -> dict[int, np.ndarray]:
    floor = get_detection_params("balanced")["gradient_floor"]
    cells = {}
    for frame, image in footage.frames():
        if (frame - footage.numbers.first) % SAMPLED == 0:
            features = detect(image, threshold=floor, margin=11, min_distance=12)
            cells[frame] = grid.counted(features.positions) > 0
    return cells


def _resident() -> int:
    """MB that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main()
