"""The benchmark's command.

    python -m benchmarks.run warped [--tracks N]     speed and accuracy on the warped plate
    python -m benchmarks.run rendered [--plates P]   accuracy on rendered plates, against exact truth
    python -m benchmarks.run solve [--plates P]      Blender's first camera solve, and ours, with each one's tracks
    python -m benchmarks.run judging [--plates P]    bad tracks found, named and cleaned, and the solve afterwards
    python -m benchmarks.run scaling                 cost against tracks, frames and resolution

P is `committed` (no rendering; the default), `development` or `report`. Every table is one run: the same
features for all contenders, the contenders in turn, `--rounds` times, medians reported. Prints Markdown;
writes JSON and pictures to `benchmarks/results`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import blender, contenders, crlb, judging, report
from benchmarks.contenders import Contender, Options, Run
from benchmarks.footage import Footage, write_sequence
from benchmarks.plates import catalogue, rendered, truth
from benchmarks.plates.warped import WarpedPlate, local_jacobians
from benchmarks.report import Table
from benchmarks.score import Reference, errors, score, tapvid, trajectory_error
from benchmarks.solving import solve_apart, solve_here

BASELINE = "Blender, Affine"
WARPED_TRACKS = 200
SOLVE_TRACKS = 150
SOLVE_LIMIT = 600  # seconds

SOLVE_NAMES = {"": "Blender", "own_": "this package", "free_": "this package, focal length unknown"}
SOLVE_COLUMNS = {
    "solve1": "Blender: solve1 px", "ate": "ate", "frames": "frames", "seconds": "s",
    "own_solve1": "this package: px", "own_ate": "ate", "own_frames": "frames", "own_seconds": "s",
    "free_ate": "focal unknown: ate", "free_focal_off": "focal off", "free_seconds": "s", "tracks": "tracks",
}  # fmt: skip
SPEED_COLUMNS = {"rate": "markers/s", "ratio": f"times {BASELINE}"}
SCORE_COLUMNS = {
    "recall05": "recall05",
    "recall1": "recall1",
    "bad1": "bad1",
    "bad4": "bad4",
    "occluded": "occluded",
    "median": "median px",
    "good": "good",
    "average_jaccard": "AJ",
    "delta_average": "delta_avg",
    "occlusion_accuracy": "OA",
}


def in_turn(
    field: Sequence[Contender], footage: Footage, features: np.ndarray, options: Options, rounds: int
) -> dict[str, list[Run]]:
    """Every contender on the same features, one after the other, `rounds` times; the runs by name."""
    runs: dict[str, list[Run]] = {contender.name: [] for contender in field}
    for contender in field:
        contender.prepare(footage, options)
    for _ in range(rounds):
        for contender in field:
            runs[contender.name].append(contender.run(features))
    return runs


def speeds(runs: dict[str, list[Run]]) -> dict[str, dict[str, float]]:
    """Markers a second and the ratio to the baseline, each the median over the rounds."""
    rates = {name: np.array([run.markers / run.seconds for run in found]) for name, found in runs.items()}
    base = rates.get(BASELINE)
    result = {}
    for name, rate in rates.items():
        ratio = float(np.median(rate / base)) if base is not None else float("nan")
        result[name] = {"rate": float(np.median(rate)), "ratio": ratio}
    return result


def warped(field: Sequence[Contender], rounds: int, count: int = WARPED_TRACKS) -> list[Table]:
    """The first table of the measures: sub-pixel accuracy and speed where the truth is a homography."""
    plate, options = WarpedPlate(), Options()
    footage = write_sequence(plate.pictures(), rendered.CACHE / f"warped-{plate.seed}")
    features = _detect(footage, count)
    reference = plate.reference(features)
    bounds = crlb.covariances(plate.clean(1), features, plate.noise, options.pattern)
    seen = crlb.carried(bounds, local_jacobians(plate.homographies, features))[:, 1:][reference.visible[:, 1:]]
    bound = crlb.pooled_median(seen)
    runs = in_turn(field, footage, features, options, rounds)
    size = f"{plate.width}x{plate.height}, {plate.frames} frames, noise sigma {plate.noise:g} of 255"
    title = f"Warped plate, {size}, pattern {options.pattern} px, {len(features)} tracks"
    accuracy = {"median": "median px", "ratio_bound": "times the bound", "bias": "bias px", "bad1": "share > 1 px"}
    columns = SPEED_COLUMNS | accuracy | {"recall05": "recall05"}
    table = Table("warped", title, columns)
    distances = {}
    for name, speed in speeds(runs).items():
        tracks = runs[name][0].tracks
        distances[name] = errors(tracks, reference).ravel()
        bias = np.nanmedian((tracks - reference.positions)[:, 1:].reshape(-1, 2), axis=0)
        scores = score(tracks, reference).as_dict()
        ratio = {"ratio_bound": scores["median"] / bound, "bias": float(np.abs(bias).max())}
        row = {"name": name, **speed, **scores, **ratio}
        table.rows.append(row)
    at_rest = crlb.pooled_median(bounds)
    table.notes.append(
        f"Cramer-Rao bound as a median, affine + gain + bias, both frames noisy: {bound:.4f} px over all frames, "
        f"{at_rest:.4f} px where the pattern keeps its size."
    )
    table.notes.append("Frames decoded beforehand for all (Blender: its cache filled by `clip.prefetch`).")
    picture = "warped.png" if count == WARPED_TRACKS else f"warped-{count}.png"
    report.error_picture(distances, title, report.RESULTS / picture, bound)
    return [table]


@dataclass(frozen=True)
class Trial:
    """A rendered plate with the features that everyone is given on it, and their truth."""

    entry: catalogue.Entry
    features: np.ndarray  # (N, 2) px, as Blender detects them on frame 1
    found: truth.Truth

    @property
    def reference(self) -> Reference:
        """The truth as scoring wants it."""
        return self.found.reference()


def trials(entries: Sequence[catalogue.Entry], limit: int | None = None) -> list[Trial]:
    """Plates, each with its features (at most `limit`, spread evenly) and their truth."""
    result = []
    for entry in entries:
        features = _detect(entry.footage, limit)
        result.append(Trial(entry, features, truth.cast(entry.spec, features, np.ones(len(features), int))))
    return result


def rendered_tables(field: Sequence[Contender], entries: Sequence[catalogue.Entry], rounds: int) -> list[Table]:
    """Accuracy where tracks meet occlusion, parallax, moving objects and blur; one table a plate."""
    tables = []
    for trial in trials(entries):
        spec, reference = trial.entry.spec, trial.reference
        runs = in_turn(field, trial.entry.footage, trial.features, Options(), rounds)
        judged = f"{len(reference)} features, {int(reference.usable.sum())} usable"
        title = f"Rendered plate {trial.entry.name}, {spec.width}x{spec.height}, {spec.frames} frames, {judged}"
        table = Table(trial.entry.name, title, SPEED_COLUMNS | SCORE_COLUMNS)
        distances = {}
        for name, speed in speeds(runs).items():
            tracks = runs[name][0].tracks
            distances[name] = errors(tracks, reference).ravel()
            video = vars(tapvid(tracks, reference))
            table.rows.append({"name": name, **speed, **score(tracks, reference).as_dict(), **video})
        picture = "rendered-" + trial.entry.name.replace("/", "-") + ".png"
        report.error_picture(distances, title, report.RESULTS / picture)
        tables.append(table)
    return tables


def solve_tables(field: Sequence[Contender], entries: Sequence[catalogue.Entry]) -> list[Table]:
    """Blender's first solve and this package's, with the tracks as delivered; one table a plate."""
    tables = []
    for trial in trials(entries, SOLVE_TRACKS):
        columns = SOLVE_COLUMNS
        title = f"First camera solve, plate {trial.entry.name}, {len(trial.features)} features"
        table = Table("solve-" + trial.entry.name, title, columns)
        for contender in field:
            contender.prepare(trial.entry.footage, Options())
            tracks = contender.run(trial.features).tracks
            focal, size = trial.found.lens.focal, trial.entry.footage.size
            solves = {
                "": solve_apart(trial.entry.footage, tracks, focal, SOLVE_LIMIT),
                "own_": solve_here(tracks, size, focal),
                "free_": solve_here(tracks, size, None),
            }
            row: dict[str, float | int | str] = {"name": contender.name, "tracks": len(trial.found)}
            for prefix, solved in solves.items():
                row |= {prefix + key: value for key, value in _judge(solved, trial.found).items()}
                if solved.message:
                    table.notes.append(f"{contender.name}, {SOLVE_NAMES[prefix]}: {solved.message}")
            table.rows.append(row)
        tables.append(table)
    return tables


def _judge(solved: blender.Solve, found: truth.Truth) -> dict[str, float | int | str]:
    """Error, ate, focal length's error, frames and time of a solve."""
    ate = float("inf")
    if len(solved.frames) >= 3:
        ate = trajectory_error(solved.centres, found.camera_centres()[solved.frames - 1])
    off = abs(solved.focal / found.lens.focal - 1)
    counted = str(len(solved.frames))
    return {"solve1": solved.error, "ate": ate, "focal_off": off, "frames": counted, "seconds": solved.seconds}


