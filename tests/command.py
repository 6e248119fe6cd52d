"""The command, as a user runs it: in its own process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping

COMMAND = [sys.executable, "-m", "cinematic.tracking"]


def run(*arguments: object, environment: Mapping[str, str] = os.environ) -> subprocess.CompletedProcess[str]:
    """``cinetrack`` with these arguments, to its end."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)
