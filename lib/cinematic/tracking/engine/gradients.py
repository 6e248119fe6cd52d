"""Gradients of a pattern, sharp or smooth, in its template coordinates, and what noise has in them."""

from __future__ import annotations

import numpy as np

from .compiler import inner_kernel

HALO = 2  # pixels around a pattern that its gradients use

# Sharp: a central difference, lightly smoothed across (a Gaussian of 0.5 px).
_ACROSS = np.float32(0.1065)
_ALONG = np.float32(1 - 2 * 0.1065)
# Smooth: a Gaussian of 0.8 px and its derivative; the weights of the middle and of the pixels to either side.
_S0, _S1, _S2 = np.float32(0.4992), np.float32(0.2285), np.float32(0.0219)
_D1, _D2 = np.float32(0.3614), np.float32(0.0693)

# The variance that noise of variance 1 gives to a gradient, luminance per pixel.
GRADIENT_NOISE = float(0.5 * (2 * _ACROSS**2 + _ALONG**2))
SMOOTH_GRADIENT_NOISE = float((_S0**2 + 2 * _S1**2 + 2 * _S2**2) * (2 * _D1**2 + 2 * _D2**2))


@inner_kernel
def read_pixels(frame, left, top, out):  # type: ignore[no-untyped-def]
    """Fill ``out`` with a piece of the frame; beyond it its edge pixels are repeated."""
    for j in range(out.shape[0]):
        start = min(max(top + j, 0), frame.height - 1) * frame.stride
        for i in range(out.shape[1]):
            out[j, i] = frame.pixels[start + min(max(left + i, 0), frame.width - 1)]


@inner_kernel
def fill_slopes(raw, radius, slope_u, slope_v):  # type: ignore[no-untyped-def]
    """The sharp gradients of what ``raw`` shows inside its halo; a template unit is ``radius`` pixels."""
    size = raw.shape[0] - 2 * HALO
    half = np.float32(0.5 * radius)
    for j in range(size):
        a, b, c = raw[j + 1], raw[j + 2], raw[j + 3]
        for i in range(size):
            left = _ALONG * b[i + 1] + _ACROSS * (a[i + 1] + c[i + 1])
            right = _ALONG * b[i + 3] + _ACROSS * (a[i + 3] + c[i + 3])
            above = _ALONG * a[i + 2] + _ACROSS * (a[i + 1] + a[i + 3])
            below = _ALONG * c[i + 2] + _ACROSS * (c[i + 1] + c[i + 3])
            slope_u[j * size + i] = half * (right - left)
            slope_v[j * size + i] = half * (below - above)


@inner_kernel
def fill_smooth_slopes(raw, radius, slope_u, slope_v):  # type: ignore[no-untyped-def]
    """The smooth ones.

    The taps are written out: a loop over them is added up in one order or another, as arrays happen to lie in memory.
    """
    size = raw.shape[0] - 2 * HALO
    smooth, derived = np.empty((raw.shape[0], size), np.float32), np.empty((raw.shape[0], size), np.float32)
    for j in range(raw.shape[0]):
        row = raw[j]
        for i in range(size):
            smooth[j, i] = _S2 * (row[i] + row[i + 4]) + _S1 * (row[i + 1] + row[i + 3]) + _S0 * row[i + 2]
            derived[j, i] = _D2 * (row[i + 4] - row[i]) + _D1 * (row[i + 3] - row[i + 1])
    outer, inner = np.float32(radius) * _S2, np.float32(radius) * _S1
    middle, far, near = np.float32(radius) * _S0, np.float32(radius) * _D2, np.float32(radius) * _D1
    for j in range(size):
        a, b, c, d, e = derived[j], derived[j + 1], derived[j + 2], derived[j + 3], derived[j + 4]
        for i in range(size):
            slope_u[j * size + i] = outer * (a[i] + e[i]) + inner * (b[i] + d[i]) + middle * c[i]
        a, b, d, e = smooth[j], smooth[j + 1], smooth[j + 3], smooth[j + 4]
        for i in range(size):
            slope_v[j * size + i] = far * (e[i] - a[i]) + near * (d[i] - b[i])


@inner_kernel
def energies(slope_u, slope_v):  # type: ignore[no-untyped-def]
    """Sums of products: uu, uv, vv.

    Of finished gradients: a loop that also stores is compiled twice, for arrays that may overlap and for those that do
    not, and the two add up in different orders.
    """
    uu = uv = vv = np.float32(0)
    for k in range(slope_u.shape[0]):
        uu += slope_u[k] * slope_u[k]
        uv += slope_u[k] * slope_v[k]
        vv += slope_v[k] * slope_v[k]
    return float(uu), float(uv), float(vv)


@inner_kernel
def eigenvalues(xx, xy, yy):  # type: ignore[no-untyped-def]
    """Smaller and larger one of a symmetric 2 x 2 matrix. Of gradients' products the smaller is what an edge lacks."""
    mean, half = (xx + yy) / 2, (xx - yy) / 2
    spread = np.sqrt(half * half + xy * xy)
    return mean - spread, mean + spread
