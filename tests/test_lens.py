from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cinematic.tracking import ParameterError, TrackData
from cinematic.tracking.lens import Lens, distorted_tracks, undistorted_tracks

SIZE = (1920, 1080)
LENSES = [
    Lens("POLYNOMIAL", SIZE, 1800.0, (970.0, 530.0), (-0.2, 0.05, 0.02)),
    Lens("DIVISION", SIZE, 1800.0, (970.0, 530.0), (0.2, -0.05)),
    Lens("BROWN", SIZE, 1800.0, (970.0, 530.0), (-0.2, 0.05, 0.02, 0.01), (0.01, -0.005)),
    Lens("NUKE", SIZE, 1800.0, (970.0, 530.0), (0.15, -0.03)),
]
WIDE = Lens("NUKE", SIZE, 860.0, (960.0, 540.0), (-0.33, -0.025))  # an action camera's
each_lens = pytest.mark.parametrize("lens", LENSES, ids=lambda lens: lens.model)


@each_lens
@given(st.floats(-0.1, 1.1), st.floats(-0.1, 1.1))
def test_there_and_back(lens: Lens, x: float, y: float) -> None:
    bare = lens.undistorted([(x, y)])
    np.testing.assert_allclose(lens.distorted(bare) * SIZE, [(x * SIZE[0], y * SIZE[1])], atol=1e-5)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_there_and_back_through_a_wide_lens(x: float, y: float) -> None:
    bare = WIDE.undistorted([(x, y)])
    np.testing.assert_allclose(WIDE.distorted(bare) * SIZE, [(x * SIZE[0], y * SIZE[1])], atol=1e-5)


@each_lens
def test_the_principal_point_stays_and_the_corners_move_outwards(lens: Lens) -> None:
    centre = np.divide(lens.principal, SIZE)
    np.testing.assert_allclose(lens.undistorted([centre]), [centre], atol=1e-12)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], dtype=float)
    before, after = (np.linalg.norm((c - centre) * SIZE, axis=1) for c in (corners, lens.undistorted(corners)))
    assert (np.sign(after - before) == (-1 if lens.model == "NUKE" else 1)).all()


def test_a_polynomial_by_hand() -> None:
    lens = Lens("POLYNOMIAL", (200, 100), 100.0, (100.0, 50.0), (0.1, 0.0, 0.0))
    (found,) = lens.distorted([(1.0, 0.5)])  # one focal length to the right: 1 + 0.1
    assert found * (200, 100) == pytest.approx((100 + 110, 50))


def test_nothing_is_found_where_the_lens_folds_over() -> None:
    lens = Lens("POLYNOMIAL", (200, 100), 100.0, (100.0, 50.0), (-0.3, 0.0, 0.0))
    assert np.isnan(lens.undistorted([(1.5, 0.5)])).all()  # the farthest it shows is 0.70 focal lengths away


def test_tracks_there_and_back() -> None:
    track = TrackData("a", {1: (0.2, 0.3), 2: (0.9, 0.8)}, muted={3: (0.1, 0.1)}, correlations={1: 0.5})
    (bare,), gone = undistorted_tracks([track], LENSES[0])
    assert (gone, bare.correlations, bare.name) == (0, {1: 0.5}, "a")
    assert np.abs(np.subtract(bare.markers[2], track.markers[2]) * SIZE).max() > 5
    (back,), gone = distorted_tracks([bare], LENSES[0])
    assert gone == 0
    assert back.markers == {frame: pytest.approx(co) for frame, co in track.markers.items()}
    assert back.muted == {3: pytest.approx((0.1, 0.1))}


def test_markers_that_the_lens_cannot_show_are_counted() -> None:
    lens = Lens("POLYNOMIAL", (200, 100), 100.0, (100.0, 50.0), (-0.3, 0.0, 0.0))
    (found,), gone = undistorted_tracks([TrackData("a", {1: (0.5, 0.5), 2: (1.5, 0.5)})], lens)
    assert (list(found.markers), gone) == ([1], 1)


def test_an_unknown_model() -> None:
    with pytest.raises(ParameterError, match="expected the lens model to be one of POLYNOMIAL, DIVISION, BROWN, NUKE"):
        Lens("FISHEYE", SIZE, 1.0, (0.0, 0.0))
