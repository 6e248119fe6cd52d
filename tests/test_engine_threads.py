"""Work spread over threads: each piece is done once, whoever does it, and what fails is told."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from cinematic.tracking.engine.compiler import kernel, kernels
from cinematic.tracking.engine.threads import next_piece, spread, use_threads


@kernel
def _count(tickets, done):  # type: ignore[no-untyped-def]
    pieces = 0
    first, last = next_piece(tickets)
    while first < last:
        for n in range(first, last):
            done[n] += 1
        pieces += 1
        first, last = next_piece(tickets)
    return pieces


kernels.remove(_count)  # it is none of the engine's: commands in this process would say that it must be compiled


@pytest.mark.parametrize("threads", [1, 2, 7, 64])
@pytest.mark.parametrize(("count", "piece"), [(0, 8), (1, 8), (8, 8), (1001, 8)])
def test_every_piece_is_done_once(threads: int, count: int, piece: int) -> None:
    done = np.zeros(count, np.int64)
    with use_threads(threads):
        returned = spread(_count, count, piece, done)
    assert (done == 1).all()
    assert sum(returned) == -(-count // piece)


def test_what_fails_in_another_thread_is_raised_in_this_one() -> None:
    here = threading.current_thread()
    both = threading.Barrier(2)

    def fail_elsewhere(_tickets: np.ndarray) -> None:
        both.wait(10)
        if threading.current_thread() is not here:
            raise MemoryError("no room")

    with use_threads(2), pytest.raises(MemoryError, match="no room"):
        spread(fail_elsewhere, 2, 1)
    with use_threads(2):  # and the threads are there for what comes next
        assert sum(spread(_count, 100, 1, np.zeros(100, np.int64))) == 100
