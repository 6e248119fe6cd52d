"""Long work beside Blender: in a thread, which may be told to stop, and says how far it is."""

from collections.abc import Callable
from threading import Event, Thread

Say = Callable[[str], None]
"""Called by the work with what it is doing, in words, as often as it can be stopped."""


class Stopped(Exception):
    """The artist has stopped the work."""


class Beside:
    """Work that is being done."""

    def __init__(self, work: Callable[[Say], None]) -> None:
        self.said = ""
        self.error: BaseException | None = None  # what ended it
        self._work = work
        self._stop = Event()
        self._thread = Thread(target=self._run, name="cinetrack", daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """It has ended, one way or another."""
        return not self._thread.is_alive()

    @property
    def is_stopping(self) -> bool:
        """It has been told to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Have it end when it next says something."""
        self._stop.set()

    def wait(self) -> None:
        """Until it has ended."""
        self._thread.join()

    def _say(self, words: str) -> None:
        if self._stop.is_set():
            raise Stopped
        self.said = words

    def _run(self) -> None:
        try:
            self._work(self._say)
            self._say(self.said)  # told to stop during the last step
        except BaseException as error:  # raised again, or reported, by Blender's own thread
            self.error = error
