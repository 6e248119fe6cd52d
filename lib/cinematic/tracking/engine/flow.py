"""Where did the pattern go? A coarse-to-fine translation search between two frames (pyramidal KLT).

Only a first guess for :mod:`.alignment`, good to a tenth of a pixel: up to three levels (1/8, 1/4, 1/2), at each a
16 x 16 window, so that its rows fill one vector register. Full size is left to the alignment. Without any guess of
the motion, three levels find some 40 pixels and two some 20. The window lies on whole pixels of its level, which need
not be interpolated: how far it moves does not depend on where exactly it is taken.
Sources: Lucas & Kanade 1981; Bouguet 2000, "Pyramidal implementation of the Lucas Kanade feature tracker".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import types

from . import lanes
from .compiler import inner_kernel, kernel
from .lanes import intrinsic
from .pyramid import PAD

_WINDOW = 16  # pixels; a compile-time constant, so that LLVM unrolls the rows
_PIXELS = _WINDOW * _WINDOW
_SLACK = 3.0  # a window's centre may leave the level by this many pixels: it then reads the padding
_STEPS = 8
_SMALL_STEP = 0.03  # pixels of the level


class FlowRoom(NamedTuple):
    """One window: its values and gradients, float32 (256,) each."""

    values: np.ndarray
    slope_x: np.ndarray
    slope_y: np.ndarray


@kernel
def flow_room():  # type: ignore[no-untyped-def]
    """Room that one thread needs."""
    return FlowRoom(np.empty(_PIXELS, np.float32), np.empty(_PIXELS, np.float32), np.empty(_PIXELS, np.float32))


@intrinsic
def _take_window(typingctx: Any, pixels: Any, start: Any, stride: Any, values: Any, slope_x: Any, slope_y: Any) -> Any:
    """Fill the values and central differences of a window whose first pixel is at ``start``.

    Returns the gradients' sums and sums of products: x, y, xx, xy, yy.
    """
    result = types.UniTuple(types.float32, 5)
    signature = result(pixels, types.int64, types.int64, values, slope_x, slope_y)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pixels, values, slope_x, slope_y = (
            lanes.data(context, builder, signature, args, number) for number in (0, 3, 4, 5)
        )
        half = lanes.constant(0.5)
        row = lanes.at(builder, pixels, builder.sub(args[1], args[2]))
        above, here = lanes.load(builder, row), lanes.at(builder, row, args[2])
        middle = lanes.load(builder, here)
        sums: list[Any] = [lanes.constant(0.0)] * 5
        for j in range(_WINDOW):
            under = lanes.at(builder, here, args[2])
            below = lanes.load(builder, under)
            left, right = (lanes.load(builder, lanes.at(builder, here, offset)) for offset in (-1, 1))
            p = lanes.mul(builder, half, lanes.sub(builder, right, left))
            q = lanes.mul(builder, half, lanes.sub(builder, below, above))
            for vector, target in ((middle, values), (p, slope_x), (q, slope_y)):
                lanes.store(builder, vector, lanes.at(builder, target, j * _WINDOW))
            products = (p, q, *(lanes.mul(builder, a, b) for a, b in ((p, p), (p, q), (q, q))))
            sums = [lanes.add(builder, total, term) for total, term in zip(sums, products, strict=True)]
            above, middle, here = middle, below, under
        return context.make_tuple(builder, result, [lanes.total(builder, vector) for vector in sums])

    return signature, codegen


@intrinsic
def _project_residual(
    typingctx: Any, pixels: Any, start: Any, stride: Any, fx: Any, fy: Any, values: Any, slope_x: Any, slope_y: Any
) -> Any:
    """Inner products of the residual with the gradients, and its sum: x, y, 1.

    The residual is what stands at ``start`` and the fractions of a pixel behind it, read bilinearly, less the values.
    """
    result = types.UniTuple(types.float32, 3)
    signature = result(pixels, types.int64, types.int64, types.float32, types.float32, values, slope_x, slope_y)

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pixels, values, slope_x, slope_y = (
            lanes.data(context, builder, signature, args, number) for number in (0, 5, 6, 7)
        )
        fx, fy = lanes.splat(builder, args[3]), lanes.splat(builder, args[4])

        def across(place: Any) -> Any:
            left, right = lanes.load(builder, place), lanes.load(builder, lanes.at(builder, place, 1))
            return lanes.add(builder, left, lanes.mul(builder, fx, lanes.sub(builder, right, left)))

        here = lanes.at(builder, pixels, args[1])
        upper = across(here)
        sums: list[Any] = [lanes.constant(0.0)] * 3
        for j in range(_WINDOW):
            here = lanes.at(builder, here, args[2])
            lower = across(here)
            read = lanes.add(builder, upper, lanes.mul(builder, fy, lanes.sub(builder, lower, upper)))
            value, p, q = (lanes.load(builder, lanes.at(builder, a, j * _WINDOW)) for a in (values, slope_x, slope_y))
            e = lanes.sub(builder, read, value)
            terms = (lanes.mul(builder, e, p), lanes.mul(builder, e, q), e)
            sums = [lanes.add(builder, total, term) for total, term in zip(sums, terms, strict=True)]
            upper = lower
        return context.make_tuple(builder, result, [lanes.total(builder, vector) for vector in sums])

    return signature, codegen


@kernel
def predict(before, after, x, y, u, v, levels, room):  # type: ignore[no-untyped-def]
    """Displacement ``(u, v)`` of the place ``(x, y)`` from one frame to another, to a fraction of a pixel.

    Parameters
    ----------
    before, after : tuple of Level
        The smaller copies of both frames (``Pyramid.coarse``).
    x, y, u, v : float
        The place, and the first guess of its displacement; full-size pixels.
    levels : int
        How many of them to search, from the coarsest to half size: 3 begins at an eighth of full size. The better the
        guess, the fewer are needed; what one finds beyond some 6 pixels two find to some 20.
    room : FlowRoom

    Returns
    -------
    (u, v), pixels; the guess where no level has contrast.
    """
    if levels > 2:
        u, v = _search_level(before[2], after[2], 0.125, x, y, u, v, room)
    if levels > 1:
        u, v = _search_level(before[1], after[1], 0.25, x, y, u, v, room)
    return _search_level(before[0], after[0], 0.5, x, y, u, v, room)


@inner_kernel
def is_amid_pixels(x, y, level, slack):  # type: ignore[no-untyped-def]
    """Whether a place is at most ``slack`` px beyond the outermost pixels' centres. False also for NaN."""
    inside_x = x >= -slack and x <= level.width - 1 + slack
    return inside_x and y >= -slack and y <= level.height - 1 + slack


