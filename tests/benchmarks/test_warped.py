"""The warped plate shows what its truth says, and the lens is inverted by its rays."""

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from benchmarks.plates.lens import Lens
from benchmarks.plates.warped import STILL_SCALE, WarpedPlate, local_jacobians

PLATE = WarpedPlate(seed=4, width=320, height=180, frames=12, supersampling=5)


def test_frame_1_moved_by_the_homography_is_the_last_frame():
    """The still, looked up where the truth puts each point, has the grey of the picture there."""
    reference = PLATE.reference(np.random.default_rng(0).uniform([40, 40], [280, 140], (400, 2)))
    first = PLATE.reference(reference.positions[:, 0]).positions[:, 0]
    assert first == pytest.approx(reference.positions[:, 0])
    picture = PLATE.clean(PLATE.frames)
    inside = reference.visible[:, -1]
    x, y = reference.positions[inside, -1].T
    seen = map_coordinates(picture, [y, x], order=3)
    at = STILL_SCALE * (first[inside] + [0.25 * PLATE.width + 0.5, 0.3 * PLATE.height + 0.5]) - 0.5

    def correlation(shift: float) -> float:
        looked_up = map_coordinates(PLATE.still, [at[:, 1] + shift, at[:, 0] + shift], order=1)
        return float(np.corrcoef(seen, looked_up)[0, 1])

    assert correlation(0.0) > 0.97
    assert correlation(0.0) > max(correlation(-0.5), correlation(0.5))


def test_jacobians_are_the_homographies_derivatives():
    points = np.array([[40.0, 50.0], [200.0, 120.0]])
    step = 1e-4
    ahead = [PLATE.reference(points + offset).positions for offset in step * np.eye(2)]
    numeric = np.stack([(a - PLATE.reference(points).positions) / step for a in ahead], axis=-1)
    assert local_jacobians(PLATE.homographies, points) == pytest.approx(numeric, abs=1e-5)


def test_noise_is_as_asked_and_new_in_every_frame():
    clean = PLATE.clean(3)
    noise = PLATE.picture(3).astype(float) - clean
    assert noise.std() == pytest.approx(np.hypot(PLATE.noise, np.sqrt(1 / 12)), rel=0.03)
    other = PLATE.picture(4).astype(float) - PLATE.clean(4)
    assert abs(np.corrcoef(noise.ravel(), other.ravel())[0, 1]) < 0.02


def test_the_same_seed_gives_the_same_plate():
    again = WarpedPlate(seed=4, width=320, height=180, frames=12, supersampling=5)
    assert np.array_equal(again.picture(5), PLATE.picture(5))


@pytest.mark.parametrize("k1", [-0.08, 0.0, 0.12])
def test_rays_invert_the_projection(k1):
    lens = Lens(500.0, (319.5, 179.5), k1)
    pixels = np.random.default_rng(2).uniform([0, 0], [640, 360], (200, 2))
    assert lens.project(lens.rays(pixels) * 3.7) == pytest.approx(pixels, abs=1e-9)
    assert lens.rays(np.array([319.5, 179.5])) == pytest.approx([0.0, 0.0, 1.0])
