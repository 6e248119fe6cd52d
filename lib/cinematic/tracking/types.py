"""The data that flows between the rooms: plain, and free of Blender.

Public positions are normalised (Blender's ``co``, see :mod:`.coords`) and frames are the plate's own numbers.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .columns import FrameColumn
from .errors import FormatError

MOTION_MODELS = ("Loc", "LocRot", "LocScale", "LocRotScale", "Affine", "Perspective")
"""What a pattern may do between its reference frame and another one; Blender's words."""

PATTERN_MATCHES = ("KEYFRAME", "PREV_FRAME")
"""Which pattern a marker is matched against: its reference frame's, or the previous frame's."""

AUTO = "AUTO"
"""As motion model or pattern match: the engine ``klt`` chooses, track by track. Blender has no such word."""

Point = tuple[float, float]

Corners = tuple[float, float, float, float, float, float, float, float]
"""A pattern's corners relative to its marker, normalised, y up: x and y of bottom-left, bottom-right, top-right,
top-left."""

Area = tuple[float, float, float, float]
"""A rectangle around a marker: x and y of its bottom-left corner relative to the marker (y up), width, height; px."""


def pattern_size(area: Area) -> int:
    """The side of the square pattern that the engine ``klt`` cuts for an area, px: odd, 5 to 101."""
    return int(np.clip(round(max(area[2:])), 5, 101)) | 1


NO_OVERSCAN = (0, 0)
"""The corner (:attr:`ClipInfo.corner`) of images that are their whole picture."""


@dataclass(frozen=True)
class ClipInfo:
    """What a set of tracks needs to know of its footage."""

    path: str  # as it was opened; of a sequence, its first file
    width: int  # px
    height: int  # px
    fps: float | None  # None: the footage does not say (an image sequence)
    frame_start: int  # the plate's first frame
    frame_end: int  # the plate's last frame, inclusive
    pixel_aspect: float = 1.0  # width of a pixel over its height; 2 of a plate squeezed by an anamorphic lens
    corner: tuple[int, int] = NO_OVERSCAN
    """Where the images' bottom-left corner lies in their picture, px from its left and bottom edges: (0, 0) but of an
    EXR whose pixels (data window) are not those of the picture (display window). Negative: they reach beyond it, as
    overscan does."""

    def to_dict(self) -> dict[str, Any]:
        """A dict of plain JSON values."""
        return {**asdict(self), "corner": list(self.corner)}

    @classmethod
    def from_dict(cls, data: Any) -> ClipInfo:
        """The clip that :meth:`to_dict` told of; what is as usual (square pixels, no overscan) may be left out.

        Raises
        ------
        FormatError
            Something is missing, not known or of the wrong kind.
        """
        kinds: dict[str, Any] = {
            "path": str, "width": int, "height": int, "fps": int | float | None, "frame_start": int, "frame_end": int,
            "pixel_aspect": int | float, "corner": list,
        }  # fmt: skip
        if isinstance(data, Mapping):
            data = {"pixel_aspect": 1.0, "corner": list(NO_OVERSCAN), **data}
        if not isinstance(data, Mapping) or set(data) != set(kinds):
            raise FormatError(f"expected clip with {', '.join(kinds)}, got {data!r}")
        wrong = [name for name, kind in kinds.items() if not isinstance(data[name], kind)]
        if "corner" not in wrong and [type(entry) for entry in data["corner"]] != [int, int]:
            wrong.append("corner")
        if wrong:
            raise FormatError(f"clip: got {', '.join(f'{name} {data[name]!r}' for name in wrong)}")
        return cls(**{**data, "corner": tuple(data["corner"])})


