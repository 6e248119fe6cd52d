"""Tasks to be done beside Blender: the other process finds them here."""

import os
import signal
import time
from collections.abc import Callable

from cinematic.tracking import ParameterError

Say = Callable[[str], None]


def go_half(say: Say) -> None:
    """Never comes to an end by itself."""
    say("begun")
    say("half")
    time.sleep(600)


def go_all_the_way(say: Say) -> str:
    """Succeeds."""
    return "all the way"


def refuse(say: Say) -> None:
    """Raises one of the package's errors."""
    raise ParameterError("no features")


def fail(say: Say) -> None:
    """Raises what it should not."""
    raise ZeroDivisionError("that is not a number")


def crash(say: Say) -> None:
    """As a library does whose memory is not what it thinks."""
    os.kill(os.getpid(), signal.SIGSEGV)
