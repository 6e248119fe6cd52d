"""What the report shows of the footage: whole frames, and strips of patterns. All in one pass over it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..coords import FrameNumbers, Size, corners_of, pixels_from_co
from ..footage import Footage, Luminance
from ..metrics import sample_patterns
from ..types import TrackData
from .judged import Judged
from .pictures import PATTERN_SIDE, frame_uri, pattern_uri

STRIP_PATTERNS = 24
"""Patterns in a strip, at most, the reference patterns not counted."""

REFERENCES = 2
"""Reference patterns that are shown of a track, at most."""


@dataclass(frozen=True)
class Strip:
    """Patterns of one track: which are to be shown, where they are, and how large they are sampled."""

    references: list[int]  # frames
    frames: list[int]  # of the patterns from frame to frame, in order
    quads: dict[int, npt.NDArray[np.float64]]  # by frame: the pattern's corners, px: BL, BR, TR, TL
    samples: int  # along a side
    averaged: int  # samples along a side that become one pixel of the picture


@dataclass
class Shown:
    """What was taken from the footage, as data URIs."""

    frames: dict[int, str] = field(default_factory=dict)  # plate frame -> the whole frame
    patterns: dict[tuple[int, int], str] = field(default_factory=dict)  # strip's number, plate frame -> the pattern


def strip_of(judged: Judged, size: Size, numbers: FrameNumbers) -> Strip:
    """The strip of one track; frames beyond the footage are left out, and where there are many, bad markers last."""
    track = judged.track
    within = [f for f in judged.frames if numbers.first <= f <= numbers.last and np.isfinite(track.markers[f]).all()]
    references = [frame for frame in within if frame in set(track.reference_frames)] or within[:1]
    references = references[:REFERENCES]
    frames = chosen_frames(within, [frame for frame in within if frame in judged.bad_markers], STRIP_PATTERNS)
    quads = {frame: quad_of(track, frame, size) for frame in {*references, *frames}}
    side = _side(quads[references[0]]) if references else PATTERN_SIDE
    averaged = math.ceil(side / PATTERN_SIDE)
    return Strip(references, frames, quads, max(5, side // averaged) * averaged, averaged)


def quad_of(track: TrackData, frame: int, size: Size) -> npt.NDArray[np.float64]:
    """The corners of a track's pattern on one frame, (4, 2) px: bottom-left, bottom-right, top-right, top-left."""
    corners = np.reshape(track.corners.get(frame, corners_of(track.pattern_area, size)), (4, 2))
    return pixels_from_co(np.asarray(track.markers[frame]) + corners, size)


def chosen_frames(frames: Sequence[int], bad: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the frames, in order: first and last, up to half of them bad ones, the rest spread evenly."""
    if len(frames) <= most:
        return list(frames)
    kept = {frames[0], frames[-1], *spread(bad, most // 2)}
    others = [frame for frame in frames if frame not in kept]
    return sorted(kept | set(spread(others, most - len(kept))))


def spread(frames: Sequence[int], most: int) -> list[int]:
    """At most ``most`` of the frames, evenly from the first to the last."""
    if len(frames) <= most:
        return list(frames)
    return [frames[i] for i in np.unique(np.linspace(0, len(frames) - 1, most).round().astype(int))] if most else []


def look(
    footage: Footage,
    frames: Collection[int],
    strips: Sequence[Strip],
    on_frame: Callable[[int], object] | None = None,
) -> Shown:
    """Whole frames and patterns, from one pass over the footage; no more than one frame is held.

    Raises
    ------
    FootageError
        A frame cannot be read.
    """
    due: dict[int, list[int]] = defaultdict(list)
    for number, strip in enumerate(strips):
        for frame in strip.quads:
            due[frame].append(number)
    shown = Shown()
    wanted = {*frames, *due}
    if not wanted:
        return shown
    for frame, image in footage.frames(min(wanted), max(wanted)):
        if frame in frames:
            shown.frames[frame] = frame_uri(image)
        for number in due.get(frame, ()):
            shown.patterns[number, frame] = pattern_uri(_pattern(image, strips[number], frame))
        if on_frame is not None:
            on_frame(frame)
    return shown


def _pattern(image: Luminance, strip: Strip, frame: int) -> npt.NDArray[np.float32]:
    """One pattern, upright, (side, side); NaN outside the image."""
    sampled = sample_patterns(image, strip.quads[frame][None], strip.samples)[0].reshape(strip.samples, strip.samples)
    side = strip.samples // strip.averaged
    averaged: npt.NDArray[np.float32] = sampled.reshape(side, strip.averaged, side, strip.averaged).mean(axis=(1, 3))
    return averaged[::-1]  # its first row lies at the bottom corners


def _side(quad: npt.NDArray[np.float64]) -> int:
    """The longest side, px; what has none, or none that can be meant, counts as a usual one."""
    longest = float(np.linalg.norm(quad - np.roll(quad, -1, axis=0), axis=1).max())
    return round(min(max(longest, 5.0), 404.0)) if math.isfinite(longest) else PATTERN_SIDE
