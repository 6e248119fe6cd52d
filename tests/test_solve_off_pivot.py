"""Cameras on real tripods: a lens that is not over its pivot, rows read one after the other, long lenses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from .scenes import judged, on_head, path_error, scene, shaking, turn_error

AHEAD = np.array([0.0, 0.0, 1.0])
OVER_PIVOT = np.zeros(3)


@pytest.mark.parametrize(
    "arm",
    [0.05 * AHEAD, np.array([0.0, -0.05, 0.05]), np.array([0.1, 0.0, 0.0])],
    ids=["ahead", "above and ahead", "beside"],
)
def test_a_lens_off_its_pivot_moves_a_little(arm: np.ndarray) -> None:
    truth = on_head(40, 25, arm)
    found, bad = judged(scene(truth, 150))
    assert not found.only_turn
    assert bad < 0.03
    assert path_error(found, truth) < 0.06
    assert turn_error(found, truth) < 0.3
    assert found.focal[0] == pytest.approx(900, rel=0.02)


@pytest.mark.parametrize("movers", [0.0, 0.3])
def test_a_lens_over_its_pivot_only_turns(movers: float) -> None:
    truth = on_head(40, 25, OVER_PIVOT)
    found, _ = judged(scene(truth, 150, movers=movers))
    assert found.only_turn
    assert turn_error(found, truth) < 0.05


def test_a_hand_that_sways_by_millimetres_is_not_a_tripod() -> None:
    still = on_head(40, 0, OVER_PIVOT)
    sways = np.random.default_rng(3).normal(0, 1, (40, 3)).cumsum(axis=0)
    sways *= 0.008 / sways.std(axis=0)
    truth = replace(still, translation=-np.einsum("fij,fj->fi", still.rotation, sways))
    found, bad = judged(scene(truth, 150))
    assert not found.only_turn
    assert bad < 0.03
    assert path_error(found, truth) < 0.06


@pytest.mark.parametrize("seed", [4, 6])
def test_of_a_lens_that_bends_the_turns_tell_the_focal_length(seed: int) -> None:
    truth = on_head(40, 25, 0.1 * AHEAD, k1=-0.15)
    found, bad = judged(scene(truth, 150, seed=seed))
    assert bad < 0.03
    assert found.focal[0] == pytest.approx(900, rel=0.02)
    assert found.k1 == pytest.approx(-0.15, abs=0.01)


def test_a_lens_that_breathes_is_not_taken_for_a_bent_one() -> None:
    still = on_head(40, 25, 0.2 * AHEAD)
    truth = replace(still, focal=900 * (1 + 0.03 * np.linspace(0, 1, 40) ** 2))
    found, bad = judged(scene(truth, 150))
    assert found.zooms
    assert not found.is_bent
    assert bad < 0.03
    assert found.focal == pytest.approx(truth.focal, rel=0.01)


@pytest.mark.parametrize(
    ("readout", "arm"), [(0.5, OVER_PIVOT), (-0.4, 0.05 * AHEAD)], ids=["over its pivot", "ahead of it"]
)
def test_an_even_pan_shows_how_rows_are_read(readout: float, arm: np.ndarray) -> None:
    truth = replace(on_head(40, 25, arm), readout=readout)
    found, bad = judged(scene(truth, 150))
    assert found.readout == pytest.approx(readout, abs=0.05)
    assert found.only_turn == (not arm.any())
    assert bad < 0.04


def test_what_rows_do_to_a_shaken_pan_is_no_little_path() -> None:
    truth = replace(shaking(on_head(40, 25, OVER_PIVOT), 0.004, seed=2), readout=0.5)
    found, _ = judged(scene(truth, 150, movers=0.3))
    assert found.only_turn
    assert found.readout == pytest.approx(0.5, abs=0.03)
    assert turn_error(found, truth) < 0.03


@pytest.mark.parametrize("focal", [4000.0, 8000.0])
def test_a_long_lens_on_a_tripod(focal: float) -> None:
    truth = on_head(40, 5, OVER_PIVOT, focal=focal)
    found, bad = judged(scene(truth, 150))
    assert found.only_turn
    assert bad < 0.03
    assert found.focal[0] == pytest.approx(focal, rel=0.03)
