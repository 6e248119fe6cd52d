"""Runs inside a real Blender window (see test_window.py): the extension's buttons, pressed one after the other.

Blender's own Python starts this file; it writes what it saw to ``result.json``.
"""

import json
import os
import sys
import traceback
from pathlib import Path

import bpy

ROOT = Path(__file__).resolve().parents[1]
MOVIE, OUT, PACKAGES = (Path(os.environ[name]) for name in ("PLATE", "OUT", "PACKAGES"))
sys.path[:0] = [str(ROOT), str(ROOT / "lib")]
sys.path.append(str(PACKAGES))  # numba, av and so on; Blender's own bpy and numpy come first

TICK = 0.1  # s


def surroundings():
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda a: a.width * a.height)
    region = next(region for region in area.regions if region.type == "WINDOW")
    return {"window": window, "area": area, "region": region}


def press(button, stop=False):
    """Press a button of the extension's; how it began, what it said meanwhile, and what came of it."""
    from extension import findings, operators

    clip = bpy.data.movieclips[0]
    words = set()
    with bpy.context.temp_override(**surroundings()):
        began = getattr(bpy.ops.cinetrack, button)("INVOKE_DEFAULT")
    if stop:
        bpy.ops.cinetrack.stop()
    while operators.running_words() is not None:
        words.add(operators.running_words())
        yield TICK
    return {"began": sorted(began), "words": sorted(words), "last": findings.of(clip).last}


def noted(panel, drawn):
    """A panel's drawing, which says that it has come to its end."""
    draw = panel.draw

    def drawing(self, context):
        draw(self, context)
        drawn.add(panel.__name__.removeprefix("CINETRACK_PT_"))

    return drawing


def seen_by_pressing():
    """Every step yields how long to wait, so that the window lives on meanwhile."""
    import extension
    from cinematic.tracking import ensure_clip_loaded

    drawn = set()
    for panel in extension.panels.CLASSES:
        panel.draw = noted(panel, drawn)
        panel.bl_category = "Footage"  # the tab that is open: older Blenders have no way to open another
    extension.register()
    place = surroundings()
    place["area"].ui_type = "CLIP_EDITOR"
    space = place["area"].spaces.active
    space.clip = clip = ensure_clip_loaded(MOVIE)
    space.show_region_ui = True
    bpy.context.scene.cinetrack.tracks_per_frame = 60
    tracks, seen = clip.tracking.tracks, {}
    bpy.ops.ed.undo_push(message="the clip is open")
    yield 1.0

    seen["stopped"] = yield from press("track_shot", stop=True)
    seen["tracks after stopping"] = len(tracks)
    seen["track"] = yield from press("track_shot")
    seen["tracks"] = len(clip.tracking.tracks)
    seen["judge"] = yield from press("judge_tracks")
    yield 1.0
    seen["clean"] = yield from press("clean_tracks")
    with bpy.context.temp_override(**surroundings()):
        bpy.ops.ed.undo()
    seen["tracks after undoing"] = len(bpy.data.movieclips[0].tracking.tracks)
    yield 1.0
    seen["panels"] = sorted(drawn)
    extension.unregister()
    return seen


def end(seen):
    (OUT / "result.json").write_text(json.dumps(seen))
    bpy.ops.wm.quit_blender()


steps = seen_by_pressing()


def go_on():
    try:
        return next(steps)
    except StopIteration as stopped:
        end(stopped.value)
    except BaseException:
        end({"error": traceback.format_exc()})
    return None


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(go_on, first_interval=3)
