"""The verdict on each track: good, suspect or bad, and why.

Every measure is turned into a load: the measure over the limit that a preset gives it. The heaviest load decides; the
reason is the load's own. The measure that carries the judgement is how far markers are off the scene's motion
(:mod:`.scene_motion`): of all that were tried it alone tells bad tracks from good ones, whoever tracked them.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .coords import Size, pixels_from_co
from .parts import Part, part_around, parts_beyond
from .reasons import moves_along, why_off
from .scene_motion import scene_errors
from .solve import Solution
from .types import Readiness, TrackData, Verdict

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """What a track may do and still be good."""

    frames: int = 5  # fewer markers: too short
    reprojection_px: float = 0.5  # off the scene's motion: a bad marker
    track_reprojection_px: float = 0.45  # what nine in ten of a track's markers must stay below
    bad_marker_share: float = 0.20  # more bad markers: a bad track
    cut_share: float = 0.30  # of a track's markers may be cut off for the rest to be kept
    correlation: float = 0.65  # ZNCC that nine in ten markers must reach
    deviation_px: float = 0.5  # predicted standard deviation along the weakest direction: sliding along an edge
    forward_backward_px: float = 0.9  # how far off the way back may end
    jitter_px: float = 2.0  # acceleration against the neighbours', per frame squared
    duplicate_px: float = 1.5  # closer than this on nearly all common frames: a duplicate


SUSPECT, BAD = 0.65, 1.0
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
    first, positions = frame_positions(tracks, size)
    references = _references(tracks, first, positions)
    scene = scene_errors(positions, references, size)
    together = moves_along(positions, scene.offset, scene.distance, limits.reprojection_px, size[0])
    jitter = _jitter(positions)
    doubles = _duplicates(positions, limits.duplicate_px)
    return [
        _verdict(
            track, limits, first, int(references[row]),
            _OffScene(scene.distance[row], scene.offset[row], bool(together[row]), positions[row], scene.solution),
            jitter[row], row in doubles,
        )
        for row, track in enumerate(tracks)
    ]  # fmt: skip


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


def frame_positions(tracks: Sequence[TrackData], size: Size) -> tuple[int, FloatArray]:
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


def _references(tracks: Sequence[TrackData], first: int, positions: FloatArray) -> npt.NDArray[np.int64]:
    """Index of the frame in which each track's pattern was first taken; of its first marker where none is known."""
    references = np.zeros(len(tracks), np.int64)
    for row, track in enumerate(tracks):
        known = [frame for frame in track.reference_frames if frame in track.markers]
        references[row] = min(known or track.markers or [first]) - first
    return references


@dataclass(frozen=True)
class _OffScene:
    """What the scene's motion says of one track."""

    distance: FloatArray  # (f,)
    offset: FloatArray  # (f, 2)
    in_company: bool
    positions: FloatArray  # (f, 2)
    solution: Solution | None


def _verdict(
    track: TrackData, limits: Limits, first: int, reference: int, scene: _OffScene, jitter: float, is_double: bool
) -> Verdict:
    off = {first + int(column): float(scene.distance[column]) for column in np.flatnonzero(np.isfinite(scene.distance))}
    deviations = {frame: _largest_deviation(entry) for frame, entry in track.covariances.items()}
    wrong = [frame for frame, distance in off.items() if distance > limits.reprojection_px]
    loads = {
        "low correlation": _correlation_load(track.correlations, limits.correlation),
        "sliding along an edge": _upper(deviations) / limits.deviation_px,
        "drifting": _upper(track.forward_backward) / limits.forward_backward_px,
        "jittery": jitter / limits.jitter_px,
    }
    off_load = max(_upper(off) / limits.track_reprojection_px, len(wrong) / max(1, len(off)) / limits.bad_marker_share)
    why = ""
    if off_load >= SUSPECT or wrong:
        covariances = {frame - first: entry for frame, entry in track.covariances.items()}
        why = why_off(scene.distance, scene.offset, reference, limits.reprojection_px, scene.in_company, covariances)
        loads[why] = max(loads.get(why, 0.0), off_load)
    badness = max(loads.values())
    if len(track.markers) < limits.frames:
        loads["too short"] = BAD
    if is_double:
        loads["duplicate"] = BAD
    reasons = sorted((reason for reason, load in loads.items() if load >= SUSPECT), key=lambda r: -loads[r])
    heaviest = max(loads.values())
    return Verdict(
        name=track.name,
        verdict="bad" if heaviest >= BAD else "suspect" if heaviest >= SUSPECT else "good",
        reasons=tuple(reasons),
        badness=float(1 - np.exp(-0.7 * badness)),
        bad_markers=dict.fromkeys(wrong, why) | _uncorrelated(track, limits),
        sound=()
        if is_double
        else tuple((first + low, first + high) for low, high in _sound_parts(scene, reference, limits, why)),
        measures={
            "markers": float(len(track.markers)),
            "off_scene_px": _upper(off),
            "deviation_px": _upper(deviations),
            "forward_backward_px": _upper(track.forward_backward),
            "jitter_px": float(jitter),
            "lowest_correlation": min(track.correlations.values(), default=float("nan")),
        },
        curves={
            "off the scene's motion, px": off,
            "correlation": dict(track.correlations),
            "forward-backward, px": dict(track.forward_backward),
            "predicted deviation, px": deviations,
        },
    )


def _sound_parts(scene: _OffScene, reference: int, limits: Limits, why: str) -> list[Part]:
    """The parts of a track that may be kept, the reference marker's first; none: the track is hopeless."""
    marked = np.isfinite(scene.positions[:, 0])
    if marked.sum() < limits.frames:
        return []
    own = part_around(scene.distance, marked, reference, limits.reprojection_px)
    within = np.arange(own[0], own[1] + 1)
    within = within[marked[within]]
    parts = [own] if _is_sound(scene.distance[within], limits) else []
    left = 1 - len(within) / marked.sum()
    if why == "mismatched jump":  # an event, not a habit: either side may be right
        beyond = (
            parts_beyond(scene.positions, scene.solution, own, limits.track_reprojection_px) if scene.solution else []
        )
        return parts + beyond
    return parts if left <= limits.cut_share else []


def _is_sound(distance: FloatArray, limits: Limits) -> bool:
    known = distance[np.isfinite(distance)]
    if len(distance) < limits.frames or (known > limits.reprojection_px).mean() > limits.bad_marker_share:
        return False
    return not len(known) or float(np.quantile(known, 0.9)) <= limits.track_reprojection_px


def _uncorrelated(track: TrackData, limits: Limits) -> dict[int, str]:
    low = limits.correlation - 0.15
    return {frame: "low correlation" for frame, value in track.correlations.items() if value < low}


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
