"""The camera of whole shots: Blender's first solve and this package's, with each contender's tracks.

    python -m benchmarks.shot_solves --plates long     focal length known and unknown, against the true camera
    python -m benchmarks.shot_solves shot.mp4 ...      real clips up to their first cut, focal length unknown

Of what this package delivers there is one more solve of Blender's: as the .blend has it, from the keyframes that it
names and with its tracks' weights, by which Blender's error is weighted then. What this package solves is also written
as a .blend, opened again, and its bundles are projected through its camera.
The tracks are made anew by every run, one contender at a time. Blender is not told more than an artist would tell it
who does not know the lens: it refines the focal length from what it gives every clip. Prints Markdown; keeps JSON in
`benchmarks/results`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import blend_reprojection, report
from benchmarks.blender import Solve, quiet
from benchmarks.footage import Footage
from benchmarks.plates import catalogue, truth
from benchmarks.plates.catalogue import Entry
from benchmarks.plates.truth import Truth
from benchmarks.report import Table
from benchmarks.score import trajectory_error
from benchmarks.solving import solve_apart
from benchmarks.whole_shots import Delivery, deliveries, positions_of
from cinematic.tracking import CameraSolve, Clip, TrackData, TrackingError, solve_camera
from cinematic.tracking.blend_file import blend_with, write_blend
from cinematic.tracking.blender_camera import add_solved_camera
from cinematic.tracking.shots import Watch, looked_at
from cinematic.tracking.solve.keyframes import solve_keyframes

LIMIT = 900  # seconds that Blender's solve may take
CONTENDERS = "^auto_track$|libmv"

PLATE_COLUMNS = {
    "tracks": "tracks", "solve1": "Blender: solve1 px", "ate": "ate", "focal_off": "focal off", "frames": "frames",
    "cpu": "CPU s", "seconds": "s", "blend_solve1": "as the .blend has it: px", "blend_ate": "ate",
    "blend_focal_off": "focal off", "blend_seconds": "s", "own_solve1": "this package: px", "own_ate": "ate",
    "own_focal_off": "focal off", "own_frames": "frames", "own_used": "tracks used", "own_cpu": "CPU s",
    "own_seconds": "s",
}  # fmt: skip
CLIP_COLUMNS = {
    "tracks": "tracks", "solve1": "Blender, focal refined: px", "frames": "frames", "cpu": "CPU s",
    "radial_solve1": "Blender, radial terms too: px", "radial_frames": "frames", "radial_cpu": "CPU s",
    "blend_solve1": "the same, as the .blend has it: px", "blend_frames": "frames", "blend_cpu": "CPU s",
    "own_solve1": "this package: px", "own_frames": "frames", "own_used": "tracks used", "own_cpu": "CPU s",
    "own_lens": "its lens",
}  # fmt: skip
BLEND_COLUMNS = {"bundles": "bundles", "markers": "markers", "middle": "median px", "most": "90 % below, px"}


@dataclass(frozen=True)
class Timed:
    """This package's solve, or why there is none."""

    solve: CameraSolve | None
    seconds: float
    cpu_seconds: float
    message: str = ""


def on_plate(entry: Entry, only: str, keyframes: tuple[int, int] | None = None) -> Iterator[Table]:
    """A rendered plate: focal length known, then unknown, then the .blend files of both."""
    path = entry.footage.path(1)
    found = _finished(path, only)
    exact = truth.cast(entry.spec, np.empty((0, 2)), np.empty(0, int))
    reprojections = _blend_table(entry.name)
    begun_from = [keyframes] if keyframes else []
    for told, focal in (("known", exact.lens.focal), ("unknown", None)):
        title = f"{entry.name}, focal length {told}"
        table = Table(f"shot-solve-{entry.name.replace('/', '-')}-{told}", title, PLATE_COLUMNS)
        for delivery in found:
            positions = positions_of(delivery.tracks, entry.footage.size, range(1, entry.footage.frames + 1))
            theirs = solve_apart(entry.footage, positions, focal, LIMIT, keyframes=begun_from)
            ours = _solved_here(path, delivery.tracks, focal, "off")
            row = {"name": delivery.name, "tracks": len(delivery.tracks)}
            row |= _as_the_blend_has_it(entry.footage, delivery.tracks, positions, focal, exact=exact)
            row |= _figures(theirs, exact) | {f"own_{key}": value for key, value in _own_figures(ours, exact).items()}
            table.rows.append(row)
            table.notes += _notes(delivery.name, theirs, ours)
            if ours.solve is not None:
                name = f"{delivery.name}, focal length {told}"
                reprojections.rows.append(_through_blend(name, path, delivery.tracks, ours.solve))
        yield table
    yield reprojections


