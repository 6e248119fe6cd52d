"""Tracks together with what is thought of them, the worst first."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..coords import Size, pixels_from_co
from ..types import VERDICTS, TrackData, Verdict

STATES = (*VERDICTS, "unjudged")
"""Verdicts, and what a track without one is."""


@dataclass(frozen=True)
class Judged:
    """One track with its verdict."""

    track: TrackData
    verdict: Verdict | None  # None: nobody has judged it
    rank: int  # place among all, the worst is 0

    @property
    def state(self) -> str:
        """One of :data:`STATES`."""
        return self.verdict.verdict if self.verdict and self.verdict.verdict in VERDICTS else "unjudged"

    @property
    def reasons(self) -> tuple[str, ...]:
        """The weightiest first."""
        return self.verdict.reasons if self.verdict else ()

    @property
    def badness(self) -> float | None:
        """0 to 1; None where nobody has judged it, or with no number."""
        badness = self.verdict.badness if self.verdict else math.nan
        return badness if math.isfinite(badness) else None

    @property
    def bad_markers(self) -> dict[int, str]:
        """Frame -> reason."""
        return self.verdict.bad_markers if self.verdict else {}

    @property
    def frames(self) -> list[int]:
        """The plate frames it has a marker on, in order."""
        return sorted(self.track.markers)

    @property
    def flags(self) -> tuple[str, ...]:
        """What else an artist wants to know of it."""
        told = (("off", not self.track.enabled), ("locked", self.track.locked), ("hidden", self.track.hidden))
        return tuple(word for word, holds in told if holds)

    def pixels(self, frames: Sequence[int], size: Size) -> npt.NDArray[np.float64]:
        """Its positions on frames that it has a marker on, (n, 2) px, y down."""
        return pixels_from_co(np.array([self.track.markers[f] for f in frames]).reshape(-1, 2), size)


def judged_tracks(tracks: Sequence[TrackData], verdicts: Sequence[Verdict]) -> list[Judged]:
    """Each track with the verdict of its name, the worst first; those without a verdict come last."""
    by_name = {verdict.name: verdict for verdict in verdicts}
    pairs = sorted(((track, by_name.get(track.name)) for track in tracks), key=_badness_first)
    return [Judged(track, verdict, rank) for rank, (track, verdict) in enumerate(pairs)]


def count_states(judged: Sequence[Judged]) -> dict[str, int]:
    """How many tracks there are of each state; every verdict is in it, ``unjudged`` only where there are any."""
    found = Counter(each.state for each in judged)
    return {state: found[state] for state in STATES if state in VERDICTS or found[state]}


def count_reasons(judged: Sequence[Judged]) -> dict[str, int]:
    """How many tracks have each reason, the most frequent first."""
    return dict(Counter(reason for each in judged for reason in each.reasons).most_common())


def _badness_first(pair: tuple[TrackData, Verdict | None]) -> tuple[bool, float, str]:
    track, verdict = pair
    known = verdict is not None and math.isfinite(verdict.badness)
    return not known, -verdict.badness if verdict is not None and known else 0.0, track.name
