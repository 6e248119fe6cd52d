"""Compile everything ahead of time."""

from __future__ import annotations

import numpy as np

from .alignment import align
from .detection import detect
from .patterns import empty_patterns, square_grid
from .pyramid import build_pyramid
from .tracker import Tracker
from .types import Seeds, TrackOptions


def warm() -> None:
    """Compile (or load from the cache) every kernel, by tracking a few small drawn frames.

    Compiled kernels are cached on disk beside the package, or in numba's user cache where that is read-only.
    """
    rng = np.random.default_rng(0)
    texture = rng.random((96, 96))
    frames = [(number, texture[number : number + 80, 4 : 4 + 80].astype(np.float32)) for number in range(4)]
    features = detect(frames[0][1], pattern_size=11, max_features=4)
    seeds = Seeds(0, features.positions, motion_models=["AUTO", "Perspective", "Affine", "Loc"][: len(features)])
    for match in ("AUTO", "PREV_FRAME"):
        tracker = Tracker(seeds, TrackOptions(pattern_size=11, pattern_match=match))
        for number, image in frames:
            tracker.step(number, image)
    numbers, places = tracker.living
    tracker.end(numbers)
    tracker.wake(numbers, np.broadcast_to(np.eye(3), (len(numbers), 3, 3)), np.ones(len(places)))
    # Returning to a first reference takes a longer shot than this one.
    grid, first = square_grid(11), np.zeros(1, np.int64)
    patterns = empty_patterns(1, grid)
    align(
        build_pyramid(frames[0][1]), grid, patterns, first, first, np.zeros(1, bool), np.eye(3)[None].copy(),
        patterns.values.copy(),
    )  # fmt: skip
