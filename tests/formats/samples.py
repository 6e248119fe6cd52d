"""What the tests of the formats have in common: every layout of every format, and tracks to write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cinematic.tracking import TrackData
from cinematic.tracking.formats import FORMATS
from cinematic.tracking.formats.base import Format
from cinematic.tracking.types import ClipInfo

SIZE = (1920, 1080)
CLIP = ClipInfo("/plates/shot.1001.exr", *SIZE, 24.0, 1001, 1040)

LAYOUTS = [f"{name}:{variant}" for name, form in FORMATS.items() for variant in form.variants]

COUNTED = [
    layout
    for layout in LAYOUTS
    if layout.startswith(
        ("nuke", "3de4", "mmsolver", "ae:tracker", "colmap:database", "tapvid", "parquet", "cinetrack")
    )
]
"""Layouts that say how much they hold, or where they end: half of one is never taken for a whole one."""

each_layout = pytest.mark.parametrize("layout", LAYOUTS)


def form_of(layout: str) -> Format:
    return FORMATS[layout.partition(":")[0]]


def path_for(folder: Path, layout: str) -> Path:
    name, _, variant = layout.partition(":")
    form = FORMATS[name]
    suffix = (form.variants[variant].extensions or form.extensions)[0]
    return folder / f"tracks{suffix}"


def moving_tracks(count: int, frames: int, first: int = 1001) -> list[TrackData]:
    """Tracks that drift over the plate, each on all frames."""
    rng = np.random.default_rng(7)
    starts, speeds = rng.uniform(0, 1, (count, 2)), rng.uniform(-0.001, 0.001, (count, 2))
    steps = np.arange(frames)[:, None]
    return [
        TrackData(f"t{number}", dict(enumerate(map(tuple, (start + steps * speed).tolist()), start=first)))
        for number, (start, speed) in enumerate(zip(starts, speeds, strict=True))
    ]
