"""Frames that the camera's motion has smeared: along what line, and that tracks get through them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cinematic.tracking import Clip, auto_track
from cinematic.tracking.engine import FrameMarkers, LostReason, Seeds, Tracker, TrackOptions, build_pyramid, track
from cinematic.tracking.engine.smear import smeared, smears_between
from tests.plates import wall, write_movie

SIZE = (480, 270)
POINTS = np.array([(x, y) for x in (200.0, 240.0, 280.0, 320.0) for y in range(50, 230, 20)])
SHUTTER = 0.5
# Where the camera looks as one frame ends and the next begins, px: at rest, kicked aside and down, and at rest again.
PATH = np.array([(0, 0)] * 5 + [(6, 3), (30, 14), (52, 25), (60, 29)] + [(60, 29)] * 6, float)


def drawn() -> np.ndarray:
    return wall((420, 700), np.random.default_rng(5))


def seen_from(place: np.ndarray, scene: np.ndarray) -> np.ndarray:
    sampling = np.array([[1, 0, 60 + place[0]], [0, 1, 60 + place[1]]], float)
    return cv2.warpAffine(scene, sampling, SIZE, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def at(time: float) -> np.ndarray:
    return np.array([np.interp(time, np.arange(len(PATH)) - 0.5, PATH[:, axis]) for axis in (0, 1)])


@pytest.fixture(scope="module")
def frames() -> list[tuple[int, np.ndarray]]:
    """Of a camera whose shutter is open for half of each frame's time."""
    scene, rng = drawn(), np.random.default_rng(1)
    pictures = []
    for index in range(len(PATH)):
        times = index + SHUTTER * np.linspace(-0.5, 0.5, 25)
        picture = np.mean([seen_from(at(time), scene) for time in times], axis=0)
        pictures.append((index, (picture + rng.normal(0, 2 / 255, picture.shape)).astype(np.float32)))
    return pictures


def where(markers: FrameMarkers) -> np.ndarray:
    """(k, 2) px; where the points are on average while the shutter is open."""
    times = markers.frame + SHUTTER * np.linspace(-0.5, 0.5, 25)
    return POINTS[markers.track] - np.mean([at(time) for time in times], axis=0)


@pytest.mark.parametrize("line", [(0.0, 9.0), (14.0, 0.0), (-8.0, 12.0), (20.0, 11.0)])
def test_along_what_line_a_frame_is_smeared(line: tuple[float, float]) -> None:
    scene = drawn()
    sharp = build_pyramid(seen_from(np.zeros(2), scene))
    elsewhere = build_pyramid(seen_from(np.array([7.0, -4.0]), scene))
    other = smeared(elsewhere, np.array(line))
    before, after = smears_between(sharp, other)
    assert after == pytest.approx(np.array(line), abs=1.5)
    assert not before.any()
    before, after = smears_between(other, sharp)
    assert before == pytest.approx(np.array(line), abs=1.5)
    assert not after.any()
    assert not np.any(smears_between(sharp, elsewhere))
    assert not np.any(smears_between(other, other))


def test_frames_without_anything_in_them_are_not_smeared() -> None:
    flat = build_pyramid(np.full((90, 120), 0.5, np.float32))
    assert not np.any(smears_between(flat, flat))
    holed = build_pyramid(np.full((90, 120), np.nan, np.float32))
    assert not np.any(smears_between(holed, flat))


def test_a_smeared_frame_is_the_mean_of_what_is_seen_on_the_way() -> None:
    scene, line = drawn(), np.array([10.0, -6.0])
    on_the_way = np.mean([seen_from(share * line, scene) for share in np.linspace(-0.5, 0.5, 201)], axis=0)
    found = smeared(build_pyramid(seen_from(np.zeros(2), scene)), line).image
    inside = slice(12, -12)  # beyond the borders the camera sees what the frame does not hold
    assert np.abs(found - on_the_way)[inside, inside].max() < 0.01
    same = build_pyramid(seen_from(np.zeros(2), scene))
    assert smeared(same, np.zeros(2)) is same


def test_tracks_get_through_them(frames: list[tuple[int, np.ndarray]]) -> None:
    """On their way they follow the last sharp frame, and afterwards are on their references again."""
    for markers in track(frames, Seeds(0, POINTS)):
        off = np.linalg.norm(markers.position - where(markers), axis=1)[markers.tracked]
        is_smeared = np.abs(at(markers.frame + 0.25) - at(markers.frame - 0.25)).max() > 3
        assert len(off) > 0.9 * len(POINTS)
        assert np.median(off) < (0.25 if is_smeared else 0.06)
        assert off.max() < (1.0 if is_smeared else 0.3)


def test_a_tracker_that_is_saved_among_them_goes_on_the_same(frames: list[tuple[int, np.ndarray]]) -> None:
    straight = Tracker(Seeds(0, POINTS))
    middle = 7
    for number, image in frames[:middle]:
        straight.step(number, image)
    assert straight.is_smeared
    saved = {name: array.copy() for name, array in straight.state().items()}
    again = Tracker.restored(saved, TrackOptions(), *frames[middle - 1])
    assert again.is_smeared
    for number, image in frames[middle:]:
        one, other = straight.step(number, image), again.step(number, image)
        assert np.array_equal(one.position, other.position)
        assert np.array_equal(one.reason, other.reason)
    assert not straight.is_smeared


def test_behind_a_cut_nothing_of_it_is_remembered(frames: list[tuple[int, np.ndarray]]) -> None:
    tracker = Tracker(Seeds(0, POINTS))
    for number, image in frames[:7]:
        tracker.step(number, image)
    tracker.end(tracker.living[0])
    tracker.step(*frames[7])
    assert not tracker.is_smeared


def test_who_is_hidden_meanwhile_is_lost(frames: list[tuple[int, np.ndarray]]) -> None:
    """Something passes in front of a quarter of the points within the smeared frames."""
    covered = [(number, image.copy()) for number, image in frames]
    cover = np.random.default_rng(2).uniform(0.2, 0.8, (SIZE[1], 50)).astype(np.float32)
    for number, image in covered[6:]:
        left = round(175 - at(number)[0])
        image[:, left : left + 50] = cover
    hidden = POINTS[:, 0] == 200.0
    lost = np.zeros(len(POINTS), bool)
    for markers in track(covered, Seeds(0, POINTS)):
        lost[markers.track[markers.reason != LostReason.TRACKED]] = True
    assert lost[hidden].mean() > 0.9
    assert lost[~hidden].mean() < 0.2


def test_no_track_begins_on_a_smeared_frame(frames: list[tuple[int, np.ndarray]], tmp_path: Path) -> None:
    clip = Clip.open(
        write_movie(tmp_path / "shot.mp4", [np.clip(255 * image, 0, 255).astype(np.uint8) for _, image in frames])
    )
    auto_track(clip)
    references = {frame for each in clip.read() for frame in each.reference_frames}
    assert references
    assert not references & {6, 7}  # counted from 1: the two that are smeared most
