"""A clip without Blender: footage, and the tracks on it, in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from os import PathLike
from pathlib import Path

from .checks import checked_pixel_aspect
from .coords import FrameNumbers, Size
from .errors import FormatError, ParameterError
from .footage import Footage, open_footage
from .formats import cinetrack
from .types import ClipInfo, TrackData


class Tracks:
    """The tracks of a clip, in their order. Iterating gives tracks; ``tracks["door"]`` and ``tracks[0]`` give one."""

    def __init__(self, tracks: Iterable[TrackData] = ()) -> None:
        self._tracks: list[TrackData] = []
        for track in tracks:
            self.add(track)

    def __iter__(self) -> Iterator[TrackData]:
        return iter(self._tracks)

    def __len__(self) -> int:
        return len(self._tracks)

    def __contains__(self, name: object) -> bool:
        return any(track.name == name for track in self._tracks)

    def __getitem__(self, key: str | int) -> TrackData:
        if isinstance(key, int):
            return self._tracks[key]
        track = self.get(key)
        if track is None:
            raise KeyError(key)
        return track

    def get(self, name: str) -> TrackData | None:
        """The track of that name, or None."""
        return next((track for track in self._tracks if track.name == name), None)

    def keys(self) -> list[str]:
        """The tracks' names."""
        return [track.name for track in self._tracks]

    def add(self, track: TrackData) -> TrackData:
        """Take a track in; where its name is taken it gets ``.001`` and so on, as in Blender."""
        track.name = unique_name(track.name, set(self.keys()))
        self._tracks.append(track)
        return track

    def remove(self, names: Iterable[str]) -> int:
        """Let the named tracks go; the number of them that were there."""
        gone = set(names)
        before = len(self._tracks)
        self._tracks = [track for track in self._tracks if track.name not in gone]
        return before - len(self._tracks)

    def swap(self, gone: Iterable[str], come: Iterable[TrackData]) -> None:
        """Put tracks in the place of others: those of a name that goes where it stood, new ones at the end."""
        arriving = {track.name: track for track in come}
        gone = set(gone)
        kept = [arriving.pop(t.name, None) if t.name in gone else t for t in self._tracks]
        self._tracks = [track for track in kept if track is not None]
        for track in arriving.values():
            self.add(track)


