"""How good tracks are, and what to do about those that are not.

Correlation here is always measured: zero-mean normalised cross-correlation (ZNCC, -1 to 1) between the reference
pattern and each marker's pattern, sampled from the footage. Blender computes one while tracking and throws it
away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from . import libmv
from .blender import BLENDER_AVAILABLE
from .checks import check_choice, checked_number
from .cleaning import Cleaning, plan_cleaning
from .clip import Clip, clean
from .columns import FrameColumn
from .context import tracking_context
from .coords import Size, corners_of, pixels_from_co
from .errors import ParameterError
from .judge import Limits, ShotMotion, judge_scene, known_cameras, shot_motions, why_no_camera
from .metrics import PatternTrack, correlations, reference_rows
from .readiness import readiness
from .refining import Refinement, refined, settled
from .second_opinion import SecondOpinion, remembering
from .store import Store, store_of
from .types import Readiness, TrackData, Verdict, verdicts_in_words
from .weights import track_weights

__all__ = [
    "BLENDER_AVAILABLE",
    "analyze_track_quality",
    "clean_low_quality_tracks",
    "clean_tracks",
    "enable_tracks",
    "filter_tracks_by_correlation",
    "get_track_quality_report",
    "judge_tracks",
    "judge_with_motion",
    "measure_correlations",
    "read_tracks",
    "refine_tracks",
    "restore_tracks",
    "settle_tracks",
    "solve_readiness",
    "weigh_tracks",
]

CLEAN_ACTIONS = {
    "DELETE": "DELETE_TRACK",
    "DELETE_TRACK": "DELETE_TRACK",
    "DELETE_SEGMENTS": "DELETE_SEGMENTS",
    "SELECT": "SELECT",
}
"""Our words and Blender's own -> Blender's."""

_PLAIN_WEIGHT = 1.0  # of a track whose weight nobody has set


def analyze_track_quality(
    clip: Any, *, min_frames: int = 5, max_error: float = 2.0, min_correlation: float = 0.6
) -> dict[str, Any]:
    """Measure every track of a clip. Reads the footage once.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    min_frames
        A track with fewer markers is short.
    max_error
        Reprojection error, px, above which a track's error is high. Without a camera solve there is none.
    min_correlation
        Mean ZNCC of a track's markers below which its correlation is low.

    Returns
    -------
    dict
        ``total_tracks``; ``active_tracks``: enabled ones; ``average_markers``: valid markers a track;
        ``low_correlation_tracks``, ``short_tracks``: lists of names; ``high_error_tracks``: list of
        ``{"name", "error"}``, the worst first; ``correlations``: ``{name: mean ZNCC}`` of the tracks that have
        a marker besides their reference; ``is_solved``: whether there are reprojection errors at all;
        ``verdicts``: ``{name: Verdict}`` of the enabled tracks (:func:`judge_tracks`); ``readiness``: a
        :class:`Readiness`, whether a camera solve can work with them.
        Disabled tracks are counted in ``total_tracks`` and in nothing else.

    Raises
    ------
    FootageError
        The clip's footage cannot be read.
    BackendUnavailable
        It needs Blender and there is none.
    """
    store = store_of(clip)
    tracks = store.read()
    active = [track for track in tracks if track.enabled]
    measured = _measured(store, active)
    means = _means(measured)
    verdicts, motion = _judged(store, active, measured)
    errors = {track.name: track.average_error for track in active if track.average_error is not None}
    return {
        "total_tracks": len(tracks),
        "active_tracks": len(active),
        "average_markers": float(np.mean([len(track.markers) for track in active])) if active else 0.0,
        "low_correlation_tracks": [name for name, mean in means.items() if mean < min_correlation],
        "short_tracks": [track.name for track in active if len(track.markers) < min_frames],
        "high_error_tracks": [
            {"name": name, "error": error}
            for name, error in sorted(errors.items(), key=lambda entry: -entry[1])
            if error > max_error
        ],
        "correlations": means,
        "is_solved": bool(errors),
        "verdicts": {verdict.name: verdict for verdict in verdicts},
        "readiness": _readiness(store, active, verdicts, motion),
    }


def clean_low_quality_tracks(clip: Any, frames: int = 5, error: float = 2.0, action: str = "DELETE") -> int:
    """Remove short tracks, and after a camera solve those with a high reprojection error.

    On a Blender clip this runs ``bpy.ops.clip.clean_tracks``. Locked, hidden and disabled tracks are left alone.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    frames
        Tracks (or segments) with fewer tracked frames go; 0: none for its length.
    error
        Tracks with a higher average reprojection error go, px; 0: none for its error. Before a solve every
        error is 0.
    action
        ``"DELETE"`` (Blender's ``"DELETE_TRACK"``), ``"DELETE_SEGMENTS"``, or Blender's ``"SELECT"``: select them
        and remove nothing (only Blender has a selection).

    Returns
    -------
    int
        Tracks removed; for segments, tracks removed or cut; for ``"SELECT"``, tracks selected.

    Raises
    ------
    ParameterError
        A value is out of its range. Nothing was changed.
    BackendUnavailable
        It needs Blender and there is none.
    """
    store_of(clip)
    if isinstance(frames, bool) or not isinstance(frames, int | np.integer) or frames < 0:
        raise ParameterError(f"expected frames as a whole number of at least 0, got {frames!r}")
    if isinstance(error, bool) or not isinstance(error, int | float | np.number) or not 0 <= error < np.inf:
        raise ParameterError(f"expected error as px of at least 0, got {error!r}")
    check_choice("action", action, CLEAN_ACTIONS)
    if isinstance(clip, Clip):
        return clean(clip, int(frames), float(error), _on_a_clip(CLEAN_ACTIONS[action]))
    with tracking_context(clip) as editor:
        return libmv.clean(editor, int(frames), float(error), CLEAN_ACTIONS[action])


def filter_tracks_by_correlation(clip: Any, min_correlation: float = 0.6) -> int:
    """Disable every track whose mean correlation is lower. :func:`enable_tracks` takes it back, exactly.

    A disabled track has all its markers muted; which were unmuted is kept with the clip, also in a saved
    .blend. Locked tracks are left alone, and so are tracks without a marker besides their reference.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    min_correlation
        Mean ZNCC, -1 to 1.

    Returns
    -------
    int
        Tracks disabled by this call.

    Raises
    ------
    ParameterError, FootageError, BackendUnavailable
    """
    store = store_of(clip)
    checked_number("min_correlation", min_correlation, -1.0, 1.0)
    tracks = [track for track in store.read() if track.enabled and not track.locked]
    means = _means(_measured(store, tracks))
    return store.disable(name for name, mean in means.items() if mean < min_correlation)


def enable_tracks(clip: Any, names: Iterable[str] | None = None) -> int:
    """Enable tracks that were disabled: exactly the markers that were unmuted before are so again.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    names
        Default: all disabled tracks.

    Returns
    -------
    int
        Tracks enabled.

    Raises
    ------
    ParameterError
        The clip has no track of that name.
    BackendUnavailable
        It needs Blender and there is none.
    """
    store = store_of(clip)
    present = [track.name for track in store.read()]
    chosen = present if names is None else list(names)
    missing = [name for name in chosen if name not in present]
    if missing:
        raise ParameterError(f"expected names of tracks of clip {clip.name!r}, got {', '.join(map(repr, missing))}")
    return store.enable(chosen)


def judge_tracks(
    clip: Any, limits: Limits | None = None, *, tracks: Sequence[TrackData] | None = None
) -> list[Verdict]:
    """A verdict on each track, with its reasons; nothing is changed.

    Correlations that no engine has left are measured in the footage; the motion of all tracks together is compared
    with that of one rigid scene.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    limits
        What a track may do and still be good; default :class:`.judge.Limits` on a plate so wide.
    tracks
        Of :func:`read_tracks`, when they are there already: nothing is measured twice.

    Returns
    -------
    list of Verdict
        In the clip's order.

    Raises
    ------
    FootageError
        The clip's footage cannot be read.
    BackendUnavailable
        It needs Blender and there is none.
    """
    return judge_with_motion(clip, limits, tracks=tracks)[0]


def judge_with_motion(
    clip: Any,
    limits: Limits | None = None,
    *,
    tracks: Sequence[TrackData] | None = None,
    refinement: Refinement | None = None,
    focal: float | None = None,
) -> tuple[list[Verdict], list[ShotMotion]]:
    """:func:`judge_tracks`, and the motion of each shot, for :func:`.point_tracker.refill_tracks`.

    With the ``refinement`` that came before, tracks are followed by other windows once for both. Where the focal length
    (px) is known it is taken as exact.
    """
    store = store_of(clip)
    known = store.read() if tracks is None else tracks
    return _judged(store, known, _measured(store, known), limits, refinement, focal)


def solve_readiness(
    clip: Any, verdicts: Sequence[Verdict] | None = None, *, motion: Sequence[ShotMotion] = ()
) -> Readiness:
    """Whether a camera solve can work with the tracks that are not bad, and what is missing.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    verdicts
        Of :func:`judge_tracks`, when they are there already.
    motion
        Of :func:`judge_with_motion`, with the verdicts: it knows how surely the tracks tell the focal length, or why
        there is no camera that they fit.

    Raises
    ------
    FootageError, BackendUnavailable
    """
    store = store_of(clip)
    if verdicts is None:
        verdicts, motion = judge_with_motion(clip)
    return _readiness(store, store.read(), verdicts, motion)


def _readiness(
    store: Store, tracks: Sequence[TrackData], verdicts: Sequence[Verdict], motion: Sequence[ShotMotion]
) -> Readiness:
    frames = range(store.numbers.first, store.numbers.last + 1)
    return readiness(tracks, verdicts, frames, store.size, known_cameras(motion), no_camera=why_no_camera(motion))


def clean_tracks(
    clip: Any,
    *,
    limits: Limits | None = None,
    mute: bool = False,
    keep: Collection[str] = (),
    dry_run: bool = False,
    verdicts: Sequence[Verdict] | None = None,
) -> Cleaning:
    """Clean by verdict, so that a camera solve works at the first try. :func:`restore_tracks` takes it back.

    Markers off the scene's motion go; a track is cut where it went wrong, split where it jumped from one point of the
    scene to another, and removed when nothing of it can be trusted. Tracks that are locked, disabled or set by hand
    (``add_track``; in Blender also those with several keyed markers) are left alone. Where fewer than eight tracks
    would be left on a frame, the least wrong of its markers stay: a camera needs the last ones more than it minds them.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    limits
        What a track may do and still be good; default :class:`.judge.Limits` on a plate so wide. Verdicts that are
        there already were made by them.
    mute
        Mute the markers instead of taking them away; hopeless tracks stay, all muted.
    keep
        Names of tracks to leave alone.
    dry_run
        Change nothing; the result says what would be done.
    verdicts
        Of :func:`judge_tracks`, when they are there already.

    Returns
    -------
    Cleaning
        What was done to each track, and why.

    Raises
    ------
    ParameterError
        ``keep`` names a track that the clip does not have, or the verdicts are of other tracks.
    FootageError, BackendUnavailable
    """
    store = store_of(clip)
    tracks = store.read()
    _check_names("keep", keep, tracks, clip)
    if verdicts is None:
        verdicts = judge_tracks(clip, limits)
    elif [verdict.name for verdict in verdicts] != [track.name for track in tracks]:
        raise ParameterError(f"expected the verdicts of clip {clip.name!r}'s {len(tracks)} tracks, got {len(verdicts)}")
    limits = limits or Limits().on(store.size[0])
    plan = plan_cleaning(tracks, verdicts, limits=limits, mute=mute, keep=keep)
    if not dry_run:
        _do(clip, plan)
    return plan


def restore_tracks(clip: Any, cleaning: Cleaning | Refinement) -> int:
    """Take back :func:`clean_tracks`, :func:`refine_tracks` or :func:`settle_tracks`; how many tracks that changes.

    Raises
    ------
    BackendUnavailable
        It needs Blender and there is none.
    """
    store_of(clip)
    gone = {track.name for track in cleaning.before} | {track.name for track in cleaning.after}
    _swap(clip, gone, cleaning.before)
    return len(cleaning.before)


def refine_tracks(clip: Any, *, names: Collection[str] | None = None) -> Refinement:
    """Make markers more exact: where windows of several sizes have their features on average.

    Each track's pattern is followed once more from its reference marker by a smaller window and three larger ones.
    Where they agree with a marker up to grain, the average of all scatters less than the marker did; where one of them
    leads elsewhere it hardly counts. Reference markers stay, and so do tracks that are locked, disabled or set by hand.
    :func:`restore_tracks` takes it back. What follows another point becomes no better: judge and clean afterwards.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    names
        Of the tracks to refine; default all. Once is enough: twice would follow the windows more than the markers.

    Returns
    -------
    Refinement
        The tracks that have other markers now, as they were and as they are, and how far markers moved.

    Raises
    ------
    ParameterError
        ``names`` has one that no track of the clip has.
    FootageError, BackendUnavailable
    """
    store = store_of(clip)
    tracks = store.read()
    _check_names("names", names or (), tracks, clip)
    free = [track for track in _free(tracks) if names is None or track.name in names]
    done = refined(free, store.size, store.footage)
    _do(clip, done)
    return done


def settle_tracks(clip: Any) -> Refinement:
    """Make the markers of cleaned tracks more exact: where the frames around each of them have its pattern.

    A marker comes from a comparison of two frames, each with its own grain. The mean of what the frames around it show,
    over a window more than twice as wide as the pattern, has next to none: each frame's pattern is aligned with that
    (congealing: Learned-Miller 2006), and the marker goes most of the way. Over some frames markers stay where
    they were on average, so that what drifts goes on drifting, but is harder to find: judge and clean before. Reference
    markers stay, and so do tracks that are locked, disabled or set by hand. :func:`restore_tracks` takes it back.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
        With tracks that have been cleaned. Once is enough.

    Returns
    -------
    Refinement
        The tracks that have other markers now, as they were and as they are, and how far markers moved.

    Raises
    ------
    FootageError, BackendUnavailable
    """
    store = store_of(clip)
    done = settled(_free(store.read()), store.size, store.footage)
    _do(clip, done)
    return done


def weigh_tracks(clip: Any, *, motion: Sequence[ShotMotion] | None = None) -> dict[str, float]:
    """Give each track the weight that it deserves in a camera solve, by how much its markers scatter.

    Blender's solver multiplies a track's errors by its weight, also in the average error that it shows. Tracks that are
    locked, disabled or set by hand keep their weight, and so do those that have another than 1: somebody chose it.
    Where no camera can be solved, all do.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
        With tracks that have been cleaned.
    motion
        Of :func:`judge_with_motion`; default: found from the clip's tracks, which takes a camera solve.

    Returns
    -------
    dict
        ``{track name: weight}`` of the tracks that were given one, 0.1 to 1; the quarter that scatters least has 1.

    Raises
    ------
    FootageError, BackendUnavailable
    """
    store = store_of(clip)
    motions = shot_motions(store.read(), store.size, store.pixel_aspect) if motion is None else motion
    free = [track for track in _free(store.read()) if track.weight == _PLAIN_WEIGHT]
    weights = track_weights(free, store.size, motions)
    store.set_weights(weights)
    return weights


def get_track_quality_report(clip: Any) -> str:
    """:func:`analyze_track_quality` as text to read."""
    analysis = analyze_track_quality(clip)
    lines = [
        f"Tracks of {clip.name}",
        f"  {analysis['total_tracks']} tracks, {analysis['active_tracks']} of them enabled",
        f"  {analysis['average_markers']:.1f} markers a track on average",
    ]
    if analysis["correlations"]:
        values = list(analysis["correlations"].values())
        lines.append(f"  correlation {np.median(values):.3f} at the median, {min(values):.3f} at the worst")
    lines += _told_verdicts(analysis["verdicts"].values())
    lines += [f"  {line}" for line in analysis["readiness"].lines()]
    lines += _listed(
        "low correlation",
        [_with_value(n, analysis["correlations"][n], "") for n in analysis["low_correlation_tracks"]],
    )
    lines += _listed("short", analysis["short_tracks"])
    if analysis["is_solved"]:
        high = [_with_value(entry["name"], entry["error"], " px") for entry in analysis["high_error_tracks"]]
        lines += _listed("high reprojection error", high)
    else:
        lines.append("  reprojection error: not known before a camera solve")
    return "\n".join(lines)


def measure_correlations(clip: Any) -> dict[str, dict[int, float]]:
    """ZNCC of each valid marker with its reference pattern, from the footage.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip

    Returns
    -------
    dict
        ``{track name: {plate frame: zncc}}``; reference markers and frames beyond the footage are left out.
    """
    store = store_of(clip)
    return {name: dict(values) for name, values in _measured(store, store.read()).items()}


def read_tracks(clip: Any, *, measure: bool = True) -> list[TrackData]:
    """All tracks of a clip as plain data, in the clip's order.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
        Of a :class:`Clip` they are its own tracks, not copies.
    measure
        Read the footage to fill the correlations that no engine has left.
    """
    store = store_of(clip)
    tracks = store.read()
    if measure:
        measured = _measured(store, tracks)
        for track in tracks:
            track.correlations = FrameColumn(0, measured[track.name])
            track.correlation = _mean(track.correlations)
    return tracks


def _free(tracks: Iterable[TrackData]) -> list[TrackData]:
    """The tracks that nobody has locked, switched off or set by hand."""
    return [track for track in tracks if track.enabled and not track.locked and not track.by_hand]


def _check_names(what: str, names: Collection[str], tracks: Iterable[TrackData], clip: Any) -> None:
    there = {track.name for track in tracks}
    missing = ", ".join(repr(name) for name in names if name not in there)
    if missing:
        raise ParameterError(f"expected {what} to name tracks of clip {clip.name!r}, got {missing}")


def _measured(store: Store, tracks: Sequence[TrackData]) -> dict[str, Mapping[int, float]]:
    """The correlations that the engine has left with a track, and those of the others from the footage."""
    unknown = [track for track in tracks if not track.correlations and len(track.markers) > 1]
    patterns = [_pattern_track(track, store.size) for track in unknown]
    found = correlations(patterns, store.footage) if patterns else {}
    return {track.name: found.get(track.name, track.correlations) for track in tracks}


def _judged(
    store: Store,
    tracks: Sequence[TrackData],
    measured: Mapping[str, Mapping[int, float]],
    limits: Limits | None = None,
    refinement: Refinement | None = None,
    focal: float | None = None,
) -> tuple[list[Verdict], list[ShotMotion]]:
    """Verdicts on copies of the tracks that have the measured correlations, and the motion of each shot."""
    from .other_windows import ask_other_windows  # numba, which takes a while to import

    known = [replace(track, correlations=FrameColumn(0, measured[track.name])) for track in tracks]
    look = partial(correlations, footage=store.footage)
    others: SecondOpinion = partial(ask_other_windows, footage=store.footage)
    if refinement is not None:
        others = remembering(refinement.heard, others)
    return judge_scene(known, store.size, limits, look, others, pixel_aspect=store.pixel_aspect, focal=focal)


def _pattern_track(track: TrackData, size: Size) -> PatternTrack:
    frames = sorted(track.markers)
    upright = corners_of(track.pattern_area, size)
    corners = np.array([track.corners.get(frame, upright) for frame in frames]).reshape(-1, 4, 2)
    positions = np.array([track.markers[frame] for frame in frames])
    keyed = np.isin(frames, track.reference_frames)
    return PatternTrack(
        name=track.name,
        frames=np.array(frames),
        quads=pixels_from_co(positions[:, None] + corners, size),
        references=reference_rows(keyed, previous_frame=track.pattern_match == "PREV_FRAME"),
    )


def _told_verdicts(verdicts: Collection[Verdict]) -> list[str]:
    lines = ["  verdicts: " + verdicts_in_words(verdicts)]
    worst = sorted((v for v in verdicts if v.verdict == "bad"), key=lambda v: -v.badness)
    return lines + _listed("bad", [f"{verdict.name} ({verdict.reasons[0]})" for verdict in worst])


def _do(clip: Any, change: Cleaning | Refinement) -> None:
    """Put the tracks after a change in the place of those before it."""
    _swap(clip, [track.name for track in change.before], change.after)


def _swap(clip: Any, gone: Iterable[str], come: Sequence[TrackData]) -> None:
    """Put tracks in the place of others, on either kind of clip."""
    come = [track.copy() for track in come]  # what the clip holds changes later; what the cleaning remembers must not
    if isinstance(clip, Clip):
        return clip.tracks.swap(gone, come)
    arriving = {track.name for track in come}
    leaving = [name for name in gone if name not in arriving and clip.tracking.tracks.get(name) is not None]
    if leaving:
        with tracking_context(clip) as editor:
            libmv.delete(editor, leaving)
    store_of(clip).write(come)


def _on_a_clip(action: str) -> str:
    if action == "SELECT":
        raise ParameterError("expected action DELETE or DELETE_SEGMENTS on a Clip, got 'SELECT': only Blender selects")
    return action


def _mean(values: Mapping[int, float]) -> float | None:
    return float(np.mean(list(values.values()))) if values else None


def _means(measured: Mapping[str, Mapping[int, float]]) -> dict[str, float]:
    return {name: mean for name, values in measured.items() if (mean := _mean(values)) is not None}


def _with_value(name: str, value: float, unit: str) -> str:
    return f"{name} ({value:.2f}{unit})"


def _listed(what: str, names: list[str], most: int = 12) -> list[str]:
    if not names:
        return [f"  {what}: none"]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return [f"  {what}: {len(names)}: {', '.join(names[:most])}{more}"]
