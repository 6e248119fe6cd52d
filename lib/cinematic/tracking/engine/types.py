"""The engine's data: what to track, how, and what came of it.

Positions are float64 pixels ``(x, y)``, y down, (0, 0) the CENTRE of the top-left pixel. Frame numbers are the
caller's own; they need not be contiguous and may run backwards.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from ..types import AUTO, MOTION_MODELS
from ..types import PATTERN_MATCHES as BLENDERS_MATCHES

PATTERN_MATCHES = (*BLENDERS_MATCHES, AUTO)
"""Which reference a pattern is matched with: its first frame's, the previous frame's, or see AUTO."""

LARGEST_PATTERN = 101  # pixels across

MAX_BLUNTNESS = 1.08
"""Of features; a third of them is blunter, and more than half of the tracks that go wrong begin there."""


class LostReason(enum.IntEnum):
    """Why a marker could not be placed."""

    TRACKED = 0  # it was placed
    OUT_OF_FRAME = 1  # the marker, or all but a part of its pattern, no longer lies inside the frame
    LOW_CORRELATION = 2  # what is there does not look like the reference
    FORWARD_BACKWARD = 3  # followed back, it does not return to where it came from
    DEGENERATE = 4  # no contrast, NaN, or a pattern that cannot tell the model's motions apart
    DIVERGED = 5  # the alignment did not settle
    SHAPE = 6  # the pattern was squeezed faster than a surface turns: it straddles two depths, or is being covered
    MIDDLE_ELSEWHERE = 7  # the pattern's middle fits elsewhere: it straddles two depths, or slides in the grain
    UNCERTAIN = 8  # noise moves what little texture it has too far
    # Said by those who end tracks from outside:
    CUT = 9  # the shot ends here
    MASKED = 10  # it lies where nothing is to be tracked
    SAME_FEATURE = 11  # another track has it already

    @property
    def words(self) -> str:
        """What tracks.json says."""
        return self.name.lower().replace("_", " ")


def reason_table(*reasons: LostReason) -> npt.NDArray[np.bool_]:
    """Which reasons these are, to be indexed by an array of reasons: that is much quicker than numpy's ``isin``."""
    return np.isin(np.arange(len(LostReason)), reasons)


_TRACKED = int(LostReason.TRACKED)  # numpy compares with an enum's member a tenth as fast


@dataclass(frozen=True)
class Features:
    """What detection found, the sharpest first; n rows."""

    positions: npt.NDArray[np.float64]  # (n, 2) pixels
    strength: npt.NDArray[np.float64]  # (n,) RMS gradient across the weakest direction, luminance per pixel
    edge_ratio: npt.NDArray[np.float64]  # (n,) larger eigenvalue over smaller: 1 a corner, large an edge
    # (n,) width of the correlation's peak (:mod:`.bluntness`), times what is usual in the image; NaN near NaN pixels
    bluntness: npt.NDArray[np.float64]

    @property
    def is_blunt(self) -> npt.NDArray[np.bool_]:
        """(n,) Those that are likely to go wrong."""
        return self.bluntness > MAX_BLUNTNESS

    def __len__(self) -> int:
        return len(self.positions)


