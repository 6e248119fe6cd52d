"""What is made ahead by a thread is the same, in order; errors and settings arrive; nothing is left running."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from itertools import count

import numpy as np
import pytest

from cinematic.tracking.ahead import made_ahead
from cinematic.tracking.shots import Watch, looked_at
from tests.plates import Plate


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


def test_a_reader_that_is_dropped_ends_the_thread_at_once() -> None:
    for depth in (1, 3):
        reader = made_ahead(count(), depth, "endless numbers")
        assert next(reader) == 0
        del reader
        assert not running("endless numbers")


def test_threads_end_with_a_search_for_cuts_that_is_given_up(plate: Plate) -> None:
    """They held what they were asked by, and so went on for ever."""
    frames = ((number, np.float32(frame) / 255) for number, frame in enumerate(plate.frames))
    looked = looked_at(made_ahead(frames, 1, "frames"), Watch())
    assert next(looked).number == 0
    assert running("frames")
    assert running("pyramids")
    del looked
    assert not running("frames")
    assert not running("pyramids")


def test_a_thread_that_waits_for_its_reader_runs_no_python() -> None:
    """Blender up to 5.0 crashes where another thread does so in the middle of an operator."""
    calls: list[str] = []
    threading.setprofile(lambda frame, event, _: calls.append(frame.f_code.co_name))
    try:
        reader = made_ahead(count(), 1, "waiting numbers")
        next(reader)
    finally:
        threading.setprofile(None)
    time.sleep(0.1)
    assert "work" in calls
    calls.clear()
    time.sleep(0.5)
    assert not calls
    reader.close()


def test_the_thread_works_with_the_settings_of_who_asks() -> None:
    setting: ContextVar[str] = ContextVar("setting", default="the default")
    setting.set("what was asked for")
    assert list(made_ahead((setting.get() for _ in range(2)), 1, "settings")) == ["what was asked for"] * 2
