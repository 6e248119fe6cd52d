"""The trackers that are compared, behind one small interface.

A contender is prepared on a piece of footage (frames decoded, or Blender's cache filled: not timed) and
then tracks a set of features of frame 1 through all frames (timed). It returns where it says that they are:
(N, F, 2) pixels, (0, 0) the centre of the top-left pixel, NaN where it gave up.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks import blender
from benchmarks.footage import Footage
from cinematic.tracking import engine

MOTION_MODELS = ("Loc", "LocRot", "LocScale", "LocRotScale", "Affine", "Perspective")


@dataclass(frozen=True)
class Options:
    """What every contender is told, as far as it has such a setting."""

    pattern: int = 21  # edge of the pattern area, px
    search: int = 71  # edge of the search area, px
    correlation: float = 0.75  # least correlation of a marker


@dataclass(frozen=True)
class Run:
    """One timed run of a contender."""

    tracks: np.ndarray  # (N, F, 2) px
    seconds: float

    @property
    def markers(self) -> int:
        """Markers that were tracked, the features themselves not counted."""
        return int(np.isfinite(self.tracks[:, 1:, 0]).sum())


class Contender(ABC):
    """A tracker under test."""

    name: str

    @abstractmethod
    def prepare(self, footage: Footage, options: Options) -> None:
        """Decode, warm up: all that is not timed."""

    @abstractmethod
    def track(self, features: np.ndarray) -> np.ndarray:
        """Track `features` (N, 2) of frame 1 through the prepared footage; (N, F, 2)."""

    def run(self, features: np.ndarray) -> Run:
        """`track`, timed."""
        begin = time.perf_counter()
        tracks = self.track(features)
        return Run(tracks, time.perf_counter() - begin)


class OpenCvFlow(Contender):
    """A sparse flow of OpenCV's from frame to frame: translation only.

    With `backward`, each step is also tracked back, and a marker that does not come home within that many
    pixels is the track's end.
    """

    def __init__(self, name: str, backward: float | None = None, levels: int = 4) -> None:
        """`backward` in px, None for no check; `levels` of the pyramid, 1 being none."""
        self.name = name if backward is None else f"{name}, forward-backward"
        self.backward = backward
        self.levels = levels
        self._frames: list[np.ndarray] = []

    def prepare(self, footage: Footage, options: Options) -> None:
        """Decode all frames."""
        self._frames = [footage.grey(frame) for frame in range(1, footage.frames + 1)]
        self._window = options.pattern

    @abstractmethod
    def flow(self, before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where `points` (n, 2) float32 of one frame are in another, and a (n,) bool: found."""

    def track(self, features: np.ndarray) -> np.ndarray:
        """Frame to frame, dropping a track when the flow (or the way back) says so."""
        tracks = np.full((len(features), len(self._frames), 2), np.nan)
        tracks[:, 0] = features
        alive, here = np.arange(len(features)), features.astype(np.float32)
        height, width = self._frames[0].shape
        for frame in range(1, len(self._frames)):
            if len(alive) == 0:
                break
            before, after = self._frames[frame - 1], self._frames[frame]
            there, found = self.flow(before, after, here)
            keep = found & np.all((there >= 0) & (there <= [width - 1, height - 1]), axis=1)
            if self.backward is not None:
                home, found = self.flow(after, before, there)
                keep &= found & (np.linalg.norm(home - here, axis=1) < self.backward)
            alive, here = alive[keep], there[keep]
            tracks[alive, frame] = here
        return tracks


