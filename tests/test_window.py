"""The interface in a running Blender with a window: what a headless run cannot show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

missing = [program for program in ("blender", "xvfb-run") if shutil.which(program) is None]

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (Debian: blender, xvfb)"),
]


def seen_in_window(script: str, plate: Path, out: Path) -> dict[str, Any]:
    """What a script beside this file has seen of a Blender with a window; nothing was printed of errors."""
    environment = {
        **os.environ,
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "PLATE": str(plate),
        "OUT": str(out),
        "PACKAGES": sysconfig.get_path("purelib"),
    }
    run = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1400x900x24",
         "blender", "--factory-startup", "--python", str(Path(__file__).with_name(script))],
        env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert (out / "result.json").exists(), run.stdout + run.stderr
    assert "Traceback" not in run.stdout + run.stderr
    seen: dict[str, Any] = json.loads((out / "result.json").read_text())
    assert "error" not in seen, seen["error"]
    return seen


def test_the_interface_with_a_clip_editor_open(movie: Path, tmp_path: Path) -> None:
    seen = seen_in_window("window_script.py", movie, tmp_path)
    assert not seen["background"]
    assert seen["editor_found"]
    assert seen["active_clip"]
    assert seen["detected"] == seen["created"] >= 50
    assert seen["tracked"]["status"] == "completed"
    assert seen["tracked"]["frames_processed"] == 24
    assert seen["deleted"]
    assert seen["left"] == seen["created"] - seen["cleaned"]
    assert seen["filtered"] == seen["enabled"] > 0
    assert seen["quality"]["total_tracks"] == seen["left"]
    assert seen["put_back"]
    assert seen["borrowed"] > 0
    assert seen["given_back"]
    for name in ("mask", "annotation"):  # what is drawn with a pen is read where it was drawn
        assert seen["drawn"][name] == pytest.approx([0.25, 0.5, 0.25, 0.75, 0.125], abs=0.012), name
    assert (seen["drawn"]["scenes"], seen["drawn"]["windows"]) == (1, 1)  # nothing of the rendering is left
    assert (tmp_path / "window.png").stat().st_size > 10_000


def test_the_extensions_buttons_pressed_in_a_window(movie: Path, tmp_path: Path) -> None:
    """Work goes on beside the window, can be stopped and undone, and the panels draw what has come of it."""
    seen = seen_in_window("window_extension.py", movie, tmp_path)
    for button in ("stopped", "track", "judge", "clean"):
        assert seen[button]["began"] == ["RUNNING_MODAL"]
    assert seen["tracks after stopping"] == 0
    assert seen["stopped"]["last"] == ""
    assert seen["stopped"]["words"] == ["Stopping"]
    assert seen["track"]["words"]
    assert seen["tracks"] >= 50
    assert seen["track"]["last"].startswith(f"{seen['tracks']} tracks, ")
    assert seen["judge"]["last"].endswith(" bad")
    assert "tracks removed" in seen["clean"]["last"]
    assert seen["tracks after undoing"] == seen["tracks"]
    assert seen["panels"] == ["quality", "solve_and_export", "track"]
