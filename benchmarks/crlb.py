"""The Cramer-Rao bound of a track: how well a pattern can be located at all, given its gradients and the
noise.

Model: frame 2 shows the pattern of frame 1 under an affine map with gain and bias, both frames with
independent noise of standard deviation `sigma`. Not knowing the pattern itself doubles the noise's variance
(to first order), so with J = [gx, gy, gx i, gx j, gy i, gy j, T, 1] over the window's pixels the covariance
of any unbiased estimate is at least 2 sigma^2 (J^T J)^-1; its first two rows and columns are the
position's. After Robinson & Milanfar 2004 ("Fundamental performance limits in image registration"),
extended from shift to affine with gain and bias.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates, spline_filter


def covariances(image: np.ndarray, points: np.ndarray, sigma: float, window: int = 21) -> np.ndarray:
    """The least covariance (px^2) of each point's position, shape (n, 2, 2); infinite where the pattern
    fixes none.

    `image` (h, w) is the noise-free reference frame, `sigma` the noise in its units, `window` an odd number
    of pixels.
    """
    if window % 2 == 0:
        raise ValueError(f"expected an odd window, got {window}")
    half = window // 2
    offset = np.arange(-half, half + 1, dtype=float)
    j, i = np.meshgrid(offset, offset, indexing="ij")
    pattern, gx, gy = _sample(np.asarray(image, float), np.asarray(points, float), i, j)
    i, j, one = (np.broadcast_to(a, pattern.shape) for a in (i, j, np.ones_like(i)))
    jacobian = np.stack([gx, gy, gx * i, gx * j, gy * i, gy * j, pattern, one], axis=-1).reshape(len(points), -1, 8)
    information = np.einsum("npa,npb->nab", jacobian, jacobian) / (2.0 * sigma**2)
    result = np.full((len(points), 2, 2), np.inf)
    for n, matrix in enumerate(information):
        scale = np.sqrt(np.diag(matrix))
        if np.all(scale > 0.0):
            bound = np.linalg.inv(matrix / np.outer(scale, scale)) / np.outer(scale, scale)
            if bound[0, 0] + bound[1, 1] < window**2:  # else the pattern does not fix its place at all
                result[n] = bound[:2, :2]
    return result


def carried(bounds: np.ndarray, jacobians: np.ndarray) -> np.ndarray:
    """The bounds (n, 2, 2) of `covariances` in frames that show the pattern larger, smaller or turned; (n,
    F, 2, 2).

    `jacobians` A (n, F, 2, 2) map offsets in the reference frame to offsets in pixels of each frame. An
    error e there is A e here, and a frame that spreads the pattern over det A times as many pixels has that
    much less noise for it; the reference frame's share of the noise stays as it is.
    """
    share = 0.5 * (1.0 + 1.0 / np.abs(np.linalg.det(jacobians)))
    return share[..., None, None] * (jacobians @ bounds[:, None] @ np.swapaxes(jacobians, 2, 3))


def pooled_median(bounds: np.ndarray, samples: int = 64) -> float:
    """The median distance (px) of markers at their bounds (..., 2, 2), all of them pooled."""
    bounds = bounds.reshape(-1, 2, 2)
    finite = bounds[np.isfinite(bounds).all(axis=(1, 2))]
    roots = np.linalg.cholesky(finite)
    normal = np.random.default_rng(0).normal(size=(samples, 2))
    return float(np.median(np.linalg.norm(np.einsum("nij,sj->nsi", roots, normal), axis=2)))


def _sample(image: np.ndarray, points: np.ndarray, i: np.ndarray, j: np.ndarray) -> tuple[np.ndarray, ...]:
    """Pattern and gradients around sub-pixel points by cubic spline, each (n, window, window)."""
    spline = spline_filter(image, order=3)
    x, y = points[:, 0, None, None] + i, points[:, 1, None, None] + j

    def at(dx: float, dy: float) -> np.ndarray:
        return map_coordinates(spline, [y + dy, x + dx], order=3, prefilter=False, mode="nearest")

    step = 0.05
    return at(0, 0), (at(step, 0) - at(-step, 0)) / (2 * step), (at(0, step) - at(0, -step)) / (2 * step)
