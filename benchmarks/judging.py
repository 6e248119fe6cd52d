"""How well bad tracks are found and named, and what cleaning leaves: against exact truth, and beside what exists.

The tracks of both engines on the same features of frame 1 are judged and cleaned by the package, without any
knowledge of the truth. For comparison: Blender's `filter_tracks` operator, and the velocity and acceleration
percentiles of the add-on "find bad motion tracks".
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks import blender
from benchmarks.delivered import Judged, reference_of
from benchmarks.plates import truth
from benchmarks.plates.catalogue import Entry, evenly
from benchmarks.plates.truth import Truth
from benchmarks.report import Table
from benchmarks.score import Scores, score, trajectory_error
from benchmarks.solving import solve_apart
from benchmarks.whole_shots import positions_of as positions_over
from cinematic.tracking import (
    Clip,
    TrackData,
    clean_tracks,
    detect_features,
    judge_with_motion,
    refine_tracks,
    settle_tracks,
    track_markers,
    weigh_tracks,
)
from cinematic.tracking.coords import pixels_from_co
from cinematic.tracking.movie_clip import MovieClipStore
from cinematic.tracking.solve.keyframes import solve_keyframes
from cinematic.tracking.types import Verdict

FEATURES = 300
ENGINES = {"klt": "AUTO", "libmv": "Perspective"}
BAD_SHARE = 0.1  # of a track's markers more than 1 px off or hidden: a bad track
LEAST_MARKERS = 5  # of a track that is judged here
SOLVE_LIMIT = 600  # seconds
FILTER_THRESHOLDS = (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 50.0)


@dataclass(frozen=True)
class Tracked:
    """One engine's tracks of a plate, as the package holds them, and the truth for their features."""

    engine: str
    clip: Clip
    found: Truth

    @property
    def positions(self) -> np.ndarray:
        """(N, F, 2) px of the tracks there are now, in the features' order; NaN where there is no marker."""
        return positions_of(self.clip.read(), self.found)


def _name(row: int) -> str:
    return f"f{row:05d}"


def _row(track: TrackData) -> int:
    """The feature that a track is of, or was split from."""
    return int(track.name[1:6])


def positions_of(tracks: list[TrackData], found: Truth) -> np.ndarray:
    """(N, F, 2) px; a track that was split counts for the feature that it was split from."""
    positions = np.full((len(found), found.frames, 2), np.nan)
    for track in tracks:
        row = _row(track)
        frames = np.fromiter(track.markers, int) - 1
        if len(frames):
            positions[row, frames] = pixels_from_co(list(track.markers.values()), found.size)
    return positions


def track(entry: Entry) -> list[Tracked]:
    """The same features, tracked by both engines."""
    first = Clip.open(entry.footage.path(1))
    detect_features(first, threshold=0.01, min_distance=14)
    features = pixels_from_co([t.markers[1] for t in first.tracks], first.size)
    chosen = [first.tracks[int(row)] for row in evenly(features, FEATURES)]
    for number, data in enumerate(chosen):
        data.name = _name(number)
    start = np.array([pixels_from_co(t.markers[1], first.size) for t in chosen])
    found = truth.cast(entry.spec, start, np.ones(len(start), int))
    return [
        Tracked(engine, _tracked(entry, [TrackData.from_dict(t.to_dict()) for t in chosen], engine), found)
        for engine in ENGINES
    ]


def _tracked(entry: Entry, tracks: list[TrackData], engine: str) -> Clip:
    for data in tracks:
        data.motion_model = ENGINES[engine]
        data.pattern_match = "KEYFRAME" if engine == "libmv" else data.pattern_match
    clip = Clip(Clip.open(entry.footage.path(1)).footage, tracks)
    if engine == "klt":
        track_markers(clip)
        return clip
    movie_clip = blender.load_clip(entry.footage)
    MovieClipStore(movie_clip).write(tracks)
    with blender.quiet():
        track_markers(movie_clip, engine="libmv")
    return Clip(clip.footage, MovieClipStore(movie_clip).read())


