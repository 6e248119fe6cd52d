"""The command ``cinetrack``.

Results go to files, messages to stdout, errors to stderr in one line. Exit codes: 0 done, 1 failed, 2 wrong
usage.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from typer.exceptions import TyperException

from . import __version__
from .blend_file import blend_with, new_blend, write_blend
from .blender import blender_version, interrupts_held, output_redirected
from .checkpoint import FOLDER as CHECKPOINT_FOLDER
from .checkpoint import is_there, remove_checkpoint
from .clip import Clip, segments
from .engine import needs_compile, warm
from .errors import BackendUnavailable, TrackingError
from .files import write_atomically
from .footage import find_footage
from .formats import cinetrack as tracks_json
from .judge import readiness
from .point_tracker import ENGINES, PointTracker
from .presets import get_tracking_preset, list_tracking_presets
from .quality import judge_tracks
from .report import write_report
from .store import store_of
from .terminal import Step, Steps, ending_well_on_interrupt, leaving_at_once_on_interrupt
from .types import VERDICTS, ClipInfo, Coverage, Progress, TrackData

app = typer.Typer(
    name="cinetrack",
    help="2D point tracks clean enough that the camera solve works at the first try.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and Blender's own output.")]


@app.command()
def track(
    clip: Annotated[
        Path, typer.Argument(help="A movie, an image of a sequence, a pattern (shot.####.exr) or a folder.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")],
    preset: Annotated[str, typer.Option(help="See 'cinetrack presets'.")] = "balanced",
    engine: Annotated[str, typer.Option(help=f"What moves the markers: {', '.join(ENGINES)}.")] = ENGINES[0],
    frames: Annotated[str | None, typer.Option(metavar="A-B", help="Part of the plate, its own numbers.")] = None,
    clean: Annotated[bool, typer.Option("--clean/--no-clean", help="Remove short tracks.")] = True,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the engine klt; default all cores.")] = None,
    detect_once: Annotated[bool, typer.Option("--detect-once", help="Features of the first frame only.")] = False,
    tracks_per_frame: Annotated[int | None, typer.Option(min=1, help="To keep alive; default the preset's.")] = None,
    mask: Annotated[list[Path] | None, typer.Option(help="Picture, sequence or movie: its white is left out.")] = None,
    mask_keep: Annotated[list[Path] | None, typer.Option(help="The same, but its white is what is tracked.")] = None,
    region: Annotated[
        list[str] | None, typer.Option(metavar="L,B,R,T", help="Track within left,bottom,right,top, each 0 to 1.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with what an interrupted run has left.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing result.")] = False,
    debug: Debug = False,
) -> None:
    """Cover the plate with tracks from its first frame to its last, remove the bad ones, and write tracks.json.

    Where Blender's module is installed, a .blend with the clip and its tracks is written, too. The engine libmv, and
    klt with --detect-once, detect features on the first frame only.
    """
    _check_choice("--preset", preset, list_tracking_presets())
    _check_choice("--engine", engine, ENGINES)
    span = _parsed_frames(frames)
    targets = _Targets(output, _shot_name(clip))
    wishes = {
        "tracks_per_frame": tracks_per_frame,
        "mask": mask or None,
        "mask_keep": mask_keep or None,
        "regions": [_parsed_region(text) for text in region or ()] or None,
        "resume": resume,
    }
    covering = None if detect_once or engine != "klt" else {**wishes, "checkpoint": targets.checkpoint}
    for option, value in wishes.items():
        if value and covering is None:
            named = option.removesuffix("s").replace("_", "-") if option == "regions" else option.replace("_", "-")
            raise _UsageError(f"expected --{named} with the engine klt and without --detect-once")
    targets.check(overwrite, resume)
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False)
    with targets.folder_made(), tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        log = Path(scratch, "cinetrack.log")
        quiet = nullcontext if debug else partial(output_redirected, log)
        with Steps(console, total=5 + clean - (covering is not None), log=log) as steps:
            with _interruptible(engine, targets, scratch), quiet():
                job = _tracked(steps, clip, preset, engine, span, clean, threads, covering)
            with steps.step("writing") as step, interrupts_held(), quiet():
                targets.write(job, step, log)
    console.print(f"{len(job.tracks)} tracks of {Path(clip).name} are in {targets.tracks}", soft_wrap=True)
    if targets.blend.exists():
        console.print(f"Blender opens them with {targets.blend}", soft_wrap=True)


@app.command()
def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result of 'cinetrack track'.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing report.")] = False,
    debug: Debug = False,
) -> None:
    """Judge the tracks of a result and write DIR/report.html: one file to open in a browser."""
    target = folder / "report.html"
    if target.exists() and not overwrite:
        raise TrackingError(f"{target} exists already: give --overwrite to replace it")
    clip = Clip.load(folder / "tracks.json")
    verdicts = judge_tracks(clip)
    frames = range(clip.numbers.first, clip.numbers.last + 1)
    tracks = clip.read()
    write_report(target, clip.info, tracks, verdicts, readiness(tracks, verdicts, frames, clip.size), clip.footage)
    counts = Counter(verdict.verdict for verdict in verdicts)
    told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    Console(highlight=False).print(f"{told}; the report is {target}", soft_wrap=True)


@app.command()
def presets() -> None:
    """List the presets and what each is for."""
    table = Table("preset", "motion model", "pattern px", "for", box=None, pad_edge=False)
    for name in list_tracking_presets():
        preset = get_tracking_preset(name)
        tracking = preset["tracking"]
        table.add_row(name, tracking["motion_model"], str(tracking["pattern_size"]), preset["description"])
    Console(highlight=False).print(table)


@app.command()
def doctor(
    warm_up: Annotated[bool, typer.Option("--warm", help="Compile the engine klt's kernels now.")] = False,
) -> None:
    """Say what is installed and which engines work here."""
    if warm_up:
        warm()
    console = Console(highlight=False)
    console.print(f"cinematic-tracking {__version__}, Python {platform.python_version()}, {platform.platform()}")
    for package in ("numpy", "numba", "av", "OpenImageIO", "fileseq"):
        console.print(f"  {package} {_installed_version(package)}")
    try:
        found = blender_version()
        libmv = f"works (Blender {found})" if found else "not available: Blender's module bpy is not installed"
    except BackendUnavailable as error:
        libmv = f"not available: {error}"
    console.print(f"engine klt: works, {'kernels compiled' if not needs_compile() else 'kernels not compiled yet'}")
    console.print(f"engine libmv: {libmv}", soft_wrap=True)
    console.print(f"threads: {os.cpu_count()}")


def main() -> NoReturn:
    """Run the command line; errors of this package and of the system end in one line."""
    debug = "--debug" in sys.argv
    try:
        code = app(args=sys.argv[1:] or ["--help"], standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except TyperException as error:
        _fail(error.format_message(), error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        _fail("interrupted", 1)
    except (TrackingError, OSError) as error:
        if debug:
            raise
        _fail(_told(error), 1)


class _UsageError(TyperException):
    """An option has a value that cannot be meant."""

    exit_code = 2


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:  # the system's own: its text begins with [Errno 13]
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)


def _fail(message: str, code: int) -> NoReturn:
    print(f"cinetrack: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


@dataclass(frozen=True)
class _Job:
    """What has been tracked."""

    path: Path
    clip: Any  # the tracker's: a MovieClip or a Clip
    info: ClipInfo
    tracks: list[TrackData]


@contextmanager
def _interruptible(engine: str, targets: _Targets, scratch: str) -> Iterator[None]:
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


def _tracked(
    steps: Steps,
    path: Path,
    preset: str,
    engine: str,
    span: tuple[int, int] | None,
    clean: bool,
    threads: int | None,
    covering: dict[str, Any] | None,
) -> _Job:
    with steps.step("opening the clip"):
        if engine == "libmv":
            new_blend()
        tracker = PointTracker(path, preset, engine=engine)
        store = store_of(tracker.clip)
        first, last = span or (store.numbers.first, store.numbers.last)
        for frame in (first, last):
            store.numbers.checked(frame, "--frames")
        if store.footage.has_variable_rate:
            steps.say("the movie's frame rate varies: frames are counted as they are stored")
        if engine == "klt" and needs_compile():
            steps.say("compiling the engine's kernels, once on this machine")
    if covering is not None:
        _cover(steps, tracker, path, (first, last), threads, covering)
    else:
        _track_what_is_on_the_first_frame(steps, tracker, path, (first, last), threads)
    if clean:
        with steps.step("cleaning") as step:
            removed = tracker.clean_tracks()
            if removed and not store.read():
                raise TrackingError(
                    f"no track is left: cleaning removed all {removed}; try another preset or --no-clean"
                )
            step.outcome = f"{removed} tracks removed"
    with steps.step("measuring correlations"):
        tracks = tracker.get_track_data()
    return _Job(path, tracker.clip, store.info, tracks)


def _track_what_is_on_the_first_frame(
    steps: Steps, tracker: PointTracker, path: Path, span: tuple[int, int], threads: int | None
) -> None:
    first, last = span
    with steps.step(f"detecting features on frame {first}") as step:
        features = tracker.detect_features(frame=first)
        if not features:
            raise TrackingError(f"no features found on frame {first} of {path}: it has too little texture")
        step.outcome = f"{features} features"
    with steps.step(f"tracking frames {first}-{last} with {tracker.engine}", frames=last - first + 1) as step:
        options = {"on_frame": step.frame_done, "threads": threads} if tracker.engine == "klt" else {}
        result = tracker.track_all(frame_start=first, frame_end=last, **options)
        step.outcome = f"{result['tracks_count']} tracks over {result['frames_processed']} frames, {result['status']}"


def _cover(
    steps: Steps,
    tracker: PointTracker,
    path: Path,
    span: tuple[int, int],
    threads: int | None,
    covering: dict[str, Any],
) -> None:
    first, last = span
    if covering["resume"]:
        kept = is_there(covering["checkpoint"])
        steps.say(
            "going on with what is done" if kept else "there is nothing to go on with: beginning at the beginning"
        )
    frames = 2 * (last - first + 1)
    with (
        steps.step(f"tracking frames {first}-{last} with klt", frames=frames) as step,
        ending_well_on_interrupt() as interruption,
    ):

        def done(progress: Progress) -> None:
            step.progress(progress)
            interruption.check()

        coverage = tracker.auto_track(frame_start=first, frame_end=last, threads=threads, on_progress=done, **covering)
        if not coverage.tracks:
            remove_checkpoint(covering["checkpoint"])
            why = next(iter(coverage.thin_frames.values()), "nothing could be followed")
            raise TrackingError(f"no features found on frames {first}-{last} of {path} that could be tracked: {why}")
        counts = coverage.tracks_per_frame.values()
        step.outcome = f"{coverage.tracks} tracks, {min(counts)} to {max(counts)} a frame"
    for line in _told_of_coverage(coverage):
        steps.say(line)


def _told_of_coverage(coverage: Coverage) -> Iterator[str]:
    if coverage.cuts:
        yield f"cuts: new shots begin at frame {', '.join(map(str, coverage.cuts))}"
    if coverage.bad_frames:
        yield f"bad frames, tracks are carried over them: {', '.join(map(str, coverage.bad_frames))}"
    reasons: dict[str, list[int]] = {}
    for frame, reason in coverage.thin_frames.items():
        if frame not in coverage.bad_frames:
            reasons.setdefault(reason, []).append(frame)
    for reason, frames in reasons.items():
        ranges = (f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in segments(frames))
        yield f"few tracks on frames {', '.join(ranges)}: {reason}"


class _Targets:
    """The files of one result."""

    def __init__(self, folder: Path, shot: str) -> None:
        self.folder = folder
        self.tracks = folder / "tracks.json"
        self.blend = folder / f"{shot}.blend"
        self.log = folder / "cinetrack.log"
        self.checkpoint = folder / CHECKPOINT_FOLDER
        self._made: list[Path] = []

    def check(self, overwrite: bool, resume: bool) -> None:
        """Refuse before any work is done."""
        if self.folder.exists() and not self.folder.is_dir():
            raise TrackingError(f"expected --output to be a folder, {self.folder} is a file")
        existing = [path for path in (self.tracks, self.blend) if path.exists()]
        going_on = resume and is_there(self.checkpoint)  # what is there then is what that run was allowed to replace
        if existing and not (overwrite or going_on):
            raise TrackingError(f"{existing[0]} exists already: choose another folder or give --overwrite")
        if is_there(self.checkpoint) and not (overwrite or resume):
            raise TrackingError(
                f"{self.checkpoint} is what an interrupted run has left: give --resume to go on with it, "
                "or --overwrite to begin anew"
            )

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

    def write(self, job: _Job, step: Step, log: Path) -> None:
        """Write all files; when one cannot be written, those that were not there before go again."""
        new = [path for path in (self.blend, self.tracks, self.log) if not path.exists()]
        stale = False
        try:
            try:
                movie_clip = blend_with(job.path, job.tracks) if isinstance(job.clip, Clip) else job.clip
                write_blend(movie_clip, self.blend)
            except BackendUnavailable:
                step.outcome = "done, without a .blend: Blender's module bpy is not here"
                stale = self.blend.exists()
            tracks_json.write(self.tracks, job.info, job.tracks)
            text = log.read_text(encoding="utf-8", errors="replace")
            write_atomically(self.log, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise
        if stale:  # of an earlier run: it would pass for this one's
            self.blend.unlink()
        remove_checkpoint(self.checkpoint)


def _parsed_region(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(number) for number in text.split(","))
    except ValueError:
        raise _UsageError(f"expected --region LEFT,BOTTOM,RIGHT,TOP, each 0 to 1, got {text!r}") from None


def _check_choice(option: str, value: str, choices: Any) -> None:
    if value not in choices:
        raise _UsageError(f"expected {option} to be one of {', '.join(choices)}; got {value!r}")


def _parsed_frames(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, dash, last = text.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise _UsageError(f"expected --frames A-B with A below B, got {text!r}")
    return int(first), int(last)


def _shot_name(clip: Path) -> str:
    """What to call the .blend: the movie's name, or the sequence's without its number."""
    footage = find_footage(clip)
    stem = footage.first_file.stem
    return (stem.rstrip("0123456789").rstrip("._-") or stem) if footage.is_sequence else stem


def _installed_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
