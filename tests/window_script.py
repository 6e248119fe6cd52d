"""Runs inside a real Blender window (see test_window.py): the interface with a Clip Editor open.

Blender's own Python starts this file; it writes what it saw to ``result.json`` beside a screenshot.
"""

import json
import os
import sys
import traceback
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[1]
MOVIE, OUT, PACKAGES = (Path(os.environ[name]) for name in ("PLATE", "OUT", "PACKAGES"))
sys.path[:0] = [str(ROOT / "lib")]
sys.path.append(str(PACKAGES))  # numba, av and so on; Blender's own bpy and numpy come first


def work():
    from cinematic import tracking as ct

    seen = {"blender": bpy.app.version_string, "background": bpy.app.background}
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda a: a.width * a.height)
    area.ui_type = "CLIP_EDITOR"
    space = area.spaces.active
    clip = ct.ensure_clip_loaded(MOVIE)
    space.clip = clip
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end, scene.frame_current = 3, 77, 9
    space.clip_user.frame_current = 9

    def surroundings():
        return [
            [a.ui_type for a in window.screen.areas], space.clip.name, space.mode, space.view,
            space.clip_user.frame_current, scene.frame_current, scene.frame_start, scene.frame_end,
        ]  # fmt: skip

    before = surroundings()
    seen["editor_found"] = ct.get_clip_editor_area() == area
    seen["active_clip"] = ct.get_active_clip() == clip
    seen["detected"] = ct.detect_features(clip)
    seen["created"] = len(clip.tracking.tracks)
    seen["tracked"] = ct.track_markers(clip)
    track = ct.add_track(clip, 2, (0.5, 0.5), "by hand")
    ct.configure_track(track, color=(1, 0, 0))
    track.hide = True
    seen["deleted"] = ct.delete_track(clip, "by hand")
    seen["cleaned"] = ct.clean_low_quality_tracks(clip, frames=20)
    seen["left"] = len(clip.tracking.tracks)
    seen["filtered"] = ct.filter_tracks_by_correlation(clip, 0.9999)
    seen["enabled"] = ct.enable_tracks(clip)
    seen["quality"] = {k: v for k, v in ct.analyze_track_quality(clip).items() if isinstance(v, int | float)}
    seen["put_back"] = surroundings() == before

    # the same where no Clip Editor is open: an area is borrowed and given back
    area.ui_type = "VIEW_3D"
    types = [a.ui_type for a in window.screen.areas]
    seen["borrowed"] = ct.detect_features(clip, frame=5, threshold=0.1)
    seen["given_back"] = [a.ui_type for a in window.screen.areas] == types
    area.ui_type = "CLIP_EDITOR"
    area.spaces.active.clip = clip
    seen["drawn"] = drawn(ct, clip, window, area)
    return seen


CORNERS = [(0.25, 0.25), (0.5, 0.25), (0.5, 0.75), (0.25, 0.75)]
"""Normalised; of what is drawn on the clip."""


def _along(corners, steps=40):
    """A hand goes along the edges: Blender smooths what has few points."""
    for (x, y), (u, v) in zip(corners, [*corners[1:], corners[0]], strict=True):
        for step in range(steps):
            yield x + (u - x) * step / steps, y + (v - y) * step / steps


def drawn(ct, clip, window, area):
    """The area that a mask, and a stroke of the pen, leave out: its borders and how much of it is filled."""
    import numpy as np

    from cinematic.tracking.blender_masks import annotation_of, drawn_mask

    mask = bpy.data.masks.new("m")
    spline = mask.layers.new(name="a").splines.new()
    spline.points.add(3)
    spline.use_cyclic = True
    width, height = clip.size
    for point, (x, y) in zip(spline.points, CORNERS, strict=True):
        point.handle_type = "VECTOR"
        point.co = point.handle_left = point.handle_right = (x, 0.5 + (y - 0.5) * height / width)
    region = next(region for region in area.regions if region.type == "WINDOW")
    bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)  # the pen goes by the view as it was drawn last
    elements = []
    given = {"name": "", "location": (0, 0, 0), "mouse_event": (0, 0), "pressure": 1.0, "size": 1.0, "time": 0.0,
             "pen_flip": False, "x_tilt": 0.0, "y_tilt": 0.0}  # fmt: skip
    known = bpy.types.OperatorStrokeElement.bl_rna.properties.keys()
    for place in _along(CORNERS):
        mouse = region.view2d.view_to_region(*place, clip=False)
        element = {**given, "mouse": tuple(map(float, mouse)), "is_start": not elements}
        elements.append({key: value for key, value in element.items() if key in known})
    with bpy.context.temp_override(window=window, area=area, region=region):
        bpy.ops.gpencil.annotate(mode="DRAW", stroke=elements)

    found = {}
    for name, entry in (("mask", mask), ("annotation", annotation_of(clip))):
        (_, area_of_it), *_ = drawn_mask(clip, entry, 9, 10, keep=False).frames(9, 10, backwards=False)
        rows, columns = np.nonzero(area_of_it)
        borders = [columns.min() / width, columns.max() / width, rows.min() / height, rows.max() / height]
        found[name] = [*map(float, borders), float(area_of_it.mean())]
    found["scenes"], found["windows"] = len(bpy.data.scenes), len(bpy.context.window_manager.windows)
    return found


def finish():
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda a: a.width * a.height)
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.screen.screenshot(filepath=str(OUT / "window.png"))
    bpy.ops.wm.quit_blender()


def start():
    try:
        seen = work()
    except BaseException:
        seen = {"error": traceback.format_exc()}
    (OUT / "result.json").write_text(json.dumps(seen))
    bpy.app.timers.register(finish, first_interval=2)  # after the window has been drawn


bpy.context.preferences.view.show_splash = False  # it would hide the picture
bpy.app.timers.register(start, first_interval=3)
