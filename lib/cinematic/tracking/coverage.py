"""Is every part of every frame covered by tracks? Where to look for more, what is too much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .engine import Features, detect
from .footage import Luminance
from .grid import FrameCells, Grid
from .masks import Excluded, detection_margin

_PATIENCE = 5  # frames after a look before the next one, when tracks are wanting
_IMPATIENCE = 2  # the same when there are fewer than the least that is needed
_REGULAR = 15  # frames after which to look whatever is there: new things come into view
_THIN = 0.05  # share of the cells with texture that may be without a track

_MOSTLY = 0.9  # share of a track's markers whose cells another one must hold, too, for it to be too much

_TRIED = 2  # features at once for a cell in which a track has failed

LEAST_PER_FRAME = 50
"""Tracks that a frame should have at least, where its texture allows: enough for a robust solve."""


Name = TypeVar("Name", int, str)


@dataclass(frozen=True)
class Look:
    """What a look at a frame has found."""

    textured: npt.NDArray[np.bool_]  # (cells,) something there can be tracked, or is
    excluded: float  # share of the frame that masks leave out

    def wants(self, live: npt.NDArray[np.int64], since: int, target: int, *, of_gaps: bool) -> bool:
        """Whether to look again, ``since`` frames later, with ``live`` (cells,) tracks alive.

        ``of_gaps``: what is in those cells has failed before, and may do so again soon.
        """
        total = int(live.sum())
        if since < _IMPATIENCE:
            return False
        if total < min(LEAST_PER_FRAME, target):
            return True
        bare = int((self.textured & (live == 0)).sum())
        thin = total < target or bare > _THIN * max(1, int(self.textured.sum()))
        patience = _IMPATIENCE if of_gaps else _PATIENCE
        return since >= (patience if thin else _REGULAR)


@dataclass(frozen=True)
class Wanted:
    """What to look for."""

    target: int  # tracks per frame
    pattern_size: int  # px
    gradient: float  # least strength of a feature, see engine.detect
    margin: int  # px
    min_distance: float  # px


def look(
    image: Luminance, wanted: Wanted, grid: Grid, held: npt.NDArray[np.float64], excluded: Excluded | None
) -> tuple[npt.NDArray[np.float64], Look]:
    """Features for cells that lack a track, then for those that have fewest, until the target is reached.

    Parameters
    ----------
    held : (n, 2)
        Where tracks are already, px.
    excluded
        What is left out: no feature's pattern may reach it.

    Returns
    -------
    (k, 2) float64
        New features, px.
    Look
    """
    features = _features(image, wanted, held, excluded)
    live = grid.counted(held)
    found = _looked(grid, live, features.positions, excluded)
    cells = grid.cells(features.positions)
    rank = live[cells] + _ranks(cells)
    wanting = (rank == 0) | ~features.is_blunt  # blunt ones only where nothing else is to be had
    # The sharpest feature of every bare cell first, then the second ones ...
    order = np.flatnonzero(wanting)[np.argsort(rank[wanting], kind="stable")]
    bare = int((rank == 0).sum())
    count = max(bare, min(len(order), wanted.target - len(held)))
    return features.positions[order[:count]], found


def look_into_gaps(
    image: Luminance,
    wanted: Wanted,
    grid: Grid,
    held: npt.NDArray[np.float64],
    avoided: npt.NDArray[np.float64],
    excluded: Excluded | None,
) -> tuple[npt.NDArray[np.float64], Look]:
    """:func:`look` for cells that lack a track, and for no others; several features for each, for some will fail.

    Parameters
    ----------
    avoided : (n, 2)
        Where tracks have failed, px: what they followed is not taken up again.
    """
    features = _features(image, wanted, np.concatenate([held, avoided]), excluded)
    live = grid.counted(held)
    cells = grid.cells(features.positions)
    wanting = (live[cells] == 0) & (_ranks(cells) < np.where(features.is_blunt, 1, _TRIED))
    return features.positions[wanting], _looked(grid, live, features.positions, excluded)


def _features(
    image: Luminance, wanted: Wanted, kept_away_from: npt.NDArray[np.float64], excluded: Excluded | None
) -> Features:
    """The sharpest first, and too blunt ones last."""
    return detect(
        image,
        pattern_size=wanted.pattern_size,
        threshold=wanted.gradient,
        margin=wanted.margin,
        min_distance=wanted.min_distance,
        mask=None if excluded is None else ~detection_margin(excluded, wanted.pattern_size),
        existing=kept_away_from,
        max_bluntness=np.inf,
    )


def _looked(
    grid: Grid, live: npt.NDArray[np.int64], features: npt.NDArray[np.float64], excluded: Excluded | None
) -> Look:
    textured = (live > 0) | (grid.counted(features) > 0)
    return Look(textured, 0.0 if excluded is None else float(excluded.mean()))


def _ranks(cells: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(n,) How many entries before this one are the same."""
    seen: dict[int, int] = {}
    ranks = np.zeros(len(cells), np.int64)
    for place, cell in enumerate(cells.tolist()):
        ranks[place] = seen.get(cell, 0)
        seen[cell] = ranks[place] + 1
    return ranks


def redundant(
    places: Mapping[Name, FrameCells],
    grid: Grid,
    target: int,
    others: Iterable[FrameCells] = (),
    share: float = _MOSTLY,
) -> list[Name]:
    """Tracks that can go: all their frames have more than ``target``, and on most of them their cell keeps another.

    The shortest go first.

    Parameters
    ----------
    places
        Of the tracks that may go.
    others
        Of those that stay in any case.
    share
        Of a track's frames on which its cell must keep another.
    """
    everything = np.concatenate([*places.values(), *others, np.zeros((0, 2), np.int64)])
    if not len(everything):
        return []
    first = int(everything[:, 0].min())
    held = np.zeros((int(everything[:, 0].max()) - first + 1, grid.count), np.int32)
    np.add.at(held, (everything[:, 0] - first, everything[:, 1]), 1)
    total = held.sum(1)
    gone = []
    for track in sorted(places, key=lambda track: (len(places[track]), track)):
        frames, cells = places[track][:, 0] - first, places[track][:, 1]
        if (total[frames] > target).all() and (held[frames, cells] > 1).mean() >= share:
            held[frames, cells] -= 1
            total[frames] -= 1
            gone.append(track)
    return gone


def covered(look: Look, grid: Grid, positions: npt.NDArray[np.float64]) -> float:
    """Share of the cells with texture that hold a track; 1 where there is no texture."""
    textured = int(look.textured.sum())
    return float((look.textured & (grid.counted(positions) > 0)).sum()) / textured if textured else 1.0


def why_thin(frame: int, count: int, looks: Mapping[int, Look], bad: Sequence[int], cuts: Sequence[int]) -> str:
    """In words, why a frame has no more than ``count`` tracks."""
    if frame in bad:
        return "bad frame, tracks have no marker on it"
    if not looks:
        return "never looked at"
    nearest = looks[min(looks, key=lambda looked: (abs(looked - frame), looked))]
    cells, textured = len(nearest.textured), int(nearest.textured.sum())
    if nearest.excluded > 0.5:
        return f"masks leave out {nearest.excluded:.0%} of the frame"
    if textured < min(LEAST_PER_FRAME, cells / 2):
        return f"texture in {textured} of {cells} cells only"
    near = [cut for cut in cuts if abs(cut - frame) <= _PATIENCE]
    if near:
        return f"next to the cut at frame {near[0]}: what is seen here is not seen for long"
    return f"texture in {textured} of {cells} cells, but what was found could not be followed for long enough"