@dataclass(frozen=True)
class TrackOptions:
    """How to track. The same for all tracks, except where :class:`Seeds` says otherwise."""

    pattern_size: int = 21  # pixels across the pattern, odd, 5 to 101
    # A pattern whose texture is so faint that grain moves it by more than 0.15 px is taken this much larger. 1: never.
    pattern_growth: float = 1.5
    motion_model: str = "Affine"  # one of MOTION_MODELS, or AUTO
    pattern_match: str = AUTO  # one of PATTERN_MATCHES
    correlation_min: float = 0.75  # ZNCC with the reference below which a marker is lost, 0 to 1
    forward_backward_max: float = 1.0  # pixels; above it a marker is lost. Infinity: not checked, saves a third
    # Above it a marker is lost: by which factor a pattern may grow longer than wide (or the reverse) within 4 frames.
    # Seen by the models Affine and Perspective only. On rendered plates 1.3 takes half to nearly all of the
    # markers that follow an occluder's edge and 1 % of the good ones. Where the camera runs round a set so fast that
    # a tenth of all patterns change as much, those that do more yet (a quarter, in logarithms) stay. Infinity: not
    # checked.
    shape_change_max: float = 1.3
    # Pixels; above it a marker is lost: how far noise moves the match (standard deviation, along the direction that the
    # pattern's texture holds least). On rendered plates 0.19 takes a quarter of the markers that are more than a pixel
    # off and 4 % of the good ones. Infinity: not checked.
    deviation_max: float = 0.19
    # Pixels; above it a marker is lost: how far from the whole an unsure pattern's middle fits. Infinity: not checked.
    middle_max: float = 1.2
    # pattern_match AUTO takes a new reference when the pattern's size has changed by this factor either way ...
    scale_band: float = 1.4
    # ... or when its correlation is below this while it changes slowly from frame to frame (so: no occluder).
    correlation_band: float = 0.9
    threads: int | None = None  # None: all cores (or what threads.use_threads says); the result is the same

    def __post_init__(self) -> None:
        check_pattern_size(self.pattern_size)
        check_range("pattern_growth", self.pattern_growth, 1.0, 4.0)
        check_name("motion_model", self.motion_model, (*MOTION_MODELS, AUTO))
        check_name("pattern_match", self.pattern_match, PATTERN_MATCHES)
        check_range("correlation_min", self.correlation_min, -1.0, 1.0)
        check_range("forward_backward_max", self.forward_backward_max, 0.0, np.inf)
        check_range("shape_change_max", self.shape_change_max, 1.0, np.inf)
        check_range("deviation_max", self.deviation_max, 0.0, np.inf)
        check_range("middle_max", self.middle_max, 0.0, np.inf)
        check_range("scale_band", self.scale_band, 1.01, 100.0)
        check_range("correlation_band", self.correlation_band, -1.0, 1.0)
        if self.threads is not None and not (isinstance(self.threads, int) and self.threads >= 1):
            raise ParameterError(f"expected threads as a whole number of at least 1 or None, got {self.threads!r}")


@dataclass(frozen=True)
class Seeds:
    """Where n tracks begin. Results name a track by its index here."""

    frames: npt.NDArray[np.int64] | int  # (n,) frame each reference pattern is taken from; one for all is fine
    positions: npt.NDArray[np.float64]  # (n, 2) pixels; the reference marker
    motion_models: Sequence[str] | None = None  # (n,) overrides TrackOptions.motion_model
    pattern_matches: Sequence[str] | None = None  # (n,) overrides TrackOptions.pattern_match
    correlation_mins: Sequence[float] | None = None  # (n,) overrides TrackOptions.correlation_min

    def __post_init__(self) -> None:
        positions = np.ascontiguousarray(self.positions, np.float64)
        if positions.size == 0:
            positions = positions.reshape(0, 2)
        if positions.ndim != 2 or positions.shape[1] != 2:
            raise ParameterError(f"expected positions of shape (n, 2), got {positions.shape}")
        if not np.isfinite(positions).all():
            raise ParameterError(f"expected finite positions, got {positions[~np.isfinite(positions).all(1)][0]}")
        count = len(positions)
        frames = np.asarray(self.frames)
        if frames.size and frames.dtype.kind not in "iu":
            raise ParameterError(f"expected frames as whole numbers, got {frames.dtype}")
        if frames.shape not in ((), (count,)):
            raise ParameterError(f"expected one frame, or one per position ({count}), got {frames.shape}")
        object.__setattr__(self, "positions", positions)
        object.__setattr__(self, "frames", np.broadcast_to(frames.astype(np.int64), (count,)).copy())
        for name in ("motion_models", "pattern_matches", "correlation_mins"):
            values = getattr(self, name)
            if values is not None and len(values) != count:
                raise ParameterError(f"expected {name} for {count} tracks, got {len(values)}")
        for name in self.motion_models or ():
            check_name("motion_models", name, (*MOTION_MODELS, AUTO))
        for name in self.pattern_matches or ():
            check_name("pattern_matches", name, PATTERN_MATCHES)
        for value in self.correlation_mins if self.correlation_mins is not None else ():
            check_range("correlation_mins", value, -1.0, 1.0)

    def __len__(self) -> int:
        return len(self.positions)

    def settings(self, options: TrackOptions) -> tuple[Sequence[str], Sequence[str], Sequence[float]]:
        """Motion models, pattern matches and least correlations of all tracks: their own, else those of ``options``."""
        minima = self.correlation_mins
        return (
            self.motion_models or [options.motion_model] * len(self),
            self.pattern_matches or [options.pattern_match] * len(self),
            [options.correlation_min] * len(self) if minima is None else minima,
        )


