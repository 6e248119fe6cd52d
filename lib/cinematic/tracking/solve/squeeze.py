"""Whether an anamorphic lens has squeezed the picture, which its file may not say: the tracks do.

Cameras that took the picture for square are adjusted once more, with one focal length across and another one down.
From simulated paths that comes back to the squeeze within half a percent. Of what other lenses leave unexplained (a
bent wide one, a rolling shutter) some goes into the two focal lengths, too, but little: see :data:`LEAST_GAIN`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..coords import Extent
from .cameras import Cameras
from .lens_curve import PINHOLE
from .mapping import adjust
from .triangulation import median_error, reprojection_errors, triangulate

FloatArray = npt.NDArray[np.float64]

SQUEEZES = (1.25, 4 / 3, 1.5, 1.65, 1.8, 2.0)
"""The squeezes of anamorphic lenses: the width of a pixel over its height."""

LEAST_GAIN = 1.25
"""What knowing the squeeze must bring the median error down by. Simulated squeezes brought it down by 1.7 to 5;
eighteen sets of tracks of square plates by up to 1.17, and three clips, two of them of bent wide lenses, by 1.14."""

_NEAR = 0.04  # of a squeeze
_MOST_ROUNDS, _ITERATIONS = 6, 40
_SETTLED = 0.002  # change of the pixel aspect from round to round
_FAR_OFF_PX = 50.0  # a marker that says nothing


def likely_squeeze(cameras: Cameras, points: FloatArray, positions: FloatArray, size: Extent) -> float | None:
    """The squeeze that explains tracks clearly better; None: none does.

    Parameters
    ----------
    cameras : Cameras
        Of f frames; found with square pixels.
    points : (n, 3)
    positions : (n, f, 2)
        px; NaN where there is no marker.
    """
    before = median_error(reprojection_errors(cameras, points, positions))
    straight = cameras.through(PINHOLE)
    freed = replace(straight, focal=np.where(cameras.solved, np.nanmedian(cameras.focal), np.nan))
    for _ in range(_MOST_ROUNDS):
        aspect = freed.pixel_aspect
        errors = reprojection_errors(freed, points, positions)
        said = np.where((errors < _FAR_OFF_PX)[..., None], positions, np.nan)
        freed, _ = adjust(
            freed, points, said, size, refine_focal=True, refine_distortion=False, pixels=True, iterations=_ITERATIONS
        )
        points = triangulate(freed, positions)
        if abs(freed.pixel_aspect - aspect) < _SETTLED:
            break
    nearest = min(SQUEEZES, key=lambda squeeze: abs(freed.pixel_aspect / squeeze - 1))
    is_near = abs(freed.pixel_aspect / nearest - 1) < _NEAR
    after = median_error(reprojection_errors(freed, points, positions))
    return nearest if is_near and before > LEAST_GAIN * after else None
