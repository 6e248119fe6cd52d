"""The mission, measured: `cinetrack track CLIP -o DIR`, open the .blend, solve. Nothing is known and nothing is set.

    python -m benchmarks.first_try --plates report     against the true camera
    python -m benchmarks.first_try shot.mp4 ...        real clips

The same .blend is then solved with the settings of a new clip: Blender's default lens, keyframes 1 and 30, all weights
1. Prints Markdown; keeps JSON in `benchmarks/results`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import blender, report
from benchmarks.plates import catalogue, truth
from benchmarks.plates.catalogue import Entry
from benchmarks.report import Table
from benchmarks.score import trajectory_error
from cinematic.tracking.blend_file import open_blend

COLUMNS = {
    "tracks": "tracks", "shot": "frames", "command": "command s", "solve1": "first solve: px", "frames": "frames",
    "seconds": "s", "ate": "ate", "focal_off": "focal off", "bare_solve1": "a new clip's settings: px",
    "bare_frames": "frames", "bare_seconds": "s", "bare_ate": "ate",
}  # fmt: skip
DEFAULT_LENS = 24.0, 35.0  # mm, of a sensor so wide: a new clip's
DEFAULT_KEYFRAMES = 1, 30


@dataclass(frozen=True)
class Try:
    """One solve in the open .blend."""

    error: float
    frames: np.ndarray
    centres: np.ndarray
    focal: float
    seconds: float


def on(path: Path, name: str, entry: Entry | None) -> dict[str, Any]:
    """A table's row of one clip; with a plate's truth, if there is one."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        command = [sys.executable, "-m", "cinematic.tracking", "track", str(path), "-o", folder]
        subprocess.run(command, check=True, capture_output=True)
        spent = time.perf_counter() - begun
        (blend,) = Path(folder).glob("*.blend")
        clip = open_blend(blend)
        row = {"name": name, "tracks": len(clip.tracking.tracks), "shot": str(clip.frame_duration)}
        delivered = _solved(clip)
        _bare(clip)
        bare = _solved(clip)
    exact = truth.cast(entry.spec, np.empty((0, 2)), np.empty(0, int)) if entry is not None else None
    row["command"] = f"{spent:.1f}"
    for prefix, found in (("", delivered), ("bare_", bare)):
        row |= {
            f"{prefix}solve1": found.error,
            f"{prefix}frames": str(len(found.frames)),
            f"{prefix}seconds": f"{found.seconds:.1f}",
        }
        if exact is not None and len(found.frames) >= 3:
            row[f"{prefix}ate"] = trajectory_error(found.centres, exact.camera_centres()[found.frames - 1])
            row[f"{prefix}focal_off"] = abs(found.focal / exact.lens.focal - 1)
    return row


def _bare(clip: Any) -> None:
    """As a new clip has it."""
    camera, settings = clip.tracking.camera, clip.tracking.settings
    camera.focal_length, camera.sensor_width = DEFAULT_LENS
    camera.k1 = camera.k2 = camera.k3 = 0.0
    settings.use_keyframe_selection = False
    clip.tracking.objects[0].keyframe_a, clip.tracking.objects[0].keyframe_b = DEFAULT_KEYFRAMES
    for track in clip.tracking.tracks:
        track.weight = 1.0


def _solved(clip: Any) -> Try:
    import bpy

    begun = time.perf_counter()
    nothing = np.empty(0, int), np.empty((0, 3))
    with blender.clip_editor(clip), blender.quiet():
        try:
            bpy.ops.clip.solve_camera()
        except RuntimeError:
            return Try(float("inf"), *nothing, float("nan"), time.perf_counter() - begun)
    spent = time.perf_counter() - begun
    found = clip.tracking.reconstruction
    if not found.is_valid:
        return Try(float("inf"), *nothing, float("nan"), spent)
    frames = np.array([camera.frame for camera in found.cameras])
    centres = np.array([np.array(camera.matrix)[:3, 3] for camera in found.cameras])
    return Try(found.average_error, frames, centres, clip.tracking.camera.focal_length_pixels, spent)


def _sources(arguments: argparse.Namespace) -> Iterator[tuple[Path, str, Entry | None]]:
    if arguments.plates:
        for entry in catalogue.entries(arguments.plates, catalogue.names(arguments.layouts)):
            yield entry.footage.path(1), entry.name, entry
    for path in arguments.clips:
        yield path, path.stem, None


def main() -> None:
    """Print the table, and keep it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--plates", choices=catalogue.SETS)
    parser.add_argument("--layouts", default="", help='of --plates those named so, e.g. "street|aerial"')
    arguments = parser.parse_args()
    table = Table("first-try", "Blender's first solve of the .blend that the command writes", COLUMNS)
    for path, name, entry in _sources(arguments):
        table.rows.append(on(path, name, entry))
        print(table.rows[-1], flush=True)
    print(table.markdown())
    print(report.headline())
    report.save([table], f"first-try-{arguments.plates or 'clips'}")


if __name__ == "__main__":
    main()
