"""What a frame costs the engine `klt`, and what this machine could do.

    python -m benchmarks.engine_cost [--tracks N] [--rounds N] [--frames N]

CPU time of the process on one thread, the least of many rounds (a shared machine makes wall-clock times of little
worth), then wall-clock time on all cores. Frames are in memory; the tracks are Blender's features on the warped plate.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from benchmarks import blender
from benchmarks.footage import write_sequence
from benchmarks.plates import catalogue, rendered
from benchmarks.plates.warped import WarpedPlate
from cinematic.tracking import engine
from cinematic.tracking.engine import sized_tracker, tracker

STAGES = {"prepare the frame": (tracker, "build_pyramid"), "move the tracks": (sized_tracker, "move_tracks")}


def frame_costs(frames: list[np.ndarray], features: np.ndarray, rounds: int) -> dict[str, float]:
    """Milliseconds a frame: CPU time by stage on one thread, and wall-clock time on all cores."""
    best: dict[str, float] = defaultdict(lambda: np.inf)
    spent: dict[str, float] = defaultdict(float)
    originals = {stage: getattr(room, name) for stage, (room, name) in STAGES.items()}

    def timed(stage: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            begin = time.process_time()
            result = originals[stage](*arguments)
            spent[stage] += time.process_time() - begin
            return result

        return call

    for threads in (1, None):
        for _ in range(rounds):
            running = engine.Tracker(engine.Seeds(0, features), engine.TrackOptions(threads=threads))
            running.step(0, frames[0])
            spent.clear()
            if threads == 1:
                for stage, (room, name) in STAGES.items():
                    setattr(room, name, timed(stage))
            begin, wall = time.process_time(), time.perf_counter()
            for number, frame in enumerate(frames[1:], start=1):
                running.step(number, frame)
            if threads == 1:
                spent["one thread, all of it"] = time.process_time() - begin
            else:
                spent["all cores, wall clock"] = time.perf_counter() - wall
            for stage, (room, name) in STAGES.items():
                setattr(room, name, originals[stage])
            for name, seconds in spent.items():
                best[name] = min(best[name], seconds)
    return {name: 1e3 * seconds / (len(frames) - 1) for name, seconds in best.items()}


@numba.njit(fastmath=True)  # type: ignore[untyped-decorator]
def _sum(array):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for k in range(array.shape[0]):
        total += array[k]
    return total


@numba.njit(fastmath=True)  # type: ignore[untyped-decorator]
def _squares(array, repeats):  # type: ignore[no-untyped-def]
    total = np.float32(0)
    for _ in range(repeats):
        for k in range(array.shape[0]):
            total += array[k] * array[k]
    return total


def machine_limits() -> dict[str, float]:
    """What one core reads (a 1080p frame, and 200 MB), and multiplies and adds from the nearest cache."""

    def least(call: Callable[[], object]) -> float:
        call()
        times = []
        for _ in range(20):
            begin = time.process_time()
            call()
            times.append(time.process_time() - begin)
        return min(times)

    frame, large, small = (np.ones(count, np.float32) for count in (1920 * 1080, 50_000_000, 2048))
    return {
        "reads a frame again, GB/s": frame.nbytes / least(lambda: _sum(frame)) / 1e9,
        "reads memory, GB/s": large.nbytes / least(lambda: _sum(large)) / 1e9,
        "multiplies and adds, GFLOP/s": 2 * 2048 * 20_000 / least(lambda: _squares(small, 20_000)) / 1e9,
    }


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=1100)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--frames", type=int, default=24)
    options = parser.parse_args()
    plate = WarpedPlate()
    footage = write_sequence(plate.pictures(), rendered.CACHE / f"warped-{plate.seed}")
    features = blender.detect(blender.load_clip(footage))
    features = features[catalogue.evenly(features, options.tracks)]
    weight = np.float32(1 / 255)
    frames = [footage.grey(number).astype(np.float32) * weight for number in range(1, options.frames + 1)]
    engine.warm()
    print(f"{len(features)} tracks, {plate.width}x{plate.height}")
    for name, value in (frame_costs(frames, features, options.rounds) | machine_limits()).items():
        print(f"{name:32} {value:8.2f}{'' if '/s' in name else ' ms a frame'}")


if __name__ == "__main__":
    main()
