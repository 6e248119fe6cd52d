"""Whether a compile is still to come, and everything compiled ahead of time, on two cores where there are two.

numba compiles one kernel at a time in a process, whatever its threads do. So another process compiles half of them.
Both use the cache on disk: what one has put there, the other loads.
"""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import numpy as np

from ..machine import available_cores
from . import compiler, step
from .alignment import align, window_for
from .congealing import Stacks
from .detection import detect
from .middle import middle_grid
from .patterns import average_patterns, cut_patterns
from .pyramid import Pyramid, build_pyramid
from .sized_tracker import SizedTracker
from .texture import deviations
from .tracker import Tracker
from .types import Seeds, TrackOptions

_SIDE = 80  # pixels across drawn frames
_OPTIONS = TrackOptions(pattern_size=11)

# The other process finds modules where this one does. Ctrl-C is the business of this one, which then ends the other.
_OTHER = """
import importlib, signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
module, *sys.path = sys.argv[1:]
importlib.import_module(module).compile_the_rest()
"""


def _warn(what: str) -> None:
    warnings.warn(what, RuntimeWarning, stacklevel=2)


def needs_compile() -> bool:
    """Whether the next use of the engine will compile kernels first (some seconds), for lack of a valid cache."""
    return not all(map(compiler.is_cached, compiler.kernels))  # what this room imports has declared all of them


def warm(say: Callable[[str], object] = _warn) -> None:
    """Compile (or load from the cache) every kernel.

    Compiled kernels are cached on disk beside the package, or in numba's user cache where that is read-only.

    Parameters
    ----------
    say : callable (str)
        Takes the line that says why no other process could compile half of them; this one then compiles all.
    """
    is_shared = all(map(compiler.has_folder, compiler.kernels))
    if needs_compile() and is_shared and available_cores() > 1 and _is_python(sys.executable):
        with _other_process(say):
            compile_moving()
    _track_a_little()


def _is_python(executable: str | None) -> bool:
    """Whether it is one: an application that has Python in it may name itself."""
    return "python" in Path(executable or "").name.lower()


# The halves. Each takes kernels from the other, and their order is such that these are there seconds before they are
# asked for. What is not there in time is compiled twice: that costs its time, and nothing else.


def compile_moving() -> None:
    """What aligns patterns, detects features and moves tracks."""
    one, image = _OneTrack(), _texture()
    frame = Pyramid(image, image, image, image)  # with real smaller copies, what halves would be compiled here too
    _align(one, frame)
    detect(image)
    step.move_tracks(frame, frame, one.grid, one.middle, one.row, one.state, _OPTIONS, 0)


def compile_the_rest() -> None:
    """All others, and the two longest that moving consists of."""
    one, frame = _OneTrack(), build_pyramid(_texture())
    state, centre = one.state, one.state.positions
    deviations(frame, _OPTIONS.pattern_size, centre)
    scratch = _compile(step._scratch, one.grid, one.middle)
    window = _compile(window_for, state.warps, one.row, 0, 0)
    room = (step._limits(_OPTIONS), scratch, window, step._nothing_moved(1))
    _compile(step._look_back, frame.full, frame.coarse, frame.coarse, one.grid, 0, 0, state, *room)
    _compile(step._reason_to_doubt, frame.full, one.grid, one.middle, 0, centre[0], 0.0, state, *room[:-1])
    cut_patterns(frame, one.grid, centre, one.row, state.patterns)
    state.patterns.grain[:] = 1.0  # others are not averaged
    average_patterns(one.grid, state.patches, one.row, state.patterns)
    step.find_tracks(frame, one.grid, one.middle, one.row, state, _OPTIONS)
    _stack(one)


def _compile(kernel: Any, *arguments: Any) -> Any:
    """Compile an inner kernel for what is like these arguments, or is of these types; the type of what it returns."""
    kinds = tuple(each if isinstance(each, numba.types.Type) else numba.typeof(each) for each in arguments)
    kernel.compile(kinds)
    return kernel.overloads[kinds].signature.return_type


class _OneTrack:
    """A track as a tracker has it. Its pattern is flat, so that kernels have soon done with it."""

    def __init__(self) -> None:
        tracker = SizedTracker(_OPTIONS)
        tracker._append(Seeds(0, np.full((1, 2), _SIDE / 2)))
        self.state = tracker._state_of_all()
        self.row = np.zeros(1, np.int64)
        self.grid = tracker.grid
        self.middle = middle_grid(tracker.grid)


def _align(one: _OneTrack, frame: Pyramid) -> None:
    state = one.state
    align(frame, one.grid, state.patterns, one.row, state.models, state.adaptive, state.warps, state.patches)


def _stack(one: _OneTrack) -> None:
    stacks, image = Stacks(_OPTIONS.pattern_size, 1), _texture()
    for frame in range(6):
        stacks.take(frame, image, one.row, one.state.warps)
    stacks.compare(2, one.row)


def _texture() -> np.ndarray:
    return np.random.default_rng(0).random((_SIDE, _SIDE)).astype(np.float32)


@contextmanager
def _other_process(say: Callable[[str], object]) -> Iterator[None]:
    """Have :func:`compile_the_rest` done by another process meanwhile; ``say`` is told what kept it from that."""
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _OTHER, __name__, *sys.path],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
    except OSError as error:
        say(f"no other process can be started to compile half of the kernels: {error}")
        yield
        return
    with process:
        try:
            yield
            _, told = process.communicate()
        finally:
            process.kill()
    if process.returncode:
        why = told.strip().rpartition("\n")[2] or f"exit code {process.returncode}"
        say(f"the other process that compiles half of the kernels has failed: {why}")


def _track_a_little() -> None:
    """Use every kernel, on a few small drawn frames: what is not compiled yet will be."""
    texture = np.random.default_rng(0).random((_SIDE + 16, _SIDE + 16))
    frames = [(n, texture[n : n + _SIDE, 4 : 4 + _SIDE].astype(np.float32)) for n in range(4)]
    size = _OPTIONS.pattern_size
    features = detect(frames[0][1], pattern_size=size, max_features=4)
    seeds = Seeds(0, features.positions, motion_models=["AUTO", "Perspective", "Affine", "Loc"][: len(features)])
    for match in ("AUTO", "PREV_FRAME"):
        tracker = Tracker(seeds, TrackOptions(pattern_size=size, pattern_match=match))
        for number, image in frames:
            tracker.step(number, image)
    numbers, places = tracker.living
    tracker.end(numbers)
    tracker.wake(numbers, np.broadcast_to(np.eye(3), (len(numbers), 3, 3)), np.ones(len(places)))
    # Returning to a first reference takes a longer shot than this one.
    _align(_OneTrack(), build_pyramid(frames[0][1]))
    _stack(_OneTrack())
