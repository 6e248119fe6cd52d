"""Which tracks start from where: plain data in, plain data out."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking.libmv import Pass, plan_passes
from cinematic.tracking.types import Markers


def markers(frames: range | list[int], keyed: tuple[int, ...] = (), muted: tuple[int, ...] = ()) -> Markers:
    numbers = np.array(list(frames))
    zeros = np.zeros((len(numbers), 2))
    return Markers(
        numbers, zeros, np.zeros((len(numbers), 4, 2)), zeros, zeros, np.isin(numbers, muted), np.isin(numbers, keyed)
    )


TRACKS = [
    ("detected", markers([1], keyed=(1,))),
    ("later", markers([30], keyed=(30,))),
    ("whole", markers(range(1, 51), keyed=(20,))),
    ("imported", markers(range(5, 40))),
    ("lost", markers(range(1, 12), keyed=(1,), muted=(11,))),
    ("outside", markers([200], keyed=(200,))),
    ("disabled", markers([1], keyed=(1,), muted=(1,))),
]


@pytest.mark.parametrize(
    ("backwards", "from_border", "expected"),
    [
        (False, False, {1: ("detected", "lost"), 5: ("imported",), 20: ("whole",), 30: ("later",)}),
        (False, True, {1: ("detected", "whole", "lost"), 5: ("imported",), 30: ("later",)}),
        (True, False, {39: ("imported",), 30: ("later",), 20: ("whole",), 1: ("detected", "lost")}),
        (True, True, {50: ("whole",), 39: ("imported",), 30: ("later",), 1: ("detected", "lost")}),
    ],
)
def test_starts(backwards: bool, from_border: bool, expected: dict[int, tuple[str, ...]]) -> None:
    passes = plan_passes(TRACKS, 1, 50, backwards, from_border)
    assert passes == [Pass(start, names) for start, names in expected.items()]


def test_one_pass_where_all_start_together() -> None:
    tracks = [(str(i), markers([1], keyed=(1,))) for i in range(100)]
    assert len(plan_passes(tracks, 1, 50, False, False)) == 1
