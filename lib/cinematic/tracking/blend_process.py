"""A .blend written by a Blender in a process of its own, which starts while this one tracks.

To start, to open the footage, to write and to end, Blender takes a good second. Beside a process that tracks, whose
decoding and tracking leave much of a second core idle, that second hardly shows.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path

from .blend_file import blend_with, write_blend
from .blender_camera import Beginning, leave_ready
from .camera import CameraSolve
from .errors import TrackingError
from .movie_clip import MovieClipStore
from .solve.cameras import ShotCameras
from .types import TrackData


class BlendProcess:
    """A Blender that opens ``footage`` in an empty file, and waits for what else to put into it.

    What it prints goes where this process's output goes when it is started. To be started before this process imports
    bpy, which puts Blender's scripts on the path of modules: a new process is given that path, and would not find bpy.
    """

    def __init__(self, footage: Path) -> None:
        spawn = multiprocessing.get_context("spawn")  # a fork would take threads' locks along as they happen to be
        self._connection, theirs = spawn.Pipe()
        self._process = spawn.Process(target=_serve, args=(theirs, footage), name="Blender", daemon=True)
        self._process.start()
        theirs.close()
        self.beginning: Beginning | None = None
        """What Blender's solver will do with what was written; None: nothing is known, or no two frames are fit."""

    @contextmanager
    def writing(
        self,
        path: Path,
        pixel_aspect: float,
        tracks: Sequence[TrackData],
        camera: CameraSolve | None,
        known: ShotCameras | None,
        focal: float | None,
    ) -> Iterator[None]:
        """Write the .blend meanwhile; what kept it from that is raised at the end.

        Of ``known`` cameras, or else a ``focal`` length, Blender's solver will be told (:func:`.make_ready_to_solve`).

        Raises
        ------
        BackendUnavailable
            Blender's module cannot be loaded.
        TrackingError
            Blender could not write, or crashed.
        """
        with suppress(BrokenPipeError):  # it has ended; why it has is what it has said last
            self._connection.send((path, pixel_aspect, tracks, camera, known, focal))
        try:
            yield
        finally:
            answer = self._answer()
        if isinstance(answer, Exception):
            raise answer
        self.beginning = answer

    def close(self) -> None:
        """End it."""
        self._connection.close()
        self._process.terminate()
        self._process.join()

    def _answer(self) -> Exception | Beginning | None:
        try:
            answer: Exception | Beginning | None = self._connection.recv()
        except (EOFError, ConnectionResetError):
            self._process.join()
            return TrackingError(f"Blender ended before the .blend was written (exit code {self._process.exitcode})")
        return answer


def _serve(connection: Connection, footage: Path) -> None:
    """What the process does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the other process's business, which then ends this one
    try:
        clip = blend_with(footage, [])
        path, pixel_aspect, tracks, camera, known, focal = connection.recv()
        store = MovieClipStore(clip)
        store.pixel_aspect = pixel_aspect
        store.write(tracks)
        begun = leave_ready(clip, tracks, known, focal=focal, camera=camera)
        write_blend(clip, path)
    except Exception as error:  # whatever it is: raised again by the process that waits
        connection.send(error)
    else:
        connection.send(begun)
