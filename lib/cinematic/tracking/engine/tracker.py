"""Frames in, markers out: all tracks, each with a pattern as large as its texture asks for.

Patterns are of two sizes, and each size has a tracker of its own (:mod:`.sized_tracker`). Here tracks wait for their
frame, get their size when it comes, and have one numbering. Memory is linear in the number of tracks and does not grow
with the number of frames: two frames are held.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ParameterError
from .pyramid import Pyramid, build_pyramid
from .sized_tracker import SizedTracker
from .texture import deviations
from .threads import use_threads
from .types import FrameMarkers, Seeds, TrackOptions, no_markers, odd_size

_FAINT = 0.15  # pixels by which grain may move a pattern before a larger one is taken
_WAITING = -1  # the home of a track that has not begun


def track(
    frames: Iterable[tuple[int, np.ndarray]], seeds: Seeds, options: TrackOptions | None = None
) -> Iterator[FrameMarkers]:
    """Track seeds through frames, one result per frame, as the frames come.

    Parameters
    ----------
    frames : iterable of (frame number, luminance)
        In the order to track: forwards or backwards. Luminance is float (height, width), display-like, about 0..1;
        all of one size. Each track begins when its seed's frame comes; what came before is none of its business.
    seeds : Seeds
        Where tracks begin. No seeds at all is fine: every frame then brings an empty result.
    options : TrackOptions

    Yields
    ------
    FrameMarkers
        A track that is lost is reported once, with the reason.

    Raises
    ------
    ParameterError
        A frame is no luminance image, or its size differs from the first one's.
    """
    tracker = Tracker(seeds, options)
    for number, image in frames:
        yield tracker.step(number, image)


class Tracker:
    """The state of n tracks between two frames. Feed it frames with :meth:`step`.

    Tracks may be added (:meth:`extend`), ended, looked for again (:meth:`wake`) and forgotten between two frames. They
    are numbered from 0 in the order in which they came.
    """

    def __init__(self, seeds: Seeds, options: TrackOptions | None = None) -> None:
        self.options = options or TrackOptions()
        self._sized = [SizedTracker(each) for each in _options_by_size(self.options)]
        self._numbers = [np.zeros(0, np.int64) for _ in self._sized]  # of each: its own number of a track -> ours
        self._home = np.zeros(0, np.int8)  # (n,) which of them has the track
        self._own = np.zeros(0, np.int64)  # (n,) that one's number of it
        self._waiting = _Waiting()
        self._frame: int | None = None  # the number of the last frame
        self._previous: Pyramid | None = None
        self._previous_is_own = False  # built here, so that its memory may be used again
        self._spare: Pyramid | None = None
        self._append(seeds)

    @classmethod
    def restored(
        cls, state: Mapping[str, np.ndarray], options: TrackOptions, frame: int, image: np.ndarray | Pyramid
    ) -> Tracker:
        """The tracker whose :meth:`state` was saved after it had taken ``frame``; goes on exactly as that one would."""
        tracker = cls(Seeds(frame, np.zeros((0, 2))), options)
        own = not isinstance(image, Pyramid)
        pyramid = image if isinstance(image, Pyramid) else build_pyramid(image)
        tracker._frame, tracker._previous, tracker._previous_is_own = frame, pyramid, own
        tracker._home, tracker._own = state["home"], state["own"]
        tracker._waiting = _Waiting.restored(state)
        for home, each in enumerate(_options_by_size(options)):
            its_own = {name.removeprefix(f"{home} "): array for name, array in state.items()}
            tracker._sized[home] = SizedTracker.restored(its_own, each, frame, pyramid)
            tracker._numbers[home] = state[f"{home} numbers"]
        return tracker

    def state(self) -> dict[str, np.ndarray]:
        """All of it but the last frame, as arrays of numbers and text; for :meth:`restored`."""
        arrays: dict[str, npt.NDArray[Any]] = {"home": self._home, "own": self._own, **self._waiting.state()}
        for home, sized in enumerate(self._sized):
            arrays |= {f"{home} {name}": array for name, array in sized.state().items()}
            arrays[f"{home} numbers"] = self._numbers[home]
        return arrays

    @property
    def alive(self) -> np.ndarray:
        """(n,) Which tracks have a marker in the last frame, by their numbers; n tracks ever were."""
        alive = np.zeros(len(self._home), bool)
        alive[self.living[0]] = True
        return alive

    @property
    def living(self) -> tuple[np.ndarray, np.ndarray]:
        """(k,) numbers of the tracks that have a marker in the last frame, and (k, 2) where it is, pixels."""
        found = [sized.living for sized in self._sized]
        numbers = np.concatenate([ours[own] for ours, (own, _) in zip(self._numbers, found, strict=True)])
        order = np.argsort(numbers)
        return numbers[order], np.concatenate([places for _, places in found])[order]

    @property
    def is_smeared(self) -> bool:
        """Whether the last frame is smeared by the camera's motion: no good one to begin tracks on."""
        return any(sized.is_smeared for sized in self._sized)

    def step(self, frame: int, image: np.ndarray | Pyramid) -> FrameMarkers:
        """Take the next frame: move every living track to it, then begin the tracks whose seed it is.

        ``image`` may be a :class:`.pyramid.Pyramid`, so that several trackers (of different pattern sizes) can share
        the work of preparing a frame. An image is kept until the next one has come; do not write to it before.
        """
        with use_threads(self.options.threads):
            own = not isinstance(image, Pyramid)
            current = image if isinstance(image, Pyramid) else build_pyramid(image, self._spare)
            self._check_size(frame, current)
            moved = [self._named(home, sized.step(frame, current)) for home, sized in enumerate(self._sized)]
            self._spare = self._previous if self._previous_is_own else None
            self._frame, self._previous, self._previous_is_own = frame, current, own
            return _joined(frame, [*moved, *self._begin(frame, current)])

    def extend(self, seeds: Seeds) -> FrameMarkers:
        """Take in further tracks, numbered on from the last; the first markers of those that the last frame starts.

        The others begin when their frame comes.
        """
        self._append(seeds)
        if self._previous is None or self._frame is None:
            return no_markers(0)
        with use_threads(self.options.threads):
            return _joined(self._frame, self._begin(self._frame, self._previous))

    def end(self, tracks: npt.ArrayLike) -> None:
        """Track these no further. They can be found again with :meth:`wake` until they are forgotten."""
        tracks = self._checked(tracks)
        for home, sized in enumerate(self._sized):
            sized.end(self._own[tracks[self._home[tracks] == home]])
        self._waiting.drop(tracks)

    def forget(self, tracks: npt.ArrayLike) -> None:
        """Let go of all that is known of these; their numbers are not used again."""
        tracks = self._checked(tracks)
        for home, sized in enumerate(self._sized):
            sized.forget(self._own[tracks[self._home[tracks] == home]])
        self._waiting.drop(tracks)

    def wake(self, tracks: npt.ArrayLike, motions: np.ndarray, reach: np.ndarray) -> FrameMarkers:
        """Look for lost tracks in the last frame: what their first patterns show, where they should be by now.

        Parameters
        ----------
        tracks : int (k,)
            Numbers of tracks that have had a marker and are not alive.
        motions : float64 (k, 3, 3)
            Homographies from the frame of each track's last marker to the last frame, such as its neighbours moved by.
        reach : float64 (k,)
            How far from where its motion takes it a track may be found, pixels.

        Returns
        -------
        FrameMarkers
            Of all k tracks, in the order of their numbers. Those that are found are alive again, by their first
            reference; the others stay as they were.
        """
        tracks, motions, reach = self._checked(tracks), np.asarray(motions, np.float64), np.asarray(reach)
        if self._frame is None or (self._home[tracks] == _WAITING).any():
            raise ParameterError("expected tracks that have begun and are not alive")
        found = []
        with use_threads(self.options.threads):
            for home, sized in enumerate(self._sized):
                chosen = self._home[tracks] == home
                woken = sized.wake(self._own[tracks[chosen]], motions[chosen], reach[chosen])
                found.append(self._named(home, woken))
        return _joined(self._frame, found)

    # -- beginning ------------------------------------------------------------------------------------------------

    def _append(self, seeds: Seeds) -> None:
        first, count = len(self._home), len(seeds)
        self._home = np.concatenate([self._home, np.full(count, _WAITING, np.int8)])
        self._own = np.concatenate([self._own, np.zeros(count, np.int64)])
        self._waiting.add(np.arange(first, first + count), seeds, self.options)

    def _begin(self, frame: int, current: Pyramid) -> list[FrameMarkers]:
        """Begin the tracks that have waited for this frame, each with a pattern of the size that fits."""
        waited = self._waiting.taken(frame)
        numbers, homes = waited["number"], self._fitting_sizes(current, waited["positions"])
        begun = []
        for home, sized in enumerate(self._sized):
            chosen = np.flatnonzero(homes == home)
            if not len(chosen):
                continue
            known = self._numbers[home]
            self._home[numbers[chosen]] = home
            self._own[numbers[chosen]] = np.arange(len(known), len(known) + len(chosen))
            self._numbers[home] = np.concatenate([known, numbers[chosen]])
            begun.append(self._named(home, sized.begin(_seeds(waited, chosen))))
        return begun

    def _fitting_sizes(self, current: Pyramid, positions: np.ndarray) -> np.ndarray:
        """(n,) 1 where a larger pattern is wanted and lies on the frame, else 0."""
        if len(self._sized) == 1 or not len(positions):
            return np.zeros(len(positions), np.int64)
        small, large = (sized.grid.radius for sized in self._sized)
        centres, corner = np.rint(positions), np.array([current.width, current.height]) - 1
        fits = ((centres >= large) & (centres <= corner - large)).all(1)
        faint = deviations(current, 2 * int(small) + 1, positions) > _FAINT
        return (fits & faint).astype(np.int64)

    # -- small things ---------------------------------------------------------------------------------------------

    def _named(self, home: int, markers: FrameMarkers) -> FrameMarkers:
        """The same with our numbers of the tracks."""
        return replace(markers, track=self._numbers[home][markers.track])

    def _checked(self, tracks: npt.ArrayLike) -> npt.NDArray[np.int64]:
        numbers = np.asarray(tracks, np.int64).reshape(-1)
        known = (numbers >= 0) & (numbers < len(self._home))
        if not known.all():
            raise ParameterError(f"expected tracks in 0..{len(self._home) - 1}, got {numbers[~known].tolist()}")
        return numbers

    def _check_size(self, frame: int, current: Pyramid) -> None:
        previous = self._previous
        if previous is not None and (previous.width, previous.height) != (current.width, current.height):
            raise ParameterError(
                f"expected frame {frame} to be {previous.width}x{previous.height} like the frames before it, "
                f"got {current.width}x{current.height}"
            )


