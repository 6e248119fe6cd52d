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


def detached(clip: Any) -> Clip:
    """A :class:`Clip` of the same footage with copies of the tracks: what is done to it is not done to the clip.

    Nothing of Blender is in it: another process, which it may be pickled for, can work on it while an artist works on
    the MovieClip. Where that begins later than its footage, or ends earlier, the copy has the frames that it has not.

    Raises
    ------
    BackendUnavailable, ParameterError
        As :func:`store_of`.
    FootageError
        The footage cannot be read.
    """
    store = store_of(clip)
    copy = Clip(store.footage, [track.copy() for track in store.read()])
    copy.pixel_aspect = store.pixel_aspect
    return copy
