"""A long job's bar moves by itself, but for where Blender's operators run: they stand no other thread's Python."""

from __future__ import annotations

import io
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from cinematic.tracking.terminal import Steps


@pytest.fixture
def console() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=120)


def drawn(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(("job", "step_in"), [(False, None), (True, False)], ids=["job", "step"])
def test_the_bar_moves_while_a_step_lasts(console: Console, tmp_path: Path, job: bool, step_in: bool | None) -> None:
    steps = Steps(console, total=2, log=tmp_path / "log", in_blender=job)
    with steps, steps.step("judging", in_blender=step_in) as step:
        before = drawn(console)
        time.sleep(0.5)
        assert drawn(console) != before
        assert any(thread.name == "progress bar" for thread in threading.enumerate())
        step.outcome = "3 good"
    assert (tmp_path / "log").read_text().startswith("judging: 3 good (0.")


@pytest.mark.parametrize(("job", "step_in"), [(True, None), (False, True)], ids=["job", "step"])
def test_where_blender_works_it_moves_with_the_steps_and_no_thread_runs(
    console: Console, tmp_path: Path, job: bool, step_in: bool | None
) -> None:
    with Steps(console, total=2, log=tmp_path / "log", in_blender=job) as steps:
        before = set(threading.enumerate())
        with steps.step("writing", in_blender=step_in):
            assert "writing" in drawn(console)
            assert set(threading.enumerate()) == before


def test_a_step_that_fails_leaves_no_thread(console: Console, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with (
        pytest.raises(ValueError, match="broken"),
        Steps(console, total=1, log=tmp_path / "log") as steps,
        steps.step("tracking"),
    ):
        raise ValueError("broken")
    assert set(threading.enumerate()) == before
