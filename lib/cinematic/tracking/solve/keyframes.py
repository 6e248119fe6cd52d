"""Which two frames a solve should begin from, for solvers that begin from two.

They must see many of the same points, and see them from places far enough apart. How far apart shows without any
camera: as what the best homography leaves unexplained, since it explains a camera that only turned, or a single plane.
Where half of the points lie on one wall it explains those; so it is asked of the quarter that it explains worst.
Source: Pollefeys et al. 2004, "Visual modeling with a hand-held camera", section 4.1 (image-based distance; the median
there).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..coords import Size
from ..epipolar import plane_distances
from ..presets import larger_than_usual

FloatArray = npt.NDArray[np.float64]

_CANDIDATES = 24  # frames, evenly over the shot
_LEAST_COMMON = 16  # tracks
_MANY = 50.0  # tracks in common that count half of what any number would
_FAR = 0.01  # of the picture's longer side; the parallax that counts half of what any amount would
_LEAST_PARALLAX = 0.002  # of the longer side; with less there is nothing to begin from
_INLIER_PX = 3.0  # of the homography, on plates up to 1920 px wide
_PAIRS = 8  # of a long shot through a wide lens Blender is lost from six in ten
_ANOTHER_PLACE = 0.1  # of the shot, from pair to pair
_WORST_EXPLAINED = 0.75  # quantile of the points' distances; wrong tracks are hoped to be fewer than the rest


def solve_keyframes(positions: FloatArray, size: Size) -> list[tuple[int, int]]:
    """Indices of two frames, the earlier one first: up to eight such pairs, each in another place of the shot.

    The best pair comes first. A solver that is not robust may be led astray even from that one, and then not from the
    next. None: no two frames show enough parallax.

    Parameters
    ----------
    positions : (n, f, 2)
        Tracks over consecutive frames, px; NaN where there is no marker.
    """
    inlier_px = _INLIER_PX * larger_than_usual(size[0])
    seen = np.isfinite(positions[..., 0])
    frames = np.unique(np.linspace(0, seen.shape[1] - 1, _CANDIDATES).round().astype(int)) if seen.size else []
    scores: dict[tuple[int, int], float] = {}
    for number, first in enumerate(frames):
        for second in frames[number + 1 :]:
            common = np.flatnonzero(seen[:, first] & seen[:, second])
            if len(common) < _LEAST_COMMON:
                continue
            parallax = _unexplained(positions[common, first], positions[common, second], inlier_px) / max(size)
            if parallax > _LEAST_PARALLAX:
                score = len(common) / (len(common) + _MANY) * parallax / (parallax + _FAR)
                scores[int(first), int(second)] = score
    return _apart(sorted(scores, key=lambda pair: (-scores[pair], pair)), seen.shape[1] * _ANOTHER_PLACE)


def _apart(pairs: Sequence[tuple[int, int]], frames: float) -> list[tuple[int, int]]:
    """The first ones of which each is so many frames from those before it, at both ends together."""
    chosen: list[tuple[int, int]] = []
    for pair in pairs:
        if all(abs(pair[0] - other[0]) + abs(pair[1] - other[1]) >= frames for other in chosen):
            chosen.append(pair)
        if len(chosen) == _PAIRS:
            break
    return chosen


def _unexplained(first: FloatArray, second: FloatArray, inlier_px: float) -> float:
    """What of the motion of n points (n, 2) px the homography of most of them does not explain, px."""
    distances = plane_distances(first, second, inlier_px)
    return 0.0 if distances is None else float(np.quantile(distances, _WORST_EXPLAINED))
