"""Prediction, alignment and the way back, each alone: exact truth, no noise unless said."""

from __future__ import annotations

import numpy as np
import pytest

from cinematic.tracking.engine.alignment import (
    CONVERGED,
    CORRELATION,
    DIVERGED,
    FLAT,
    GAIN,
    OUTSIDE,
    align,
    room_for,
)
from cinematic.tracking.engine.flow import flow_room, predict
from cinematic.tracking.engine.forward_backward import way_back
from cinematic.tracking.engine.motion_models import MODEL_BASES, MODEL_SIZES, solution_matrix
from cinematic.tracking.engine.patch_pattern import pattern_room
from cinematic.tracking.engine.patterns import cut_patterns, empty_patterns, square_grid
from cinematic.tracking.engine.pyramid import Pyramid, build_pyramid
from cinematic.tracking.engine.sampling import fill_window, sample_scratch, sample_warped, spline_window
from cinematic.tracking.engine.types import MOTION_MODELS
from tests.test_engine_plate import Texture, apply, around, bound, grid_points

SIZE = (160, 120)
CENTRE = (80.0, 60.0)


def displacements(before: Pyramid, after: Pyramid, points: np.ndarray, guess: tuple[float, float]) -> np.ndarray:
    """What the coarse search says of each point, from all three levels."""
    room = flow_room()
    return np.array([predict(before.coarse, after.coarse, x, y, *guess, 3, room) for x, y in points])


def align_from_truth(
    image: np.ndarray, pyramid: Pyramid, warp: np.ndarray, model: str, offset: tuple[float, float] = (0.0, 0.0)
):
    """Align the pattern at CENTRE of ``image``, starting from the true place plus ``offset``; returns all results."""
    grid = square_grid(21)
    patterns = empty_patterns(1, grid)
    rows = np.zeros(1, np.int64)
    cut_patterns(build_pyramid(image), grid, np.array([CENTRE]), rows, patterns)
    warps = np.array([[[10.0, 0, 0], [0, 10, 0], [0, 0, 1]]])
    warps[0, :2, 2] = apply(warp, np.array([CENTRE]))[0] + offset
    patches = np.zeros_like(patterns.values)
    models = np.array([MOTION_MODELS.index(model)])
    outcome, figures = align(pyramid, grid, patterns, rows, models, np.array([False]), warps, patches)
    return outcome[0], figures[0], warps[0], patches


# What the pattern does, the simplest model that can follow it exactly, and one that cannot.
CHANGES = {
    "Loc": ({"shift": (3.3, -2.6)}, None),
    "LocRot": ({"angle": 0.12, "shift": (2.3, 1.4)}, "Loc"),
    "LocScale": ({"scale": 1.12, "shift": (2.3, 1.4)}, "Loc"),
    "LocRotScale": ({"angle": 0.10, "scale": 0.9, "shift": (2.3, 1.4)}, "LocRot"),
    "Affine": ({"linear": np.array([[1.08, 0.1], [-0.06, 0.95]]), "shift": (2.3, 1.4)}, "LocRotScale"),
    "Perspective": ({"linear": np.array([[1.05, 0.08], [0.0, 0.97]]), "perspective": (6e-3, -4e-3)}, "Affine"),
}


@pytest.mark.parametrize("model", MOTION_MODELS)
def test_each_model_follows_its_own_change_far_better_than_the_next_simpler_one(model: str) -> None:
    change, simpler = CHANGES[model]
    warp = around(CENTRE, **change)
    errors: dict[str, list[float]] = {model: [], simpler or "": []}
    for seed in range(12):
        texture = Texture(seed)
        pyramid = build_pyramid(texture.frame(SIZE, np.linalg.inv(warp)))
        for name, found in errors.items():
            if name:
                outcome, _, result, _ = align_from_truth(texture.frame(SIZE), pyramid, warp, name, (0.4, -0.3))
                moved = apply(result, np.array([[0.0, 0.0]]))[0] - apply(warp, np.array([CENTRE]))[0]
                found.append(float(np.hypot(*moved)) if outcome == CONVERGED else 10.0)
    assert np.median(errors[model]) < 0.003
    assert max(errors[model]) < 0.02
    if simpler:
        assert np.median(errors[simpler]) > 10 * np.median(errors[model])


