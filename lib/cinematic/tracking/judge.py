"""The verdict on each track: good, suspect or bad, and why.

Every measure is turned into a load: the measure over the limit that a preset gives it. The heaviest load decides; the
reason is the load's own. The measure that carries the judgement is how far markers are off the scene's motion
(:mod:`.scene_motion`), whoever tracked them. What drifts along that motion it does not show; where there is footage,
other windows around the same feature are asked, too (:mod:`.second_opinion`), and the worse of the two counts. Low
correlation weighs less than either: on grainy plates right markers correlate badly, too.

Each shot is judged by itself: a run of frames that no track leaves. Where lens or shutter keep the scene's motion from
being known to the limit, the limit widens to what can be known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .coords import SQUARE, Size, lengths
from .looking import Look, Shown, Whereabouts, look_for
from .neighbours import duplicates, jitter
from .order_statistics import known_median, quantile
from .parts import Part, part_around, parts_beyond
from .presets import get_tracking_preset, larger_than_usual
from .reasons import Evidence, moves_along, why_off
from .scene_motion import SceneErrors, errors_of_others, frame_positions, positions_within, scene_errors, slow_parts
from .second_opinion import Apart, Places, SecondOpinion, apart_from, nothing_said
from .solve import ShotCameras
from .types import TrackData, Verdict

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Limits:
    """What a track may do and still be good. Those that are off the scene's motion widen where it is not known so well:
    to three times what markers are off there that the camera rests on, and at most to twice the limit.

    Pixels are those of plates up to 1920 px wide (:meth:`on`).
    """

    frames: int = 5  # fewer markers: too short, unless all tracks together have no more frames
    reprojection_px: float = 0.5  # off the scene's motion: a bad marker
    drift_px: float = 0.35  # off it for some frames together, noise left out: there a track is cut
    track_reprojection_px: float = 0.45  # what nine in ten of a track's markers must stay below
    second_opinion_px: float = 0.7  # off what windows of other sizes say: as bad as reprojection_px
    bad_marker_share: float = 0.20  # more bad markers: a bad track
    correlation: float = 0.65  # ZNCC that nine in ten markers must reach
    deviation_px: float = 0.5  # predicted standard deviation along the weakest direction: sliding along an edge
    forward_backward_px: float = 0.9  # how far off the way back may end
    jitter_px: float = 2.0  # acceleration against the neighbours', per frame squared
    duplicate_px: float = 1.5  # closer than this on nearly all common frames: a duplicate

    def on(self, width: int) -> Limits:
        """The same on a plate ``width`` px wide: beyond 1920 px all lengths grow with it, as patterns do.

        What lens and shutter leave unexplained is a share of the picture; how finely it is sampled changes nothing.
        """
        larger = larger_than_usual(width)
        lengths_in_px = [field.name for field in fields(self) if field.name.endswith("_px")]
        return replace(self, **{name: larger * getattr(self, name) for name in lengths_in_px})

    def within(self, frames: int) -> Limits:
        """The same where there are no more than so many frames: who has a marker on each of them is not too short."""
        return replace(self, frames=min(self.frames, max(2, frames)))


def preset_limits(name: str, width: int) -> Limits:
    """The limits that a preset gives on a plate ``width`` px wide (:meth:`Limits.on`).

    Raises
    ------
    ParameterError
        There is no such preset; the valid names are told.
    """
    preset = get_tracking_preset(name)
    return Limits(frames=preset["clean"]["frames"], **preset["limits"]).on(width)


OFF_SCENE, OFF_WINDOWS = "off the scene's motion, px", "off what other windows say, px"
"""The curves of a verdict that carry it."""

SUSPECT, BAD = 0.65, 1.0
"""Loads from which a track is suspect, and bad."""

_WEAK = 0.5  # what low correlation weighs where the scene's motion is known; 0.3 to 0.6 find bad tracks alike
_FAR_BELOW = 0.15  # ZNCC: a marker that is as far below the limit is bad by that alone
_LEAST_RIGHT = 30  # markers that tell what ZNCC is usual in a shot
_UNUSUAL = 3.0  # times what is usual; of normal errors one in five hundred is larger
_TOO_FAR = 2.0  # times the limit of drift: a marker that is off by itself, as at a track's end
_MOST_SLACK = 2.0  # times the limit: where more is off than that it is the tracks that are


def judge(
    tracks: Sequence[TrackData],
    size: Size,
    limits: Limits | None = None,
    look: Look | None = None,
    second_opinion: SecondOpinion | None = None,
    *,
    pixel_aspect: float = SQUARE,
    focal: float | None = None,
) -> list[Verdict]:
    """Judge every track; nothing is changed.

    Parameters
    ----------
    tracks
        From any source; what an engine did not measure is not held against them.
    size
        Width and height of the footage, px.
    limits
        Default :class:`Limits` on a plate of this width.
    look
        Asked whether a feature still shows where the scene's motion has it: that tells what is occluded from what
        jumped or drifted. Without footage only the way a track went wrong tells it.
    second_opinion
        Asked where others have the features; None: there is no footage.
    pixel_aspect
        Width of a pixel over its height.
    focal
        The lens's focal length, px, where it is known: taken as exact. None: found.

    Returns
    -------
    list of Verdict
        In the order of the tracks.
    """
    return judge_scene(tracks, size, limits, look, second_opinion, pixel_aspect=pixel_aspect, focal=focal)[0]


@dataclass(frozen=True)
class ShotMotion:
    """What the tracks of one shot say of its scene."""

    first: int  # plate frames, both inclusive
    last: int
    scene: SceneErrors

    def holds(self, track: TrackData) -> bool:
        """Whether a track has markers, and all of them within the shot."""
        return bool(track.markers) and self.first <= min(track.markers) and max(track.markers) <= self.last


def judge_scene(
    tracks: Sequence[TrackData],
    size: Size,
    limits: Limits | None = None,
    look: Look | None = None,
    second_opinion: SecondOpinion | None = None,
    *,
    pixel_aspect: float = SQUARE,
    focal: float | None = None,
) -> tuple[list[Verdict], list[ShotMotion]]:
    """:func:`judge`, and by what motion each shot was judged: others can be judged by it (:func:`judge_others`)."""
    found: dict[int, Verdict] = {}
    motions = []
    limits = (limits or Limits().on(size[0])).within(_frames_spanned(tracks))
    for rows, of_shot, first, positions, references in tracks_by_shot(tracks, size):
        count = positions.shape[1]
        with _asked(second_opinion, of_shot, references, first, count) as asked:
            scene = scene_errors(positions, references, size, pixel_aspect=pixel_aspect, focal=focal)
        apart = apart_from(asked.result(), positions, first)
        motions.append(ShotMotion(first, first + count - 1, scene))
        verdicts = _judge_by(motions[-1], of_shot, positions, references, size, limits, look, apart)
        found |= dict(zip(rows, verdicts, strict=True))
    return [found[row] for row in range(len(tracks))], motions


def _frames_spanned(tracks: Sequence[TrackData]) -> int:
    """How many frames there are from the tracks' first marker to their last."""
    frames = [frame for track in tracks if track.markers for frame in (min(track.markers), max(track.markers))]
    return max(frames) - min(frames) + 1 if frames else 0


