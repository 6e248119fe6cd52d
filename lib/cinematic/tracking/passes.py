"""What is asked of an engine: a search for features, and from which frame each track is to be tracked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Search:
    """How to look for features on a frame."""

    thresholds: Sequence[float]  # tried in turn until min_features are found; in the engine's own measure
    min_features: int
    margin: int  # px from the image's border
    min_distance: int  # px between two features


@dataclass(frozen=True)
class Candidate:
    """A track that may be tracked, as far as the plan needs to know it."""

    name: str
    frames: Sequence[int]  # plate frames with a valid marker
    reference_frames: Sequence[int]  # those of them that were set by detection or by hand


@dataclass(frozen=True)
class Pass:
    """Tracks that start from one frame."""

    start: int  # plate frame
    names: tuple[str, ...]


@dataclass(frozen=True)
class Span:
    """Which frames to track over, and in which direction."""

    first: int  # plate frames, both inclusive
    last: int
    backwards: bool
    sequence: bool  # False: one frame only
    from_border: bool  # the caller named the frame to start from

    @property
    def border(self) -> int:
        """The frame to start from."""
        return self.last if self.backwards else self.first

    @property
    def end(self) -> int:
        """The frame to reach."""
        return self.first if self.backwards else self.last

    def goal(self, start: int) -> int:
        """The frame that a track which starts at ``start`` is to reach."""
        if self.sequence or start == self.end:
            return self.end
        return start - 1 if self.backwards else start + 1


def plan_passes(candidates: Iterable[Candidate], span: Span) -> list[Pass]:
    """From which frame each track is to be tracked.

    A track starts at the range's border where it has a marker there and the caller named that border; else at its
    reference frame nearest to the border; else, for tracks that never had one, at its marker nearest to it. Blender,
    asked to start where a track has no marker, would invent one.
    """
    nearest = max if span.backwards else min
    starts: dict[int, list[str]] = defaultdict(list)
    for track in candidates:
        within = {frame for frame in track.frames if span.first <= frame <= span.last}
        if not within:
            continue
        references = [frame for frame in track.reference_frames if frame in within]
        if span.from_border and span.border in within:
            start = span.border
        else:
            start = nearest(references or within)
        starts[int(start)].append(track.name)
    return [Pass(start, tuple(names)) for start, names in sorted(starts.items(), reverse=span.backwards)]


def reached(passes: Iterable[Pass], frames_of: dict[str, set[int]], span: Span) -> tuple[int, int, bool]:
    """What came of the passes.

    Parameters
    ----------
    frames_of
        The plate frames on which each track has a valid marker now.

    Returns
    -------
    tracks : int
        Tracks that have a marker beyond the frame they started from.
    frames : int
        Frames of the range on which those have markers.
    finished : bool
        One of them reached the last frame that was asked for.
    """
    tracks, finished = 0, False
    frames: set[int] = set()
    for each in passes:
        goal = span.goal(each.start)
        low, high = sorted((each.start, goal))
        for name in each.names:
            covered = {frame for frame in frames_of[name] if low <= frame <= high}
            if len(covered) > 1:  # more than the marker it started from
                tracks += 1
                frames |= covered
                finished |= goal in covered
    return tracks, len(frames), finished


@dataclass(frozen=True)
class State:
    """Why a track may not be tracked."""

    locked: bool
    enabled: bool


def nothing_to_track(clip: str, tracks: Sequence[State], span: Span) -> str:
    """What to tell when the plan is empty."""
    if not tracks:
        return f"clip {clip!r} has no tracks: detect features or add a track first"
    locked = sum(track.locked for track in tracks)
    disabled = sum(not track.enabled for track in tracks)
    return (
        f"expected an unlocked, enabled track with a marker within frames {span.first}-{span.last} of clip {clip!r}, "
        f"got none of {len(tracks)} ({locked} locked, {disabled} disabled)"
    )