def scaling(field: Sequence[Contender], rounds: int) -> list[Table]:
    """What a run costs against the number of tracks, of frames, and the resolution; klt also on one thread."""
    if any(isinstance(contender, contenders.Klt) for contender in field):
        field = [*field, contenders.Klt("Affine", threads=1)]
    sweeps: list[tuple[str, str, list[tuple[int, WarpedPlate, int]]]] = [
        ("tracks", "tracks", [(n, WarpedPlate(seed=3, frames=16), n) for n in (50, 200, 800)]),
        (
            "frames",
            "frames",
            [(n, WarpedPlate(seed=3, width=1280, height=720, frames=n), 200) for n in (8, 24, 72)],
        ),
        (
            "resolution",
            "picture width, px",
            [(w, WarpedPlate(seed=3, width=w, height=w * 9 // 16, frames=8), 200) for w in (640, 1280, 1920, 3840)],
        ),
    ]
    tables = []
    for name, label, points in sweeps:
        table = Table(f"scaling-{name}", f"Seconds against {label}", {str(at): f"{at}" for at, _, _ in points})
        seconds: dict[str, list[float]] = {contender.name: [] for contender in field}
        for _, plate, tracks in points:
            where = f"scaling-{plate.width}-{plate.frames}"
            footage = write_sequence(plate.pictures(), rendered.CACHE / where)
            features = _detect(footage, tracks)
            for who, runs in in_turn(field, footage, features, Options(), rounds).items():
                seconds[who].append(float(np.median([run.seconds for run in runs])))
        keys = list(table.columns)
        table.rows = [{"name": who, **dict(zip(keys, values, strict=True))} for who, values in seconds.items()]
        at = [x for x, _, _ in points]
        series = {who: (at, values) for who, values in seconds.items()}
        report.line_picture(series, table.title, label, "seconds", report.RESULTS / f"scaling-{name}.png")
        tables.append(table)
    return tables


def _detect(footage: Footage, limit: int | None) -> np.ndarray:
    """Blender's features of frame 1 (threshold 0.02, min_distance 12), at most `limit`, evenly spread."""
    features = blender.detect(blender.load_clip(footage))
    return features if limit is None else features[catalogue.evenly(features, limit)]


def main() -> None:
    """Run what was asked for, print the tables, keep them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["warped", "rendered", "solve", "judging", "scaling"])
    parser.add_argument("--plates", choices=catalogue.SETS, default="committed")
    parser.add_argument("--layouts", default="", help='of --plates those named so, e.g. "street|interior"')
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tracks", type=int, default=WARPED_TRACKS, help="of the warped plate")
    parser.add_argument("--only", default="", help='contenders whose name holds one of these, e.g. "Affine|klt"')
    options = parser.parse_args()
    wanted = options.only.lower().split("|")
    field = [c for c in contenders.peers() if any(word in c.name.lower() for word in wanted)]
    if not field:
        parser.error(f"--only {options.only!r}: no such contender")
    layouts = catalogue.names(options.layouts)

    def plates() -> list[catalogue.Entry]:
        return catalogue.entries(options.plates, layouts)

    tasks: dict[str, Callable[[], list[Table]]] = {
        "warped": lambda: warped(field, options.rounds, options.tracks),
        "rendered": lambda: rendered_tables(field, plates(), options.rounds),
        "solve": lambda: solve_tables(field, plates()),
        "judging": lambda: judging.tables(plates()),
        "scaling": lambda: scaling(field, options.rounds),
    }
    tables = tasks[options.what]()
    print(report.headline(), end="\n\n")
    for table in tables:
        print(table.markdown())
    name = options.what if options.plates == "committed" else f"{options.what}-{options.plates}"
    if options.tracks != WARPED_TRACKS:
        name += f"-{options.tracks}"
    print(f"kept in {_shown(report.save(tables, name))}")


def _shown(path: Path) -> str:
    return str(path.relative_to(catalogue.ROOT))


if __name__ == "__main__":
    main()