def on_clip(path: Path, only: str) -> Iterator[Table]:
    """A real clip up to its first cut, focal length and lens unknown."""
    footage = catalogue.decoded(path.stem, path)
    end = _first_cut(path, footage)
    table = Table(f"shot-solve-{path.stem}", f"{path.stem}, {end} frames, lens unknown", CLIP_COLUMNS)
    reprojections = _blend_table(path.stem)
    for delivery in _finished(path, only):
        tracks = [track for track in (_until(end, track) for track in delivery.tracks) if len(track.markers) > 1]
        positions = positions_of(tracks, footage.size, range(1, footage.frames + 1))
        plain = solve_apart(footage, positions, None, LIMIT)
        radial = solve_apart(footage, positions, None, LIMIT, radial=True)
        ours = _solved_here(path, tracks, None, "auto")
        row = {"name": delivery.name, "tracks": len(tracks)}
        row |= _figures(plain) | {f"radial_{key}": value for key, value in _figures(radial).items()}
        row |= _as_the_blend_has_it(footage, tracks, positions, None, radial=True)
        row |= {f"own_{key}": value for key, value in _own_figures(ours).items()}
        table.rows.append(row)
        table.notes += _notes(delivery.name, plain, ours)
        if ours.solve is not None:
            reprojections.rows.append(_through_blend(delivery.name, path, tracks, ours.solve))
    yield table
    yield reprojections


def _finished(path: Path, only: str) -> list[Delivery]:
    """What the contenders deliver in the end: of auto_track what cleaning has left."""
    return [delivery for delivery in deliveries(path, only or CONTENDERS) if delivery.name != "auto_track"]


def _solved_here(path: Path, tracks: Sequence[TrackData], focal: float | None, distortion: str) -> Timed:
    clip = Clip(Clip.open(path).footage, list(tracks))
    begun, cpu = time.perf_counter(), time.process_time()
    solve, message = None, ""
    with quiet():
        try:
            solve = solve_camera(clip, focal=focal, distortion=distortion)
        except TrackingError as error:
            message = str(error)
    return Timed(solve, time.perf_counter() - begun, time.process_time() - cpu, message)


def _as_the_blend_has_it(
    footage: Footage, tracks: Sequence[TrackData], positions: np.ndarray, focal: float | None, *,
    radial: bool = False, exact: Truth | None = None,
) -> dict[str, float | str]:  # fmt: skip
    """A row's share of Blender's solve as a delivered .blend asks for it; nothing for tracks that have no weights."""
    weights = np.array([track.weight for track in tracks])
    if (weights == 1.0).all():
        return {}
    keyframes = [(first + 1, second + 1) for first, second in solve_keyframes(positions, footage.size)]
    solved = solve_apart(footage, positions, focal, LIMIT, radial=radial, keyframes=keyframes, weights=weights)
    return {f"blend_{key}": value for key, value in _figures(solved, exact).items()}


def _figures(solved: Solve, exact: Truth | None = None) -> dict[str, float | str]:
    """A row's share of Blender's solve."""
    row: dict[str, float | str] = {
        "solve1": solved.error, "frames": str(len(solved.frames)), "cpu": _time(solved.cpu_seconds),
        "seconds": _time(solved.seconds),
    }  # fmt: skip
    if exact is not None:
        row |= _against(exact, solved.frames, solved.centres, solved.focal)
    return row


