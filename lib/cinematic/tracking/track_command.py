"""The main job of the command line: cover or track, judge, clean, solve where asked, and write a folder of results."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console

from . import formats
from .blend_file import new_blend, write_blend
from .blend_process import BlendProcess
from .blender import BLENDER_AVAILABLE, interrupts_held, output_redirected, require_movie_clip
from .blender_camera import Beginning, leave_ready, told_of_first_try
from .camera import CameraSolve
from .checkpoint import FOLDER as CHECKPOINT_FOLDER
from .checkpoint import is_there, of_refilling, remove_checkpoint
from .cleaning import Cleaning
from .clip import segments
from .coords import SQUARE, Size
from .errors import BackendUnavailable, TrackingError
from .files import write_atomically
from .footage import Picture, find_footage
from .formats import cinetrack as tracks_json
from .formats.registry import find_format
from .formats.writing import Written, check_writable
from .judge import ShotMotion, known_cameras, preset_limits, why_no_camera
from .kernels import compile_kernels, using_threads
from .lens import SENSOR_WIDTH, focal_px
from .point_tracker import PointTracker
from .quality import (
    clean_tracks,
    judge_with_motion,
    read_tracks,
    refine_tracks,
    settle_tracks,
    solve_readiness,
    weigh_tracks,
)
from .readiness import about_what_stands_still
from .refining import Refinement
from .report import write_report
from .solve.cameras import ShotCameras
from .solve_command import CameraFiles, solve_step
from .store import store_of
from .terminal import Step, Steps, ending_well_on_interrupt, leaving_at_once_on_interrupt
from .types import ClipInfo, Coverage, Progress, Readiness, TrackData, Verdict, verdicts_in_words


@dataclass(frozen=True)
class TrackJob:
    """What was asked for."""

    path: Path
    preset: str
    engine: str
    span: tuple[int, int] | None  # plate frames; None: all
    pixel_aspect: float | None  # width of a pixel over its height; None: as the footage says
    threads: int | None
    clean: bool
    refill: bool  # what cleaning has emptied is filled again
    refine: bool  # markers are averaged over windows of several sizes, and settle among their neighbours
    weigh: bool  # what is cleaned gets weights
    where: dict[str, Any]  # mask, mask_keep, regions
    covering: dict[str, Any] | None  # further options of auto_track; None: features of the first frame only
    lens: dict[str, Any]  # focal and sensor_width, as solve_camera takes them; empty: nothing is known
    solve: bool  # the camera, too


@dataclass(frozen=True)
class Judgement:
    """What was thought of the tracks before they were cleaned: what the report shows."""

    tracks: Sequence[TrackData]
    verdicts: Sequence[Verdict]
    readiness: Readiness
    motion: Sequence[ShotMotion]  # of each shot, by which they were judged


@dataclass(frozen=True)
class Tracked:
    """What has been tracked."""

    path: Path
    clip: Any  # the tracker's: a MovieClip or a Clip
    info: ClipInfo
    tracks: list[TrackData]
    judgement: Judgement | None  # None: neither a report nor cleaning was asked for
    is_cleaned: bool  # since it was judged
    camera: CameraSolve | None = None
    known: ShotCameras | None = None  # the cameras as the solve or the judgement has found them
    focal: float | None = None  # px, as it was told


def run_track(job: TrackJob, targets: Targets, console: Console, *, overwrite: bool, debug: bool) -> Tracked:
    """Do the job and write its files.

    Raises
    ------
    TrackingError
        A result is there already, nothing could be tracked, or the work was interrupted. What was there before is
        there still.
    """
    targets.check(overwrite, resume=bool(job.covering and job.covering["resume"]), with_camera=job.solve)
    with targets.folder_made(), tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        log = Path(scratch, "cinetrack.log")
        quiet = nullcontext if debug else partial(output_redirected, log)
        judges = job.clean or targets.with_report
        refines = (job.refine, job.refine)  # once before judging, once at the end
        wanted = (job.covering is None, job.clean, job.refill, *refines, job.weigh, job.solve)
        total = 3 + judges + sum(wanted)
        steps = Steps(console, total=total, log=log, in_blender=job.engine == "libmv")
        with steps, _blender_beside(job, quiet) as blender:
            with _interruptible(job.engine, targets, scratch), quiet():
                tracked = _tracked(steps, job, targets)
            with steps.step("writing") as step, interrupts_held(), quiet():
                targets.write(tracked, blender, step, log)
    return tracked


@contextmanager
def _blender_beside(job: TrackJob, quiet: Callable[[], AbstractContextManager[None]]) -> Iterator[BlendProcess | None]:
    """The Blender that will write the .blend; None: this process's own does, or there is none."""
    if job.engine == "libmv" or not BLENDER_AVAILABLE:
        yield None
        return
    with quiet():
        blender = BlendProcess(job.path)
    try:
        yield blender
    finally:
        blender.close()


