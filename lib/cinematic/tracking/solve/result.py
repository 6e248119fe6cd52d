"""The result of a camera solve as plain data: cameras by plate frame, lens, bundles by track, and their errors.

The world is Blender's: right-handed, Z up. The first camera that was solved stands at the origin, level, and looks
along +Y; the bundles lie :data:`MEDIAN_DISTANCE` units from it in the median (of a camera that only turns: exactly).
What is up in the scene, and how large it is, tracks cannot tell. Camera axes are COLMAP's and OpenCV's: x right, y
down, z forward.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..coords import co_from_pixels
from ..errors import FormatError
from ..types import ClipInfo
from .cameras import Cameras, ShotCameras
from .solution import Round

FloatArray = npt.NDArray[np.float64]

FORMAT = "cinetrack-camera"
VERSION = 1

MEDIAN_DISTANCE = 10.0
"""Units from the first camera to the bundles, in the median."""

_LEVEL = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
"""Axes of a level camera -> axes of the world: x right, z forward as Y, y down as -Z."""


@dataclass(frozen=True)
class CameraSolve:
    """A solved camera."""

    clip: ClipInfo
    engine: str  # what solved it: "colmap" or "blender"
    only_turns: bool  # a tripod: all cameras stand in one place, and bundles are directions at one distance
    frames: tuple[int, ...]  # the plate's numbers, consecutive; row i of ``cameras`` is frames[i]
    cameras: Cameras  # NaN in frames without one
    sensor_width: float  # mm; what the focal length in mm refers to
    bundles: dict[str, tuple[float, float, float]]  # track -> its point in the world
    marker_errors: dict[str, dict[int, float]]  # track -> plate frame -> reprojection error, px, used or not
    used: dict[str, tuple[int, ...]]  # track -> the plate frames whose markers the cameras rest on
    missing: dict[int, str]  # plate frame -> why it has no camera
    rounds: tuple[Round, ...]  # of judging and refining; Blender's solver does not tell: empty
    average_error: float  # px, over the markers used

    @cached_property
    def track_errors(self) -> dict[str, float]:
        """Track -> mean reprojection error of its markers, used or not, px."""
        return {name: float(np.mean(list(errors.values()))) for name, errors in self.marker_errors.items() if errors}

    @property
    def solved_frames(self) -> list[int]:
        """The plate frames that have a camera."""
        return [frame for frame, solved in zip(self.frames, self.cameras.solved, strict=True) if solved]

    @property
    def of_shot(self) -> ShotCameras:
        """The cameras, and where in the plate they begin."""
        return ShotCameras(self.frames[0], self.cameras)

    def row(self, frame: int) -> int:
        """The row of ``cameras`` of a plate frame."""
        return frame - self.frames[0]

    def focal_mm(self, frame: int) -> float:
        """The focal length of a plate frame, mm."""
        return float(self.cameras.focal[self.row(frame)]) * self.sensor_width / self.clip.width

    def centre_co(self, frame: int) -> FloatArray:
        """The principal point of a plate frame, normalised (x, y)."""
        centre: FloatArray = co_from_pixels(self.cameras.centres[self.row(frame)], (self.clip.width, self.clip.height))
        return centre

    @property
    def zooms(self) -> bool:
        """Whether the focal length changes."""
        return self.cameras.zooms

    @property
    def lens(self) -> str:
        """The lens in a line, for people."""
        return self.cameras.lens_in_words(self.clip.width, self.sensor_width)

    def in_words(self) -> str:
        """How much of the shot is solved, by how many tracks, and how well."""
        return (
            f"{len(self.solved_frames)} of {len(self.frames)} frames, {len(self.used)} tracks, "
            f"{self.average_error:.3f} px"
        )

    def to_dict(self) -> dict[str, Any]:
        """A dict of plain JSON values: what camera.json holds."""
        cameras = self.cameras
        return {
            "format": FORMAT,
            "version": VERSION,
            "clip": self.clip.to_dict(),
            "engine": self.engine,
            "only_turns": self.only_turns,
            "lens": {
                "sensor_width": self.sensor_width, "centre": list(cameras.centre), "fisheye": cameras.fisheye,
                "k1": cameras.k1, "k2": cameras.k2, "readout": cameras.readout,
                "focal_range": None if cameras.focal_range is None else list(cameras.focal_range),
            },
            "cameras": {
                str(frame): {
                    "focal": float(cameras.focal[row]),
                    "rotation": cameras.rotation[row].tolist(),
                    "translation": cameras.translation[row].tolist(),
                    "centre": cameras.centres[row].tolist(),
                }
                for row, frame in enumerate(self.frames)
                if cameras.solved[row]
            },
            "missing": {str(frame): reason for frame, reason in self.missing.items()},
            "bundles": {
                name: {
                    "position": list(position),
                    "errors": {str(frame): error for frame, error in self.marker_errors.get(name, {}).items()},
                    "used": list(self.used.get(name, ())),
                }
                for name, position in self.bundles.items()
            },
            "rounds": [asdict(each) for each in self.rounds],
            "average_error": self.average_error,
        }  # fmt: skip

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CameraSolve:
        """The solve that :meth:`to_dict` wrote.

        Raises
        ------
        FormatError
            It is another format or version, or something is missing or of the wrong kind.
        """
        if not isinstance(data, Mapping) or (data.get("format"), data.get("version")) != (FORMAT, VERSION):
            raise FormatError(f'expected "format": "{FORMAT}", "version": {VERSION}')
        try:
            return _read(data)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"expected a whole {FORMAT}: {type(error).__name__}: {error}") from error


def in_scene(cameras: Cameras, points: FloatArray) -> tuple[Cameras, FloatArray]:
    """Cameras and points (n, 3) moved, turned and scaled into the world that results are given in."""
    first = int(np.flatnonzero(cameras.solved)[0])
    turn, shift = cameras.rotation[first], cameras.translation[first]
    local = points @ turn.T + shift
    distance = np.linalg.norm(local, axis=1)
    scale = MEDIAN_DISTANCE / float(np.median(distance[np.isfinite(distance)]))
    rotation = cameras.rotation @ turn.T @ _LEVEL.T
    translation = scale * (cameras.translation - cameras.rotation @ turn.T @ shift)
    return replace(cameras, rotation=rotation, translation=translation), scale * local @ _LEVEL.T


def by_track(
    names: Sequence[str], frames: Sequence[int], points: FloatArray, errors: FloatArray, used: npt.NDArray[np.bool_]
) -> dict[str, Any]:
    """Bundles, errors and use of arrays (n, 3), (n, f), (n, f), as :class:`CameraSolve` holds them."""
    known = np.isfinite(points[:, 0])
    numbers = np.asarray(frames)
    return {
        "bundles": {
            name: tuple(point.tolist()) for name, point, is_known in zip(names, points, known, strict=True) if is_known
        },
        "marker_errors": {
            name: dict(zip(numbers[finite].tolist(), row[finite].tolist(), strict=True))
            for name, row, finite, is_known in zip(names, errors, np.isfinite(errors), known, strict=True)
            if is_known
        },
        "used": {name: tuple(numbers[row].tolist()) for name, row in zip(names, used, strict=True) if row.any()},
    }


def _focal_range(value: Sequence[float] | None) -> tuple[float, float] | None:
    if value is None:
        return None
    low, high = value
    return float(low), float(high)


def _read(data: Mapping[str, Any]) -> CameraSolve:
    clip = ClipInfo.from_dict(data["clip"])
    solved = {int(frame): camera for frame, camera in data["cameras"].items()}
    missing = {int(frame): str(reason) for frame, reason in data["missing"].items()}
    frames = tuple(range(min([*solved, *missing]), max([*solved, *missing]) + 1))
    rotation, translation = np.full((len(frames), 3, 3), np.nan), np.full((len(frames), 3), np.nan)
    focal = np.full(len(frames), np.nan)
    centres = np.full((len(frames), 2), np.nan)
    for frame, camera in solved.items():
        row = frame - frames[0]
        rotation[row], translation[row], focal[row] = camera["rotation"], camera["translation"], camera["focal"]
        centres[row] = camera["centre"]
    lens = data["lens"]
    x, y = lens["centre"]
    shift = centres - (x, y)
    bundles = data["bundles"]
    return CameraSolve(
        clip=clip,
        engine=data["engine"],
        only_turns=data["only_turns"],
        frames=frames,
        cameras=Cameras(
            rotation,
            translation,
            focal,
            (x, y),
            lens["k1"],
            lens["k2"],
            clip.pixel_aspect,
            lens["readout"],
            _focal_range(lens["focal_range"]),
            shift if np.nan_to_num(shift).any() else None,
            lens["fisheye"],
        ),
        sensor_width=lens["sensor_width"],
        bundles={name: tuple(bundle["position"]) for name, bundle in bundles.items()},
        marker_errors={
            name: {int(frame): error for frame, error in bundle["errors"].items()} for name, bundle in bundles.items()
        },
        used={name: tuple(bundle["used"]) for name, bundle in bundles.items() if bundle["used"]},
        missing=missing,
        rounds=tuple(Round(**{field.name: each[field.name] for field in fields(Round)}) for each in data["rounds"]),
        average_error=data["average_error"],
    )