@pytest.mark.parametrize(("gain", "bias"), [(0.5, 0.1), (1.6, -0.2)])
def test_change_of_light_moves_nothing(gain: float, bias: float) -> None:
    texture = Texture(3)
    warp = around(CENTRE, angle=0.05, shift=(1.3, 0.7))
    frame = (gain * texture.frame(SIZE, np.linalg.inv(warp)) + bias).astype(np.float32)
    outcome, figures, result, _ = align_from_truth(texture.frame(SIZE), build_pyramid(frame), warp, "Affine", (0.3, 0))
    assert outcome == CONVERGED
    assert np.hypot(*(result[:2, 2] - apply(warp, np.array([CENTRE]))[0])) < 0.003
    assert figures[GAIN] == pytest.approx(gain, rel=0.01)
    assert figures[CORRELATION] > 0.999


def test_noise_costs_at_most_a_tenth_more_than_the_bound() -> None:
    noise = 2 / 255
    size, points = (400, 400), np.stack(np.meshgrid(np.arange(40, 361, 32), np.arange(40, 361, 32)), -1).reshape(-1, 2)
    grid = square_grid(21)
    rows, models = np.arange(len(points)), np.full(len(points), MOTION_MODELS.index("Affine"))
    ratios = []
    for seed in range(3):
        texture, rng = Texture(seed, waves=96), np.random.default_rng(seed)
        warp = around((200, 200), angle=0.02, shift=(1.37, -2.21))
        frames = [texture.frame(size), texture.frame(size, np.linalg.inv(warp))]
        first, second = (build_pyramid(f + rng.normal(0, noise, f.shape)) for f in frames)
        patterns = empty_patterns(len(points), grid)
        cut_patterns(first, grid, points, rows, patterns)
        truth = apply(warp, points.astype(float))
        warps = np.tile(np.diag([10.0, 10.0, 1.0]), (len(points), 1, 1))
        warps[:, :2, 2] = truth + rng.uniform(-0.3, 0.3, truth.shape)
        align(second, grid, patterns, rows, models, np.zeros(len(rows), bool), warps, np.zeros_like(patterns.values))
        error = warps[:, :2, 2] - truth
        whitened = np.linalg.solve(np.linalg.cholesky(bound(texture, points, 21, noise)), error[:, :, None])
        ratios.append(np.sqrt(np.median(np.sum(whitened**2, 1)) / (2 * np.log(2))))
        assert np.abs(np.median(error, 0)).max() < 0.01  # 81 tracks of 0.02 px cannot show less
    assert np.mean(ratios) < 1.1


def test_outcomes_say_what_went_wrong() -> None:
    texture = Texture(1)
    image = texture.frame(SIZE)
    other = build_pyramid(np.random.default_rng(0).random((120, 160)))
    flat = build_pyramid(np.full((120, 160), 0.4))
    broken = build_pyramid(np.full((120, 160), np.nan))
    here = around(CENTRE)
    assert align_from_truth(image, build_pyramid(image), around(CENTRE, shift=(85, 0)), "Affine")[0] == OUTSIDE
    assert align_from_truth(image, flat, here, "Affine")[0] == FLAT
    assert align_from_truth(image, broken, here, "Affine")[0] == FLAT
    assert align_from_truth(np.full((120, 160), 0.5), other, here, "Affine")[0] == FLAT
    outcome, figures, _, _ = align_from_truth(image, other, here, "Affine")
    assert outcome == DIVERGED or figures[CORRELATION] < 0.5
    warp = np.full((3, 3), np.nan)
    assert align_from_truth(image, build_pyramid(image), warp, "Affine")[0] == OUTSIDE


def test_pattern_that_cannot_tell_motions_apart_has_no_solution() -> None:
    edge = np.tile(0.5 + 0.4 * np.tanh((np.arange(160) - 80) / 2), (120, 1)).astype(np.float32)  # vertical: y is free
    assert align_from_truth(edge, build_pyramid(edge), around(CENTRE), "Loc")[0] == FLAT


def test_solution_matrix_is_the_inverse_within_the_model() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(10, 441))
    gram, out = images @ images.T, np.empty((10, 10))
    for basis, size in zip(MODEL_BASES, MODEL_SIZES, strict=True):
        assert solution_matrix(gram, basis, size, out)
        columns = basis[:, :size]
        assert np.allclose(out, columns @ np.linalg.inv(columns.T @ gram @ columns) @ columns.T)