@contextmanager
def _interruptible(engine: str, targets: Targets, scratch: str) -> Iterator[None]:
    """Ctrl-C ends the work with one line that says what is left of it."""
    if engine == "libmv":
        with leaving_at_once_on_interrupt(targets.unmake_folder, lambda: shutil.rmtree(scratch)):
            yield
        return
    try:
        yield
    except KeyboardInterrupt:
        kept = is_there(targets.checkpoint)
        left = "give --resume to go on from there" if kept else "nothing was written"
        raise TrackingError(f"interrupted, {left}") from None


def _tracked(steps: Steps, job: TrackJob, targets: Targets) -> Tracked:
    with steps.step("opening the clip"):
        tracker, span = _opened(steps, job, targets)
        focal = focal_px(store_of(tracker.clip).size, **job.lens)
    if job.covering is not None:
        _cover(steps, tracker, job, targets, span)
    else:
        _track_what_is_on_the_first_frame(steps, tracker, job, span)
    refinement = None
    if job.refine:
        with steps.step("refining") as step, using_threads(job.threads):
            refinement = refine_tracks(tracker.clip)
            step.outcome = refinement.in_words()
    judgement = None
    if job.clean or targets.with_report:
        with steps.step("judging", in_blender=False) as step:
            judgement = _judged(tracker, job, refinement, focal)
            step.outcome = verdicts_in_words(judgement.verdicts)
        _take_squeeze(steps, tracker, judgement)
    if job.clean and judgement is not None:
        with steps.step("cleaning") as step:
            cleaning = _cleaned(tracker, judgement.verdicts)
            step.outcome = cleaning.in_words()
        if job.refill:
            _refill(steps, tracker, job, targets, span, cleaning, judgement.motion)
    if job.refine:
        with steps.step("settling") as step, using_threads(job.threads):
            step.outcome = settle_tracks(tracker.clip).in_words()
    if job.clean and job.weigh and judgement is not None:
        with steps.step("weighing") as step:
            step.outcome = _told_of_weights(weigh_tracks(tracker.clip, motion=judgement.motion))
    motion = () if judgement is None else judgement.motion
    solved = solve_step(steps, tracker.clip, {**job.lens, "judged": motion}) if job.solve else None
    store = store_of(tracker.clip)
    known = solved.of_shot if solved is not None else known_cameras(motion)
    if judgement is not None and judgement.motion:
        _say_of_cameras(steps, job, judgement, known, store.size)
    tracks = tracker.get_track_data()
    return Tracked(job.path, tracker.clip, store.info, tracks, judgement, job.clean, solved, known, focal)


def _say_of_cameras(steps: Steps, job: TrackJob, judgement: Judgement, known: ShotCameras | None, size: Size) -> None:
    """What the judgement has found of the camera, where no solve has told, and what Blender's solver will not do."""
    if known is None:
        steps.say(f"  no camera was found: {why_no_camera(judgement.motion)}")
        return
    cameras = known.cameras
    if told := about_what_stands_still(judgement.tracks, judgement.verdicts, size):
        steps.say(f"  {told}")
    if job.solve:
        return
    found = "lens" if job.lens else "lens, as the judgement found it"
    steps.say(f"  {found}: {cameras.lens_in_words(size[0], SENSOR_WIDTH)}")
    for does, what in (
        (cameras.zooms, "a lens that zooms"),
        (cameras.readout, "a rolling shutter"),
        (cameras.shift is not None, "a picture that is shifted against its lens"),
    ):
        if does:
            steps.say(f"  Blender's own solver does not know {what}: 'cinetrack solve' finds the camera")


