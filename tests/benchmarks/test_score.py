"""The scorer on tracks made by hand, where every measure can be counted on fingers."""

import numpy as np
import pytest

from benchmarks.score import Reference, score, tapvid, trajectory_error

NONE = (np.nan, np.nan)


def hand_made() -> tuple[np.ndarray, Reference]:
    """Three points over five frames at (100, 100): seen; then hidden; a third that is not usable."""
    positions = np.full((3, 5, 2), 100.0)
    visible = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], bool)
    usable = np.array([True, True, False])
    tracks = positions.copy()
    tracks[0, :, 0] += [0.0, 0.3, 0.8, 3.0, 0.0]
    tracks[0, 4] = NONE
    tracks[1, :, 1] += [0.0, -0.5, 0.0, 6.0, 0.0]
    tracks[1, 2] = tracks[1, 4] = NONE
    tracks[2] += 50.0
    return tracks, Reference(positions, visible, usable, np.zeros(3, int), (256, 256))


def test_every_measure_on_fingers():
    tracks, reference = hand_made()
    found = score(tracks, reference)
    # markers that count: track 0 frames 1-3 (0.3, 0.8, 3.0 px off); track 1 frames 1 and 3 (0.5; 6.0, hidden)
    # visible pairs that count: track 0 frames 1-4, track 1 frames 1-2
    assert (found.tracks, found.markers, found.good) == (2, 5, 2)
    assert found.recall05 == pytest.approx(2 / 6)
    assert found.recall1 == pytest.approx(3 / 6)
    assert found.bad1 == pytest.approx(2 / 5)
    assert found.bad4 == pytest.approx(1 / 5)
    assert found.occluded == pytest.approx(1 / 5)
    assert found.median == pytest.approx(0.65)


def test_perfect_tracks():
    _, reference = hand_made()
    tracks = np.where(reference.visible[..., None], reference.positions, np.nan)
    found = score(tracks, reference)
    assert (found.recall05, found.bad1, found.occluded, found.median) == (1.0, 0.0, 0.0, 0.0)
    video = tapvid(tracks, reference)
    assert (video.average_jaccard, video.delta_average, video.occlusion_accuracy) == (1.0, 1.0, 1.0)


def test_tapvid_on_fingers():
    tracks, reference = hand_made()
    found = tapvid(tracks, reference)
    # eight pairs; predicted == visible but for track 0 frame 4, track 1 frame 2 (missed) and frame 3 (hidden)
    assert found.occlusion_accuracy == pytest.approx(5 / 8)
    # six visible; within 1 px: 0.3, 0.8, 0.5; within 2: the same; within 4, 8, 16: also 3.0
    assert found.delta_average == pytest.approx(np.mean([3, 3, 4, 4, 4]) / 6)
    # false positives: the marker on the hidden point always, the one 3 px off below 4 px
    assert found.average_jaccard == pytest.approx(np.mean([3 / 8, 3 / 8, 4 / 7, 4 / 7, 4 / 7]))


def test_tapvid_measures_on_a_picture_of_256():
    tracks, reference = hand_made()
    wide = Reference(reference.positions, reference.visible, reference.usable, reference.start, (2560, 2560))
    assert tapvid(tracks, wide).delta_average == pytest.approx(4 / 6)


def test_a_marker_behind_the_camera_is_infinitely_bad():
    tracks, reference = hand_made()
    reference.positions[0, 1] = NONE
    assert score(tracks, reference).bad4 == pytest.approx(2 / 5)


def test_tracks_of_another_shape_are_refused():
    tracks, reference = hand_made()
    with pytest.raises(ValueError, match=r"expected tracks of shape \(3, 5, 2\), got \(3, 4, 2\)"):
        score(tracks[:, :4], reference)


def test_trajectory_error_ignores_the_similarity_and_nothing_else():
    rng = np.random.default_rng(1)
    path = rng.normal(size=(40, 3))
    angle = 0.7
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    assert trajectory_error(3.0 * path @ turn.T + [5, -2, 1], path) < 1e-12
    mirrored = path * [1, 1, -1]
    assert trajectory_error(mirrored, path) > 0.1
    noise = 0.01 * np.linalg.norm(np.ptp(path, axis=0)) / np.sqrt(3)
    assert trajectory_error(path + noise * rng.normal(size=path.shape), path) == pytest.approx(0.01, rel=0.2)