def tables(entries: list[Entry]) -> list[Table]:
    """Finding, naming and cleaning; one row for each plate and engine."""
    finding = Table(
        "judging",
        f"Bad tracks found: AUROC of the verdicts, {FEATURES} features a plate (bad: more than {BAD_SHARE:.0%} of the "
        "markers are more than 1 px off or hidden, or it is on a moving object)",
        {"tracks": "tracks judged", "bad": "bad", "verdict": "judge_tracks", "filter": "Blender filter_tracks",
         "percentile": "velocity percentile", "reasons": "reason agrees"},
    )  # fmt: skip
    cleaning = Table(
        "cleaning",
        "As tracked, and after refine_tracks, clean_tracks and settle_tracks, every usable feature",
        {"bad1": "bad1", "after1": "after", "bad4": "bad4", "after4": "after", "occluded": "occluded",
         "aftero": "after", "kept": "good markers kept", "recall05": "recall05", "afterr": "after",
         "tracks": "tracks left", "moving": "on moving objects"},
    )  # fmt: skip
    solving = Table(
        "solving",
        "Blender's first solve, as tracked, and refined, cleaned and settled; then from the two keyframes that our "
        ".blend names, without and with weigh_tracks (Blender's error is weighted then)",
        {
            "before": "solve1 px",
            "ate": "ate",
            "solve1": "after",
            "ate_after": "after",
            "named": "keyframes named",
            "ate_named": "ate",
            "weighed": "weighed",
            "ate_weighed": "ate",
            "tracks": "tracks left",
        },
    )
    for entry in entries:
        for tracked in track(entry):
            before = tracked.positions
            verdicts, motion = judge_with_motion(tracked.clip, refinement=refine_tracks(tracked.clip))
            name = f"{entry.name}, {tracked.engine}"
            finding.rows.append({"name": name, **_found(tracked, verdicts, entry)})
            clean_tracks(tracked.clip, verdicts=verdicts)
            settle_tracks(tracked.clip)
            after = _delivered(entry, tracked)
            cleaning.rows.append({"name": name, **_cleaned(before, tracked, after)})
            weights = weigh_tracks(tracked.clip, motion=motion)
            solving.rows.append({"name": name, **_solved(before, after, weights, entry)})
    return [finding, cleaning, solving]


def _delivered(entry: Entry, tracked: Tracked) -> Judged:
    """The tracks as they are now: a feature's by the feature, and one that was split off by its reference marker."""
    tracks = tracked.clip.read()
    found = tracked.found
    rows = [_row(track) for track in tracks]
    is_own = np.array([track.name == _name(row) for track, row in zip(tracks, rows, strict=True)], bool)
    start = np.where(is_own, found.start[rows], [reference_of(track) for track in tracks])
    positions = positions_over(tracks, entry.footage.size, range(1, entry.footage.frames + 1))
    first = positions[np.arange(len(tracks)), start - 1]
    pixels = np.where(is_own[:, None], found.pixels[rows], first)
    return Judged(tracks, positions, truth.cast(entry.spec, pixels, start))


def _found(tracked: Tracked, verdicts: list[Verdict], entry: Entry) -> dict[str, float | str]:
    found, positions = tracked.found, tracked.positions
    wrong, marked = _wrong(positions, found)
    judged = found.usable & (marked.sum(axis=1) >= LEAST_MARKERS)
    bad = (wrong.sum(axis=1) > BAD_SHARE * marked.sum(axis=1)) | (found.mover >= 0)
    badness = np.array([verdict.badness for verdict in verdicts])
    clip = blender.load_clip(entry.footage)
    agreed = [
        _agrees(_cause(row, positions, wrong, found), verdicts[row])
        for row in np.flatnonzero(judged & bad)
        if verdicts[row].verdict != "good"
    ]
    return {
        "tracks": int(judged.sum()),
        "bad": str(int((judged & bad).sum())),
        "verdict": auroc(badness[judged], bad[judged]),
        "filter": auroc(_filter_tracks(clip, positions)[judged], bad[judged]),
        "percentile": auroc(motion_percentile(positions)[judged], bad[judged]),
        "reasons": f"{np.mean(agreed):.0%} of {len(agreed)}" if agreed else "",
    }


def _cleaned(before: np.ndarray, tracked: Tracked, delivered: Judged) -> dict[str, float | str]:
    found, after = tracked.found, tracked.positions
    was, of_features = score(before, found.reference()), score(after, found.reference())
    now = score(delivered.positions, delivered.found.reference())
    still = found.mover < 0
    off = np.linalg.norm(before - found.positions(), axis=2)
    good = (off <= 0.5) & found.visible & (found.usable & still)[:, None]
    good &= np.arange(found.frames) != (found.start - 1)[:, None]  # as in every measure, reference markers do not count
    left = np.isfinite(after[..., 0])
    return {
        "bad1": was.bad1, "after1": _per_cent(now, now.bad1), "bad4": was.bad4, "after4": _per_cent(now, now.bad4),
        "occluded": was.occluded, "aftero": _per_cent(now, now.occluded),
        "kept": f"{(good & left).sum() / max(1, good.sum()):.1%}",
        "recall05": was.recall05, "afterr": of_features.recall05,
        "tracks": len(delivered.tracks), "moving": str(int(delivered.moving.sum())),
    }  # fmt: skip


