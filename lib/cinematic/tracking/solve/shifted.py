"""Was the picture shifted from frame to frame, against the lens that showed it? The tracks tell.

An optical stabiliser moves the lens before the sensor, one in post moves the picture and crops it, a film's gate
weaves: the lens's middle is then another pixel in every frame. To a camera whose lens has its middle in one place that
looks like a turn, but a turn stretches the picture's sides, and the more the wider the lens: so no rigid scene explains
the tracks. With a principal point of its own in every frame bundle adjustment finds where it is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..coords import Extent
from .cameras import Cameras
from .mapping import adjust
from .one_lens import ROUNDS, enough_tracks, key_frames, refined
from .solution import LensSearch, Solution
from .triangulation import median_error, reprojection_errors

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_QUICKLY, _LONG = 15, 25  # iterations of bundle adjustment
_QUICK_GAIN = 1.1  # what key frames must show of it: times the median error
_MOST_ROUNDS = 8  # of shifting the picture back, and solving what is left
_LEAST_MARKERS = 20  # on a frame, to tell where its picture lies besides where its camera is
_SETTLED_PX = 0.1  # root mean square


def shifted(start: Solution, positions: FloatArray, size: Extent, lens: LensSearch, iterations: int) -> Solution | None:
    """The shot as one whose picture lies elsewhere in every frame; None: the tracks do not fit together.

    Parameters
    ----------
    start
        The shot through one lens that does not zoom, in its place; rows read at once.
    positions : (n, f, 2)
        px; NaN where there is no marker.
    size
        Of the picture, px.
    lens
        Whether its focal length is exact.
    iterations
        Of bundle adjustment on all frames, at most.
    """
    rows, bent = enough_tracks(np.isfinite(positions[..., 0])), start.cameras.is_bent
    fixed = replace(lens, zooms=False, distortion=bent)
    shift, found = np.zeros(positions.shape[1:]), start
    for _ in range(_MOST_ROUNDS):
        used = np.where(found.used[rows, :, None], (positions - shift)[rows], np.nan)
        freed, _points = adjust(
            found.cameras, found.points[rows], used, size,
            refine_focal=not lens.focal_is_exact, refine_distortion=bent, shifts=True, iterations=_LONG,
        )  # fmt: skip
        told = np.isfinite(used[..., 0]).sum(axis=0) >= _LEAST_MARKERS
        if not told.any():
            return None
        step = _about_the_middle(freed, told)
        shift += step
        again = refined(_of_one_lens(freed), None, positions - shift, size, fixed, bent, ROUNDS, iterations)
        if again is None:
            return None
        found = again
        if np.sqrt((step**2).sum(axis=1).mean()) < _SETTLED_PX:
            break
    return replace(found, cameras=replace(found.cameras, shift=shift))


def shows_shifts(start: Solution, positions: FloatArray, size: Extent, lens: LensSearch) -> bool:
    """Whether key frames, with a lens of its own for each, leave clearly less than ``start``; quick to say."""
    seen = np.isfinite(positions[..., 0])
    leading = enough_tracks(seen), key_frames(seen)
    some = start.of(*leading)
    used = np.where(some.used[..., None], positions[np.ix_(*leading)], np.nan)
    held, freed = (
        median_error(reprojection_errors(*known, used))
        for known in (
            adjust(
                some.cameras, some.points, used, size, refine_focal=not lens.focal_is_exact,
                refine_distortion=some.cameras.is_bent, shifts=shifts, iterations=_QUICKLY,
            )
            for shifts in (False, True)
        )
    )  # fmt: skip
    return freed * _QUICK_GAIN < held


def _about_the_middle(cameras: Cameras, told: BoolArray) -> FloatArray:
    """(f, 2) px: how each frame's picture is shifted against the median one; as those around it where nothing tells."""
    off, frames = cameras.centres - cameras.centre, np.arange(len(told))
    off -= np.median(off[told], axis=0)
    return np.stack([np.interp(frames, frames[told], off[told, axis]) for axis in (0, 1)], axis=1)


def _of_one_lens(cameras: Cameras) -> Cameras:
    """The same with the median focal length, the picture in its place; which others would do is not known any more."""
    focal = np.where(cameras.solved, np.nanmedian(cameras.focal), np.nan)
    return replace(cameras, focal=focal, shift=None, focal_range=None)