def shot_motions(tracks: Sequence[TrackData], size: Size, pixel_aspect: float) -> list[ShotMotion]:
    """By what motion :func:`judge_scene` judges each shot, without its verdicts: nobody is asked about the tracks."""
    motions = []
    for _, _, first, positions, references in tracks_by_shot(tracks, size):
        scene = scene_errors(positions, references, size, pixel_aspect=pixel_aspect)
        motions.append(ShotMotion(first, first + positions.shape[1] - 1, scene))
    return motions


def known_cameras(motion: Sequence[ShotMotion]) -> ShotCameras | None:
    """The cameras of the longest shot that the judgement knows those of; None: there is none."""
    solved = [(shot.first, shot.scene.solution) for shot in sorted(motion, key=lambda shot: shot.first - shot.last)]
    known = (ShotCameras(first, found.cameras) for first, found in solved if found is not None)
    return next((each for each in known if each.cameras.solved.any()), None)


def why_no_camera(motion: Sequence[ShotMotion]) -> str:
    """Of the longest shot, why its camera is not known; empty where :func:`known_cameras` finds one."""
    if known_cameras(motion) is not None or not motion:
        return ""
    return max(motion, key=lambda shot: shot.last - shot.first).scene.note


def judge_others(
    tracks: Sequence[TrackData],
    size: Size,
    motion: ShotMotion,
    limits: Limits | None = None,
    second_opinion: SecondOpinion | None = None,
) -> list[Verdict]:
    """Judge further tracks of a shot by the camera that others have given; that costs little.

    Parameters
    ----------
    tracks
        Within the shot's frames. Of a track that no camera sees nothing is known: its verdict has no measure
        ``off_scene_px`` but 0, and no curve.
    motion
        Of :func:`judge_scene`, with a solved camera.
    second_opinion
        As for :func:`judge`.
    """
    of_shot = _references(tracks, motion.first), motion.first, motion.last - motion.first + 1
    with _asked(second_opinion, tracks, *of_shot) as asked:
        positions, references, scene = errors_by(motion, tracks, size)
    of_them = replace(motion, scene=scene)
    apart = apart_from(asked.result(), positions, motion.first)
    return _judge_by(of_them, tracks, positions, references, size, limits or Limits().on(size[0]), None, apart)


