"""What a contender is given to track: numbered PNG frames on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np


@dataclass(frozen=True)
class Footage:
    """An image sequence `0001.png` ... in a folder."""

    folder: Path
    frames: int
    size: tuple[int, int]  # width, height

    def path(self, frame: int) -> Path:
        """The file of a frame; the first is 1."""
        return self.folder / f"{frame:04d}.png"

    def grey(self, frame: int) -> np.ndarray:
        """A frame's luminance, uint8 (height, width)."""
        picture = cv2.imread(str(self.path(frame)), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise FileNotFoundError(f"no picture in {self.path(frame)}")
        return picture


def write_sequence(pictures: Iterable[np.ndarray], folder: Path) -> Footage:
    """Write grey pictures (height, width) uint8 as a sequence."""
    folder.mkdir(parents=True, exist_ok=True)
    count, size = 0, (0, 0)
    for count, picture in enumerate(pictures, start=1):
        size = picture.shape[1::-1]
        cv2.imwrite(str(folder / f"{count:04d}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return Footage(folder, count, size)
