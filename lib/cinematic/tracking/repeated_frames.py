"""Frames that show again what the frame before them shows: pulldown, a frame rate that was converted, a dropped frame.

Every track stands still there, and goes on behind it in the direction it had. A camera that is solved from such
tracks stands still with them: right for this footage, wrong for the motion that was filmed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .coords import Size, lengths, pixels_from_co
from .types import TrackData

_LEAST_TRACKS = 8
_STILL = 0.1  # px; the step of the median track onto a repeated frame, at most ...
_MOVING = 0.5  # ... and of those before and behind it, at least
_WITHIN = 3  # frames; so near are those, where a frame is shown more than twice


class _Steps(NamedTuple):
    """The steps onto one frame, of the tracks that have markers on it and on the one before."""

    rows: npt.NDArray[np.int64]  # (k,) ascending
    by: npt.NDArray[np.float64]  # (k, 2) px
    size: float  # px, of the median track


def repeated_frames(tracks: Sequence[TrackData], size: Size) -> tuple[int, ...]:
    """The frames, ascending, that repeat the one before; none where the camera moves by less than half a pixel a frame.

    Parameters
    ----------
    tracks
        From any source, in the plate's frames.
    size
        Width and height of the footage, px.
    """
    steps = {frame: found for frame, found in _steps(tracks, size) if len(found.rows) >= _LEAST_TRACKS}
    still = {frame for frame, found in steps.items() if found.size <= _STILL}
    return tuple(frame for frame in sorted(still) if _goes_on(frame, steps, still))


def _steps(tracks: Sequence[TrackData], size: Size) -> Iterator[tuple[int, _Steps]]:
    frames, rows, steps = [], [], []
    for row, track in enumerate(tracks):
        numbers = np.fromiter(track.markers, np.int64)
        follows = np.diff(numbers) == 1
        if follows.any():
            frames.append(numbers[1:][follows])
            rows.append(np.full(len(frames[-1]), row))
            steps.append(np.diff(pixels_from_co(list(track.markers.values()), size), axis=0)[follows])
    if not frames:
        return
    onto = np.concatenate(frames)
    order = np.argsort(onto, kind="stable")
    onto, row_of, by = onto[order], np.concatenate(rows)[order], np.concatenate(steps)[order]
    numbers, begins = np.unique(onto, return_index=True)
    for frame, at_rows, each in zip(numbers, np.split(row_of, begins[1:]), np.split(by, begins[1:]), strict=True):
        yield int(frame), _Steps(at_rows, each, float(np.median(lengths(each))))


def _goes_on(frame: int, steps: dict[int, _Steps], still: set[int]) -> bool:
    """Whether the tracks that stand still at a frame moved before it and go on behind it, in the same direction."""
    before, behind = (
        next((steps[f] for f in near if f in steps and f not in still), None)
        for near in (range(frame - 1, frame - _WITHIN - 1, -1), range(frame + 1, frame + _WITHIN + 1))
    )
    if before is None or behind is None or min(before.size, behind.size) < _MOVING:
        return False
    _, mine, theirs = np.intersect1d(before.rows, behind.rows, assume_unique=True, return_indices=True)
    if len(mine) < _LEAST_TRACKS:
        return False
    return bool(np.median((before.by[mine] * behind.by[theirs]).sum(axis=1)) > 0)
