"""One pass over the footage, in one direction: tracks go on, are lost, come back, and stop where they may not be.

What comes of it are :mod:`.records`. Memory is that of the tracks alive, of those lost lately, and of the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .engine import LostReason, Pyramid, Seeds, Tracker, TrackOptions
from .masks import Excluded, grown, is_excluded
from .records import Records, is_marker, joined, recorded

_REMEMBERED = 48  # frames for which a lost track is looked for
_LOOK_EVERY = 3  # frames
_NEIGHBOURS = 12  # tracks that say how a lost one's surroundings have moved
_LEAST_NEIGHBOURS = 6
_TIGHT, _WIDE = 1.5, 5.0  # px; how far from where its neighbours say a lost track may be found
_DISAGREEING = 3.0  # px; neighbours that move like this, each its own way, say nothing
_SAME = 1.0  # px; two tracks this near to each other ...
_SAME_FOR = 3  # ... for so many frames in a row have the same feature

_DONE_AT_ONCE = 48  # tracks that are let go of together: it moves the memory of all others

_COMES_BACK = [
    LostReason.LOW_CORRELATION,
    LostReason.FORWARD_BACKWARD,
    LostReason.DIVERGED,
    LostReason.SHAPE,
    LostReason.MASKED,
]


class Sweep:
    """The tracks of one pass. ``records`` holds what came, frame by frame; ``pairs`` who has whose feature.

    The engine numbers its tracks as they come; outside, and in the records, each has the number it was given.
    """

    def __init__(self, options: TrackOptions, settings: Mapping[str, Any], *, meeting: bool) -> None:
        self.records: dict[int, Records] = {}
        self.pairs: list[tuple[int, int]] = []  # (a track that met another one's feature, and stopped; that other one)
        self._options = options
        self._settings = settings
        self._meeting = meeting  # all tracks may meet another one's feature, and not only those that came back
        self._tracker = Tracker(Seeds(0, np.zeros((0, 2))), options)
        self._tracks = np.zeros(0, np.int64)  # the engine's number -> ours
        self._lost: dict[int, int] = {}  # the engine's number -> frame of its last marker
        self._last_frame: dict[int, int] = {}  # of the living: the frame of the last marker
        self._met: dict[int, tuple[int, int]] = {}  # ours -> (another one's, for how many frames)
        self._returned: set[int] = set()  # ours; came back in this pass
        self._done: list[int] = []  # the engine's numbers of those that it may forget
        self._frames = 0

    @property
    def living(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """(n,) numbers and (n, 2) positions, px, of the tracks alive."""
        numbers, positions = self._tracker.living
        return self._tracks[numbers], positions

    def end_shot(self, frame: int) -> None:
        """Nothing goes on over a cut: ``frame`` is the first one behind it."""
        numbers, positions = self._tracker.living
        rows = np.zeros(len(numbers), self._row_type())
        rows["track"], rows["frame"], rows["reason"] = self._tracks[numbers], frame, LostReason.CUT
        rows["position"] = positions
        self._add(frame, rows)
        self._tracker.end(numbers)
        self._forget(np.concatenate([numbers, np.array(sorted(self._lost), np.int64)]))

    def step(self, frame: int, pyramid: Pyramid, excluded: Excluded | None, others: Records | None = None) -> None:
        """One frame on. ``others``: records of the same frame from another pass, whose features may be met."""
        result = self._tracker.step(frame, pyramid)
        self._frames += 1
        rows = recorded(result, self._tracks[result.track])
        numbers = result.track
        if excluded is not None:
            rows = self._stop_at_masks(numbers, rows, excluded)
        rows = self._stop_at_others(numbers, rows, others)
        self._add(frame, rows)
        self._note_losses(frame, numbers, rows)
        if self._lost and self._frames % _LOOK_EVERY == 0:
            self._look_for_lost(frame, excluded)

    def begin(self, frame: int, tracks: npt.NDArray[np.int64], positions: npt.NDArray[np.float64]) -> Records:
        """Begin tracks on the frame that was stepped last; what came of it."""
        count = len(tracks)
        seeds = Seeds(
            np.full(count, frame),
            positions,
            motion_models=[self._settings["motion_model"]] * count,
            pattern_matches=[self._settings["pattern_match"]] * count,
            correlation_mins=[self._settings["correlation_min"]] * count,
        )
        self._tracks = np.concatenate([self._tracks, tracks])
        result = self._tracker.extend(seeds)
        for number in result.track[result.tracked].tolist():
            self._last_frame[number] = frame
        self._forget(result.track[~result.tracked])
        rows = recorded(result, self._tracks[result.track])
        self._add(frame, rows)
        return rows

    # -- stopping -------------------------------------------------------------------------------------------------

    def _stop_at_masks(self, numbers: npt.NDArray[np.int64], rows: Records, excluded: Excluded) -> Records:
        inside = is_marker(rows) & is_excluded(excluded, rows["position"])
        rows["reason"][inside] = LostReason.MASKED
        self._tracker.end(numbers[inside])
        return rows

    def _stop_at_others(self, numbers: npt.NDArray[np.int64], rows: Records, others: Records | None) -> Records:
        """End the tracks that have been on another one's feature for a while."""
        known = rows if others is None else others
        known = known[is_marker(known)]
        valid = is_marker(rows)
        suspects = valid if self._meeting else valid & np.isin(rows["track"], list(self._returned))
        met: dict[int, tuple[int, int]] = {}
        if len(known) and suspects.any():
            distances = np.linalg.norm(rows["position"][suspects][:, None] - known["position"], axis=2)
            distances[rows["track"][suspects][:, None] == known["track"]] = np.inf
            near = distances.min(1) < _SAME
            others_met = known["track"][distances.argmin(1)]
            for track, other in zip(rows["track"][suspects][near].tolist(), others_met[near].tolist(), strict=True):
                before, times = self._met.get(track, (other, 0))
                met[track] = (other, times + 1 if before == other else 1)
        self._met = met
        ended = {track: other for track, (other, times) in met.items() if times >= _SAME_FOR}
        if ended:
            self.pairs += sorted(ended.items())
            stopped = valid & np.isin(rows["track"], list(ended))
            rows["reason"][stopped] = LostReason.SAME_FEATURE
            self._tracker.end(numbers[stopped])
        return rows

    def _note_losses(self, frame: int, numbers: npt.NDArray[np.int64], rows: Records) -> None:
        for number, reason in zip(numbers.tolist(), rows["reason"].tolist(), strict=True):
            if reason == LostReason.TRACKED:
                self._last_frame[number] = frame
            elif reason in _COMES_BACK:
                # what entered a mask has its last good place here
                self._lost[number] = frame if reason == LostReason.MASKED else self._last_frame[number]
        gone = numbers[~np.isin(rows["reason"], [LostReason.TRACKED, *_COMES_BACK])].tolist()
        gone += [number for number, last in self._lost.items() if abs(frame - last) > _REMEMBERED]
        self._forget(np.array(gone, np.int64))

    def _forget(self, numbers: npt.NDArray[np.int64]) -> None:
        for number in numbers.tolist():
            self._lost.pop(number, None)
            self._last_frame.pop(number, None)
        self._done += numbers.tolist()
        if len(self._done) > _DONE_AT_ONCE:
            self._tracker.forget(self._done)
            self._done = []

    # -- coming back ----------------------------------------------------------------------------------------------

    def _look_for_lost(self, frame: int, excluded: Excluded | None) -> None:
        """Where should lost tracks be by now, as their neighbours have moved? Are they there?"""
        living, positions = self.living
        numbers, motions, reaches = [], [], []
        for number, last in sorted(self._lost.items()):
            if last == frame:
                continue
            then = self.records[last]
            place = then["position"][then["track"] == self._tracks[number]][0]
            moved = _neighbours_motion(then[is_marker(then)], place, living, positions)
            if moved is None or not self._may_be_at(moved[0][:2] @ (*place, 1.0), excluded):
                continue
            numbers.append(number)
            motions.append(moved[0])
            reaches.append(moved[1])
        if not numbers:
            return
        found = self._tracker.wake(numbers, np.array(motions), np.array(reaches))
        rows = recorded(found, self._tracks[found.track])
        if excluded is not None:
            rows = self._stop_at_masks(found.track, rows, excluded)
        back = is_marker(rows)
        masked = rows["reason"] == LostReason.MASKED
        self._add(frame, rows[back | masked])
        for number in found.track[masked].tolist():
            self._lost[number] = frame
        for number in found.track[back].tolist():
            del self._lost[number]
            self._last_frame[number] = frame
            self._returned.add(int(self._tracks[number]))

    def _may_be_at(self, place: npt.NDArray[np.float64], excluded: Excluded | None) -> bool:
        return excluded is None or not is_excluded(excluded, place[None])[0]

    # -- keeping --------------------------------------------------------------------------------------------------

    def _add(self, frame: int, rows: Records) -> None:
        self.records[frame] = joined([self.records[frame], rows]) if frame in self.records else rows

    def _row_type(self) -> np.dtype[np.void]:
        return joined([]).dtype

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Everything but records and pairs: plain JSON values, and arrays."""
        plain = {
            "lost": sorted(self._lost.items()),
            "last_frame": sorted(self._last_frame.items()),
            "met": [(track, *met) for track, met in sorted(self._met.items())],
            "returned": sorted(self._returned),
            "done": self._done,
            "frames": self._frames,
        }
        return plain, {"tracks": self._tracks, **self._tracker.state()}

    def restore(
        self, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], frame: int, pyramid: Pyramid
    ) -> None:
        """Go on from a :meth:`state` that was saved after ``frame``; those two are the caller's."""
        self._lost = dict(plain["lost"])
        self._last_frame = dict(plain["last_frame"])
        self._met = {track: (other, times) for track, other, times in plain["met"]}
        self._returned = set(plain["returned"])
        self._done = plain["done"]
        self._frames = plain["frames"]
        self._tracks = arrays["tracks"]
        self._tracker = Tracker.restored(arrays, self._options, frame, pyramid)


