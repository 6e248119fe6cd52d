"""A Blender in a process of its own writes the .blend that this one would.

Each test is a process that has not imported bpy, as the command line's is.
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cinematic.tracking.blend_file import open_blend
from cinematic.tracking.movie_clip import MovieClipStore

CODE = """
import os, signal, sys
from pathlib import Path
from cinematic.tracking.blend_process import BlendProcess
from cinematic.tracking.types import TrackData

def meanwhile(blender):
    {meanwhile}

if __name__ == "__main__":
    tracks = [TrackData(name, {{1: (0.25, 0.5), 2: (0.3, 0.5)}}, reference_frames=[1]) for name in ("door", "lamp")]
    blender = BlendProcess(Path(sys.argv[1]))
    try:
        with blender.writing(Path(sys.argv[2]), 2.0, tracks, None, None, 700.0):
            meanwhile(blender)
        print("written")
    except Exception as error:
        print(type(error).__name__, error)
    blender.close()
"""


def outcome(footage: Path, blend: Path, folder: Path, meanwhile: str = "pass") -> str:
    """What a process says that has the .blend written."""
    script = folder / "script.py"
    script.write_text(CODE.format(meanwhile=meanwhile))
    done = subprocess.run([sys.executable, script, footage, blend], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_what_it_is_given_is_in_the_blend(bpy: Any, movie: Path, tmp_path: Path) -> None:
    blend = tmp_path / "shot.blend"
    assert outcome(movie, blend, tmp_path) == "written"
    clip = open_blend(blend)
    assert Path(bpy.path.abspath(clip.filepath)).resolve() == movie
    assert MovieClipStore(clip).pixel_aspect == 2.0
    assert clip.tracking.camera.focal_length_pixels == pytest.approx(700.0)
    places = {1: (0.25, 0.5), 2: (0.3, 0.5)}
    assert {track.name: track.markers for track in MovieClipStore(clip).read()} == {"door": places, "lamp": places}


def test_what_fails_there_is_raised_here(movie: Path, tmp_path: Path) -> None:
    assert outcome(movie, tmp_path / "nowhere" / "shot.blend", tmp_path).startswith(
        "TrackingError Blender cannot write"
    )


def test_footage_that_is_none(tmp_path: Path) -> None:
    assert outcome(tmp_path / "gone.mp4", tmp_path / "shot.blend", tmp_path).startswith("FootageError")


def test_a_crash_is_told(movie: Path, tmp_path: Path) -> None:
    told = outcome(movie, tmp_path / "shot.blend", tmp_path, "os.kill(blender._process.pid, signal.SIGKILL)")
    assert told == "TrackingError Blender ended before the .blend was written (exit code -9)"


def test_an_error_meanwhile_is_the_one_that_is_raised(movie: Path, tmp_path: Path) -> None:
    assert outcome(movie, tmp_path / "nowhere" / "shot.blend", tmp_path, "1 / 0").startswith("ZeroDivisionError")