@inner_kernel
def _search_level(before, after, scale, x, y, u, v, room):  # type: ignore[no-untyped-def]
    """Refine a displacement (full-size pixels) at one level; what it was where that fails."""
    if before.width < _WINDOW or before.height < _WINDOW or not is_amid_pixels(x * scale, y * scale, before, _SLACK):
        return u, v
    left, top = int(np.floor(x * scale - 7.0)), int(np.floor(y * scale - 7.0))  # 8 pixels before the centre, 7 after
    start = (top + PAD) * before.stride + left + PAD
    sum_x, sum_y, xx, xy, yy = _take_window(
        before.pixels, start, before.stride, room.values, room.slope_x, room.slope_y
    )
    # Less the gradients' means, so that a change of brightness is ignored.
    mean_x, mean_y = sum_x / np.float32(_PIXELS), sum_y / np.float32(_PIXELS)
    xx, xy, yy = xx - mean_x * sum_x, xy - mean_x * sum_y, yy - mean_y * sum_y
    determinant = xx * yy - xy * xy
    if not determinant > 1e-4 * (xx + yy) * (xx + yy) or not xx + yy > 1e-6:
        return u, v
    moved_u = moved_v = 0.0
    for _ in range(_STEPS):
        right, down = u * scale + moved_u, v * scale + moved_v
        near = abs(moved_u) < _WINDOW and abs(moved_v) < _WINDOW
        if not (near and is_amid_pixels(left + 7.5 + right, top + 7.5 + down, after, _SLACK)):
            return u, v
        column, row = int(np.floor(left + right)), int(np.floor(top + down))
        a, b, c = _project_residual(
            after.pixels, (row + PAD) * after.stride + column + PAD, after.stride, np.float32(left + right - column),
            np.float32(top + down - row), room.values, room.slope_x, room.slope_y,
        )  # fmt: skip
        a, b = a - mean_x * c, b - mean_y * c
        du = (yy * a - xy * b) / determinant
        dv = (xx * b - xy * a) / determinant
        moved_u -= du
        moved_v -= dv
        if du * du + dv * dv < _SMALL_STEP * _SMALL_STEP:
            break
    if moved_u * moved_u + moved_v * moved_v < _WINDOW * _WINDOW:  # false for NaN
        return u + moved_u / scale, v + moved_v / scale
    return u, v
