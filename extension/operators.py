"""The buttons: each begins a job, has it done beside Blender while the window lives on, and takes its result over."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
from bpy_extras.io_utils import ExportHelper, ImportHelper

from cinematic.tracking import TrackingError, formats, get_active_clip
from cinematic.tracking.formats.registry import find_format
from cinematic.tracking.movie_clip import MovieClipStore, select_only
from cinematic.tracking.report.words import explained

from . import findings, jobs
from .beside import Beside, Stopped

_TICK = 0.2  # s between two looks at how far the work is


@dataclass(frozen=True)
class _Running:
    job: jobs.Job
    beside: Beside


_running: _Running | None = None


def running_words() -> str | None:
    """What the running job is doing; None: there is none."""
    if _running is None:
        return None
    return "Stopping" if _running.beside.is_stopping else _running.beside.said


def stop_running() -> None:
    """End the running job without a result."""
    if _running is not None:
        _running.beside.stop()


def abandon_running() -> None:
    """End the running job, and forget it: nobody will take its result over."""
    global _running
    if _running is not None:
        _running.beside.abandon()
    _running = None


def clip_of(context):
    """The MovieClip that a button pressed here means, or None."""
    space = context.space_data
    return space.clip if space is not None and space.type == "CLIP_EDITOR" else get_active_clip()


class _OnClip:
    """An operator that needs a clip."""

    bl_options = {"UNDO"}  # noqa: RUF012 - Blender's

    @classmethod
    def poll(cls, context) -> bool:
        """Called by Blender: whether the button can be pressed."""
        if _running is not None:
            cls.poll_message_set("Wait, or press Esc: another job is running")
            return False
        if clip_of(context) is None:
            cls.poll_message_set("Open a clip first")
            return False
        return True

    def _refused(self, error: Exception | str):
        self.report({"ERROR"}, str(error))
        return {"CANCELLED"}


class _Doing(_OnClip):
    """An operator that does a job: beside Blender when a button is pressed, at once when a script calls it."""

    _job: type[jobs.Job]

    def _begun(self, context) -> jobs.Job:
        return self._job(clip_of(context), context.scene.cinetrack)

    def _ended(self) -> None:
        """After the result was taken over from a button's job."""

    def execute(self, context):
        """Called by Blender for scripts: do all of it now."""
        try:
            job = self._begun(context)
            return self._take_over(context, job, None if job.task is None else job.task(lambda words: None))
        except TrackingError as error:
            return self._refused(error)

    def invoke(self, context, event):
        """Called by Blender for a button: begin."""
        global _running
        try:
            job = self._begun(context)
            if job.task is None:
                return self._take_over(context, job, None)
            _running = _Running(job, Beside(job.task))
        except TrackingError as error:
            return self._refused(error)
        self._timer = context.window_manager.event_timer_add(_TICK, window=context.window)
        context.window_manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context, event):
        """Called by Blender for whatever happens meanwhile; the artist goes on working."""
        global _running
        assert _running is not None
        if event.type == "ESC" and event.value == "PRESS":
            stop_running()
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        _redraw(context)
        context.workspace.status_text_set(f"{self.bl_label}: {running_words()} (Esc stops)")
        if not _running.beside.is_done:
            return {"PASS_THROUGH"}  # other timers are others' business
        job, beside = _running.job, _running.beside
        _running = None
        self._come_to_rest(context)
        try:
            done = self._take_over(context, job, beside.outcome())
        except Stopped:
            self.report({"INFO"}, "Stopped: nothing was changed")
            return {"CANCELLED"}
        except TrackingError as refused:
            return self._refused(refused)
        self._ended()
        return done

    def cancel(self, context) -> None:
        """Called by Blender when another file is opened."""
        abandon_running()
        self._come_to_rest(context)

    def _come_to_rest(self, context) -> None:
        context.window_manager.event_timer_remove(self._timer)
        context.workspace.status_text_set(None)
        _redraw(context)

    def _take_over(self, context, job: jobs.Job, come: Any):
        clip = bpy.data.movieclips.get(job.name)  # it may be another struct by now: Undo makes new ones
        if clip is None:
            raise TrackingError(f"clip {job.name!r} is gone, nothing was done")
        words = job.take_over(clip, come)
        findings.of(clip).last = words
        self.report({"INFO"}, words)
        _redraw(context)
        return {"FINISHED"}


