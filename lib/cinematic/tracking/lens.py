"""A lens's distortion: from where a point is on the plate to where it would be without it, and back.

Blender's four models, checked against the pictures that Blender 5.0.1 undistorts. With ``u`` a point of the undistorted
picture and ``d`` the same on the plate, both from the principal point, y up, in focal lengths, and r the length of u::

    POLYNOMIAL  d = u (1 + k1 r^2 + k2 r^4 + k3 r^6)
    DIVISION    d = u / (1 + k1 r^2 + k2 r^4)
    BROWN       d = u (1 + k1 r^2 + k2 r^4 + k3 r^6 + k4 r^8) + t,
                t = (p1 (r^2 + 2 x^2) + 2 p2 x y, 2 p1 x y + p2 (r^2 + 2 y^2))
    NUKE        u = d / (1 + k1 s^2 + k2 s^4), s the length of d in halves of the picture's longer side

COLMAP's RADIAL and OpenCV's radial terms are POLYNOMIAL's. What a formula does not give directly is found by Newton's
method; far outside the picture there may be nothing to find.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .checks import check_choice, checked_number
from .coords import SQUARE, Axes, Size, co_on_axes, positions_on_axes, squared_size
from .errors import ParameterError
from .types import Point, TrackData

FloatArray = npt.NDArray[np.float64]

LENS_MODELS = {"POLYNOMIAL": (3, 0), "DIVISION": (2, 0), "BROWN": (4, 2), "NUKE": (2, 0)}
"""How many radial and tangential terms each model has."""

SENSOR_WIDTH = 36.0
"""mm; where no sensor is named. It only says what a focal length in mm means."""

_PIXELS = Axes("px", y_down=False)
_STEPS, _DELTA, _CLOSE = 50, 1e-6, 1e-10


def lens_in_words(
    focal: tuple[float, float], radial: Sequence[float], width: int, sensor_width: float, *, fisheye: bool = False
) -> str:
    """A lens of one or a range of focal lengths, px, in a line; ``width`` of the picture in px, the sensor's in mm."""
    low, high = (value * sensor_width / width for value in focal)
    length = f"{low:.2f} mm ({focal[0]:.1f} px)" if focal[0] == focal[1] else f"{low:.2f} to {high:.2f} mm"
    bent = ", radial distortion " + ", ".join(f"{term:.4f}" for term in radial) if any(radial) else ""
    return f"{length} on a sensor {sensor_width:g} mm wide{', a fisheye' if fisheye else ''}{bent}"


def focal_px(size: Size, focal: float | None = None, sensor_width: float | None = None) -> float | None:
    """A focal length in px of footage of this size, checked; ``sensor_width`` (mm): it comes in mm.

    Raises
    ------
    ParameterError
        It is no number, or not 0.1 to 50 picture widths.
    """
    if sensor_width is not None:
        checked_number("sensor_width", sensor_width, 0, 1000, above=True)
    if focal is None:
        return None
    longest = max(size)
    px = checked_number("focal", focal, 0, 1e6, above=True)
    px = px * size[0] / sensor_width if sensor_width is not None else px
    unit = "mm" if sensor_width is not None else "px (mm go with sensor_width)"
    if not 0.1 * longest <= px <= 50 * longest:
        raise ParameterError(
            f"expected focal of 0.1 to 50 picture widths, got {focal:g} {unit}: {px / longest:.3g} picture widths"
        )
    return px


