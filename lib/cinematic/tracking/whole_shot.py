"""A whole shot: tracks on every frame, evenly spread, from the first frame to the last.

Two passes over the footage. Forwards, features are taken up wherever a part of the frame has no track; backwards, every
track goes on from the frame it began on, so that what was found late also covers what came before. Then pieces of one
feature are joined, bad ends and short pieces go, and of what is more than enough the shortest. At any frame the whole
state can be saved, and a run that goes on from there ends in the same result.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .checkpoint import Checkpoint, Saved, remove_checkpoint
from .coords import pixels_from_co
from .coverage import LEAST_PER_FRAME, Look, Wanted, covered, look, look_into_gaps, redundant, why_thin
from .engine import Pyramid, TrackOptions, build_pyramid
from .engine.threads import use_threads
from .footage import Luminance, find_footage
from .grid import Grid
from .klt import free_names, new_track
from .masks import Excluded, Exclusion, entry_margin
from .pieces import has_gap, join, median_life, reference_frames, trimmed, whole
from .pyramids import pyramids_ahead
from .records import Records, by_frame, fill, first_of_each, is_marker, joined
from .repeated_frames import repeated_frames
from .shots import Looked, Watch, looked_at
from .store import Store
from .sweep import Sweep
from .types import Coverage, Progress, TrackData

_SAVE_EVERY = 25  # frames

Places = Mapping[int, npt.NDArray[np.float64]]
"""(n, 2) px by plate frame."""


@dataclass(frozen=True)
class Job:
    """What is to be done."""

    first: int  # plate frames, both inclusive
    last: int
    wanted: Wanted
    settings: Mapping[str, Any]  # of new tracks: pattern_size, search_size, motion_model, ...
    least_markers: int  # a shorter stretch of a track is not worth having
    exclusion: Exclusion
    gaps: Places | None = None  # only cells without a track are filled, and not where tracks have failed; None: all
    threads: int | None = None
    on_progress: Callable[[Progress], object] | None = None
    checkpoint: Path | None = None  # the folder to save in; None: nothing is saved
    resume: bool = False


def cover(store: Store, job: Job) -> Coverage:
    """Cover the plate with tracks and put them into the store.

    When it is interrupted, the clip stays as it was; with a checkpoint the state is saved. An exception that
    ``on_progress`` raises ends the run at a frame's end, with everything saved up to there.
    """
    tracks, coverage = _tracked(store, job)
    store.write(tracks)
    return coverage


def find_for_gaps(store: Store, job: Job) -> list[TrackData]:
    """Tracks for the cells that lack one, ``job.gaps`` being given: more than are needed. The clip stays as it is."""
    return _tracked(store, job)[0]


def _tracked(store: Store, job: Job) -> tuple[list[TrackData], Coverage]:
    run = _Run(store, job)
    with use_threads(job.threads):
        run.load()
        run.forwards()
        run.backwards()
        return run.deliver()


class _Run:
    """The state of a run between two frames."""

    def __init__(self, store: Store, job: Job) -> None:
        self.store = store
        self.job = job
        self.footage = store.footage
        self.grid = Grid.of(store.size, job.wanted.target)
        self.held = _markers_there(store)
        self.watch = Watch()
        self.looks: dict[int, Look] = {}
        options = TrackOptions(pattern_size=job.settings["pattern_size"])
        self.forward = Sweep(options, job.settings, meeting=False)
        self.backward = Sweep(options, job.settings, meeting=True)
        self.count = 0  # tracks that ever began
        self.stage = "forwards"
        self.at: int | None = None  # the last frame of this stage that is done
        self._since_save = 0
        self._checkpoint = Checkpoint(job.checkpoint, self._identity()) if job.checkpoint else None

    # -- passes ---------------------------------------------------------------------------------------------------

    def forwards(self) -> None:
        """The first pass: go on, stop at cuts, look where tracks are wanting."""
        if self.stage != "forwards":
            return
        start = self.watch.again_from(self.job.first)
        with self.job.exclusion.reader(start, self.job.last) as masks:
            for looked in looked_at(self.footage.frames(start, self.job.last), self.watch):
                excluded = masks.on(looked.number)
                if looked.kind != "bad":
                    self._forward(looked, excluded)
                self._done(looked.number, self.forward)
        self._next_stage("backwards")

    def _forward(self, looked: Looked, excluded: Excluded | None) -> None:
        frame = looked.number
        if looked.kind == "cut":
            self.forward.end_shot(frame)
        self.forward.step(frame, looked.pyramid, self._forbidden(excluded))
        _, living = self.forward.living
        held = np.concatenate([living, self._held_on(frame)])
        if not self._wants_a_look(looked, held):
            return
        features, self.looks[frame] = self._look(frame, looked.image, held, excluded)
        self.forward.begin(frame, self._numbers(len(features)), features)

    def _held_on(self, frame: int) -> npt.NDArray[np.float64]:
        return self.held.get(frame, np.zeros((0, 2)))

    def _look(
        self, frame: int, image: Luminance, held: npt.NDArray[np.float64], excluded: Excluded | None
    ) -> tuple[npt.NDArray[np.float64], Look]:
        if self.job.gaps is None:
            return look(image, self.job.wanted, self.grid, held, excluded)
        avoided = self.job.gaps.get(frame, np.zeros((0, 2)))
        return look_into_gaps(image, self.job.wanted, self.grid, held, avoided, excluded)

    def _numbers(self, count: int) -> npt.NDArray[np.int64]:
        """For so many new tracks."""
        self.count += count
        return np.arange(self.count - count, self.count)

    def _wants_a_look(self, looked: Looked, held: npt.NDArray[np.float64]) -> bool:
        if looked.kind == "cut" or not self.looks:
            return True
        if self.forward.is_smeared:
            return False
        last = max(self.looks)
        live, since = self.grid.counted(held), looked.number - last
        return self.looks[last].wants(live, since, self.job.wanted.target, of_gaps=self.job.gaps is not None)

    def backwards(self) -> None:
        """The second pass: every track goes on from the frame it began on, towards the first one."""
        if self.stage != "backwards":
            return
        first = first_of_each(self._tracked_forwards())
        began = by_frame(first[is_marker(first)])
        start = self.job.last if self.at is None else self.at
        before = None if self.at is None else self._last_tracked(self.at)
        with self.job.exclusion.reader(self.job.first, start, backwards=True) as masks:
            for frame, pyramid in self._pyramids_backwards(start):
                excluded = masks.on(frame)
                if frame == self.at:
                    continue  # done already: only its pyramid was wanted
                if pyramid is not None:
                    cut = None if before is None else self._cut_between(frame, before)
                    if cut is not None:
                        self.backward.end_shot(frame)
                    self._backward(frame, pyramid, excluded, began)
                    if before is None or cut is not None:
                        self._look_at_end(frame, pyramid, excluded, cut)
                    before = frame
                self._done(frame, self.backward)
        self._next_stage("done")

    def _backward(self, frame: int, pyramid: Pyramid, excluded: Excluded | None, began: Mapping[int, Records]) -> None:
        self.backward.step(frame, pyramid, self._forbidden(excluded), self._found_forwards(frame))
        if frame in began:
            self.backward.begin(frame, began[frame]["track"].astype(np.int64), began[frame]["position"])

    def _look_at_end(self, frame: int, pyramid: Pyramid, excluded: Excluded | None, cut: int | None) -> None:
        """On the last frame of a shot, for what came into view too late for the first pass to have looked there."""
        found = self._found_forwards(frame)
        held = np.concatenate([found["position"][is_marker(found)], self._held_on(frame)])
        features, self.looks[frame] = self._look(frame, pyramid.image, held, excluded)
        rows = self.backward.begin(frame, self._numbers(len(features)), features)
        if cut is not None:
            began = rows[is_marker(rows)]
            self.backward.tell_of_cut(cut, began["track"], began["position"])

    def _found_forwards(self, frame: int) -> Records:
        return self.forward.records.get(frame, joined([]))

    def _cut_between(self, frame: int, before: int) -> int | None:
        """The first frame of the shot that ``before`` belongs to, where ``frame`` belongs to an earlier one."""
        return max((cut for cut in self.watch.cuts if frame < cut <= before), default=None)

    def _forbidden(self, excluded: Excluded | None) -> Excluded | None:
        return None if excluded is None else entry_margin(excluded, self.job.wanted.pattern_size)

    def _pyramids_backwards(self, start: int) -> Iterator[tuple[int, Pyramid | None]]:
        """Frames from ``start`` to the first, made ready (of bad ones: nothing); to be used until the next but one."""
        bad = set(self.watch.bad)
        frames = self.footage.frames(self.job.first, start, backwards=True)
        good = pyramids_ahead(each for each in frames if each[0] not in bad)
        for frame in range(start, self.job.first - 1, -1):
            yield (frame, None) if frame in bad else next(good)

    # -- the end --------------------------------------------------------------------------------------------------

    def deliver(self) -> tuple[list[TrackData], Coverage]:
        """Make tracks of it all, and say how the frames are covered."""
        forward, backward = self._tracked_forwards(), joined(self.backward.records.values())
        tracks = whole(forward, backward)
        pairs = [pair for pair in self.backward.pairs + self.forward.pairs if tracks.keys() >= set(pair)]
        parts = join(tracks, pairs)
        tracks = {number: trimmed(rows, self.job.least_markers, self.watch.bad) for number, rows in tracks.items()}
        tracks = {number: rows for number, rows in tracks.items() if len(rows)}
        if self.job.gaps is None:  # else some are still to fail: all are spares
            markers = {number: rows[is_marker(rows)] for number, rows in tracks.items()}
            places = {number: self.grid.places(rows["frame"], rows["position"]) for number, rows in markers.items()}
            for number in redundant(places, self.grid, self.job.wanted.target):
                del tracks[number]
        references = reference_frames(forward, backward)
        made = [
            self._track(rows, [references[part] for part in parts[number]]) for number, rows in sorted(tracks.items())
        ]
        for data, name in zip(made, free_names(self.store, len(made)), strict=True):
            data.name = name
        in_pieces = sum(len(parts[number]) > 1 or has_gap(rows, self.watch.bad) for number, rows in tracks.items())
        return made, self._coverage(tracks, in_pieces, repeated_frames(made, self.store.size))

    def _tracked_forwards(self) -> Records:
        """What came of the first pass, without what it followed through a dissolve before that had ended."""
        return joined(rows for frame, rows in self.forward.records.items() if frame not in self.watch.bad)

    def _track(self, rows: Records, references: list[int]) -> TrackData:
        markers = rows[is_marker(rows)]
        frames = set(markers["frame"].tolist())
        known = sorted(frame for frame in references if frame in frames) or [min(frames)]
        data = new_track(known[0], (0.0, 0.0), dict(self.job.settings))
        data.reference_frames = known
        fill(data, rows, self.store.size)
        return data

    def _coverage(self, tracks: Mapping[int, Records], joined_count: int, repeated: tuple[int, ...]) -> Coverage:
        markers = joined(rows[is_marker(rows)] for rows in tracks.values())
        frames = range(self.job.first, self.job.last + 1)
        counts = np.bincount(markers["frame"] - self.job.first, minlength=len(frames))
        per_frame = dict(zip(frames, counts.tolist(), strict=True))
        enough = min(LEAST_PER_FRAME, self.job.wanted.target)
        watch = self.watch
        looks = {frame: seen for frame, seen in sorted(self.looks.items()) if frame not in watch.bad}
        return Coverage(
            tracks=len(tracks),
            joined=joined_count,
            median_life=median_life(tracks),
            tracks_per_frame=per_frame,
            covered={
                frame: covered(seen, self.grid, markers["position"][markers["frame"] == frame])
                for frame, seen in looks.items()
            },
            thin_frames={
                frame: why_thin(frame, count, looks, watch.bad, watch.cuts)
                for frame, count in per_frame.items()
                if count < enough
            },
            cuts=tuple(watch.cuts),
            bad_frames=tuple(watch.bad),
            repeated_frames=repeated,
        )

    # -- going on later -------------------------------------------------------------------------------------------

    def load(self) -> None:
        """Take up what an earlier run has left, if that is wanted and there is something."""
        saved = self._checkpoint.load() if self._checkpoint and self.job.resume else None
        if saved is None:
            if self.job.checkpoint:
                remove_checkpoint(self.job.checkpoint)
            return
        plain = saved.plain
        self.stage, self.at, self.count = plain["stage"], plain["at"], plain["count"]
        self.watch = Watch(**plain["watch"])
        textured = saved.arrays["textured"]
        self.looks = {
            frame: Look(cells, excluded) for (frame, excluded), cells in zip(plain["looks"], textured, strict=True)
        }
        self._restore_sweeps(saved)

    def _restore_sweeps(self, saved: Saved) -> None:
        split = saved.plain["forward_records"]
        everything = joined(saved.records)
        self.forward.records = by_frame(everything[:split])
        self.backward.records = by_frame(everything[split:])
        for name, sweep in self._sweeps().items():
            sweep.pairs = [(a, b) for a, b in saved.plain["pairs"][name]]
        if self.at is None:
            return
        frame = self._last_tracked(self.at)
        pyramid = build_pyramid(self.footage.frame(frame))
        self._sweeps()[self.stage].restore(saved.plain["sweep"], saved.arrays, frame, pyramid)

    def _last_tracked(self, frame: int) -> int:
        """The last frame of this pass, up to this one, that was tracked: bad ones are skipped."""
        forwards = self.stage == "forwards"
        way_back = range(frame, self.job.first - 1, -1) if forwards else range(frame, self.job.last + 1)
        return next(each for each in way_back if each not in self.watch.bad)

    def _sweeps(self) -> dict[str, Sweep]:
        return {"forwards": self.forward, "backwards": self.backward}

    def _save(self) -> None:
        new = [rows for sweep in self._sweeps().values() for rows in sweep.take_new()]
        self._since_save = 0
        if self._checkpoint is None:
            return
        plain: dict[str, Any] = {
            "stage": self.stage,
            "at": self.at,
            "count": self.count,
            "watch": asdict(self.watch),
            "looks": [(frame, seen.excluded) for frame, seen in self.looks.items()],
            "forward_records": sum(map(len, self.forward.records.values())),
            "pairs": {name: sweep.pairs for name, sweep in self._sweeps().items()},
        }
        arrays: dict[str, npt.NDArray[Any]] = {"textured": np.array([seen.textured for seen in self.looks.values()])}
        if self.at is not None:
            plain["sweep"], state = self._sweeps()[self.stage].state()
            arrays |= state
        self._checkpoint.save(plain, arrays, joined(new))

    def _done(self, frame: int, sweep: Sweep) -> None:
        """A frame is done: say so, and save now and then."""
        self.at = frame
        self._since_save += 1
        if self._since_save >= _SAVE_EVERY:
            self._save()
        if self.job.on_progress is None:
            return
        frames = self.job.last - self.job.first + 1
        done = frame - self.job.first + 1 if sweep is self.forward else frames + self.job.last - frame + 1
        try:
            self.job.on_progress(Progress(frame, self.stage, done, 2 * frames, len(sweep.living[0])))
        except BaseException:
            self._save()
            raise

    def _next_stage(self, stage: str) -> None:
        self.stage, self.at = stage, None
        self._save()

    def _identity(self) -> dict[str, Any]:
        job = self.job
        identity = {
            "footage": find_footage(self.footage.path).stamp(),
            "frames": f"{job.first}-{job.last}",
            "wanted": asdict(job.wanted),
            "settings": dict(job.settings),
            "least_markers": job.least_markers,
            "masks": job.exclusion.told(),
            "tracks that were there": _digest(self.held),
        }
        return identity if job.gaps is None else identity | {"tracks that have failed": _digest(job.gaps)}


def _digest(places: Places) -> str:
    rows = (frame.to_bytes(8, "little") + held.tobytes() for frame, held in sorted(places.items()))
    return hashlib.sha256(b"".join(rows)).hexdigest()


def _markers_there(store: Store) -> dict[int, npt.NDArray[np.float64]]:
    """Where enabled tracks are already, by frame; px. New ones keep away from them."""
    places: dict[int, list[tuple[float, float]]] = {}
    for data in store.read():
        if data.enabled:
            for frame, co in data.markers.items():
                places.setdefault(frame, []).append(co)
    return {frame: pixels_from_co(held, store.size) for frame, held in places.items()}
