"""What an artist means by a path: one movie, or all files of an image sequence."""

from __future__ import annotations

import hashlib
import os
import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ..errors import FootageError

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".cin", ".dpx", ".exr", ".hdr", ".j2c", ".jp2", ".jpeg", ".jpg", ".png"}
    | {".rgb", ".sgi", ".tga", ".tif", ".tiff", ".webp"}
)
"""Files that are single images; every other file is taken for a movie."""

_NUMBERED = re.compile(r"^(?P<head>.*?)(?P<digits>\d+)(?P<tail>\D*)$")
_PATTERN = re.compile(r"#|@|%0?\d*d")


@dataclass(frozen=True)
class FootagePath:
    """A movie, or an image sequence without holes."""

    files: tuple[Path, ...]  # the movie alone, or the sequence's files in order
    number: int  # the plate's number of the first frame
    is_sequence: bool

    @property
    def first_file(self) -> Path:
        """The movie, or the sequence's first file: what Blender loads."""
        return self.files[0]

    @property
    def shot_name(self) -> str:
        """What to call that which is made of it: the movie's name, or the sequence's without its number."""
        stem = self.first_file.stem
        return (stem.rstrip("0123456789").rstrip("._-") or stem) if self.is_sequence else stem

    def stamp(self) -> str:
        """A short text that is another one when any of the files has changed, or there are others."""
        told = hashlib.sha256()
        for file in self.files:
            status = file.stat()
            told.update(f"{file.name} {status.st_size} {status.st_mtime_ns}\n".encode())
        return f"{self.first_file.name} {told.hexdigest()[:16]}"

    @classmethod
    def of_file(cls, file: Path) -> FootagePath:
        """One file by itself; an image's number is the last group of digits in its name, 1 without one."""
        is_image = file.suffix.lower() in IMAGE_SUFFIXES
        parts = _NUMBERED.match(file.stem) if is_image else None
        return cls((file,), int(parts["digits"]) if parts else 1, is_image)

    def picture_name(self, frame: int) -> str:
        """What the file of a frame is called: of a movie, a picture that it may be extracted to."""
        name = self.first_file
        parts = _NUMBERED.match(name.stem) if self.is_sequence else None
        if parts is None:
            return f"{name.stem}.{frame:04d}.png"
        return f"{parts['head']}{frame:0{len(parts['digits'])}d}{parts['tail']}{name.suffix}"


def find_footage(path: str | os.PathLike[str]) -> FootagePath:
    """The movie or the whole image sequence that ``path`` means.

    Parameters
    ----------
    path
        A movie; any file of a sequence (``shot.1001.exr``); a pattern (``shot.####.exr``, ``shot.%04d.exr``);
        or a folder that holds one sequence. In a file's name the last group of digits is the frame number,
        as in Blender.

    Raises
    ------
    FootageError
        Nothing there, a folder without images or with several sequences, a sequence with holes, or a name that is no
        text in UTF-8.
    """
    found = _found(Path(path).expanduser().absolute())
    try:
        str(found.first_file).encode()
    except UnicodeEncodeError:  # what Python has made of it has no place in a .blend, a page or a terminal
        raise FootageError(f"expected a path in UTF-8, got {os.fsencode(found.first_file)!r}") from None
    return found


def _found(location: Path) -> FootagePath:
    if location.is_dir():
        return _sequence_of_folder(location)
    if location.name == "tracks.json" and location.is_file():
        raise FootageError(
            f"expected footage, got {location}, a result of cinetrack: Clip.load opens its footage and tracks"
        )
    if location.exists():
        return _sequence_or_movie(location)
    if _PATTERN.search(location.name):
        return _sequence(location)
    raise FootageError(f"expected a movie, an image sequence or a folder of images, found nothing at {location}")


def _sequence_or_movie(file: Path) -> FootagePath:
    alone = FootagePath.of_file(file)
    return _sequence(_pattern_of(file)) if alone.is_sequence and _NUMBERED.match(file.stem) else alone


def _sequence_of_folder(folder: Path) -> FootagePath:
    groups: dict[Path, list[Path]] = defaultdict(list)
    for file in folder.iterdir():
        if file.suffix.lower() in IMAGE_SUFFIXES and not file.name.startswith("."):
            groups[_group_of(file)].append(file)
    if not groups:
        raise FootageError(f"expected images in the folder, found none in {folder}")
    if len(groups) > 1:
        names = ", ".join(sorted(min(files).name for files in groups.values())[:4])
        raise FootageError(f"expected one image sequence in {folder}, found {len(groups)}: name one of {names}")
    return _sequence_or_movie(min(next(iter(groups.values()))))


def _group_of(file: Path) -> Path:
    """The same for all files of one sequence, however many digits their numbers have."""
    parts = _NUMBERED.match(file.stem)
    return file.with_name(f"{parts['head']}#{parts['tail']}{file.suffix}") if parts else file


def _pattern_of(file: Path) -> Path:
    parts = _NUMBERED.match(file.stem)
    assert parts is not None
    return file.with_name(f"{parts['head']}{'#' * len(parts['digits'])}{parts['tail']}{file.suffix}")


def _sequence(pattern: Path) -> FootagePath:
    import fileseq  # a movie does without

    try:
        found = fileseq.findSequenceOnDisk(str(pattern), pad_style=fileseq.PAD_STYLE_HASH1)
    except fileseq.FileSeqException as error:
        raise FootageError(f"expected an image sequence, found nothing that matches {pattern}") from error
    frames = [int(frame) for frame in found.frameSet() or []]
    if not frames:
        raise FootageError(f"expected an image sequence, found nothing that matches {pattern}")
    missing = sorted(set(range(frames[0], frames[-1] + 1)) - set(frames))
    if missing:
        raise FootageError(
            f"expected a sequence without holes, frames {fileseq.framesToFrameRange(missing)} of "
            f"{frames[0]}-{frames[-1]} are missing: {pattern}"
        )
    return FootagePath(tuple(Path(found.frame(frame)) for frame in frames), frames[0], is_sequence=True)
