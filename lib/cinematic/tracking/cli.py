"""The command ``cinetrack``.

Results go to files, messages to stdout, errors to stderr in one line. Exit codes: 0 done, 1 failed, 2 wrong
usage.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from typer.exceptions import TyperException

from . import __version__
from .blender import blender_version, installed_release, output_redirected
from .camera import DISTORTIONS, MOTIONS, ROLLING_SHUTTERS, SOLVERS, ZOOMS
from .clip import Clip
from .convert import CHOICES, LENS
from .convert import convert as convert_tracks
from .errors import BackendUnavailable, ParameterError, TrackingError
from .farm_command import run_farm
from .files import write_atomically
from .formats import FORMATS
from .formats import cinetrack as tracks_json
from .formats.registry import find_format
from .formats.writing import Written
from .judged_file import judge_file
from .kernels import compile_kernels, needs_compile
from .lens import SENSOR_WIDTH, focal_px
from .machine import available_cores
from .point_tracker import ENGINES
from .presets import get_tracking_preset, list_tracking_presets
from .quality import clean_tracks, judge_with_motion, refine_tracks, settle_tracks, solve_readiness
from .report import write_report
from .solve_command import solve_result
from .track_command import Targets, TrackJob, run_track
from .types import verdicts_in_words

app = typer.Typer(
    name="cinetrack",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _result_folder(path: Path) -> Path:
    """The folder of a result, whose tracks.json names it as well."""
    folder = path.parent if path.name == "tracks.json" and path.is_file() else path
    if not any((folder / name).is_file() for name in ("tracks.json", "tracks.uncleaned.json")):
        raise TrackingError(f"expected a result of 'cinetrack track', a folder that holds tracks.json, got {path}")
    return folder


Result = Annotated[Path, typer.Argument(metavar="DIR", help="A result of 'cinetrack track'.", callback=_result_folder)]
Focal = Annotated[str | None, typer.Option(metavar="F", help="Focal length: 1200 (px) or 35mm; default: found.")]
Sensor = Annotated[float, typer.Option(metavar="MM", help="Width of the sensor that a focal length in mm is for.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error, and Blender's own output.")]


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"cinetrack {__version__}")
        raise typer.Exit


@app.callback()
def cinetrack(
    version: Annotated[
        bool, typer.Option("--version", help="Say the version and end.", callback=_say_version, is_eager=True)
    ] = False,
) -> None:
    """2D point tracks clean enough that the camera solve works at the first try."""


@app.command()
def track(
    clip: Annotated[
        Path, typer.Argument(help="A movie, an image of a sequence, a pattern (shot.####.exr) or a folder.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results.")],
    preset: Annotated[str, typer.Option(help="See 'cinetrack presets'.")] = "balanced",
    engine: Annotated[str, typer.Option(help=f"What moves the markers: {', '.join(ENGINES)}.")] = ENGINES[0],
    frames: Annotated[str | None, typer.Option(metavar="A-B", help="Part of the plate, its own numbers.")] = None,
    clean: Annotated[bool, typer.Option("--clean/--no-clean", help="Cut and remove what is bad, by verdict.")] = True,
    refill: Annotated[bool, typer.Option("--refill/--no-refill", help="Fill what cleaning has emptied.")] = True,
    refine: Annotated[
        bool, typer.Option("--refine/--no-refine", help="Average markers over windows and frames around them.")
    ] = True,
    weigh: Annotated[
        bool, typer.Option("--weigh/--no-weigh", help="What scatters less counts more in Blender's solve.")
    ] = True,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Write report.html.")] = True,
    threads: Annotated[int | None, typer.Option(min=1, help="Of the engine klt; default all cores.")] = None,
    solve: Annotated[bool, typer.Option("--solve", help="Solve the camera, too.")] = False,
    focal: Focal = None,
    sensor: Sensor = SENSOR_WIDTH,
    export: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Formats to write besides, such as nuke,ae; see docs/formats.md."),
    ] = None,
    fps: Annotated[float | None, typer.Option(help="Rate of an image sequence, for formats that need one.")] = None,
    pixel_aspect: Annotated[
        float | None, typer.Option(metavar="A", help="Width of a pixel over its height; default as the footage says.")
    ] = None,
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
    """Cover the plate with tracks, refine, judge, clean, fill up, settle, weigh; write tracks.json and report.html.

    Where Blender's module is installed, a .blend with the clip and its tracks is written, too. The engine libmv, and
    klt with --detect-once, detect features on the first frame only.
    """
    _check_choice("--preset", preset, list_tracking_presets())
    _check_choice("--engine", engine, ENGINES)
    where = {
        "mask": mask or None,
        "mask_keep": mask_keep or None,
        "regions": [_parsed_region(text) for text in region or ()] or None,
    }
    wishes = {"tracks_per_frame": tracks_per_frame, "resume": resume}
    covers = engine == "klt" and not detect_once
    if not covers and any(wishes.values()):
        option = next(name for name, value in wishes.items() if value).replace("_", "-")
        raise _UsageError(f"expected --{option} with the engine klt and without --detect-once")
    if focal is not None and not (solve or clean or report):
        raise _UsageError(
            "expected --focal where tracks are judged or solved: not with --no-clean and --no-report alone"
        )
    job = TrackJob(
        clip, preset, engine, _parsed_frames(frames), pixel_aspect, threads, clean,
        refill and clean and covers, refine and clean, weigh and clean, where,
        covering=wishes if covers else None, lens=_parsed_focal(focal, sensor), solve=solve,
    )  # fmt: skip
    targets = Targets(output, clip, _parsed_export(export), fps, with_report=report)
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False)
    done = run_track(job, targets, console, overwrite=overwrite, debug=debug)
    console.print(f"{len(done.tracks)} tracks of {clip.name} are in {targets.tracks}", soft_wrap=True)
    if targets.with_report:
        console.print(f"What is thought of them: {targets.report}", soft_wrap=True)
    if targets.blend.exists():
        console.print(f"{installed_release()} opens them with {targets.blend}", soft_wrap=True)
    for written in targets.written:
        _tell(console, written)


@app.command(context_settings={"ignore_unknown_options": True})
def farm(
    given: Annotated[
        list[str], typer.Argument(metavar="CLIP... [OPTION...]", help="Clips, then options of 'cinetrack track'.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder for the results' folders.")],
    workers: Annotated[int | None, typer.Option(min=1, help="Shots at a time; default one for two cores.")] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Of a Dask cluster that does it.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Leave out what is done, go on with the rest.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing results.")] = False,
) -> None:
    """Track many shots, several at once, each into DIR/NAME as 'cinetrack track' does.

    A shot that fails stops no other.
    """
    clips = [Path(each) for each in itertools.takewhile(lambda each: not each.startswith("-"), given)]
    if not clips:
        raise _UsageError(f"expected clips before options, got {given[0]!r}")
    if scheduler is not None and workers is not None:
        raise _UsageError("expected --workers without --scheduler: how many work there, the cluster decides")
    options = given[len(clips) :] + ["--overwrite"] * overwrite
    console = Console(highlight=False)
    try:
        run_farm(clips, output, options, workers, scheduler, console, resume=resume, overwrite=overwrite)
    except ParameterError as error:
        raise _UsageError(str(error)) from error


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
    corner: Annotated[
        str | None, typer.Option(metavar="X,Y", help="Of an EXR with overscan in its picture, px, for Nuke; -64,-36.")
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
                fps=fps, frame_start=frame_start, frame_offset=frame_offset, half_pixel=half_pixel,
                corner=_parsed_corner(corner), clip=clip, lens=lens, overwrite=overwrite,
            )  # fmt: skip
    _tell(Console(highlight=False), written, shot.notes)


@app.command()
def solve(
    folder: Result,
    focal: Focal = None,
    sensor: Sensor = SENSOR_WIDTH,
    refine_focal: Annotated[bool, typer.Option("--refine-focal", help="--focal is a start, not exact.")] = False,
    zoom: Annotated[str, typer.Option(help=f"Whether the focal length changes: {', '.join(ZOOMS)}.")] = "auto",
    distortion: Annotated[str, typer.Option(help=f"Radial distortion: {', '.join(DISTORTIONS)}.")] = "auto",
    rolling_shutter: Annotated[
        str, typer.Option(metavar="R", help="Share of a frame's time that its rows are read in: 0.45, off or auto.")
    ] = "auto",
    motion: Annotated[str, typer.Option(help=f"What the camera does: {', '.join(MOTIONS)}.")] = "auto",
    engine: Annotated[str, typer.Option(help=f"What solves: {', '.join(SOLVERS)}.")] = SOLVERS[0],
    frames: Annotated[str | None, typer.Option(metavar="A-B", help="The shot to solve, the plate's numbers.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing camera.")] = False,
    debug: Debug = False,
) -> None:
    """Solve the camera of a result and write DIR/camera.json, camera.usda, colmap/ and camera.blend."""
    for option, value, choices in (
        ("--zoom", zoom, ZOOMS), ("--distortion", distortion, DISTORTIONS), ("--motion", motion, MOTIONS),
        ("--engine", engine, SOLVERS),
    ):  # fmt: skip
        _check_choice(option, value, choices)
    options = _parsed_focal(focal, sensor) | {
        "refine_focal": refine_focal, "zoom": zoom, "distortion": distortion, "motion": motion, "engine": engine,
        "rolling_shutter": _parsed_shutter(rolling_shutter), "frames": _parsed_frames(frames),
    }  # fmt: skip
    solve_result(folder, options, overwrite=overwrite, debug=debug)


@app.command()
def report(
    folder: Result,
    focal: Focal = None,
    sensor: Sensor = SENSOR_WIDTH,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing report.")] = False,
    debug: Debug = False,
) -> None:
    """Judge the tracks of a result and write DIR/report.html: one file to open in a browser."""
    target = folder / "report.html"
    if target.exists() and not overwrite:
        raise TrackingError(f"{target} exists already: give --overwrite to replace it")
    clip = Clip.load(folder / "tracks.json")
    known = focal_px(clip.size, **_parsed_focal(focal, sensor))
    compile_kernels(_say_aside)
    verdicts, motion = judge_with_motion(clip, focal=known)
    readiness = solve_readiness(clip, verdicts, motion=motion)
    write_report(target, clip.info, clip.read(), verdicts, readiness, clip.footage)
    Console(highlight=False).print(f"{verdicts_in_words(verdicts)}; the report is {target}", soft_wrap=True)


@app.command()
def quality(
    tracks: Annotated[
        Path, typer.Argument(metavar="PATH", help="Tracks of any format, a .blend, or a result's folder.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for other programs.")] = False,
    source_format: Annotated[str | None, typer.Option("--from", help=f"One of {', '.join(CHOICES)}.")] = None,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="The footage's, px, where PATH does not say.")] = None,
    frame_start: Annotated[int | None, typer.Option(help="The plate's first frame, where PATH does not say.")] = None,
    frame_offset: Annotated[int, typer.Option(metavar="N", help="Added to every frame.")] = 0,
    half_pixel: Annotated[
        str | None, typer.Option(metavar="VALUE", help="edge or centre: where positions have their zero.")
    ] = None,
    clip: Annotated[str | None, typer.Option(metavar="NAME", help="Which clip of a .blend.")] = None,
    footage: Annotated[Path | None, typer.Option(help="The tracks' footage, where PATH does not say.")] = None,
    focal: Focal = None,
    sensor: Sensor = SENSOR_WIDTH,
    debug: Debug = False,
) -> None:
    """Judge the tracks of a file, wherever they came from; nothing is changed."""
    if source_format is not None:
        _check_choice("--from", source_format.partition(":")[0], CHOICES)
    compile_kernels(_say_aside)
    with (
        tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch,
        nullcontext() if debug else output_redirected(Path(scratch, "blender.log")),
    ):
        judged = judge_file(
            tracks, source_format, size=_parsed_size(size), frame_start=frame_start, frame_offset=frame_offset,
            half_pixel=half_pixel, clip=clip, footage=footage, **_parsed_focal(focal, sensor),
        )  # fmt: skip
    if as_json:
        print(json.dumps(judged.to_dict(), ensure_ascii=False, allow_nan=False, indent=1))
    else:
        print("\n".join(judged.lines()))


@app.command()
def clean(
    folder: Result,
    mute: Annotated[bool, typer.Option("--mute", help="Mute markers instead of removing them.")] = False,
    refine: Annotated[
        bool, typer.Option("--refine", help="Average markers, over windows before that, over frames after it.")
    ] = False,
    focal: Focal = None,
    sensor: Sensor = SENSOR_WIDTH,
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
    known = focal_px(clip.size, **_parsed_focal(focal, sensor))
    before = target.read_bytes()
    compile_kernels(_say_aside)
    refinement = refine_tracks(clip) if refine else None
    verdicts, _ = judge_with_motion(clip, refinement=refinement, focal=known)
    done = clean_tracks(clip, mute=mute, verdicts=verdicts)
    if refine and not dry_run:
        settle_tracks(clip)
    changed = bool(done.actions or (refinement is not None and refinement.after))
    for action in done.actions:
        print(f"  {action.action.lower():8}{action.name}: {action.reason}, {len(action.frames)} markers")
    if changed and not dry_run:
        write_atomically(kept, lambda temporary: temporary.write_bytes(before))
        clip.save(target)
    told = f"{len(done.actions)} tracks, {done.markers} markers"
    if refinement is not None and refinement.after:
        told += f", {'refine' if dry_run else 'refined'} {len(refinement.after)} tracks"
    told += done.spared_in_words()
    back = f"; 'cinetrack clean --undo {folder}' takes it back" if changed else ""
    print(f"would clean {told}" if dry_run else f"cleaned {told}{back}")
    if changed and not dry_run:
        _tell_of_older_files(folder, clip.footage.path)


def _tell_of_older_files(folder: Path, footage: Path) -> None:
    """Say which files of a result hold or show other tracks than its tracks.json by now."""
    targets = Targets(folder, footage, tuple(FORMATS), None, with_report=True)
    older = [path.name for path in targets.beside_the_tracks if path.exists()]
    if older:
        print(f"{', '.join(older)}: still the tracks as they were; anew, for example:")
        print(f"  cinetrack report {folder} --overwrite")
        print(f"  cinetrack convert {folder / 'tracks.json'} {folder / 'cleaned.blend'}")


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
    console = Console(highlight=False)
    if warm_up:
        compile_kernels(console.print)
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
    console.print(f"threads: {available_cores()}")


def main() -> NoReturn:
    """Run the command line; errors of this package and of the system end in one line."""
    debug = "--debug" in sys.argv
    for argument in sys.argv[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError:
            _fail(f"expected arguments in UTF-8, got {os.fsencode(argument)!r}", 2)
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


def _say_aside(line: str) -> None:
    """What is no result, and must not be taken for one by a program that reads it."""
    print(line, file=sys.stderr)


def _told(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:  # the system's own: its text begins with [Errno 13]
        return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return str(error)


def _fail(message: str, code: int) -> NoReturn:
    print(f"cinetrack: error: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)


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


def _parsed_focal(text: str | None, sensor: float) -> dict[str, Any]:
    """``1200`` is px, ``35mm`` goes with the sensor's width; as :func:`.camera.solve_camera` takes them."""
    if text is None:
        return {}
    number, mm = text.removesuffix("mm"), text.endswith("mm")
    try:
        return {"focal": float(number)} | ({"sensor_width": sensor} if mm else {})
    except ValueError:
        raise _UsageError(f"expected --focal as px or as mm, such as 1200 or 35mm; got {text!r}") from None


def _parsed_shutter(text: str) -> str | float:
    if text in ROLLING_SHUTTERS:
        return text
    try:
        return float(text)
    except ValueError:
        choices = ", ".join(ROLLING_SHUTTERS)
        raise _UsageError(f"expected --rolling-shutter as a number from -1 to 1, or {choices}; got {text!r}") from None


def _parsed_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise _UsageError(f"expected --size WxH, such as 1920x1080, got {text!r}")
    return int(width), int(height)


def _parsed_corner(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    try:
        x, y = map(int, text.split(","))
    except ValueError:
        raise _UsageError(f"expected --corner X,Y, two whole numbers of px, got {text!r}") from None
    return x, y


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


def _installed_version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
