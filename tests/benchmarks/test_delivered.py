"""Tracks of a whole shot against truth, on tracks whose faults are put there by hand."""

import numpy as np
import pytest

from benchmarks.plates import truth
from benchmarks.score import score
from cinematic.tracking import TrackData
from cinematic.tracking.coords import co_from_pixels

pytest.importorskip("bpy")

from benchmarks import delivered
from benchmarks.footage import Footage
from benchmarks.plates.catalogue import Entry
from benchmarks.plates.rendered import PlateSpec

pytestmark = pytest.mark.blender

SPEC = PlateSpec(layout="courtyard", seed=5, width=192, height=108, frames=9, samples=1, movers=1)
SIZE = (SPEC.width, SPEC.height)


@pytest.fixture(scope="module")
def held(tmp_path_factory) -> tuple[Entry, truth.Truth]:
    """The plate, and points of its frame 3 that are seen in all frames, moving ones among them."""
    points = truth.grid(*SIZE, step=4)
    found = truth.cast(SPEC, points, np.full(len(points), 3))
    wanted = np.flatnonzero(found.visible.all(axis=1) & (found.usable | (found.mover >= 0)))
    entry = Entry("drawn", SPEC, Footage(tmp_path_factory.mktemp("none"), SPEC.frames, SIZE))
    return entry, truth.cast(SPEC, points[wanted], np.full(len(wanted), 3))


def track(positions: np.ndarray, frames, references) -> TrackData:
    data = TrackData("t", {f: tuple(co_from_pixels(positions[f - 1], SIZE).tolist()) for f in frames})
    data.reference_frames = list(references)
    return data


def test_true_tracks_are_without_fault_and_those_on_moving_objects_are_told(held):
    entry, found = held
    tracks = [track(positions, range(1, 10), [3]) for positions in found.positions()]
    each = delivered.judged(entry, tracks)
    scores = score(each.positions, each.found.reference())
    assert scores.tracks > 50
    assert (scores.bad1, scores.recall05) == (0.0, 1.0)
    assert 0 < each.moving.sum() < len(tracks)
    assert np.array_equal(each.moving, found.mover >= 0)
    assert len(each.pieces()) == 0


def test_pieces_that_show_another_point_are_told(held):
    entry, found = held
    still = np.flatnonzero(found.usable & (found.mover < 0))[:2]
    one, other = found.positions()[still]
    mixed = np.where(np.arange(9)[:, None] < 5, one, other)
    with_gap = [f for f in range(1, 10) if f != 6]
    tracks = [
        track(one, with_gap, [3]),  # found again, rightly
        track(mixed, with_gap, [3]),  # found again on another point
        track(one, range(1, 10), [3, 7]),  # two of one feature, joined
        track(mixed, range(1, 10), [3, 7]),  # two of different features
        track(mixed, with_gap, [3, 8]),  # both: one piece, told once
    ]
    pieces = delivered.judged(entry, tracks).pieces()
    apart = np.linalg.norm(one - other, axis=1)
    assert pieces == pytest.approx([0.0, np.median(apart[6:]), 0.0, apart[6], apart[7]], abs=1e-6)
    assert (pieces > delivered.ANOTHER_POINT).sum() == 3
