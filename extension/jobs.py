"""What the buttons do, each in three parts.

A job begins in Blender, where it copies what it needs; works beside Blender, on that copy; and has Blender take over
what has come of it. Between the first and the last the artist goes on working.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from cinematic.tracking import (
    CameraSolve,
    Cleaning,
    Coverage,
    Progress,
    Readiness,
    TrackData,
    TrackingError,
    Verdict,
    auto_track,
    clean_tracks,
    judge_with_motion,
    read_tracks,
    refill_tracks,
    solve_camera,
    solve_readiness,
    weigh_tracks,
)
from cinematic.tracking.blender_camera import (
    add_solved_camera,
    lens_of_cameras,
    make_ready_to_solve,
    told_of_first_try,
)
from cinematic.tracking.blender_masks import annotation_of, drawn_mask
from cinematic.tracking.judge import ShotMotion, known_cameras, preset_limits
from cinematic.tracking.kernels import compile_kernels
from cinematic.tracking.lens import Lens
from cinematic.tracking.masks import DrawnMask
from cinematic.tracking.movie_clip import MovieClipStore
from cinematic.tracking.report import write_report
from cinematic.tracking.store import detached
from cinematic.tracking.types import verdicts_in_words

from . import findings
from .beside import Say
from .verdict_colors import clear_colors, color_by_verdict


class Job(ABC):
    """One of them. To begin, work and take over may raise a TrackingError: nothing has been changed then."""

    def __init__(self, movie_clip, chosen) -> None:
        """Begin: ``chosen`` are the scene's settings, which the artist may change meanwhile."""
        store = MovieClipStore(movie_clip)
        self.name: str = movie_clip.name
        self.clip = detached(movie_clip)
        self.preset: str = chosen.preset
        self.span = {"frame_start": store.numbers.first, "frame_end": store.numbers.last}

    @abstractmethod
    def work(self, say: Say) -> None:
        """Do it, without Blender."""

    @abstractmethod
    def take_over(self, movie_clip) -> str:
        """Put the result into Blender; what has come of it, in words."""

    def _judged(self, say: Say) -> tuple[list[Verdict], list[ShotMotion]]:
        compile_kernels(say)
        say("Judging")
        tracks = read_tracks(self.clip)
        if not tracks:
            raise TrackingError(f"clip {self.name!r} has no tracks to judge: track the shot first")
        return judge_with_motion(self.clip, preset_limits(self.preset, self.clip.size[0]), tracks=tracks)

    def _lens(self, motion: Sequence[ShotMotion]) -> Lens | None:
        cameras = known_cameras(motion)
        return None if cameras is None else lens_of_cameras(cameras, self.clip.size)


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

    added: list[TrackData]
    coverage: Coverage

    def work(self, say: Say) -> None:
        """See :class:`Job`."""
        compile_kernels(say)
        known = set(self.clip.tracks.keys())
        tell = partial(_tell, say, "Tracking")
        self.coverage = auto_track(self.clip, self.preset, on_progress=tell, **self.wishes)
        if not self.coverage.tracks:
            raise TrackingError(f"no features found on {self.name!r} that could be tracked: {self.coverage.why_none}")
        self.added = [track for track in self.clip.tracks if track.name not in known]

    def take_over(self, movie_clip) -> str:
        """See :class:`Job`."""
        MovieClipStore(movie_clip).add(self.added)
        return self.coverage.in_words()


class JudgeTracks(Job):
    """Judge every track, and color them by what is thought of them."""

    verdicts: list[Verdict]
    readiness: Readiness
    lens: Lens | None

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.colors = chosen.color_tracks

    def work(self, say: Say) -> None:
        """See :class:`Job`."""
        self.verdicts, motion = self._judged(say)
        self.readiness = solve_readiness(self.clip, self.verdicts, motion=motion)
        self.lens = self._lens(motion)

    def take_over(self, movie_clip) -> str:
        """See :class:`Job`."""
        found = findings.of(movie_clip)
        found.verdicts = sorted(self.verdicts, key=lambda verdict: -verdict.badness)
        found.readiness, found.lens = self.readiness, self.lens
        if self.colors:
            color_by_verdict(movie_clip, self.verdicts)
        return verdicts_in_words(self.verdicts)


