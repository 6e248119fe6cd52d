"""What was found out about the clips of the file that is open, for panels to show and for the next step to use."""

from dataclasses import dataclass, field

import bpy

from cinematic.tracking import Readiness, Verdict
from cinematic.tracking.solve.cameras import ShotCameras


@dataclass
class Findings:
    """Of one clip."""

    last: str = ""  # what the last step has come to, in words
    verdicts: list[Verdict] = field(default_factory=list)  # of the last judgement, the worst first; empty: none
    readiness: Readiness | None = None
    cameras: ShotCameras | None = None  # as a judgement or a solve has found them
    focal: float | None = None  # px, that these were told; None: they have found it

    def know(self, cameras: ShotCameras | None, focal: float | None) -> None:
        """Take what a step has found."""
        self.cameras, self.focal = cameras, focal


_FOUND: dict[str, Findings] = {}


def of(clip) -> Findings:
    """What is known of a MovieClip."""
    return _FOUND.setdefault(clip.name_full, Findings())


@bpy.app.handlers.persistent
def _forget(*_) -> None:
    _FOUND.clear()


@bpy.app.handlers.persistent
def _forget_last_step(*_) -> None:
    for found in _FOUND.values():
        found.last = ""


def attach() -> None:
    """Forget everything when another file is opened, and what was done last when something is undone."""
    bpy.app.handlers.load_pre.append(_forget)
    bpy.app.handlers.undo_post.append(_forget_last_step)


def detach() -> None:
    """Forget everything."""
    bpy.app.handlers.load_pre.remove(_forget)
    bpy.app.handlers.undo_post.remove(_forget_last_step)
    _FOUND.clear()
