"""The images that footage gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Luminance = npt.NDArray[np.float32]
"""An image, (height, width) float32, display-like: 0 is black, 1 is white."""


@dataclass(frozen=True)
class Image:
    """A frame of footage that is held as what it gives."""

    luminance: Luminance

    @property
    def nbytes(self) -> int:
        """What it takes, bytes."""
        return self.luminance.nbytes
