"""A solved camera as files: ``camera.json`` (our own), ``camera.usda`` (USD), and COLMAP's text model.

``camera.json`` is :meth:`.result.CameraSolve.to_dict`. The USD stage is Z up, in centimetres, a unit of the solve being
a metre (so that Blender and others show what the .blend shows), time codes are the plate's frame numbers; USD's lens is
a pinhole that does not bend, radial terms (:mod:`.lens_curve`) go into custom attributes. In COLMAP's model an image is
called ``STEM.FRAME.EXTENSION``: the sequence's own files, or what a movie's frames may be extracted to.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ..coords import pixels_from_co
from ..errors import FormatError
from ..files import write_atomically
from ..footage import FootagePath
from ..types import TrackData
from .mapping import write_text_model
from .result import CameraSolve

_CENTIMETRES = 100.0  # in a unit of the solve
_AXES = np.diag([1.0, -1.0, -1.0])  # USD's camera axes (y up, z backwards) <-> ours (y down, z forward)


def write_json(path: Path, solve: CameraSolve) -> None:
    """Write ``camera.json``, atomically."""
    text = json.dumps(solve.to_dict(), allow_nan=False, separators=(",", ":"))
    write_atomically(path, lambda temporary: temporary.write_text(f"{text}\n", encoding="utf-8"))


def read_json(path: Path) -> CameraSolve:
    """Read ``camera.json``.

    Raises
    ------
    FormatError
        The file is no such JSON, or of another version; with the reason.
    OSError
        The file cannot be read.
    """
    try:
        return CameraSolve.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"expected JSON in {path}: {error}") from error
    except FormatError as error:
        raise FormatError(f"{path}: {error}") from error


def write_usd(path: Path, solve: CameraSolve) -> None:
    """Write camera and bundles as USD text (.usda), atomically."""
    write_atomically(path, lambda temporary: temporary.write_text(_usd(solve), encoding="utf-8"))


def write_colmap(folder: Path, solve: CameraSolve, tracks: Iterable[TrackData]) -> None:
    """Write cameras.txt, images.txt and points3D.txt (and what belongs to them) into ``folder``.

    Parameters
    ----------
    tracks
        Those that were solved: the markers that were used go into the model.
    """
    by_name = {track.name: track for track in tracks if track.name in solve.bundles}
    size = (solve.clip.width, solve.clip.height)
    positions = np.full((len(by_name), len(solve.frames), 2), np.nan)
    for row, (name, track) in enumerate(by_name.items()):
        frames = [frame for frame in solve.used.get(name, ()) if frame in track.markers]
        if frames:
            co = [track.markers[frame] for frame in frames]
            positions[row, [solve.row(frame) for frame in frames]] = pixels_from_co(co, size)
    points = np.array([solve.bundles[name] for name in by_name]).reshape(-1, 3)
    errors = [solve.track_errors.get(name, -1.0) for name in by_name]
    footage = FootagePath.of_file(Path(solve.clip.path))
    names = [footage.picture_name(frame) for frame in solve.frames]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as scratch:
        made = Path(scratch, "model")
        made.mkdir()
        write_text_model(made, solve.cameras, points, positions, size, names, errors)
        if folder.exists():
            os.replace(folder, Path(scratch, "old"))
        os.replace(made, folder)


def _usd(solve: CameraSolve) -> str:
    frames = solve.solved_frames
    aperture = solve.sensor_width
    height = aperture * solve.clip.height / solve.clip.width / solve.clip.pixel_aspect
    offsets = {frame: (0.5 - solve.centre_co(frame)) * (aperture, height) for frame in frames}
    across, down = (
        _constant_or_samples({frame: f"{offset[axis]:.9g}" for frame, offset in offsets.items()}) for axis in (0, 1)
    )
    names = json.dumps(list(solve.bundles), ensure_ascii=False)
    errors = solve.track_errors
    points = ", ".join(_tuple(np.array(point) * _CENTIMETRES) for point in solve.bundles.values())
    focal = _constant_or_samples({frame: f"{solve.focal_mm(frame):.9g}" for frame in frames})
    return f"""#usda 1.0
(
    defaultPrim = "shot"
    endTimeCode = {solve.frames[-1]}
    framesPerSecond = {solve.clip.fps or 24:g}
    metersPerUnit = 0.01
    startTimeCode = {solve.frames[0]}
    timeCodesPerSecond = {solve.clip.fps or 24:g}
    upAxis = "Z"
)

def Xform "shot"
{{
    def Camera "camera"
    {{
        float2 clippingRange = (1, 1000000)
        float focalLength{focal}
        float horizontalAperture = {aperture:.9g}
        float horizontalApertureOffset{across}
        float verticalAperture = {height:.9g}
        float verticalApertureOffset{down}
        token projection = "perspective"
        custom token radialDistortion:model = "{"fisheye" if solve.cameras.fisheye else "pinhole"}"
        custom double radialDistortion:k1 = {solve.cameras.k1:.12g}
        custom double radialDistortion:k2 = {solve.cameras.k2:.12g}
        matrix4d xformOp:transform.timeSamples = {_samples({frame: _matrix(solve, frame) for frame in frames})}
        uniform token[] xformOpOrder = ["xformOp:transform"]
    }}

    def Points "bundles"
    {{
        point3f[] points = [{points}]
        float[] widths = [{", ".join(["5"] * len(solve.bundles))}]
        custom string[] tracks = {names}
        custom float[] errors = [{", ".join(f"{errors.get(name, -1.0):.6g}" for name in solve.bundles)}]
    }}
}}
"""


def _matrix(solve: CameraSolve, frame: int) -> str:
    """The camera's transform in USD's convention: row vectors, the position in the last row."""
    row = solve.row(frame)
    axes = (solve.cameras.rotation[row].T @ _AXES).T
    position = solve.cameras.positions[row] * _CENTIMETRES
    rows = [_tuple([*axis, 0.0]) for axis in axes] + [_tuple([*position, 1.0])]
    return f"({', '.join(rows)})"


def _constant_or_samples(values: dict[int, str]) -> str:
    """What follows a property's name: its value where that is the same in all frames, else one for each."""
    first, *others = set(values.values())
    return f".timeSamples = {_samples(values)}" if others else f" = {first}"


def _samples(values: dict[int, str]) -> str:
    return "{" + ", ".join(f"{frame}: {value}" for frame, value in values.items()) + "}"


def _tuple(values: Sequence[float] | np.ndarray) -> str:
    return f"({', '.join(f'{value:.12g}' for value in values)})"
