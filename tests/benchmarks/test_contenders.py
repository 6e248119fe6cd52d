"""The contenders deliver tracks in the scorer's coordinates, and features are chosen evenly."""

import numpy as np
import pytest

from benchmarks.contenders import Libmv, OpenCvLk, OpenCvRlof, Options
from benchmarks.footage import write_sequence
from benchmarks.plates.catalogue import RENDERED, evenly
from benchmarks.plates.warped import WarpedPlate
from benchmarks.score import score

PLATE = WarpedPlate(seed=6, width=320, height=180, frames=5, turn=2.0, zoom=1.02, tilt=0.005, noise=1.0)


@pytest.fixture(scope="module")
def footage(tmp_path_factory):
    return write_sequence(PLATE.pictures(), tmp_path_factory.mktemp("plate"))


@pytest.fixture(scope="module")
def features():
    cv2 = pytest.importorskip("cv2")
    return cv2.goodFeaturesToTrack(PLATE.picture(1)[25:-25, 25:-25], 40, 0.05, 12)[:, 0].astype(float) + 25.0


@pytest.mark.parametrize("contender", [OpenCvLk(), OpenCvLk(backward=1.0), OpenCvRlof()], ids=lambda c: c.name)
def test_opencv(contender, footage, features):
    contender.prepare(footage, Options())
    found = score(contender.run(features).tracks, PLATE.reference(features))
    assert found.recall1 > 0.9
    assert found.median < 0.1


@pytest.mark.blender
def test_libmv(footage, features):
    pytest.importorskip("bpy")
    contender = Libmv("Affine")
    contender.prepare(footage, Options(search=51))
    run = contender.run(features)
    found = score(run.tracks, PLATE.reference(features))
    assert np.array_equal(np.isfinite(run.tracks[:, 0]).all(axis=1), np.ones(len(features), bool))
    assert np.nanmax(np.abs(run.tracks[:, 0] - features)) < 1e-3
    assert found.recall05 > 0.8
    assert found.median < 0.06


def test_an_unknown_motion_model_is_refused():
    with pytest.raises(ValueError, match="expected one of Loc, LocRot"):
        Libmv("Homography")


def test_evenly_keeps_them_apart():
    features = np.random.default_rng(0).uniform(0, 100, (400, 2))
    chosen = features[evenly(features, 25)]
    assert len(chosen) == 25
    gaps = np.linalg.norm(chosen[:, None] - chosen[None], axis=2)[~np.eye(25, dtype=bool)]
    assert gaps.min() > 10.0
    assert np.array_equal(evenly(features, 1000), np.arange(400))


def test_no_two_sets_share_a_plate():
    seeds = [{spec.seed for spec in family.values()} for family in RENDERED.values()]
    assert len(set().union(*seeds)) == sum(map(len, seeds))
