"""Render the sample plate: `examples/sample_plate.mp4` and its exact truth,
`examples/sample_plate_truth.npz`.

    python -m examples.render_sample_plate

A hand-held camera walks through the yard of an old town, past a well, a market stall and crates, while a
cart is pushed across: 48 frames, 640x360, 24 frames a second. Takes some twelve minutes on two cores;
frames that were rendered before are kept in `benchmarks/cache`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import av
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.plates import rendered, truth  # noqa: E402

SPEC = rendered.PlateSpec(layout="courtyard", seed=1, width=640, height=360, frames=48, samples=36, movers=1)
MOVIE = HERE / "sample_plate.mp4"
TRUTH = HERE / "sample_plate_truth.npz"


def encode(plate: rendered.Plate, path: Path, quality: int = 17) -> None:
    """Write the plate as H.264 in yuv420p; `quality` is x264's constant rate factor, lower is better."""
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("libx264", rate=round(plate.spec.fps))
        stream.width, stream.height, stream.pix_fmt = plate.spec.width, plate.spec.height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "slow", "tune": "grain"}
        for picture in plate.pictures():
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        movie.mux(stream.encode())


def main() -> None:
    """Render, encode, cast the truth for a grid of points on frame 1."""
    plate = rendered.render(SPEC)
    encode(plate, MOVIE)
    points = truth.grid(SPEC.width, SPEC.height, step=4)
    found = truth.cast(SPEC, points, np.full(len(points), 1))
    found.save(TRUTH)
    for path in (MOVIE, TRUTH):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
