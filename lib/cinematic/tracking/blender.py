"""The one door to Blender: is it there, and if not, say so.

Nothing here imports ``bpy`` before a Blender clip is really used; importing this package costs no Blender.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from .errors import BackendUnavailable, ParameterError


def _is_installed() -> bool:
    if "bpy" in sys.modules:
        return sys.modules["bpy"] is not None  # None is Python's own mark for "blocked"
    try:
        return importlib.util.find_spec("bpy") is not None
    except ImportError:  # an import hook that forbids bpy
        return False


BLENDER_AVAILABLE: bool = _is_installed()
"""True inside Blender, and where the PyPI package ``bpy`` is installed."""


def require_blender() -> ModuleType:
    """The module ``bpy``.

    Raises
    ------
    BackendUnavailable
        It is not installed, or its libraries cannot be loaded; the message says which.
    """
    if not BLENDER_AVAILABLE:
        raise BackendUnavailable(
            "Blender not available: run inside Blender, or install its module with "
            "'pip install cinematic-tracking[blender]' (Python 3.11)"
        )
    try:
        import bpy
    except ImportError as error:
        raise BackendUnavailable(f"Blender not available: bpy is installed but cannot be loaded: {error}") from error
    return bpy


def require_movie_clip(clip: Any) -> Any:
    """``clip`` itself when it is a ``bpy.types.MovieClip``; an error that says what came otherwise."""
    bpy = require_blender()
    if not isinstance(clip, bpy.types.MovieClip):
        raise ParameterError(f"expected a bpy.types.MovieClip, got {type(clip).__name__}")
    return clip


def blender_version() -> str | None:
    """Blender's version, such as ``"5.0.1"``; None without Blender. Imports ``bpy``."""
    return require_blender().app.version_string if BLENDER_AVAILABLE else None


def installed_release() -> str:
    """``"Blender 5.0"``, by what pip knows of ``bpy``: importing it takes half a second. No number within Blender."""
    try:
        version = importlib.metadata.version("bpy")
    except importlib.metadata.PackageNotFoundError:
        return "Blender"
    return "Blender " + ".".join(version.split(".")[:2])


@contextmanager
def output_redirected(log: Path) -> Iterator[None]:
    """Append what C libraries write to stdout and stderr to ``log`` meanwhile.

    Blender and libmv write straight to the process's file descriptors, past :data:`sys.stdout`.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [(descriptor, os.dup(descriptor)) for descriptor in (1, 2)]
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        for descriptor, _ in saved:
            os.dup2(target, descriptor)
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, original in saved:
            os.dup2(original, descriptor)
            os.close(original)
        os.close(target)


@contextmanager
def interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back until the block has ended, so that it cannot strike between an operator and its clean-up.

    Blender's operators cannot be interrupted from Python anyway: the signal is answered when they return.
    Outside the main thread Python never delivers the signal, and nothing is held.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[tuple[int, FrameType | None]] = []
    previous = signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous if previous is not None else signal.default_int_handler)
        if held and callable(previous):
            previous(*held[-1])
