"""TAP-Vid's point tracks: a pickle (``.pkl``, as the benchmark is published) or ``.npz``.

::

    {VIDEO: {"points": float32 [N, T, 2], "occluded": bool [N, T], "video": uint8 [T, H, W, 3]}}

or the inner part alone, which is also what the ``.npz`` holds. ``video`` is used for its size when it is there and is
not written. Two entries are ours, and TAP-Vid's readers pass them over: ``names`` [N] and ``frame_start``, the plate's
first frame.

Origin: top-left, y down; x and y 0 to 1 at the outer edges. Frames: 0 is the first. Where a track has no marker it is
occluded at (0, 0); occluded anywhere else counts as a muted marker. Float32: 1/4000 px in a picture 4096 px wide.

A pickle can run programs. Only the parts that numpy arrays are made of are let through.
"""

from __future__ import annotations

import io
import pickle
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np
import numpy.typing as npt

from ..coords import Axes
from ..errors import FormatError, ParameterError
from . import names
from .base import FRAME_LIMIT, NUMBER_LIMIT, FileTrack, Format, Header, Variant

_CELLS = 10**8
"""Tracks times frames: more than this is a mistake, and would fill the memory."""


def write_pickle(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write a pickle with one video, named after the footage."""
    video = Path(header.footage).stem if header.footage else "video"
    with path.open("wb") as file:
        pickle.dump({video: _arrays(tracks, header)}, file, protocol=4)


def write_npz(path: Path, tracks: Sequence[FileTrack], header: Header) -> None:
    """Write the arrays of one video, compressed."""
    with path.open("wb") as file:
        np.savez_compressed(file, **_arrays(tracks, header))


def _arrays(tracks: Sequence[FileTrack], header: Header) -> dict[str, Any]:
    first, last = header.known_range()
    count, length = len(tracks), last - first + 1
    if count * length > _CELLS:
        raise ParameterError(f"expected at most {_CELLS} markers for TAP-Vid, got {count} tracks x {length} frames")
    points = np.zeros((count, length, 2), dtype=np.float32)
    occluded = np.ones((count, length), dtype=bool)
    track_names = []
    for number, track in enumerate(tracks):
        points[number, track.frames] = np.asarray(track.positions).reshape(-1, 2)
        occluded[number, track.frames] = np.isin(track.frames, track.off)
        track_names.append(track.name)
    return {
        "points": points, "occluded": occluded,
        "names": np.array(track_names, dtype=np.str_), "frame_start": np.int64(first),
    }  # fmt: skip


def read(path: Path, header: Header) -> Iterator[FileTrack]:
    """Read either kind."""
    arrays = _Video(path, _load(path))
    points, occluded = arrays.points(), arrays.occluded()
    header.size = arrays.size()
    header.frame_start = arrays.frame_start()
    if header.frame_start is not None:
        header.frame_end = header.frame_start + points.shape[1] - 1
    there = ~occluded | points.any(axis=2)
    for name, xy, on, hidden in zip(arrays.names(), points, there, occluded, strict=True):
        frames = np.flatnonzero(on)
        yield FileTrack(name, frames.tolist(), xy[frames].astype(np.float64), off=np.flatnonzero(on & hidden).tolist())


def _load(path: Path) -> Any:
    content = path.read_bytes()
    try:
        if content.startswith(b"PK\x03\x04"):
            with np.load(io.BytesIO(content), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        return _SafeUnpickler(io.BytesIO(content)).load()
    except Exception as error:  # a broken pickle or archive raises whatever it likes
        reason = " ".join(str(error).split())[:200]
        raise FormatError(f"{path}: expected a pickle or npz of arrays: {reason or repr(error)}") from error


class _SafeUnpickler(pickle._Unpickler):
    """Lets through what plain numpy arrays are made of, and nothing that runs.

    Python's own unpickler, not C's: a broken file makes that one fill the memory.
    """

    stack: list[Any]  # Python's own, which its type stubs leave out

    def find_class(self, module: str, name: str) -> Any:
        """The few callables of an array's pickle; see :class:`pickle.Unpickler`."""
        found = _CALLABLES.get((module.replace("numpy._core.", "numpy.core."), name))
        if found is None:
            raise pickle.UnpicklingError(f"expected arrays only, got {module}.{name}")
        return found

    def load_build(self) -> None:
        """Fill an array; of a data type only the byte order is of interest."""
        state = self.stack.pop()
        made = self.stack[-1]
        if isinstance(made, np.dtype):
            if state[1] not in ("<", "|") or any(part is not None for part in state[2:5]):
                raise pickle.UnpicklingError(f"expected a plain little-endian data type, got {state!r}")
        elif isinstance(made, np.ndarray) and isinstance(state[2], np.dtype):
            made.__setstate__(state)
        else:
            raise pickle.UnpicklingError(f"expected arrays only, got {type(made).__name__}")

    dispatch: ClassVar[Any] = {**pickle._Unpickler.dispatch, pickle.BUILD[0]: load_build}


def _data_type(text: Any, *_flags: Any) -> np.dtype[Any]:
    if not isinstance(text, str) or not re.fullmatch(r"[fiu][1248]|b1|U\d{1,6}", text):
        raise pickle.UnpicklingError(f"expected numbers or text, got the data type {text!r}")
    return np.dtype(text)


def _empty_array(kind: Any, shape: Any, _data_type: Any) -> npt.NDArray[Any]:
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError("expected an array")
    return np.ndarray((0,), "b")


def _scalar(data_type: np.dtype[Any], data: bytes) -> Any:
    return np.frombuffer(data, data_type)[0]


def _array_of_buffer(data: Any, data_type: np.dtype[Any], shape: Any, order: Any) -> npt.NDArray[Any]:
    return np.frombuffer(data, data_type).reshape(shape, order=order)


_CALLABLES = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _data_type,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy.core.numeric", "_frombuffer"): _array_of_buffer,
}


