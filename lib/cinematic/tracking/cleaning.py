"""What to do about each track, by its verdict: keep, cut, split or remove. Plain data in, plain data out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from .clip import unique_name
from .types import TrackData, Verdict

ACTIONS = ("REMOVE", "TRIM", "SPLIT")


@dataclass(frozen=True)
class Action:
    """What cleaning does, or did, to one track."""

    name: str  # the track's
    action: str  # one of ACTIONS
    reason: str  # of types.REASONS
    frames: tuple[int, ...]  # plate frames whose markers go
    into: tuple[str, ...] = ()  # SPLIT: the tracks that take over some of its frames


@dataclass
class Cleaning:
    """What cleaning did, or would do; with all that is needed to take it back."""

    actions: list[Action] = field(default_factory=list)
    before: list[TrackData] = field(default_factory=list)  # the tracks that were changed or removed, as they were
    after: list[TrackData] = field(default_factory=list)  # what stands in their place: cut ones, and new parts

    @property
    def removed(self) -> list[str]:
        """Names of the tracks that go."""
        return [action.name for action in self.actions if action.action == "REMOVE"]

    @property
    def markers(self) -> int:
        """Markers that go, those of removed tracks included."""
        return sum(len(action.frames) for action in self.actions)

    def in_words(self) -> str:
        """How many tracks were removed, cut and split."""
        counts = Counter(action.action for action in self.actions)
        return f"{counts['REMOVE']} tracks removed, {counts['TRIM']} cut, {counts['SPLIT']} split"


def plan_cleaning(
    tracks: Sequence[TrackData], verdicts: Sequence[Verdict], *, mute: bool = False, keep: Collection[str] = ()
) -> Cleaning:
    """Decide for every track; nothing is changed.

    A track is left alone when it is good, locked, disabled, set by hand, or named in ``keep``. Of the others, markers
    outside the sound parts and single bad ones go; a sound part without the reference marker follows another point and
    becomes a track of its own; a track without a sound part goes as a whole.

    Parameters
    ----------
    mute
        Mute markers instead of taking them away; hopeless tracks keep all their markers, muted.
    """
    plan = Cleaning()
    taken = {track.name for track in tracks}
    for track, verdict in zip(tracks, verdicts, strict=True):
        if track.locked or track.by_hand or not track.enabled or track.name in keep:
            continue
        if verdict.verdict == "good" and not verdict.bad_markers:
            continue
        _plan_one(plan, track, verdict, taken, _mute if mute else TrackData.drop)
    return plan


def _plan_one(
    plan: Cleaning,
    track: TrackData,
    verdict: Verdict,
    taken: set[str],
    take_out: Callable[[TrackData, list[int]], None],
) -> None:
    own = [_around_reference(part, track, verdict) for part in verdict.sound if _holds_reference(part, track)]
    others = [_within(part, track) for part in verdict.sound if not _holds_reference(part, track)]
    reason = verdict.reasons[0] if verdict.reasons else next(iter(verdict.bad_markers.values()))
    staying = {frame for part in own + others for frame in part}
    going = tuple(frame for frame in sorted(track.markers) if frame not in staying)
    if not going and not others:
        return  # suspect, but nothing of it is known to be wrong
    plan.before.append(track.copy())
    kept, *apart = own or [[]]
    if own or take_out is _mute:
        plan.after.append(_without(track, [frame for frame in track.markers if frame not in kept], take_out))
    names: list[str] = []
    for part in apart + others:
        name = unique_name(track.name, taken)
        taken.add(name)
        names.append(name)
        plan.after.append(part_of(track, part, name))
    action = "REMOVE" if not staying else "SPLIT" if names else "TRIM"
    plan.actions.append(Action(track.name, action, reason, going, tuple(names)))


def _holds_reference(part: tuple[int, int], track: TrackData) -> bool:
    """Whether it follows the point that the track began on; another part is a point of its own."""
    low, high = part
    return any(low <= frame <= high for frame in track.reference_frames or [min(track.markers)])


def _around_reference(part: tuple[int, int], track: TrackData, verdict: Verdict) -> list[int]:
    """The frames of a part whose markers stay: those that are off go."""
    return [frame for frame in _within(part, track) if frame not in verdict.bad_markers]


def _within(part: tuple[int, int], track: TrackData) -> list[int]:
    """The frames of a part; of one that is a point of its own all markers stay, being off as a whole."""
    low, high = part
    return [frame for frame in sorted(track.markers) if low <= frame <= high]


def _without(track: TrackData, frames: Sequence[int], take_out: Callable[[TrackData, list[int]], None]) -> TrackData:
    rest = track.copy()
    take_out(rest, list(frames))
    if not rest.reference_frames and rest.markers:
        rest.reference_frames = [min(rest.markers)]
    values = list(rest.correlations.values())
    rest.correlation = sum(values) / len(values) if values else None
    return rest


def part_of(track: TrackData, frames: Sequence[int], name: str) -> TrackData:
    """A new track of some of the frames; its first one is its reference."""
    part = _without(track, [frame for frame in track.markers if frame not in set(frames)], TrackData.drop)
    part.name, part.muted, part.lost, part.reference_frames = name, {}, {}, [frames[0]]
    part.correlation = None  # with another reference pattern they were other figures
    part.correlations.clear()
    return part


def _mute(track: TrackData, frames: list[int]) -> None:
    positions = {frame: track.markers[frame] for frame in frames}
    track.drop(frames)
    track.muted.update(positions)
