"""What is looked for in a camera solve, and what is found."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..coords import SQUARE
from .cameras import Cameras
from .triangulation import median_error

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Round:
    """One round of judging and refining."""

    tracks: int  # used
    markers: int  # used
    average_error: float  # px, over the markers used


@dataclass(frozen=True)
class Solution:
    """Cameras and points, and how well each marker agrees with them."""

    cameras: Cameras
    points: FloatArray  # (n, 3); NaN where a track gave none
    errors: FloatArray  # (n, f) reprojection error of every marker, used or not, px; NaN without marker or camera
    used: BoolArray  # (n, f) the markers that the cameras rest on
    rounds: tuple[Round, ...]
    only_turns: bool = False  # the cameras stand at the origin, and the points are directions (unit vectors)

    def of(self, tracks: npt.NDArray[np.int64], frames: npt.NDArray[np.int64]) -> Solution:
        """What it says of some tracks in some frames."""
        at = np.ix_(tracks, frames)
        cameras, points = self.cameras.within(frames), self.points[tracks]
        return replace(self, cameras=cameras, points=points, errors=self.errors[at], used=self.used[at])

    def scaled(self, factor: float) -> Solution:
        """The same where the picture is ``factor`` times as many pixels wide and high."""
        rounds = tuple(replace(each, average_error=each.average_error * factor) for each in self.rounds)
        return replace(self, cameras=self.cameras.scaled(factor), errors=self.errors * factor, rounds=rounds)

    @property
    def average_error(self) -> float:
        """Mean reprojection error of the markers used, px."""
        return float(self.errors[self.used].mean())

    @property
    def median_error(self) -> float:
        """Of all markers, used or not, px."""
        return median_error(self.errors)


@dataclass(frozen=True)
class LensSearch:
    """What is known of the lens, and what is to be found."""

    focal: float | None = None  # px; None: unknown
    refine_focal: bool = False  # ``focal`` is a start, not exact
    distortion: bool | None = False  # two radial terms are searched for; None: where they clearly explain more
    zooms: bool | None = False  # a focal length of its own in every frame; None: where that clearly explains more
    # Width of a pixel over its height; ``focal`` counts widths. Square, where nothing is said of zooming either: or
    # squeezed by an anamorphic lens, where that clearly explains more.
    pixel_aspect: float = SQUARE
    # Of a frame's time, what reading the rows takes (:attr:`.Cameras.readout`); None: found, where it clearly is some.
    readout: float | None = None

    @property
    def is_zoom(self) -> bool:
        """Every frame has a focal length of its own."""
        return self.zooms is True

    @property
    def focal_is_exact(self) -> bool:
        """The focal length is taken as it is."""
        return self.focal is not None and not self.refine_focal and not self.is_zoom
