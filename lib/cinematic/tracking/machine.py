"""What the machine has to work with."""

from __future__ import annotations

import os

import psutil


def available_cores() -> int:
    """How many cores this process may use: a farm may give it fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory() -> int:
    """Of the whole machine, bytes."""
    return int(psutil.virtual_memory().total)
