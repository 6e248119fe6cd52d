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
from .clip import Clip
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
from .terminal import Step, Steps, leaving_at_once_on_interrupt
from .types import VERDICTS, ClipInfo, TrackData

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
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing result.")] = False,
    debug: Debug = False,
) -> None:
    """Detect features, track them through the plate, remove the bad ones, and write tracks.json.

    Where Blender's module is installed, a .blend with the clip and its tracks is written, too.
    """
    _check_choice("--preset", preset, list_tracking_presets())
    _check_choice("--engine", engine, ENGINES)
    span = _parsed_frames(frames)
    targets = _Targets(output, _shot_name(clip))
    targets.check(overwrite)
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False)
    with targets.folder_made(), tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        log = Path(scratch, "cinetrack.log")
        quiet = nullcontext if debug else partial(output_redirected, log)
        with Steps(console, total=6 if clean else 5, log=log) as steps:
            with leaving_at_once_on_interrupt(targets.unmake_folder, lambda: shutil.rmtree(scratch)), quiet():
                job = _tracked(steps, clip, preset, engine, span, clean, threads)
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
        from .engine import warm

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
    console.print(f"engine klt: works, {'kernels compiled' if not _needs_compile() else 'kernels not compiled yet'}")
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


def _tracked(
    steps: Steps, path: Path, preset: str, engine: str, span: tuple[int, int] | None, clean: bool, threads: int | None
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
        if engine == "klt" and _needs_compile():
            steps.say("compiling the engine's kernels, once on this machine")
    with steps.step(f"detecting features on frame {first}") as step:
        features = tracker.detect_features(frame=first)
        if not features:
            raise TrackingError(f"no features found on frame {first} of {path}: it has too little texture")
        step.outcome = f"{features} features"
    with steps.step(f"tracking frames {first}-{last} with {engine}", frames=last - first + 1) as step:
        options = {"on_frame": step.frame_done, "threads": threads} if engine == "klt" else {}
        result = tracker.track_all(frame_start=first, frame_end=last, **options)
        step.outcome = f"{result['tracks_count']} tracks over {result['frames_processed']} frames, {result['status']}"
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


class _Targets:
    """The files of one result."""

    def __init__(self, folder: Path, shot: str) -> None:
        self.folder = folder
        self.tracks = folder / "tracks.json"
        self.blend = folder / f"{shot}.blend"
        self.log = folder / "cinetrack.log"
        self._made: list[Path] = []

    def check(self, overwrite: bool) -> None:
        """Refuse before any work is done."""
        if self.folder.exists() and not self.folder.is_dir():
            raise TrackingError(f"expected --output to be a folder, {self.folder} is a file")
        existing = [path for path in (self.tracks, self.blend) if path.exists()]
        if existing and not overwrite:
            raise TrackingError(f"{existing[0]} exists already: choose another folder or give --overwrite")

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
        """Remove the folders that :meth:`folder_made` made; they are empty."""
        for path in self._made:
            path.rmdir()

    def write(self, job: _Job, step: Step, log: Path) -> None:
        """Write all files; when one cannot be written, those that were not there before go again."""
        new = [path for path in (self.blend, self.tracks, self.log) if not path.exists()]
        try:
            try:
                movie_clip = blend_with(job.path, job.tracks) if isinstance(job.clip, Clip) else job.clip
                write_blend(movie_clip, self.blend)
            except BackendUnavailable:
                step.outcome = "done, without a .blend: Blender's module bpy is not here"
            tracks_json.write(self.tracks, job.info, job.tracks)
            text = log.read_text(encoding="utf-8", errors="replace")
            write_atomically(self.log, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise


def _needs_compile() -> bool:
    from .engine import needs_compile  # numba: what does not track need not wait for its import

    return needs_compile()


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