def _take_squeeze(steps: Steps, tracker: PointTracker, judgement: Judgement) -> None:
    """Let the clip know what an anamorphic lens has made of its pixels, where the judgement has found it."""
    store, known = store_of(tracker.clip), known_cameras(judgement.motion)
    if known is not None and known.cameras.pixel_aspect != store.pixel_aspect:
        store.pixel_aspect = known.cameras.pixel_aspect
        steps.say(f"  {_told_of_pixels(store.pixel_aspect)}, as the judgement found it")


def _told_of_pixels(aspect: float) -> str:
    return f"pixels are {aspect:.4g} times as wide as high (--pixel-aspect)"


def _told_of_picture(picture: Picture) -> str:
    width, height = picture.size
    return (
        f"the images' pixels (data window) are not those of their picture of {width}x{height} (display window): "
        "positions are in these pixels, as in Blender; files for Nuke, whose positions are the picture's, add "
        f"{picture.left}, {picture.bottom}"
    )


def _opened(steps: Steps, job: TrackJob, targets: Targets) -> tuple[PointTracker, tuple[int, int]]:
    if job.engine == "libmv":
        new_blend()
    tracker = PointTracker(job.path, job.preset, engine=job.engine)
    store = store_of(tracker.clip)
    if job.pixel_aspect is not None:
        store.pixel_aspect = job.pixel_aspect
    targets.check_footage(store.info)
    first, last = job.span or (store.numbers.first, store.numbers.last)
    for frame in (first, last):
        store.numbers.checked(frame, "--frames")
    if store.pixel_aspect != SQUARE:
        steps.say(_told_of_pixels(store.pixel_aspect))
    if store.footage.picture is not None:
        steps.say(_told_of_picture(store.footage.picture))
    if store.footage.has_variable_rate:
        steps.say("the movie's frame rate varies: frames are counted as they are stored")
    if store.footage.is_interlaced:
        steps.say("the movie says it is interlaced, two moments in each frame: unless it is not, deinterlace it first")
    if job.engine == "klt" or job.clean or targets.with_report:  # judging follows patterns, too
        compile_kernels(steps.say)
    return tracker, (first, last)


def _judged(tracker: PointTracker, job: TrackJob, refinement: Refinement | None, focal: float | None) -> Judgement:
    tracks = read_tracks(tracker.clip)
    with using_threads(job.threads):
        limits = preset_limits(job.preset, store_of(tracker.clip).size[0])
        verdicts, motion = judge_with_motion(tracker.clip, limits, tracks=tracks, refinement=refinement, focal=focal)
    return Judgement(tracks, verdicts, solve_readiness(tracker.clip, verdicts, motion=motion), motion)


def _cleaned(tracker: PointTracker, verdicts: Sequence[Verdict]) -> Cleaning:
    done = clean_tracks(tracker.clip, verdicts=verdicts)
    if done.actions and not store_of(tracker.clip).read():
        raise TrackingError(f"no track is left: cleaning removed all {len(done.removed)}; see --no-clean")
    return done


def _told_of_weights(weights: Mapping[str, float]) -> str:
    if not weights:
        return "no camera to weigh tracks by: each counts the same"
    return f"{len(weights)} tracks, {min(weights.values()):.2f} to 1, {median(weights.values()):.2f} in the middle"


def _track_what_is_on_the_first_frame(
    steps: Steps, tracker: PointTracker, job: TrackJob, span: tuple[int, int]
) -> None:
    first, last = span
    with steps.step(f"detecting features on frame {first}") as step:
        features = tracker.detect_features(frame=first, **job.where)
        if not features:
            left = " where masks leave any" if any(job.where.values()) else ""
            raise TrackingError(f"no features found on frame {first} of {job.path}: it has too little texture{left}")
        step.outcome = f"{features} features"
    with steps.step(f"tracking frames {first}-{last} with {tracker.engine}", frames=last - first + 1) as step:
        options = {"on_frame": step.frame_done, "threads": job.threads} if tracker.engine == "klt" else {}
        result = tracker.track_all(frame_start=first, frame_end=last, **job.where, **options)
        step.outcome = f"{result['tracks_count']} tracks over {result['frames_processed']} frames, {result['status']}"