@contextmanager
def _asked(second_opinion: SecondOpinion | None, *about: Any) -> Iterator[Future[Sequence[Places]]]:
    """What :func:`_ask` finds, sought meanwhile: it takes seconds, as solving does, and neither needs the other."""
    with ThreadPoolExecutor(max_workers=1) as aside:
        yield aside.submit(copy_context().run, _ask, second_opinion, *about)


def _ask(
    second_opinion: SecondOpinion | None,
    tracks: Sequence[TrackData],
    references: npt.NDArray[np.int64],
    first: int,
    frames: int,
) -> Sequence[Places]:
    """Of tracks with reference markers at indices (n,) of so many frames from plate frame ``first`` on."""
    if second_opinion is None:
        return nothing_said(tracks)
    return second_opinion(tracks, first + references, first, frames)


def errors_by(
    motion: ShotMotion, tracks: Sequence[TrackData], size: Size
) -> tuple[FloatArray, npt.NDArray[np.int64], SceneErrors]:
    """Positions (n, f, 2) px and reference rows (n,) of a shot's tracks, and how far its camera has them off."""
    solution = motion.scene.solution
    if solution is None:
        raise ValueError(f"expected a shot with a solved camera, got none: {motion.scene.note}")
    positions = positions_within(tracks, size, motion.first, motion.last - motion.first + 1)
    references = _references(tracks, motion.first)
    return positions, references, errors_of_others(motion.scene, solution, positions, references)


def tracks_by_shot(
    tracks: Sequence[TrackData], size: Size
) -> Iterator[tuple[list[int], list[TrackData], int, FloatArray, npt.NDArray[np.int64]]]:
    """Of each shot its tracks' rows, the tracks, its first frame, their positions (n, f, 2) px and references (n,)."""
    for rows in _by_shot(tracks):
        of_shot = [tracks[row] for row in rows]
        first, positions = frame_positions(of_shot, size)
        yield rows, of_shot, first, positions, _references(of_shot, first)


def _by_shot(tracks: Sequence[TrackData]) -> list[list[int]]:
    """Rows of the tracks of each shot, in their order: none goes on into the next."""
    shots: list[list[int]] = []
    end = 0
    for row in sorted(range(len(tracks)), key=lambda row: min(tracks[row].markers, default=0)):
        frames = tracks[row].markers
        if not shots or min(frames, default=end) > end:
            shots.append([])
        shots[-1].append(row)
        end = max(end, *frames) if frames else end
    return [sorted(rows) for rows in shots]


def slack_of(usual: FloatArray, limit: float) -> FloatArray:
    """(f,) By how much a limit (px) widens in each frame, where markers are ``usual`` (f,) px off; 1 where not."""
    return np.fmin(np.fmax(1.0, _UNUSUAL * usual / limit), _MOST_SLACK)


