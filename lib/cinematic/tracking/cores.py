"""How many cores there are to work with."""

from __future__ import annotations

import os


def available_cores() -> int:
    """How many cores this process may use: a farm may give it fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
