"""What ``cinetrack solve`` and ``cinetrack track --solve`` do: solve, say how it went, write the camera's files."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from .blend_file import blend_with, write_blend
from .blender import installed_release, interrupts_held, output_redirected
from .blender_camera import Beginning, leave_ready, told_of_first_try
from .camera import CameraSolve, solve_camera
from .clip import Clip
from .errors import BackendUnavailable, TrackingError
from .solve import export
from .terminal import Steps, leaving_at_once_on_interrupt
from .types import TrackData

_MOST_FRAMES_NAMED = 6


class CameraFiles:
    """The files of one solved camera."""

    def __init__(self, folder: Path) -> None:
        self.json = folder / "camera.json"
        self.usd = folder / "camera.usda"
        self.colmap = folder / "colmap"
        self.blend = folder / "camera.blend"  # of 'cinetrack solve' only: 'track' has a .blend of its own

    @property
    def files(self) -> tuple[Path, ...]:
        """All of them, the folder too."""
        return self.json, self.usd, self.colmap, self.blend

    def check(self, overwrite: bool) -> None:
        """Refuse before any work is done."""
        existing = [path for path in self.files if path.exists()]
        if existing and not overwrite:
            raise TrackingError(f"{existing[0]} exists already: choose another folder or give --overwrite")

    def write(self, solve: CameraSolve, tracks: Sequence[TrackData]) -> None:
        """Write camera.json, camera.usda and colmap/; when one cannot be written, new ones go again."""
        new = [path for path in (self.json, self.usd, self.colmap) if not path.exists()]
        try:
            export.write_colmap(self.colmap, solve, tracks)
            export.write_usd(self.usd, solve)
            export.write_json(self.json, solve)
        except BaseException:
            for path in new:
                if path.is_dir():
                    shutil.rmtree(path)
                else:
                    path.unlink(missing_ok=True)
            raise

    def write_blend(self, solve: CameraSolve, clip: Clip) -> Beginning | None:
        """Write camera.blend: clip, tracks, camera and bundles; what Blender's own solver will do with it."""
        movie_clip = blend_with(clip.footage.path, clip.read(), solve.clip.pixel_aspect)
        begun = leave_ready(movie_clip, clip.read(), solve.of_shot, camera=solve)
        write_blend(movie_clip, self.blend)
        return begun


def solve_step(steps: Steps, clip: Any, options: dict[str, Any]) -> CameraSolve:
    """Solve a clip's camera as one step of a job; ``options`` are :func:`.camera.solve_camera`'s."""
    with steps.step("solving the camera", in_blender=False) as step:
        solve = solve_camera(clip, **options)
        step.outcome = solve.in_words()
    for number, each in enumerate(solve.rounds, start=1):
        steps.say(f"  round {number}: {each.tracks} tracks, {each.markers} markers, {each.average_error:.3f} px")
    steps.say(f"  lens: {solve.lens}")
    if solve.only_turns:
        steps.say("  the camera only turns (tripod): it stands in one place, bundles are directions")
    for reason, count in Counter(solve.missing.values()).items():
        frames = [str(frame) for frame, why in solve.missing.items() if why == reason]
        named = ", ".join(frames[:_MOST_FRAMES_NAMED]) + (" ..." if count > _MOST_FRAMES_NAMED else "")
        steps.say(f"  no camera on frame {named}: {reason}")
    return solve


def solve_result(folder: Path, options: dict[str, Any], *, overwrite: bool, debug: bool) -> None:
    """Solve the tracks.json of a folder and write the camera beside it."""
    files = CameraFiles(folder)
    files.check(overwrite)
    clip = Clip.load(folder / "tracks.json")
    console = Console(file=os.fdopen(os.dup(sys.stdout.fileno()), "w"), highlight=False)
    with tempfile.TemporaryDirectory(prefix="cinetrack-") as scratch:
        log = Path(scratch, "cinetrack.log")
        quiet = nullcontext if debug else partial(output_redirected, log)
        with Steps(console, total=2, log=log) as steps:
            with leaving_at_once_on_interrupt(lambda: shutil.rmtree(scratch)), quiet():
                solve = solve_step(steps, clip, options)
            with steps.step("writing", in_blender=True) as step, interrupts_held(), quiet():
                files.write(solve, clip.read())
                try:
                    step.outcome = told_of_first_try(files.write_blend(solve, clip))
                except BackendUnavailable as error:
                    step.outcome = f"done, without a .blend: {error}"
                    files.blend.unlink(missing_ok=True)  # an older one would pass for this one's
        with (folder / "cinetrack.log").open("a", encoding="utf-8") as kept:
            kept.write(log.read_text(encoding="utf-8", errors="replace"))
    console.print(f"the camera is in {files.json}, {files.usd} and {files.colmap}", soft_wrap=True)
    if files.blend.exists():
        console.print(f"{installed_release()} opens it with {files.blend}", soft_wrap=True)