def _cover(steps: Steps, tracker: PointTracker, job: TrackJob, targets: Targets, span: tuple[int, int]) -> None:
    first, last = span
    wishes = {**(job.covering or {}), **job.where, "threads": job.threads, "checkpoint": targets.checkpoint}
    if wishes["resume"]:
        kept = is_there(targets.checkpoint)
        steps.say(
            "going on with what is done" if kept else "there is nothing to go on with: beginning at the beginning"
        )
    with _two_passes(steps, f"tracking frames {first}-{last} with klt", span) as (step, done):
        coverage = tracker.auto_track(frame_start=first, frame_end=last, on_progress=done, **wishes)
        if not coverage.tracks:
            remove_checkpoint(targets.checkpoint)
            raise TrackingError(
                f"no features found on frames {first}-{last} of {job.path} that could be tracked: {coverage.why_none}"
            )
        step.outcome = coverage.in_words()
    for line in _told_of_coverage(coverage):
        steps.say(line)


def _refill(
    steps: Steps,
    tracker: PointTracker,
    job: TrackJob,
    targets: Targets,
    span: tuple[int, int],
    cleaning: Cleaning,
    motion: Sequence[ShotMotion],
) -> None:
    first, last = span
    wishes = {**(job.covering or {}), **job.where, "threads": job.threads}
    with _two_passes(steps, "filling what cleaning has emptied", span) as (step, done):
        refilled = tracker.refill_tracks(
            cleaning=cleaning,
            motion=motion,
            frame_start=first,
            frame_end=last,
            on_progress=done,
            checkpoint=of_refilling(targets.checkpoint),
            **wishes,
        )
        if job.refine:
            with using_threads(job.threads):
                refine_tracks(tracker.clip, names=refilled.added)
        step.outcome = f"{len(refilled.added)} tracks added"


@contextmanager
def _two_passes(steps: Steps, what: str, span: tuple[int, int]) -> Iterator[tuple[Step, Callable[[Progress], None]]]:
    """A step that goes over the frames twice, and what is to be called after each: Ctrl-C ends it at a frame's end."""
    with (
        steps.step(what, frames=2 * (span[1] - span[0] + 1)) as step,
        ending_well_on_interrupt() as interruption,
    ):

        def done(progress: Progress) -> None:
            step.progress(progress)
            interruption.check()

        yield step, done


def _told_of_coverage(coverage: Coverage) -> Iterator[str]:
    if coverage.cuts:
        yield f"cuts: new shots begin at frame {', '.join(map(str, coverage.cuts))}"
    if coverage.bad_frames:
        yield f"bad frames, tracks have no marker on them: {_ranges(coverage.bad_frames)}"
    if coverage.repeated_frames:
        yield f"frames that repeat the one before (pulldown?): {_ranges(coverage.repeated_frames)}"
    reasons: dict[str, list[int]] = {}
    for frame, reason in coverage.thin_frames.items():
        if frame not in coverage.bad_frames:
            reasons.setdefault(reason, []).append(frame)
    for reason, frames in reasons.items():
        yield f"few tracks on frames {_ranges(frames)}: {reason}"


def _ranges(frames: Sequence[int]) -> str:
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in segments(frames))


