"""A column is a dict that takes less room: whatever is done to both, they stay equal."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematic.tracking.columns import FrameColumn

frames = st.integers(-5, 15)
values = st.floats(allow_nan=False)


@given(st.lists(st.tuples(st.booleans(), frames, st.tuples(values, values, values))))
def test_it_does_what_a_dict_does(steps: list[tuple[bool, int, tuple[float, float, float]]]) -> None:
    column, plain = FrameColumn(3), {}
    for put, frame, value in steps:
        if put:
            column[frame] = plain[frame] = value
        else:
            assert column.pop(frame, None) == plain.pop(frame, None)
        assert column == plain
        assert list(column) == sorted(plain)
        assert (frame in column) == (frame in plain)
    assert FrameColumn(3, plain) == column


def test_plain_floats_and_wrong_widths() -> None:
    column = FrameColumn(0, {3: 0.5, 1: 0.25})
    assert dict(column) == {1: 0.25, 3: 0.5}
    with pytest.raises(KeyError):
        column[2]
    with pytest.raises(ValueError, match="expected 2 numbers, got 3"):
        FrameColumn(2)[1] = (1.0, 2.0, 3.0)


def test_it_takes_a_quarter_of_the_room() -> None:
    plain = {frame: tuple(float(frame + i) for i in range(8)) for frame in range(1000)}
    column = FrameColumn(8, plain)
    dict_size = sys.getsizeof(plain) + sum(sys.getsizeof(v) + sum(map(sys.getsizeof, v)) for v in plain.values())
    assert 4 * (sys.getsizeof(column._frames) + sys.getsizeof(column._values)) < dict_size
