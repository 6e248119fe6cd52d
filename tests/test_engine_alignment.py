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
    cut_patterns,
    empty_patterns,
    square_grid,
)
from cinematic.tracking.engine.flow import predict_positions
from cinematic.tracking.engine.forward_backward import forward_backward
from cinematic.tracking.engine.motion_models import MODEL_BASES, MODEL_SIZES, solution_matrix
from cinematic.tracking.engine.pyramid import PAD, Pyramid, build_pyramid
from cinematic.tracking.engine.sampling import sample_scratch, sample_warped
from cinematic.tracking.engine.types import MOTION_MODELS
from cinematic.tracking.errors import ParameterError
from tests.test_engine_plate import Texture, apply, around, bound, grid_points

SIZE = (160, 120)
CENTRE = (80.0, 60.0)


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
    found = points + predict_positions(before, after, points, np.zeros_like(points))
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
    guess = np.array([[3.0, -2.0]])
    assert np.array_equal(predict_positions(flat, flat, np.array([CENTRE]), guess), guess)
    with pytest.raises(ParameterError, match="160x120 and 80x60"):
        predict_positions(flat, build_pyramid(np.zeros((60, 80))), np.array([CENTRE]), guess)
    with pytest.raises(ParameterError, match=r"\(n, 2\)"):
        predict_positions(flat, flat, np.zeros((1, 3)), np.zeros((1, 3)))


@pytest.mark.parametrize("slip", [0.0, 2.0, 6.0])
def test_way_back_measures_how_far_a_marker_slipped(slip: float) -> None:
    texture = Texture(6)
    warp = around(CENTRE, angle=0.06, shift=(4.3, 2.2))
    first, second = build_pyramid(texture.frame(SIZE)), build_pyramid(texture.frame(SIZE, np.linalg.inv(warp)))
    grid = square_grid(21)
    start = np.array([[10.0, 0, 80], [0, 10, 60], [0, 0, 1]])
    slipped = warp @ around((0, 0), shift=(slip, 0)) @ start  # the marker sits on another bit of surface than it was
    patches = np.zeros((1, grid.u.shape[0]), np.float32)
    row = np.zeros(1, np.int64)
    level, room = second.full, sample_scratch(len(grid.u))
    sample_warped(level.pixels, level.stride, PAD, slipped / slipped[2, 2], grid.u, grid.v, room, patches[0])
    position = slipped[:2, 2:].T / slipped[2, 2]
    distance, correlation = forward_backward(
        first, second, grid, row, patches, start[None], np.array([CENTRE]), position, position - CENTRE
    )
    assert distance[0] == pytest.approx(slip, abs=0.03)
    assert correlation[0] > 0.99


def test_way_back_is_infinite_where_it_is_lost() -> None:
    first = build_pyramid(np.full((120, 160), 0.5))
    grid = square_grid(21)
    patches = np.random.default_rng(0).random((1, grid.u.shape[0])).astype(np.float32)
    start = np.array([[[10.0, 0, 80], [0, 10, 60], [0, 0, 1]]])
    place, row = np.array([CENTRE]), np.zeros(1, np.int64)
    distance, _ = forward_backward(first, first, grid, row, patches, start, place, place, np.zeros((1, 2)))
    assert np.isinf(distance[0])
