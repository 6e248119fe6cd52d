"""What a format cannot hold of a set of tracks, as plain data and in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from ..types import TrackData

_PLAIN = TrackData()

HELD: dict[str, Callable[[TrackData], bool]] = {
    "empty": lambda track: not track.markers and not track.muted,
    "disabled": lambda track: not track.enabled,
    "muted": lambda track: bool(track.muted),
    "correlations": lambda track: bool(track.correlations) or track.correlation is not None,
    "colors": lambda track: track.color is not None,
    "weights": lambda track: track.weight != _PLAIN.weight,
    "reference frames": lambda track: bool(track.reference_frames),
    "pattern and search areas": lambda track: (
        (track.pattern_area, track.search_area) != (_PLAIN.pattern_area, _PLAIN.search_area)
    ),
    "pattern shapes": lambda track: bool(track.corners),
    "tracking settings": lambda track: (
        (track.motion_model, track.pattern_match, track.correlation_min)
        != (_PLAIN.motion_model, _PLAIN.pattern_match, _PLAIN.correlation_min)
    ),
    "locked or hidden": lambda track: track.locked or track.hidden,
    "set by hand": lambda track: track.by_hand,
    "covariances": lambda track: bool(track.covariances),
    "forward-backward distances": lambda track: bool(track.forward_backward),
    "reprojection errors": lambda track: track.average_error is not None,
    "reasons why tracking ended": lambda track: bool(track.lost),
}
"""What a track may have beside its name and its valid markers, which every format holds."""

LEFT_OUT = ("empty", "disabled")
"""Where a format cannot hold these, the track itself is left out: a track that was switched off must not come back."""


@dataclass(frozen=True)
class Loss:
    """One thing that is not in the file."""

    what: str  # of HELD, or "names", "frames outside the plate", "footage"
    tracks: int  # how many tracks it concerns
    example: str = ""  # one of them

    def __str__(self) -> str:
        """In words."""
        number = f"{self.tracks} track{'s' if self.tracks != 1 else ''}"
        if self.what in LEFT_OUT:
            return f"{self.what} tracks are left out ({self.tracks})"
        if self.what == "muted":
            return f"muted markers are left out ({number})"
        if self.what == "names":
            return f"names changed ({number}, {self.example})"
        return f"{self.what} ({number})"


def losses(tracks: Sequence[TrackData], keeps: Collection[str]) -> list[Loss]:
    """What a format that keeps only these cannot hold of the tracks."""
    found = []
    for what, has in HELD.items():
        if what in keeps:
            continue
        number = sum(map(has, tracks))
        if number:
            found.append(Loss(what, number))
    return found


def kept(tracks: Iterable[TrackData], keeps: Collection[str]) -> list[TrackData]:
    """The tracks that are not left out."""
    gone = [HELD[what] for what in LEFT_OUT if what not in keeps]
    if "muted" not in keeps and "empty" not in keeps:
        gone.append(lambda track: not track.markers)
    return [track for track in tracks if not any(has(track) for has in gone)]


def renamed(before: Sequence[str], after: Sequence[str]) -> list[Loss]:
    """The names that had to change."""
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    if not changed:
        return []
    old, new = changed[0]
    return [Loss("names", len(changed), f"such as {old!r} to {new!r}")]
