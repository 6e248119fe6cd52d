"""Many shots: each tracked by a process of its own, several at once, here or on the machines of a Dask cluster.

Judging solves cameras on one thread, so that a shot alone leaves most of a large machine idle. A process for each shot
also keeps what goes wrong with one from the others.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import as_completed as completed_here
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from .checkpoint import FOLDER as CHECKPOINT_FOLDER
from .checkpoint import is_there
from .errors import ParameterError, TrackingError
from .footage import find_footage
from .formats import cinetrack as tracks_json
from .machine import available_cores

WRONG_USAGE = 2
"""The command's exit code for options that cannot be meant: they cannot be for any other shot either."""

_CORES_EACH = 2  # that tracking a shot makes use of


@dataclass(frozen=True)
class Shot:
    """A clip, and the folder for its result."""

    name: str
    clip: Path
    folder: Path

    @property
    def is_begun(self) -> bool:
        """A run that was interrupted has left something to go on with."""
        return is_there(self.folder / CHECKPOINT_FOLDER)

    @property
    def is_done(self) -> bool:
        """Its result is there, all of it: what a run goes on with is removed last."""
        return (self.folder / "tracks.json").exists() and not self.is_begun


@dataclass(frozen=True)
class Outcome:
    """What has become of a shot."""

    shot: Shot
    code: int  # the command's exit code; 0: done
    words: str  # of its last step, or its error
    tracks: int
    seconds: float


def shots_of(clips: Sequence[Path], output: Path) -> list[Shot]:
    """The shots that paths mean, each with a folder in ``output`` that is called as the clip is.

    Raises
    ------
    FootageError
        One is not there, or no footage.
    ParameterError
        Two would get the same folder.
    """
    found = [(clip, find_footage(clip).shot_name) for clip in clips]
    name, count = Counter(name for _, name in found).most_common(1)[0]
    if count > 1:
        same = ", ".join(str(clip) for clip, called in found if called == name)
        raise ParameterError(f"expected clips of different names, got {count} called {name!r}: {same}")
    return [Shot(name, clip.expanduser().absolute(), (output / name).absolute()) for clip, name in found]


def workers_here() -> int:
    """How many shots keep this machine's cores busy."""
    return max(1, available_cores() // _CORES_EACH)


def track_shots(
    shots: Sequence[Shot], options: Sequence[str], own: Mapping[str, Sequence[str]], workers: int
) -> Generator[Outcome, None, None]:
    """Track shots on this machine, ``workers`` at a time; their outcomes in the order in which they end.

    Ctrl-C ends those that are being tracked, each keeping what it has done, and begins no others.

    Parameters
    ----------
    options
        Of ``cinetrack track``, as on a command line.
    own
        Further options of single shots, by their names.
    """
    threads = ["--threads", str(max(1, available_cores() // workers))]
    running = _Running()
    with ThreadPoolExecutor(workers) as pool:
        try:
            futures = [pool.submit(track_shot, shot, [*threads, *options, *own[shot.name]], running) for shot in shots]
            for future in completed_here(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            running.interrupt()
            raise


def track_shots_on(
    scheduler: str, shots: Sequence[Shot], options: Sequence[str], own: Mapping[str, Sequence[str]]
) -> Generator[Outcome, None, None]:
    """Track shots on a Dask cluster whose machines see the same files and have this package.

    Parameters
    ----------
    scheduler
        Its address, ``tcp://host:8786``.
    options, own
        As for :func:`track_shots`.

    Raises
    ------
    TrackingError
        Dask is not installed, or nobody answers at that address.
    """
    try:
        from distributed import Client, as_completed
    except ModuleNotFoundError:
        raise TrackingError(
            "expected Dask for a scheduler, it is not installed: pip install 'cinematic-tracking[farm]'"
        ) from None
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:  # a timeout is an OSError, an address of no known kind a ValueError
        raise TrackingError(f"expected a Dask scheduler at {scheduler}: {error}") from error
    with client:
        futures = {client.submit(track_shot, shot, [*options, *own[shot.name]], pure=False): shot for shot in shots}
        for future in as_completed(futures):
            failure = future.exception()  # of a machine that was lost, or lacks the package
            yield future.result() if failure is None else Outcome(futures[future], 1, str(failure), 0, 0.0)


@dataclass
class _Running:
    """The processes that are tracking."""

    processes: set[subprocess.Popen[str]] = field(default_factory=set)
    lock: Lock = field(default_factory=Lock)
    is_over: bool = False  # no others may begin

    @contextmanager
    def process(self, command: Sequence[str]) -> Iterator[subprocess.Popen[str] | None]:
        """A process that :meth:`interrupt` reaches, and Ctrl-C in the terminal does not; None: it is too late."""
        with self.lock:
            process = None
            if not self.is_over:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                    encoding="utf-8", errors="replace", start_new_session=True,
                )  # fmt: skip
                self.processes.add(process)
        try:
            yield process
        finally:
            with self.lock:
                self.processes.discard(process)

    def interrupt(self) -> None:
        """End all that run, as Ctrl-C would, and let no others begin."""
        with self.lock:
            self.is_over = True
            for process in self.processes:
                process.send_signal(signal.SIGINT)


def track_shot(shot: Shot, options: Sequence[str], running: _Running | None = None) -> Outcome:
    """Have ``cinetrack track`` do one shot, in a process of its own."""
    command = [sys.executable, "-m", __package__ or "", "track", str(shot.clip), "--output", str(shot.folder)]
    begun = time.monotonic()
    with (running or _Running()).process([*command, *options]) as process:
        if process is None:
            return Outcome(shot, 1, "not begun", 0, 0.0)
        said, error = process.communicate()
    seconds = time.monotonic() - begun
    if process.returncode:
        told = error.strip().rpartition("\n")[2].removeprefix("cinetrack: error: ")
        return Outcome(shot, process.returncode, told or f"exit code {process.returncode}", 0, seconds)
    return Outcome(shot, 0, _last_step(said), len(tracks_json.read(shot.folder / "tracks.json")[1]), seconds)


def _last_step(said: str) -> str:
    """What has come of writing, of a command's steps: ``writing: OUTCOME (SECONDS s)``."""
    (line,) = [line for line in said.splitlines() if line.startswith("writing: ")]
    return line.removeprefix("writing: ").rpartition(" (")[0]
