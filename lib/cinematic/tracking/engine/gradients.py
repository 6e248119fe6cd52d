"""Gradients of a pattern, sharp or smooth, in its template coordinates, and what noise has in them."""

from __future__ import annotations

import numpy as np

from .compiler import inner_kernel

HALO = 2  # pixels around a pattern that its gradients use

# Sharp: a central difference, lightly smoothed across (a Gaussian of 0.5 px).
_ACROSS = np.float32(0.1065)
_ALONG = np.float32(1 - 2 * 0.1065)
# Smooth: the derivative of a Gaussian of 0.8 px.
_SMOOTH = np.array([0.0219, 0.2285, 0.4992, 0.2285, 0.0219], np.float32)
_DERIVE = np.array([-0.0693, -0.3614, 0.0, 0.3614, 0.0693], np.float32)

# The variance that noise of variance 1 gives to a gradient, luminance per pixel.
GRADIENT_NOISE = float(0.5 * (2 * _ACROSS**2 + _ALONG**2))
SMOOTH_GRADIENT_NOISE = float((_SMOOTH**2).sum() * (_DERIVE**2).sum())


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
    """The smooth ones; returns the sum of their squares."""
    size = raw.shape[0] - 2 * HALO
    scale = np.float32(radius)
    energy = 0.0
    for j in range(size):
        for i in range(size):
            along_u = along_v = np.float32(0)
            for q in range(2 * HALO + 1):
                smooth = derived = np.float32(0)
                for p in range(2 * HALO + 1):
                    smooth += _SMOOTH[p] * raw[j + q, i + p]
                    derived += _DERIVE[p] * raw[j + q, i + p]
                along_u += _SMOOTH[q] * derived
                along_v += _DERIVE[q] * smooth
            slope_u[j * size + i] = scale * along_u
            slope_v[j * size + i] = scale * along_v
            energy += (scale * along_u) ** 2 + (scale * along_v) ** 2
    return energy


@inner_kernel
def weaker(uu, uv, vv):  # type: ignore[no-untyped-def]
    """The smaller eigenvalue of a symmetric 2 x 2 matrix: of gradients' products, what they have across an edge."""
    mean, half = (uu + vv) / 2, (uu - vv) / 2
    return mean - np.sqrt(half * half + uv * uv)
