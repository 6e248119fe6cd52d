"""How well whole shots are covered: auto_track against detecting once, and against detecting again every few frames.

    python -m benchmarks.coverage shot.mp4 other.mp4 ...   tracks per frame, share of textured cells, life, time
    python -m benchmarks.coverage --plates long            the same on rendered plates, and the tracks against truth
    python -m benchmarks.coverage --memory 2000            memory on a drawn shot of so many frames

Tracks of at least five markers count, and cells are those of a grid for 150 tracks. A cell has texture when a pattern
in it passes the preset's floor. Prints Markdown; keeps JSON in `benchmarks/results`.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from benchmarks import delivered, report
from benchmarks.plates import catalogue, mattes
from benchmarks.report import Table
from benchmarks.whole_shots import TRACKS, Delivery, deliveries, positions_of
from cinematic.tracking import Clip, Progress, auto_track, get_detection_params
from cinematic.tracking.coords import FrameNumbers
from cinematic.tracking.engine import detect
from cinematic.tracking.footage import Footage
from cinematic.tracking.footage.luminance import Image
from cinematic.tracking.grid import Grid

SAMPLED = 10  # every so many frames the share of covered cells is taken

COLUMNS = {
    "tracks": "tracks",
    "least": "tracks a frame, min",
    "middle": "median",
    "thin": "frames < 50",
    "covered_least": "cells covered, min",
    "covered": "median",
    "life": "median life, frames",
    "seconds": "seconds",
    "cpu": "CPU s",
}


def covered(name: str, footage: Footage, found: Iterable[Delivery]) -> Table:
    """One clip, what the contenders deliver of it."""
    numbers = footage.numbers
    grid = Grid.of(footage.size, TRACKS)
    textured = _textured_cells(footage, grid)
    title = f"{name}, {footage.size[0]}x{footage.size[1]}, {numbers.duration} frames, grid of {grid.count} cells"
    table = Table(f"coverage-{name.replace('/', '-')}", title, COLUMNS)
    frames = range(numbers.first, numbers.last + 1)
    for delivery in found:
        positions = positions_of(delivery.tracks, footage.size, frames)
        held = np.isfinite(positions[..., 0])
        counts = held.sum(axis=0)
        shares = []
        for frame, cells in textured.items():
            places = positions[held[:, frame - numbers.first], frame - numbers.first]
            shares.append(float(((grid.counted(places) > 0) & cells).sum() / max(1, cells.sum())))
        table.rows.append(
            {
                "name": delivery.name,
                "tracks": len(delivery.tracks),
                "least": str(counts.min()),
                "middle": f"{np.median(counts):.0f}",
                "thin": str((counts < 50).sum()),
                "covered_least": f"{min(shares):.0%}",
                "covered": f"{np.median(shares):.0%}",
                "life": f"{np.median(held.sum(axis=1)):.0f}" if len(held) else "0",
                "seconds": f"{delivery.seconds:.1f}",
                "cpu": f"{delivery.cpu_seconds:.1f}",
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
        super().__init__()
        self.path = Path(__file__)
        self.size = (640, 360)
        self.fps = None
        self.numbers = FrameNumbers(1, count)
        noise = np.random.default_rng(3).standard_normal((2048, 2048)).astype(np.float32)
        drawing = cv2.GaussianBlur(noise, (0, 0), 2.0) / 0.14 + cv2.GaussianBlur(noise[::-1], (0, 0), 6.0) / 0.05
        self._drawing = 0.1 + 0.8 * (drawing - drawing.min()) / (drawing.max() - drawing.min())

    def _decode(self, numbers: range) -> Iterator[tuple[int, Image]]:
        for frame in numbers:
            angle = frame / 90
            x, y = 700 + 600 * np.cos(angle), 800 + 650 * np.sin(1.3 * angle)
            yield frame, Image(cv2.getRectSubPix(self._drawing, self.size, (x + 320, y + 180)))


def main() -> None:
    """Print the tables, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--plates", choices=catalogue.SETS, help="rendered plates, with their truth")
    parser.add_argument("--layouts", default="", help='of --plates those named so, e.g. "street|aerial"')
    parser.add_argument("--only", default="", help="contenders whose name matches this regular expression")
    parser.add_argument("--memory", type=int, metavar="FRAMES")
    arguments = parser.parse_args()
    tables = []
    for path in arguments.clips:
        tables.append(covered(path.stem, Clip.open(path).footage, deliveries(path, arguments.only)))
        print(tables[-1].markdown(), flush=True)
    if arguments.plates:
        for entry in catalogue.entries(arguments.plates, catalogue.names(arguments.layouts)):
            for table in on_plate(entry, arguments.only):
                tables.append(table)
                print(table.markdown(), flush=True)
    if arguments.memory:
        tables.append(memory(arguments.memory))
        print(tables[-1].markdown())
    if tables:
        report.save(tables, "coverage" if not arguments.plates else f"coverage-{arguments.plates}")


def on_plate(entry: catalogue.Entry, only: str) -> list[Table]:
    """A plate with truth: how it is covered, and what the tracks are worth."""
    found = list(deliveries(entry.footage.path(1), only, mattes.sequence(entry.spec)))
    footage = Clip.open(entry.footage.path(1)).footage
    return [covered(entry.name, footage, found), delivered.table(entry, found)]


def _textured_cells(footage: Footage, grid: Grid) -> dict[int, np.ndarray]:
    floor = get_detection_params("balanced")["gradient_floor"]
    cells = {}
    for frame, image in footage.frames():
        if (frame - footage.numbers.first) % SAMPLED == 0:
            features = detect(image, threshold=floor, margin=11, min_distance=12, max_bluntness=np.inf)
            cells[frame] = grid.counted(features.positions) > 0
    return cells


def _resident() -> int:
    """MB that the process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


if __name__ == "__main__":
    main()
