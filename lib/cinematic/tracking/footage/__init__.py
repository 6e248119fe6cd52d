"""Frames of a movie or an image sequence, streamed as float32 luminance by the plate's own numbers."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from .luminance import Luminance
from .path import FootagePath, find_footage
from .stream import Footage, Picture

__all__ = ["Footage", "FootagePath", "Luminance", "Picture", "find_footage", "open_footage", "picture_of"]


def picture_of(file: Path) -> Picture | None:
    """The picture of an image whose pixels are another rectangle; None: its own pixels, as of all but some EXR files.

    Raises
    ------
    FootageError
        It cannot be read.
    """
    from .sequence import read_picture

    return read_picture(file)


def open_footage(path: str | PathLike[str]) -> Footage:
    """Open what ``path`` means (see :func:`find_footage`).

    Raises
    ------
    FootageError
        It is not there, incomplete, or no footage.
    """
    footage = find_footage(path)
    if footage.is_sequence:
        from .sequence import ImageSequence  # neither kind waits for the libraries of the other to load

        return ImageSequence(footage)
    from .movie import Movie

    return Movie(footage.first_file)