class _Video:
    """The arrays of one video, each checked when it is asked for."""

    def __init__(self, path: Path, content: Any) -> None:
        self.path = path
        self.data = self._only_video(content)

    def _only_video(self, content: Any) -> dict[Any, Any]:
        if isinstance(content, dict) and "points" in content:
            return content
        videos = list(content.values() if isinstance(content, dict) else content if isinstance(content, list) else [])
        if not videos or not all(isinstance(video, dict) and "points" in video for video in videos):
            self.fail("expected points and occluded, or a dict of videos that have them")
        if len(videos) > 1:
            self.fail(f"expected one video, got {len(videos)}")
        return videos[0]

    def fail(self, reason: str) -> NoReturn:
        """Raise a FormatError."""
        raise FormatError(f"{self.path}: {reason}")

    def points(self) -> npt.NDArray[Any]:
        """[N, T, 2]."""
        points = self.data["points"]
        if not isinstance(points, np.ndarray) or points.dtype.kind != "f" or points.ndim != 3 or points.shape[2] != 2:
            self.fail(f"expected points as numbers [N, T, 2], got {self._told(points)}")
        wrong = ~(np.abs(points) <= NUMBER_LIMIT)
        if wrong.any():
            track, frame, _ = np.argwhere(wrong)[0]
            self.fail(
                f"expected numbers within {NUMBER_LIMIT:g}, got {points[wrong][0]} (track {track}, frame {frame})"
            )
        return points

    def occluded(self) -> npt.NDArray[np.bool_]:
        """[N, T]."""
        occluded = self.data.get("occluded")
        expected = self.data["points"].shape[:2]
        if not isinstance(occluded, np.ndarray) or occluded.dtype != np.bool_ or occluded.shape != expected:
            self.fail(f"expected occluded as truth values {list(expected)}, got {self._told(occluded)}")
        return occluded

    def names(self) -> list[str]:
        """[N]; numbered where the file has none."""
        count = len(self.data["points"])
        given = self.data.get("names")
        if given is None:
            return [f"track {number}" for number in range(1, count + 1)]
        if not isinstance(given, np.ndarray) or given.dtype.kind != "U" or given.shape != (count,):
            self.fail(f"expected {count} names, got {self._told(given)}")
        codes = np.ascontiguousarray(given).view(np.dtype(np.uint32).newbyteorder(given.dtype.byteorder))
        if (codes > sys.maxunicode).any():  # numpy takes any four bytes of a broken file for a character
            self.fail(f"expected names of Unicode characters, got the code {int(codes.max())}")
        found: list[str] = given.tolist()
        return found

    def frame_start(self) -> int | None:
        """The plate's first frame, where the file says so."""
        given = self.data.get("frame_start")
        if given is None:
            return None
        if not np.issubdtype(np.asarray(given).dtype, np.integer) or np.ndim(given) or abs(int(given)) > FRAME_LIMIT:
            self.fail(f"expected frame_start as a whole number within {FRAME_LIMIT}, got {given!r}")
        return int(given)

    def size(self) -> tuple[int, int] | None:
        """Of the video, where it is there."""
        video = self.data.get("video")
        if not isinstance(video, np.ndarray) or video.ndim != 4:
            return None
        return video.shape[2], video.shape[1]

    @staticmethod
    def _told(value: Any) -> str:
        return f"{value.dtype} {list(value.shape)}" if isinstance(value, np.ndarray) else type(value).__name__


FORMAT = Format(
    name="tapvid",
    title="TAP-Vid points",
    extensions=(".pkl", ".npz"),
    axes=Axes("fraction", y_down=True),
    read=read,
    variants={
        "pickle": Variant(write_pickle, first_frame=0, extensions=(".pkl",)),
        "npz": Variant(write_npz, first_frame=0, extensions=(".npz",)),
    },
    keeps=frozenset({"empty", "muted"}),
    sniff=lambda head: head.startswith(b"\x80") or head.startswith(b"PK\x03\x04"),
    fit_names=names.lines,
    export_suffix=".tapvid.pkl",
    needs_range=True,
    dense=True,
)
