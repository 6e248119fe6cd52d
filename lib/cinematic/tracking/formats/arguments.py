"""Checks of what reading and writing have in common, and tracks on other frames."""

from __future__ import annotations

from dataclasses import replace
from operator import index
from typing import Any

import numpy as np

from ..checks import checked_length, checked_number
from ..coords import Size
from ..errors import ParameterError
from ..types import TrackData
from .base import FRAME_LIMIT

BEGINS_AT_ONE = "the plate is taken to begin at frame 1 (--frame-start)"
"""What is told where a format counts from the shot's begin and nobody said which frame that is."""


def shifted(track: TrackData, frames: int) -> TrackData:
    """The track on other frames: itself where ``frames`` is 0."""
    if not frames:
        return track
    columns = ("markers", "muted", "correlations", "corners", "forward_backward", "covariances", "lost")
    moved: dict[str, Any] = {
        name: {frame + frames: entry for frame, entry in getattr(track, name).items()} for name in columns
    }
    return replace(track, reference_frames=[frame + frames for frame in track.reference_frames], **moved)


def checked_size(size: Any) -> Size | None:
    """``size`` when it is None or two whole numbers above 0.

    Raises
    ------
    ParameterError
        It is neither.
    """
    if size is None:
        return None
    try:
        width, height = size
    except (TypeError, ValueError):
        raise ParameterError(f"expected size as (width, height), got {size!r}") from None
    return checked_length("width", width, least=1), checked_length("height", height, least=1)


def checked_corner(corner: Any) -> tuple[int, int] | None:
    """``corner`` when it is None or two whole numbers.

    Raises
    ------
    ParameterError
        It is neither.
    """
    if corner is None:
        return None
    try:
        x, y = map(index, corner)
    except (TypeError, ValueError):
        raise ParameterError(f"expected corner as (x, y), two whole numbers of px, got {corner!r}") from None
    return x, y


def checked_fps(fps: float | None) -> float | None:
    """``fps`` when it is None or a number above 0."""
    return None if fps is None else checked_number("fps", fps, 0, 1e6, above=True)


def check_frames(**frames: Any) -> None:
    """Refuse what is neither None nor a whole number within limits."""
    for name, frame in frames.items():
        whole = isinstance(frame, int | np.integer) and not isinstance(frame, bool)
        if frame is not None and (not whole or abs(frame) > FRAME_LIMIT):
            raise ParameterError(f"expected {name} as a whole number within {FRAME_LIMIT}, got {frame!r}")