@dataclass(frozen=True)
class Lens:
    """A pinhole with distortion."""

    model: str  # of LENS_MODELS
    size: Size  # of the footage, px
    focal: float  # px
    principal: Point  # px from the bottom-left corner of the picture, y up
    radial: tuple[float, ...] = ()  # k1, k2 ...; what is left out is 0
    tangential: tuple[float, ...] = ()  # p1, p2
    pixel_aspect: float = SQUARE  # width of a pixel over its height; ``focal`` counts widths

    def __post_init__(self) -> None:
        check_choice("the lens model", self.model, LENS_MODELS)

    def in_words(self, sensor_width: float) -> str:
        """The lens in a line, for people; ``sensor_width`` in mm."""
        return lens_in_words((self.focal, self.focal), self.radial, self.size[0], sensor_width)

    def undistorted(self, co: npt.ArrayLike) -> FloatArray:
        """Where points of the plate would be without distortion: normalised positions (n, 2); NaN where nowhere."""
        shown = self._plane(co)
        if self.model == "NUKE":
            return self._co(self._divided(shown, self._nuke_scale))
        return self._co(_solved(self._shown, shown))

    def distorted(self, co: npt.ArrayLike) -> FloatArray:
        """Where the plate shows undistorted points: the inverse of :meth:`undistorted`."""
        bare = self._plane(co)
        if self.model == "NUKE":  # multiplied out: of the quotient the search could end beyond its pole
            return self._co(_solved(lambda shown: shown - bare * (self._divisor(shown, self._nuke_scale) - 1), bare))
        return self._co(self._shown(bare))

    def _shown(self, bare: FloatArray) -> FloatArray:
        if self.model == "DIVISION":
            return self._divided(bare, 1.0)
        square = (bare**2).sum(axis=-1, keepdims=True)
        result = bare * _series(self.radial, square)
        if any(self.tangential):
            p1, p2 = self.tangential
            twice = 2 * bare[..., :1] * bare[..., 1:]
            along = square + 2 * bare**2
            result = result + np.array([p1, p2]) * along + np.array([p2, p1]) * twice
        return result

    def _divided(self, points: FloatArray, scale: float) -> FloatArray:
        return points / self._divisor(points, scale)

    def _divisor(self, points: FloatArray, scale: float) -> FloatArray:
        return _series(self.radial, ((points * scale) ** 2).sum(axis=-1, keepdims=True))

    def _plane(self, co: npt.ArrayLike) -> FloatArray:
        return (positions_on_axes(co, self.size, _PIXELS) - self.principal) / self._focals

    def _co(self, points: FloatArray) -> FloatArray:
        return co_on_axes(points * self._focals + self.principal, self.size, _PIXELS)

    @property
    def _focals(self) -> FloatArray:
        """(2,) The focal length in widths of a pixel, and in heights."""
        return np.array([self.focal, self.focal * self.pixel_aspect])

    @property
    def _nuke_scale(self) -> float:
        """Focal lengths -> halves of the picture's longer side."""
        return self.focal / (max(squared_size(self.size, self.pixel_aspect)) / 2)


def undistorted_tracks(tracks: Iterable[TrackData], lens: Lens) -> tuple[list[TrackData], int]:
    """Tracks as they would be without the lens's distortion, and how many markers have no such place.

    Positions change; areas and shapes of patterns stay as they are on the plate.
    """
    return _moved(tracks, lens.undistorted)


def distorted_tracks(tracks: Iterable[TrackData], lens: Lens) -> tuple[list[TrackData], int]:
    """The inverse of :func:`undistorted_tracks`: undistorted tracks as the plate shows them."""
    return _moved(tracks, lens.distorted)


def _moved(tracks: Iterable[TrackData], move: Callable[[npt.ArrayLike], FloatArray]) -> tuple[list[TrackData], int]:
    moved, gone = [], 0
    for track in tracks:
        markers, muted = (_positions(column, move) for column in (track.markers, track.muted))
        gone += len(track.markers) + len(track.muted) - len(markers) - len(muted)
        moved.append(replace(track, markers=markers, muted=muted))
    return moved, gone


def _positions(column: dict[int, Point], move: Callable[[npt.ArrayLike], FloatArray]) -> dict[int, Point]:
    found = move(np.array(list(column.values()), dtype=np.float64).reshape(-1, 2))
    there = np.isfinite(found).all(axis=1)
    return {frame: (x, y) for frame, (x, y), on in zip(column, found.tolist(), there, strict=True) if on}


def _series(terms: Iterable[float], square: FloatArray) -> FloatArray:
    """1 + k1 r^2 + k2 r^4 + ..."""
    result = np.ones_like(square)
    power = np.ones_like(square)
    for term in terms:
        power = power * square
        result = result + term * power
    return result


def _solved(function: Callable[[FloatArray], FloatArray], target: FloatArray) -> FloatArray:
    """The points (n, 2) that ``function`` moves to ``target``, by Newton's method; NaN where it does not arrive.

    Beyond the radius where a lens folds over, a point may have been reached from the far side: that is no solution.
    """
    points = target.copy()
    with np.errstate(all="ignore"):
        for _ in range(_STEPS):
            off = function(points) - target
            jacobian = _jacobian(function, points)
            step = _solve_2x2(jacobian, off)
            points = points - np.clip(step, -0.5, 0.5)
            if not (np.abs(step) > _CLOSE / 10).any():
                break
        arrived = (np.abs(function(points) - target) < _CLOSE).all(axis=1)
        upright = np.linalg.det(_jacobian(function, points)) > 0
    return np.where((arrived & upright)[:, None], points, np.nan)


def _jacobian(function: Callable[[FloatArray], FloatArray], points: FloatArray) -> FloatArray:
    """(n, 2, 2): derivatives by x and y in its columns."""
    sides = [(function(points + step) - function(points - step)) / (2 * _DELTA) for step in np.eye(2) * _DELTA]
    return np.stack(sides, axis=-1)


def _solve_2x2(matrix: FloatArray, right: FloatArray) -> FloatArray:
    (a, b), (c, d) = np.moveaxis(matrix, 0, -1)
    x, y = right.T
    return np.stack([d * x - b * y, a * y - c * x], axis=-1) / (a * d - b * c)[:, None]
