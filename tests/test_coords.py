from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematic.tracking import ParameterError
from cinematic.tracking.coords import (
    FrameNumbers,
    co_from_pixels,
    co_offsets_from_pixels,
    pixel_offsets_from_co,
    pixels_from_co,
)

SIZE = (1920, 1080)


@pytest.mark.parametrize(
    ("co", "pixels"),
    [
        ((0, 0), (-0.5, 1079.5)),  # outer corner of the bottom-left pixel
        ((1, 1), (1919.5, -0.5)),
        ((0.5 / 1920, 1 - 0.5 / 1080), (0, 0)),  # centre of the top-left pixel
        ((0.5, 0.5), (959.5, 539.5)),
    ],
)
def test_corners_and_centres(co: tuple[float, float], pixels: tuple[float, float]) -> None:
    np.testing.assert_allclose(pixels_from_co(co, SIZE), pixels, atol=1e-9)
    np.testing.assert_allclose(co_from_pixels(pixels, SIZE), co, atol=1e-12)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 9000), st.integers(1, 9000))
def test_there_and_back(x: float, y: float, width: int, height: int) -> None:
    size = (width, height)
    np.testing.assert_allclose(co_from_pixels(pixels_from_co((x, y), size), size), (x, y), atol=1e-9)
    np.testing.assert_allclose(co_offsets_from_pixels(pixel_offsets_from_co((x, y), size), size), (x, y), atol=1e-9)


def test_an_offset_is_the_difference_of_two_positions() -> None:
    a, b = np.array([[0.2, 0.3], [0.25, 0.1]])
    np.testing.assert_allclose(pixels_from_co(b, SIZE) - pixels_from_co(a, SIZE), pixel_offsets_from_co(b - a, SIZE))


def test_frames_of_a_sequence_that_the_scene_shows_later() -> None:
    numbers = FrameNumbers(plate_first=1001, duration=50, scene_first=101)
    assert (numbers.first, numbers.last) == (1001, 1050)
    assert numbers.clip_from_plate(1001) == 1
    assert numbers.plate_from_clip(50) == 1050
    assert numbers.scene_from_plate(1003) == 103


@pytest.mark.parametrize("frame", [1000, 1051, 1.0, "1001", True, None])
def test_a_frame_that_is_none_of_the_plate(frame: object) -> None:
    with pytest.raises(ParameterError, match="expected frame"):
        FrameNumbers(1001, 50).checked(frame)  # type: ignore[arg-type]
