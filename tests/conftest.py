from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cinematic.tracking import BLENDER_AVAILABLE
from cinematic.tracking.blender import installed_release
from cinematic.tracking.kernels import compile_kernels
from tests.plates import Plate, drawn_plate, write_movie, write_sequence


def pytest_sessionstart() -> None:
    # Where tests run in several processes these ignore Ctrl-C, and so would the commands that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # Of the processes, the first begins before there are others. Commands then have nothing to say of it.
    compile_kernels(print)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = item.path.parent.name  # not those above: a clone may lie in one that is named so, too
        if folder == "blender":
            item.add_marker(pytest.mark.blender)
        if folder == "benchmarks":
            item.add_marker(pytest.mark.benchmarks)
        if not item.get_closest_marker("blender"):
            continue
        if not BLENDER_AVAILABLE:
            item.add_marker(pytest.mark.skip(reason="Blender's module bpy is not installed (Python 3.11 only)"))
        elif item.get_closest_marker("benchmarks") and installed_release() < "Blender 5":
            item.add_marker(pytest.mark.skip(reason="the plates of the benchmarks are made with Blender 5"))


@pytest.fixture(autouse=True)
def no_thread_left_running() -> Iterator[None]:
    """Blender up to 5.0 crashes where another thread runs Python in the middle of an operator: of any later test."""
    yield
    left = {thread.name for thread in threading.enumerate()} & {"footage decoder", "pyramids", "progress bar"}
    assert not left, f"threads still run: {', '.join(sorted(left))}"


@pytest.fixture(scope="session")
def without_blender(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of commands that find no Blender: where it does not matter, its start would take most time."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['bpy'] = None")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.fixture(scope="session")
def plate() -> Plate:
    """24 frames that turn, zoom and shift."""
    return drawn_plate()


@pytest.fixture(scope="session")
def movie(plate: Plate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_movie(tmp_path_factory.mktemp("movie") / "shot.mp4", plate.frames)


@pytest.fixture(scope="session")
def sequence(plate: Plate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with shot.1001.png to shot.1024.png."""
    return write_sequence(tmp_path_factory.mktemp("sequence"), plate.frames)