@dataclass(frozen=True)
class Markers:
    """All markers of one track, in the order of their frames; n rows. Offsets are relative to ``co``."""

    frames: npt.NDArray[np.int64]  # (n,) the plate's numbers
    co: npt.NDArray[np.float64]  # (n, 2) normalised positions
    corners: npt.NDArray[np.float64]  # (n, 4, 2) pattern's corners, normalised offsets: BL, BR, TR, TL
    search_min: npt.NDArray[np.float64]  # (n, 2) search area's bottom-left corner, normalised offset
    search_max: npt.NDArray[np.float64]  # (n, 2) search area's top-right corner, normalised offset
    muted: npt.NDArray[np.bool_]  # (n,) True: no valid position on this frame (lost, or switched off)
    keyed: npt.NDArray[np.bool_]  # (n,) True: set by detection or by hand, a reference frame

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, rows: Any) -> Markers:
        """Some of the rows (a mask, a slice or indices)."""
        return Markers(*(getattr(self, column.name)[rows] for column in fields(self)))


@dataclass
class TrackData:
    """One track, free of any application: what :meth:`PointTracker.get_track_data` returns and tracks.json holds."""

    name: str = "Track"
    markers: dict[int, Point] = field(default_factory=dict)  # plate frame -> normalised (x, y); the valid ones
    enabled: bool = True  # False: switched off as a whole; ``markers`` still holds its positions
    color: tuple[float, float, float] | None = None  # RGB 0-1; None: the application's default
    correlation: float | None = None  # mean ZNCC (-1..1) of the markers with their reference; None: not measured
    pattern_area: Area = (-10.5, -10.5, 21.0, 21.0)  # bounding box on the reference frame
    search_area: Area = (-35.5, -35.5, 71.0, 71.0)  # on the reference frame
    track_type: str = "point"
    motion_model: str = "Loc"  # one of MOTION_MODELS, or AUTO
    pattern_match: str = "KEYFRAME"  # one of PATTERN_MATCHES, or AUTO
    correlation_min: float = 0.75  # below this the tracker gives a marker up
    weight: float = 1.0  # influence on the camera solve, 0-1
    locked: bool = False  # True: not to be tracked, cleaned or otherwise changed
    hidden: bool = False  # True: out of sight, and nothing more
    by_hand: bool = False  # True: set or corrected by hand; cleaning by verdict leaves it alone
    reference_frames: list[int] = field(default_factory=list)  # plate frames a pattern is taken from
    average_error: float | None = None  # reprojection error of a camera solve, px; None: there is none
    # By plate frame; what an engine does not know is not there:
    correlations: MutableMapping[int, float] = field(default_factory=dict)  # ZNCC with the reference pattern
    corners: MutableMapping[int, Corners] = field(default_factory=dict)  # pattern's shape; absent: pattern_area
    muted: dict[int, Point] = field(default_factory=dict)  # markers without a valid position, where they were
    forward_backward: MutableMapping[int, float] = field(default_factory=dict)  # px; how far off the way back ends
    covariances: MutableMapping[int, tuple[float, float, float]] = field(default_factory=dict)  # xx, xy, yy; px^2
    lost: dict[int, str] = field(default_factory=dict)  # why there is no marker where tracking ended

    def __post_init__(self) -> None:
        # Long shots have millions of these; what is a dict when it comes in is kept tightly.
        self.correlations = FrameColumn(0, self.correlations)
        self.corners = FrameColumn(8, self.corners)
        self.forward_backward = FrameColumn(0, self.forward_backward)
        self.covariances = FrameColumn(3, self.covariances)

    def copy(self) -> TrackData:
        """One that shares nothing with this one that can change."""
        return replace(
            self,
            markers=dict(self.markers),
            reference_frames=list(self.reference_frames),
            muted=dict(self.muted),
            lost=dict(self.lost),
        )

    def drop(self, frames: Iterable[int]) -> None:
        """Take markers away, with all that is known of them."""
        gone = set(frames)
        for column in (self.markers, self.correlations, self.corners, self.forward_backward, self.covariances):
            for frame in gone & set(column):
                del column[frame]
        self.reference_frames = [frame for frame in self.reference_frames if frame not in gone]

    def to_dict(self) -> dict[str, Any]:
        """A dict of plain JSON values; frames become strings, as JSON's keys must be."""
        return {column.name: _plain(getattr(self, column.name)) for column in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrackData:
        """The track that :meth:`to_dict` wrote. Fields that are left out get their defaults.

        Raises
        ------
        FormatError
            A field is unknown, of the wrong kind, or holds a number that is not finite.
        """
        if not isinstance(data, Mapping):
            raise FormatError(f"expected a track as a dict, got {type(data).__name__}")
        name = data.get("name", "Track")
        unknown = sorted(map(str, set(data) - {f.name for f in fields(cls)}))
        if unknown:
            raise FormatError(f"track {name!r}: expected only known fields, got {', '.join(unknown)}")
        try:
            return cls(**{key: _READERS[key](value) for key, value in data.items()})
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            raise FormatError(f"track {name!r}: {error}") from error


def as_float32(values: npt.ArrayLike) -> Any:
    """Numbers as Blender keeps them (float32), as the shortest Python floats that mean those: 0.6, not 0.6000000238.

    What has gone through here comes back from Blender, and from JSON, unchanged. Nested lists of the same shape.
    """
    single = np.asarray(values, dtype=np.float32)
    return _shortest(single.ravel()).reshape(single.shape).tolist()


def _shortest(single: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """(n,) The decimals with the fewest digits that mean these; six to nine always do.

    A whole number of up to nine digits and a power of ten are exact doubles, so their quotient is the double nearest to
    the decimal. Writing the numbers as text, which is also what is left for very small and very large ones, takes five
    times as long.
    """
    exact = single.astype(np.float64)
    usual = (np.abs(exact) >= 1e-9) & (np.abs(exact) < 1e5)
    shortest = np.empty_like(exact)
    shortest[~usual] = single[~usual].astype(str).astype(np.float64)
    left = np.flatnonzero(usual)
    decimals = 5 - np.floor(np.log10(np.abs(exact[left])))
    for _ in range(6, 10):
        scale = 10.0**decimals
        shortest[left] = np.rint(exact[left] * scale) / scale
        other = shortest[left].astype(np.float32) != single[left]
        left, decimals = left[other], decimals[other] + 1
    return shortest


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(frame): _plain(entry) for frame, entry in sorted(value.items())}
    return list(value) if isinstance(value, tuple | list) else value


def _finite(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ValueError(f"expected a finite number, got {value!r:.60}")
    return float(value)


VERDICTS = ("good", "suspect", "bad")

REASONS = (
    "occluded",
    "drifting",
    "sliding along an edge",
    "moving object",
    "jittery",
    "mismatched jump",
    "too short",
    "duplicate",
    "low correlation",
)
"""Why a track or a marker is not good."""


@dataclass(frozen=True)
class Verdict:
    """What is thought of one track."""

    name: str  # the track's
    verdict: str  # one of VERDICTS
    reasons: tuple[str, ...]  # of REASONS, the weightiest first; empty: it is good
    badness: float  # 0 (good) to 1 (bad): how tracks are ordered
    bad_markers: dict[int, str] = field(default_factory=dict)  # plate frame -> reason, where single markers are bad
    measures: dict[str, float] = field(default_factory=dict)  # figures behind it, by name; units in the name
    curves: dict[str, dict[int, float]] = field(default_factory=dict)  # the same by plate frame
    sound: tuple[tuple[int, int], ...] = ()  # first and last frame of the parts worth keeping, the reference's first


def verdicts_in_words(verdicts: Iterable[Verdict]) -> str:
    """How many there are of each: ``212 good, 30 suspect, 8 bad``."""
    counts = Counter(verdict.verdict for verdict in verdicts)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)


@dataclass(frozen=True)
class Readiness:
    """Whether a camera solve can work with a set of tracks."""

    score: float  # 0 (will fail) to 1 (ready)
    reasons: tuple[str, ...]  # in words; what is missing or will look wrong, with figures
    tracks_per_frame: dict[int, int]  # plate frame -> good tracks that have a marker there
    lens: str = ""  # in words, as the judgement found it; empty: it found none

    def lines(self) -> list[str]:
        """The same to read."""
        lens = [f"  lens: {self.lens}"] if self.lens else []
        return [f"camera solve: {self.score:.0%} ready", *(f"  {reason}" for reason in self.reasons), *lens]


@dataclass(frozen=True)
class Progress:
    """How far a long run has come; after each frame."""

    frame: int  # the plate's number of the frame that is done
    stage: str  # "forwards" or "backwards"
    done: int  # frames done in both passes
    total: int  # frames to be done in both passes
    live: int  # tracks that have a marker on the frame


@dataclass(frozen=True)
class Coverage:
    """What :func:`.auto_track` has found, and how well it covers the plate."""

    tracks: int  # tracks created
    joined: int  # of those, tracks made of several pieces of one feature: lost and found again, or merged
    median_life: float  # markers of the middle track
    tracks_per_frame: dict[int, int]  # plate frame -> created tracks with a marker there
    covered: dict[int, float]  # frames that were searched -> share of the cells with texture that hold a track
    thin_frames: dict[int, str]  # frames with fewer than 50 tracks (or than were asked for) -> why, in words
    cuts: tuple[int, ...]  # first frames of new shots
    bad_frames: tuple[int, ...]  # flashes, dropped, corrupt or dissolving frames: without markers
    repeated_frames: tuple[int, ...]  # frames that show the frame before them again, as of pulldown

    @property
    def why_none(self) -> str:
        """Why no track was created, where none was."""
        return next(iter(self.thin_frames.values()), "nothing could be followed")

    def in_words(self) -> str:
        """How many tracks were created, and how many of them a frame has."""
        counts = self.tracks_per_frame.values()
        return f"{self.tracks} tracks, {min(counts)} to {max(counts)} a frame"


@dataclass(frozen=True)
class Refilled:
    """What :func:`.refill_tracks` has added."""

    added: tuple[str, ...]  # names of the tracks
    tried: int  # new tracks that were judged
    from_parts: int  # of those added, parts of tracks that had been cut or removed


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text, got {value!r}")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, got {value!r}")
    return value