class Targets:
    """The files of one result."""

    def __init__(
        self, folder: Path, clip: Path, exports: Sequence[str], fps: float | None, *, with_report: bool
    ) -> None:
        shot = find_footage(clip).shot_name
        self.folder = folder
        self.with_report = with_report
        self.report = folder / "report.html"
        self.exports = {name: folder / f"{shot}{find_format(name)[0].export_suffix}" for name in exports}
        self.fps = fps
        self.written: list[Written] = []
        self.tracks = folder / "tracks.json"
        self.blend = folder / f"{shot}.blend"
        self.log = folder / "cinetrack.log"
        self.camera = CameraFiles(folder)
        self.checkpoint = folder / CHECKPOINT_FOLDER
        self._made: list[Path] = []
        self._beginning: Beginning | None = None  # what Blender's solver will do with the .blend

    @property
    def beside_the_tracks(self) -> tuple[Path, ...]:
        """What is made of tracks.json, or may be."""
        return (self.report, self.blend, *self.exports.values(), *self.camera.files)

    def check(self, overwrite: bool, resume: bool, with_camera: bool) -> None:
        """Refuse before any work is done."""
        if self.folder.exists() and not self.folder.is_dir():
            raise TrackingError(f"expected --output to be a folder, {self.folder} is a file")
        files = (self.tracks, self.blend, self.report, *self.exports.values())
        existing = [path for path in files if path.exists()]
        going_on = resume and is_there(self.checkpoint)  # what is there then is what that run was allowed to replace
        if existing and not (overwrite or going_on):
            raise TrackingError(f"{existing[0]} exists already: choose another folder or give --overwrite")
        if is_there(self.checkpoint) and not (overwrite or resume):
            raise TrackingError(
                f"{self.checkpoint} is what an interrupted run has left: give --resume to go on with it, "
                "or --overwrite to begin anew"
            )
        if with_camera:
            self.camera.check(overwrite)

    def check_footage(self, info: ClipInfo) -> None:
        """Refuse, before any work is done, exports that need to know more of the footage."""
        for name in self.exports:
            check_writable(find_format(name)[0], (info.width, info.height), self.fps or info.fps)

    @contextmanager
    def folder_made(self) -> Iterator[None]:
        """Make the folder before any work is done; when the work fails, what was made goes again."""
        self._made = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            yield
        except BaseException:
            self.unmake_folder()
            raise

    def unmake_folder(self) -> None:
        """Remove the folders that :meth:`folder_made` made, unless there is something to resume in them."""
        for path in self._made:
            if not any(path.iterdir()):
                path.rmdir()

    def write(self, job: Tracked, blender: BlendProcess | None, step: Step, log: Path) -> None:
        """Write all files; when one cannot be written, those that were not there before go again."""
        files = (self.blend, self.tracks, self.report, self.log, *self.exports.values())
        new = [path for path in files if not path.exists()]
        stale = False
        try:
            try:
                with self._blend_written(job, blender):
                    self._write_what_is_not_blenders(job)
                step.outcome = told_of_first_try(self._beginning)
            except BackendUnavailable as error:
                step.outcome = f"done, without a .blend: {error}"
                stale = self.blend.exists()
            text = log.read_text(encoding="utf-8", errors="replace")
            write_atomically(self.log, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise
        if stale:  # of an earlier run: it would pass for this one's
            self.blend.unlink()
        remove_checkpoint(self.checkpoint)

    @contextmanager
    def _blend_written(self, job: Tracked, blender: BlendProcess | None) -> Iterator[None]:
        """The .blend is written, by the Blender beside while other files are."""
        if blender is not None:
            with blender.writing(self.blend, job.info.pixel_aspect, job.tracks, job.camera, job.known, job.focal):
                yield
            self._beginning = blender.beginning
            return
        yield
        movie_clip = require_movie_clip(job.clip)
        self._beginning = leave_ready(movie_clip, job.tracks, job.known, focal=job.focal, camera=job.camera)
        write_blend(movie_clip, self.blend)

    def _write_what_is_not_blenders(self, job: Tracked) -> None:
        if job.camera is not None:
            self.camera.write(job.camera, job.tracks)
        tracks_json.write(self.tracks, job.info, job.tracks)
        told = job.judgement
        if self.with_report and told is not None:
            footage = store_of(job.clip).footage
            left = len(job.tracks) if job.is_cleaned else None
            write_report(self.report, job.info, told.tracks, told.verdicts, told.readiness, footage, delivered=left)
        for name, path in self.exports.items():
            self.written.append(formats.write(job.tracks, path, name, clip=job.info, fps=self.fps, overwrite=True))
