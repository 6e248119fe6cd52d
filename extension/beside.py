"""Long work beside Blender: by a process of its own, which says how far it is, and may be stopped at any moment.

Not by a thread: Blender up to 5.0 crashes where one runs Python while an operator runs in a context that a script has
lent it, the window would wait for Python whenever the work has it, and a library that crashes would take Blender with
it, and what the artist has not saved.

The process writes into a folder what it says and what has come of the work, so nothing here ever waits for it.
"""

import os
import pickle
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from cinematic.tracking import TrackingError
from cinematic.tracking.files import write_atomically

Say = Callable[[str], None]
"""Called by the work with what it is doing, in words."""

Task = Callable[[Say], Any]
"""The work, and what it needs: a function of a module and its arguments, as far as they can be pickled."""

# The process finds modules where this one does, but for the standard library: a Blender of a Linux distribution names
# whichever Python of its version comes first, and that has its own. The extension's modules are found under the name
# that Blender has given it, without the extension itself, which is for Blender, and so is bpy.
_OTHER = """
import importlib, site, sys, types
version, package, path, folder, *places = sys.argv[1:]
own = ".".join(map(str, sys.version_info[:2]))
if own != version:
    sys.exit(f"expected a Python {version}, as Blender has, got {own}: {sys.executable}")
for place in places:
    site.addsitedir(place)
sys.modules["bpy"] = None
names = package.split(".")
for count in range(1, len(names) + 1):
    sys.modules[".".join(names[:count])] = types.ModuleType(names[count - 1])
sys.modules[package].__path__ = [path]
importlib.import_module(package + ".beside").do_task(folder)
"""

_TASK, _SAID, _OUTCOME, _LOG = "task", "said", "outcome", "log"


class Stopped(Exception):
    """The artist has stopped the work."""


class Beside:
    """Work that is being done.

    Raises
    ------
    TrackingError
        The process cannot be started.
    """

    def __init__(self, task: Task) -> None:
        # Windows removes no file that a process which is just ending has still open.
        self._folder = tempfile.TemporaryDirectory(prefix="cinetrack-", ignore_cleanup_errors=True)
        self._place = Path(self._folder.name)
        self._place.joinpath(_TASK).write_bytes(pickle.dumps(task))
        self._place.joinpath(_SAID).write_text("Starting\n", encoding="utf-8")
        self._stopped = False
        try:
            self._process = self._started()
        except OSError as error:
            self._folder.cleanup()
            raise TrackingError(f"Blender's Python cannot be started for work beside it: {error}") from error

    @property
    def said(self) -> str:
        """What it is doing, in words."""
        whole, _, _ = self._place.joinpath(_SAID).read_text(encoding="utf-8").rpartition("\n")
        return whole.rpartition("\n")[2]

    @property
    def is_done(self) -> bool:
        """It has ended, one way or another."""
        return self._process.poll() is not None

    @property
    def is_stopping(self) -> bool:
        """It has been told to stop."""
        return self._stopped

    def stop(self) -> None:
        """End it, without a result."""
        self._stopped = True
        self._process.terminate()

    def abandon(self) -> None:
        """End it, and leave nothing of it."""
        self.stop()
        with suppress(Stopped):
            self.outcome()

    def outcome(self) -> Any:
        """Wait until it has ended; what the task has returned. To be asked once: nothing is left of it then.

        Raises
        ------
        Stopped
            It was told to stop.
        TrackingError
            Raised by the task; or the process has crashed, which is told in full on stderr.
        """
        self._process.wait()
        assert self._process.stdin is not None
        self._process.stdin.close()
        with self._folder:
            if self._stopped:
                raise Stopped
            told = self._place / _OUTCOME
            if not told.exists():
                log = self._place.joinpath(_LOG).read_text(encoding="utf-8", errors="replace").strip()
                print(log, file=sys.stderr)
                raise TrackingError(f"the work has crashed, nothing was changed: {self._last_words(log)}")
            come = pickle.loads(told.read_bytes())
        if isinstance(come, TrackingError):
            raise come
        return come

    def _last_words(self, log: str) -> str:
        code = self._process.returncode
        if code < 0:  # not on Windows
            return signal.Signals(-code).name
        return log.rpartition("\n")[2] or f"exit code {code}"

    def _started(self) -> subprocess.Popen[bytes]:
        package, _, _ = __name__.rpartition(".")
        version = ".".join(map(str, sys.version_info[:2]))
        here = Path(__file__).resolve().parent
        with self._place.joinpath(_LOG).open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _OTHER, version, package, str(here), self._folder.name, *_places()],
                stdin=subprocess.PIPE,  # whose end tells that there is no Blender any more
                stdout=log,
                stderr=log,
                creationflags=subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0,
            )


def _places() -> list[str]:
    """Where modules are found that are not the standard library's."""
    standard = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib")}
    standard |= {place / "lib-dynload" for place in standard}
    return [os.path.abspath(place) for place in sys.path if Path(place) not in standard and Path(place).is_dir()]


def do_task(folder: str) -> None:
    """Do the task in the folder; what the process is for."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is Blender's business
    threading.Thread(target=_end_with_blender, daemon=True).start()
    place = Path(folder)
    with place.joinpath(_SAID).open("a", encoding="utf-8") as said:
        try:
            task: Task = pickle.loads(place.joinpath(_TASK).read_bytes())  # opens the footage
            come = task(lambda words: print(words, file=said, flush=True))
        except TrackingError as error:
            come = error
    write_atomically(place / _OUTCOME, lambda path: path.write_bytes(pickle.dumps(come)))


def _end_with_blender() -> None:
    os.read(0, 1)
    os._exit(1)
