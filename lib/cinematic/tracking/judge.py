"""The verdict on each track: good, suspect or bad, and why.

Every measure is turned into a load: the measure over the limit that a preset of limits gives it. The heaviest load
decides; the reason is the load's own. Limits carry their units in their names.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .coords import Size, pixels_from_co
from .epipolar import epipolar_distances
from .types import Readiness, TrackData, Verdict

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """What a track may do and still be good."""

    frames: int = 8  # fewer markers: too short
    correlation: float = 0.80  # ZNCC; lower on more than a few markers: low correlation
    epipolar_px: float = 0.5  # off the scene's motion: a bad marker
    bad_marker_share: float = 0.10  # more of them: a bad track
    deviation_px: float = 0.15  # predicted standard deviation along the weakest direction: sliding along an edge
    forward_backward_px: float = 0.35  # how far off the way back may end
    jitter_px: float = 1.0  # acceleration against the neighbours', per frame squared
    duplicate_px: float = 1.5  # closer than this on nearly all common frames: a duplicate


SUSPECT, BAD = 0.6, 1.0
"""Loads from which a track is suspect, and bad."""


def judge(tracks: Sequence[TrackData], size: Size, limits: Limits | None = None) -> list[Verdict]:
    """Judge every track; pure: nothing is changed.

    Parameters
    ----------
    tracks
        From any source; what an engine did not measure is not held against them.
    size
        Width and height of the footage, px.
    limits
        Default :class:`Limits`.

    Returns
    -------
    list of Verdict
        In the order of the tracks.
    """
    limits = limits or Limits()
    first, positions = _positions(tracks, size)
    epipolar = epipolar_distances(positions)
    jitter = _jitter(positions)
    doubles = _duplicates(positions, limits.duplicate_px)
    return [
        _verdict(track, limits, first, positions[row], epipolar[row], jitter[row], row in doubles)
        for row, track in enumerate(tracks)
    ]


def readiness(tracks: Sequence[TrackData], verdicts: Sequence[Verdict], frames: range, size: Size) -> Readiness:
    """Whether a camera solve can work with the good and suspect tracks.

    Fewer than 8 tracks on a frame will fail, 8 to 16 are weak (Blender's own colours); tracks crowded into a part of
    the picture leave the rest to guesswork.
    """
    usable = [t for t, v in zip(tracks, verdicts, strict=True) if v.verdict != "bad" and t.enabled]
    counts = dict.fromkeys(frames, 0)
    for track in usable:
        for frame in track.markers:
            if frame in counts:
                counts[frame] += 1
    least = min(counts.values(), default=0)
    spread = _spread(usable, frames)
    reasons = []
    thin = [frame for frame, count in counts.items() if count < 8]
    weak = [frame for frame, count in counts.items() if 8 <= count < 16]
    if thin:
        reasons.append(f"{len(thin)} of {len(counts)} frames have fewer than 8 tracks: the solve will fail there")
    if weak:
        reasons.append(f"{len(weak)} of {len(counts)} frames have 8 to 15 tracks: weak")
    if spread < 0.5:
        reasons.append(f"tracks cover {spread:.0%} of the picture: the rest is guesswork")
    score = min(1.0, least / 16) * min(1.0, spread / 0.5)
    return Readiness(float(score), tuple(reasons), counts)


def _positions(tracks: Sequence[TrackData], size: Size) -> tuple[int, FloatArray]:
    """The first frame of all, and px by track and frame; NaN where there is no marker."""
    frames = [frame for track in tracks for frame in track.markers]
    if not frames:
        return 0, np.empty((len(tracks), 0, 2))
    first, last = min(frames), max(frames)
    positions = np.full((len(tracks), last - first + 1, 2), np.nan)
    for row, track in enumerate(tracks):
        if track.markers:
            columns = np.fromiter(track.markers, dtype=np.int64) - first
            positions[row, columns] = pixels_from_co(list(track.markers.values()), size)
    return first, positions


def _verdict(
    track: TrackData,
    limits: Limits,
    first: int,
    positions: FloatArray,
    epipolar: FloatArray,
    jitter: float,
    is_double: bool,
) -> Verdict:
    off = {first + int(column): float(epipolar[column]) for column in np.flatnonzero(np.isfinite(epipolar))}
    deviations = {frame: _largest_deviation(entry) for frame, entry in track.covariances.items()}
    bad_markers = _bad_markers(track, limits, off)
    loads = {
        "too short": limits.frames / max(1, len(track.markers)) * 0.99 if len(track.markers) < limits.frames else 0.0,
        "low correlation": _correlation_load(track.correlations, limits.correlation),
        "sliding along an edge": _upper(deviations) / limits.deviation_px,
        "drifting": _upper(track.forward_backward) / limits.forward_backward_px,
        "jittery": jitter / limits.jitter_px,
        "duplicate": 1.5 if is_double else 0.0,
    }
    share = len(bad_markers) / max(1, len(track.markers))
    loads[_off_reason(positions, off, limits)] = share / limits.bad_marker_share
    if 0 < len(track.markers) < limits.frames:
        loads["too short"] = max(loads["too short"], BAD)
    reasons = sorted((reason for reason, load in loads.items() if load >= SUSPECT), key=lambda r: -loads[r])
    heaviest = max(loads.values())
    return Verdict(
        name=track.name,
        verdict="bad" if heaviest >= BAD else "suspect" if heaviest >= SUSPECT else "good",
        reasons=tuple(reasons),
        badness=float(1 - np.exp(-0.7 * heaviest)),
        bad_markers=bad_markers,
        measures={
            "markers": float(len(track.markers)),
            "epipolar_px": _upper(off),
            "deviation_px": _upper(deviations),
            "forward_backward_px": _upper(track.forward_backward),
            "jitter_px": float(jitter),
            "lowest_correlation": min(track.correlations.values(), default=float("nan")),
        },
        curves={
            "correlation": dict(track.correlations),
            "forward-backward, px": dict(track.forward_backward),
            "off the scene's motion, px": off,
            "predicted deviation, px": deviations,
        },
    )


def _bad_markers(track: TrackData, limits: Limits, off: Mapping[int, float]) -> dict[int, str]:
    found = {frame: "mismatched jump" for frame, distance in off.items() if distance > limits.epipolar_px}
    low = limits.correlation - 0.15
    return found | {f: "low correlation" for f, value in track.correlations.items() if value < low}


def _off_reason(positions: FloatArray, off: Mapping[int, float], limits: Limits) -> str:
    """A jump is a few frames with one large step; something that moves by itself is off all the time."""
    wrong = [distance for distance in off.values() if distance > limits.epipolar_px]
    if not wrong:
        return "mismatched jump"
    steps = np.linalg.norm(np.diff(positions, n=2, axis=0), axis=1)
    steps = steps[np.isfinite(steps)]
    if len(steps) and steps.max() > 3 + 8 * np.median(steps):
        return "mismatched jump"
    return "moving object" if len(wrong) > 0.6 * len(off) else "occluded"


def _correlation_load(correlations: Mapping[int, float], limit: float) -> float:
    """1 where a tenth of the markers correlate less than the limit."""
    if not correlations:
        return 0.0
    low = float(np.quantile(list(correlations.values()), 0.1))
    return max(0.0, (1 - low) / (1 - limit))


def _upper(values: Mapping[int, float]) -> float:
    """What nine in ten markers stay below."""
    return float(np.quantile(list(values.values()), 0.9)) if values else 0.0


def _largest_deviation(covariance: tuple[float, float, float]) -> float:
    """Standard deviation along the error ellipse's long axis, px."""
    xx, xy, yy = covariance
    return float(np.sqrt(max(0.0, (xx + yy) / 2 + np.hypot((xx - yy) / 2, xy))))


def _jitter(positions: FloatArray) -> FloatArray:
    """What nine in ten accelerations stay below, px per frame squared, against the 8 nearest neighbours' median."""
    count, frames, _ = positions.shape
    result = np.zeros(count)
    if frames < 3:
        return result
    acceleration = np.diff(positions, n=2, axis=1)
    sample = _sampled_frames(positions)
    with warnings.catch_warnings():
        # numpy warns of medians of nothing: no neighbour on a frame, no frame in common; the result, NaN, is meant
        warnings.simplefilter("ignore", RuntimeWarning)
        for row in range(count):
            apart = np.nanmedian(np.linalg.norm(sample - sample[row], axis=2), axis=1)
            apart[row] = np.nan
            near = np.argsort(apart)[: min(8, int(np.isfinite(apart).sum()))]  # NaN sorts last
            difference = acceleration[row] - np.nanmedian(acceleration[near], axis=0)
            size = np.linalg.norm(difference, axis=1)
            size = size[np.isfinite(size)]
            result[row] = float(np.quantile(size, 0.9)) if len(size) else 0.0
    return result


def _duplicates(positions: FloatArray, limit: float) -> set[int]:
    """Rows that follow another, longer (or earlier) track closer than ``limit`` px on 9 of 10 common frames."""
    lengths = np.isfinite(positions[..., 0]).sum(axis=1)
    sample = _sampled_frames(positions)
    doubles: set[int] = set()
    for row in np.argsort(-lengths, kind="stable"):
        if row in doubles or lengths[row] < 2:
            continue
        apart = np.linalg.norm(sample - sample[row], axis=2)
        common = np.isfinite(apart).sum(axis=1)
        close = (apart < limit).sum(axis=1) >= np.maximum(2, 0.9 * common)
        followers = close & (common >= 0.5 * np.isfinite(sample[..., 0]).sum(axis=1))
        doubles |= {int(r) for r in np.flatnonzero(followers) if r != row and lengths[r] <= lengths[row]}
    return doubles


def _sampled_frames(positions: FloatArray, most: int = 24) -> FloatArray:
    """Every second, third ... frame: enough to tell who is near whom, at a cost that long shots can bear."""
    return positions[:, :: max(1, positions.shape[1] // most)]


def _spread(tracks: Sequence[TrackData], frames: range) -> float:
    """The share of an 8 x 6 grid's cells that hold a track, on the median frame."""
    shares = []
    for frame in frames[:: max(1, len(frames) // 12)] if len(frames) else []:
        cells = {
            (int(np.clip(x * 8, 0, 7)), int(np.clip(y * 6, 0, 5)))
            for track in tracks
            if (co := track.markers.get(frame)) is not None
            for x, y in [co]
        }
        shares.append(len(cells) / 48)
    return float(np.median(shares)) if shares else 0.0
