"""Render the sample plate, `sample_plate.mp4`, and its exact truth, `sample_plate_truth.npz`.

    python -m examples.render_sample_plate

A hand-held camera walks through the yard of an old town, past a well, a market stall and crates, while a
cart is pushed across: 48 frames, 640x360, 24 frames a second. Takes some twelve minutes on two cores;
frames that were rendered before are kept in `benchmarks/cache`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.plates import catalogue, truth  # noqa: E402

SPEC, MOVIE = catalogue.COMMITTED["courtyard"]
TRUTH = HERE / "sample_plate_truth.npz"


def main() -> None:
    """Render and encode, then cast the truth for a grid of points on frame 1."""
    catalogue.encode(SPEC, MOVIE)
    points = truth.grid(SPEC.width, SPEC.height, step=4)
    truth.cast(SPEC, points, np.ones(len(points), int)).save(TRUTH)
    for path in (MOVIE, TRUTH):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
