"""From what two passes have found to tracks: pieces of one feature are joined, bad ends and short pieces go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from .engine import LostReason
from .records import Records, by_track, first_of_each, is_marker, joined

_SAME_PLACE = 0.5  # px; how far two pieces may lie apart, on average, where they overlap
_LONGEST_OVERLAP = 8  # frames; tracks that are beside each other for longer are not pieces of one

_ABRUPT = [LostReason.LOW_CORRELATION, LostReason.FORWARD_BACKWARD, LostReason.DIVERGED, LostReason.SHAPE]
_FADED = 0.1  # by this much less than usual correlates what is being covered
_MOST_FADED = 3  # markers taken off an end


def reference_frames(forward: Records, backward: Records) -> dict[int, int]:
    """The frame on which each track began: its first in the forward pass, its last where it has a backward one only."""
    alone = backward[is_marker(backward) & ~np.isin(backward["track"], forward["track"])]
    last_first = alone[np.argsort(-alone["frame"], kind="stable")]
    began = np.concatenate([first_of_each(forward), first_of_each(last_first)])
    return dict(zip(began["track"].tolist(), began["frame"].tolist(), strict=True))


def whole(forward: Records, backward: Records) -> dict[int, Records]:
    """The rows of each track, one a frame. Both passes hold the marker a track began with; the forward one's counts."""
    return {track: _one_per_frame(rows) for track, rows in by_track(joined([forward, backward])).items()}


def join(tracks: dict[int, Records], pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Make one track of those that turned out to have one feature; ``tracks`` is changed in place.

    Parameters
    ----------
    pairs
        Who met whom. They are joined when they agree about the place where they overlap, and do so only briefly.

    Returns
    -------
    dict
        Which tracks each one consists of, itself first.
    """
    parts = {track: [track] for track in tracks}
    owner = {track: track for track in tracks}
    for a, b in pairs:
        one, other = sorted((owner[a], owner[b]))
        if one == other or not _are_pieces_of_one(tracks[one], tracks[other]):
            continue
        tracks[one] = _merged(tracks[one], tracks.pop(other))
        for part in parts[other]:
            owner[part] = one
        parts[one] += parts.pop(other)
    return parts


def trimmed(rows: Records, least: int, skipped: Sequence[int]) -> Records:
    """Without markers at an end that were being covered, and without stretches of fewer than ``least`` markers.

    Of the news of losses those stay that end a stretch, if need be behind frames that were ``skipped``.
    """
    markers = rows[is_marker(rows)]
    breaks = np.flatnonzero(np.diff(markers["frame"]) != 1) + 1
    losses = {int(row["frame"]): row for row in rows[~is_marker(rows)]}
    kept = []
    for run in np.split(markers, breaks):
        if len(run):
            before, after = (losses.get(_beside(run, step, skipped)) for step in (-1, 1))
            kept += _trimmed_run(run, before, after, least)
    if not kept:
        return rows[:0]
    found = joined(kept)
    return _one_per_frame(found[np.argsort(found["frame"], kind="stable")])


def has_gap(rows: Records, skipped: Sequence[int]) -> bool:
    """Whether a track was lost and found again, and not just carried over ``skipped`` frames."""
    frames = np.unique(np.concatenate([rows["frame"][is_marker(rows)], np.asarray(skipped, rows["frame"].dtype)]))
    held = rows["frame"][is_marker(rows)]
    frames = frames[(frames >= held.min()) & (frames <= held.max())]
    return bool((np.diff(frames) > 1).any())


def _beside(run: Records, step: int, skipped: Sequence[int]) -> int:
    """The frame before (-1) or behind (1) a stretch, of those that were not skipped."""
    frame = int(run["frame"][0 if step < 0 else -1]) + step
    while frame in skipped:
        frame += step
    return frame


def _trimmed_run(run: Records, before: np.void | None, after: np.void | None, least: int) -> list[Records]:
    """A stretch without its bad ends, and the losses beside it; nothing when too little is left."""
    if after is not None and after["reason"] in _ABRUPT:
        run = run[: len(run) - _faded(run["correlation"][::-1])]
    if before is not None and before["reason"] in _ABRUPT:
        run = run[_faded(run["correlation"]) :]
    if len(run) < least:
        return []
    found = [run]
    for loss, frame in ((before, run["frame"][0] - 1), (after, run["frame"][-1] + 1)):
        if loss is not None:
            row = np.array([loss], run.dtype)
            row["frame"] = frame
            found.append(row)
    return found


def median_life(tracks: Mapping[int, Records]) -> float:
    """Markers of the middle track."""
    return float(np.median([is_marker(rows).sum() for rows in tracks.values()])) if tracks else 0.0


def _one_per_frame(rows: Records) -> Records:
    """Of several rows of one frame a marker, if one is among them; rows are in the order of frames."""
    order = np.lexsort((~is_marker(rows), rows["frame"]))
    rows = rows[order]
    return rows[np.insert(np.diff(rows["frame"]) != 0, 0, True)] if len(rows) else rows


def _are_pieces_of_one(a: Records, b: Records) -> bool:
    a, b = a[is_marker(a)], b[is_marker(b)]
    _, in_a, in_b = np.intersect1d(a["frame"], b["frame"], return_indices=True)
    if not 0 < len(in_a) <= _LONGEST_OVERLAP:
        return False
    apart = np.linalg.norm(a["position"][in_a] - b["position"][in_b], axis=1)
    return bool(apart.mean() <= _SAME_PLACE)


def _merged(earlier: Records, later: Records) -> Records:
    """Both; where they overlap, the earlier one."""
    taken = earlier["frame"][is_marker(earlier)]
    rows = joined([earlier, later[~np.isin(later["frame"], taken)]])
    rows = rows[rows["reason"] != LostReason.SAME_FEATURE]
    rows["track"] = earlier["track"][0]
    return _one_per_frame(rows[np.argsort(rows["frame"], kind="stable")])


def _faded(correlation: np.ndarray) -> int:
    """How many of the first values are well below what follows."""
    usual = float(np.median(correlation)) - _FADED
    below = correlation[:_MOST_FADED] < usual
    return int(np.argmin(below)) if not below.all() else len(below)