def _numbers(count: int, value: Any) -> tuple[float, ...]:
    if isinstance(value, str | Mapping) or len(value) != count:
        raise ValueError(f"expected {count} numbers, got {value!r}")
    return tuple(_finite(number) for number in value)


def _by_frame(read: Any, value: Any) -> dict[int, Any]:
    return {int(frame): read(entry) for frame, entry in value.items()}


def _optional(read: Any, value: Any) -> Any:
    return None if value is None else read(value)


_READERS: dict[str, Any] = {
    "name": _text,
    "markers": lambda value: _by_frame(lambda position: _numbers(2, position), value),
    "enabled": _flag,
    "color": lambda value: _optional(lambda rgb: _numbers(3, rgb), value),
    "correlation": lambda value: _optional(_finite, value),
    "pattern_area": lambda value: _numbers(4, value),
    "search_area": lambda value: _numbers(4, value),
    "track_type": _text,
    "motion_model": _text,
    "pattern_match": _text,
    "correlation_min": _finite,
    "weight": _finite,
    "locked": _flag,
    "hidden": _flag,
    "by_hand": _flag,
    "average_error": lambda value: _optional(_finite, value),
    "corners": lambda value: _by_frame(lambda corners: _numbers(8, corners), value),
    "muted": lambda value: _by_frame(lambda position: _numbers(2, position), value),
    "forward_backward": lambda value: _by_frame(_finite, value),
    "covariances": lambda value: _by_frame(lambda entry: _numbers(3, entry), value),
    "lost": lambda value: _by_frame(_text, value),
    "reference_frames": lambda value: [int(frame) for frame in value],
    "correlations": lambda value: _by_frame(_finite, value),
}
