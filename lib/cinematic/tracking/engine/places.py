"""Where warps put things: markers, corners, covariances, and how much they stretch. Matrices act on (x, y, 1)."""

from __future__ import annotations

import numpy as np

from .compiler import kernel
from .motion_models import UNKNOWNS


def moved_points(motions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(k, 2) points, each through its homography."""
    moved = np.einsum("kij,kj->ki", motions, np.column_stack([points, np.ones(len(points))]))
    return moved[:, :2] / moved[:, 2:]


def inverted(matrices: np.ndarray) -> np.ndarray:
    """(k, 3, 3) The inverses, in closed form: LAPACK, called for one small matrix at a time, takes far longer.

    On a machine whose cores are busy its threads wait for each other at every call: 13 ms for 300 matrices, not 0.1.
    """
    a, b, c = matrices[:, 0], matrices[:, 1], matrices[:, 2]
    adjugate = np.stack([_cross(b, c), _cross(c, a), _cross(a, b)], axis=2)
    return adjugate / np.einsum("ki,ki->k", a, adjugate[:, :, 0])[:, None, None]


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    (a0, a1, a2), (b0, b1, b2) = a.T, b.T
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=1)


def shift_matrices(offsets: np.ndarray) -> np.ndarray:
    """(k, 3, 3) translations."""
    matrices = np.zeros((len(offsets), 3, 3))
    matrices[:, 0, 0] = matrices[:, 1, 1] = matrices[:, 2, 2] = 1.0
    matrices[:, :2, 2] = offsets
    return matrices


def stretch(warps: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest magnification at the pattern's centre: singular values of the warp's derivative there."""
    return singular_values((warps[:, :2, :2] - warps[:, :2, 2:] * warps[:, 2:, :2]) / radius)


def singular_values(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Larger and smaller one of (k, 2, 2) matrices, in closed form."""
    a, b, c, d = matrices.reshape(-1, 4).T
    mean, spread = np.hypot(a + d, b - c) / 2, np.hypot(a - d, b + c) / 2
    return mean + spread, np.abs(mean - spread)


@kernel
def measure(rows, warps, bases, solutions, models, noise, link, radius, half, position, corners, covariance):  # type: ignore[no-untyped-def]
    """Where the first marker and the first pattern's corners are, and how sure that is.

    The covariance is the residual's variance times the solution matrix (the inverse Hessian within the motion model),
    carried to the marker's own place in the template and into the frame, plus that of the reference itself.
    """
    jacobian, carried = np.empty((2, 2)), np.empty((2, UNKNOWNS))
    lever = np.zeros((2, UNKNOWNS))
    for n in range(rows.shape[0]):
        k = rows[n]
        warp, base = warps[k], bases[k]
        u, v = base[0, 2] / base[2, 2], base[1, 2] / base[2, 2]
        w = warp[2, 0] * u + warp[2, 1] * v + warp[2, 2]
        x = (warp[0, 0] * u + warp[0, 1] * v + warp[0, 2]) / w
        y = (warp[1, 0] * u + warp[1, 1] * v + warp[1, 2]) / w
        position[n, 0], position[n, 1] = x, y
        for j in range(2):
            jacobian[0, j] = (warp[0, j] - x * warp[2, j]) / w
            jacobian[1, j] = (warp[1, j] - y * warp[2, j]) / w
        for corner in range(4):
            a = half if corner == 1 or corner == 2 else -half
            b = half if corner >= 2 else -half
            s = base[2, 0] * a + base[2, 1] * b + base[2, 2]
            p = (base[0, 0] * a + base[0, 1] * b + base[0, 2]) / s
            q = (base[1, 0] * a + base[1, 1] * b + base[1, 2]) / s
            s = warp[2, 0] * p + warp[2, 1] * q + warp[2, 2]
            corners[n, corner, 0] = (warp[0, 0] * p + warp[0, 1] * q + warp[0, 2]) / s - x
            corners[n, corner, 1] = (warp[1, 0] * p + warp[1, 1] * q + warp[1, 2]) / s - y
        lever[0, 0] = lever[1, 1] = 1.0
        lever[0, 2] = lever[1, 4] = u
        lever[0, 3] = lever[1, 5] = v
        lever[0, 6], lever[1, 6] = u * u, u * v
        lever[0, 7], lever[1, 7] = u * v, v * v
        for i in range(2):
            for a in range(UNKNOWNS):
                carried[i, a] = jacobian[i, 0] * lever[0, a] + jacobian[i, 1] * lever[1, a]
        solution = solutions[k, models[k]]
        for i in range(2):
            for j in range(2):
                total = 0.0
                for a in range(8):
                    for b in range(8):
                        total += carried[i, a] * solution[a, b] * carried[j, b]
                total *= noise[n]
                for a in range(2):
                    for b in range(2):
                        total += jacobian[i, a] * link[k, a, b] * jacobian[j, b] / (radius * radius)
                covariance[n, i, j] = total
