"""What to do about each track, by its verdict: keep, cut, split or remove. Plain data in, plain data out.

A camera needs a frame's last tracks more than it minds that they are a little off: where cleaning would leave a frame
with fewer than a solve works with, the least wrong of its markers are spared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from .clip import unique_name
from .judge import OFF_SCENE, OFF_WINDOWS, Limits
from .readiness import FAILS_BELOW
from .types import TrackData, Verdict

ACTIONS = ("REMOVE", "TRIM", "SPLIT")

_SPARED = ("drifting", "sliding along an edge", "jittery", "low correlation")  # others follow something else
_LEAST_WRONG = 3.0  # times the limit: what a marker may be off and still be spared


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
    spared: int = 0  # markers that stay only because their frames have too few others

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
        done = f"{counts['REMOVE']} tracks removed, {counts['TRIM']} cut, {counts['SPLIT']} split"
        return done + self.spared_in_words()

    def spared_in_words(self) -> str:
        """What is added to what was done: how many markers were spared; nothing where none were."""
        return f"; {self.spared} markers stay on frames with too few others" if self.spared else ""


@dataclass
class _Sound:
    """The frames of a track that stay."""

    own: list[int]  # around the reference marker
    others: list[list[int]]  # that follow another point, each

    @property
    def frames(self) -> set[int]:
        return {*self.own, *(frame for part in self.others for frame in part)}


def plan_cleaning(
    tracks: Sequence[TrackData], verdicts: Sequence[Verdict], *, limits: Limits | None = None, mute: bool = False,
    keep: Collection[str] = (),
) -> Cleaning:  # fmt: skip
    """Decide for every track; nothing is changed.

    A track is left alone when it is good, locked, disabled, set by hand, or named in ``keep``. Of the others, markers
    outside the sound parts and single bad ones go; a sound part without the reference marker follows another point and
    becomes a track of its own; a track without a sound part goes as a whole. Where fewer than eight tracks would be
    left on a frame, markers that are off by less than three times the limit stay, the least wrong first.

    Parameters
    ----------
    limits
        By which the verdicts were made; None: the tracks are not all there are, and nothing is spared.
    mute
        Mute markers instead of taking them away; hopeless tracks keep all their markers, muted.
    """
    plan = Cleaning()
    taken = {track.name for track in tracks}
    sound = {
        row: _sound(track, verdict)
        for row, (track, verdict) in enumerate(zip(tracks, verdicts, strict=True))
        if not (track.locked or track.by_hand or not track.enabled or track.name in keep)
        and (verdict.verdict != "good" or verdict.bad_markers)
    }
    for row, frames in (_spared(tracks, verdicts, sound, limits) if limits else {}).items():
        sound[row].own = sorted([*sound[row].own, *frames])
        plan.spared += len(frames)
    for row, staying in sound.items():
        _plan_one(plan, tracks[row], verdicts[row], staying, taken, _mute if mute else TrackData.drop)
    return plan


def _sound(track: TrackData, verdict: Verdict) -> _Sound:
    own = [_around_reference(part, track, verdict) for part in verdict.sound if _holds_reference(part, track)]
    others = [_within(part, track) for part in verdict.sound if not _holds_reference(part, track)]
    first, *apart = own or [[]]
    return _Sound(first, apart + others)


def _spared(
    tracks: Sequence[TrackData], verdicts: Sequence[Verdict], sound: Mapping[int, _Sound], limits: Limits
) -> dict[int, list[int]]:
    """Frames, by row, whose markers stay although they are off: those of frames that have too few others."""
    left = Counter(
        frame
        for row, track in enumerate(tracks)
        if track.enabled
        for frame in (sound[row].frames if row in sound else track.markers)
    )
    spare: dict[int, list[tuple[float, int]]] = {}  # frame -> how far off, and row
    for row, staying in sound.items():
        if len(tracks[row].markers) < limits.frames or _reason(verdicts[row]) not in _SPARED:
            continue
        off = _off(verdicts[row])
        for frame in tracks[row].markers.keys() - staying.frames:
            if left[frame] < FAILS_BELOW and off.get(frame, float("inf")) < _LEAST_WRONG * limits.reprojection_px:
                spare.setdefault(frame, []).append((off[frame], row))
    spared: dict[int, list[int]] = {}
    for frame, candidates in spare.items():
        for _, row in sorted(candidates)[: FAILS_BELOW - left[frame]]:
            spared.setdefault(row, []).append(frame)
    return {row: frames for row, frames in spared.items() if sound[row].frames or len(frames) >= limits.frames}


def _off(verdict: Verdict) -> dict[int, float]:
    """How far markers are off what the scene's motion and what other windows say, px, the worse of both."""
    scene, windows = verdict.curves.get(OFF_SCENE, {}), verdict.curves.get(OFF_WINDOWS, {})
    return {frame: max(scene.get(frame, 0.0), windows.get(frame, 0.0)) for frame in scene.keys() | windows.keys()}


def _reason(verdict: Verdict) -> str:
    return verdict.reasons[0] if verdict.reasons else next(iter(verdict.bad_markers.values()))


def _plan_one(
    plan: Cleaning,
    track: TrackData,
    verdict: Verdict,
    sound: _Sound,
    taken: set[str],
    take_out: Callable[[TrackData, list[int]], None],
) -> None:
    reason = _reason(verdict)
    staying = sound.frames
    going = tuple(frame for frame in sorted(track.markers) if frame not in staying)
    if not going and not sound.others:
        return  # suspect, but nothing of it is known to be wrong
    plan.before.append(track.copy())
    if sound.own or take_out is _mute:
        plan.after.append(_without(track, [frame for frame in track.markers if frame not in sound.own], take_out))
    names: list[str] = []
    for part in sound.others:
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
