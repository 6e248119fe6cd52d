"""The tab "Cinetrack" in the Clip Editor's sidebar, from top to bottom what a shot goes through."""

import textwrap
from collections.abc import Sequence

import bpy

from cinematic.tracking import Verdict
from cinematic.tracking.movie_clip import read_markers

from . import findings
from .operators import clip_of, running_words

_MOST_SHOWN = 10
_LETTER = 8.0  # px that one is wide on average, with what a line has around it
_FEWEST_LETTERS = 16  # of a line
_ICONS = {"suspect": "QUESTION", "bad": "ERROR"}


class _Panel:
    bl_space_type = "CLIP_EDITOR"
    bl_region_type = "UI"
    bl_category = "Cinetrack"

    @classmethod
    def poll(cls, context) -> bool:
        """Called by Blender: whether the panel is there."""
        return clip_of(context) is not None


class CINETRACK_PT_track(_Panel, bpy.types.Panel):
    """What to track, and the button."""

    bl_label = "Track"

    def draw(self, context) -> None:
        """Called by Blender."""
        layout, chosen, clip = self.layout, context.scene.cinetrack, clip_of(context)
        layout.use_property_split, layout.use_property_decorate = True, False
        layout.prop(chosen, "preset")
        layout.prop(chosen, "tracks_per_frame")
        layout.prop(chosen, "mask")
        if chosen.mask is not None:
            layout.prop(chosen, "mask_use", text="Use")
        layout.prop(chosen, "annotation_use")
        layout.operator("cinetrack.track_shot", icon="TRACKING_FORWARDS")
        words = running_words()
        if words is not None:
            row = layout.row()
            row.label(text=words, icon="SORTTIME")
            row.operator("cinetrack.stop", text="", icon="X")
        elif findings.of(clip).last:
            _draw_paragraph(context, layout, findings.of(clip).last)


class CINETRACK_PT_quality(_Panel, bpy.types.Panel):
    """Judge and clean, and what is wrong with the worst tracks."""

    bl_label = "Quality"

    def draw(self, context) -> None:
        """Called by Blender."""
        layout, chosen, clip = self.layout, context.scene.cinetrack, clip_of(context)
        found = findings.of(clip)
        row = layout.row(align=True)
        row.operator("cinetrack.judge_tracks", icon="VIEWZOOM")
        row.operator("cinetrack.report", text="", icon="URL")
        layout.prop(chosen, "lens_is_known")
        layout.prop(chosen, "color_tracks")
        layout.operator("cinetrack.clean_tracks", icon="BRUSH_DATA")
        layout.prop(chosen, "fill")
        if found.readiness is not None:
            layout.label(text=f"Camera solve: {found.readiness.score:.0%} ready")
            for reason in found.readiness.reasons:
                _draw_paragraph(context, layout, reason)
            if found.readiness.lens:
                _draw_paragraph(context, layout, f"Lens: {found.readiness.lens}")
        _draw_worst(layout, clip, found.verdicts)


def _draw_worst(layout, clip, verdicts: Sequence[Verdict]) -> None:
    there = clip.tracking.tracks  # without those that were removed since
    worst = [each for each in verdicts if each.verdict in _ICONS and there.get(each.name) is not None]
    column = layout.column(align=True)
    for verdict in worst[:_MOST_SHOWN]:
        text = f"{verdict.name}: {verdict.reasons[0]}"
        button = column.operator("cinetrack.show_track", text=text, icon=_ICONS[verdict.verdict])
        button.name, button.reason = verdict.name, verdict.reasons[0]
        button.frame = min(verdict.bad_markers or read_markers(clip, there[verdict.name]).frames.tolist())
    if len(worst) > _MOST_SHOWN:
        column.label(text=f"and {len(worst) - _MOST_SHOWN} more")


def _draw_paragraph(context, layout, text: str) -> None:
    """Text in as many lines as the sidebar is narrow."""
    column = layout.column(align=True)
    letters = int(context.region.width / (_LETTER * context.preferences.system.ui_scale))
    for line in textwrap.wrap(text, max(letters, _FEWEST_LETTERS)):
        column.label(text=line)


class CINETRACK_PT_solve_and_export(_Panel, bpy.types.Panel):
    """Where the tracks go: Blender's solver, this package's, and other tools."""

    bl_label = "Solve and Export"

    def draw(self, context) -> None:
        """Called by Blender."""
        layout = self.layout
        layout.operator("cinetrack.prepare_solve", icon="PREFERENCES")
        layout.operator("clip.solve_camera", icon="CAMERA_DATA")
        layout.operator("cinetrack.solve_camera", icon="OUTLINER_OB_CAMERA")
        layout.separator()
        layout.prop(context.scene.cinetrack, "format", text="")
        row = layout.row(align=True)
        row.operator("cinetrack.export", text="Export", icon="EXPORT")
        row.operator("cinetrack.import", text="Import", icon="IMPORT")


CLASSES = (CINETRACK_PT_track, CINETRACK_PT_quality, CINETRACK_PT_solve_and_export)
