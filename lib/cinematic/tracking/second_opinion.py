"""What is known of tracks from others who have followed the same features: how far apart they are.

A window that shows one surface leads along the same path whatever its size. One that shows two of them, slides along
an edge, or has taken up something else leads elsewhere when its size changes. So where a marker is far from where a
larger and a smaller window around the same reference marker have the feature (:mod:`.other_windows`), somebody is
wrong, whoever tracked it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .types import TrackData

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Apart:
    """How far the markers of n tracks over f frames are from where the others have the features, on average.

    NaN where none of the others has followed that far, and for markers that there are not.
    """

    offset: FloatArray  # (n, f, 2) px
    distance: FloatArray  # (n, f) px


SecondOpinion = Callable[[Sequence[TrackData], npt.NDArray[np.int64], int, int], Apart]
"""Asked of tracks with reference markers in frames (n,), over so many frames from a first one on; plate frames."""


def nobody_asked(count: int, frames: int) -> Apart:
    """Nothing is known of so many tracks over so many frames."""
    return Apart(np.full((count, frames, 2), np.nan), np.full((count, frames), np.nan))