class _Waiting:
    """Seeds whose frame has not come yet."""

    def __init__(self) -> None:
        self._columns: dict[str, npt.NDArray[Any]] = {
            "number": np.zeros(0, np.int64), "frames": np.zeros(0, np.int64), "positions": np.zeros((0, 2)),
            "motion_models": np.zeros(0, "<U11"), "pattern_matches": np.zeros(0, "<U10"),
            "correlation_mins": np.zeros(0),
        }  # fmt: skip

    @classmethod
    def restored(cls, state: Mapping[str, np.ndarray]) -> _Waiting:
        waiting = cls()
        waiting._columns = {name: state[f"waiting {name}"] for name in waiting._columns}
        return waiting

    def state(self) -> dict[str, npt.NDArray[Any]]:
        return {f"waiting {name}": column for name, column in self._columns.items()}

    def add(self, numbers: npt.NDArray[np.int64], seeds: Seeds, options: TrackOptions) -> None:
        models, matches, minima = seeds.settings(options)
        new: dict[str, Any] = {
            "number": numbers,
            "frames": seeds.frames,
            "positions": seeds.positions,
            "motion_models": models,
            "pattern_matches": matches,
            "correlation_mins": minima,
        }
        for name, column in self._columns.items():
            self._columns[name] = np.concatenate([column, np.asarray(new[name], column.dtype)])

    def taken(self, frame: int) -> dict[str, npt.NDArray[Any]]:
        """The columns of those that begin on this frame; they wait no longer."""
        begins = self._columns["frames"] == frame
        here = {name: column[begins] for name, column in self._columns.items()}
        self._keep(~begins)
        return here

    def drop(self, numbers: npt.NDArray[np.int64]) -> None:
        """These will not begin."""
        self._keep(~np.isin(self._columns["number"], numbers))

    def _keep(self, rows: npt.NDArray[np.bool_]) -> None:
        if not rows.all():
            self._columns = {name: column[rows] for name, column in self._columns.items()}


def _options_by_size(options: TrackOptions) -> list[TrackOptions]:
    """The same options for each size of pattern, the smaller one first."""
    larger = odd_size(options.pattern_growth * options.pattern_size)
    return [options] if larger <= options.pattern_size else [options, replace(options, pattern_size=larger)]


def _seeds(columns: Mapping[str, npt.NDArray[Any]], rows: np.ndarray) -> Seeds:
    return Seeds(
        columns["frames"][rows], columns["positions"][rows], columns["motion_models"][rows].tolist(),
        columns["pattern_matches"][rows].tolist(), columns["correlation_mins"][rows].tolist(),
    )  # fmt: skip


def _joined(frame: int, parts: Sequence[FrameMarkers]) -> FrameMarkers:
    """All results of one frame, in the order of the tracks."""
    parts = [part for part in parts if len(part)] or [no_markers(frame)]
    order = np.argsort(np.concatenate([part.track for part in parts]), kind="stable")
    names = [name for name in FrameMarkers.__dataclass_fields__ if name != "frame"]
    columns = {name: np.concatenate([getattr(part, name) for part in parts])[order] for name in names}
    return FrameMarkers(frame, **columns)
