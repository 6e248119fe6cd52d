"""Frames of a movie or an image sequence, streamed as float32 luminance by the plate's own numbers."""

from __future__ import annotations

from os import PathLike

from .movie import Movie
from .path import FootagePath, find_footage
from .sequence import ImageSequence
from .stream import Footage, Luminance

__all__ = ["Footage", "FootagePath", "ImageSequence", "Luminance", "Movie", "find_footage", "open_footage"]


def open_footage(path: str | PathLike[str]) -> Footage:
    """Open what ``path`` means (see :func:`find_footage`).

    Raises
    ------
    FootageError
        It is not there, incomplete, or no footage.
    """
    footage = find_footage(path)
    return ImageSequence(footage) if footage.is_sequence else Movie(footage.first_file)
