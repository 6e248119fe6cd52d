"""Mattes of a rendered plate's moving objects, white on what moves, cast from the scene."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from benchmarks.plates import rendered, truth
from benchmarks.plates.rendered import PlateSpec


def sequence(spec: PlateSpec, root: Path = rendered.CACHE) -> Path:
    """The first file of a sequence of mattes; frames that are not in the cache yet are cast now."""
    folder = root / f"mattes-{spec.key}"
    missing = [frame for frame in range(1, spec.frames + 1) if not _file(folder, frame).exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        rendered.open_scene(spec)
        caster = truth.Caster(spec)
        for frame in missing:
            unfinished = folder / "unfinished.png"
            cv2.imwrite(str(unfinished), 255 * caster.matte(frame).astype(np.uint8))
            unfinished.replace(_file(folder, frame))
    return _file(folder, 1)


def _file(folder: Path, frame: int) -> Path:
    return folder / f"{frame:04d}.png"
