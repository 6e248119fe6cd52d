from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cinematic.tracking.footage import open_footage
from cinematic.tracking.metrics import PatternTrack, correlations, reference_rows, sample_patterns, zncc
from tests.plates import Plate, smooth_texture

SQUARE = np.array([[-10.5, 10.5], [10.5, 10.5], [10.5, -10.5], [-10.5, -10.5]])  # BL, BR, TR, TL; y down


def test_zncc_is_pearsons_correlation() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random((2, 5, 49)).astype(np.float32)
    expected = [np.corrcoef(x, y)[0, 1] for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(zncc(a, b), expected, atol=1e-6)


def test_zncc_does_not_see_gain_and_offset() -> None:
    a = np.random.default_rng(4).random((1, 100)).astype(np.float32)
    np.testing.assert_allclose(zncc(a, 0.3 * a + 0.2), 1.0, atol=1e-6)
    np.testing.assert_allclose(zncc(a, 1 - a), -1.0, atol=1e-6)


def test_zncc_of_what_cannot_be_compared_is_zero() -> None:
    a = np.random.default_rng(5).random((3, 100)).astype(np.float32)
    b = a.copy()
    b[0] = 0.5  # flat
    b[1, :51] = np.nan  # mostly outside the image
    b[2, :49] = np.nan
    assert zncc(a, b).tolist() == pytest.approx([0, 0, 1])


def test_an_upright_pattern_is_the_pixels_themselves() -> None:
    image = smooth_texture((60, 80), 1)
    pattern = sample_patterns(image, np.array([[40, 30]]) + SQUARE[None], 21)[0]
    np.testing.assert_allclose(pattern.reshape(21, 21)[::-1], image[20:41, 30:51], atol=1e-3)


def test_a_perspective_quad_maps_its_corners() -> None:
    """A ramp image tells where it was sampled: the projective map of the corners, not the bilinear one."""
    y, x = np.mgrid[:200, :200].astype(np.float32)
    quad = np.array([[20.0, 180.0], [190.0, 150.0], [150.0, 30.0], [40.0, 10.0]])
    n = 41
    centres = (np.arange(n) + 0.5) / n
    u, v = np.meshgrid(centres, centres)
    unit = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    rows = []
    for (s, t), (px, py) in zip(unit, quad, strict=True):
        rows += [[s, t, 1, 0, 0, 0, -px * s, -px * t], [0, 0, 0, s, t, 1, -py * s, -py * t]]
    h = np.append(np.linalg.solve(np.array(rows), quad.ravel()), 1).reshape(3, 3)
    w = h[2, 0] * u + h[2, 1] * v + 1
    expected = np.stack([h[0, 0] * u + h[0, 1] * v + h[0, 2], h[1, 0] * u + h[1, 1] * v + h[1, 2]]) / w
    sampled = [sample_patterns(image, quad[None], n)[0].reshape(n, n) for image in (x, y)]
    np.testing.assert_allclose(sampled, expected, atol=1e-3)


def test_outside_the_image_is_nan() -> None:
    pattern = sample_patterns(np.ones((30, 30), np.float32), np.array([[0, 15]]) + SQUARE[None], 21)[0]
    assert np.isnan(pattern.reshape(21, 21)[:, :10]).all()
    assert (pattern.reshape(21, 21)[:, 10:] == 1).all()


@pytest.mark.parametrize(
    ("keyed", "keyframe", "previous"),
    [
        ([1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 2]),
        ([0, 0, 1, 0], [2, 2, 2, 2], [1, 2, 2, 2]),
        ([0, 1, 0, 1, 0], [1, 1, 1, 3, 3], [1, 1, 1, 3, 3]),
        ([0, 0, 0], [0, 0, 0], [0, 0, 1]),
    ],
)
def test_references(keyed: list[int], keyframe: list[int], previous: list[int]) -> None:
    mask = np.array(keyed, dtype=bool)
    assert reference_rows(mask, previous_frame=False).tolist() == keyframe
    assert reference_rows(mask, previous_frame=True).tolist() == previous


@pytest.mark.parametrize("reference", [0, 12, 23])
@pytest.mark.parametrize("previous", [False, True])
def test_true_tracks_correlate_and_wrong_ones_do_not(plate: Plate, movie: Path, reference: int, previous: bool) -> None:
    """Whatever frame the pattern comes from: correlation 1 (less the 8 bits) along the truth, not beside it."""
    quads = np.stack([plate.truth(np.array([160.0, 120.0]) + SQUARE, i) for i in range(24)])
    references = reference_rows(np.arange(24) == reference, previous)
    true = PatternTrack("true", np.arange(1, 25), quads, references)
    jumps = np.where(np.arange(24) % 2, 40.0, 0.0)[:, None, None]
    wrong = PatternTrack("wrong", np.arange(1, 25), quads + jumps, references)
    seen: list[int] = []
    measured = correlations([true, wrong], open_footage(movie), seen.append)
    assert set(measured["true"]) == set(range(1, 25)) - {reference + 1}
    assert min(measured["true"].values()) > 0.995
    off = [value for frame, value in measured["wrong"].items() if previous or (frame - 1 - reference) % 2]
    assert max(off) < 0.6
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= 23


def test_markers_beyond_the_footage_are_left_out(movie: Path) -> None:
    quads = np.repeat(np.array([[160, 120]]) + SQUARE[None], 4, axis=0)
    track = PatternTrack("t", np.array([22, 23, 24, 25]), quads, np.zeros(4, dtype=np.int64))
    assert set(correlations([track], open_footage(movie))["t"]) == {23, 24}