def _judge_by(
    motion: ShotMotion,
    tracks: Sequence[TrackData],
    positions: FloatArray,
    references: npt.NDArray[np.int64],
    size: Size,
    limits: Limits,
    look: Look | None,
    apart: Apart,
) -> list[Verdict]:
    """Verdicts on tracks whose errors, row by row, are those of ``motion.scene``."""
    first, scene = motion.first, motion.scene
    slack = slack_of(scene.usual, limits.reprojection_px)
    doubt = apart.distance / limits.second_opinion_px
    distance = np.fmax(scene.distance / slack, doubt * limits.reprojection_px)
    lasting_doubt = lengths(slow_parts(apart.offset)) / limits.second_opinion_px
    drift = np.fmax(scene.drift / slack_of(scene.usual_drift, limits.drift_px), lasting_doubt * limits.drift_px)
    offset = (positions - scene.places) / slack[:, None]
    together = moves_along(positions, offset, distance, limits.reprojection_px, size[0])
    shaking = jitter(positions, known_median((scene.distance / slack).T) <= limits.reprojection_px)
    doubles = duplicates(positions, limits.duplicate_px)
    judged = [
        _Judged(
            track=track,
            first=first,
            reference=int(references[row]),
            positions=positions[row],
            scene=scene,
            row=row,
            offset=offset[row],
            distance=distance[row],
            drift=drift[row],
            apart=apart.distance[row],
            slack=slack,
            in_company=bool(together[row]),
        )
        for row, track in enumerate(tracks)
    ]
    shown = look_for([each.whereabouts for each in judged], size, limits.reprojection_px, look)
    low = _low_correlation(judged, limits, scene)
    return [
        _verdict(each, limits, low, float(shaking[row]), row in doubles, shown[row]) for row, each in enumerate(judged)
    ]


@dataclass(frozen=True)
class _Judged:
    """A track, and what the scene's motion says of it."""

    track: TrackData
    first: int  # plate frame of index 0
    reference: int  # index of the frame of its reference marker
    positions: FloatArray  # (f, 2) px
    scene: SceneErrors
    row: int
    # Px, to be held against limits of the scene's motion that are not widened:
    offset: FloatArray  # (f, 2) from that motion
    distance: FloatArray  # (f,) from it or from what other windows say, the worse
    drift: FloatArray  # (f,) the slow part of it
    apart: FloatArray  # (f,) from what other windows say, px
    slack: FloatArray  # (f,) by how much limits widen in each frame; 1 where they do not
    in_company: bool

    @property
    def whereabouts(self) -> Whereabouts:
        return Whereabouts(
            self.track, self.first, self.reference, self.positions, self.scene.places[self.row], self.distance
        )


def _references(tracks: Sequence[TrackData], first: int) -> npt.NDArray[np.int64]:
    """Index of the frame in which each track's pattern was first taken; of its first marker where none is known."""
    references = np.zeros(len(tracks), np.int64)
    for row, track in enumerate(tracks):
        known = [frame for frame in track.reference_frames if frame in track.markers]
        references[row] = min(known or track.markers or [first]) - first
    return references


def _low_correlation(judged: Sequence[_Judged], limits: Limits, scene: SceneErrors) -> float:
    """Below which ZNCC a marker is bad: below the limit, and far below the right markers, if a camera tells them."""
    limit = limits.correlation - _FAR_BELOW
    if scene.solution is None:
        return limit
    right = [
        value
        for each in judged
        for frame, value in each.track.correlations.items()
        if frame in each.track.markers and each.distance[frame - each.first] <= limits.drift_px
    ]
    return min(limit, quantile(right, 0.1) - _FAR_BELOW) if len(right) >= _LEAST_RIGHT else limit


