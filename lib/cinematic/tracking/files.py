"""Files that are whole or not there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file beside ``path``, then put it in its place in one step.

    When ``write`` fails, what it made is removed and whatever was at ``path`` stays.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_folder_atomically(folder: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a folder of files, then put it in its place.

    A new folder appears in one step. In one that is there, each file is replaced in one step and what else it holds
    stays. When ``write`` fails nothing has changed.
    """
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        write(temporary)
        if not folder.exists():
            os.replace(temporary, folder)
            return
        for file in sorted(temporary.iterdir()):
            os.replace(file, folder / file.name)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
