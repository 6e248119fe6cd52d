"""Either kind of clip, seen the same way: a name, a size, frame numbers, footage, and tracks as plain data."""

from __future__ import annotations

from typing import Any

from .blender import require_movie_clip
from .clip import Clip
from .movie_clip import MovieClipStore

Store = Clip | MovieClipStore


def store_of(clip: Any) -> Store:
    """Our own :class:`Clip` itself; a view of a ``bpy.types.MovieClip``.

    Raises
    ------
    BackendUnavailable
        It is no :class:`Clip`, and there is no Blender that could tell what it is.
    ParameterError
        It is neither.
    """
    return clip if isinstance(clip, Clip) else MovieClipStore(require_movie_clip(clip))
