"""The engine "libmv": Blender's own operators, run so that they do what was asked and nothing besides.

Each function gets the :class:`ClipEditor` that :func:`tracking_context` yields. What operators report is not
trusted: tracks and markers are counted before and after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from .blender import interrupts_held
from .context import ClipEditor
from .coords import pixels_from_co
from .errors import TrackingError
from .masks import Excluded, Exclusion, detection_margin, entry_margin, is_excluded
from .movie_clip import (
    area_of,
    clip_size,
    default_settings,
    end_track,
    flags_set,
    forget_tracks,
    is_enabled,
    read_markers,
    read_states,
    select_only,
    selection_kept,
)
from .passes import Candidate, Pass, Search, Span, nothing_to_track, plan_passes, reached
from .types import pattern_size


def detect(
    editor: ClipEditor,
    frame: int,
    search: Search,
    track_settings: dict[str, Any],
    excluded: Excluded | None = None,
    placement: str = "FRAME",
) -> int:
    """Detect features on one frame; the number of tracks created. They are left selected, as Blender leaves them.

    What Blender finds on ``excluded`` places goes again before anything is counted.
    """
    clip = editor.clip
    forbidden = None if excluded is None else detection_margin(excluded, track_settings["pattern_size"])
    before = {track.name for track in clip.tracking.tracks}
    created: list[str] = []
    with interrupts_held(), selection_kept(clip), default_settings(clip, **track_settings):
        editor.go_to(frame)
        for threshold in search.thresholds:
            delete(editor, created)
            editor.run(
                "detect_features",
                placement=placement,
                margin=search.margin,
                threshold=threshold,
                min_distance=search.min_distance,
            )
            created = [track.name for track in clip.tracking.tracks if track.name not in before]
            if forbidden is not None:
                created = _without_excluded(editor, created, forbidden)
            if len(created) >= search.min_features:
                break
    return len(created)


def _without_excluded(editor: ClipEditor, names: Sequence[str], forbidden: Excluded) -> list[str]:
    """Delete those of new tracks that are where none may be; the names of the others."""
    tracks = editor.clip.tracking.tracks
    places = np.array([tracks[name].markers[0].co for name in names]).reshape(-1, 2)
    gone = is_excluded(forbidden, pixels_from_co(places, clip_size(editor.clip)))
    delete(editor, [name for name, there in zip(names, gone, strict=True) if there])
    return [name for name, there in zip(names, gone, strict=True) if not there]


def add(editor: ClipEditor, frame: int, position: tuple[float, float], track_settings: dict[str, Any]) -> Any:
    """A new track with one marker, as Ctrl-click in the Clip Editor makes it."""
    clip = editor.clip
    before = {track.name for track in clip.tracking.tracks}
    with interrupts_held(), selection_kept(clip), default_settings(clip, **track_settings):
        editor.go_to(frame)
        editor.run("add_marker", location=position)
        track = next(track for track in clip.tracking.tracks if track.name not in before)
        track.select = False
    return track


def delete(editor: ClipEditor, names: Sequence[str]) -> None:
    """Delete exactly the named tracks, the hidden and the locked ones too."""
    if not names:
        return
    clip = editor.clip
    with interrupts_held(), selection_kept(clip), flags_set(clip, "hide", names, False):
        select_only(clip, names)
        forget_tracks(clip, names)
        editor.run("delete_track")


def track(editor: ClipEditor, span: Span, exclusion: Exclusion | None = None) -> tuple[int, int, bool]:
    """Track every unlocked, enabled track over a span, one operator call per start frame.

    Blender knows nothing of the ``exclusion``: tracks end afterwards where they came to lie on it.

    Returns
    -------
    tracks, frames, finished
        See :func:`.passes.reached`; counted in the clip afterwards.

    Raises
    ------
    TrackingError
        There is nothing to track.
    """
    clip = editor.clip
    candidates = [_candidate(clip, t) for t in clip.tracking.tracks if not t.lock and is_enabled(t)]
    passes = plan_passes(candidates, span)
    if not passes:
        raise TrackingError(nothing_to_track(clip.name, read_states(clip), span))
    names = [candidate.name for candidate in candidates]
    with interrupts_held(), selection_kept(clip), flags_set(clip, "hide", names, False):
        for each in passes:
            if each.start == span.end:
                continue  # it stands at the end already
            select_only(clip, each.names)
            editor.limit_range(span.first, span.last)
            editor.go_to(each.start)
            editor.run("track_markers", backwards=span.backwards, sequence=span.sequence)
    if exclusion is not None and not exclusion.is_empty:
        _end_at_masks(editor, passes, span, exclusion)
    frames_of = {name: _candidate(clip, clip.tracking.tracks[name]) for each in passes for name in each.names}
    return reached(passes, {name: set(found.frames) for name, found in frames_of.items()}, span)


def _end_at_masks(editor: ClipEditor, passes: Sequence[Pass], span: Span, exclusion: Exclusion) -> None:
    """Mute the first marker of each track that lies on what is left out, and take away what came after it."""
    clip, numbers = editor.clip, editor.numbers
    tracks = clip.tracking.tracks
    ways = {name: (each.start, span.goal(each.start)) for each in passes for name in each.names}
    on_frame: dict[int, list[tuple[str, int, Any]]] = defaultdict(list)
    for name, (start, goal) in ways.items():
        markers = read_markers(clip, tracks[name])
        low, high = sorted((start, goal))
        way = (markers.frames >= low) & (markers.frames <= high) & (markers.frames != start)
        side = pattern_size(area_of(markers.corners[markers.frames == start][0], exclusion.size))
        moved = markers[way & ~markers.muted & ~markers.keyed]
        for frame, place in zip(moved.frames.tolist(), pixels_from_co(moved.co, exclusion.size), strict=True):
            on_frame[frame].append((name, side, place))
    if not on_frame:
        return
    ended: set[str] = set()
    with exclusion.reader(min(on_frame), max(on_frame), backwards=span.backwards) as masks:
        for frame in sorted(on_frame, reverse=span.backwards):
            here = [entry for entry in on_frame[frame] if entry[0] not in ended]
            for name in _entering(here, masks.on(frame)):
                goal = ways[name][1]
                beyond = range(goal, frame) if span.backwards else range(frame + 1, goal + 1)
                end_track(tracks[name], numbers.clip_from_plate(frame), map(numbers.clip_from_plate, beyond))
                ended.add(name)


def _entering(markers: Sequence[tuple[str, int, Any]], excluded: Excluded | None) -> list[str]:
    """Which of the markers (name, pattern's size, place in px) lie where none may be."""
    if excluded is None:
        return []
    margins = {side: entry_margin(excluded, side) for side in {side for _, side, _ in markers}}
    return [name for name, side, place in markers if is_excluded(margins[side], place[None])[0]]


def clean(editor: ClipEditor, frames: int, error: float, action: str) -> int:
    """Run Blender's ``clean_tracks``; the number of tracks it removed or cut (``SELECT``: that it selected).

    Disabled tracks are out of its reach: they have no unmuted marker, which Blender takes for no length.
    """
    clip = editor.clip
    disabled = [track.name for track in clip.tracking.tracks if not is_enabled(track)]
    before = {track.name: len(track.markers) for track in clip.tracking.tracks}
    with interrupts_held(), flags_set(clip, "lock", disabled, True):
        if action == "SELECT":
            return _select_unclean(editor, frames, error)
        with selection_kept(clip):
            # Blender, told to delete segments and given an error too, deletes whole tracks for their length:
            # so length is judged first, and error by itself.
            editor.run("clean_tracks", frames=frames, error=0.0, action=action)
            if error > 0:
                editor.run("clean_tracks", frames=0, error=error, action="DELETE_TRACK")
    after = {track.name: len(track.markers) for track in clip.tracking.tracks}
    return sum(after.get(name) != count for name, count in before.items())


def _select_unclean(editor: ClipEditor, frames: int, error: float) -> int:
    """Add what ``clean_tracks`` finds to the selection; the number found, selected before or not."""
    clip = editor.clip
    selected = [track.name for track in clip.tracking.tracks if track.select]
    select_only(clip, ())
    editor.run("clean_tracks", frames=frames, error=error, action="SELECT")
    found = sum(track.select for track in clip.tracking.tracks)
    for name in selected:
        clip.tracking.tracks[name].select = True
    return found


def _candidate(clip: Any, track: Any) -> Candidate:
    markers = read_markers(clip, track)
    valid = markers[~markers.muted]
    return Candidate(track.name, valid.frames.tolist(), valid.frames[valid.keyed].tolist())
