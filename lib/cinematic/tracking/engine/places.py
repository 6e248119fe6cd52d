"""Where warps put things, and how much they stretch. Matrices act on (x, y, 1)."""

from __future__ import annotations

import numpy as np


def moved_points(motions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(k, 2) points, each through its homography."""
    moved = np.einsum("kij,kj->ki", motions, np.column_stack([points, np.ones(len(points))]))
    return moved[:, :2] / moved[:, 2:]


def origins(matrices: np.ndarray) -> np.ndarray:
    """(k, 2) Where homographies (k, 3, 3) take (0, 0)."""
    return matrices[:, :2, 2] / matrices[:, 2:, 2]


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


def pattern_warps(centres: np.ndarray, radius: float) -> np.ndarray:
    """(k, 3, 3) From template coordinates to pixels, for patterns that lie upright around centres (k, 2)."""
    warps = shift_matrices(centres)
    warps[:, 0, 0] = warps[:, 1, 1] = radius
    return warps


def stretch(warps: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """Largest and smallest magnification at the pattern's centre: singular values of the warp's derivative there."""
    return singular_values((warps[:, :2, :2] - warps[:, :2, 2:] * warps[:, 2:, :2]) / radius)


def elongations(before: np.ndarray, now: np.ndarray) -> np.ndarray:
    """(k,) By which factor shapes (k, 2, 2) have grown longer than wide, or the reverse; at least 1."""
    a, b, c, d = before.reshape(-1, 4).T
    adjugate = np.stack([d, -b, -c, a], axis=1).reshape(-1, 2, 2)  # the inverse, but for its size
    largest, smallest = singular_values(now @ adjugate)
    return largest / np.maximum(smallest, np.finfo(float).tiny)


def singular_values(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Larger and smaller one of (k, 2, 2) matrices, in closed form."""
    a, b, c, d = matrices.reshape(-1, 4).T
    mean, spread = np.hypot(a + d, b - c) / 2, np.hypot(a - d, b + c) / 2
    return mean + spread, np.abs(mean - spread)
