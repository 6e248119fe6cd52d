"""The two frames that a solve should begin from, for solvers that begin from two.

They must see many of the same points, and see them from places far enough apart. How far apart shows without any
camera: as what the best homography leaves unexplained, since it explains a camera that only turned, or a single plane.
Where half of the points lie on one wall it explains those; so it is asked of the quarter that it explains worst.
Source: Pollefeys et al. 2004, "Visual modeling with a hand-held camera", section 4.1 (image-based distance; the median
there).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..coords import Size
from ..epipolar import transfer_distances

FloatArray = npt.NDArray[np.float64]

_CANDIDATES = 24  # frames, evenly over the shot
_LEAST_COMMON = 16  # tracks
_MANY = 50.0  # tracks in common that count half of what any number would
_FAR = 0.01  # of the picture's longer side; the parallax that counts half of what any amount would
_LEAST_PARALLAX = 0.002  # of the longer side; with less there is nothing to begin from
_INLIER_PX = 3.0  # of the homography
_WORST_EXPLAINED = 0.75  # quantile of the points' distances; wrong tracks are hoped to be fewer than the rest


def solve_keyframes(positions: FloatArray, size: Size) -> tuple[int, int] | None:
    """Indices of the two frames, the earlier one first; None: no two show enough parallax.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px; NaN where there is no marker.
    """
    seen = np.isfinite(positions[..., 0])
    frames = np.unique(np.linspace(0, seen.shape[1] - 1, _CANDIDATES).round().astype(int)) if seen.size else []
    best, most = None, 0.0
    for number, first in enumerate(frames):
        for second in frames[number + 1 :]:
            common = np.flatnonzero(seen[:, first] & seen[:, second])
            if len(common) < _LEAST_COMMON:
                continue
            parallax = _unexplained(positions[common, first], positions[common, second]) / max(size)
            score = len(common) / (len(common) + _MANY) * parallax / (parallax + _FAR)
            if parallax > _LEAST_PARALLAX and score > most:
                best, most = (int(first), int(second)), score
    return best


def _unexplained(first: FloatArray, second: FloatArray) -> float:
    """What of the motion of n points (n, 2) px the homography of most of them does not explain, px."""
    import cv2  # a tenth of a second that most uses of this package do not need

    homography, _ = cv2.findHomography(first, second, cv2.USAC_DEFAULT, _INLIER_PX, maxIters=500)
    if homography is None:
        return 0.0
    distances = transfer_distances(np.asarray(homography, dtype=np.float64), first, second)
    return float(np.quantile(distances, _WORST_EXPLAINED))
