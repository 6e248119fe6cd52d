"""Spread work over the cores with Python threads around kernels that release the GIL.

Not numba's own ``prange``: it compiles every kernel twice more, and its default threading layer aborts the process
when two Python threads use it at once, as a farm worker or a decoding thread may. A piece of work is an interval of
tracks or rows; each track and row is computed by itself, so the result does not depend on who computes it.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

from ..cores import available_cores
from ..errors import ParameterError

_in_use: ContextVar[int | None] = ContextVar("threads", default=None)
_pool: ThreadPoolExecutor | None = None


@contextlib.contextmanager
def use_threads(count: int | None) -> Iterator[None]:
    """Inside, the engine uses ``count`` threads (None: leave as it is; outside any such block, all cores)."""
    if count is None:
        yield
        return
    if not (isinstance(count, int) and count >= 1):
        raise ParameterError(f"expected threads as a whole number of at least 1 or None, got {count!r}")
    token = _in_use.set(count)
    try:
        yield
    finally:
        _in_use.reset(token)


def spread(work: Callable[[int, int], object], count: int, piece: int) -> None:
    """Call ``work(first, last)`` on intervals of ``piece`` that cover ``range(count)``, on several threads."""
    pieces = -(-count // piece)
    threads = min(_in_use.get() or available_cores(), pieces)
    tickets = itertools.count()

    def run() -> None:
        while (ticket := next(tickets)) < pieces:
            work(ticket * piece, min(count, ticket * piece + piece))

    helpers = [_workers().submit(run) for _ in range(threads - 1)]
    try:
        run()
    finally:
        for helper in helpers:
            helper.result()


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(max(8, available_cores()), thread_name_prefix="cinematic-tracking")
    return _pool


def _forget_pool() -> None:
    """A forked child has the pool's records but none of its threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_pool)
