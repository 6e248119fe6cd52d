"""Spread work over the cores with Python threads around kernels that release the GIL.

Not numba's own ``prange``: it compiles every kernel twice more, and its default threading layer aborts the process
when two Python threads use it at once, as a farm worker or a decoding thread may. A piece of work is an interval of
tracks or rows; each track and row is computed by itself, so the result does not depend on who computes it.

Threads need the GIL to enter a kernel, one after the other. So each enters once, and takes piece after piece in there.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from queue import SimpleQueue
from typing import Any

import numpy as np
from numba import types

from ..errors import ParameterError
from ..machine import available_cores
from .compiler import inner_kernel
from .lanes import data, intrinsic

_NEXT, _PIECE, _COUNT = range(3)
"""Of the tickets, int64 (3,): where the next piece begins, how long pieces are, and how much there is to do."""

_in_use: ContextVar[int | None] = ContextVar("threads", default=None)
_helpers: _Helpers | None = None
_starting = threading.Lock()


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


def spread(kernel: Callable[..., Any], count: int, piece: int, *arguments: Any) -> list[Any]:
    """Have several threads call ``kernel(tickets, *arguments)`` at once; what each call returns, in any order.

    By :func:`next_piece` the kernel gets intervals of ``range(count)``, each of them ``piece`` long, until there are no
    more. It is called at least once.
    """
    tickets = np.array([0, piece, count], np.int64)
    returned: list[Any] = []

    def work() -> None:
        if tickets[_NEXT] < count or not returned:
            returned.append(kernel(tickets, *arguments))

    others = min(_in_use.get() or available_cores(), -(-count // piece)) - 1
    if others <= 0:
        work()
        return returned
    waiting = _threads().ask(work, others)
    try:
        work()
    finally:
        failures = [failure for failure in (waiting.get() for _ in range(others)) if failure is not None]
    if failures:
        raise failures[0]
    return returned


@intrinsic
def _taken(typingctx: Any, counter: Any, amount: Any) -> Any:
    """Add to the first element of an int64 array what it was before, whatever other threads do to it meanwhile."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = data(context, builder, signature, args, 0)
        return builder.atomic_rmw("add", place, args[1], "monotonic")

    return types.int64(counter, types.int64), codegen


@inner_kernel
def next_piece(tickets):  # type: ignore[no-untyped-def]
    """First and last (behind the end) of a piece that no other thread has; both the same: there is no more."""
    first = min(_taken(tickets, tickets[_PIECE]), tickets[_COUNT])
    return first, min(first + tickets[_PIECE], tickets[_COUNT])


class _Helpers:
    """Threads that wait for something to do. concurrent.futures takes longer to ask one than a piece of work takes."""

    def __init__(self, count: int) -> None:
        self._asked: SimpleQueue[tuple[Callable[[], None], SimpleQueue[BaseException | None]]] = SimpleQueue()
        for number in range(count):
            threading.Thread(target=self._serve, name=f"cinematic-tracking {number}", daemon=True).start()

    def ask(self, work: Callable[[], None], times: int) -> SimpleQueue[BaseException | None]:
        """Have ``work`` called so many times; for each, what was raised arrives in the queue, or None."""
        done: SimpleQueue[BaseException | None] = SimpleQueue()
        for _ in range(times):
            self._asked.put((work, done))
        return done

    def _serve(self) -> None:
        while True:
            work, done = self._asked.get()
            try:
                work()
            except BaseException as failure:
                done.put(failure)
            else:
                done.put(None)
            del work, done  # what they hold is megabytes


def _threads() -> _Helpers:
    global _helpers
    with _starting:
        if _helpers is None:
            _helpers = _Helpers(max(8, available_cores()) - 1)
        return _helpers


def _forget_threads() -> None:
    """A forked child has the records of threads but none of these."""
    global _helpers, _starting
    _helpers, _starting = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)
