"""Blender's camera solve in a process of its own: one that hangs or crashes costs one row of a table.

python -m benchmarks.solving JOB_FOLDER          used by `solve_apart`, not by hand
"""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks import blender
from benchmarks.blender import Solve
from benchmarks.footage import Footage

ROOT = Path(__file__).resolve().parents[1]


def solve_apart(footage: Footage, tracks: np.ndarray, focal: float, limit: float) -> Solve:
    """Blender's first solve with `tracks` (N, F, 2) px; none when it takes longer than `limit` seconds."""
    with tempfile.TemporaryDirectory() as folder:
        job = Path(folder)
        np.save(job / "tracks.npy", tracks)
        content = dataclasses.asdict(footage) | {"folder": str(footage.folder), "focal": focal}
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
            return Solve(float(found["error"]), found["frames"], found["centres"], str(found["message"]))


def _none(message: str) -> Solve:
    return Solve(float("inf"), np.empty(0, int), np.empty((0, 3)), message)


def main() -> None:
    """Do the job that lies in the folder."""
    job = Path(sys.argv[1])
    content = json.loads((job / "job.json").read_text())
    footage = Footage(Path(content["folder"]), content["frames"], tuple(content["size"]))
    clip = blender.load_clip(footage)
    blender.set_markers(clip, np.load(job / "tracks.npy"))
    np.savez(job / "solve.npz", **dataclasses.asdict(blender.solve(clip, content["focal"])))


if __name__ == "__main__":
    main()