def _own_figures(timed: Timed, exact: Truth | None = None) -> dict[str, float | str]:
    """The same of this package's."""
    row: dict[str, float | str] = {"cpu": _time(timed.cpu_seconds), "seconds": _time(timed.seconds)}
    solve = timed.solve
    if solve is None:
        return row | {"solve1": float("inf")}
    row |= {"solve1": solve.average_error, "frames": str(len(solve.solved_frames)), "used": str(len(solve.used))}
    row["lens"] = solve.lens + (", only turns" if solve.only_turns else "")
    if exact is not None:
        frames = np.array(solve.solved_frames)
        rows = [solve.row(frame) for frame in solve.solved_frames]
        row |= _against(exact, frames, solve.cameras.positions[rows], float(solve.cameras.focal[rows[0]]))
    return row


def _against(exact: Truth, frames: np.ndarray, centres: np.ndarray, focal: float) -> dict[str, float | str]:
    ate = trajectory_error(centres, exact.camera_centres()[frames - 1]) if len(frames) >= 3 else float("inf")
    return {"ate": ate, "focal_off": abs(focal / exact.lens.focal - 1)}


def _notes(name: str, theirs: Solve, ours: Timed) -> list[str]:
    told = {"Blender": theirs.message, "this package": ours.message}
    return [f"{name}, {who}: {message}" for who, message in told.items() if message]


def _time(seconds: float) -> str:
    return f"{seconds:.1f}" if np.isfinite(seconds) else ""


def _blend_table(name: str) -> Table:
    title = f"{name}: bundles through the camera of the .blend, against the markers"
    return Table(f"shot-blend-{name.replace('/', '-')}", title, BLEND_COLUMNS)


def _through_blend(name: str, path: Path, tracks: Sequence[TrackData], solve: CameraSolve) -> dict[str, float | str]:
    """Write the .blend as the command does, open it again, and look through its camera."""
    with tempfile.TemporaryDirectory() as folder, quiet():
        blend = Path(folder, "shot.blend")
        clip = blend_with(path, tracks)
        add_solved_camera(solve, clip)
        write_blend(clip, blend)
        off = blend_reprojection.distances(blend)
    used = np.concatenate(list(off.values()))
    middle, most = np.quantile(used, (0.5, 0.9))
    return {"name": name, "bundles": str(len(off)), "markers": len(used), "middle": float(middle), "most": float(most)}


def _until(end: int, track: TrackData) -> TrackData:
    """The track up to a frame."""
    track.drop([frame for frame in track.markers if frame > end])
    return track


def _first_cut(path: Path, footage: Footage) -> int:
    """The last frame before the first cut; of a clip without cuts its last."""
    watch, plate = Watch(), Clip.open(path).footage
    for looked in looked_at(plate.frames(plate.numbers.first, plate.numbers.last), watch):
        if looked.kind == "cut":
            return looked.number - 1
    return footage.frames


def main() -> None:
    """Print the tables, and keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="*", type=Path)
    parser.add_argument("--plates", choices=catalogue.SETS)
    parser.add_argument("--layouts", default="", help='of --plates those named so, e.g. "street|aerial"')
    parser.add_argument("--only", default="", help=f'contenders whose name matches this; default "{CONTENDERS}"')
    parser.add_argument("--keyframes", metavar="A,B", help="of --plates: set for Blender's solver, not its own choice")
    arguments = parser.parse_args()
    keyframes = tuple(map(int, arguments.keyframes.split(","))) if arguments.keyframes else None
    wanted = catalogue.names(arguments.layouts)
    entries = catalogue.entries(arguments.plates, wanted) if arguments.plates else []
    sources = [on_plate(entry, arguments.only, keyframes) for entry in entries]
    sources += [on_clip(path, arguments.only) for path in arguments.clips]
    tables = []
    for source in sources:
        for table in source:
            tables.append(table)
            print(table.markdown(), flush=True)
    print(report.headline())
    at = f"-keyframes-{arguments.keyframes.replace(',', '-')}" if arguments.keyframes else ""
    report.save(tables, f"shot-solves-{arguments.plates or 'clips'}{at}")


if __name__ == "__main__":
    main()
