"""Detect, track, add, delete and configure 2D point tracks: the thin face of the package.

Every verb takes the clip whose tracks it works on as its first argument. Positions are normalised, (0, 0) the
outer corner of the bottom-left pixel and (1, 1) that of the top-right one; frames are the plate's own numbers
(a movie starts at 1, ``shot.1001.exr`` at 1001). See :mod:`.coords`.

Examples
--------
>>> from cinematic.tracking import PointTracker
>>> tracker = PointTracker("shot.mp4", preset="balanced")
>>> tracker.detect_features()
>>> tracker.track_all()
>>> tracker.clean_tracks()
>>> tracks = tracker.get_track_data()
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import libmv
from .blender import BLENDER_AVAILABLE, require_blender
from .blender_masks import PLACEMENTS, check_annotated, drawn_mask
from .checks import check_choice, checked_length, checked_number, checked_numbers
from .cleaning import Cleaning
from .clip import Clip
from .context import ensure_clip_loaded, tracking_context
from .errors import ParameterError, TrackingError
from .judge import ShotMotion, preset_limits, shot_motions
from .masks import Exclusion, PlateMask
from .movie_clip import mark_by_hand
from .passes import Search, Span
from .presets import (
    get_clean_params,
    get_detection_params,
    get_tracking_params,
    get_tracking_preset,
    pattern_and_search_size,
    scaled_length,
)
from .quality import clean_low_quality_tracks, read_tracks
from .store import Store, store_of
from .types import AUTO, MOTION_MODELS, PATTERN_MATCHES, Coverage, Progress, Refilled, TrackData

if TYPE_CHECKING:
    from .whole_shot import Job

__all__ = [
    "BLENDER_AVAILABLE",
    "ENGINES",
    "PointTracker",
    "add_track",
    "auto_track",
    "configure_track",
    "delete_track",
    "detect_features",
    "refill_tracks",
    "track_markers",
]

ENGINES = ("klt", "libmv")
"""What can move markers: our own tracker, and Blender's operators."""

MOST_TRACKS_PER_FRAME = 10_000
"""That may be asked for."""

_LONGEST_NAME = 63
"""Bytes that Blender keeps of a track's name."""


