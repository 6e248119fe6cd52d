"""The engine "klt": our own, on either kind of clip. It reads the footage itself and hands back plain data."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from .clip import Clip, names_like
from .coords import Size, co_from_pixels, co_offsets_from_pixels, pixels_from_co
from .engine import FrameMarkers, LostReason, Seeds, Tracker, TrackOptions
from .engine import detect as detect_patterns
from .engine.threads import use_threads
from .errors import TrackingError
from .masks import Excluded, Exclusion, detection_margin, entry_margin
from .passes import Candidate, Pass, Search, Span, State, nothing_to_track, plan_passes, reached
from .pyramids import pyramids_ahead
from .records import stopped_by_mask
from .store import Store
from .types import Point, TrackData, as_float32, pattern_size


def detect(
    store: Store, frame: int, search: Search, track_settings: dict[str, Any], excluded: Excluded | None = None
) -> int:
    """Detect features on one frame, away from the enabled markers that are on it; the number of tracks created."""
    image = store.footage.frame(frame)
    existing = [data.markers[frame] for data in store.read() if data.enabled and frame in data.markers]
    blocked = pixels_from_co(existing, store.size) if existing else None
    allowed = None if excluded is None else ~detection_margin(excluded, track_settings["pattern_size"])
    positions = np.empty((0, 2))
    for threshold in search.thresholds:
        found = detect_patterns(
            image,
            pattern_size=track_settings["pattern_size"],
            threshold=threshold,
            margin=search.margin,
            min_distance=max(1, search.min_distance),
            mask=allowed,
            existing=blocked,
            max_bluntness=np.inf,
        )
        sharp = int((~found.is_blunt).sum())
        positions = found.positions[: max(sharp, search.min_features)]  # the blunt ones come last
        if sharp >= search.min_features:
            break
    tracks = [new_track(frame, co, track_settings) for co in co_from_pixels(positions, store.size)]
    for data, name in zip(tracks, free_names(store, len(tracks)), strict=True):
        data.name = name
    store.write(tracks)
    return len(tracks)


def add(clip: Clip, frame: int, co: Point, name: str | None, track_settings: dict[str, Any]) -> TrackData:
    """A new track with one marker, set by hand."""
    data = new_track(frame, co, track_settings)
    data.name, data.by_hand = name or data.name, True
    return clip.tracks.add(data)


def track(
    store: Store,
    span: Span,
    threads: int | None = None,
    on_frame: Callable[[int], object] | None = None,
    exclusion: Exclusion | None = None,
) -> tuple[int, int, bool]:
    """Track every unlocked, enabled track over a span; one pass over the footage.

    When it is interrupted, or the footage breaks off, the clip stays as it was.

    Parameters
    ----------
    threads
        Default: all cores. The result is the same.
    on_frame
        Called with each frame number as it is done.
    exclusion
        Markers that come to lie there are muted, and their tracks end.

    Returns
    -------
    tracks, frames, finished
        See :func:`.passes.reached`.

    Raises
    ------
    TrackingError
        There is nothing to track.
    FootageError
        The footage cannot be read.
    """
    tracks = {data.name: data for data in store.read()}
    candidates = [
        Candidate(data.name, list(data.markers), data.reference_frames)
        for data in tracks.values()
        if data.enabled and not data.locked
    ]
    passes = plan_passes(candidates, span)
    if not passes:
        states = [State(data.locked, data.enabled) for data in tracks.values()]
        raise TrackingError(nothing_to_track(store.name, states, span))
    groups = _groups(tracks, passes, span, store.size)
    with use_threads(threads):
        _run(store, groups, passes, span, on_frame, exclusion or Exclusion(store.size))
    for group in groups:
        group.apply(tracks, span, store.size)
    store.write(tracks[name] for each in passes for name in each.names)
    return reached(passes, {name: set(data.markers) for name, data in tracks.items()}, span)


def new_track(frame: int, co: npt.ArrayLike, settings: dict[str, Any]) -> TrackData:
    """A track with one marker, ready to be tracked."""
    pattern, search = settings["pattern_size"], settings["search_size"]
    x, y = as_float32(co)
    return TrackData(
        markers={frame: (x, y)},
        pattern_area=(-pattern / 2, -pattern / 2, pattern, pattern),
        search_area=(-search / 2, -search / 2, search, search),
        motion_model=settings["motion_model"],
        pattern_match=settings["pattern_match"],
        correlation_min=settings["correlation_min"],
        reference_frames=[frame],
    )


def free_names(store: Store, count: int, taken: Iterable[str] = ()) -> list[str]:
    """Names for new tracks, by Blender's rule; none of ``taken``, either."""
    taken = {data.name for data in store.read()} | set(taken)
    return list(islice((name for name in names_like("Track") if name not in taken), count))


