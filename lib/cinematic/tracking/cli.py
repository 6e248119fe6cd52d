"""The command ``cinetrack``.

Results go to files, messages to stdout, errors to stderr in one line. Exit codes: 0 done, 1 failed, 2 wrong
usage.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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

from . import __version__, formats
from .blend_file import blend_with, new_blend, write_blend
from .blender import blender_version, interrupts_held, output_redirected
from .blender_camera import add_solved_camera
from .camera import DISTORTIONS, MOTIONS, SENSOR_WIDTH, SOLVERS, CameraSolve
from .clip import Clip
from .convert import CHOICES, LENS
from .convert import convert as convert_tracks
from .engine import needs_compile, warm
from .errors import BackendUnavailable, ParameterError, TrackingError
from .files import write_atomically
from .footage import find_footage
from .formats import cinetrack as tracks_json
from .formats.registry import find_format
from .formats.writing import Written, check_writable
from .judged_file import judge_file
from .point_tracker import ENGINES, PointTracker
from .presets import get_tracking_preset, list_tracking_presets
from .quality import clean_tracks, judge_tracks
from .readiness import readiness
from .report import write_report
from .solve_command import CameraFiles, solve_result, solve_step
from .store import store_of
from .terminal import Step, Steps, leaving_at_once_on_interrupt
from .types import VERDICTS, ClipInfo, TrackData

app = typer.Typer(
    name="cinetrack",
    help="2D point tracks clean enough that the camera solve works at the first try.",
    add_completion=False,
    pretty_exceptions_enable=False,
)

Focal = Annotated[str | None, typer.Option(metavar="F", help="Focal length: 1200 (px) or 35mm; default: found.")]
Sensor = Annotated[float, typer.Option(metavar="MM", help="Width of the sensor that a focal length in mm is for.")]
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
    solve: Annotated[bool, typer.Option("--solve", help="Solve the camera, too.")] = False,
    focal: Focal = None,
    sensor: Sensor = SENSOR_WIDTH,
    export: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Formats to write besides, such as nuke,ae; see docs/formats.md."),
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Rate of an image sequence, for formats that need one.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing result.")] = False,
    debug: Debug = False,
) -> None:
    """Detect features, track them through the plate, remove the bad ones, and write tracks.json.

    Where Blender's module is installed, a .blend with the clip and its tracks is written, too.
    """
    _check_choice("--preset", preset, list_tracking_presets())
    _check_choice("--engine", engine, ENGINES)
    span = _parsed_frames(frames)
    camera = _parsed_focal(focal, sensor) if solve else None
    targets = _Targets(output, _shot_name(clip), _parsed_export(export), fps)
    targets.check(overwrite)
    if solve:
        targets.camera.check(overwrite)
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False)
    with targets.folder_made(), tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        log = Path(scratch, "cinetrack.log")
        quiet = nullcontext if debug else partial(output_redirected, log)
        with Steps(console, total=5 + clean + solve, log=log) as steps:
            with leaving_at_once_on_interrupt(targets.unmake_folder, lambda: shutil.rmtree(scratch)), quiet():
                job = _tracked(steps, clip, preset, engine, span, clean, threads, camera, targets.check_footage)
            with steps.step("writing") as step, interrupts_held(), quiet():
                targets.write(job, step, log)
    console.print(f"{len(job.tracks)} tracks of {Path(clip).name} are in {targets.tracks}", soft_wrap=True)
    if targets.blend.exists():
        console.print(f"Blender opens them with {targets.blend}", soft_wrap=True)
    for written in targets.written:
        _tell(console, written)


@app.command()
def convert(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Tracks of any format, or a .blend.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Where to write them; a .blend gets them added.")],
    source_format: Annotated[str | None, typer.Option("--from", help=f"One of {', '.join(CHOICES)}.")] = None,
    target_format: Annotated[str | None, typer.Option("--to", help="Likewise; pftrack:v5, ae:null ... too.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="The footage's, px, where IN does not say.")] = None,
    fps: Annotated[float | None, typer.Option(help="The footage's rate, where IN does not say.")] = None,
    frame_start: Annotated[int | None, typer.Option(help="The plate's first frame, where IN does not say.")] = None,
    frame_offset: Annotated[int, typer.Option(metavar="N", help="Added to every frame.")] = 0,
    half_pixel: Annotated[
        list[str] | None,
        typer.Option(metavar="VALUE", help="edge or centre: where positions have their zero; in:VALUE, out:VALUE."),
    ] = None,
    clip: Annotated[str | None, typer.Option(metavar="NAME", help="Which clip of a .blend.")] = None,
    lens: Annotated[
        str | None, typer.Option(help=f"{' or '.join(LENS)}: through the lens of the .blend's camera.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace OUT, or add to a .blend.")] = False,
    debug: Debug = False,
) -> None:
    """Read tracks of one tool and write them for another."""
    for option, name in (("--from", source_format), ("--to", target_format)):
        if name is not None:
            _check_choice(option, name.partition(":")[0], CHOICES)
    with tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        quiet = nullcontext() if debug else output_redirected(Path(scratch, "blender.log"))
        with quiet:
            shot, written = convert_tracks(
                source, target, source_format=source_format, target_format=target_format, size=_parsed_size(size),
                fps=fps, frame_start=frame_start, frame_offset=frame_offset, half_pixel=half_pixel, clip=clip,
                lens=lens, overwrite=overwrite,
            )  # fmt: skip
    _tell(Console(highlight=False), written, shot.notes)


@app.command()
def solve(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result of 'cinetrack track'.")],
    focal: Focal = None,
    sensor: Sensor = SENSOR_WIDTH,
    refine_focal: Annotated[bool, typer.Option("--refine-focal", help="--focal is a start, not exact.")] = False,
    zoom: Annotated[bool, typer.Option("--zoom", help="The focal length changes during the shot.")] = False,
    distortion: Annotated[str, typer.Option(help=f"Radial distortion: {', '.join(DISTORTIONS)}.")] = "auto",
    motion: Annotated[str, typer.Option(help=f"What the camera does: {', '.join(MOTIONS)}.")] = "auto",
    engine: Annotated[str, typer.Option(help=f"What solves: {', '.join(SOLVERS)}.")] = SOLVERS[0],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing camera.")] = False,
    debug: Debug = False,
) -> None:
    """Solve the camera of a result and write DIR/camera.json, camera.usda, colmap/ and camera.blend."""
    for option, value, choices in (
        ("--distortion", distortion, DISTORTIONS), ("--motion", motion, MOTIONS), ("--engine", engine, SOLVERS),
    ):  # fmt: skip
        _check_choice(option, value, choices)
    options = _parsed_focal(focal, sensor) | {
        "refine_focal": refine_focal, "zoom": zoom, "distortion": distortion, "motion": motion, "engine": engine,
    }  # fmt: skip
    solve_result(folder, options, overwrite=overwrite, debug=debug)


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
def quality(
    tracks: Annotated[Path, typer.Argument(metavar="TRACKS_OR_DIR", help="A tracks.json, or a folder that has one.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for other programs.")] = False,
    debug: Debug = False,
) -> None:
    """Judge the tracks of a file, wherever they came from; nothing is changed."""
    judged = judge_file(tracks)
    if as_json:
        print(json.dumps(judged.to_dict(), ensure_ascii=False, allow_nan=False, indent=1))
    else:
        print("\n".join(judged.lines()))


@app.command()
def clean(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A result of 'cinetrack track'.")],
    mute: Annotated[bool, typer.Option("--mute", help="Mute markers instead of removing them.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Bring back the tracks from before the last cleaning.")] = False,
    debug: Debug = False,
) -> None:
    """Clean the tracks of a result by verdict. What was there before stays beside it, for --undo."""
    target, kept = folder / "tracks.json", folder / "tracks.uncleaned.json"
    if undo:
        if not kept.exists():
            raise TrackingError(f"expected {kept}: nothing was cleaned here, or it has been undone")
        kept.replace(target)
        print(f"{target} is what it was before the cleaning")
        return
    clip = Clip.load(target)
    before = target.read_bytes()
    done = clean_tracks(clip, mute=mute, dry_run=dry_run)
    for action in done.actions:
        print(f"  {action.action.lower():8}{action.name}: {action.reason}, {len(action.frames)} markers")
    if not dry_run and done.actions:
        write_atomically(kept, lambda temporary: temporary.write_bytes(before))
        clip.save(target)
    told = f"{len(done.actions)} tracks, {done.markers} markers"
    print(f"would clean {told}" if dry_run else f"cleaned {told}; 'cinetrack clean --undo {folder}' takes it back")


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
    camera: CameraSolve | None = None


def _tracked(
    steps: Steps, path: Path, preset: str, engine: str, span: tuple[int, int] | None, clean: bool, threads: int | None,
    camera: dict[str, Any] | None, check_footage: Callable[[ClipInfo], None],
) -> _Job:  # fmt: skip
    with steps.step("opening the clip"):
        if engine == "libmv":
            new_blend()
        tracker = PointTracker(path, preset, engine=engine)
        store = store_of(tracker.clip)
        check_footage(store.info)
        first, last = span or (store.numbers.first, store.numbers.last)
        for frame in (first, last):
            store.numbers.checked(frame, "--frames")
        if store.footage.has_variable_rate:
            steps.say("the movie's frame rate varies: frames are counted as they are stored")
        if engine == "klt" and needs_compile():
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
    solved = None if camera is None else solve_step(steps, tracker.clip, camera)
    with steps.step("measuring correlations"):
        tracks = tracker.get_track_data()
    return _Job(path, tracker.clip, store.info, tracks, solved)


class _Targets:
    """The files of one result."""

    def __init__(self, folder: Path, shot: str, exports: list[str], fps: float | None) -> None:
        self.folder = folder
        self.exports = {name: folder / f"{shot}{find_format(name)[0].export_suffix}" for name in exports}
        self.fps = fps
        self.written: list[Written] = []
        self.tracks = folder / "tracks.json"
        self.blend = folder / f"{shot}.blend"
        self.log = folder / "cinetrack.log"
        self.camera = CameraFiles(folder)
        self._made: list[Path] = []

    def check(self, overwrite: bool) -> None:
        """Refuse before any work is done."""
        if self.folder.exists() and not self.folder.is_dir():
            raise TrackingError(f"expected --output to be a folder, {self.folder} is a file")
        existing = [path for path in (self.tracks, self.blend, *self.exports.values()) if path.exists()]
        if existing and not overwrite:
            raise TrackingError(f"{existing[0]} exists already: choose another folder or give --overwrite")

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
        """Remove the folders that :meth:`folder_made` made; they are empty."""
        for path in self._made:
            path.rmdir()

    def write(self, job: _Job, step: Step, log: Path) -> None:
        """Write all files; when one cannot be written, those that were not there before go again."""
        new = [path for path in (self.blend, self.tracks, self.log, *self.exports.values()) if not path.exists()]
        try:
            try:
                movie_clip = blend_with(job.path, job.tracks) if isinstance(job.clip, Clip) else job.clip
                if job.camera is not None:
                    add_solved_camera(job.camera, movie_clip)
                write_blend(movie_clip, self.blend)
            except BackendUnavailable:
                step.outcome = "done, without a .blend: Blender's module bpy is not here"
            if job.camera is not None:
                self.camera.write(job.camera, job.tracks)
            tracks_json.write(self.tracks, job.info, job.tracks)
            for name, path in self.exports.items():
                self.written.append(formats.write(job.tracks, path, name, clip=job.info, fps=self.fps, overwrite=True))
            text = log.read_text(encoding="utf-8", errors="replace")
            write_atomically(self.log, lambda temporary: temporary.write_text(text, encoding="utf-8"))
        except BaseException:
            for path in new:
                path.unlink(missing_ok=True)
            raise


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


def _parsed_focal(text: str | None, sensor: float) -> dict[str, Any]:
    """``1200`` is px, ``35mm`` goes with the sensor's width; as :func:`.camera.solve_camera` takes them."""
    if text is None:
        return {}
    number, mm = text.removesuffix("mm"), text.endswith("mm")
    try:
        return {"focal": float(number)} | ({"sensor_width": sensor} if mm else {})
    except ValueError:
        raise _UsageError(f"expected --focal as px or as mm, such as 1200 or 35mm; got {text!r}") from None


def _parsed_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise _UsageError(f"expected --size WxH, such as 1920x1080, got {text!r}")
    return int(width), int(height)


def _parsed_export(text: str | None) -> list[str]:
    """The formats to write besides; tracks.json is written anyway."""
    names = list(dict.fromkeys(text.split(","))) if text is not None else []
    for name in names:
        try:
            find_format(name)
        except ParameterError as error:
            raise _UsageError(f"--export: {error}") from error
    return [name for name in names if name != tracks_json.NAME]


def _tell(console: Console, written: Written, notes: Iterable[str] = ()) -> None:
    """A line for the file, one for what is not in it, one for each thing an artist should know."""
    console.print(f"{written.tracks} tracks as {written.format} in {written.path}", soft_wrap=True, markup=False)
    if written.losses:
        console.print(f"  not in it: {'; '.join(map(str, written.losses))}", soft_wrap=True, markup=False)
    for note in dict.fromkeys((*notes, *written.notes)):
        console.print(f"  note: {note}", soft_wrap=True, markup=False)


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
