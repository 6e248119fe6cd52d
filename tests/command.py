"""The command: as a user runs it, in its own process; or within this one, where only its answer matters."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import pytest

from cinematic.tracking.cli import main

COMMAND = [sys.executable, "-m", "cinematic.tracking"]


def run(*arguments: object, environment: Mapping[str, str] = os.environ) -> subprocess.CompletedProcess[str]:
    """``cinetrack`` with these arguments, to its end."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)


def answer(*arguments: object) -> subprocess.CompletedProcess[str]:
    """The same within this process: of a command that is refused Python's start would take most of the time."""
    command = ["cinetrack", *map(str, arguments)]
    # Files have descriptors, as a terminal has: what Blender says is led past them.
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as error:
        with (
            mock.patch.object(sys, "argv", command),
            redirect_stdout(output),
            redirect_stderr(error),
            pytest.raises(SystemExit) as end,
        ):
            main()
        code = end.value.code
        assert isinstance(code, int)
        output.seek(0)
        error.seek(0)
        return subprocess.CompletedProcess(command, code, output.read(), error.read())
