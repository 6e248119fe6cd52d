"""The interface in a running Blender with a window: what a headless run cannot show."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("window_script.py")
missing = [program for program in ("blender", "xvfb-run") if shutil.which(program) is None]

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)} (Debian: blender, xvfb)"),
]


def test_the_interface_with_a_clip_editor_open(movie: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "LIBGL_ALWAYS_SOFTWARE": "1",
        "PLATE": str(movie),
        "OUT": str(tmp_path),
        "PACKAGES": sysconfig.get_path("purelib"),
    }
    run = subprocess.run(
        ["xvfb-run", "-a", "-s", "-screen 0 1400x900x24", "blender", "--factory-startup", "--python", str(SCRIPT)],
        env=environment, capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert (tmp_path / "result.json").exists(), run.stdout + run.stderr
    seen = json.loads((tmp_path / "result.json").read_text())
    assert "error" not in seen, seen["error"]
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