def _per_cent(scores: Scores, share: float) -> str:
    return f"{100 * share:.2f} %" if scores.markers else "no marker"


def _solved(before: np.ndarray, delivered: Judged, weights: dict[str, float], entry: Entry) -> dict[str, float | str]:
    after, found = delivered.positions, delivered.found
    of_tracks = np.array([weights.get(track.name, 1.0) for track in delivered.tracks])
    named = [(first + 1, second + 1) for first, second in solve_keyframes(after, entry.footage.size)]
    wanted = ((before, [], None), (after, [], None), (after, named, None), (after, named, of_tracks))
    solved = partial(solve_apart, entry.footage, focal=found.lens.focal, limit=SOLVE_LIMIT, k1=found.lens.k1)
    first, second, third, weighed = solves = [
        solved(positions, keyframes=begun_from, weights=counted) for positions, begun_from, counted in wanted
    ]
    errors = [
        trajectory_error(s.centres, found.camera_centres()[s.frames - 1]) if len(s.frames) >= 3 else float("inf")
        for s in solves
    ]
    told = [f"{100 * error:.3f} %" if np.isfinite(error) else "no solve" for error in errors]
    return {
        "before": first.error, "ate": errors[0], "solve1": second.error, "ate_after": told[1],
        "named": third.error, "ate_named": told[2], "weighed": weighed.error, "ate_weighed": told[3],
        "tracks": len(after),
    }  # fmt: skip


def auroc(scores: np.ndarray, bad: np.ndarray) -> float:
    """Area under the ROC curve: how often a bad track scores higher than a good one; ties count half."""
    high, low = scores[bad][:, None], scores[~bad][None]
    return float(((high > low) + 0.5 * (high == low)).mean()) if high.size and low.size else float("nan")


def motion_percentile(positions: np.ndarray) -> np.ndarray:
    """(N,) For each track its worst rank, 0 to 1, among all tracks' speeds or accelerations of a frame."""
    worst = np.zeros(len(positions))
    for order in (1, 2):
        size = np.linalg.norm(np.diff(positions, n=order, axis=1), axis=2)
        for column in size.T:
            rows = np.flatnonzero(np.isfinite(column))
            if len(rows) > 1:
                rank = np.argsort(np.argsort(column[rows])) / (len(rows) - 1)
                worst[rows] = np.maximum(worst[rows], rank)
    return worst


def _filter_tracks(clip: blender.Clip, positions: np.ndarray) -> np.ndarray:
    """(N,) The largest threshold at which Blender's operator still selects the track."""
    import bpy

    blender.set_markers(clip, positions)
    found = np.zeros(len(positions))
    for threshold in FILTER_THRESHOLDS:
        for each in clip.tracking.tracks:
            each.select = False
        with blender.clip_editor(clip), blender.quiet():
            bpy.ops.clip.filter_tracks(track_threshold=threshold)
        for each in clip.tracking.tracks:
            if each.select:
                found[int(each.name[1:])] = threshold
    blender.remove_tracks(clip)
    return found


def _wrong(positions: np.ndarray, found: Truth) -> tuple[np.ndarray, np.ndarray]:
    """Markers that are more than 1 px off or hidden, and all markers but the reference ones; (N, F) bool."""
    off = np.linalg.norm(positions - found.positions(), axis=2)
    off = np.where(np.isnan(off) & np.isfinite(positions[..., 0]), np.inf, off)
    marked = np.isfinite(positions[..., 0]) & (np.arange(found.frames) != (found.start - 1)[:, None])
    return marked & ((off > 1.0) | ~found.visible), marked


def _cause(row: int, positions: np.ndarray, wrong: np.ndarray, found: Truth) -> str:
    """Why a track is bad, from the truth: what happened where it first went wrong."""
    if found.mover[row] >= 0:
        return "moving object"
    onset = int(np.flatnonzero(wrong[row])[0])
    if (~found.visible[row, max(0, onset - 1) : onset + 5]).any():
        return "occluded"
    steps = np.linalg.norm(np.diff(positions[row] - found.positions()[row], axis=0), axis=1)
    at = steps[max(0, onset - 1) : onset + 2]
    return "jump" if np.nanmax(np.append(at, 0.0)) > 2.0 else "drift"


AGREEING = {
    "moving object": {"moving object"},
    "occluded": {"occluded"},
    "jump": {"mismatched jump"},
    "drift": {"drifting", "sliding along an edge"},
}


def _agrees(cause: str, verdict: Verdict) -> bool:
    return bool(verdict.reasons) and verdict.reasons[0] in AGREEING[cause]
