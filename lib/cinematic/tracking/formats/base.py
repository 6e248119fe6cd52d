"""What every format module is made of: a record that describes it, and the plain rows it reads and writes.

A format module knows its own grammar and nothing else. It reads and writes :class:`FileTrack`: a name, frames as the
file counts them, positions as the file measures them. What these numbers mean stands in its :class:`Format`, and
:mod:`.reading` and :mod:`.writing` convert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..coords import Axes, Size
from ..errors import ParameterError
from ..types import NO_OVERSCAN, Area, TrackData

FRAME_LIMIT = 10**7
"""No shot has frame numbers beyond this; a file that says so is broken."""

NUMBER_LIMIT = 1e9
"""Nor any position, weight or count beyond this."""


@dataclass
class Header:
    """What is known of a shot besides its tracks: what a file says of it, or what a file is to say."""

    size: Size | None = None  # px
    fps: float | None = None
    footage: str | None = None  # its path
    frame_start: int | None = None  # the plate's first frame, its own number
    frame_end: int | None = None  # the plate's last frame, inclusive
    axes: Axes | None = None  # a file that measures otherwise than its format does by default
    pixel_aspect: float | None = None  # width of a pixel over its height; None: not known
    corner: tuple[int, int] | None = None  # of the images in their picture (types.ClipInfo); None: not known
    first_frame: int | None = None  # a file that numbers the plate's first frame otherwise than its format does
    notes: list[str] = field(default_factory=list)  # what an artist should know of the file, in words

    def origin(self, form: Format) -> tuple[int, int]:
        """What a file's positions count in addition to those of the images' own pixels."""
        return self.corner if form.from_picture and self.corner is not None else NO_OVERSCAN

    def known_size(self) -> Size:
        """The size; for writers of formats that need it: :mod:`.writing` has asked for it."""
        if self.size is None:
            raise ParameterError("expected the footage's size, got none")
        return self.size

    def known_range(self) -> tuple[int, int]:
        """The plate's first and last frame; likewise."""
        if self.frame_start is None or self.frame_end is None:
            raise ParameterError("expected the plate's first and last frame, got none")
        return self.frame_start, self.frame_end

    def known_fps(self) -> float:
        """The frame rate; likewise."""
        if self.fps is None:
            raise ParameterError("expected the footage's frame rate, got none")
        return self.fps


@dataclass
class FileTrack:
    """One track as a file has it."""

    name: str
    frames: list[int]  # as the file counts
    positions: Any  # (n, 2) as the file measures: a list of pairs or an array
    line: int | None = None  # where in the file
    enabled: bool = True
    off: list[int] = field(default_factory=list)  # of ``frames``: those on which the position is not valid
    correlations: dict[int, float] = field(default_factory=dict)  # by frame
    keyed: list[int] = field(default_factory=list)  # of ``frames``: set by detection or by hand
    color: tuple[float, float, float] | None = None  # RGB 0-1
    weight: float | None = None  # influence on a solve; None: the file does not say
    pattern_area: Area | None = None
    search_area: Area | None = None
    track: TrackData | None = None  # of a format that holds everything: the track itself

    def rows(self) -> Iterator[tuple[int, float, float]]:
        """Frame, x and y of each marker."""
        xy = np.asarray(self.positions, dtype=np.float64).reshape(-1, 2)
        return zip(self.frames, xy[:, 0].tolist(), xy[:, 1].tolist(), strict=True)


Reader = Callable[[Path, Header], Iterator[FileTrack]]
"""Yields tracks; what the file says of the shot is in the header before the first of them comes."""

Writer = Callable[[Path, Sequence[FileTrack], Header], None]
"""Writes all tracks. The sequence makes each track when it is asked for: go through it once, in order."""


@dataclass(frozen=True)
class Variant:
    """One of several layouts of a format."""

    write: Writer
    first_frame: int | None = None  # the file's number of the plate's first frame; None: the plate's own number
    extensions: tuple[str, ...] = ()  # a path that ends so means this layout
    writes_folder: bool = False


@dataclass(frozen=True)
class Format:
    """A format as the registry knows it."""

    name: str  # in the registry
    title: str  # what an artist calls it
    extensions: tuple[str, ...]  # with the dot, lower case; the first is what is written by default
    axes: Axes
    read: Reader
    variants: Mapping[str, Variant]  # by name; the first is the default
    keeps: frozenset[str]  # of losses.HELD
    sniff: Callable[[bytes], bool]  # whether a file that begins so is certainly of this format
    fit_names: Callable[[Sequence[str]], list[str]]  # the nearest names that it can hold, no two the same
    export_suffix: str  # added to the shot's name by 'cinetrack track --export'
    has_half_pixel_switch: bool = False  # tools disagree where zero lies
    needs_size: bool = False  # the file says it, although positions would not need it
    needs_fps: bool = False
    needs_range: bool = False  # the file says which frames the plate has
    from_picture: bool = False  # positions, px and y up, count from the picture's corner, not from the images'
    dense: bool = False  # an array over the plate's frames: there is no room for others

    @property
    def first_frame(self) -> int | None:
        """The default layout's number of the plate's first frame; None: the plate's own number."""
        return next(iter(self.variants.values())).first_frame
