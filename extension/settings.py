"""What the artist has chosen; kept in the scene, saved with the .blend."""

import bpy

from cinematic.tracking import formats, get_detection_params, get_tracking_preset, list_tracking_presets
from cinematic.tracking.point_tracker import MOST_TRACKS_PER_FRAME

_PRESETS = [
    (name, name.replace("_", " ").title(), get_tracking_preset(name)["description"]) for name in list_tracking_presets()
]

_FORMATS = [(name, form.title, f"Write {form.extensions[0]}") for name, form in formats.FORMATS.items()]

_FIRST = "balanced"


def _take_target(chosen, context) -> None:
    chosen.tracks_per_frame = get_detection_params(chosen.preset)["tracks_per_frame"]


class CinetrackSettings(bpy.types.PropertyGroup):
    """Of ``auto_track``, ``refill_tracks`` and ``judge_tracks``."""

    preset: bpy.props.EnumProperty(
        name="Preset", items=_PRESETS, default=_FIRST, update=_take_target,
        description="Detection, patterns, and what a track may do and still be good",
    )  # fmt: skip
    tracks_per_frame: bpy.props.IntProperty(
        name="Tracks per Frame", min=1, max=MOST_TRACKS_PER_FRAME,
        default=get_detection_params(_FIRST)["tracks_per_frame"],
        description="How many tracks to keep alive on every frame, evenly spread",
    )  # fmt: skip
    mask: bpy.props.PointerProperty(type=bpy.types.Mask, name="Mask", description="Keep tracks out of it, or inside it")
    mask_use: bpy.props.EnumProperty(
        name="Mask Use", default="LEAVE_OUT",
        items=[
            ("LEAVE_OUT", "Leave Out", "No tracks inside the mask: an actor, a car that drives"),
            ("KEEP", "Keep to It", "No tracks outside the mask"),
        ],
    )  # fmt: skip
    annotation_use: bpy.props.EnumProperty(
        name="Annotation", default="IGNORE",
        description="What the strokes of the clip's annotation mean",
        items=[
            ("IGNORE", "Ignore", "Strokes are notes"),
            ("LEAVE_OUT", "Leave Out", "No tracks inside the strokes"),
            ("KEEP", "Keep to It", "No tracks outside the strokes"),
        ],
    )  # fmt: skip
    lens_is_known: bpy.props.BoolProperty(
        name="Lens Is Known",
        description="Take the focal length of the clip's lens (Track > Lens) as exact; otherwise it is found",
    )  # fmt: skip
    color_tracks: bpy.props.BoolProperty(
        name="Color by Verdict", default=True,
        description="Bad tracks red, suspect ones orange; colors that you have given stay",
    )  # fmt: skip
    fill: bpy.props.BoolProperty(
        name="Fill Again", default=True, description="Track other features where cleaning has left too few"
    )
    format: bpy.props.EnumProperty(name="Format", items=_FORMATS)


CLASSES = (CinetrackSettings,)


def attach() -> None:
    """Give every scene its settings."""
    bpy.types.Scene.cinetrack = bpy.props.PointerProperty(type=CinetrackSettings)


def detach() -> None:
    """Take them away."""
    del bpy.types.Scene.cinetrack