def _verdict(each: _Judged, limits: Limits, low: float, shaking: float, is_double: bool, seen: Shown) -> Verdict:
    track, first = each.track, each.first
    judged = np.flatnonzero(np.isfinite(each.distance))
    frames = (first + judged).tolist()
    off = each.distance[judged].tolist()
    shown, apart = (_curve(values, first) for values in (each.scene.distance[each.row], each.apart))
    deviations = dict(zip(track.covariances, _largest_deviations(track.covariances), strict=True))
    wrong = [frame for frame, distance in zip(frames, off, strict=True) if distance > limits.reprojection_px]
    astray = (first + judged[each.drift[judged] > limits.drift_px]).tolist()
    weight = _WEAK if each.scene.solution is not None and off else 1.0
    loads = {
        "low correlation": weight * _correlation_load(track.correlations, limits.correlation),
        "sliding along an edge": _upper(deviations.values()) / limits.deviation_px,
        "drifting": _upper(track.forward_backward.values()) / limits.forward_backward_px,
        "jittery": shaking / limits.jitter_px,
    }
    off_load = max(_upper(off) / limits.track_reprojection_px, len(wrong) / max(1, len(off)) / limits.bad_marker_share)
    why = ""
    if off_load >= SUSPECT or wrong or astray:
        why = why_off(_evidence(each, seen), limits.reprojection_px)
        loads[why] = max(loads.get(why, 0.0), off_load)
    badness = max(off_load, *loads.values())
    if len(track.markers) < limits.frames:
        loads["too short"] = BAD
    if is_double:
        loads["duplicate"] = BAD
    reasons = sorted((reason for reason, load in loads.items() if load >= SUSPECT), key=lambda r: -loads[r])
    if loads.get(why, 0.0) >= BAD:  # what made it so comes before what shows it
        reasons.sort(key=lambda reason: reason != why)
    heaviest = max(loads.values())
    return Verdict(
        name=track.name,
        verdict="bad" if heaviest >= BAD else "suspect" if heaviest >= SUSPECT else "good",
        reasons=tuple(reasons),
        badness=float(1 - np.exp(-0.7 * badness)),
        bad_markers=dict.fromkeys(sorted({*wrong, *astray}), why) | _uncorrelated(track, low),
        measures={
            "markers": float(len(track.markers)),
            "off_scene_px": _upper(shown.values()),
            "second_opinion_px": _upper(apart.values()),
            "deviation_px": _upper(deviations.values()),
            "forward_backward_px": _upper(track.forward_backward.values()),
            "jitter_px": shaking,
            "lowest_correlation": min(track.correlations.values(), default=float("nan")),
            "parallax_deg": float(each.scene.parallax[each.row]),
        },
        curves={
            OFF_SCENE: shown,
            OFF_WINDOWS: apart,
            "correlation": dict(track.correlations),
            "forward-backward, px": dict(track.forward_backward),
            "predicted deviation, px": deviations,
        },
        sound=() if is_double else tuple((first + low, first + high) for low, high in _sound_parts(each, limits, why)),
    )


def _curve(values: FloatArray, first: int) -> dict[int, float]:
    """What is known, by plate frame."""
    known = np.flatnonzero(np.isfinite(values))
    return dict(zip((first + known).tolist(), values[known].tolist(), strict=True))


def _evidence(each: _Judged, seen: Shown) -> Evidence:
    covariances = {frame - each.first: entry for frame, entry in each.track.covariances.items()}
    values = list(each.track.correlations.values())
    correlation = float(np.median(values)) if values else None
    return Evidence(each.distance, each.offset, each.reference, each.in_company, covariances, correlation, seen)


def _sound_parts(each: _Judged, limits: Limits, why: str) -> list[Part]:
    """The parts of a track that may be kept, the reference marker's first; none: the track is hopeless."""
    marked = np.isfinite(each.positions[:, 0])
    if marked.sum() < limits.frames or why == "moving object":
        return []
    astray = (each.drift > limits.drift_px) | (each.distance > _TOO_FAR * limits.drift_px)
    own = part_around(astray, marked, each.reference)
    within = np.arange(own[0], own[1] + 1)
    within = within[marked[within]]
    parts = [own] if _is_sound(each, within, limits) else []
    if why == "mismatched jump" and each.scene.solution is not None:  # an event, not a habit: either side may be right
        limit = limits.track_reprojection_px * float(np.median(each.slack))
        parts += parts_beyond(each.positions, each.scene.solution, own, limit)
    return parts


def _is_sound(each: _Judged, markers: npt.NDArray[np.int64], limits: Limits) -> bool:
    drifting = each.drift[markers] > limits.drift_px  # False for NaN
    going = drifting | (each.distance[markers] > limits.reprojection_px)
    return bool(drifting.mean() <= limits.bad_marker_share) and int((~going).sum()) >= limits.frames


def _uncorrelated(track: TrackData, low: float) -> dict[int, str]:
    frames = [frame for frame, value in track.correlations.items() if value < low and frame in track.markers]
    return dict.fromkeys(frames, "low correlation")


def _correlation_load(correlations: Mapping[int, float], limit: float) -> float:
    """1 where a tenth of the markers correlate less than the limit."""
    if not correlations:
        return 0.0
    low = quantile(correlations.values(), 0.1)
    return max(0.0, (1 - low) / (1 - limit))


def _upper(values: Collection[float]) -> float:
    """What nine in ten markers stay below."""
    return quantile(values, 0.9) if values else 0.0


def _largest_deviations(covariances: Mapping[int, tuple[float, float, float]]) -> list[float]:
    """Standard deviations along the error ellipses' long axes, px."""
    xx, xy, yy = np.array(list(covariances.values())).reshape(-1, 3).T
    return np.sqrt(np.maximum(0.0, (xx + yy) / 2 + np.hypot((xx - yy) / 2, xy))).tolist()
