"""Measures of tracks from any source: pure functions on arrays, in pixels (see :mod:`.coords`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from .footage import Footage, Luminance

FloatArray = npt.NDArray[np.float64]

Patterns = npt.NDArray[np.float32]
"""Luminance of patterns, a pattern's samples in a row."""


@dataclass(frozen=True)
class PatternTrack:
    """Where a track's pattern is, frame by frame; n markers in the order of their frames."""

    name: str
    frames: npt.NDArray[np.int64]  # (n,) the plate's numbers
    quads: FloatArray  # (n, 4, 2) the pattern's corners, px: bottom-left, bottom-right, top-right, top-left
    references: npt.NDArray[np.int64]  # (n,) row of the marker whose pattern this one is matched against

    @cached_property
    def samples(self) -> int:
        """Samples along one side of the pattern: about one a pixel of its first reference."""
        quad = self.quads[self.references[0]]
        sides = np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1)
        return int(np.clip(round(float(sides.max())), 5, 101))


def reference_rows(keyed: npt.NDArray[np.bool_], previous_frame: bool) -> npt.NDArray[np.int64]:
    """For each of n markers the row of its reference.

    Parameters
    ----------
    keyed : (n,) bool
        Markers that are reference frames; without any, the first one counts as such.
    previous_frame : bool
        True for ``PREV_FRAME``: the reference is the neighbour on the side of the keyed marker. False for
        ``KEYFRAME``: it is the keyed marker at or before, else the first after (tracked backwards).
    """
    rows = np.arange(len(keyed))
    keys = rows[keyed] if keyed.any() else rows[:1]
    at_or_before = keys[np.maximum(np.searchsorted(keys, rows, side="right") - 1, 0)]
    if not previous_frame:
        return at_or_before
    return np.where(rows == at_or_before, rows, rows + np.where(rows > at_or_before, -1, 1))


def correlations(
    tracks: Sequence[PatternTrack],
    footage: Footage,
    on_frame: Callable[[int], None] | None = None,
) -> dict[str, dict[int, float]]:
    """Zero-mean normalised cross-correlation (ZNCC) of each marker's pattern with its reference pattern.

    Both patterns are sampled from the footage's luminance through the homography that their corners give, at
    cell centres of one grid, bilinearly. Samples outside either image do not count. Footage is streamed once,
    and before that once for the references that come later than the markers (tracked backwards).

    Parameters
    ----------
    tracks
        Names must be unique.
    footage
        Markers on frames beyond it are left out.
    on_frame
        Called with each frame number as it is done.

    Returns
    -------
    dict
        ``{track: {frame: zncc}}``, -1 to 1; 0 where a pattern is flat or lies outside the image for more
        than half. Markers that are their own reference are left out: they would tell 1 of themselves.

    Notes
    -----
    ZNCC as in Lewis, "Fast Normalized Cross-Correlation" (1995), eq. 2, over a warped grid.
    """
    pairs = _pairs(tracks, footage)
    ahead = {reference for marker, reference in pairs if marker[1] < reference[1] - 1}
    held = {}
    for _, sampled in _sampled(tracks, footage, ahead):
        held.update(sampled)

    due: dict[int, list[tuple[Key, Key]]] = defaultdict(list)
    last_use: dict[Key, int] = {}
    for marker, reference in pairs:
        at = _frame(tracks, marker) if reference in ahead else max(_frame(tracks, k) for k in (marker, reference))
        due[at].append((marker, reference))
        for key in {marker, reference} - ahead:
            last_use[key] = max(at, last_use.get(key, at))

    results: dict[str, dict[int, float]] = {track.name: {} for track in tracks}
    for frame, sampled in _sampled(tracks, footage, last_use):
        held.update(sampled)
        for group in _by_samples(tracks, due.pop(frame, [])).values():
            values = zncc(
                np.stack([held[reference] for _, reference in group]),
                np.stack([held[key] for key, _ in group]),
            )
            for (key, _), value in zip(group, values, strict=True):
                results[tracks[key[0]].name][_frame(tracks, key)] = float(value)
        for key in [key for key in held if last_use.get(key) == frame]:
            del held[key]
        if on_frame is not None:
            on_frame(frame)
    return results


def zncc(references: Patterns, patterns: Patterns) -> FloatArray:
    """ZNCC of n pairs of patterns, (n, samples) each -> (n,); samples that are NaN in either do not count.

    0 where fewer than half the samples count or one of the patterns is flat.
    """
    valid = np.isfinite(references) & np.isfinite(patterns)
    count = valid.sum(axis=1)
    a, b = (_centred(values.astype(np.float64), valid, count) for values in (references, patterns))
    norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
    usable = (count * 2 >= references.shape[1]) & (norm > 1e-12)
    return np.clip(np.where(usable, (a * b).sum(axis=1) / np.where(usable, norm, 1.0), 0.0), -1.0, 1.0)


