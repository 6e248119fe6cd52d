"""What is known of tracks from others who have followed the same features: how far apart they are.

A window that shows one surface leads along the same path whatever its size. One that shows two of them, slides along
an edge, or has taken up something else leads elsewhere when its size changes. So where a marker is far from where a
larger and a smaller window around the same reference marker have the feature (:mod:`.other_windows`), somebody is
wrong, whoever tracked it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from .coords import lengths
from .types import TrackData

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Places:
    """Where others have a track's feature, k times; a frame is there once for each of them."""

    frames: IntArray  # (k,) plate frames
    pixels: FloatArray  # (k, 2)


SecondOpinion: TypeAlias = Callable[[Sequence[TrackData], IntArray, int, int], Sequence[Places]]
"""Asked of tracks with reference markers in frames (n,), over so many frames from a first one on; plate frames."""

Question: TypeAlias = tuple[object, ...]
"""All of a track that an answer depends on."""


@dataclass(frozen=True)
class Apart:
    """How far the markers of n tracks over f frames are from where the others have the features, on average.

    NaN where none of the others has followed that far, and for markers that there are not.
    """

    offset: FloatArray  # (n, f, 2) px
    distance: FloatArray  # (n, f) px


def apart_from(said: Sequence[Places], positions: FloatArray, first: int) -> Apart:
    """How far tracks' positions (n, f, 2) px, from plate frame ``first`` on, are from what is said of each, n times."""
    count, frames = positions.shape[:2]
    rows = np.repeat(np.arange(count), [len(places.frames) for places in said])
    columns = np.concatenate([np.zeros(0, np.int64), *(places.frames for places in said)]) - first
    offset = positions[rows, columns] - np.concatenate([np.zeros((0, 2)), *(places.pixels for places in said)])
    marked = np.isfinite(offset[:, 0])
    at, offset = (rows * frames + columns)[marked], offset[marked]

    def summed(values: FloatArray) -> FloatArray:
        sums = np.zeros(count * frames)
        np.add.at(sums, at, values)
        return sums.reshape(count, frames)

    others = summed(np.ones(len(at)))
    others = np.where(others > 0, others, np.nan)
    apart = np.stack([summed(offset[:, 0]), summed(offset[:, 1])], axis=2)
    return Apart(apart / others[..., None], summed(lengths(offset)) / others)


def nothing_said(tracks: Sequence[TrackData]) -> list[Places]:
    """Nobody has anything to say of any of the tracks."""
    return [Places(np.zeros(0, np.int64), np.zeros((0, 2))) for _ in tracks]


def question(track: TrackData, reference: int) -> Question:
    """What is asked of a track with its reference marker in plate frame ``reference``."""
    begun = tuple(track.markers.get(reference, ()))
    return reference, begun, tuple(track.pattern_area), track.correlation_min, tuple(track.markers)


def remembering(heard: Mapping[Question, Places], otherwise: SecondOpinion) -> SecondOpinion:
    """What was ``heard`` of tracks before; those of which nothing was are asked about now."""

    def say(tracks: Sequence[TrackData], references: IntArray, first: int, count: int) -> Sequence[Places]:
        asked = [question(track, frame) for track, frame in zip(tracks, references.tolist(), strict=True)]
        new = [row for row, each in enumerate(asked) if each not in heard]
        said = dict(zip(new, otherwise([tracks[row] for row in new], references[new], first, count), strict=True))
        return [said[row] if row in said else heard[each] for row, each in enumerate(asked)]

    return say
