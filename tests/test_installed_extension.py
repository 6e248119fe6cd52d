"""The extension as artists get it: the .zip, built here, installed by a Blender that has nothing else, and used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from cinematic.tracking import BLENDER_AVAILABLE
from cinematic.tracking.blender import installed_release

ROOT = Path(__file__).resolve().parents[1]

pytestmark = [
    pytest.mark.extension,
    pytest.mark.skipif(not BLENDER_AVAILABLE, reason="Blender's module bpy is not installed (Python 3.11 only)"),
]

SCRIPT = """
import json, sys, time
import bpy

(zipped, plate, out), seen = sys.argv[1:], {}
bpy.ops.extensions.package_install_files(filepath=zipped, repo="user_default", enable_on_install=True)
import cinematic.tracking, numba, numpy

seen["places"] = [module.__file__ for module in (cinematic.tracking, numba, numpy)]
clip = cinematic.tracking.ensure_clip_loaded(plate)
for button in ("track_shot", "clean_tracks", "prepare_solve"):
    seen[button] = sorted(getattr(bpy.ops.cinetrack, button)())
seen["tracks"] = len(clip.tracking.tracks)
from bl_ext.user_default.cinematic_tracking import beside, jobs
come = beside.Beside(jobs.JudgeTracks(clip, bpy.context.scene.cinetrack).task).outcome()
seen["judged beside Blender"] = len(come.verdicts)
with cinematic.tracking.tracking_context(clip):
    bpy.ops.clip.solve_camera()
seen["error"] = clip.tracking.reconstruction.average_error
bpy.ops.cinetrack.solve_camera()
seen["camera"] = bpy.context.scene.camera.name
bpy.ops.preferences.addon_disable(module="bl_ext.user_default.cinematic_tracking")
seen["left"] = [name for name in dir(bpy.types) if name.startswith("CINETRACK_")]
with open(out, "w") as file:
    json.dump(seen, file)
"""


def test_it_installs_and_works_where_there_is_nothing_but_blender(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "extension" / "build.py"), str(tmp_path)], check=True)
    (zipped,) = tmp_path.glob("*.zip")
    venv.create(tmp_path / "blender", with_pip=True)
    python = tmp_path / "blender" / "bin" / "python"
    release = installed_release().removeprefix("Blender ")
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", f"bpy=={release}.*"], check=True)
    user, out = tmp_path / "user", tmp_path / "seen.json"
    run = subprocess.run(
        [str(python), "-c", SCRIPT, str(zipped), str(ROOT / "examples" / "sample_plate.mp4"), str(out)],
        env={**os.environ, "BLENDER_USER_RESOURCES": str(user)}, cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert out.exists(), run.stdout + run.stderr
    seen = json.loads(out.read_text())
    package, numba, numpy = map(Path, seen["places"])
    assert package.is_relative_to(user)
    assert numba.is_relative_to(user)
    assert numpy.is_relative_to(tmp_path / "blender")  # Blender's own
    assert seen["track_shot"] == seen["clean_tracks"] == seen["prepare_solve"] == ["FINISHED"]
    assert seen["tracks"] > 200
    assert seen["judged beside Blender"] == seen["tracks"]
    assert seen["error"] < 0.15
    assert seen["camera"] == "Solved camera"
    assert seen["left"] == []