def detect_features(
    clip: Any,
    preset: str = "balanced",
    threshold: float | None = None,
    margin: int | None = None,
    min_distance: int | None = None,
    *,
    frame: int | None = None,
    placement: str = "FRAME",
    mask: Any = None,
    mask_keep: Any = None,
    regions: Sequence[Sequence[float]] | None = None,
    engine: str | None = None,
) -> int:
    """Detect features on one frame and make a track of each.

    Existing tracks, their selection, the scene and the screen stay as they are. ``klt`` keeps the new features away
    from the enabled markers on the frame; ``libmv`` does not look at them: detecting twice on one frame gives every
    feature two tracks.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    preset
        Gives what is left out here, and the new tracks their pattern and search size, motion model, pattern match and
        smallest correlation.
    threshold
        Smallest response of the detector, above 0 and up to 1, in the engine's own measure: Blender's, or for ``klt``
        the RMS gradient across the pattern's weakest direction, luminance (0 to 1) per px. Left out, the preset's first
        threshold is halved until ``min_features`` of the preset are found or its floor is reached.
    margin, min_distance
        Whole px, from the image's border and between two features. Left out, the preset's lengths are scaled to the
        plate's width, and the margin keeps every pattern inside the image.
    frame
        The plate's number; default the clip's first frame.
    placement
        Of the engine ``libmv``: ``FRAME``, or ``INSIDE_GPENCIL`` or ``OUTSIDE_GPENCIL``: inside or outside the strokes
        of the active layer of the clip's annotation, those of all its frames. Strokes of one frame, for either engine:
        ``mask_keep=clip.annotation``.
    mask, mask_keep, regions
        Where no feature is wanted, as for :func:`auto_track`.
    engine
        One of :data:`ENGINES`; default ``libmv`` on a Blender clip, ``klt`` on a :class:`Clip`.

    Returns
    -------
    int
        The number of tracks created by this call.

    Raises
    ------
    ParameterError
        A value is out of its range, the preset is unknown, or a mask does not fit the plate. Nothing was changed.
    FootageError
        The frame or a mask cannot be read.
    BackendUnavailable
        It needs Blender and there is none.
    """
    engine = _checked_engine(clip, engine)
    store = store_of(clip)
    width, _ = store.size
    detection, settings = get_detection_params(preset), _track_settings(preset, width, engine)
    if threshold is not None:
        thresholds = [checked_number("threshold", threshold, 0.0, 1.0, above=True)]
    elif engine == "libmv":
        thresholds = list(_halved(detection["threshold"], detection["threshold_floor"]))
    else:
        thresholds = list(_halved(detection["gradient"], detection["gradient_floor"]))
    if margin is None:
        # a pattern must lie inside the image; nearer the border Blender also takes the border for a corner
        margin = max(scaled_length(detection["margin"], width), settings["pattern_size"] // 2 + 1)
    if min_distance is None:
        min_distance = scaled_length(detection["min_distance"], width)
    at = store.numbers.checked(store.numbers.first if frame is None else frame)
    search = Search(
        thresholds,
        detection["min_features"],
        checked_length("margin", margin, least=0),
        checked_length("min_distance", min_distance, least=0),
    )
    if check_choice("placement", placement, PLACEMENTS) != "FRAME":
        if engine == "klt":
            raise ParameterError(f"expected engine libmv for placement {placement}: with klt give mask=clip.annotation")
        check_annotated(clip, placement)
    excluded = _exclusion(clip, at, at, mask, mask_keep, regions).on(at)
    if engine == "klt":
        from . import klt  # numba takes longer to import than all the rest: only who tracks with it waits for it

        return klt.detect(store, at, search, settings, excluded)
    with tracking_context(clip) as editor:
        return libmv.detect(editor, at, search, settings, excluded, placement)


def track_markers(
    clip: Any,
    frame_start: int | None = None,
    frame_end: int | None = None,
    backwards: bool = False,
    sequence: bool = True,
    *,
    mask: Any = None,
    mask_keep: Any = None,
    regions: Sequence[Sequence[float]] | None = None,
    engine: str | None = None,
    threads: int | None = None,
    on_frame: Callable[[int], object] | None = None,
) -> dict[str, Any]:
    """Track every unlocked, enabled track through the clip, whether selected or hidden or not.

    Tracks start at the end of the range that was named (``frame_start``; backwards ``frame_end``) where they have a
    marker there, and otherwise at their own reference frame. So a plain ``track_markers(clip)`` and
    ``track_markers(clip, backwards=True)`` carry tracks that were detected anywhere to both ends of the clip.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    frame_start, frame_end
        Plate frames, both inclusive, ``frame_start`` below ``frame_end`` in either direction; default the clip's first
        and last frame.
    backwards
        Track towards ``frame_start`` instead of towards ``frame_end``.
    sequence
        False: one frame only.
    mask, mask_keep, regions
        Where no track is wanted, as for :func:`auto_track`. A track that comes to lie there ends: its first marker
        there is muted, whatever an earlier run left beyond it is taken away, and ``lost`` of a :class:`Clip`'s track
        says ``masked``. Blender's operator is not stopped by that; its markers go afterwards.
    engine
        One of :data:`ENGINES`; default ``libmv`` on a Blender clip, ``klt`` on a :class:`Clip`.
    threads
        Of the engine ``klt``: default all cores. The result is the same. Blender uses what it likes.
    on_frame
        Of the engine ``klt``: called with each frame number as it is done. Blender's operator runs in one piece.

    Returns
    -------
    dict
        ``tracks_count``: tracks that have markers beyond the frame they started from; ``frames_processed``: frames of
        the range on which they have markers; ``status``: ``"completed"``, or ``"partial"`` when none reached the last
        frame of the range. All counted in the clip afterwards.

    Raises
    ------
    TrackingError
        There is no track, or none that may be tracked.
    ParameterError
        A frame is outside the clip, the range is empty, or a mask does not fit the plate.
    FootageError
        ``klt`` cannot read a frame, or a mask cannot be read.
    BackendUnavailable
        It needs Blender and there is none.
    """
    engine = _checked_engine(clip, engine)
    store = store_of(clip)
    first, last = _checked_range(store, frame_start, frame_end)
    span = Span(first, last, backwards, sequence, (frame_end if backwards else frame_start) is not None)
    exclusion = _exclusion(clip, first, last, mask, mask_keep, regions)
    if engine == "klt":
        from . import klt

        tracks, frames, finished = klt.track(store, span, threads, on_frame, exclusion)
    else:
        with tracking_context(clip) as editor:
            tracks, frames, finished = libmv.track(editor, span, exclusion)
    return {
        "tracks_count": tracks,
        "frames_processed": frames,
        "status": "completed" if finished else "partial",
    }


def auto_track(
    clip: Any,
    preset: str = "balanced",
    *,
    tracks_per_frame: int | None = None,
    frame_start: int | None = None,
    frame_end: int | None = None,
    mask: Any = None,
    mask_keep: Any = None,
    regions: Sequence[Sequence[float]] | None = None,
    engine: str = "klt",
    threads: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    checkpoint: str | PathLike[str] | None = None,
    resume: bool = False,
) -> Coverage:
    """Cover a whole shot: enough tracks on every frame, evenly spread, from its first frame to its last.

    Features are taken up wherever a part of the frame lacks a track, and tracked forwards and backwards. Tracks end at
    cuts, are carried over single bad frames (a flash, a dropped frame), and are taken up again when their feature comes
    back. Tracks that are there already stay as they are; new ones keep away from them. Two passes over the footage.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    preset
        Gives detection, the new tracks' pattern, and (its ``clean`` part) how many markers in a row are worth having.
    tracks_per_frame
        How many tracks to keep alive, 1 to 10000; default the preset's. Also the number of grid cells that the frame is
        divided into: each with texture is to hold a track.
    frame_start, frame_end
        Plate frames, both inclusive; default the clip's first and last frame.
    mask, mask_keep
        Paths (one, or a list) of pictures, sequences or movies of the plate's size: what is white in ``mask`` is left
        out, what is not white in ``mask_keep`` too. No feature is taken up there, and a track that enters is muted.
        On a Blender clip also what is drawn there: a ``bpy.types.Mask``, as Blender renders it on each frame, or
        ``clip.annotation`` or one of its layers: what is inside its strokes.
    regions
        Rectangles ``(left, bottom, right, top)``, normalised: what is outside all of them is left out.
    engine
        ``klt``, on either kind of clip.
    threads
        Default all cores. The result is the same.
    on_progress
        Called with a :class:`.types.Progress` after each frame. What it raises ends the run, at a frame's end.
    checkpoint
        A folder to save the state in, so that an interrupted run can go on; made when it is needed, and the caller's
        to remove in the end (:func:`.checkpoint.remove_checkpoint`). What an earlier run has left there is replaced,
        unless ``resume`` is given.
    resume
        Go on from what is in ``checkpoint``; where there is nothing, begin at the beginning. The result is that of a
        run without interruption.

    Returns
    -------
    Coverage
        What was created, tracks per frame, and which frames have too few, with the reason.

    Raises
    ------
    ParameterError
        A value is out of its range; a mask does not fit the plate; the checkpoint is of another run; or the engine is
        ``libmv``, for which there is :func:`detect_features` on several frames. Nothing was changed.
    FootageError
        A frame or a mask cannot be read.
    FormatError
        The checkpoint is broken.
    BackendUnavailable
        It needs Blender and there is none.
    """
    if check_choice("engine", engine, ENGINES) != "klt":
        raise ParameterError(
            "expected engine klt: with libmv use detect_features on several frames, then track_markers"
        )
    from .whole_shot import cover  # numba again

    job = _job(clip, preset, tracks_per_frame, (frame_start, frame_end), (mask, mask_keep, regions), checkpoint, resume)
    return cover(store_of(clip), replace(job, threads=threads, on_progress=on_progress))


def refill_tracks(
    clip: Any,
    preset: str = "balanced",
    *,
    cleaning: Cleaning | None = None,
    motion: Sequence[ShotMotion] | None = None,
    tracks_per_frame: int | None = None,
    frame_start: int | None = None,
    frame_end: int | None = None,
    mask: Any = None,
    mask_keep: Any = None,
    regions: Sequence[Sequence[float]] | None = None,
    threads: int | None = None,
    on_progress: Callable[[Progress], object] | None = None,
    checkpoint: str | PathLike[str] | None = None,
    resume: bool = False,
) -> Refilled:
    """Fill what cleaning has emptied, so that the tracks that are left cover the frames, too.

    Features are looked for in the cells that no track holds any more, tracked both ways, and judged by the camera that
    the other tracks give; only what is good is added. Of tracks that were cut or removed, parts that follow one point
    of the scene by themselves become tracks where a cell is still empty. Tracks that are there stay as they are. Two
    passes over the footage.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
        With tracks that have been judged and cleaned.
    preset
        Gives detection, new tracks' pattern, and the limits of the judgement.
    cleaning
        Of :func:`.quality.clean_tracks`: features that have failed are not tried again, and their parts can be used.
        Where it took less than one marker in twenty, nothing is done.
    motion
        Of :func:`.quality.judge_with_motion`; default: found from the clip's tracks, which takes a camera solve.
    tracks_per_frame, frame_start, frame_end, mask, mask_keep, regions, threads, on_progress, checkpoint, resume
        As for :func:`auto_track`; the checkpoint in another folder.

    Returns
    -------
    Refilled
        What was added.

    Raises
    ------
    TrackingError
        The clip has no tracks.
    ParameterError, FootageError, FormatError, BackendUnavailable
        As for :func:`auto_track`. Nothing was changed.
    """
    from .engine.threads import use_threads  # numba again
    from .refill import refill

    job = _job(clip, preset, tracks_per_frame, (frame_start, frame_end), (mask, mask_keep, regions), checkpoint, resume)
    nearer = replace(job.wanted, min_distance=job.wanted.min_distance / 2)  # what was good enough for one is failing
    job = replace(job, wanted=nearer, threads=threads, on_progress=on_progress)
    store = store_of(clip)
    limits = preset_limits(preset, store.size[0]).within(job.last - job.first + 1)
    if not store.read():
        raise TrackingError(f"clip {clip.name!r} has no tracks to fill up: call auto_track and clean_tracks first")
    with use_threads(threads):
        motions = shot_motions(store.read(), store.size, store.pixel_aspect) if motion is None else motion
        return refill(store, job, cleaning, motions, limits)


def _job(
    clip: Any,
    preset: str,
    tracks_per_frame: int | None,
    span: tuple[int | None, int | None],
    where: tuple[Any, Any, Any],
    checkpoint: str | PathLike[str] | None,
    resume: bool,
) -> Job:
    from .coverage import Wanted  # numba again
    from .whole_shot import Job

    store = store_of(clip)
    width, _ = store.size
    detection, settings = get_detection_params(preset), _track_settings(preset, width, "klt")
    target = detection["tracks_per_frame"] if tracks_per_frame is None else tracks_per_frame
    first, last = _checked_range(store, *span)
    if resume and checkpoint is None:
        raise ParameterError("expected a checkpoint to resume from, got None")
    wanted = Wanted(
        target=int(checked_number("tracks_per_frame", target, 1, MOST_TRACKS_PER_FRAME)),
        pattern_size=settings["pattern_size"],
        gradient=detection["gradient_floor"],
        margin=max(scaled_length(detection["margin"], width), settings["pattern_size"] // 2 + 1),
        min_distance=scaled_length(detection["min_distance"], width),
    )
    return Job(
        first=first,
        last=last,
        wanted=wanted,
        settings=settings,
        least_markers=min(max(1, get_clean_params(preset)["frames"]), last - first + 1),
        exclusion=_exclusion(clip, first, last, *where),
        checkpoint=None if checkpoint is None else Path(checkpoint),
        resume=resume,
    )


def add_track(
    clip: Any,
    frame: int,
    position: Sequence[float],
    name: str | None = None,
    *,
    preset: str = "balanced",
) -> Any:
    """Add a track by hand, ready to be tracked.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip
    frame
        The plate's number of its reference frame.
    position
        Normalised (x, y), 0 to 1.
    name
        Default ``Track``. Where the name is taken, ``.001`` and so on is appended, by Blender's rule.
    preset
        Gives pattern and search size, motion model, pattern match and smallest correlation.

    Returns
    -------
    bpy.types.MovieTrackingTrack or TrackData

    Raises
    ------
    ParameterError
        ``frame`` is outside the clip, ``position`` outside 0 to 1, or ``name`` empty or too long.
    BackendUnavailable
        It needs Blender and there is none.
    """
    store = store_of(clip)
    at = store.numbers.checked(frame)
    x, y = checked_numbers("position", position, 2, 0.0, 1.0)
    if name is not None and not (isinstance(name, str) and 0 < len(name.encode()) <= _LONGEST_NAME):
        raise ParameterError(f"expected name to have 1 to {_LONGEST_NAME} bytes, got {name!r}")
    width, _ = store.size
    if isinstance(clip, Clip):
        from . import klt

        return klt.add(clip, at, (x, y), name, _track_settings(preset, width, "klt"))
    with tracking_context(clip) as editor:
        track = libmv.add(editor, at, (x, y), _track_settings(preset, width, "libmv"))
    if name is not None:
        track.name = name
    mark_by_hand(clip, track.name)
    return track


def delete_track(clip: Any, track_name: str) -> bool:
    """Delete exactly this track, also when it is hidden or locked; the selection of the others stays.

    Parameters
    ----------
    clip : bpy.types.MovieClip or Clip

    Returns
    -------
    bool
        False when the clip has no track of that name.

    Raises
    ------
    BackendUnavailable
        It needs Blender and there is none.
    """
    store_of(clip)
    if not isinstance(track_name, str):
        raise ParameterError(f"expected a track's name, got {track_name!r}")
    if isinstance(clip, Clip):
        return clip.tracks.remove([track_name]) > 0
    if clip.tracking.tracks.get(track_name) is None:
        return False
    with tracking_context(clip) as editor:
        libmv.delete(editor, [track_name])
    return True


def configure_track(
    track: Any,
    motion_model: str = "Perspective",
    correlation_min: float = 0.6,
    pattern_match: str = "KEYFRAME",
    weight: float = 1.0,
    color: Sequence[float] | None = None,
) -> None:
    """Set how a track is tracked, weighed and shown. When one value is wrong, nothing is changed.

    Parameters
    ----------
    track : bpy.types.MovieTrackingTrack or TrackData
    motion_model
        ``Loc``, ``LocRot``, ``LocScale``, ``LocRotScale``, ``Affine`` or ``Perspective``; for a :class:`TrackData` also
        ``AUTO``: the simplest that explains the pattern's change.
    correlation_min
        0 to 1; tracking ends where the pattern correlates less.
    pattern_match
        ``KEYFRAME`` (the reference frame's pattern) or ``PREV_FRAME``; for a :class:`TrackData` also ``AUTO``: the
        reference frame's, renewed when the pattern no longer looks like it.
    weight
        Influence on the camera solve, 0 to 1.
    color
        RGB, 0 to 1; None leaves it as it is.

    Raises
    ------
    ParameterError
        A value is not one of these.
    BackendUnavailable
        It is no :class:`TrackData`, and there is no Blender.
    """
    own = isinstance(track, TrackData)
    if not own and not isinstance(track, require_blender().types.MovieTrackingTrack):
        raise ParameterError(f"expected a bpy.types.MovieTrackingTrack or a TrackData, got {type(track).__name__}")
    also = (AUTO,) if own else ()
    values: dict[str, Any] = {
        "motion_model": check_choice("motion_model", motion_model, MOTION_MODELS + also),
        "correlation_min": checked_number("correlation_min", correlation_min, 0.0, 1.0),
        "pattern_match": check_choice("pattern_match", pattern_match, PATTERN_MATCHES + also),
        "weight": checked_number("weight", weight, 0.0, 1.0),
    }
    if color is not None:
        values["color"] = checked_numbers("color", color, 3, 0.0, 1.0)
        if not own:
            values["use_custom_color"] = True
    for attribute, value in values.items():
        setattr(track, attribute, value)


class PointTracker:
    """The whole job on one piece of footage: detect, track, clean, export, in that order.

    Parameters
    ----------
    clip_path
        A movie or an image sequence, see :func:`.footage.find_footage`.
    preset
        Parameters of every step.
    engine
        One of :data:`ENGINES`. ``libmv`` works on a MovieClip, ``klt`` on a :class:`Clip`. Default: ``libmv`` where
        Blender is, else ``klt``.

    Attributes
    ----------
    clip : bpy.types.MovieClip or Clip
        Where the tracks live; every verb of the package can be used on it in between.

    Raises
    ------
    FootageError
        The footage is missing, incomplete, or none.
    ParameterError
        The preset or the engine is unknown.
    BackendUnavailable
        ``libmv`` was asked for and there is no Blender.
    """

    def __init__(self, clip_path: str | PathLike[str], preset: str = "balanced", *, engine: str | None = None) -> None:
        get_tracking_preset(preset)
        self.preset = preset
        self.engine = check_choice("engine", engine or ("libmv" if BLENDER_AVAILABLE else "klt"), ENGINES)
        self.clip = ensure_clip_loaded(clip_path) if self.engine == "libmv" else Clip.open(clip_path)
        self._detected = False
        self._tracked = False

    def detect_features(self, **options: Any) -> int:
        """:func:`detect_features` with this tracker's preset; the number of tracks created."""
        created = detect_features(self.clip, **{"preset": self.preset, "engine": self.engine, **options})
        self._detected = True
        return created

    def auto_track(self, **options: Any) -> Coverage:
        """:func:`auto_track` with this tracker's preset, in place of :meth:`detect_features` and :meth:`track_all`.

        The engine is ``klt``, which works on this tracker's clip whatever its engine is.
        """
        coverage = auto_track(self.clip, **{"preset": self.preset, **options})
        self._detected = self._tracked = True
        return coverage

    def refill_tracks(self, **options: Any) -> Refilled:
        """:func:`refill_tracks` with this tracker's preset, after the tracks were cleaned. Needs tracked tracks."""
        if not self._tracked:
            raise TrackingError("nothing to fill up yet: call auto_track() and clean the tracks first")
        return refill_tracks(self.clip, **{"preset": self.preset, **options})

    def track_all(self, **options: Any) -> dict[str, Any]:
        """:func:`track_markers`; what it returns. Needs :meth:`detect_features` first."""
        if not self._detected:
            raise TrackingError("nothing to track yet: call detect_features() first")
        result = track_markers(self.clip, **{"engine": self.engine, **options})
        self._tracked = True
        return result

    def clean_tracks(self, **options: Any) -> int:
        """:func:`.quality.clean_low_quality_tracks` as the preset says; the number removed. Needs tracked tracks."""
        if not self._tracked:
            raise TrackingError("nothing to clean yet: call detect_features() and track_all() first")
        return clean_low_quality_tracks(self.clip, **{**get_clean_params(self.preset), **options})

    def get_track_data(self, *, measure: bool = True) -> list[TrackData]:
        """The tracks as plain data. Needs tracked tracks.

        Parameters
        ----------
        measure
            Read the footage once more to measure correlations.
        """
        if not self._tracked:
            raise TrackingError("no tracks to export yet: call detect_features() and track_all() first")
        return read_tracks(self.clip, measure=measure)


def _track_settings(preset: str, width: int, engine: str) -> dict[str, Any]:
    """What a preset says of new tracks, in the words of Blender's defaults for them (``default_...`` of a clip).

    The engine ``klt`` chooses motion model and references by itself and always compensates changes of brightness.
    """
    tracking = get_tracking_params(preset)
    pattern, search = pattern_and_search_size(tracking, width)
    settings = {"pattern_size": pattern, "search_size": search, "correlation_min": tracking["correlation_min"]}
    if engine == "klt":
        return settings | {"motion_model": AUTO, "pattern_match": AUTO}
    return settings | {
        "motion_model": tracking["motion_model"],
        "pattern_match": tracking["pattern_match"],
        "normalization": tracking["normalize"],
    }


def _exclusion(clip: Any, first: int, last: int, mask: Any, mask_keep: Any, regions: Any) -> Exclusion:
    """What is to be left out on the plate's frames ``first`` to ``last``."""
    store = store_of(clip)
    if isinstance(clip, Clip):
        return Exclusion.of(store.size, store.numbers, mask, mask_keep, regions)

    def drawn(entry: Any, keep: bool) -> PlateMask | None:
        return drawn_mask(clip, entry, first, last, keep=keep)

    return Exclusion.of(store.size, store.numbers, mask, mask_keep, regions, drawn=drawn)


def _checked_range(store: Store, frame_start: int | None, frame_end: int | None) -> tuple[int, int]:
    numbers = store.numbers
    first = numbers.checked(numbers.first if frame_start is None else frame_start, "frame_start")
    last = numbers.checked(numbers.last if frame_end is None else frame_end, "frame_end")
    if numbers.first == numbers.last:
        raise ParameterError(f"expected footage of at least two frames, {store.name} has one")
    if first >= last:
        raise ParameterError(f"expected frame_start below frame_end, got {first} and {last}")
    return first, last


def _checked_engine(clip: Any, engine: str | None) -> str:
    own = isinstance(clip, Clip)
    name = check_choice("engine", engine or ("klt" if own else "libmv"), ENGINES)
    if own and name == "libmv":
        require_blender()
        raise ParameterError("expected engine klt on a Clip: libmv tracks Blender's clips, see ensure_clip_loaded")
    return name


def _halved(start: float, floor: float) -> Iterator[float]:
    while start > floor:
        yield start
        start /= 2
    yield floor
