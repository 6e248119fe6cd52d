"""One pass over the footage, in one direction: tracks go on, are lost, come back, and stop where they may not be.

What comes of it are :mod:`.records`. Memory is that of the tracks alive, of those lost lately, and of the records.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .coords import lengths
from .engine import LostReason, Pyramid, Seeds, Tracker, TrackOptions
from .engine.places import inverted
from .engine.types import reason_table
from .masks import Excluded, is_excluded
from .order_statistics import known_median
from .records import COMES_BACK, RECORD, Records, is_marker, joined, recorded, stopped_by_mask

_REMEMBERED = 48  # frames for which a lost track is looked for
_LOOK_EVERY = 3  # frames
# What a check has stopped was about to follow something else, an occluder's edge above all. That is there still, and
# is taken for the feature: on rendered plates a quarter of those that were found again at once were wrong, later ones
# as seldom as those that had been hidden (one in fifteen).
_DOUBTED = (LostReason.FORWARD_BACKWARD, LostReason.SHAPE)
_GOES_ON = reason_table(LostReason.TRACKED, *COMES_BACK)
_WAIT = 12  # frames, in which these are looked for right where they should be only
_NARROW = 0.3  # px
_NEIGHBOURS = 12  # tracks that say how a lost one's surroundings have moved
_LEAST_NEIGHBOURS = 6
_VICINITY = 10 * _NEIGHBOURS  # tracks around a lost one, the nearest of which that live are its neighbours
_NOBODY = -1
_TIGHT, _WIDE = 1.5, 5.0  # px; how far from where its neighbours say a lost track may be found
_NEAR = 50.0  # px; about how far neighbours are
_DISAGREEING = 3.0  # px; neighbours that move like this, each its own way, say nothing
_SAME = 1.0  # px; two tracks this near to each other ...
_SAME_FOR = 3  # ... for so many frames in a row have the same feature


class _Vicinity(NamedTuple):
    """What was around a track when it was lost."""

    place: npt.NDArray[np.float64]  # (2,) of its last marker, px
    tracks: npt.NDArray[np.int64]  # (m,) those that had a marker there, the nearest first
    positions: npt.NDArray[np.float64]  # (m, 2) of these, px


class Sweep:
    """The tracks of one pass. ``records`` holds what came, frame by frame; ``pairs`` who has whose feature.

    The engine numbers its tracks as they come; outside, and in the records, each has the number it was given.
    """

    def __init__(self, options: TrackOptions, settings: Mapping[str, Any], *, meeting: bool) -> None:
        self.records: dict[int, Records] = {}
        self.pairs: list[tuple[int, int]] = []  # (a track that met another one's feature, and stopped; that other one)
        self._new: list[Records] = []
        self._options = options
        self._settings = settings
        self._meeting = meeting  # all tracks may meet another one's feature, and not only those that came back
        self._tracker = Tracker(Seeds(0, np.zeros((0, 2))), options)
        self._tracks = np.zeros(0, np.int64)  # the engine's number -> ours
        self._lost: dict[int, int] = {}  # the engine's number -> frame of its last marker
        self._vicinities: dict[int, _Vicinity] = {}  # of lost tracks, by the engine's number
        self._doubted: set[int] = set()  # the engine's numbers of those lost ones that a check has stopped
        self._last_frame: dict[int, int] = {}  # of the living: the frame of the last marker
        self._met: dict[int, tuple[int, int]] = {}  # ours -> (another one's, for how many frames)
        self._returned: set[int] = set()  # ours; came back in this pass
        self._frames = 0

    @property
    def living(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """(n,) numbers and (n, 2) positions, px, of the tracks alive."""
        numbers, positions = self._tracker.living
        return self._tracks[numbers], positions

    @property
    def is_smeared(self) -> bool:
        """See :attr:`.engine.Tracker.is_smeared`."""
        return self._tracker.is_smeared

    def end_shot(self, frame: int) -> None:
        """Nothing goes on over a cut: ``frame`` is the first one behind it."""
        numbers, positions = self._tracker.living
        self.tell_of_cut(frame, self._tracks[numbers], positions)
        self._tracker.end(numbers)
        self._forget(np.concatenate([numbers, np.array(sorted(self._lost), np.int64)]))

    def tell_of_cut(self, frame: int, tracks: npt.NDArray[np.int64], positions: npt.NDArray[np.float64]) -> None:
        """Record that tracks end at a cut, without a marker on ``frame``; they were at ``positions`` beside it."""
        rows = np.zeros(len(tracks), RECORD)
        rows["track"], rows["frame"], rows["reason"], rows["position"] = tracks, frame, LostReason.CUT, positions
        self._add(frame, rows)

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
        """Mute the markers on what is left out."""
        rows["reason"], entered = stopped_by_mask(rows["reason"], rows["position"], excluded)
        self._tracker.end(numbers[entered])
        for number, frame in zip(numbers[entered].tolist(), rows["frame"][entered].tolist(), strict=True):
            self._lost[number] = frame  # its last place is known here
        return rows

    def _stop_at_others(self, numbers: npt.NDArray[np.int64], rows: Records, others: Records | None) -> Records:
        """End the tracks that have been on another one's feature for a while."""
        known = rows if others is None else others
        known = known[is_marker(known)]
        valid = is_marker(rows)
        suspects = valid if self._meeting else valid & np.isin(rows["track"], list(self._returned))
        met: dict[int, tuple[int, int]] = {}
        if len(known) and suspects.any():
            distances = lengths(rows["position"][suspects][:, None] - known["position"])
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
            elif reason in COMES_BACK:
                self._lost.setdefault(number, self._last_frame[number])
                if reason in _DOUBTED:
                    self._doubted.add(number)
        gone = numbers[~_GOES_ON[rows["reason"]]].tolist()
        gone += [number for number, last in self._lost.items() if abs(frame - last) > _REMEMBERED]
        self._forget(np.array(gone, np.int64))

    def _forget(self, numbers: npt.NDArray[np.int64]) -> None:
        for number in numbers.tolist():
            self._lost.pop(number, None)
            self._vicinities.pop(number, None)
            self._doubted.discard(number)
            self._last_frame.pop(number, None)
        self._tracker.forget(numbers)

    # -- coming back ----------------------------------------------------------------------------------------------

    def _look_for_lost(self, frame: int, excluded: Excluded | None) -> None:
        """Where should lost tracks be by now, as their neighbours have moved? Are they there?"""
        numbers = np.array([number for number, last in sorted(self._lost.items()) if last != frame], np.int64)
        if not len(numbers):
            return
        places, sources, targets = self._surroundings(numbers)
        motions, reach = _motions(places, sources, targets)
        expected = np.einsum("kij,kj->ki", motions, np.column_stack([places, np.ones(len(places))]))[:, :2]
        doubted = [n in self._doubted and abs(frame - self._lost[n]) <= _WAIT for n in numbers.tolist()]
        reach = np.where(doubted, np.minimum(reach, _NARROW), reach)
        wanted = reach > 0
        if excluded is not None:
            wanted[wanted] = ~is_excluded(excluded, expected[wanted])
        if not wanted.any():
            return
        numbers, motions, reach = numbers[wanted], motions[wanted], reach[wanted]
        found = self._tracker.wake(numbers, motions, reach)
        numbers, rows = found.track[found.tracked], recorded(found, self._tracks[found.track])[found.tracked]
        for number in numbers.tolist():
            del self._lost[number]
            self._vicinities.pop(number, None)
            self._doubted.discard(number)
        if excluded is not None:
            rows = self._stop_at_masks(numbers, rows, excluded)
        self._add(frame, rows)
        back = numbers[is_marker(rows)]
        self._last_frame |= dict.fromkeys(back.tolist(), frame)
        self._returned |= set(self._tracks[back].tolist())

    def _surroundings(
        self, numbers: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Where lost tracks were (k, 2), and where their neighbours were then and are now (k, neighbours, 2); px.

        NaN where there are not so many neighbours.
        """
        living, positions = self.living
        row_of = np.full(int(self._tracks.max()) + 1, _NOBODY)  # of the living
        row_of[living] = np.arange(len(living))
        vicinities = [self._vicinity_of(number) for number in numbers.tolist()]
        tracks = np.full((len(numbers), _VICINITY), _NOBODY)
        around = np.full((len(numbers), _VICINITY, 2), np.nan)
        for row, each in enumerate(vicinities):
            tracks[row, : len(each.tracks)], around[row, : len(each.tracks)] = each.tracks, each.positions
        now = np.where(tracks == _NOBODY, _NOBODY, row_of[tracks])
        nearest = np.argsort(now == _NOBODY, axis=1, kind="stable")[:, :_NEIGHBOURS]  # the living first
        now = np.take_along_axis(now, nearest, axis=1)
        alive = (now != _NOBODY)[..., None]
        sources = np.where(alive, np.take_along_axis(around, nearest[..., None], axis=1), np.nan)
        targets = np.where(alive, positions[now], np.nan) if len(living) else np.full_like(sources, np.nan)
        return np.array([each.place for each in vicinities]), sources, targets

    def _vicinity_of(self, number: int) -> _Vicinity:
        """Of a lost track, sought but once."""
        if number in self._vicinities:
            return self._vicinities[number]
        then, own = self.records[self._lost[number]], int(self._tracks[number])
        place = then["position"][np.argmax(then["track"] == own)]
        there = is_marker(then)
        positions = then["position"][there]
        nearest = np.argsort(lengths(positions - place), kind="stable")[:_VICINITY]
        found = _Vicinity(place, then["track"][there][nearest].astype(np.int64), positions[nearest])
        self._vicinities[number] = found
        return found

    # -- keeping --------------------------------------------------------------------------------------------------

    def _add(self, frame: int, rows: Records) -> None:
        self.records[frame] = joined([self.records[frame], rows]) if frame in self.records else rows
        self._new.append(rows)

    def take_new(self) -> list[Records]:
        """The records that came since this was asked last."""
        new, self._new = self._new, []
        return new

    def state(self) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
        """Everything but records and pairs: plain JSON values, and arrays."""
        plain = {
            "lost": sorted(self._lost.items()),
            "doubted": sorted(self._doubted),
            "last_frame": sorted(self._last_frame.items()),
            "met": [(track, *met) for track, met in sorted(self._met.items())],
            "returned": sorted(self._returned),
            "frames": self._frames,
        }
        return plain, {"tracks": self._tracks, **self._tracker.state()}

    def restore(
        self, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], frame: int, pyramid: Pyramid
    ) -> None:
        """Go on from a :meth:`state` that was saved after ``frame``; those two are the caller's."""
        self._lost = dict(plain["lost"])
        self._doubted = set(plain["doubted"])
        self._last_frame = dict(plain["last_frame"])
        self._met = {track: (other, times) for track, other, times in plain["met"]}
        self._returned = set(plain["returned"])
        self._frames = plain["frames"]
        self._tracks = arrays["tracks"]
        self._tracker = Tracker.restored(arrays, self._options, frame, pyramid)


def _motions(
    places: npt.NDArray[np.float64], sources: npt.NDArray[np.float64], targets: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The affine motion (k, 3, 3) of what surrounds each place, and how far off it may be (k,), px; 0: nobody knows.

    Least squares, thrice, without those neighbours that go their own way.
    """
    known = np.isfinite(sources[..., 0])
    enough = known.sum(1) >= _LEAST_NEIGHBOURS
    scale = np.array([_NEAR, _NEAR, 1.0])
    design = np.concatenate([sources - places[:, None], np.ones((*known.shape, 1))], axis=2) / scale
    design[~known] = 0.0
    goals = np.where(known[..., None], targets, 0.0)
    weights = known.astype(np.float64)
    for _ in range(3):
        weighted = design * weights[..., None]
        gram = weighted.transpose(0, 2, 1) @ design + 1e-6 * np.eye(3)  # neighbours in a row
        solution = inverted(gram) @ (weighted.transpose(0, 2, 1) @ goals)
        misses = lengths(design @ solution - goals)
        misses[~known] = np.nan
        typical = known_median(np.where(enough[:, None], misses, 0.0).T)
        weights = (known & (misses <= np.maximum(3 * typical, 0.5)[:, None])).astype(np.float64)
    solution = solution / scale[:, None]
    motions = np.tile(np.eye(3), (len(places), 1, 1))
    motions[:, :2, :2] = solution[:, :2].transpose(0, 2, 1)
    motions[:, :2, 2] = solution[:, 2] - np.einsum("kij,kj->ki", motions[:, :2, :2], places)
    reach = np.clip(4 * typical, _TIGHT, _WIDE)
    return motions, np.where(enough & (typical <= _DISAGREEING), reach, 0.0)
