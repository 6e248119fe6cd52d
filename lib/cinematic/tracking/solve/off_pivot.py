"""A camera on a tripod whose lens is not over its pivot: what is near shifts a little against what is far.

The entrance pupil of most lenses is some centimetres ahead of where the head turns, and who stands still with a camera
sways by less. So little parallax no pair of frames shows: rotations explain most markers, and near tracks seem to be
wrong. All frames together show it, begun from the rotations with the lens on an arm.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..coords import Extent
from .cameras import Cameras
from .one_lens import ROUNDS_BETWEEN, among_frames, from_turns, refined, surer, turned
from .solution import LensSearch, Solution

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# Times: a path must bring down what the markers that it rests on are off (root mean square), where none counts as more
# than so many times that: things that move slowly look like near ones. Simulated tripods without an arm leave 1.03 to
# 1.11, most where tracks drift.
_GAIN, _MOST_OFF = 1.3, 4.0
# Times the markers that the rotations rest on, and more: of the whole shot, and of the few tracks and frames that tell
# whether it is worth to be solved, where a path just begun still leaves out some that it explains in the end.
_AS_MANY, _AS_MANY_BEGUN = 0.95, 0.8


def off_pivot(
    turning: Solution, positions: FloatArray, size: Extent, lens: LensSearch, key: tuple[IntArray, IntArray],
    iterations_between: int,
) -> Solution | None:  # fmt: skip
    """The shot as one of a camera that also moves a little as it turns; None: it only turns.

    Parameters
    ----------
    turning
        What rotations alone come to.
    positions : (n, f, 2)
        Tracks, px; NaN where there is no marker.
    key
        Rows of the tracks, and frames, that tell it in a fraction of the time.
    iterations_between
        Of bundle adjustment on all frames.
    """
    _, frames = key
    bent, some, seen = turning.cameras.is_bent, turning.of(*key), positions[np.ix_(*key)]
    begun = from_turns(some.cameras, seen, size, lens, bent)
    centred = _about_the_middle(some.cameras, seen, size, lens)
    if centred is not None:  # near things look like a lens whose middle is elsewhere
        begun = surer(from_turns(centred, seen, size, lens, bent), begun)
    if begun is None or not _explains_more(begun, some, _AS_MANY_BEGUN):
        return None
    placed = among_frames(begun.cameras, frames, positions.shape[1])
    whole = refined(placed, None, positions, size, lens, bent, ROUNDS_BETWEEN, iterations_between)
    return whole if whole is not None and _explains_more(whole, turning, _AS_MANY) else None


def _about_the_middle(cameras: Cameras, positions: FloatArray, size: Extent, lens: LensSearch) -> Cameras | None:
    """The same turned through a lens in the picture's middle; None: theirs is, or that gives none."""
    middle = ((size[0] - 1) / 2, (size[1] - 1) / 2)
    if cameras.centre == middle:
        return None
    found = turned(replace(cameras, centre=middle), positions, lens, cameras.is_bent)
    return None if found is None else found.cameras


def _explains_more(path: Solution, turning: Solution, as_many: float) -> bool:
    """Whether a path clearly explains more of the markers that it rests on than rotations do, and rests on as many."""
    if path.used.sum() < as_many * turning.used.sum():
        return False
    shared = path.used & np.isfinite(turning.errors)
    if not shared.any():
        return False
    left = _rms(path.errors[shared])
    return _GAIN * left < _rms(np.minimum(turning.errors[shared], _MOST_OFF * left))


def _rms(errors: FloatArray) -> float:
    return float(np.sqrt(np.mean(errors**2)))
