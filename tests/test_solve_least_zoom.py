"""Dolly zooms: what a move along the line of sight leaves open, and what is taken of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cinematic.tracking.solve.cameras import Cameras
from cinematic.tracking.solve.least_zoom import is_along_sight, least_zoom
from cinematic.tracking.solve.solution import Solution
from cinematic.tracking.solve.triangulation import reprojection_errors, triangulate

from .scenes import judged, path, path_error, rails, scene

FRAMES = 24


def dolly_zoom() -> Cameras:
    """Three nearer to what is ten off, which stays as large."""
    cameras = rails(FRAMES, 900.0, (0.0, 0.0, 3.0))
    along = cameras.positions @ cameras.rotation[0, 2]
    return replace(cameras, focal=90.0 * (10 - along + along[0]))


def still_turned(cameras: Cameras) -> Cameras:
    """The same that do not turn at all, and start in the origin."""
    places = np.multiply.outer((cameras.positions - cameras.positions[0]) @ cameras.rotation[0, 2], [0.0, 0.0, 1.0])
    return replace(cameras, rotation=np.tile(np.eye(3), (FRAMES, 1, 1)), translation=-places)


def test_of_those_that_explain_it_one_with_everything_ahead_zooms_least() -> None:
    truth = still_turned(dolly_zoom())
    seen = scene(truth, 60, noise=0.0)
    points = triangulate(truth, seen.positions)
    bend = 3 / points[:, 2].max()  # of another one of them, whose lens zooms by more
    stretch = 1 + bend * truth.positions[:, 2]
    wild = replace(truth, focal=truth.focal / stretch, translation=truth.translation / stretch[:, None])
    points /= 1 + bend * points[:, 2:]
    errors = reprojection_errors(wild, points, seen.positions)
    assert np.nanmax(errors) < 1e-6
    found = least_zoom(Solution(wild, points, errors, np.isfinite(errors), ()), 800.0)
    assert found is not None
    assert np.ptp(np.log(found.focal)) < np.ptp(np.log(truth.focal))
    assert np.median(found.focal) == pytest.approx(800)
    again = triangulate(found, seen.positions)
    assert np.nanmax(reprojection_errors(found, again, seen.positions)) < 1e-3
    assert np.isfinite(again).all()


def test_cameras_that_turn_leave_nothing_open() -> None:
    assert is_along_sight(dolly_zoom())
    walk = path(FRAMES)
    assert not is_along_sight(walk)
    nothing = np.zeros((0, FRAMES))
    assert least_zoom(Solution(walk, np.zeros((0, 3)), nothing, nothing > 0, ()), 900.0) is None


def test_a_dolly_zoom_is_found_and_its_tracks_are_good() -> None:
    truth = dolly_zoom()
    found, bad = judged(scene(truth, 120))
    assert found.zooms
    assert bad < 0.05
    assert path_error(found, truth) < 0.06


def test_a_fixed_lens_that_comes_nearer_does_not_zoom() -> None:
    truth = rails(FRAMES, 900.0, (0.0, 0.0, 3.0))
    found, bad = judged(scene(truth, 120, movers=0.2))
    assert not found.zooms
    assert bad == pytest.approx(0.2, abs=0.02)  # the movers
