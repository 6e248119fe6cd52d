"""Which part of the picture something is in: a grid of cells over it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .coords import Extent

FrameCells = npt.NDArray[np.int64]
"""(n, 2) Frame and cell of each marker of a track."""


@dataclass(frozen=True)
class Grid:
    """Cells of about equal sides that cover a frame."""

    size: Extent
    columns: int
    rows: int

    @classmethod
    def of(cls, size: Extent, cells: int) -> Grid:
        """A grid of about ``cells`` cells."""
        width, height = size
        side = (width * height / max(1, cells)) ** 0.5
        return cls(size, max(1, round(width / side)), max(1, round(height / side)))

    @property
    def count(self) -> int:
        """How many cells there are."""
        return self.columns * self.rows

    def cells(self, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """(n,) The cell of each position (n, 2), px."""
        width, height = self.size
        column = np.clip((positions[:, 0] + 0.5) * self.columns / width, 0, self.columns - 1).astype(np.int64)
        row = np.clip((positions[:, 1] + 0.5) * self.rows / height, 0, self.rows - 1).astype(np.int64)
        return row * self.columns + column

    def places(self, frames: npt.ArrayLike, positions: npt.NDArray[np.float64]) -> FrameCells:
        """The cells that one track holds, from its ``frames`` (n,) and its positions on them (n, 2), px."""
        return np.column_stack([np.asarray(frames, np.int64), self.cells(positions)])

    def held(self, positions: npt.NDArray[np.float64]) -> int:
        """How many cells the positions (n, 2), px, lie in; rows of NaN lie in none."""
        return len(np.unique(self.cells(positions[np.isfinite(positions[:, 0])])))

    def counted(self, positions: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
        """(cells,) How many positions lie in each cell."""
        return np.bincount(self.cells(positions), minlength=self.count)


def coarse_grid(size: Extent) -> Grid:
    """The grid by which is told how much of a picture tracks cover: 8 cells across, 6 down."""
    return Grid(size, 8, 6)


def some_of(frames: int) -> npt.NDArray[np.int64]:
    """Up to a dozen of so many frames, the first and the last among them: enough to tell what covers a picture."""
    return np.unique(np.linspace(0, frames - 1, 12).round().astype(np.int64)) if frames else np.zeros(0, np.int64)
