"""Reference patterns: what alignment needs of each, cut from a frame, and in grain averaged over the next frames.

Template coordinates ``(u, v)`` run from -1 to 1 between the centres of the pattern's outermost pixels.

Where much of a pattern's gradients is grain, the grain is what it follows: noise of the next frames then moves it about
as if it had that much less texture. What the next frames show in its place is the same texture with other grain, so the
mean of a few frames takes the place of the first one. No more than a few, and those that follow at once: what the mean
is made of was placed with the noise of every one of them, and later frames see the surface from elsewhere.
Source: Matthews, Ishikawa & Baker 2004, "The template update problem" (why not to follow the last frame instead).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .compiler import inner_kernel, kernel
from .correlation import keep_soft, soft_border
from .gradients import GRADIENT_NOISE, HALO, eigenvalues, energies, fill_slopes, fill_smooth_slopes, read_pixels
from .lanes import borrowed, hold
from .motion_models import MODEL_BASES, MODEL_SIZES, SHAPE, UNKNOWNS, solution_matrix
from .noise import believed_noise
from .pyramid import Pyramid
from .threads import next_piece, spread

MODELS = len(MODEL_BASES)
_PIECE = 16  # tracks per piece of work
_LANES = 64  # pattern pixels are padded to a multiple of this: four 16-lane registers, no remainder loops
_EDGE_RATIO = 1e-4  # least share of the weaker direction in the gradients' energy

# The residual is NOT smoothed: smoothing it and the pattern, as a prefilter does, throws away the fine detail that
# carries half of a pattern's information, while a noisy gradient slows convergence and adds noise of its own (sigma
# 0, 0.5, 1 px: 3.6, 3.1, 4.6 steps). But where grain makes up more than this share of a pattern's weaker gradients
# there is no fine detail to be lost: smoother gradients take their place in the sums. That is nearly what aligning
# images smoothed by 0.57 px would sum up, and those have nearly the Gram matrix of the sharper gradients, which
# therefore stays.
_GRAINY = 0.3
# Where grain makes up more than this share of them, the pattern becomes the mean of so many frames. More frames: a
# little more recall, but markers slide (development street, 1, 4, 8, 16 frames: recall05 0.43, 0.47, 0.47, 0.47, bad1
# 1.9, 2.4, 3.3, 3.6 %). Less grain: nothing is won, and what looks like grain may be fine texture.
_SPECKLED = 0.25
_MOST_FRAMES = 4
# What a pattern's shape changes by from frame to frame (standard deviation, each of its four terms). What its texture
# hardly tells, as a crossing of two edges hardly tells sizes along them, is left to grain otherwise, which took the
# shape of such patterns anywhere. Less: what does change lags behind in grain (development street, 0.01, 0.02, 0.025,
# 0.035, and not asked: recall05 0.479, 0.479, 0.476, 0.475, 0.473, bad1 3.1, 2.6, 2.6, 2.6, 2.5 %).
_SHAPE_STEP = 0.025
_LEAST_TEXTURE = 0.05  # share of gradients' energy that is left, where grain seems to be all of it
_TOLD_APART = 0.05  # share of a pattern's energy that must be texture for its contrast to be known


class PatternGrid(NamedTuple):
    """The pixels of a square pattern, row by row, in template coordinates."""

    u: np.ndarray  # float32 (m,) to the right; m is ``pixels`` rounded up, 0 in the padding
    v: np.ndarray  # float32 (m,) downwards
    pixels: int  # (2 radius + 1)**2; the rest of ``u`` and ``v`` is padding
    radius: float  # pixels from the central pixel to the outermost one
    softened: np.ndarray  # float32 (m,) 1 where a softened pattern has a value (see correlation.py), else 0


def square_grid(pattern_size: int) -> PatternGrid:
    """The grid of a pattern ``pattern_size`` pixels wide (odd, at least 3)."""
    radius = pattern_size // 2
    count = pattern_size**2
    padded = -(-count // _LANES) * _LANES
    u, v = np.zeros(padded, np.float32), np.zeros(padded, np.float32)
    steps = np.arange(-radius, radius + 1, dtype=np.float32) / np.float32(radius)
    u[:count] = np.tile(steps, pattern_size)
    v[:count] = np.repeat(steps, pattern_size)
    border = soft_border(pattern_size)
    softened = np.zeros((pattern_size, pattern_size), np.float32)
    softened[: pattern_size - 2 * border, : pattern_size - 2 * border] = 1
    softened = np.concatenate([softened.ravel(), np.zeros(padded - count, np.float32)])
    return PatternGrid(u, v, count, float(radius), softened)


class Patterns(NamedTuple):
    """Reference patterns of n tracks: what alignment needs of each, one array per quantity."""

    values: np.ndarray  # float32 (n, m) luminance minus its mean; 0 in the padding
    slope_u: np.ndarray  # float32 (n, m) derivatives in template coordinates; 0 in the padding
    slope_v: np.ndarray  # float32 (n, m)
    mean: np.ndarray  # float64 (n,) mean luminance
    energy: np.ndarray  # float64 (n,) sum of the squares of ``values``
    soft: np.ndarray  # float32 (n, m) softened, mean 0, norm 1 (see correlation.py)
    certain: np.ndarray  # float64 (n,) what ``soft`` correlates with the same place of a frame, for all the noise
    worth: np.ndarray  # float64 (n,) Gram matrix over the variance that noise gives to the sums; 1: not smoothed
    raw: np.ndarray  # float32 (n, side**2) luminance with a halo around it, which ``values`` and slopes are made of
    noise: np.ndarray  # float64 (n,) standard deviation of a frame's noise there
    grain: np.ndarray  # float64 (n,) share of the weaker gradients' energy that was noise when the pattern was cut
    frames: np.ndarray  # float64 (n,) of how many frames ``raw`` is the mean
    solution: np.ndarray  # float64 (n, models, 10, 10) motion_models.solution_matrix; zero: cannot be told apart
    stiffness: np.ndarray  # float64 (n,) how much a change of shape costs against the sums of squares, luminance^2
    covariance: np.ndarray  # float64 (n, models, 10, 10) ``solution`` without stiffness: what texture alone tells
    gradients: np.ndarray  # float64 (n, 3) sums of their products uu, uv, vv, sharp
    evidence: np.ndarray  # float64 (n, models) for richer models than the one in use, gathered over the frames


def empty_patterns(count: int, grid: PatternGrid) -> Patterns:
    """Room for the patterns of ``count`` tracks."""
    m = grid.u.shape[0]
    return Patterns(
        values=np.zeros((count, m), np.float32),
        slope_u=np.zeros((count, m), np.float32),
        slope_v=np.zeros((count, m), np.float32),
        mean=np.zeros(count),
        energy=np.zeros(count),
        soft=np.zeros((count, m), np.float32),
        certain=np.ones(count),
        worth=np.ones(count),
        raw=np.zeros((count, (2 * int(grid.radius) + 1 + 2 * HALO) ** 2), np.float32),
        noise=np.zeros(count),
        grain=np.zeros(count),
        frames=np.zeros(count),
        solution=np.zeros((count, MODELS, UNKNOWNS, UNKNOWNS)),
        stiffness=np.zeros(count),
        covariance=np.zeros((count, MODELS, UNKNOWNS, UNKNOWNS)),
        gradients=np.zeros((count, 3)),
        evidence=np.zeros((count, MODELS)),
    )


def cut_patterns(frame: Pyramid, grid: PatternGrid, centres: np.ndarray, rows: np.ndarray, into: Patterns) -> None:
    """Take the patterns around whole pixels ``centres`` (k, 2) of a frame as rows ``rows`` (k,) of ``into``.

    Each pattern must lie inside the frame. A pattern without contrast leaves an energy of (nearly) 0.
    """
    x = np.ascontiguousarray(centres[:, 0], np.int64)
    y = np.ascontiguousarray(centres[:, 1], np.int64)
    rows = np.ascontiguousarray(rows, np.int64)
    arguments = (frame.full, grid, x, y, rows, frame.most_noise, MODEL_BASES, MODEL_SIZES, into)
    spread(_cut, len(rows), _PIECE, *arguments)


def luminance(patterns: Patterns, rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """(k, m) float32 What patterns show: their values and their mean."""
    return patterns.values[rows] + patterns.mean[rows, None].astype(np.float32)


def average_patterns(grid: PatternGrid, patches: np.ndarray, rows: np.ndarray, patterns: Patterns) -> np.ndarray:
    """Where grain makes it worth while, take what a frame shows under patterns ``rows`` (k,) into them.

    ``patches`` (n, m): that of all n tracks, in template coordinates. Returns which of the rows took it, bool (k,).
    """
    taken = (patterns.grain[rows] > _SPECKLED) & (patterns.frames[rows] < _MOST_FRAMES)
    if taken.any():
        grainy = np.ascontiguousarray(rows[taken], np.int64)
        before = patterns.frames[grainy]
        arguments = (grid, patches, grainy, MODEL_BASES, MODEL_SIZES, patterns)
        spread(_average_all, len(grainy), _PIECE, *arguments)
        taken[taken] = patterns.frames[grainy] > before
    return taken


@kernel
def _cut(tickets, frame, grid, centre_x, centre_y, rows, most_noise, bases, sizes, into):  # type: ignore[no-untyped-def]
    frame, grid, bases, into = borrowed((frame, grid, bases, into))
    radius = int(grid.radius)
    side = 2 * radius + 1 + 2 * HALO
    own = _scratch(grid)
    images, gram, line = borrowed(own)
    first, last = next_piece(tickets)
    while first < last:
        for n in range(first, last):
            k = rows[n]
            raw = into.raw[k].reshape((side, side))
            read_pixels(frame, centre_x[n] - radius - HALO, centre_y[n] - radius - HALO, raw)
            into.noise[k] = believed_noise(raw, most_noise)
            into.frames[k] = 1.0
            into.grain[k] = _describe(raw, k, grid, bases, sizes, images, gram, line, into)
            for model in range(sizes.shape[0]):
                into.evidence[k, model] = 0.0
        first, last = next_piece(tickets)
    hold(own)


@kernel
def _average_all(tickets, grid, patches, rows, bases, sizes, into):  # type: ignore[no-untyped-def]
    grid, patches, bases, into = borrowed((grid, patches, bases, into))
    side = 2 * int(grid.radius) + 1 + 2 * HALO
    own = _scratch(grid)
    images, gram, line = borrowed(own)
    first, last = next_piece(tickets)
    while first < last:
        for n in range(first, last):
            k = rows[n]
            raw = into.raw[k].reshape((side, side))
            if _average(raw, patches[k], k, grid, into):
                _describe(raw, k, grid, bases, sizes, images, gram, line, into)
        first, last = next_piece(tickets)
    hold(own)


@inner_kernel
def is_final(patterns, k, service):  # type: ignore[no-untyped-def]
    """Whether pattern ``k``, matched in ``service`` frames so far, is what it will be: no more frames go into it."""
    return service >= _MOST_FRAMES - 1 or not patterns.grain[k] > _SPECKLED


@inner_kernel
def _average(raw, patch, k, grid, into):  # type: ignore[no-untyped-def]
    """Make ``raw`` the mean of one frame more, its light made that of the pattern; False where that is not known."""
    size = 2 * int(grid.radius) + 1
    total = np.float32(0)
    for i in range(grid.pixels):
        total += patch[i]
    mean = total / np.float32(grid.pixels)
    squares = np.float32(0)
    for i in range(grid.pixels):
        squares += (patch[i] - mean) * (patch[i] - mean)
    frames, noise = into.frames[k], grid.pixels * into.noise[k] * into.noise[k]
    texture, seen = into.energy[k] - noise / frames, float(squares) - noise
    if not (texture > _TOLD_APART * into.energy[k] and seen > _TOLD_APART * squares):
        return False
    into.frames[k] = frames + 1.0
    share, middle = np.float32(1.0 / (frames + 1.0)), np.float32(into.mean[k])
    scale = np.float32(np.sqrt(texture / seen))
    for j in range(size):
        for i in range(size):
            value = scale * (patch[j * size + i] - mean) + middle
            raw[j + HALO, i + HALO] += share * (value - raw[j + HALO, i + HALO])
    return True


@inner_kernel
def _describe(raw, k, grid, bases, sizes, images, gram, line, into):  # type: ignore[no-untyped-def]
    """Fill pattern ``k`` with what ``raw`` shows; returns the share of the weaker gradients' energy that is grain."""
    radius = int(grid.radius)
    noise = into.noise[k] / np.sqrt(into.frames[k])
    into.mean[k], into.energy[k] = _centre_values(raw, into.values[k])
    fill_slopes(raw, radius, into.slope_u[k], into.slope_v[k])
    into.certain[k] = keep_soft(grid, into.values[k], noise, into.noise[k], line, into.soft[k])
    _fill_gram(into.values[k], into.slope_u[k], into.slope_v[k], grid.u, grid.v, images, gram)
    into.worth[k] = 1.0
    weaker, _ = eigenvalues(gram[0, 0], gram[0, 1], gram[1, 1])
    grain = _grain_energy(grid, noise * noise)
    into.gradients[k, 0], into.gradients[k, 1], into.gradients[k, 2] = gram[0, 0], gram[0, 1], gram[1, 1]
    if grain > _GRAINY * weaker:
        fill_smooth_slopes(raw, grid.radius, into.slope_u[k], into.slope_v[k])
        uu, _, vv = energies(into.slope_u[k], into.slope_v[k])
        into.worth[k] = (gram[0, 0] + gram[1, 1]) / (uu + vv)
    two = _two_directions(gram)
    into.stiffness[k] = (1.0 + 1.0 / into.frames[k]) * (into.noise[k] / _SHAPE_STEP) ** 2
    for model in range(sizes.shape[0]):
        into.covariance[k, model, 0, 0] = 0.0
        if two:
            solution_matrix(gram, bases[model], sizes[model], into.covariance[k, model])
    for a in SHAPE:
        gram[a, a] += into.stiffness[k]
    for model in range(sizes.shape[0]):
        into.solution[k, model, 0, 0] = 0.0
        if into.covariance[k, model, 0, 0] > 0.0:
            solution_matrix(gram, bases[model], sizes[model], into.solution[k, model])
    return grain / weaker if weaker > 0.0 else 0.0