def entry_margin(excluded: Excluded | None, pattern_size: int) -> Excluded | None:
    """Where a marker may not be: on what is left out, or so near that half of its pattern's reach lies on it."""
    return None if excluded is None else grown(excluded, pattern_size / 4)


def detection_margin(excluded: Excluded | None, pattern_size: int) -> Excluded | None:
    """Where no feature may be: no part of its pattern is to lie on what is left out."""
    return None if excluded is None else grown(excluded, pattern_size / 2)


def _neighbours_motion(
    then: Records, place: npt.NDArray[np.float64], living: npt.NDArray[np.int64], positions: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], float] | None:
    """The affine motion (3, 3) of what surrounded a place, and how far off it may be, px; None: nobody knows."""
    _, before, now = np.intersect1d(then["track"], living, return_indices=True)
    if len(before) < _LEAST_NEIGHBOURS:
        return None
    nearest = np.argsort(np.linalg.norm(then["position"][before] - place, axis=1), kind="stable")[:_NEIGHBOURS]
    source, target = then["position"][before[nearest]], positions[now[nearest]]
    kept = np.ones(len(source), bool)
    for _ in range(3):
        design = np.column_stack([source - place, np.ones(len(source))])
        solution, *_ = np.linalg.lstsq(design[kept], target[kept], rcond=None)
        misses = np.linalg.norm(design @ solution - target, axis=1)
        typical = float(np.median(misses))
        kept = misses <= max(3 * typical, 0.5)
    if typical > _DISAGREEING:
        return None
    motion = np.eye(3)
    motion[:2, :2] = solution[:2].T
    motion[:2, 2] = solution[2] - solution[:2].T @ place
    return motion, float(np.clip(4 * typical, _TIGHT, _WIDE))
