"""A long run's way back: what is done is kept in a folder, so that a run that was ended goes on as if it had not been.

::

    cinetrack.partial/
        state.npz           the state after some frame, and which of the other files belong to it; written atomically
        records.0001.npy    the markers of a stretch of frames, see records.py

A file of records is written before the state that names it, so that at any moment the folder holds a whole checkpoint.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import FormatError, ParameterError
from .files import write_atomically

if TYPE_CHECKING:
    from .records import Records

FOLDER = "cinetrack.partial"
"""What the folder is called within a result's folder."""

_VERSION = 1


@dataclass(frozen=True)
class Saved:
    """What :meth:`Checkpoint.load` found."""

    plain: dict[str, Any]  # JSON values
    arrays: dict[str, npt.NDArray[Any]]
    records: list[Records]  # in the order in which they were saved


class Checkpoint:
    """The folder of one run.

    Parameters
    ----------
    folder
        Made when something is saved.
    identity
        What the run is about, by name: footage and options. A checkpoint of another run is refused.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.folder = folder
        self._identity = json.loads(json.dumps(dict(identity)))
        self._files = 0

    def save(self, plain: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]], records: Records) -> None:
        """Save a state, and the records that came since the state before it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if len(records):
            self._files += 1
            write_atomically(self._records(self._files), lambda path: np.save(path, records))
        head = {"version": _VERSION, "identity": self._identity, "files": self._files, "state": plain}
        text = np.array(json.dumps(head))
        write_atomically(self._state, lambda path: np.savez(path, head=text, **arrays))

    def load(self) -> Saved | None:
        """The last state; None: there is none.

        Raises
        ------
        ParameterError
            It is of another run: other footage or other options.
        FormatError
            It cannot be read.
        """
        from .records import RECORD  # numba: who only asks whether a checkpoint is there need not wait for its import

        if not is_there(self.folder):
            return None
        try:
            with np.load(self._state, allow_pickle=False) as file:
                head = json.loads(str(file["head"]))
                arrays = {name: file[name] for name in file.files if name != "head"}
            if head["version"] != _VERSION:
                raise FormatError(f"expected version {_VERSION} of a checkpoint, got {head['version']}: {self.folder}")
            self._check(head["identity"])
            self._files = head["files"]
            records = [np.load(self._records(number), allow_pickle=False) for number in range(1, self._files + 1)]
            if any(rows.dtype != RECORD for rows in records):
                raise FormatError(f"expected markers in the records of {self.folder}")
            return Saved(head["state"], arrays, records)
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            if isinstance(error, ParameterError | FormatError):
                raise
            raise FormatError(f"cannot read the checkpoint {self.folder}: {error}") from error

    def _check(self, found: Mapping[str, Any]) -> None:
        for name in sorted({*found, *self._identity}):
            if found.get(name) != self._identity.get(name):
                raise ParameterError(
                    f"expected a checkpoint of the same footage and options: its {name} is {found.get(name)!r}, "
                    f"now it is {self._identity.get(name)!r}: {self.folder}"
                )

    @property
    def _state(self) -> Path:
        return self.folder / "state.npz"

    def _records(self, number: int) -> Path:
        return self.folder / f"records.{number:04d}.npy"


def is_there(folder: Path) -> bool:
    """Whether a run has left a checkpoint in this folder."""
    return (folder / "state.npz").exists()


def of_refilling(folder: Path) -> Path:
    """Where in a run's folder the state of what follows cleaning is kept; it goes with the folder."""
    return folder / "refill"


def remove_checkpoint(folder: Path) -> None:
    """Remove what :class:`Checkpoint` has written, and the folder when nothing else is in it."""
    if not folder.is_dir():
        return
    remove_checkpoint(of_refilling(folder))
    for path in [folder / "state.npz", *sorted(folder.glob("records.[0-9]*.npy")), *sorted(folder.glob(".*.np[yz]"))]:
        path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
