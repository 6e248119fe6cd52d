"""What is made ahead by a thread is the same, in order; errors and settings arrive; nothing is left running."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from cinematic.tracking.ahead import made_ahead


def running(name: str) -> bool:
    return any(thread.name == name for thread in threading.enumerate())


def test_the_same_items_in_order() -> None:
    assert list(made_ahead(iter(range(100)), 3, "numbers")) == list(range(100))
    assert list(made_ahead(iter([None, 1, None]), 3, "numbers")) == [None, 1, None]
    assert list(made_ahead(iter(()), 1, "numbers")) == []
    assert not running("numbers")


def test_an_error_is_raised_where_the_items_are_used_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    made = made_ahead(items(), 4, "broken numbers")
    assert next(made) == 1
    with pytest.raises(ValueError, match="broken"):
        next(made)
    assert not running("broken numbers")


def test_it_stays_no_farther_ahead_than_was_asked_for_and_stops_with_the_reader() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(1000):
            made.append(number)
            yield number

    reader = made_ahead(items(), 2, "long numbers")
    assert next(reader) == 0
    reader.close()
    assert len(made) <= 5
    assert not running("long numbers")


def test_the_thread_works_with_the_settings_of_who_asks() -> None:
    setting: ContextVar[str] = ContextVar("setting", default="the default")
    setting.set("what was asked for")
    assert list(made_ahead((setting.get() for _ in range(2)), 1, "settings")) == ["what was asked for"] * 2
