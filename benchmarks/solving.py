"""Camera solves with the tracks of a benchmark: Blender's, and this package's.

Blender's runs in a process of its own: one that hangs or crashes costs one row of a table.

python -m benchmarks.solving JOB_FOLDER          used by `solve_apart`, not by hand
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import blender
from benchmarks.blender import Solve
from benchmarks.footage import Footage
from benchmarks.score import trajectory_error
from cinematic.tracking import Clip, TrackingError, solve_camera
from cinematic.tracking.judge import ShotMotion
from cinematic.tracking.solve import solve_positions

ROOT = Path(__file__).resolve().parents[1]
LOST = 1.0  # px; of a solve that has gone wrong
ENOUGH = 2  # pairs of frames from which it was not lost: the better one counts


def solve_apart(
    footage: Footage, tracks: np.ndarray, focal: float | None, limit: float, radial: bool = False,
    keyframes: Sequence[tuple[int, int]] = (), weights: np.ndarray | None = None, k1: float = 0.0,
) -> Solve:  # fmt: skip
    """Blender's first solve with `tracks` (N, F, 2) px; none when it takes longer than `limit` seconds.

    `focal`, `radial` and `k1` as in `blender.solve`; `weights` (N,) of the tracks, 0 to 1, all 1 if none.
    `keyframes`: pairs to begin from; the better one of the first two from which Blender is not lost (1 px), as this
    package does before it names a pair in a short shot's .blend.
    """
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder)
        np.save(job / "tracks.npy", tracks)
        np.save(job / "weights.npy", np.ones(len(tracks)) if weights is None else weights)
        content = dataclasses.asdict(footage) | {
            "folder": str(footage.folder),
            "focal": focal,
            "radial": radial,
            "k1": k1,
            "keyframes": list(keyframes),
        }
        (job / "job.json").write_text(json.dumps(content))
        command = [sys.executable, "-m", "benchmarks.solving", str(job)]
        try:
            subprocess.run(command, cwd=ROOT, timeout=limit, check=True, capture_output=True, text=True)
        except subprocess.TimeoutExpired:
            return _none(f"no solve within {limit:g} s")
        except subprocess.CalledProcessError as error:
            last = error.stderr.strip().splitlines()[-1:]
            return _none(f"Blender ended with exit code {error.returncode} {' '.join(last)}")
        with np.load(job / "solve.npz") as found:
            told = {name: float(found[name]) for name in ("error", "seconds", "focal", "cpu_seconds")}
            return Solve(frames=found["frames"], centres=found["centres"], message=str(found["message"]), **told)


def solve_here(tracks: np.ndarray, size: tuple[int, int], focal: float | None) -> Solve:
    """This package's solve with `tracks` (N, F, 2) px; `focal` px held, or None: found with the rest."""
    begun = time.perf_counter()
    try:
        found = solve_positions(tracks, size, focal)
    except TrackingError as error:
        return _none(str(error))
    frames = np.flatnonzero(found.cameras.solved)
    return Solve(
        found.average_error, frames + 1, found.cameras.positions[frames],
        seconds=time.perf_counter() - begun, focal=float(found.cameras.focal[frames[0]]),
    )  # fmt: skip


def figures_of_a_solve(
    clip: Clip, judged: Sequence[ShotMotion], centres: np.ndarray, focal: np.ndarray
) -> dict[str, float | str]:
    """A table's columns ``solve``, ``frames``, ``ate`` and ``focal_off``, of a judged clip's camera.

    The exact camera stands at `centres` (F, 3) and has focal lengths `focal` (F,) px. Without a solve there are no
    figures, and ``frames`` says why.
    """
    try:
        solve = solve_camera(clip, judged=judged)
    except TrackingError as error:
        return {"frames": str(error)}
    solved = solve.cameras.solved
    return {
        "solve": solve.average_error, "frames": str(solved.sum()),
        "ate": trajectory_error(solve.cameras.positions[solved], centres[solved]),
        "focal_off": float(np.abs(solve.cameras.focal[solved] / focal[solved] - 1).max()),
    }  # fmt: skip


def _none(message: str) -> Solve:
    return Solve(float("inf"), np.empty(0, int), np.empty((0, 3)), message)


def main() -> None:
    """Do the job that lies in the folder."""
    job = Path(sys.argv[1])
    content = json.loads((job / "job.json").read_text())
    footage = Footage(Path(content["folder"]), content["frames"], tuple(content["size"]))
    clip = blender.load_clip(footage)
    blender.set_markers(clip, np.load(job / "tracks.npy"))
    blender.set_weights(clip, np.load(job / "weights.npy"))
    found = []
    for pair in content["keyframes"] or [None]:
        found.append(blender.solve(clip, content["focal"], content["radial"], pair, content["k1"]))
        if sum(solve.error <= LOST for solve in found) == ENOUGH:
            break
    np.savez(job / "solve.npz", **dataclasses.asdict(min(found, key=lambda solve: solve.error)))


if __name__ == "__main__":
    main()
