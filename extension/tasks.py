"""What is done beside Blender, on a copy of a clip: by a process that has no Blender (:mod:`.beside`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cinematic.tracking import (
    CameraSolve,
    Cleaning,
    Clip,
    Coverage,
    Progress,
    Readiness,
    Refinement,
    TrackData,
    TrackingError,
    Verdict,
    auto_track,
    clean_tracks,
    judge_with_motion,
    read_tracks,
    refill_tracks,
    refine_tracks,
    settle_tracks,
    solve_readiness,
    weigh_tracks,
)
from cinematic.tracking import solve_camera as solve
from cinematic.tracking.judge import ShotMotion, known_cameras, preset_limits
from cinematic.tracking.kernels import compile_kernels
from cinematic.tracking.report import write_report
from cinematic.tracking.solve.cameras import ShotCameras
from cinematic.tracking.types import ClipInfo

from .beside import Say

Wishes = Mapping[str, Any]
"""Where to look for features, and how many: arguments of :func:`auto_track` and of :func:`refill_tracks`."""


@dataclass(frozen=True)
class Shot:
    """The copy of a clip, and what the artist has chosen for all that is done with it."""

    clip: Clip
    name: str  # as Blender has it
    preset: str
    focal: float | None  # of the lens, px, where the artist knows it


@dataclass(frozen=True)
class Tracked:
    """What tracking a shot has come to."""

    added: list[TrackData]
    coverage: Coverage


@dataclass(frozen=True)
class Judged:
    """What judging has come to."""

    verdicts: list[Verdict]
    readiness: Readiness
    cameras: ShotCameras | None


@dataclass(frozen=True)
class Cleaned:
    """What refining, cleaning, filling, settling and weighing have come to."""

    refined: list[TrackData]  # of the tracks before: those that have other markers
    verdicts: list[Verdict]  # of them
    cleaning: Cleaning
    added: list[TrackData]
    settled: list[TrackData]  # of all there are then: those that have other markers once more
    weights: dict[str, float]
    cameras: ShotCameras | None


def track_shot(shot: Shot, wishes: Wishes, say: Say) -> Tracked:
    """Cover the whole shot with tracks."""
    compile_kernels(say)
    clip, known = shot.clip, set(shot.clip.tracks.keys())
    coverage = auto_track(clip, shot.preset, on_progress=partial(_tell, say, "Tracking"), **wishes)
    if not coverage.tracks:
        raise TrackingError(f"no features found on {shot.name!r} that could be tracked: {coverage.why_none}")
    return Tracked([track for track in clip.tracks if track.name not in known], coverage)


def judge_shot(shot: Shot, say: Say) -> Judged:
    """Judge every track."""
    verdicts, motion = _judged(shot, say)
    return Judged(verdicts, solve_readiness(shot.clip, verdicts, motion=motion), known_cameras(motion))


def clean_shot(shot: Shot, wishes: Wishes | None, say: Say) -> Cleaned:
    """Refine, clean by verdict, fill what that has emptied (``wishes`` None: leave it so), settle and weigh."""
    clip, before = shot.clip, len(shot.clip.tracks)
    say("Refining")
    refinement = refine_tracks(clip)
    verdicts, motion = _judged(shot, say, refinement)
    cleaning = clean_tracks(clip, verdicts=verdicts)
    if not len(clip.tracks):
        raise TrackingError(f"cleaning would leave none of the {before} tracks: nothing was done")
    added: Sequence[str] = ()
    if wishes is not None:
        tell = partial(_tell, say, "Filling")
        added = refill_tracks(clip, shot.preset, cleaning=cleaning, motion=motion, on_progress=tell, **wishes).added
        refine_tracks(clip, names=added)
    filled = [clip.tracks[name].copy() for name in added]
    say("Settling")
    settlement = settle_tracks(clip)
    say("Weighing")
    weights = weigh_tracks(clip, motion=motion)
    return Cleaned(refinement.after, verdicts, cleaning, filled, settlement.after, weights, known_cameras(motion))


def find_cameras(shot: Shot, say: Say) -> ShotCameras | None:
    """The cameras that the tracks tell."""
    _, motion = _judged(shot, say)
    return known_cameras(motion)


def solve_camera(shot: Shot, say: Say) -> CameraSolve:
    """Solve the camera without Blender's solver."""
    say("Solving")
    return solve(shot.clip, focal=shot.focal)


def report_shot(shot: Shot, info: ClipInfo, path: Path, say: Say) -> None:
    """Judge the tracks, and write the report: one HTML file."""
    verdicts, motion = _judged(shot, say)
    say("Writing the report")
    readiness = solve_readiness(shot.clip, verdicts, motion=motion)
    write_report(path, info, list(shot.clip.tracks), verdicts, readiness, shot.clip.footage)


def _judged(shot: Shot, say: Say, refinement: Refinement | None = None) -> tuple[list[Verdict], list[ShotMotion]]:
    compile_kernels(say)
    say("Judging")
    tracks = read_tracks(shot.clip)
    if not tracks:
        raise TrackingError(f"clip {shot.name!r} has no tracks to judge: track the shot first")
    limits = preset_limits(shot.preset, shot.clip.size[0])
    return judge_with_motion(shot.clip, limits, tracks=tracks, refinement=refinement, focal=shot.focal)


def _tell(say: Say, what: str, progress: Progress) -> None:
    say(f"{what}: {progress.done / progress.total:.0%}")
