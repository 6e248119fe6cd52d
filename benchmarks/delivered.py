"""What the tracks of a whole shot are worth: each against the exact path of the point that it marked first.

A track stands for the point under its reference marker: the feature that was detected, or for who does not say which
that was the track's first marker.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.plates import truth
from benchmarks.plates.catalogue import Entry
from benchmarks.plates.truth import Truth
from benchmarks.report import Table
from benchmarks.score import score
from benchmarks.whole_shots import Delivery, positions_of
from cinematic.tracking import TrackData

ANOTHER_POINT = 2.0  # px; a piece of a track whose middle marker is further off shows another point

COLUMNS = {
    "tracks": "tracks", "markers": "markers judged", "bad1": "bad1", "bad4": "bad4", "occluded": "occluded",
    "median": "median px", "good": "good", "moving": "on moving objects", "share": "share of the tracks",
    "pieces": "pieces judged", "wrong": "of another point",
}  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """Tracks beside the truth for the points that they marked first."""

    tracks: Sequence[TrackData]
    positions: np.ndarray  # (N, F, 2) px
    found: Truth

    @property
    def moving(self) -> np.ndarray:
        """(N,) Whether the point is on something that moves."""
        return self.found.mover >= 0

    def pieces(self) -> np.ndarray:
        """How far off, px, the middle marker is of every further piece of a usable track.

        Further pieces are what stands behind a gap, and what was tracked from a reference marker of its own: of them
        the reference marker counts.
        """
        off = np.linalg.norm(self.positions - self.found.positions(), axis=2)
        off = np.where(np.isnan(off) & np.isfinite(self.positions[..., 0]), np.inf, off)
        further = []
        for row in np.flatnonzero(self.found.usable):
            own = int(self.found.start[row]) - 1
            held = np.flatnonzero(np.isfinite(off[row]) | np.isinf(off[row]))
            for run in np.split(held, np.flatnonzero(np.diff(held) > 1) + 1):
                references = [f - 1 for f in self.tracks[row].reference_frames if f - 1 in run and f - 1 != own]
                if references:
                    further += [float(off[row, reference]) for reference in references]
                elif own not in run:
                    further.append(float(np.median(off[row, run])))
        return np.array(further)


def judged(entry: Entry, tracks: Sequence[TrackData]) -> Judged:
    """The tracks with their truth, cast now."""
    return judged_at(entry, tracks, positions_of(list(tracks), entry.footage.size, range(1, entry.footage.frames + 1)))


def judged_at(entry: Entry, tracks: Sequence[TrackData], positions: np.ndarray) -> Judged:
    """The same, where the markers lie at other ``positions`` (N, F, 2) px of the plate than the tracks say."""
    start = np.array([reference_of(track) for track in tracks], int)
    pixels = positions[np.arange(len(tracks)), start - 1]
    return Judged(tracks, positions, truth.cast(entry.spec, pixels, start))


def table(entry: Entry, found: Sequence[Delivery]) -> Table:
    """One plate, all contenders."""
    shown = Table(f"delivered-{entry.name.replace('/', '-')}", f"{entry.name}: the tracks against their truth", COLUMNS)
    for delivery in found:
        each = judged(entry, delivery.tracks)
        pieces = each.pieces()
        moving = int(each.moving.sum())
        shown.rows.append(
            {
                "name": delivery.name,
                **score(each.positions, each.found.reference()).as_dict(),
                "tracks": len(delivery.tracks),
                "moving": str(moving),
                "share": f"{moving / max(1, len(delivery.tracks)):.2%}",
                "pieces": str(len(pieces)),
                "wrong": str(int((pieces > ANOTHER_POINT).sum())),
            }
        )
    return shown


def reference_of(track: TrackData) -> int:
    """The frame of a track's reference marker."""
    known = [frame for frame in track.reference_frames if frame in track.markers]
    return min(known or track.markers)
