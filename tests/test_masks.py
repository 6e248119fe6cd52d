"""Masks and regions: read, checked, and their two polarities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from cinematic.tracking import FootageError, ParameterError
from cinematic.tracking.coords import FrameNumbers
from cinematic.tracking.masks import Exclusion, grown, is_excluded
from tests.plates import write_movie, write_sequence

SIZE = (64, 48)
PLATE = FrameNumbers(1001, 6)


def box(left: int) -> np.ndarray:
    picture = np.zeros((48, 64), np.uint8)
    picture[10:20, left : left + 8] = 255
    return picture


def still(path: Path) -> Path:
    assert cv2.imwrite(str(path), box(5))
    return path


def excluded_on(exclusion: Exclusion, frames: list[int], backwards: bool = False) -> list[Any]:
    with exclusion.reader(min(frames), max(frames), backwards=backwards) as reader:
        return [reader.on(frame) for frame in frames]


def test_nothing_given_leaves_nothing_out() -> None:
    exclusion = Exclusion.of(SIZE, PLATE)
    assert exclusion.is_empty
    assert excluded_on(exclusion, [1001, 1002]) == [None, None]


def test_a_still_holds_for_all_frames_in_both_polarities(tmp_path: Path) -> None:
    path = still(tmp_path / "matte.png")
    for frame in excluded_on(Exclusion.of(SIZE, PLATE, mask=path), [1001, 1004, 1006]):
        assert np.array_equal(frame, box(5) > 0)
    for frame in excluded_on(Exclusion.of(SIZE, PLATE, mask_keep=str(path)), [1006, 1002], backwards=True):
        assert np.array_equal(frame, box(5) == 0)


@pytest.mark.parametrize("first", [1001, 995, 1])
def test_a_sequence_goes_by_the_plates_numbers_or_frame_by_frame(tmp_path: Path, first: int) -> None:
    count = {1001: 6, 995: 20, 1: 6}[first]
    folder = write_sequence(tmp_path / "mask", [box(i) for i in range(count)], first=first)
    exclusion = Exclusion.of(SIZE, PLATE, mask=folder)
    offset = 0 if first == 1 else 1001 - first
    for frames, backwards in (([1001, 1002, 1005], False), ([1006, 1003, 1001], True)):
        for frame, excluded in zip(frames, excluded_on(exclusion, frames, backwards), strict=True):
            assert np.array_equal(excluded, box(frame - 1001 + offset) > 0)


def test_a_movie(tmp_path: Path) -> None:
    path = write_movie(tmp_path / "mask.mp4", [box(4 * i) for i in range(6)])
    exclusion = Exclusion.of(SIZE, PLATE, mask=path)
    assert np.array_equal(excluded_on(exclusion, [1003])[0], box(8) > 0)


def test_several_masks_and_regions_add_up(tmp_path: Path) -> None:
    one, other = still(tmp_path / "a.png"), tmp_path / "b.png"
    assert cv2.imwrite(str(other), box(40))
    exclusion = Exclusion.of(SIZE, PLATE, mask=[one, other], regions=[(0, 0.5, 1, 1)])
    (excluded,) = excluded_on(exclusion, [1001])
    expected = (box(5) > 0) | (box(40) > 0)
    expected[24:] = True  # the lower half: regions are y up
    assert np.array_equal(excluded, expected)


def test_regions_are_what_is_left() -> None:
    exclusion = Exclusion.of(SIZE, PLATE, regions=[(0, 0, 0.25, 1), (0.75, 0, 1, 0.5)])
    (excluded,) = excluded_on(exclusion, [1001])
    assert (~excluded).sum() == 16 * 48 + 16 * 24
    assert not excluded[:, :16].any()
    assert not excluded[24:, 48:].any()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda folder: cv2.imwrite(str(folder / "m.png"), np.zeros((40, 64), np.uint8)), ParameterError,
         "expected the mask to be 64x48 like the plate, got 64x40"),
        (lambda folder: write_sequence(folder, [box(1)] * 4), ParameterError,
         "expected the mask to have frames 1001-1006, one for each, or a single picture; got 1001-1004"),
        (lambda folder: (write_sequence(folder, [box(1)] * 6) / "shot.1003.png").unlink(), FootageError,
         "frames 1003 of 1001-1006 are missing"),
        (lambda folder: (folder / "m.png").write_text("no picture"), FootageError, "expected an image"),
        (lambda folder: None, FootageError, "found none"),
    ],
)  # fmt: skip
def test_a_mask_that_does_not_fit_is_refused(tmp_path: Path, make: Any, error: type[Exception], words: str) -> None:
    make(tmp_path)
    with pytest.raises(error, match=words):
        Exclusion.of(SIZE, PLATE, mask=tmp_path)


@pytest.mark.parametrize("region", [(0.5, 0, 0.5, 1), (0, 0, 1), (0, 0, 1, 1.5), "0,0,1,1", (0, 0.7, 1, 0.2)])
def test_a_region_that_is_none_is_refused(region: Any) -> None:
    with pytest.raises(ParameterError, match="region"):
        Exclusion.of(SIZE, PLATE, regions=[region])


def test_another_mask_is_told_from_the_one_before(tmp_path: Path) -> None:
    path = still(tmp_path / "a.png")
    before = Exclusion.of(SIZE, PLATE, mask=path).told()
    assert Exclusion.of(SIZE, PLATE, mask=path).told() == before
    assert Exclusion.of(SIZE, PLATE, mask_keep=path).told() != before
    assert cv2.imwrite(str(path), np.zeros((48, 64), np.uint8))
    assert Exclusion.of(SIZE, PLATE, mask=path).told() != before


def test_growing_and_asking() -> None:
    excluded = np.zeros((48, 64), bool)
    excluded[20, 30] = True
    wide = grown(excluded, 3)
    assert wide[20, 27]
    assert wide[23, 30]
    assert not wide[20, 26]
    assert not wide[23, 33]  # a disc
    positions = np.array([[27.4, 20.0], [26.4, 20.0], [-3.0, 20.0], [99.0, 99.0]])
    assert is_excluded(wide, positions).tolist() == [True, False, False, False]
