"""Blender: what is drawn on a clip, masks and annotations, as places to leave out.

A mask is rendered by Blender itself, in a scene of its own that goes again: Python sees a mask's splines as they were
drawn, and not where shape keys and parent tracks have taken them. An annotation's strokes are polygons.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .blender import interrupts_held, output_redirected, require_blender
from .context import frame_numbers
from .coords import FrameNumbers, Size, pixels_from_co
from .errors import ParameterError, TrackingError
from .footage import open_footage
from .masks import DrawnMask, Excluded, is_white

PLACEMENTS = ("FRAME", "INSIDE_GPENCIL", "OUTSIDE_GPENCIL")
"""Where Blender's own detection looks: everywhere, or inside or outside the annotation's strokes."""

_SUBPIXEL = 8  # bits


def drawn_mask(clip: Any, entry: Any, first: int, last: int, *, keep: bool) -> DrawnMask | None:
    """The mask that an artist has drawn on a MovieClip, over the plate's frames ``first`` to ``last``.

    Parameters
    ----------
    entry
        A ``bpy.types.Mask``: as Blender renders it, with feather, shape keys and parent tracks, without layers that are
        hidden from renders; white is what is more than half covered. Or the clip's own annotation, or a layer of it:
        white is what is inside its strokes, each of them closed, as they show on the frame.

    Returns
    -------
    DrawnMask or None
        None: it is neither.

    Raises
    ------
    ParameterError
        A mask on a clip whose pixels are not square; or an annotation without an area on these frames.
    TrackingError
        Blender could not render the mask; with its words.
    """
    bpy = require_blender()
    numbers, size = frame_numbers(clip), (int(clip.size[0]), int(clip.size[1]))
    if isinstance(entry, bpy.types.Mask):
        if clip.display_aspect[0] != clip.display_aspect[1]:
            raise ParameterError(f"expected square pixels to read mask {entry.name!r}, {clip.name!r} has others")
        return DrawnMask.of(_rendered(entry, size, numbers, first, last), size, keep=keep)
    annotation = annotation_of(clip)
    if annotation is None:
        return None
    layers = [layer for layer in annotation.layers if entry in (annotation, layer)]
    if not layers:
        return None
    return DrawnMask.of(_inside_strokes(layers, size, numbers, first, last), size, keep=keep)


def annotation_of(clip: Any) -> Any | None:
    """The annotation of a MovieClip, or None. Blender 5.0 gave it a name of its own."""
    return clip.annotation if require_blender().app.version >= (5, 0, 0) else clip.grease_pencil


def check_annotated(clip: Any, placement: str) -> None:
    """Blender's detection heeds the active layer of the clip's annotation, and without one it looks everywhere.

    Raises
    ------
    ParameterError
        There is no stroke on that layer.
    """
    annotation = annotation_of(clip)
    layers = annotation.layers if annotation is not None else None
    active = layers[layers.active_index] if layers else None
    if active is None or not any(_polygons(active, frame, clip.size) for frame in active.frames):
        raise ParameterError(
            f"expected strokes on the active annotation layer of {clip.name!r} for {placement}, got none"
        )


# -- masks ------------------------------------------------------------------------------------------------------------


def _rendered(
    mask: Any, size: Size, numbers: FrameNumbers, first: int, last: int
) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
    with tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        pictures = Path(scratch, "frames")
        pictures.mkdir()
        with (
            interrupts_held(),
            output_redirected(Path(scratch, "blender.log")),  # a line for every frame
            _stage(mask, size, numbers.scene_from_plate(first), last - first + 1) as scene,
        ):
            scene.render.filepath = str(pictures / "mask.####")
            _render(mask, scene)
        for number, picture in open_footage(pictures).frames(1, last - first + 1):
            white = is_white(picture)
            white[0, -1] = white[0, -2]  # Blender does not write its last pixel: whatever was in memory is there
            yield first + number - 1, white


@contextmanager
def _stage(mask: Any, size: Size, start: int, frames: int) -> Iterator[Any]:
    """A scene that shows nothing but the mask: its frame 1 is the mask's scene frame ``start``."""
    bpy = require_blender()
    lowest = mask.bl_rna.properties["frame_start"].hard_min
    if start < lowest:
        raise TrackingError(f"mask {mask.name!r}: the clip begins at scene frame {start}, and masks at {lowest}")
    known = set(bpy.data.images)
    copy, scene = mask.copy(), bpy.data.scenes.new("mask")
    try:
        copy.frame_start, copy.frame_end = start, start + frames  # the copy's: a strip is cut to that
        _set_up(scene, size, frames)
        editor = scene.sequence_editor_create()
        strips = editor.strips if bpy.app.version >= (4, 4, 0) else editor.sequences
        strips.new_mask(name="mask", mask=copy, channel=1, frame_start=1)
        yield scene
    finally:
        bpy.data.scenes.remove(scene)
        bpy.data.masks.remove(copy)
        for image in set(bpy.data.images) - known:  # the render result, where there was none
            bpy.data.images.remove(image)


