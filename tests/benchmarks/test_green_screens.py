"""The green screens show what their truth says."""

import cv2
import numpy as np

from benchmarks import green_screens
from benchmarks.green_screens import SHOTS, SIZE


def test_a_point_shows_where_it_was_seen():
    seen = np.array([[100.0, 100.0], [700.0, 300.0], [500.0, 520.0]])
    for rotation, stand in zip(*green_screens.cameras(), strict=True):
        points, _ = green_screens.seen_along(rotation, stand, seen)
        np.testing.assert_allclose(green_screens.shown_at(rotation, stand, points), seen, atol=1e-9)


def test_pictures_and_truth_agree_and_the_actor_hides_what_he_is_before():
    actor = SHOTS["somebody walks, near"]
    first, last = (green_screens.clean(index, actor) for index in (0, 40))
    places = np.random.default_rng(3).uniform((15, 15), np.array(SIZE) - 15, (20_000, 2))
    turns, stands = green_screens.cameras()
    points, _ = green_screens.seen_along(turns[0], stands[0], places)
    later = green_screens.shown_at(turns[40], stands[40], points)
    inside = ((later > 15) & (later < np.array(SIZE) - 15)).all(axis=1)
    open_to_view = inside & ~actor.hides(places, 0) & ~actor.hides(later, 40)
    grey = [
        cv2.remap(p, *at.astype(np.float32).T, cv2.INTER_LINEAR)[:, 0] for p, at in ((first, places), (last, later))
    ]
    assert np.median(np.abs(grey[0] - grey[1])[open_to_view]) < 0.5
    is_tape = open_to_view & (grey[0] < 75)
    assert is_tape.sum() > 10
    assert np.mean(grey[1][is_tape] < 90) > 0.95
    hidden = inside & ~actor.hides(places, 0) & actor.hides(later, 40)
    assert np.median(np.abs(grey[0] - grey[1])[hidden]) > 20