class Clip:
    """Footage and its tracks: what a ``bpy.types.MovieClip`` is, without Blender.

    Attributes
    ----------
    footage : Footage
    tracks : Tracks
        Of :class:`TrackData`; theirs to change.
    pixel_aspect : float
        Width of a pixel over its height, 0.1 to 10: the footage's own, unless it is set. 2 where an anamorphic lens
        has squeezed the picture to half its width.
    """

    def __init__(self, footage: Footage, tracks: Iterable[TrackData] = ()) -> None:
        self.footage = footage
        self.tracks = Tracks(tracks)
        self._pixel_aspect = footage.pixel_aspect

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Clip:
        """A clip of a movie or an image sequence (see :func:`.footage.find_footage`), without tracks.

        Raises
        ------
        FootageError
            It is not there, incomplete, or no footage.
        """
        return cls(open_footage(path))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Clip:
        """The clip that :meth:`save` wrote. Its footage must be where it was, or beside the file.

        Raises
        ------
        FormatError
            The file is no tracks.json, or its footage has another size or other frames by now.
        FootageError
            The footage cannot be opened.
        """
        info, tracks = cinetrack.read(path)
        clip = cls(footage_of(path, info.path), tracks)
        expected, found = ((i.width, i.height, i.frame_start, i.frame_end) for i in (info, clip.info))
        if expected != found:
            raise FormatError(f"expected footage of size and frames {expected} as in {path}, got {found}")
        clip.pixel_aspect = info.pixel_aspect
        return clip

    def save(self, path: str | PathLike[str]) -> None:
        """Write the tracks as ``tracks.json``, atomically."""
        cinetrack.write(path, self.info, list(self.tracks))

    @property
    def name(self) -> str:
        """The footage's file name."""
        return self.footage.path.name

    @property
    def size(self) -> Size:
        """Width and height, px."""
        return self.footage.size

    @property
    def pixel_aspect(self) -> float:
        """Width of a pixel over its height."""
        return self._pixel_aspect

    @pixel_aspect.setter
    def pixel_aspect(self, value: float) -> None:
        self._pixel_aspect = checked_pixel_aspect(value)

    @property
    def numbers(self) -> FrameNumbers:
        """How its frames are counted."""
        return self.footage.numbers

    @property
    def info(self) -> ClipInfo:
        """What tracks.json says of the footage."""
        footage, first, last = self.footage, self.numbers.first, self.numbers.last
        return ClipInfo(str(footage.path), *self.size, footage.fps, first, last, self.pixel_aspect, footage.corner)

    def read(self) -> list[TrackData]:
        """All tracks, in their order: the tracks themselves."""
        return list(self.tracks)

    def write(self, tracks: Iterable[TrackData]) -> None:
        """Take new tracks in; those that are there already are there."""
        present = {id(track) for track in self.tracks}
        for track in tracks:
            if id(track) not in present:
                self.tracks.add(track)

    def disable(self, names: Iterable[str]) -> int:
        """Switch tracks off; the number of those that were on. They keep their markers."""
        return self._switch(names, False)

    def enable(self, names: Iterable[str]) -> int:
        """Switch tracks on again; the number of those that were off."""
        return self._switch(names, True)

    def set_errors(self, errors: Mapping[str, float]) -> None:
        """Give the tracks the reprojection errors (px) of a camera solve; a track that is not named gets none."""
        for track in self.tracks:
            track.average_error = errors.get(track.name)

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Give the named tracks the weights, 0 to 1, that they have in a camera solve."""
        for name, weight in weights.items():
            self.tracks[name].weight = weight

    def _switch(self, names: Iterable[str], enabled: bool) -> int:
        changed = [track for track in map(self.tracks.__getitem__, names) if track.enabled != enabled]
        for track in changed:
            track.enabled = enabled
        return len(changed)


def footage_of(file: str | PathLike[str], recorded: str) -> Footage:
    """The footage that a file of tracks names, where it was or beside that file.

    Raises
    ------
    FootageError
        It cannot be opened.
    """
    beside = Path(file).parent / Path(recorded).name
    return open_footage(recorded if Path(recorded).exists() or not beside.exists() else beside)


def unique_name(name: str, taken: set[str]) -> str:
    """``name``, or with the first free of ``.001``, ``.002`` ... behind it, as Blender does."""
    if not name:
        raise ParameterError("expected a track's name to have at least one character")
    return next(candidate for candidate in names_like(name) if candidate not in taken)


def names_like(name: str) -> Iterator[str]:
    """``name``, then with ``.001``, ``.002`` ... behind it."""
    yield name
    stem, dot, digits = name.rpartition(".")
    stem = stem if dot and digits.isdecimal() else name
    for number in count(1):
        yield f"{stem}.{number:03d}"


def segments(frames: Iterable[int]) -> list[list[int]]:
    """Frames in runs without a gap."""
    runs: list[list[int]] = []
    for frame in sorted(frames):
        if runs and runs[-1][-1] == frame - 1:
            runs[-1].append(frame)
        else:
            runs.append([frame])
    return runs


def clean(clip: Clip, frames: int, error: float, action: str) -> int:
    """What Blender's ``clean_tracks`` does: the number of tracks removed or cut.

    A track is unclean when one of its segments is shorter than ``frames``, or its reprojection error is above
    ``error``. Locked, hidden and disabled tracks are left alone.
    """
    touched: set[str] = set()
    gone: set[str] = set()
    for track in clip.tracks:
        if track.locked or track.hidden or not track.enabled:
            continue
        runs = segments(track.markers)
        short = [run for run in runs if len(run) < frames]
        wrong = error > 0 and track.average_error is not None and track.average_error >= error
        if wrong or (short and (action == "DELETE_TRACK" or len(short) == len(runs))):
            gone.add(track.name)
        elif short:
            track.drop(frame for run in short for frame in run)
            touched.add(track.name)
    clip.tracks.remove(gone)
    return len(gone | touched)
