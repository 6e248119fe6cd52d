"""The columns of a table of markers: what :mod:`.csv_table` and :mod:`.parquet` have in common.

::

    track         name
    frame         the plate's number
    x, y          normalised position: (0, 0) the outer corner of the bottom-left pixel, y up
    correlation   with the reference pattern (ZNCC); empty: not measured
    muted         1: no valid position on this frame
    keyed         1: a reference frame
    enabled       0: the track is disabled

Rows may come in any order. Only ``track``, ``frame``, ``x`` and ``y`` must be there; others than these are ignored.
"""

from __future__ import annotations

from collections.abc import Iterator

from .base import FileTrack

NEEDED = ("track", "frame", "x", "y")
COLUMNS = (*NEEDED, "correlation", "muted", "keyed", "enabled")
KEEPS = frozenset({"disabled", "muted", "correlations", "reference frames"})


class Tracks:
    """Tracks that come row by row."""

    def __init__(self) -> None:
        self._tracks: dict[str, FileTrack] = {}

    def __iter__(self) -> Iterator[FileTrack]:
        return iter(self._tracks.values())

    def track(self, name: str, line: int) -> FileTrack:
        """The track of that name, a new one where there is none."""
        track = self._tracks.get(name)
        if track is None:
            track = self._tracks[name] = FileTrack(name, [], [], line)
        return track
