"""Tracks that come, go, come back, and are saved while a tracker runs."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking.engine import FrameMarkers, LostReason, Seeds, Tracker, TrackOptions
from cinematic.tracking.engine.places import inverted
from cinematic.tracking.errors import ParameterError
from tests.test_engine_plate import Texture, around, grid_points

SIZE = (200, 160)
POINTS = grid_points(SIZE, 40, 30)


def frames(count: int, step: tuple[float, float] = (1.5, 0.7)) -> list[np.ndarray]:
    texture = Texture(3)
    return [texture.frame(SIZE, around((0, 0), shift=(-step[0] * i, -step[1] * i))) for i in range(count)]


def options() -> TrackOptions:
    return TrackOptions(pattern_size=15, motion_model="AUTO")


def same(a: FrameMarkers, b: FrameMarkers) -> bool:
    names = [name for name in FrameMarkers.__dataclass_fields__ if name != "frame"]
    return a.frame == b.frame and all(np.array_equal(getattr(a, n), getattr(b, n), equal_nan=True) for n in names)


def test_tracks_that_come_later_are_tracked_as_if_they_had_been_known() -> None:
    plate = frames(6)
    starts = np.where(np.arange(len(POINTS)) % 2, 2, 0)
    order = np.argsort(starts, kind="stable")
    known = Tracker(Seeds(starts[order], POINTS[order]), options())
    extended = Tracker(Seeds(0, POINTS[starts == 0]), options())
    for number, image in enumerate(plate):
        expected = known.step(number, image)
        got = extended.step(number, image)
        if number == 2:
            begun = extended.extend(Seeds(2, POINTS[starts == 2]))
            assert begun.track.tolist() == list(range(int((starts == 0).sum()), len(POINTS)))
            assert begun.tracked.all()
            assert np.array_equal(begun.position, POINTS[starts == 2])
        else:
            assert same(expected, got)
    assert np.array_equal(known.living[1], extended.living[1])


def test_seeds_of_a_frame_to_come_begin_then() -> None:
    plate = frames(3)
    tracker = Tracker(Seeds(0, POINTS[:2]), options())
    tracker.step(0, plate[0])
    assert len(tracker.extend(Seeds(1, POINTS[2:4]))) == 0
    assert tracker.step(1, plate[1]).track.tolist() == [0, 1, 2, 3]


def test_forgetting_changes_nothing_for_the_others_and_their_numbers_stay() -> None:
    plate = frames(6)
    whole, lighter = (Tracker(Seeds(0, POINTS), options()) for _ in range(2))
    for number, image in enumerate(plate):
        expected, got = whole.step(number, image), lighter.step(number, image)
        if number > 1:
            kept = expected.track % 3 != 0
            assert np.array_equal(expected.track[kept], got.track)
            assert np.array_equal(expected.position[kept], got.position)
        if number == 1:
            lighter.forget(np.arange(0, len(POINTS), 3))
    assert len(lighter.alive) == len(POINTS)
    assert not lighter.alive[::3].any()
    with pytest.raises(ParameterError, match=r"not forgotten, got \[3\]"):
        lighter.end([3, 4])
    assert lighter.extend(Seeds(5, POINTS[:1])).track.tolist() == [len(POINTS)]


def test_a_saved_tracker_goes_on_as_if_nothing_had_happened() -> None:
    plate = frames(9, (2.5, 1.0))
    straight = Tracker(Seeds(np.arange(len(POINTS)) % 3, POINTS), options())
    results = [straight.step(number, image) for number, image in enumerate(plate)]
    begun = Tracker(Seeds(np.arange(len(POINTS)) % 3, POINTS), options())
    for number in range(5):
        begun.step(number, plate[number])
    state = {name: array.copy() for name, array in begun.state().items()}
    again = Tracker.restored(state, options(), 4, plate[4])
    for number in range(5, 9):
        assert same(again.step(number, plate[number]), results[number])


def test_what_was_covered_is_found_again_by_its_first_pattern() -> None:
    plate = frames(8)
    covered = [image.copy() for image in plate]
    for number in (3, 4, 5):
        covered[number][:, :] = 0.5
    tracker = Tracker(Seeds(0, POINTS), options())
    last = [tracker.step(number, covered[number]) for number in range(3)][-1]
    lost = tracker.step(3, covered[3])
    assert not lost.tracked.any()
    tracker.step(4, covered[4])
    for number in (5, 6):
        tracker.step(number, covered[number])
    motions = np.tile(np.eye(3), (len(last), 1, 1))
    motions[:, :2, 2] = (1.5 * 4 + 0.6, 0.7 * 4 - 0.4)  # nearly where they are
    back = tracker.wake(last.track, motions, np.full(len(last), 2.0))
    found = back.tracked
    assert found.mean() > 0.8
    truth = POINTS[back.track] + np.array([1.5, 0.7]) * 6
    assert np.abs(back.position - truth)[found].max() < 0.1
    assert (back.reference_frame == 0).all()
    on = tracker.step(7, covered[7])
    assert on.tracked.sum() > 0.9 * found.sum()


def test_what_looks_otherwise_or_lies_elsewhere_is_not_found() -> None:
    plate = frames(3)
    other = Texture(9).frame(SIZE)
    for image, shift in ((other, 0.0), (plate[2], 4.0)):
        tracker = Tracker(Seeds(0, POINTS), options())
        tracker.step(0, plate[0])
        tracker.step(1, np.full_like(plate[0], 0.5))
        tracker.step(2, image)
        motions = np.tile(np.eye(3), (len(POINTS), 1, 1))
        motions[:, :2, 2] = np.array([3.0, 1.4]) + shift
        back = tracker.wake(np.arange(len(POINTS)), motions, np.full(len(POINTS), 1.5))
        assert not back.tracked.any()
        assert not tracker.alive.any()
    tracker.step(3, plate[2])
    assert set(tracker.step(3, plate[2]).reason.tolist()) <= {LostReason.TRACKED}


def test_the_living_cannot_be_woken() -> None:
    tracker = Tracker(Seeds(0, POINTS), options())
    tracker.step(0, frames(1)[0])
    with pytest.raises(ParameterError, match="not alive"):
        tracker.wake([0], np.eye(3)[None], np.ones(1))


def test_inverses_in_closed_form_are_those_of_lapack() -> None:
    matrices = np.eye(3) + 0.3 * np.random.default_rng(1).standard_normal((200, 3, 3))
    matrices[:100, :2] *= 40.0  # warps: radius in px, and places up to a few thousand px
    matrices[:100, :2, 2] += 2000.0
    assert np.allclose(inverted(matrices) @ matrices, np.eye(3), atol=1e-6)
    assert np.allclose(inverted(matrices[100:]), np.linalg.inv(matrices[100:]), rtol=1e-7, atol=1e-7)
    assert inverted(matrices[:0]).shape == (0, 3, 3)
