"""What writing and reading a million markers costs in every exchange format.

python -m benchmarks.exchange
"""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from cinematic.tracking import ClipInfo, TrackData, formats

TRACKS, FRAMES = 5000, 200
SIZE = (1920, 1080)


def random_tracks() -> list[TrackData]:
    """Tracks with a marker on every frame, anywhere in the picture."""
    places = np.random.default_rng(0).uniform(0.1, 0.9, (TRACKS, FRAMES, 2)).tolist()
    return [
        TrackData(f"Track{row:05d}", {frame: (x, y) for frame, (x, y) in enumerate(track, start=1)})
        for row, track in enumerate(places)
    ]


def main() -> None:
    """Print seconds to write and to read, and the process's peak memory so far."""
    tracks, clip = random_tracks(), ClipInfo("shot.mp4", *SIZE, 24.0, 1, FRAMES)
    print(f"{TRACKS * FRAMES:,} markers; s to write, s to read, peak memory so far")
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in formats.FORMATS.items():
            path = Path(folder, name + kind.export_suffix)
            begin = time.perf_counter()
            formats.write(tracks, path, name, clip=clip)
            written = time.perf_counter()
            shot = formats.read(path, name, size=SIZE)
            end = time.perf_counter()
            count = sum(len(track.markers) for track in shot.tracks)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            print(f"{name:12} {written - begin:5.1f} {end - written:5.1f} {peak:6.2f} GB   {count:,} markers read")


if __name__ == "__main__":
    main()
