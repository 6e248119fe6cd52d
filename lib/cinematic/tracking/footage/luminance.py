"""The images that footage gives."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Luminance = npt.NDArray[np.float32]
"""An image, (height, width) float32, display-like: 0 is black, 1 is white."""