@inner_kernel
def enlarged_errors(grid, patterns, k, noise, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` (2, 2), template axes, with what errors of pattern ``k`` are times what its gradients say.

    Noise that moves a pattern is divided by the product of the pattern's gradients and the frame's, and grain has a
    part in the first of these only: with Gram matrix G the errors are ``(G - grain)^-1 G`` times what ``G^-1`` says.
    Fine texture passes for grain until it is seen again: ``noise``, the variance of a frame's noise as the fit has it,
    tells how much there is at most.
    """
    variance = min(patterns.noise[k] ** 2, noise) / patterns.frames[k]
    grain = _grain_energy(grid, variance)
    uu, uv, vv = patterns.gradients[k]
    weaker, stronger = eigenvalues(uu, uv, vv)
    along_weaker, along_stronger = _over_texture(weaker, grain), _over_texture(stronger, grain)
    slope = (along_stronger - along_weaker) / (stronger - weaker) if stronger > weaker else 0.0
    out[0, 0] = along_weaker + slope * (uu - weaker)
    out[1, 1] = along_weaker + slope * (vv - weaker)
    out[0, 1] = out[1, 0] = slope * uv


@inner_kernel
def _grain_energy(grid, variance):  # type: ignore[no-untyped-def]
    """What noise of a variance adds to the sharp gradients' energy in every direction."""
    return grid.pixels * GRADIENT_NOISE * variance * grid.radius**2


@inner_kernel
def _over_texture(energy, grain):  # type: ignore[no-untyped-def]
    """Gradients' energy over what of it is texture; 1 where there is none."""
    return energy / max(energy - grain, _LEAST_TEXTURE * energy) if energy > 0.0 else 1.0


@inner_kernel
def _two_directions(gram):  # type: ignore[no-untyped-def]
    """Whether the pattern has gradients in two directions; on a straight edge only rounding would fix the other."""
    trace = gram[0, 0] + gram[1, 1]
    return gram[0, 0] * gram[1, 1] - gram[0, 1] * gram[0, 1] > _EDGE_RATIO * trace * trace


@inner_kernel
def _centre_values(raw, values):  # type: ignore[no-untyped-def]
    """Store the pixels inside the halo minus their mean; returns the mean and the energy left."""
    size = raw.shape[0] - 2 * HALO
    total = 0.0
    for j in range(size):
        for i in range(size):
            total += raw[j + HALO, i + HALO]
    mean = total / (size * size)
    middle = np.float32(mean)
    for j in range(size):
        for i in range(size):
            values[j * size + i] = raw[j + HALO, i + HALO] - middle
    energy = 0.0
    for k in range(size * size):
        energy += values[k] * values[k]
    return mean, energy


@inner_kernel
def _fill_gram(values, slope_u, slope_v, u, v, images, gram):  # type: ignore[no-untyped-def]
    """Inner products of the ten steepest-descent images of one pattern; padding is 0 in all of them."""
    for k in range(images.shape[1]):
        p, q = float(slope_u[k]), float(slope_v[k])
        z = p * u[k] + q * v[k]
        images[0, k], images[1, k] = p, q
        images[2, k], images[3, k] = p * u[k], p * v[k]
        images[4, k], images[5, k] = q * u[k], q * v[k]
        images[6, k], images[7, k] = z * u[k], z * v[k]
        images[8, k] = values[k]
    for a in range(UNKNOWNS):
        for b in range(a + 1):
            gram[a, b] = gram[b, a] = inner(images[a], images[b])


@inner_kernel
def inner(one, other):  # type: ignore[no-untyped-def]
    """Inner product of two rows."""
    total = 0.0
    for k in range(one.shape[0]):
        total += one[k] * other[k]
    return total


@inner_kernel
def _scratch(grid):  # type: ignore[no-untyped-def]
    """Room for one pattern's images (10, m), their Gram matrix and a line of pixels.

    The last image, of brightness, is the same for all patterns.
    """
    images = np.zeros((UNKNOWNS, grid.u.shape[0]))
    for k in range(grid.pixels):
        images[UNKNOWNS - 1, k] = 1.0
    return images, np.empty((UNKNOWNS, UNKNOWNS)), np.empty(grid.u.shape[0], np.float32)
