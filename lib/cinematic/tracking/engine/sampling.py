"""Read an image between its pixels, from cubic B-spline coefficients.

A cubic B-spline with its matched prefilter is the sharpest interpolation that four taps per axis can give: it hardly
blurs, so it neither loses the fine detail that localises a pattern nor pulls positions towards the half pixel as
bilinear reading does (Unser 1999, "Splines: a perfect fit"; Thevenaz, Blu & Unser 2000).

The coefficients are computed for a window around one pattern at a time (:func:`fill_window`). A thousand patterns
cover a third of a 1080p frame, and a window of 4 KB stays in the nearest cache while the pattern is aligned in it;
filtering whole frames is bound by memory: it writes each of them once more and reads it back pattern by pattern.

The four taps of a row lie next to each other in memory, so four samples times four taps fill one 16-lane register:
four row loads per sample in place of sixteen gathers. LLVM does not find this shape in a scalar loop; that is why
:func:`_spline_quad` spells it out. It is portable: LLVM splits the register where the machine's are narrower.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types

from . import lanes
from .compiler import inner_kernel, kernel
from .lanes import LANES, intrinsic

# Weight of tap t (rows) as a cubic polynomial of the fraction f (columns: 1, f, f^2, f^3).
_BASIS = (
    (1 / 6, -1 / 2, 1 / 2, -1 / 6),
    (4 / 6, 0.0, -1.0, 1 / 2),
    (1 / 6, 1 / 2, 1 / 2, -1 / 2),
    (0.0, 0.0, 0.0, 1 / 6),
)

# Direct cubic B-spline filter: sqrt(3) * z**|k|, z = sqrt(3) - 2 (Unser 1999, eq. 15), cut at |k| = 6 where it is
# 6e-4 and normalised to sum 1. Finite, so that one NaN pixel spoils 6 pixels around it and not its whole row.
_REACH = 6
_TAPS_EXACT = np.sqrt(3.0) * (np.sqrt(3.0) - 2.0) ** np.arange(_REACH + 1)
_TAPS = (_TAPS_EXACT / (_TAPS_EXACT[0] + 2 * _TAPS_EXACT[1:].sum())).astype(np.float32)
_ROUNDING = 1e-3  # pixels
_MARGIN = 1  # pixels around what is asked for: alignment moves on by less, as a rule


def _quad_weights(builder: Any, fractions: Any) -> Any:
    """The four tap weights of four samples, sample by sample: 16 lanes, by Horner's rule."""
    spread = lanes.permute(builder, fractions, [lane // 4 for lane in range(16)])
    weights: Any = None
    for power in (3, 2, 1, 0):
        column = [ir.Constant(lanes.FLOAT, float(np.float32(_BASIS[lane % 4][power]))) for lane in range(16)]
        constant = ir.Constant(lanes.VECTOR, column)
        weights = constant if weights is None else lanes.add(builder, lanes.mul(builder, weights, spread), constant)
    return weights


@intrinsic
def _spline_quad(
    typingctx: Any, image: Any, stride: Any, start: Any, index: Any, fraction_x: Any, fraction_y: Any, k: Any, out: Any
) -> Any:
    """``out[k:k+4]`` = the spline at four places, whose first taps are at ``start + index``."""
    signature = types.void(image, types.int64, types.int64, index, fraction_x, fraction_y, types.int64, out)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        image, index, fraction_x, fraction_y, out = (
            lanes.data(context, builder, signature, args, number) for number in (0, 3, 4, 5, 7)
        )
        stride, k = args[1], args[6]
        image = lanes.at(builder, image, args[2])
        weights_x = _quad_weights(builder, lanes.load(builder, lanes.at(builder, fraction_x, k), lanes.QUAD))
        weights_y = _quad_weights(builder, lanes.load(builder, lanes.at(builder, fraction_y, k), lanes.QUAD))
        places = []
        for sample in range(4):
            place = builder.load(lanes.at(builder, lanes.at(builder, index, k), sample))
            places.append(builder.sext(place, lanes.I64))
        total: Any = None
        for row in range(4):
            taps = [lanes.load(builder, lanes.at(builder, image, place), lanes.QUAD) for place in places]
            places = [builder.add(place, stride) for place in places]
            low = lanes.shuffle(builder, taps[0], taps[1], range(8))
            high = lanes.shuffle(builder, taps[2], taps[3], range(8))
            pixels = lanes.shuffle(builder, low, high, range(16))
            weight = lanes.permute(builder, weights_y, [row + 4 * (lane // 4) for lane in range(16)])
            term = lanes.mul(builder, pixels, weight)
            total = term if total is None else lanes.add(builder, total, term)
        total = lanes.mul(builder, total, weights_x)
        for step in (1, 2):  # sum the four taps of each sample
            total = lanes.add(builder, total, lanes.permute(builder, total, [lane ^ step for lane in range(16)]))
        lanes.store(builder, lanes.permute(builder, total, [0, 4, 8, 12]), lanes.at(builder, out, k))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _prefilter(typingctx: Any, source: Any, start: Any, step: Any, out: Any, place: Any) -> Any:
    """``out[place:place+16]`` = the filter's 13 taps over ``source[start + t * step:][:16]``."""
    signature = types.void(source, types.int64, types.int64, out, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source, out = (lanes.data(context, builder, signature, args, number) for number in (0, 3))
        here, step = lanes.at(builder, source, args[1]), args[2]
        rows = []
        for _ in range(2 * _REACH + 1):
            rows.append(lanes.load(builder, here))
            here = lanes.at(builder, here, step)
        total = lanes.mul(builder, rows[_REACH], lanes.constant(_TAPS[0]))
        for t in range(1, _REACH + 1):
            pair = lanes.add(builder, rows[_REACH - t], rows[_REACH + t])
            total = lanes.add(builder, total, lanes.mul(builder, pair, lanes.constant(_TAPS[t])))
        lanes.store(builder, total, lanes.at(builder, out, args[4]))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _touch(typingctx: Any, array: Any, index: Any) -> Any:
    """Load one number of ``array.flat`` for no other purpose than to have it in the cache."""
    signature = types.void(array, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        place = lanes.at(builder, lanes.data(context, builder, signature, args, 0), args[1])
        # A plain load that nobody uses would be left out.
        builder.load_atomic(builder.bitcast(place, lanes.I32.as_pointer()), "monotonic", 4)
        return context.get_dummy_value()

    return signature, codegen


class SplineWindow(NamedTuple):
    """The spline coefficients of a piece of a frame, and the room to compute them in."""

    spline: np.ndarray  # float32: row by row, ``place[2]`` of them a row
    place: np.ndarray  # int64 (4,): left, top, columns, rows of the piece, pixels; no columns: nothing is there
    across: np.ndarray  # float32: the rows, filtered horizontally
    line: np.ndarray  # float32: one row, edge pixels repeated


@kernel
def spline_window(side):  # type: ignore[no-untyped-def]
    """Room for what reading within bounds of up to ``side`` pixels either way needs, with nothing in it."""
    rows = int(side) + 2 * _MARGIN + 6
    columns = (rows + LANES - 1) // LANES * LANES
    spline = np.empty(columns * rows, np.float32)
    across = np.empty(columns * (rows + 2 * _REACH), np.float32)
    return SplineWindow(spline, np.zeros(4, np.int64), across, np.empty(columns + 2 * _REACH, np.float32))


@kernel
def fill_window(level, bounds, window):  # type: ignore[no-untyped-def]
    """Have the window hold what reading within ``bounds`` (left, top, right, bottom; pixels) needs.

    Does nothing where it does already. Bounds may lie anywhere: beyond the frame its edge pixels are repeated. Returns
    False where the window has not the room.
    """
    # A cubic spline reaches one pixel back and two on; places are read in single precision.
    left, top = int(np.floor(bounds[0] - _ROUNDING)) - 1, int(np.floor(bounds[1] - _ROUNDING)) - 1
    right, bottom = int(np.floor(bounds[2] + _ROUNDING)) + 3, int(np.floor(bounds[3] + _ROUNDING)) + 3
    at = window.place
    if left >= at[0] and top >= at[1] and right <= at[0] + at[2] and bottom <= at[1] + at[3]:
        return True
    left, top = left - _MARGIN, top - _MARGIN
    columns = (right + _MARGIN - left + LANES - 1) // LANES * LANES
    rows = bottom + _MARGIN - top
    room = columns * rows <= window.spline.shape[0] and columns + 2 * _REACH <= window.line.shape[0]
    if not (room and columns * (rows + 2 * _REACH) <= window.across.shape[0]):
        at[2] = 0
        return False
    at[0], at[1], at[2], at[3] = left, top, columns, rows
    first, upper = left - _REACH, top - _REACH
    _touch_rows(level, first, upper, columns + 2 * _REACH, rows + 2 * _REACH)
    inside = first >= 0 and first + columns + 2 * _REACH <= level.width
    for row in range(rows + 2 * _REACH):
        start = min(max(upper + row, 0), level.height - 1) * level.stride
        if inside:
            for column in range(0, columns, LANES):
                _prefilter(level.pixels, start + first + column, 1, window.across, row * columns + column)
        else:
            for x in range(columns + 2 * _REACH):
                window.line[x] = level.pixels[start + min(max(first + x, 0), level.width - 1)]
            for column in range(0, columns, LANES):
                _prefilter(window.line, column, 1, window.across, row * columns + column)
    for place in range(0, rows * columns, LANES):
        _prefilter(window.across, place, columns, window.spline, place)
    return True


@inner_kernel
def _touch_rows(level, left, top, columns, rows):  # type: ignore[no-untyped-def]
    """Load a piece of a frame all at once; it may lie anywhere.

    Patterns are strewn over an image that no cache holds, and reading a pattern row by row waits for memory row by row:
    some 2 us, as long as the whole alignment takes. All rows asked for together come in 0.2 us. (Prefetch
    instructions do not help: they are dropped where the page is not in the TLB, which is nearly always.)
    """
    last = level.pixels.shape[0] - 1
    for row in range(rows):
        start = (top + row) * level.stride + left
        for offset in range(0, columns + LANES, LANES):
            _touch(level.pixels, min(max(start + offset, 0), last))


class SampleScratch(NamedTuple):
    """Room that one thread needs to read a pattern."""

    places: np.ndarray  # int32 (m,) place of the first tap, relative to the warp's centre
    fraction_x: np.ndarray  # float32 (m,)
    fraction_y: np.ndarray  # float32 (m,)


@kernel
def sample_scratch(count):  # type: ignore[no-untyped-def]
    """Room for ``count`` places."""
    return SampleScratch(np.empty(count, np.int32), np.empty(count, np.float32), np.empty(count, np.float32))


@kernel
def sample_warped(window, warp, grid_u, grid_v, scratch, out):  # type: ignore[no-untyped-def]
    """Read the image at ``warp`` applied to every grid point.

    Parameters
    ----------
    window : SplineWindow
        Holds every place that is read (the caller has seen to it).
    warp : float64 (3, 3)
        Maps ``(u, v, 1)`` to homogeneous image pixels; its last entry is 1.
    grid_u, grid_v : float32 (m,)
        Template coordinates, m a multiple of 4.
    scratch : SampleScratch
        Room for m places.
    out : float32 (m,)
        The samples.
    """
    index, fraction_x, fraction_y = scratch.places, scratch.fraction_x, scratch.fraction_y
    # Places are computed relative to the whole pixel at the warp's centre: single precision then suffices at any
    # image size.
    centre_x, centre_y = np.floor(warp[0, 2]), np.floor(warp[1, 2])
    x0, y0 = warp[0, 2] - centre_x, warp[1, 2] - centre_y
    stride = window.place[2]
    start = (int(centre_y) - window.place[1] - 1) * stride + int(centre_x) - window.place[0] - 1
    row = np.int32(stride)
    count = grid_u.shape[0]
    if warp[2, 0] == 0.0 and warp[2, 1] == 0.0:
        a, b, c = np.float32(warp[0, 0]), np.float32(warp[0, 1]), np.float32(x0)
        d, e, f = np.float32(warp[1, 0]), np.float32(warp[1, 1]), np.float32(y0)
        for k in range(count):
            x = a * grid_u[k] + b * grid_v[k] + c
            y = d * grid_u[k] + e * grid_v[k] + f
            column, line = np.floor(x), np.floor(y)
            fraction_x[k], fraction_y[k] = x - column, y - line
            index[k] = np.int32(line) * row + np.int32(column)
    else:
        p, q = np.float32(warp[2, 0]), np.float32(warp[2, 1])
        a, b = np.float32(warp[0, 0] - warp[0, 2] * warp[2, 0]), np.float32(warp[0, 1] - warp[0, 2] * warp[2, 1])
        d, e = np.float32(warp[1, 0] - warp[1, 2] * warp[2, 0]), np.float32(warp[1, 1] - warp[1, 2] * warp[2, 1])
        c, f, one = np.float32(x0), np.float32(y0), np.float32(1)
        for k in range(count):
            scale = one / (p * grid_u[k] + q * grid_v[k] + one)
            x = (a * grid_u[k] + b * grid_v[k]) * scale + c
            y = (d * grid_u[k] + e * grid_v[k]) * scale + f
            column, line = np.floor(x), np.floor(y)
            fraction_x[k], fraction_y[k] = x - column, y - line
            index[k] = np.int32(line) * row + np.int32(column)
    for k in range(0, count, 4):
        _spline_quad(window.spline, stride, start, index, fraction_x, fraction_y, k, out)
