"""Work done ahead: a thread makes what comes next while what is there already is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
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
    drops the iterator.
    """
    ready: queue.Queue[_Made[T] | _Failure | None] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def hand_over(entry: _Made[T] | _Failure | None) -> None:
        while not stopped.is_set():
            try:
                return ready.put(entry, timeout=0.1)
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in items:
                hand_over(_Made(item))
                if stopped.is_set():
                    return
            hand_over(None)
        except BaseException as error:
            hand_over(_Failure(error))

    thread = threading.Thread(target=copy_context().run, args=(work,), name=name, daemon=True)
    thread.start()
    try:
        while (entry := ready.get()) is not None:
            if isinstance(entry, _Failure):
                raise entry.error
            yield entry.item
    finally:
        stopped.set()
        thread.join()
