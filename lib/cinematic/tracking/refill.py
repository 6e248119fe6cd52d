"""What cleaning has emptied is filled again: by other features, and by parts of what was taken away.

Features are looked for only in cells that no track holds any more, and not where tracks have failed; several for each
cell, for some will fail, too. They are tracked both ways and judged by the camera that is known already; of the good
ones those go that fill no cell where there are enough tracks. Cells that are empty even then get, of all tracks that
failed, parts that follow one point of the scene by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from .cleaning import Cleaning, part_of, plan_cleaning
from .clip import unique_name
from .coords import Size, pixels_from_co
from .coverage import redundant
from .grid import FrameCells, Grid
from .judge import OFF_SCENE, OFF_WINDOWS, Limits, ShotMotion, judge, judge_others, slack_of
from .klt import free_names
from .other_windows import ask_other_windows
from .parts import LEAST_NEW, best_parts
from .second_opinion import SecondOpinion
from .store import Store
from .types import Refilled, TrackData, Verdict
from .whole_shot import Job, Places, find_for_gaps

_OFF = ("drifting", "sliding along an edge", "occluded", "mismatched jump")  # and yet parts may follow a point
_STRICTER = 0.8  # of the limits, for parts of what has failed: markers of theirs are off more often
_LEAST_TAKEN = 0.05  # of the markers that there were: of less, two passes over the footage are not worth it
_FILLING = 0.5  # share of a part's markers that must lie in empty cells


@dataclass(frozen=True)
class Stretch:
    """Markers of a track that were taken away together."""

    track: TrackData
    frames: tuple[int, ...]
    reason: str  # of types.REASONS

    def pixels(self, size: Size) -> npt.NDArray[np.float64]:
        """(n, 2)"""
        return pixels_from_co([self.track.markers[frame] for frame in self.frames], size)


def refill(
    store: Store, job: Job, cleaning: Cleaning | None, motions: Sequence[ShotMotion], limits: Limits
) -> Refilled:
    """Fill the empty cells of cleaned tracks; those stay as they are.

    Parameters
    ----------
    cleaning
        What was taken away before; None: it is not known. Where it was hardly anything, nothing is done.
    motions
        The shots' cameras.
    """
    failed = [] if cleaning is None else _taken_away(cleaning, cleaning.before)
    if cleaning is not None and _share_taken(failed, store) < _LEAST_TAKEN:
        return Refilled((), 0, 0)
    kept = [track for track in store.read() if track.enabled]
    new = find_for_gaps(store, replace(job, gaps=_places(failed, store.size)))
    taken = {track.name for track in [*store.read(), *(stretch.track for stretch in failed)]}
    for track, name in zip(new, free_names(store, len(new), taken), strict=True):
        track.name = name
    added = []
    second_opinion = partial(ask_other_windows, footage=store.footage)
    for motion in motions:
        of_shot = [track for track in new if motion.holds(track)]
        verdicts = _judged(of_shot, kept, store, motion, limits, second_opinion)
        plan = plan_cleaning(of_shot, verdicts)
        changed = {track.name for track in plan.before}
        added += [track for track in of_shot if track.name not in changed] + plan.after
        failed += _taken_away(plan, of_shot)
    grid = Grid.of(store.size, job.wanted.target)
    added = _without_too_much(added, kept, grid, job.wanted.target)
    full = _cells_of(kept + added, grid, store.size)
    worth_a_look = [stretch for stretch in failed if _may_fill(stretch, full, grid, store.size)]
    chosen = _filling(_parts(worth_a_look, store.size, motions, limits), full, grid, store.size)
    filling = _made(chosen, taken | {track.name for track in [*new, *added]})
    store.write(added + filling)
    return Refilled(tuple(track.name for track in added + filling), len(new), len(filling))


def _without_too_much(
    added: Sequence[TrackData], kept: Sequence[TrackData], grid: Grid, target: int
) -> list[TrackData]:
    """Without those that fill no cell where there are more tracks than were asked for."""
    of_added = {track.name: _places_of(track, grid) for track in added}
    gone = redundant(of_added, grid, target, [_places_of(track, grid) for track in kept], share=1.0)
    return [track for track in added if track.name not in gone]


def _places_of(track: TrackData, grid: Grid) -> FrameCells:
    return grid.places(list(track.markers), pixels_from_co(list(track.markers.values()), grid.size))


def _taken_away(cleaning: Cleaning, tracks: Iterable[TrackData]) -> list[Stretch]:
    of_name = {track.name: track for track in tracks}
    return [
        Stretch(of_name[action.name], tuple(frames.tolist()), action.reason)
        for action in cleaning.actions
        for frames in np.split(np.array(action.frames), np.flatnonzero(np.diff(action.frames) > 1) + 1)
        if len(frames)
    ]


def _share_taken(failed: Iterable[Stretch], store: Store) -> float:
    taken, left = sum(len(stretch.frames) for stretch in failed), sum(len(track.markers) for track in store.read())
    return taken / max(1, taken + left)


def _places(failed: Iterable[Stretch], size: Size) -> Places:
    places: dict[int, list[tuple[float, float]]] = {}
    for stretch in failed:
        for frame in stretch.frames:
            places.setdefault(frame, []).append(stretch.track.markers[frame])
    return {frame: pixels_from_co(held, size) for frame, held in places.items()}


def _judged(
    tracks: Sequence[TrackData],
    kept: Sequence[TrackData],
    store: Store,
    motion: ShotMotion,
    limits: Limits,
    second_opinion: SecondOpinion,
) -> list[Verdict]:
    """Verdicts on new tracks; without a camera to compare them with, together with those that are there."""
    if motion.scene.solution is None:
        there = [track for track in kept if motion.holds(track)]
        both, aspect = [*there, *tracks], store.pixel_aspect
        return judge(both, store.size, limits, second_opinion=second_opinion, pixel_aspect=aspect)[len(there) :]
    return [
        verdict if _is_known(verdict, limits) else _unknown(verdict)
        for verdict in judge_others(tracks, store.size, motion, limits, second_opinion)
    ]


def _is_known(verdict: Verdict, limits: Limits) -> bool:
    """Whether a camera sees enough of a track, or windows of other sizes have followed it."""
    curves = verdict.curves[OFF_SCENE], verdict.curves[OFF_WINDOWS]
    return max(map(len, curves)) >= limits.frames


def _unknown(verdict: Verdict) -> Verdict:
    """Of what nobody sees nothing is known: that is no track to add."""
    return replace(verdict, verdict="bad", reasons=("too short",), sound=())


@dataclass(frozen=True)
class _Part:
    stretch: Stretch
    reference: int  # plate frame
    frames: tuple[int, ...]


def _parts(failed: Sequence[Stretch], size: Size, motions: Iterable[ShotMotion], limits: Limits) -> list[_Part]:
    """Of all that failed, what follows one point of the scene by itself; the longest first."""
    found = []
    strict = (_STRICTER * limits.reprojection_px, _STRICTER * limits.track_reprojection_px)
    for motion in motions:
        within = [s for s in failed if motion.first <= s.frames[0] <= motion.last]
        if motion.scene.solution is None or not within:
            continue
        positions = np.full((len(within), motion.last - motion.first + 1, 2), np.nan)
        for row, stretch in enumerate(within):
            positions[row, np.array(stretch.frames) - motion.first] = stretch.pixels(size)
        widened = slack_of(motion.scene.usual, limits.reprojection_px)
        best = best_parts(motion.scene.solution.cameras, positions, widened, strict)
        found += [
            _Part(stretch, part[0] + motion.first, tuple((part[1] + motion.first).tolist()))
            for stretch, part in zip(within, best, strict=True)
            if part is not None
        ]
    return sorted(found, key=lambda part: (-len(part.frames), part.stretch.track.name, part.frames))


def _may_fill(stretch: Stretch, full: set[tuple[int, int]], grid: Grid, size: Size) -> bool:
    """Whether any part of it could be long enough and lie in enough of the empty cells."""
    if stretch.reason not in _OFF or len(stretch.frames) < LEAST_NEW:
        return False
    return len(_cells(stretch, grid, size) - full) >= _FILLING * LEAST_NEW


def _cells_of(tracks: Iterable[TrackData], grid: Grid, size: Size) -> set[tuple[int, int]]:
    return set().union(*(_cells(Stretch(track, tuple(track.markers), ""), grid, size) for track in tracks))


def _filling(parts: Iterable[_Part], held: set[tuple[int, int]], grid: Grid, size: Size) -> list[_Part]:
    """Those that fill cells that are not ``held`` on half of their frames or more."""
    full = set(held)
    filling = []
    for part in parts:
        cells = _cells(replace(part.stretch, frames=part.frames), grid, size)
        if len(cells - full) >= _FILLING * len(cells):
            filling.append(part)
            full |= cells
    return filling


def _cells(stretch: Stretch, grid: Grid, size: Size) -> set[tuple[int, int]]:
    """The cells that markers hold, as frame and cell."""
    if not stretch.frames:
        return set()
    return set(zip(stretch.frames, grid.cells(stretch.pixels(size)).tolist(), strict=True))


def _made(parts: Iterable[_Part], taken: set[str]) -> list[TrackData]:
    """Tracks of their own."""
    tracks = []
    for part in parts:
        name = unique_name(part.stretch.track.name, taken)
        taken.add(name)
        tracks.append(part_of(part.stretch.track, part.frames, name))
        tracks[-1].reference_frames = [part.reference]
    return tracks
