"""What the buttons do, each in three parts.

A job begins in Blender, where it copies what it needs; has its task (:mod:`.tasks`) done beside Blender, on that copy;
and has Blender take over what has come of it. Between the first and the last the artist goes on working.
"""

from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path
from typing import Any

from cinematic.tracking import CameraSolve, TrackingError, clean_tracks
from cinematic.tracking.blender_camera import add_solved_camera, make_ready_to_solve, told_of_first_try
from cinematic.tracking.blender_masks import annotation_of, drawn_mask
from cinematic.tracking.lens import focal_px
from cinematic.tracking.masks import DrawnMask
from cinematic.tracking.movie_clip import MovieClipStore
from cinematic.tracking.solve.cameras import ShotCameras
from cinematic.tracking.store import detached
from cinematic.tracking.types import verdicts_in_words

from . import findings, tasks
from .beside import Task
from .verdict_colors import clear_colors, color_by_verdict


class Job(ABC):
    """One of them. To begin, the task and to take over may raise a TrackingError: nothing has been changed then."""

    task: Task | None  # None: all that it would find out is known

    def __init__(self, movie_clip, chosen) -> None:
        """Begin: ``chosen`` are the scene's settings, which the artist may change meanwhile."""
        store = MovieClipStore(movie_clip)
        self.name: str = movie_clip.name
        focal = _focal_of(movie_clip) if chosen.lens_is_known else None
        self.shot = tasks.Shot(detached(movie_clip), self.name, chosen.preset, focal)
        self.span = {"frame_start": store.numbers.first, "frame_end": store.numbers.last}

    @abstractmethod
    def take_over(self, movie_clip, come: Any) -> str:
        """Put into Blender what has come of the task; in words."""


def _focal_of(movie_clip) -> float | None:
    """The clip's focal length, px; to two decimals, as Blender gives back in 32 bits what it is given."""
    return focal_px(tuple(movie_clip.size), round(movie_clip.tracking.camera.focal_length_pixels, 2))


class _Covering(Job):
    """One that looks for features."""

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.wishes = {"tracks_per_frame": chosen.tracks_per_frame, **self.span, **self._where(movie_clip, chosen)}

    def _where(self, movie_clip, chosen) -> dict[str, list[DrawnMask]]:
        drawn = [(chosen.mask, chosen.mask_use)] if chosen.mask is not None else []
        if chosen.annotation_use != "IGNORE":
            annotation = annotation_of(movie_clip)
            if annotation is None:
                raise TrackingError(f"expected strokes of the annotation on {self.name!r}, there are none")
            drawn.append((annotation, chosen.annotation_use))
        where: dict[str, list[DrawnMask]] = {"mask": [], "mask_keep": []}
        for entry, use in drawn:
            mask = drawn_mask(movie_clip, entry, *self.span.values(), keep=use == "KEEP")
            assert mask is not None  # it is a Mask, or the clip's own annotation
            where["mask_keep" if use == "KEEP" else "mask"].append(mask)
        return where


class TrackShot(_Covering):
    """Cover the whole shot with tracks."""

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.task = partial(tasks.track_shot, self.shot, self.wishes)

    def take_over(self, movie_clip, come: tasks.Tracked) -> str:
        """See :class:`Job`."""
        MovieClipStore(movie_clip).add(come.added)
        return come.coverage.in_words()


class JudgeTracks(Job):
    """Judge every track, and color them by what is thought of them."""

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.colors = chosen.color_tracks
        self.task = partial(tasks.judge_shot, self.shot)

    def take_over(self, movie_clip, come: tasks.Judged) -> str:
        """See :class:`Job`."""
        found = findings.of(movie_clip)
        found.verdicts = sorted(come.verdicts, key=lambda verdict: -verdict.badness)
        found.readiness = come.readiness
        found.know(come.cameras, self.shot.focal)
        if self.colors:
            color_by_verdict(movie_clip, come.verdicts)
        return verdicts_in_words(come.verdicts)


class CleanTracks(_Covering):
    """Refine, clean by verdict, fill what that has emptied, settle and weigh what is there for the solve."""

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.before = [track.copy() for track in self.shot.clip.tracks]
        self.task = partial(tasks.clean_shot, self.shot, self.wishes if chosen.fill else None)

    def take_over(self, movie_clip, come: tasks.Cleaned) -> str:
        """See :class:`Job`."""
        store = MovieClipStore(movie_clip)
        if store.read() != self.before:
            raise TrackingError(f"the tracks of {self.name!r} were changed meanwhile, nothing was done: do it again")
        store.write(come.refined)
        clean_tracks(movie_clip, verdicts=come.verdicts)
        store.add(come.added)
        store.write(come.settled)
        store.set_weights(come.weights)
        clear_colors(movie_clip)
        found = findings.of(movie_clip)
        found.verdicts, found.readiness = [], None
        found.know(come.cameras, self.shot.focal)
        return f"{come.cleaning.in_words()}, {len(come.added)} added"


class PrepareSolve(Job):
    """Leave the clip as Blender's solver needs it for its first try: lens, tripod or not, two frames to begin from."""

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        found = findings.of(movie_clip)
        self.known = found.cameras if found.focal == self.shot.focal else None
        self.task = None if self.known is not None else partial(tasks.find_cameras, self.shot)

    def take_over(self, movie_clip, come: ShotCameras | None) -> str:
        """See :class:`Job`."""
        cameras = self.known if self.known is not None else come
        begun = make_ready_to_solve(movie_clip, MovieClipStore(movie_clip).read(), cameras)
        findings.of(movie_clip).know(cameras, self.shot.focal)
        if begun is None:
            return "no two frames are fit to begin a solve from: the camera hardly moves, or tracks are few"
        return told_of_first_try(begun)


class SolveCamera(Job):
    """Solve the camera without Blender's solver, and put it into the scene with its point cloud."""

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.task = partial(tasks.solve_camera, self.shot)

    def take_over(self, movie_clip, come: CameraSolve) -> str:
        """See :class:`Job`."""
        add_solved_camera(come, movie_clip)
        MovieClipStore(movie_clip).set_errors(come.track_errors)
        findings.of(movie_clip).know(come.of_shot, self.shot.focal)
        return come.in_words()


class WriteReport(Job):
    """Judge the tracks, and write the report: one HTML file."""

    def __init__(self, movie_clip, chosen, path: Path) -> None:
        super().__init__(movie_clip, chosen)
        self.path = path
        self.task = partial(tasks.report_shot, self.shot, MovieClipStore(movie_clip).info, path)

    def take_over(self, movie_clip, come: None) -> str:
        """See :class:`Job`."""
        return f"{self.path} is written"
