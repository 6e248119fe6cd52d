"""A long job in a terminal: its steps as they go by, and Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from .types import Progress

_TICK = 0.1  # seconds


class Steps:
    """Steps of a job: a bar on a terminal, plain lines elsewhere, and each line in the log.

    A thread draws the bar ten times a second, but not where Blender's operators run in this process: Blender up to 5.0
    crashes where another thread runs Python in the middle of one. There the bar moves with each step.
    """

    def __init__(self, console: Console, total: int, log: Path, *, in_blender: bool = False) -> None:
        self.console = console
        self.log = log
        self.total = total
        self._in_blender = in_blender
        self.bar = Bars(
            SpinnerColumn(),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Steps:
        self.bar.start()
        self.task = self.bar.add_task("", total=self.total)
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.stop()

    @contextmanager
    def step(self, what: str, frames: int | None = None, *, in_blender: bool | None = None) -> Iterator[Step]:
        """One step; the block may set the :attr:`Step.outcome` of what it gets, and count ``frames``.

        ``in_blender``: whether it runs Blender's operators, where that is not as in the job's other steps.
        """
        begun = time.monotonic()
        self.bar.update(self.task, description=what, refresh=True)
        counted = None if frames is None else self.bar.add_task("frames", total=frames)
        step = Step(self, counted)
        is_still = self.bar.disable or (self._in_blender if in_blender is None else in_blender)
        with nullcontext() if is_still else _drawn_anew(self.bar):
            yield step
        if counted is not None:
            self.bar.remove_task(counted)
        self.bar.advance(self.task)
        self.say(f"{what}: {step.outcome} ({time.monotonic() - begun:.1f} s)")

    def say(self, line: str) -> None:
        """A line for the user, and for the log."""
        self.console.print(line, soft_wrap=True)
        with self.log.open("a", encoding="utf-8") as log:
            print(line, file=log)


@contextmanager
def _drawn_anew(bar: Bars) -> Iterator[None]:
    """Have a thread draw the bar again and again."""
    ended = threading.Event()

    def draw() -> None:
        while not ended.wait(_TICK):
            bar.refresh()

    thread = threading.Thread(target=draw, name="progress bar", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class Step:
    """One step while it lasts."""

    def __init__(self, steps: Steps, counted: TaskID | None) -> None:
        self.outcome = "done"
        self._steps = steps
        self._counted = counted
        self._done = 0
        self._begun: tuple[float, int] | None = None  # when counting began, and what was done by then

    def frame_done(self, _frame: int) -> None:
        """One frame of the step is done."""
        self._done += 1
        self._show(self._done, "")

    def progress(self, progress: Progress) -> None:
        """So many frames of the step are done, with so many tracks alive."""
        self._show(progress.done, f"{progress.stage}, {progress.live} tracks")

    def _show(self, done: int, words: str) -> None:
        if self._counted is None:
            return
        now = time.monotonic()
        if self._begun is None:  # the first frame may have waited for the compiler, and an earlier run did others
            self._begun = now, done
        begun, before = self._begun
        told = [words] if words else []
        if done > before and now > begun:
            speed = (done - before) / (now - begun)
            total = self._steps.bar.tasks[self._steps.bar.task_ids.index(self._counted)].total or done
            told += [f"{speed:.1f} frames/s", f"{timedelta(seconds=round((total - done) / speed))} left"]
        self._steps.bar.update(self._counted, completed=done, description=", ".join(told) or "frames")


class Interruption:
    """Whether Ctrl-C has been pressed. To be asked where it is a good moment to end."""

    def __init__(self) -> None:
        self.asked_for = False

    def check(self, *_: object) -> None:
        """Raise :class:`KeyboardInterrupt` if it has."""
        if self.asked_for:
            raise KeyboardInterrupt


@contextmanager
def ending_well_on_interrupt() -> Iterator[Interruption]:
    """Inside, Ctrl-C is only noted, for the work to end at its next good moment; pressed again, it ends at once."""
    interruption = Interruption()

    def note(_signal: int, _frame: object) -> None:
        interruption.check()
        interruption.asked_for = True

    previous = signal.signal(signal.SIGINT, note)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, previous)


@contextmanager
def leaving_at_once_on_interrupt(*clean_up: Callable[[], object]) -> Iterator[None]:
    """End the process on Ctrl-C although Blender's operators hold Python for as long as they run.

    Python answers a signal between two bytecodes: in the middle of an operator there is none for minutes. A
    thread that waits for the signal's number on a pipe can leave at once.

    Parameters
    ----------
    clean_up
        Called in turn before the process ends; nothing else of it is unwound.
    """
    arrived, woken = os.pipe()
    os.set_blocking(woken, False)
    error_output = os.dup(sys.stderr.fileno())
    previous = signal.set_wakeup_fd(woken)

    def wait() -> None:
        while number := os.read(arrived, 1):
            if number[0] == signal.SIGINT:
                for each in clean_up:
                    each()
                show_cursor = b"\x1b[?25h\r\x1b[K" if os.isatty(error_output) else b""
                os.write(error_output, show_cursor + b"cinetrack: error: interrupted, nothing was written\n")
                os._exit(1)

    thread = threading.Thread(target=wait, name="interrupt watch", daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        os.close(woken)  # ends the thread
        thread.join()
        os.close(arrived)
        os.close(error_output)