class _Group:
    """Tracks with patterns of one size: one engine's tracker."""

    def __init__(self, names: Sequence[str], starts: Sequence[int], tracker: Tracker) -> None:
        self.names = names
        self.starts = starts
        self.tracker = tracker
        self.results: list[FrameMarkers] = []

    def step(self, frame: int, pyramid: Any, excluded: Excluded | None) -> None:
        """One frame on."""
        result = self.tracker.step(frame, pyramid)
        self.results.append(result if excluded is None else self._stop_at_masks(result, excluded))

    def _stop_at_masks(self, result: FrameMarkers, excluded: Excluded) -> FrameMarkers:
        forbidden = entry_margin(excluded, self.tracker.options.pattern_size)
        reasons, entered = stopped_by_mask(result.reason, result.position, forbidden)
        begun = np.array([self.starts[track] == result.frame for track in result.track], bool)
        self.tracker.end(result.track[entered & ~begun])
        return replace(result, reason=np.where(begun, result.reason, reasons))

    def is_done(self, frame: int, backwards: bool) -> bool:
        """No track is alive, and none is still to begin."""
        waiting = any(start < frame if backwards else start > frame for start in self.starts)
        return not waiting and not self.tracker.alive.any()

    def apply(self, tracks: dict[str, TrackData], span: Span, size: Size) -> None:
        """Write the results into the tracks, in place of what an earlier run left on the same way."""
        for name, start in zip(self.names, self.starts, strict=True):
            _forget_way(tracks[name], start, span.goal(start))
        own = [tracks[name] for name in self.names]
        for result in self.results:
            _apply_frame(result, own, self.starts, span, size)
        for name in self.names:
            values = list(tracks[name].correlations.values())
            tracks[name].correlation = float(np.mean(values)) if values else None


def _groups(tracks: dict[str, TrackData], passes: Iterable[Pass], span: Span, size: Size) -> list[_Group]:
    by_size: dict[int, list[tuple[str, int]]] = defaultdict(list)
    for each in passes:
        if each.start != span.end:  # else it stands at the end already
            for name in each.names:
                by_size[pattern_size(tracks[name].pattern_area)].append((name, each.start))
    groups = []
    for side, members in by_size.items():
        data = [tracks[name] for name, _ in members]
        starts = [start for _, start in members]
        seeds = Seeds(
            frames=np.array(starts),
            positions=pixels_from_co([d.markers[start] for d, start in zip(data, starts, strict=True)], size),
            motion_models=[d.motion_model for d in data],
            pattern_matches=[d.pattern_match for d in data],
            correlation_mins=[d.correlation_min for d in data],
        )
        tracker = Tracker(seeds, TrackOptions(pattern_size=side))
        groups.append(_Group([name for name, _ in members], starts, tracker))
    return groups


def _run(
    store: Store,
    groups: Sequence[_Group],
    passes: Iterable[Pass],
    span: Span,
    on_frame: Callable[[int], object] | None,
    exclusion: Exclusion,
) -> None:
    ways = [(each.start, span.goal(each.start)) for each in passes]
    first, last = min(min(way) for way in ways), max(max(way) for way in ways)
    with exclusion.reader(first, last, backwards=span.backwards) as masks:
        for frame, pyramid in pyramids_ahead(store.footage.frames(first, last, backwards=span.backwards)):
            excluded = masks.on(frame)
            for group in groups:
                group.step(frame, pyramid, excluded)
            if on_frame is not None:
                on_frame(frame)
            if all(group.is_done(frame, span.backwards) for group in groups):
                return


def _forget_way(data: TrackData, start: int, goal: int) -> None:
    low, high = sorted((start, goal))
    way = {f for f in {*data.markers, *data.muted, *data.lost} if low <= f <= high and f != start}
    kept = way & set(data.reference_frames)  # set by hand: not ours to take away
    data.drop(way - kept)
    for frame in way - kept:
        data.muted.pop(frame, None)
        data.lost.pop(frame, None)


def _apply_frame(
    result: FrameMarkers, tracks: Sequence[TrackData], starts: Sequence[int], span: Span, size: Size
) -> None:
    frame = result.frame
    co = as_float32(co_from_pixels(result.position, size))
    corners = as_float32(co_offsets_from_pixels(result.corners[:, ::-1], size).reshape(-1, 8))  # TL first -> BL first
    tracked, reasons = result.tracked.tolist(), result.reason.tolist()
    correlations, distances = result.correlation.tolist(), result.forward_backward.tolist()
    covariances = result.covariance.reshape(-1, 4)[:, [0, 1, 3]]
    known = np.isfinite(covariances).all(axis=1).tolist()
    for row, index in enumerate(result.track.tolist()):
        data, start = tracks[index], starts[index]
        low, high = sorted((start, span.goal(start)))
        if not low <= frame <= high or frame in data.reference_frames:
            continue
        if not tracked[row]:
            data.lost[frame] = LostReason(reasons[row]).words
            if reasons[row] == LostReason.MASKED:
                data.muted[frame] = tuple(co[row])
        elif frame != start:
            data.markers[frame] = tuple(co[row])
            data.corners[frame] = tuple(corners[row])
            data.correlations[frame] = round(correlations[row], 6)
            if math.isfinite(distances[row]):
                data.forward_backward[frame] = round(distances[row], 6)
            if known[row]:
                data.covariances[frame] = tuple(covariances[row].tolist())
