"""Frames of a movie or an image sequence, streamed as float32 luminance by the plate's own numbers."""

from __future__ import annotations

from os import PathLike

from .luminance import Luminance
from .path import FootagePath, find_footage
from .stream import Footage, Picture

__all__ = ["Footage", "FootagePath", "Luminance", "Picture", "find_footage", "open_footage"]


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
