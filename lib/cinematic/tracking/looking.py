"""Looking for a track's feature in the footage where the scene's motion has it, around where the track went wrong.

The camera has a place for the feature in every frame, with a marker or without. What the picture shows there tells
what is hidden from what jumped, crept away, or moves by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .coords import Size, corners_of, pixel_offsets_from_co
from .metrics import PatternTrack
from .reasons import Shown, gone_wrong
from .types import TrackData

FloatArray = npt.NDArray[np.float64]
Frames = npt.NDArray[np.int64]

Look = Callable[[Sequence[PatternTrack]], Mapping[str, Mapping[int, float]]]
"""Measures patterns in the footage: ZNCC by track and frame (:func:`.metrics.correlations`)."""

_BEFORE, _AFTER, _LATER, _FARTHEST = 4, 5, 3, 3  # frames


@dataclass(frozen=True)
class Whereabouts:
    """A track, and where its feature should be; f frames."""

    track: TrackData
    first: int  # plate frame of index 0
    reference: int  # index of the reference marker's frame
    positions: FloatArray  # (f, 2) px; NaN where there is no marker
    places: FloatArray  # (f, 2) px; where the scene's motion has the feature; NaN: not known
    distance: FloatArray  # (f,) from the scene's motion, px; NaN where unknown


@dataclass(frozen=True)
class _Sought:
    """Indices of the frames that are looked at."""

    before: Frames  # markers that are right still
    after: Frames  # from the first that is off on; those whose place is in the picture
    later: Frames  # behind those, with markers or without; the same
    farthest: Frames  # where markers are off the most, in the picture
    leaves: bool  # the place leaves the picture soon


def look_for(tracks: Sequence[Whereabouts], size: Size, limit: float, look: Look | None) -> list[Shown]:
    """What shows where the features of tracks should be, once markers are more than ``limit`` px off.

    Parameters
    ----------
    tracks
        Of different names.
    look
        None: there is no footage; then it is only known whether the place leaves the picture.
    """
    sought = [_sought(each, size, limit) for each in tracks]
    wanted = [
        _pattern(each, frames, size)
        for each, frames in zip(tracks, sought, strict=True)
        if look is not None and len(frames.after)
    ]
    found = look(wanted) if look is not None and wanted else {}
    return [
        _shown(each.first, frames, found.get(each.track.name, {})) for each, frames in zip(tracks, sought, strict=True)
    ]


def _sought(each: Whereabouts, size: Size, limit: float) -> _Sought:
    off = gone_wrong(each.distance, each.reference, limit)
    if not len(off):
        return _Sought(off, off, off, off, leaves=False)
    onset = int(off[0])
    outwards = 1 if onset >= each.reference else -1
    ahead = np.arange(onset, onset + outwards * (_AFTER + _LATER), outwards)
    ahead, later = (part[(part >= 0) & (part < len(each.places))] for part in np.split(ahead, [_AFTER]))
    inside = _inside(each.places, size)
    known = np.isfinite(each.places[ahead, 0])
    behind = np.arange(onset - outwards, each.reference, -outwards)
    behind = behind[np.isfinite(each.distance[behind])][:_BEFORE]
    farthest = off[np.argsort(-each.distance[off], kind="stable")]
    return _Sought(
        before=behind,
        after=ahead[inside[ahead]],
        later=later[inside[later]],
        farthest=farthest[inside[farthest]][:_FARTHEST],
        leaves=not inside[ahead[known]].all(),
    )


def _inside(places: FloatArray, size: Size) -> npt.NDArray[np.bool_]:
    """False for NaN."""
    return ((places >= 0) & (places <= np.array(size) - 1)).all(axis=1)


def _pattern(each: Whereabouts, sought: _Sought, size: Size) -> PatternTrack:
    """The reference pattern, and the places where it should be found, in the shape that it had when all was well."""
    order = np.unique(np.concatenate([[each.reference], sought.before, sought.after, sought.later, sought.farthest]))
    last_right = int(sought.before[0]) if len(sought.before) else each.reference
    upright = corners_of(each.track.pattern_area, size)
    right = {each.reference, *sought.before.tolist()}
    shapes = [
        each.track.corners.get(each.first + (index if index in right else last_right), upright)
        for index in order.tolist()
    ]
    places = np.where((order == each.reference)[:, None], each.positions[order], each.places[order])
    quads = places[:, None] + pixel_offsets_from_co(np.reshape(shapes, (-1, 4, 2)), size)
    reference = int(np.searchsorted(order, each.reference))
    return PatternTrack(each.track.name, order + each.first, quads, np.full(len(order), reference))


def _shown(first: int, sought: _Sought, found: Mapping[int, float]) -> Shown:
    def median(frames: Frames) -> float | None:
        values = [found[first + index] for index in frames.tolist() if first + index in found]
        return float(np.median(values)) if values else None

    return Shown(
        before=median(sought.before),
        after=median(sought.after),
        later=median(sought.later),
        farthest=median(sought.farthest),
        leaves=sought.leaves,
    )