@dataclass(frozen=True)
class FrameMarkers:
    """What one frame brought: k rows, one per track that was alive when the frame came or began in it."""

    frame: int
    track: npt.NDArray[np.int64]  # (k,) index into the seeds, ascending
    reason: npt.NDArray[np.int8]  # (k,) LostReason; TRACKED where there is a marker
    position: npt.NDArray[np.float64]  # (k, 2) pixels; where lost: the last place tried
    corners: npt.NDArray[np.float64]  # (k, 4, 2) pattern's outer corners relative to ``position``: TL, TR, BR, BL
    correlation: npt.NDArray[np.float64]  # (k,) ZNCC with the reference in use, -1..1
    forward_backward: npt.NDArray[np.float64]  # (k,) pixels; NaN: not measured
    covariance: npt.NDArray[np.float64]  # (k, 2, 2) pixels^2, relative to the first marker; NaN: unknown
    motion_model: npt.NDArray[np.int8]  # (k,) index into MOTION_MODELS
    reference_frame: npt.NDArray[np.int64]  # (k,) the frame whose pattern it was matched with

    @property
    def tracked(self) -> npt.NDArray[np.bool_]:
        """(k,) True where there is a marker."""
        return self.reason == _TRACKED

    @property
    def axes(self) -> npt.NDArray[np.float64]:
        """(k, 2, 2) pixels: columns are the way from a pattern's left side to its right, and from its top down."""
        return axes_of(self.corners)

    def __len__(self) -> int:
        return len(self.track)


def axes_of(corners: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """:attr:`FrameMarkers.axes` of corners (k, 4, 2)."""
    top_left, top_right, bottom_right, bottom_left = corners.transpose(1, 0, 2)
    across = (top_right - top_left + bottom_right - bottom_left) / 2
    down = (bottom_left - top_left + bottom_right - top_right) / 2
    return np.stack([across, down], axis=2)


def no_markers(frame: int) -> FrameMarkers:
    """Of a frame that brought none."""
    return FrameMarkers(
        frame, np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros((0, 2)), np.zeros((0, 4, 2)), np.zeros(0),
        np.zeros(0), np.zeros((0, 2, 2)), np.zeros(0, np.int8), np.zeros(0, np.int64),
    )  # fmt: skip


def odd_size(length: float) -> int:
    """The odd number of pixels nearest to a length, :data:`LARGEST_PATTERN` at most: a pattern has a centre pixel."""
    return min(2 * round(length / 2 - 0.5) + 1, LARGEST_PATTERN)


def check_pattern_size(pattern_size: int) -> int:
    """Raise :class:`ParameterError` unless a pattern of this size can be tracked."""
    if not (isinstance(pattern_size, int | np.integer) and 5 <= pattern_size <= LARGEST_PATTERN):
        raise ParameterError(f"expected pattern_size as a whole number in 5..101, got {pattern_size!r}")
    if pattern_size % 2 == 0:
        raise ParameterError(f"expected an odd pattern_size (it has a central pixel), got {pattern_size}")
    return int(pattern_size)


def check_name(what: str, value: object, names: Sequence[str]) -> None:
    """Raise :class:`ParameterError` unless ``value`` is one of ``names``."""
    if value not in names:
        raise ParameterError(f"expected {what} as one of {', '.join(names)}; got {value!r}")


def check_range(what: str, value: float, low: float, high: float) -> None:
    """Raise :class:`ParameterError` unless ``low <= value <= high`` (NaN never is)."""
    if not (isinstance(value, int | float | np.number) and low <= value <= high):
        raise ParameterError(f"expected {what} within {low:g}..{high:g}, got {value!r}")