class OpenCvLk(OpenCvFlow):
    """OpenCV's pyramidal Lucas-Kanade."""

    def __init__(self, backward: float | None = None, levels: int = 4) -> None:
        super().__init__("OpenCV LK", backward, levels)

    def flow(self, before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`calcOpticalFlowPyrLK`."""
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 30, 0.01)
        there, found, _ = cv2.calcOpticalFlowPyrLK(
            before, after, points, None, winSize=(self._window, self._window), maxLevel=self.levels - 1,
            criteria=criteria,
        )  # fmt: skip
        return there, found[:, 0] > 0


class OpenCvRlof(OpenCvFlow):
    """OpenCV's robust local optical flow (Senst et al. 2016), from its contrib modules."""

    def __init__(self, backward: float | None = None, levels: int = 4) -> None:
        super().__init__("OpenCV RLOF", backward, levels)

    def flow(self, before: np.ndarray, after: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`calcOpticalFlowSparseRLOF` with a square support region: the cross-shaped one needs colour."""
        settings = cv2.optflow.RLOFOpticalFlowParameter.create()
        settings.setSupportRegionType(cv2.optflow.SR_FIXED)
        settings.setLargeWinSize(self._window)
        settings.setMaxLevel(self.levels - 1)
        settings.setUseInitialFlow(False)
        row = points.reshape(1, -1, 2)  # OpenCV 4.11 mixes up the points of a column
        there, found, _ = cv2.optflow.calcOpticalFlowSparseRLOF(before, after, row, None, rlofParam=settings)
        return there.reshape(-1, 2), found.reshape(-1) > 0


class Libmv(Contender):
    """Blender's own tracker with one of its motion models and the reference pattern of frame 1."""

    def __init__(self, motion_model: str = "Loc") -> None:
        """`motion_model` is one of `MOTION_MODELS`."""
        if motion_model not in MOTION_MODELS:
            raise ValueError(f"expected one of {', '.join(MOTION_MODELS)}, got {motion_model!r}")
        self.name = f"Blender, {motion_model}"
        self.motion_model = motion_model

    def prepare(self, footage: Footage, options: Options) -> None:
        """Load the clip and fill Blender's cache with its frames."""
        self._clip = blender.load_clip(footage)
        self._options = options
        blender.warm_cache(self._clip)

    def track(self, features: np.ndarray) -> np.ndarray:
        """One call of Blender's operator over the whole clip."""
        options = self._options
        blender.remove_tracks(self._clip)
        names = blender.add_tracks(
            self._clip, features, self.motion_model, options.pattern, options.search, options.correlation
        )
        blender.track_forwards(self._clip)
        return blender.read_tracks(self._clip, names)


class Klt(Contender):
    """Our own engine, forward-backward check included."""

    def __init__(self, motion_model: str = "AUTO", threads: int | None = None) -> None:
        """`motion_model` is one of `MOTION_MODELS`, or AUTO; `threads` None: all cores."""
        self.name = f"klt, {motion_model}" + (f", {threads} thread{'s' * (threads > 1)}" if threads else "")
        self.motion_model = motion_model
        self.threads = threads
        self._frames: list[np.ndarray] = []

    def prepare(self, footage: Footage, options: Options) -> None:
        """Decode all frames to luminance as the engine takes it, and compile."""
        weight = np.float32(1 / 255)
        self._frames = [footage.grey(frame).astype(np.float32) * weight for frame in range(1, footage.frames + 1)]
        self._options = engine.TrackOptions(
            pattern_size=options.pattern,
            motion_model=self.motion_model,
            correlation_min=options.correlation,
            threads=self.threads,
        )
        engine.warm()

    def track(self, features: np.ndarray) -> np.ndarray:
        """One pass over the frames, each made ready (pyramid, spline) as it comes."""
        tracks = np.full((len(features), len(self._frames), 2), np.nan)
        seeds = engine.Seeds(np.zeros(len(features), np.int64), features)
        for markers in engine.track(enumerate(self._frames), seeds, self._options):
            placed = markers.tracked
            tracks[markers.track[placed], markers.frame] = markers.position[placed]
        return tracks


def peers() -> list[Contender]:
    """The contenders of the tables: Blender's motion models, OpenCV's flows, and our own engine."""
    return [
        *(Libmv(model) for model in MOTION_MODELS),
        OpenCvLk(),
        OpenCvLk(backward=1.0),
        OpenCvRlof(),
        Klt("Affine"),
        Klt("AUTO"),
    ]
