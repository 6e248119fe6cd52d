"""Frames of a movie or an image sequence, streamed as float32 luminance by the plate's own numbers."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from .luminance import Luminance
from .path import FootagePath, find_footage
from .stream import Footage, Picture, corner_in

__all__ = ["Footage", "FootagePath", "Luminance", "Picture", "corner_of", "find_footage", "open_footage"]


def corner_of(file: Path) -> tuple[int, int]:
    """Where an image's bottom-left corner lies in its picture, px: (0, 0) of all but some EXR files.

    Raises
    ------
    FootageError
        It cannot be read.
    """
    from .sequence import read_picture

    return corner_in(read_picture(file))


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
