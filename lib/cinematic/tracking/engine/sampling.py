"""Read an image between its pixels, from cubic B-spline coefficients.

A cubic B-spline with its matched prefilter (see :mod:`.pyramid`) is the sharpest interpolation that four taps per
axis can give: it hardly blurs, so it neither loses the fine detail that localises a pattern nor pulls positions
towards the half pixel as bilinear reading does (Unser 1999, "Splines: a perfect fit"; Thevenaz, Blu & Unser 2000).

The four taps of a row lie next to each other in memory, so four samples times four taps fill one 16-lane register:
four row loads per sample in place of sixteen gathers. LLVM does not find this shape in a scalar loop; that is why
:func:`_spline_quad` spells it out. It is portable: LLVM splits the register where the machine's are narrower.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from .compiler import kernel

# Weight of tap t (rows) as a cubic polynomial of the fraction f (columns: 1, f, f^2, f^3).
_BASIS = (
    (1 / 6, -1 / 2, 1 / 2, -1 / 6),
    (4 / 6, 0.0, -1.0, 1 / 2),
    (1 / 6, 1 / 2, 1 / 2, -1 / 2),
    (0.0, 0.0, 0.0, 1 / 6),
)
_FLAGS = ("contract", "reassoc", "nsz")
_FLOAT = ir.FloatType()
_I32 = ir.IntType(32)
_I64 = ir.IntType(64)
_QUAD = ir.VectorType(_FLOAT, 4)


def _shuffle(builder: Any, a: Any, b: Any, lanes: list[int]) -> Any:
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _permute(builder: Any, vector: Any, lanes: list[int]) -> Any:
    return _shuffle(builder, vector, ir.Constant(vector.type, ir.Undefined), lanes)


def _load_quad(builder: Any, pointer: Any) -> Any:
    loaded = builder.load(builder.bitcast(pointer, _QUAD.as_pointer()))
    loaded.align = 4
    return loaded


def _quad_weights(builder: Any, fractions: Any) -> Any:
    """The four tap weights of four samples, sample by sample: 16 lanes, by Horner's rule."""
    spread = _permute(builder, fractions, [lane // 4 for lane in range(16)])
    weights: Any = None
    for power in (3, 2, 1, 0):
        column = [_BASIS[tap][power] for tap in range(4)] * 4
        constant = ir.Constant(ir.VectorType(_FLOAT, 16), [ir.Constant(_FLOAT, float(np.float32(c))) for c in column])
        if weights is None:
            weights = constant
        else:
            weights = builder.fadd(builder.fmul(weights, spread, flags=_FLAGS), constant, flags=_FLAGS)
    return weights


@intrinsic
def _spline_quad(
    typingctx: Any, image: Any, stride: Any, start: Any, index: Any, fraction_x: Any, fraction_y: Any, k: Any, out: Any
) -> Any:
    """``out[k:k+4]`` = the spline at four places, whose first taps are at ``start + index``."""
    signature = types.void(image, types.int64, types.int64, index, fraction_x, fraction_y, types.int64, out)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        def data(n: int) -> Any:
            return context.make_array(signature.args[n])(context, builder, args[n]).data

        stride, index, k, out = args[1], data(3), args[6], data(7)
        image = builder.gep(data(0), [args[2]])
        weights_x = _quad_weights(builder, _load_quad(builder, builder.gep(data(4), [k])))
        weights_y = _quad_weights(builder, _load_quad(builder, builder.gep(data(5), [k])))
        places = []
        for sample in range(4):
            place = builder.load(builder.gep(index, [builder.add(k, ir.Constant(_I64, sample))]))
            places.append(builder.sext(place, _I64))
        total: Any = None
        for row in range(4):
            taps = [_load_quad(builder, builder.gep(image, [place])) for place in places]
            places = [builder.add(place, stride) for place in places]
            low = _shuffle(builder, taps[0], taps[1], list(range(8)))
            high = _shuffle(builder, taps[2], taps[3], list(range(8)))
            pixels = _shuffle(builder, low, high, list(range(16)))
            weight = _permute(builder, weights_y, [row + 4 * (lane // 4) for lane in range(16)])
            term = builder.fmul(pixels, weight, flags=_FLAGS)
            total = term if total is None else builder.fadd(total, term, flags=_FLAGS)
        total = builder.fmul(total, weights_x, flags=_FLAGS)
        for step in (1, 2):  # sum the four taps of each sample
            swapped = _permute(builder, total, [lane ^ step for lane in range(16)])
            total = builder.fadd(total, swapped, flags=_FLAGS)
        result = _permute(builder, total, [0, 4, 8, 12])
        store = builder.store(result, builder.bitcast(builder.gep(out, [k]), _QUAD.as_pointer()))
        store.align = 4
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def _touch(typingctx: Any, array: Any, index: Any) -> Any:
    """Load one number of ``array.flat`` for no other purpose than to have it in the cache."""
    signature = types.void(array, types.int64)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        pointer = builder.bitcast(builder.gep(data, [args[1]]), _I32.as_pointer())
        builder.load_atomic(pointer, "monotonic", 4)  # a plain load that nobody uses would be left out
        return context.get_dummy_value()

    return signature, codegen


@kernel
def touch_window(level, pad, x, y, reach):  # type: ignore[no-untyped-def]
    """Load the pixels within ``reach`` of a place all at once; the place may lie anywhere, or be NaN.

    Tracks are strewn over an image that no cache holds, and reading a pattern row by row waits for memory row by row:
    some 2 us, as long as the whole alignment takes. All rows asked for together come in 0.2 us. (Prefetch
    instructions do not help: they are dropped where the page is not in the TLB, which is nearly always.)
    """
    if not (x > -pad and y > -pad and x < level.width + pad and y < level.height + pad):
        return
    last = level.pixels.shape[0] - 1
    first = (int(y) - reach + pad) * level.stride + int(x) - reach + pad
    for line in range(2 * reach + 1):
        start = first + line * level.stride
        for offset in range(0, 2 * reach + 16, 16):
            _touch(level.pixels, min(max(start + offset, 0), last))  # type: ignore[call-arg]


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
def sample_warped(spline, stride, pad, warp, grid_u, grid_v, scratch, out):  # type: ignore[no-untyped-def]
    """Read the image at ``warp`` applied to every grid point.

    Parameters
    ----------
    spline : float32 (rows * stride,)
        Flattened padded spline coefficients; every place read must lie inside (the caller has checked).
    stride, pad : int
        Floats per row, and the padding before the first row and column.
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
    start = (int(centre_y) + pad - 1) * stride + int(centre_x) + pad - 1
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
        _spline_quad(spline, stride, start, index, fraction_x, fraction_y, k, out)  # type: ignore[call-arg]