def _redraw(context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "CLIP_EDITOR":
                area.tag_redraw()


class CINETRACK_OT_track_shot(_Doing, bpy.types.Operator):
    """Cover the whole shot with tracks, evenly spread; tracks that are there stay as they are"""

    bl_idname = "cinetrack.track_shot"
    bl_label = "Track Shot"
    _job = jobs.TrackShot


class CINETRACK_OT_judge_tracks(_Doing, bpy.types.Operator):
    """Find the bad tracks before the solve, whoever tracked them, and say why"""

    bl_idname = "cinetrack.judge_tracks"
    bl_label = "Judge Tracks"
    _job = jobs.JudgeTracks


class CINETRACK_OT_clean_tracks(_Doing, bpy.types.Operator):
    """Refine and judge the tracks, cut or remove what is bad. Locked ones and those set by hand stay as they are"""

    bl_idname = "cinetrack.clean_tracks"
    bl_label = "Clean Tracks"
    _job = jobs.CleanTracks


class CINETRACK_OT_prepare_solve(_Doing, bpy.types.Operator):
    """Give Blender's solver the lens that the tracks tell, tripod or not, and two frames to begin from that work"""

    bl_idname = "cinetrack.prepare_solve"
    bl_label = "Prepare Solve"
    _job = jobs.PrepareSolve


class CINETRACK_OT_solve_camera(_Doing, bpy.types.Operator):
    """Solve the camera by the package's own solver; adds an animated camera and the point cloud to the scene"""

    bl_idname = "cinetrack.solve_camera"
    bl_label = "Solve and Add Camera"
    _job = jobs.SolveCamera


class CINETRACK_OT_report(_Doing, bpy.types.Operator):
    """Judge the tracks and open the report in a browser: every track with its patterns, curves and reason"""

    bl_idname = "cinetrack.report"
    bl_label = "Report"
    bl_options = set()  # noqa: RUF012 - Blender's; nothing to undo

    filepath: bpy.props.StringProperty(subtype="FILE_PATH", description="Default: in Blender's temporary folder")

    def _begun(self, context):
        clip = clip_of(context)
        name = f"{bpy.path.clean_name(clip.name)}.report.html"
        self._path = Path(bpy.path.abspath(self.filepath)) if self.filepath else Path(bpy.app.tempdir, name)
        return jobs.WriteReport(clip, context.scene.cinetrack, self._path)

    def _ended(self) -> None:
        bpy.ops.wm.url_open(url=self._path.as_uri())


class CINETRACK_OT_stop(bpy.types.Operator):
    """Stop the job that is running; nothing is changed"""

    bl_idname = "cinetrack.stop"
    bl_label = "Stop"
    bl_options = set()  # noqa: RUF012 - Blender's

    @classmethod
    def poll(cls, context) -> bool:
        """Called by Blender: whether the button can be pressed."""
        return _running is not None

    def execute(self, context):
        """Called by Blender."""
        stop_running()
        return {"FINISHED"}


class CINETRACK_OT_show_track(_OnClip, bpy.types.Operator):
    """Select the track, and go to where it goes wrong"""

    bl_idname = "cinetrack.show_track"
    bl_label = "Show Track"

    name: bpy.props.StringProperty()
    frame: bpy.props.IntProperty(description="The plate's number")
    reason: bpy.props.StringProperty(description="Why it is not good, one of the package's reasons")

    @classmethod
    def description(cls, context, properties) -> str:
        """Called by Blender: what shows when the mouse rests on the button."""
        meaning, advice = explained(properties.reason)
        return f"{meaning} {advice}"

    def execute(self, context):
        """Called by Blender."""
        clip = clip_of(context)
        track = clip.tracking.tracks.get(self.name)
        if track is None:
            return self._refused(f"expected a track of {clip.name!r}, got {self.name!r}")
        select_only(clip, [self.name])
        clip.tracking.tracks.active = track
        context.scene.frame_set(MovieClipStore(clip).numbers.scene_from_plate(self.frame))
        return {"FINISHED"}


class CINETRACK_OT_export(_OnClip, ExportHelper, bpy.types.Operator):
    """Write the clip's tracks for another tool"""

    bl_idname = "cinetrack.export"
    bl_label = "Export Tracks"
    bl_options = set()  # noqa: RUF012 - Blender's; nothing to undo

    filename_ext = ""
    check_extension = None  # the format may be any: the name is what the artist makes it

    def invoke(self, context, event):
        """Called by Blender: ask for a file."""
        form, _ = find_format(context.scene.cinetrack.format)
        self.filepath = f"{Path(clip_of(context).name).stem}{form.export_suffix}"
        return ExportHelper.invoke(self, context, event)

    def execute(self, context):
        """Called by Blender."""
        store, scene = MovieClipStore(clip_of(context)), context.scene
        fps = store.info.fps or scene.render.fps / scene.render.fps_base
        try:
            written = formats.write(
                store.read(), self.filepath, scene.cinetrack.format, clip=store.info, fps=fps, overwrite=True
            )
        except (TrackingError, OSError) as error:
            return self._refused(error)
        lost = "".join(f"; {loss}" for loss in written.losses)
        self.report({"INFO"}, f"{written.tracks} tracks in {self.filepath}{lost}")
        return {"FINISHED"}


class CINETRACK_OT_import(_OnClip, ImportHelper, bpy.types.Operator):
    """Read tracks of another tool into the clip"""

    bl_idname = "cinetrack.import"
    bl_label = "Import Tracks"

    def execute(self, context):
        """Called by Blender."""
        store = MovieClipStore(clip_of(context))
        try:
            shot = formats.read(
                self.filepath, size=store.size, frame_start=store.numbers.first, corner=store.info.corner
            )
        except (TrackingError, OSError) as error:
            return self._refused(error)
        store.add(shot.tracks)
        self.report({"INFO"}, f"{len(shot.tracks)} tracks from {self.filepath}")
        return {"FINISHED"}


CLASSES = (
    CINETRACK_OT_track_shot,
    CINETRACK_OT_judge_tracks,
    CINETRACK_OT_clean_tracks,
    CINETRACK_OT_prepare_solve,
    CINETRACK_OT_solve_camera,
    CINETRACK_OT_report,
    CINETRACK_OT_stop,
    CINETRACK_OT_show_track,
    CINETRACK_OT_export,
    CINETRACK_OT_import,
)