class CleanTracks(_Covering):
    """Clean by verdict, fill what that has emptied, and weigh what is left for the solve."""

    verdicts: list[Verdict]
    cleaning: Cleaning
    added: list[TrackData]
    weights: dict[str, float]
    lens: Lens | None

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.before = [track.copy() for track in self.clip.tracks]
        self.fills = chosen.fill

    def work(self, say: Say) -> None:
        """See :class:`Job`."""
        self.verdicts, motion = self._judged(say)
        self.lens = self._lens(motion)
        self.cleaning = clean_tracks(self.clip, verdicts=self.verdicts)
        if not len(self.clip.tracks):
            raise TrackingError(f"cleaning would leave none of the {len(self.before)} tracks: nothing was done")
        added: Sequence[str] = ()
        if self.fills:
            tell = partial(_tell, say, "Filling")
            wishes = {"cleaning": self.cleaning, "motion": motion, "on_progress": tell, **self.wishes}
            added = refill_tracks(self.clip, self.preset, **wishes).added
        say("Weighing")
        self.weights = weigh_tracks(self.clip, motion=motion)
        self.added = [self.clip.tracks[name] for name in added]

    def take_over(self, movie_clip) -> str:
        """See :class:`Job`."""
        store = MovieClipStore(movie_clip)
        if store.read() != self.before:
            raise TrackingError(f"the tracks of {self.name!r} were changed meanwhile, nothing was done: do it again")
        clean_tracks(movie_clip, verdicts=self.verdicts)
        store.add(self.added)
        store.set_weights(self.weights)
        clear_colors(movie_clip)
        found = findings.of(movie_clip)
        found.verdicts, found.readiness, found.lens = [], None, self.lens
        return f"{self.cleaning.in_words()}, {len(self.added)} added"


class PrepareSolve(Job):
    """Leave the clip as Blender's solver needs it for its first try: lens, and two frames to begin from."""

    def __init__(self, movie_clip, chosen) -> None:
        super().__init__(movie_clip, chosen)
        self.lens = findings.of(movie_clip).lens

    def work(self, say: Say) -> None:
        """See :class:`Job`."""
        if self.lens is None:
            _, motion = self._judged(say)
            self.lens = self._lens(motion)
        say("Trying Blender's solver")

    def take_over(self, movie_clip) -> str:
        """See :class:`Job`."""
        begun = make_ready_to_solve(movie_clip, MovieClipStore(movie_clip).read(), self.lens)
        findings.of(movie_clip).lens = self.lens
        if begun is None:
            return "no two frames are fit to begin a solve from: the camera hardly moves, or tracks are few"
        return told_of_first_try(begun)


class SolveCamera(Job):
    """Solve the camera without Blender's solver, and put it into the scene with its point cloud."""

    solve: CameraSolve

    def work(self, say: Say) -> None:
        """See :class:`Job`."""
        say("Solving")
        self.solve = solve_camera(self.clip)

    def take_over(self, movie_clip) -> str:
        """See :class:`Job`."""
        add_solved_camera(self.solve, movie_clip)
        MovieClipStore(movie_clip).set_errors(self.solve.track_errors)
        findings.of(movie_clip).lens = lens_of_cameras(self.solve.cameras, self.clip.size)
        return self.solve.in_words()


class WriteReport(Job):
    """Judge the tracks, and write the report: one HTML file."""

    def __init__(self, movie_clip, chosen, path: Path) -> None:
        super().__init__(movie_clip, chosen)
        self.info = MovieClipStore(movie_clip).info
        self.path = path

    def work(self, say: Say) -> None:
        """See :class:`Job`."""
        verdicts, motion = self._judged(say)
        say("Writing the report")
        readiness = solve_readiness(self.clip, verdicts, motion=motion)
        write_report(self.path, self.info, list(self.clip.tracks), verdicts, readiness, self.clip.footage)

    def take_over(self, movie_clip) -> str:
        """See :class:`Job`."""
        return f"{self.path} is written"


def _tell(say: Say, what: str, progress: Progress) -> None:
    say(f"{what}: {progress.done / progress.total:.0%}")
