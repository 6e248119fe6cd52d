"""Work done ahead: a thread makes what comes next while what is there already is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress
from contextvars import copy_context
from typing import Generic, TypeVar

T = TypeVar("T")


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Made(Generic[T]):
    def __init__(self, item: T) -> None:
        self.item = item


def made_ahead(items: Iterator[T], depth: int, name: str) -> Iterator[T]:
    """The same items, made by a thread of this name that stays up to ``depth`` of them ahead.

    The thread ends when the items do, when one fails (its error is raised here), or when the caller stops asking and
    drops the iterator: ``items`` must not lead back to that one, as the thread holds them. It never wakes but to make
    one, as Blender up to 5.0 crashes where another thread runs Python in the middle of an operator.
    """
    ready: queue.Queue[_Made[T] | _Failure | None] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def work() -> None:
        try:
            for item in items:
                ready.put(_Made(item))
                if stopped.is_set():
                    return
            ready.put(None)
        except BaseException as error:
            ready.put(_Failure(error))

    thread = threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True)
    thread.start()
    try:
        while (entry := ready.get()) is not None:
            if isinstance(entry, _Failure):
                raise entry.error
            yield entry.item
    finally:
        stopped.set()
        with suppress(queue.Empty):  # makes room for the one that it waits to hand over
            while True:
                ready.get_nowait()
        thread.join()
