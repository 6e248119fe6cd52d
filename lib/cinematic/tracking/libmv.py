"""The engine "libmv": Blender's own operators, run so that they do what was asked and nothing besides.

Each function gets the :class:`ClipEditor` that :func:`tracking_context` yields. What operators report is not
trusted: tracks and markers are counted before and after.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .blender import interrupts_held
from .context import ClipEditor
from .errors import TrackingError
from .movie_clip import (
    default_settings,
    flags_set,
    forget_disabled,
    is_enabled,
    read_markers,
    select_only,
    selection_kept,
)
from .types import Markers


def detect(
    editor: ClipEditor,
    frame: int,
    thresholds: Iterable[float],
    min_features: int,
    margin: int,
    min_distance: int,
    track_settings: dict[str, Any],
) -> int:
    """Detect features on one frame with the first threshold that gives ``min_features``, or with the last.

    Returns the number of tracks created; they are left selected, as Blender leaves them.
    """
    clip = editor.clip
    before = {track.name for track in clip.tracking.tracks}
    created: list[str] = []
    with interrupts_held(), selection_kept(clip), default_settings(clip, **track_settings):
        editor.go_to(frame)
        for threshold in thresholds:
            delete(editor, created)
            editor.run(
                "detect_features",
                placement="FRAME",
                margin=margin,
                threshold=threshold,
                min_distance=min_distance,
            )
            created = [track.name for track in clip.tracking.tracks if track.name not in before]
            if len(created) >= min_features:
                break
    return len(created)


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
        forget_disabled(clip, names)
        editor.run("delete_track")


@dataclass(frozen=True)
class Pass:
    """Tracks that start from one frame: one call of the operator."""

    start: int  # plate frame
    names: tuple[str, ...]


def plan_passes(
    tracks: Iterable[tuple[str, Markers]], first: int, last: int, backwards: bool, from_border: bool
) -> list[Pass]:
    """From which frame each track is to be tracked within plate frames ``first`` to ``last``.

    A track starts at the range's border where it has a marker there and the caller named that border
    (``from_border``); else at its reference frame nearest to the border; else, for tracks that never had
    one, at its marker nearest to it. Blender, asked to start where a track has no marker, would invent one.
    """
    border = last if backwards else first
    nearest = max if backwards else min
    starts: dict[int, list[str]] = defaultdict(list)
    for name, markers in tracks:
        valid = markers[~markers.muted & (markers.frames >= first) & (markers.frames <= last)]
        if not len(valid):
            continue
        keyed = valid.frames[valid.keyed]
        if from_border and border in valid.frames:
            start = border
        else:
            start = int(nearest(keyed if len(keyed) else valid.frames))
        starts[start].append(name)
    return [Pass(start, tuple(names)) for start, names in sorted(starts.items(), reverse=backwards)]


def track(
    editor: ClipEditor, first: int, last: int, backwards: bool, sequence: bool, from_border: bool
) -> tuple[int, int, bool]:
    """Track every unlocked, enabled track within plate frames ``first`` to ``last``, one call per start frame.

    Returns
    -------
    tracks : int
        Tracks that have a marker beyond the frame they started from.
    frames : int
        Frames of the range on which those have markers.
    finished : bool
        One of them reached the last frame that was asked for.

    Raises
    ------
    TrackingError
        There is nothing to track.
    """
    clip = editor.clip
    candidates = [t.name for t in clip.tracking.tracks if not t.lock and is_enabled(t)]
    passes = plan_passes(
        ((name, read_markers(clip, clip.tracking.tracks[name])) for name in candidates),
        first,
        last,
        backwards,
        from_border,
    )
    if not passes:
        raise TrackingError(_nothing_to_track(clip, first, last))
    with interrupts_held(), selection_kept(clip), flags_set(clip, "hide", candidates, False):
        for each in passes:
            if each.start == (first if backwards else last):
                continue  # it stands at the end already
            select_only(clip, each.names)
            editor.limit_range(first, last)
            editor.go_to(each.start)
            editor.run("track_markers", backwards=backwards, sequence=sequence)
    return _count(clip, passes, first, last, backwards, sequence)


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


def _count(
    clip: Any, passes: Sequence[Pass], first: int, last: int, backwards: bool, sequence: bool
) -> tuple[int, int, bool]:
    step = -1 if backwards else 1
    tracked = 0
    frames: set[int] = set()
    finished = False
    for each in passes:
        goal = each.start + step if not sequence else (first if backwards else last)
        for name in each.names:
            markers = read_markers(clip, clip.tracking.tracks[name])
            span = np.sort([each.start, goal])
            reached = markers.frames[~markers.muted & (markers.frames >= span[0]) & (markers.frames <= span[1])]
            if len(reached) > 1:  # more than the marker it started from
                tracked += 1
                frames.update(reached.tolist())
                finished |= goal in reached
    return tracked, len(frames), finished


def _nothing_to_track(clip: Any, first: int, last: int) -> str:
    tracks = list(clip.tracking.tracks)
    if not tracks:
        return f"clip {clip.name!r} has no tracks: detect features or add a track first"
    locked = sum(track.lock for track in tracks)
    disabled = sum(not is_enabled(track) for track in tracks)
    return (
        f"expected an unlocked, enabled track with a marker within frames {first}-{last} of clip {clip.name!r}, "
        f"got none of {len(tracks)} ({locked} locked, {disabled} disabled)"
    )