def _set_up(scene: Any, size: Size, frames: int) -> None:
    """Pictures of values as they are."""
    render = scene.render
    render.resolution_x, render.resolution_y = size
    render.resolution_percentage = 100
    render.use_sequencer, render.use_compositing = True, False
    render.dither_intensity = 0.0
    render.image_settings.file_format = "PNG"
    render.image_settings.color_mode = "BW"
    scene.view_settings.view_transform = "Standard"
    scene.frame_start, scene.frame_end = 1, frames


def _render(mask: Any, scene: Any) -> None:
    try:
        done = require_blender().ops.render.render(animation=True, scene=scene.name)
    except RuntimeError as error:
        raise TrackingError(f"Blender cannot render mask {mask.name!r}: {' '.join(str(error).split())}") from error
    if done != {"FINISHED"}:
        raise TrackingError(f"Blender did not render mask {mask.name!r}: is it rendering something else?")


# -- annotations ------------------------------------------------------------------------------------------------------


def _inside_strokes(
    layers: Sequence[Any], size: Size, numbers: FrameNumbers, first: int, last: int
) -> Iterator[tuple[int, Excluded]]:
    drawn: dict[tuple[int, ...], Excluded] = {}
    for frame in range(first, last + 1):
        shown = [_shown(layer, numbers.scene_from_plate(frame)) for layer in layers]
        key = tuple(-1 if entry is None else entry.frame_number for entry in shown)
        if key not in drawn:
            polygons = [
                _polygons(layer, entry, size) for layer, entry in zip(layers, shown, strict=True) if entry is not None
            ]
            drawn[key] = _filled([polygon for found in polygons for polygon in found], size)
        yield frame, drawn[key]
    if not any(area.any() for area in drawn.values()):
        names = ", ".join(repr(layer.info) for layer in layers)
        raise ParameterError(
            f"expected strokes around an area on frames {first}-{last}, annotation {names} has none there"
        )


def _shown(layer: Any, scene_frame: int) -> Any | None:
    """The drawing of a layer that Blender shows on a scene frame: the last one, until there is another."""
    if layer.annotation_hide:
        return None
    if layer.lock_frame:
        return layer.active_frame
    earlier = [entry for entry in layer.frames if entry.frame_number <= scene_frame]
    return max(earlier, key=lambda entry: entry.frame_number, default=None)


def _polygons(layer: Any, drawing: Any, size: Size) -> list[npt.NDArray[np.float64]]:
    """The strokes (n, 2) of a drawing that go around something, px."""
    found = []
    for stroke in drawing.strokes:
        places = np.empty(3 * len(stroke.points), np.float32)
        stroke.points.foreach_get("co", places)
        if not np.isfinite(places).all():
            raise ParameterError(
                f"expected annotation {layer.info!r} to have been drawn in Blender's window, its strokes have no places"
            )
        if len(stroke.points) > 2:
            found.append(pixels_from_co(places.reshape(-1, 3)[:, :2], size))
    return found


def _filled(polygons: Iterable[npt.NDArray[np.float64]], size: Size) -> Excluded:
    import cv2  # a tenth of a second that most uses of this package do not need

    width, height = size
    area = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        corners = np.rint(polygon * (1 << _SUBPIXEL)).astype(np.int32)
        cv2.fillPoly(area, [corners], (1,), shift=_SUBPIXEL)
    return area.astype(bool)
