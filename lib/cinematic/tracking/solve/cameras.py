"""A camera in every frame, as plain arrays: where it is, where it looks, and through which lens.

World to camera, x right, y down, z forward (COLMAP's and OpenCV's axes). Positions in the picture are pixels, (0, 0)
the centre of the top-left pixel. The lens is a pinhole or a fisheye with two radial terms (:mod:`.lens_curve`): ``p =
centre + focal * m * s`` where ``m = (X / Z, Y / Z)`` and s is the curve's stretch of ``|m|^2``. Where pixels are not
square, ``p.y`` counts their heights: the focal length is ``pixel_aspect`` times as many of them.

The picture may be shifted from frame to frame against the lens: by an optical stabiliser, or one in post that crops; a
film's gate weaves. ``shift`` is added to what the lens shows.

A sensor may read its rows one after the other (a rolling shutter): a frame's camera is then that of its middle row, and
the rows before and after see through cameras on the path between the frames'.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ..coords import SQUARE, scaled
from ..lens import lens_in_words
from .between_frames import slopes_and_bends, velocity
from .lens_curve import LensCurve

FloatArray = npt.NDArray[np.float64]

_UNSURE = 1.15  # longest through shortest: from here on it is worth saying which explain the tracks as well
_IN_THE_MIDDLE = 0.01  # px; nobody has looked for the lens's middle elsewhere
_ROW_STEPS = 3  # until the row that a point is seen in, and where the camera is then, agree
_MOST_ROWS = 2.0  # halves of the picture from its middle: what is seen farther out is not on it


@dataclass(frozen=True)
class Cameras:
    """The cameras of f consecutive frames; NaN in frames that could not be solved."""

    rotation: FloatArray  # (f, 3, 3) world -> camera
    translation: FloatArray  # (f, 3) world -> camera, in units of the solve
    focal: FloatArray  # (f,) px
    centre: tuple[float, float]  # principal point, px
    k1: float = 0.0
    k2: float = 0.0
    pixel_aspect: float = SQUARE  # width of a pixel over its height; ``focal`` counts widths, positions pixels
    readout: float = 0.0  # of a frame's time, from its first row to its last; 0: all at once; less: the last is first
    focal_range: tuple[float, float] | None = None
    """px: those in between explain the tracks as well, the others of a lens that zooms being as much longer or shorter
    than what is its median; None: nobody asked."""
    shift: FloatArray | None = None  # (f, 2) px; where each frame's picture lies, against the lens; None: in its place
    fisheye: bool = False  # ``k1`` and ``k2`` are of an angle, not of a pinhole's distance: see LensCurve

    @property
    def solved(self) -> npt.NDArray[np.bool_]:
        """(f,) Which frames have a camera."""
        return np.isfinite(self.translation).all(axis=1)

    @property
    def zooms(self) -> bool:
        """Whether the focal length changes."""
        focal = self.focal[self.solved]
        return bool(len(focal)) and bool(np.ptp(focal) > 0)

    @property
    def only_turn(self) -> bool:
        """Whether all of them stand in the origin, as those of a tripod are solved."""
        return bool(self.solved.any()) and not self.translation[self.solved].any()

    @property
    def centres(self) -> FloatArray:
        """(f, 2) px: each frame's principal point, shifted with the picture."""
        shift = np.zeros((len(self.focal), 2)) if self.shift is None else self.shift
        return np.array(self.centre) + shift

    @property
    def curve(self) -> LensCurve:
        """How the lens bends."""
        return LensCurve(self.k1, self.k2, self.fisheye)

    def through(self, curve: LensCurve) -> Cameras:
        """The same through a lens that bends like this."""
        return replace(self, k1=curve.k1, k2=curve.k2, fisheye=curve.fisheye)

    @property
    def is_bent(self) -> bool:
        """Whether the lens is not a bare pinhole."""
        return self.curve.is_bent

    def lens_in_words(self, width: int, sensor_width: float, *, doubt: bool = True) -> str:
        """The lens in a line, for people, and the shutter; ``width`` of the picture in px, the sensor's in mm.

        With ``doubt``, what else its focal length may be (:meth:`focal_doubt`).
        """
        focal = self.focal[self.solved]
        shown = (float(focal.min()), float(focal.max())) if self.zooms else (float(focal[0]), float(focal[0]))
        lens = lens_in_words(shown, (self.k1, self.k2), width, sensor_width, fisheye=self.fisheye)
        otherwise = self.focal_doubt(width, sensor_width) if doubt else ""
        if otherwise:
            lens += f"; {otherwise}"
        if abs(self.centre[0] - (width - 1) / 2) > _IN_THE_MIDDLE:
            lens += ", the lens's middle at {:.1f}, {:.1f} px".format(*self.centre)
        if self.readout:
            lens += f", rows read in {self.readout:.2f} of a frame's time (rolling shutter)"
        if self.shift is not None:
            farthest = float(np.nanmax(np.linalg.norm(self.shift, axis=1)))
            lens += f", the picture shifted by up to {farthest:.0f} px against the lens (stabilised)"
        return lens

    def focal_doubt(self, width: int, sensor_width: float) -> str:
        """What else the focal length may be, for people; empty where the tracks tell it, or nobody asked them."""
        if self.focal_range is None:
            return ""
        found = float(np.median(self.focal[self.solved]))  # adjusted once more since the others were looked at
        shortest, longest = min(found, self.focal_range[0]), max(found, self.focal_range[1])
        if longest < _UNSURE * shortest:
            return ""
        if self.zooms:
            return f"{shortest / found:.2g} to {longest / found:.2g} times that length explains the tracks as well"
        low, high = (value * sensor_width / width for value in (shortest, longest))
        return f"{low:.1f} to {high:.1f} mm explain the tracks as well: give it where it is known"

    @property
    def positions(self) -> FloatArray:
        """(f, 3) Where the cameras stand in the world."""
        return -np.einsum("fji,fj->fi", self.rotation, self.translation)

    def within(self, frames: slice | npt.NDArray[np.int64]) -> Cameras:
        """Those of some frames."""
        return replace(
            self,
            rotation=self.rotation[frames],
            translation=self.translation[frames],
            focal=self.focal[frames],
            shift=None if self.shift is None else self.shift[frames],
        )

    def through_pixels(self, aspect: float) -> Cameras:
        """The same cameras where pixels are as wide, and so high that ``aspect`` is their width over their height."""
        x, y = self.centre
        taller = aspect / self.pixel_aspect
        shift = None if self.shift is None else self.shift * (1.0, taller)
        return replace(self, centre=(x, (y + 0.5) * taller - 0.5), pixel_aspect=aspect, shift=shift)

    def scaled(self, factor: float) -> Cameras:
        """The same cameras where the picture is ``factor`` times as many pixels wide and high."""
        x, y = scaled(np.array(self.centre), factor).tolist()
        known = None if self.focal_range is None else (self.focal_range[0] * factor, self.focal_range[1] * factor)
        shift = None if self.shift is None else self.shift * factor
        return replace(self, focal=self.focal * factor, centre=(x, y), focal_range=known, shift=shift)

    @property
    def _focals(self) -> FloatArray:
        """(f, 2) The focal lengths in widths of a pixel, and in heights."""
        return self.focal[:, None] * np.array([1.0, self.pixel_aspect])

    def without(self, frames: npt.NDArray[np.bool_]) -> Cameras:
        """The same, but for some frames (f,) that lose theirs."""
        return self._replaced(frames, np.nan, np.nan, np.nan)

    def or_else(self, other: Cameras) -> Cameras:
        """The same, with another one's cameras in the frames that have none."""
        return self._replaced(~self.solved, other.rotation, other.translation, other.focal)

    def _replaced(
        self, frames: npt.NDArray[np.bool_], rotation: npt.ArrayLike, translation: npt.ArrayLike, focal: npt.ArrayLike
    ) -> Cameras:
        return replace(
            self,
            rotation=np.where(frames[:, None, None], rotation, self.rotation),
            translation=np.where(frames[:, None], translation, self.translation),
            focal=np.where(frames, focal, self.focal),
        )

    def project(self, points: FloatArray) -> FloatArray:
        """(n, f, 2) px of n points (n, 3) of the world; NaN behind the camera and in frames without one."""
        shown = self._shown(points)
        if self.readout:
            first, last = self._of_outer_rows
            shown = self._row_by_row(first._shown(points), shown, last._shown(points))
        return shown if self.shift is None else shown + self.shift

    def _shown(self, points: FloatArray) -> FloatArray:
        """The same, all rows read at once, no picture shifted."""
        return self._on_picture(np.einsum("fij,nj->nfi", self.rotation, points) + self.translation)

    def _on_picture(self, seen: FloatArray) -> FloatArray:
        """px of what is at ``seen`` (n, f, 3) before the cameras; NaN behind them."""
        with np.errstate(divide="ignore", invalid="ignore"):
            plane = np.where(seen[..., 2:] > 0, seen[..., :2] / seen[..., 2:], np.nan)
        return self.distorted(plane) * self._focals + self.centre

    def distorted(self, plane: FloatArray) -> FloatArray:
        """Where the lens shows points (..., 2) of the plane z = 1, in the same units."""
        return plane * self.curve.stretch((plane**2).sum(axis=-1, keepdims=True))

    def plane(self, positions: FloatArray) -> FloatArray:
        """Points of the plane z = 1 that are seen at ``positions`` (n, f, 2) px: the lens undone.

        So are shifts, and the shutter: they are those that the middle row's cameras would see.
        """
        target = (self.at_once(positions) - self.centre) / self._focals
        if not self.is_bent:
            return target
        radius = np.linalg.norm(target, axis=-1, keepdims=True)
        return target * np.divide(self.curve.undone(radius), radius, out=np.ones_like(radius), where=radius > 0)

    def at_once(self, positions: FloatArray) -> FloatArray:
        """Where tracks (n, f, 2) px would be, had all rows been read when the middle one was, and no picture shifted.

        What the cameras turn and zoom meanwhile is known; what they move shows in the tracks themselves, slowly.
        """
        positions = positions if self.shift is None else positions - self.shift
        if not self.readout:
            return positions
        still, row = replace(self, readout=0.0, shift=None), self._rows_off(positions)
        before, after = self._of_outer_rows
        found = positions
        for _ in range(_ROW_STEPS):
            directions = still._directions(found)
            first, middle, last = (camera._towards(directions) for camera in (before, still, after))
            found = positions - (_between(first, middle, last, row) - middle)
        directions = still._directions(found)
        return still._towards(directions - velocity(directions) * row * self.readout / 2)

    def _towards(self, directions: FloatArray) -> FloatArray:
        """px of what lies in directions (n, f, 3) of the world, far away; all rows read at once."""
        return self._on_picture(np.einsum("fij,nfj->nfi", self.rotation, directions))

    def _directions(self, positions: FloatArray) -> FloatArray:
        """(n, f, 3) Unit vectors of the world towards what is seen at ``positions`` (n, f, 2) px."""
        plane = self.plane(positions)
        ahead = np.concatenate([plane, np.ones_like(plane[..., :1])], axis=-1)
        ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
        return np.einsum("fji,nfj->nfi", self.rotation, ahead)

    @cached_property
    def _of_outer_rows(self) -> tuple[Cameras, Cameras]:
        """The cameras when the first row was read, and when the last was."""
        return self._later(-self.readout / 2), self._later(self.readout / 2)

    def _later(self, frames: float) -> Cameras:
        """The cameras so much later, less than a frame, on the path that leads through them; all rows at once."""
        path = np.column_stack([self.rotation.reshape(-1, 9), self.positions, self.focal])
        slope, bend = slopes_and_bends(path, self.solved)
        there = path + frames * slope + frames**2 / 2 * bend
        nearly = there[:, :9].reshape(-1, 3, 3)
        rotation = nearly @ (1.5 * np.eye(3) - 0.5 * np.swapaxes(nearly, 1, 2) @ nearly)  # orthogonal (Newton's step)
        translation = -np.einsum("fij,fj->fi", rotation, there[:, 9:12])
        return replace(self, rotation=rotation, translation=translation, focal=there[:, 12], readout=0.0, shift=None)

    def _rows_off(self, positions: FloatArray) -> FloatArray:
        """(..., 1) How far below the middle row positions (..., 2) are: 1 at the last row, -1 at the first."""
        middle = self.centre[1]
        return np.clip((positions[..., 1:] - middle) / (middle + 0.5), -_MOST_ROWS, _MOST_ROWS)

    def _row_by_row(self, first: FloatArray, middle: FloatArray, last: FloatArray) -> FloatArray:
        """Where points are seen that the first, middle and last row's cameras would see at (n, f, 2) px."""
        seen = middle
        for _ in range(_ROW_STEPS):
            seen = _between(first, middle, last, self._rows_off(seen))
        return seen


@dataclass(frozen=True)
class ShotCameras:
    """The cameras of a shot, and where in the plate it is."""

    first: int  # plate frame of the first of them
    cameras: Cameras

    @property
    def frames(self) -> range:
        """The plate's frames that the shot has."""
        return range(self.first, self.first + len(self.cameras.focal))

    def holds(self, frames: Iterable[int]) -> bool:
        """Whether all of some plate frames are the shot's."""
        return all(frame in self.frames for frame in frames)


def _between(first: FloatArray, middle: FloatArray, last: FloatArray, row: FloatArray) -> FloatArray:
    """On the parabola through three places: at ``row`` -1, 0 and 1."""
    return middle + row * ((last - first) / 2 + row * ((first + last) / 2 - middle))
