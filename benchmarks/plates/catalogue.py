"""The plates by name, and which of them may be looked at during development.

Whoever tunes an engine looks at the development plates only. The report plates, of other seeds, are for
figures that are quoted, and so are the long ones: whole shots in which nothing of the first frame is seen in the last.
So are those in 1280x720, of plain things, sharp and blurred, the wide ones, through fisheyes, and those of toys, whose
textures are anybody's, of later seeds (toys-report); the first ones of toys were looked at.
The later ones came when all but one rule was chosen. The committed plates are small movies that stand in
the repository, so that a first run needs no rendering.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from benchmarks.footage import Footage
from benchmarks.plates import rendered
from benchmarks.plates.rendered import PlateSpec

ROOT = Path(__file__).resolve().parents[2]
MOVIES = Path(__file__).resolve().parent / "committed"

COURTYARD = PlateSpec(layout="courtyard", seed=1, width=640, height=360, frames=48, samples=36, movers=1)
STREET = PlateSpec(layout="street", seed=2, width=640, height=360, frames=24, samples=8, shutter=0.4)

COMMITTED = {
    "courtyard": (COURTYARD, ROOT / "examples" / "sample_plate.mp4"),
    "street-blur": (STREET, MOVIES / "street_blur.mp4"),
}


def _family(seed: int) -> dict[str, PlateSpec]:
    """One plate of every layout, with a different trouble each, all of them seeded by `seed` and above."""
    base = PlateSpec(width=960, height=540, frames=48, samples=6)
    return {
        "street": dataclasses.replace(base, layout="street", seed=seed),
        "street-blur": dataclasses.replace(base, layout="street", seed=seed + 1, shutter=0.4),
        "interior": dataclasses.replace(base, layout="interior", seed=seed + 2, exposure=0.7, grain=2.0),
        "turntable": dataclasses.replace(base, layout="turntable", seed=seed + 3),
        "aerial": dataclasses.replace(base, layout="aerial", seed=seed + 4, distortion=-0.06),
        "solids": dataclasses.replace(base, layout="solids", seed=seed + 5),
        "posts": dataclasses.replace(base, layout="posts", seed=seed + 6, shutter=0.4),
    }


_LONG = PlateSpec(width=640, height=360, frames=208, samples=8)

_HD = PlateSpec(width=1280, height=720, frames=48, samples=6)

_WIDE = PlateSpec(width=640, height=360, frames=48, samples=2)  # of finer pictures


def _toys(seed: int) -> dict[str, PlateSpec]:
    """One plate of every move round Blender's primitives, seeded by `seed` and above."""
    return {
        "arc": dataclasses.replace(_HD, layout="toys-arc", seed=seed),
        "push": dataclasses.replace(_HD, layout="toys-push", seed=seed + 1, shutter=0.4),
        "crane": dataclasses.replace(_HD, layout="toys-crane", seed=seed + 2, shutter=0.4),
        "orbit": dataclasses.replace(_HD, layout="toys-orbit", seed=seed + 3, grain=3.0),
        "checks": dataclasses.replace(_HD, layout="toys-checks", seed=seed + 4),
    }


RENDERED = {
    "development": _family(100),
    "report": _family(1000),
    "later": _family(200),
    "long": {
        "street": dataclasses.replace(_LONG, layout="street", seed=2000),
        "aerial": dataclasses.replace(_LONG, layout="aerial", seed=2001, samples=6),
    },
    "hd": {
        "solids": dataclasses.replace(_HD, layout="solids", seed=7001),
        "posts": dataclasses.replace(_HD, layout="posts", seed=7002, shutter=0.4),
        "courtyard": dataclasses.replace(_HD, layout="courtyard", seed=7003, samples=10),
        "solids-blur": dataclasses.replace(_HD, layout="solids", seed=7004, shutter=0.4, samples=4),
        "posts-sharp": dataclasses.replace(_HD, layout="posts", seed=7005, samples=4),
    },
    "toys": _toys(11),
    "toys-report": _toys(1011),
    "wide": {
        "street-85": dataclasses.replace(_WIDE, layout="street", seed=8001, fisheye=85.0),
        "courtyard-100": dataclasses.replace(_WIDE, layout="courtyard", seed=8002, fisheye=100.0),
        "interior-120": dataclasses.replace(_WIDE, layout="interior", seed=8003, frames=24, fisheye=120.0),
    },
}
SETS = ("committed", *RENDERED)


@dataclass(frozen=True)
class Entry:
    """A plate that is ready to be tracked."""

    name: str
    spec: PlateSpec
    footage: Footage


def entries(which: str, layouts: Sequence[str] = ()) -> list[Entry]:
    """The plates of a set, rendered or decoded now if the cache does not hold them; only those named, if any are."""
    if which == "committed":
        return [
            Entry(name, spec, decoded(name, movie))
            for name, (spec, movie) in COMMITTED.items()
            if not layouts or name in layouts
        ]
    if which not in SETS:
        raise ValueError(f"expected one of {', '.join(SETS)}, got {which!r}")
    wanted = {name: spec for name, spec in RENDERED[which].items() if not layouts or name in layouts}
    return [Entry(f"{which}/{name}", spec, _rendered(spec)) for name, spec in wanted.items()]


def names(layouts: str) -> list[str]:
    """Layouts as commands take them: "street|interior"; none: all."""
    return [name for name in layouts.split("|") if name]


def encode(spec: PlateSpec, movie: Path, quality: int = 17) -> None:
    """Render a plate and write it as H.264 in yuv420p; `quality` is x264's rate factor, lower is better."""
    movie.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(movie), "w") as container:
        stream = container.add_stream("libx264", rate=round(spec.fps))
        stream.width, stream.height, stream.pix_fmt = spec.width, spec.height, "yuv420p"
        stream.options = {"crf": str(quality), "preset": "slow", "tune": "grain"}
        for picture in rendered.render(spec).pictures():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _rendered(spec: PlateSpec) -> Footage:
    plate = rendered.render(spec)
    return Footage(plate.folder, spec.frames, (spec.width, spec.height))


def decoded(name: str, movie: Path) -> Footage:
    """A movie's frames as a sequence in the cache: contenders then read the same files."""
    folder = rendered.CACHE / f"decoded-{name}"
    stamp = folder / "movie.json"
    state = json.dumps([str(movie), movie.stat().st_size, movie.stat().st_mtime_ns])
    if not stamp.exists() or stamp.read_text() != state:
        folder.mkdir(parents=True, exist_ok=True)
        with av.open(str(movie)) as container:
            for number, frame in enumerate(container.decode(video=0), start=1):
                picture = frame.to_ndarray(format="bgr24")
                cv2.imwrite(str(folder / f"{number:04d}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        stamp.write_text(state)
    height, width = cv2.imread(str(folder / "0001.png")).shape[:2]
    return Footage(folder, len(list(folder.glob("*.png"))), (width, height))


def evenly(features: np.ndarray, count: int) -> np.ndarray:
    """Indices of at most `count` of the features (n, 2), spread over the picture: farthest first."""
    if len(features) <= count:
        return np.arange(len(features))
    chosen = [int(np.argmin(np.linalg.norm(features - features.mean(axis=0), axis=1)))]
    distance = np.linalg.norm(features - features[chosen[0]], axis=1)
    while len(chosen) < count:
        chosen.append(int(np.argmax(distance)))
        distance = np.minimum(distance, np.linalg.norm(features - features[chosen[-1]], axis=1))
    return np.sort(chosen)