def test_coarse_search_finds_what_alignment_alone_would_miss() -> None:
    size = (320, 240)
    texture, warp = Texture(5), around((160, 120), angle=0.03, shift=(12.3, -8.8))
    before, after = build_pyramid(texture.frame(size)), build_pyramid(texture.frame(size, np.linalg.inv(warp)))
    points = np.rint(grid_points(size, 60, 30))
    truth = apply(warp, points)
    found = points + displacements(before, after, points, (0.0, 0.0))
    assert np.quantile(np.hypot(*(found - truth).T), 0.9) < 0.3

    grid, rows = square_grid(21), np.arange(len(points))
    patterns = empty_patterns(len(points), grid)
    cut_patterns(before, grid, points, rows, patterns)
    arrived = []
    for start in (points, found):
        warps = np.tile(np.diag([10.0, 10.0, 1.0]), (len(points), 1, 1))
        warps[:, :2, 2] = start
        models, fixed = np.full(len(points), MOTION_MODELS.index("Affine")), np.zeros(len(points), bool)
        align(after, grid, patterns, rows, models, fixed, warps, np.zeros_like(patterns.values))
        arrived.append(np.mean(np.hypot(*(warps[:, :2, 2] - truth).T) < 0.05))
    assert arrived[0] < 0.1  # alone
    assert arrived[1] > 0.9


def test_coarse_search_keeps_the_guess_where_there_is_nothing_to_see() -> None:
    flat = build_pyramid(np.full((120, 160), 0.5))
    assert displacements(flat, flat, np.array([CENTRE]), (3.0, -2.0)).tolist() == [[3.0, -2.0]]
    broken = build_pyramid(np.full((120, 160), np.nan))
    assert displacements(broken, broken, np.array([CENTRE]), (3.0, -2.0)).tolist() == [[3.0, -2.0]]
    outside = np.array([[-40.0, 60.0], [np.nan, 60.0]])
    textured = build_pyramid(Texture(1).frame(SIZE))
    assert displacements(textured, textured, outside, (3.0, -2.0)).tolist() == [[3.0, -2.0]] * 2


def shown(frame: Pyramid, warp: np.ndarray) -> np.ndarray:
    """What a frame shows under a pattern of 21 px."""
    grid, window = square_grid(21), spline_window(60)
    patch = np.empty_like(grid.u)
    x, y = warp[:2, 2]
    assert fill_window(frame.full, np.array([x - 20, y - 20, x + 20, y + 20]), window)
    sample_warped(window, warp, grid.u, grid.v, sample_scratch(len(grid.u)), patch)
    return patch


def walk_back(first: Pyramid, patch: np.ndarray, start: np.ndarray, search: tuple[float, float]) -> tuple[float, float]:
    """Distance and correlation of the way back to ``start``, the coarse search having ended ``search`` from it."""
    grid = square_grid(21)
    warp, aligned = np.empty((3, 3)), np.empty_like(grid.u)
    return way_back(
        first.full, grid, patch, shown(first, start), start, *search, pattern_room(grid), warp, aligned,
        spline_window(60), room_for(grid),
    )  # fmt: skip


@pytest.mark.parametrize("search", [(0.0, 0.0), (0.2, -0.1), (1.2, 0.0)], ids=["home", "near", "off"])
@pytest.mark.parametrize("slip", [0.0, 0.25, 2.0, 6.0])
def test_way_back_measures_how_far_a_marker_slipped(slip: float, search: tuple[float, float]) -> None:
    texture = Texture(6)
    warp = around(CENTRE, angle=0.06, shift=(4.3, 2.2))
    first, second = build_pyramid(texture.frame(SIZE)), build_pyramid(texture.frame(SIZE, np.linalg.inv(warp)))
    start = np.array([[10.0, 0, 80], [0, 10, 60], [0, 0, 1]])
    slipped = warp @ around((0, 0), shift=(slip, 0)) @ start  # the marker sits on another bit of surface than it was
    patch = shown(second, slipped / slipped[2, 2])
    distance, correlation = walk_back(first, patch, start, (search[0] + slip, search[1]))
    assert distance == pytest.approx(slip, abs=0.04)
    assert correlation > 0.97


def test_way_back_is_infinite_where_it_is_lost() -> None:
    first = build_pyramid(np.full((120, 160), 0.5))
    patch = np.random.default_rng(0).random(square_grid(21).u.shape[0]).astype(np.float32)
    start = np.array([[10.0, 0, 80], [0, 10, 60], [0, 0, 1]])
    for search in ((0.0, 0.0), (3.0, 0.0)):
        assert np.isinf(walk_back(first, patch, start, search)[0])
