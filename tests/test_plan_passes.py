"""Which tracks start from where: plain data in, plain data out."""

from __future__ import annotations

import pytest

from cinematic.tracking.passes import Candidate, Pass, Span, plan_passes, reached


def track(name: str, frames: range | list[int], references: tuple[int, ...] = ()) -> Candidate:
    return Candidate(name, list(frames), list(references))


TRACKS = [
    track("detected", [1], (1,)),
    track("later", [30], (30,)),
    track("whole", range(1, 51), (20,)),
    track("imported", range(5, 40)),
    track("lost", range(1, 11), (1,)),
    track("outside", [200], (200,)),
    track("disabled", []),
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
    passes = plan_passes(TRACKS, Span(1, 50, backwards, True, from_border))
    assert passes == [Pass(start, names) for start, names in expected.items()]


def test_one_pass_where_all_start_together() -> None:
    tracks = [track(str(i), [1], (1,)) for i in range(100)]
    assert len(plan_passes(tracks, Span(1, 50, False, True, False))) == 1


def test_what_came_of_it_is_counted_within_the_span() -> None:
    passes = [Pass(1, ("a", "b")), Pass(10, ("c",))]
    frames = {"a": set(range(1, 8)), "b": {1, 40}, "c": set(range(5, 13))}
    assert reached(passes, frames, Span(1, 20, False, True, False)) == (2, 10, False)
    assert reached(passes, frames, Span(1, 12, False, True, False)) == (2, 10, True)
    assert reached(passes, frames, Span(1, 20, False, False, False)) == (2, 4, True)