def sample_patterns(image: Luminance, quads: FloatArray, samples: int) -> Patterns:
    """Patterns under n quads, sampled bilinearly at the cell centres of a grid; NaN outside the image.

    Parameters
    ----------
    image : (height, width) float32
    quads : (n, 4, 2)
        Corners, px: those that map to (0,0), (1,0), (1,1), (0,1) of the pattern.
    samples
        Along a side.

    Returns
    -------
    (n, samples ** 2) float32
    """
    centres = (np.arange(samples) + 0.5) / samples
    grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 2)
    return _bilinear(image, _map_unit_square(quads, grid))


Key = tuple[int, int]
"""A marker: index of its track, row in it."""


def _frame(tracks: Sequence[PatternTrack], key: Key) -> int:
    return int(tracks[key[0]].frames[key[1]])


def _pairs(tracks: Sequence[PatternTrack], footage: Footage) -> list[tuple[Key, Key]]:
    """Each marker with its reference, where both are within the footage and differ."""
    first, last = footage.numbers.first, footage.numbers.last
    pairs = []
    for index, track in enumerate(tracks):
        within = (track.frames >= first) & (track.frames <= last)
        rows = np.arange(len(track.frames))
        for row in rows[within & within[track.references] & (track.references != rows)]:
            pairs.append(((index, int(row)), (index, int(track.references[row]))))
    return pairs


def _by_samples(tracks: Sequence[PatternTrack], pairs: Iterable[tuple[Key, Any]]) -> dict[int, list[tuple[Key, Any]]]:
    groups: dict[int, list[tuple[Key, Any]]] = defaultdict(list)
    for pair in pairs:
        groups[tracks[pair[0][0]].samples].append(pair)
    return groups


def _sampled(
    tracks: Sequence[PatternTrack], footage: Footage, keys: Iterable[Key]
) -> Iterator[tuple[int, dict[Key, Patterns]]]:
    """Stream the footage over the markers' frames; each frame with its patterns."""
    by_frame: dict[int, list[tuple[Key, None]]] = defaultdict(list)
    for key in keys:
        by_frame[_frame(tracks, key)].append((key, None))
    if not by_frame:
        return
    for frame, image in footage.frames(min(by_frame), max(by_frame)):
        patterns: dict[Key, Patterns] = {}
        for samples, group in _by_samples(tracks, by_frame.get(frame, [])).items():
            quads = np.stack([tracks[index].quads[row] for (index, row), _ in group])
            patterns.update(zip((key for key, _ in group), sample_patterns(image, quads, samples), strict=True))
        yield frame, patterns


def _centred(values: FloatArray, valid: npt.NDArray[np.bool_], count: npt.NDArray[np.int64]) -> FloatArray:
    values = np.where(valid, values, 0.0)
    mean = values.sum(axis=1) / np.maximum(count, 1)
    return np.where(valid, values - mean[:, None], 0.0)


def _map_unit_square(quads: FloatArray, points: FloatArray) -> FloatArray:
    """m points of the unit square under the homographies that take its corners to n quads: (n, m, 2).

    Closed form for a square's homography: Heckbert, "Fundamentals of Texture Mapping" (1989), section 2.2.3.
    NaN for a quad whose corners lie on a line.
    """
    p0, p1, p2, p3 = (quads[:, None, corner] for corner in range(4))
    curl, d1, d2 = p0 - p1 + p2 - p3, p1 - p2, p3 - p2
    det = _cross(d1, d2)
    det = np.where(np.abs(det) < 1e-12, np.nan, det)
    g, h = _cross(curl, d2) / det, _cross(d1, curl) / det
    u, v = points[:, :1], points[:, 1:]
    return ((p1 - p0 + g * p1) * u + (p3 - p0 + h * p3) * v + p0) / (g * u + h * v + 1.0)


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    return a[..., :1] * b[..., 1:] - a[..., 1:] * b[..., :1]


def _bilinear(image: Luminance, points: FloatArray) -> Patterns:
    height, width = image.shape
    x, y = points[..., 0], points[..., 1]
    inside = (x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)  # False for NaN
    x, y = np.where(inside, x, 0.0), np.where(inside, y, 0.0)
    left, top = x.astype(np.int64), y.astype(np.int64)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    above = image[top, left] * (1 - fx) + image[top, right] * fx
    below = image[bottom, left] * (1 - fx) + image[bottom, right] * fx
    return np.where(inside, above * (1 - fy) + below * fy, np.float32(np.nan))
