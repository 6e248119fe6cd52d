"""Which frames of a piece of footage their tracks connect: of one such piece nothing says how it lies to another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Piece:
    """Consecutive frames, by index, that are connected; on the first and on the last there are markers."""

    first: int
    last: int  # inclusive
    bridging: int = 0  # tracks that go on to it from the piece before


def connected_frames(seen: BoolArray, least: int) -> list[Piece]:
    """The pieces in order: from one to the next fewer than ``least`` tracks go on.

    Parameters
    ----------
    seen : (n, f)
        Where there are markers.
    """
    frames = seen.shape[1]
    rows = seen.any(axis=1)
    begins = np.bincount(seen[rows].argmax(axis=1), minlength=frames)
    ends = np.bincount(frames - 1 - seen[rows][:, ::-1].argmax(axis=1), minlength=frames)
    over = np.concatenate([[0], np.cumsum(begins)[:-1] - np.cumsum(ends)[:-1]])  # from the frame before to each one
    breaks = np.flatnonzero(over < least)
    marked = seen.any(axis=0)
    pieces: list[Piece] = []
    for start, end in zip(breaks, [*breaks[1:], frames], strict=True):
        within = start + np.flatnonzero(marked[start:end])
        if len(within):
            pieces.append(Piece(int(within[0]), int(within[-1]), int(over[within[0]])))
    return pieces


def largest_piece(pieces: list[Piece], seen: BoolArray) -> Piece:
    """The piece with most frames that have markers; of several the one with most markers."""

    def size(piece: Piece) -> tuple[int, int]:
        within = seen[:, piece.first : piece.last + 1]
        return int(within.any(axis=0).sum()), int(within.sum())

    return max(pieces, key=size)
