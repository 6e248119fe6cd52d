"""The six motion models as subgroups of the plane's homographies, and the algebra they share.

A pattern's warp is a homography ``M`` (3 x 3) from template coordinates to image pixels. A small change of it is
``exp(D)``, with ``D`` a combination of eight generators. Each motion model allows some combinations only, so a model
is no code of its own: it is a basis, and through it one 10 x 10 matrix per pattern (:func:`solution_matrix`) that
turns ten sums over the pattern into the step. Baker & Matthews 2004 ("Lucas-Kanade 20 years on") give the inverse
compositional scheme, Benhimane & Malis 2007 the parametrisation by the exponential.

The ten unknowns, in this order: ``tx, ty, a11, a12, a21, a22, p1, p2`` with ``D = [[a11, a12, tx], [a21, a22, ty],
[-p1, -p2, 0]]``, then gain and bias of the light.
"""

from __future__ import annotations

import numpy as np

from .compiler import kernel

UNKNOWNS = 10
_FACTOR_FLOOR = 1e-7  # smallest pivot of a normalised Gram matrix that still counts as independent


def _basis(*columns: tuple[int, ...]) -> np.ndarray:
    """(10, k + 2) matrix: one column per allowed motion (signed 1-based generator numbers), gain and bias last."""
    matrix = np.zeros((UNKNOWNS, len(columns) + 2))
    for column, members in enumerate(columns):
        for member in members:
            matrix[abs(member) - 1, column] = np.sign(member)
    matrix[8, -2] = matrix[9, -1] = 1.0
    return matrix


_TX, _TY, _A11, _A12, _A21, _A22, _P1, _P2 = range(1, 9)
_ROTATION = (-_A12, _A21)
_SCALE = (_A11, _A22)
_LINEAR = ((_A11,), (_A12,), (_A21,), (_A22,))

# In the order of types.MotionModel.
_BASES = (
    _basis((_TX,), (_TY,)),
    _basis((_TX,), (_TY,), _ROTATION),
    _basis((_TX,), (_TY,), _SCALE),
    _basis((_TX,), (_TY,), _ROTATION, _SCALE),
    _basis((_TX,), (_TY,), *_LINEAR),
    _basis((_TX,), (_TY,), *_LINEAR, (_P1,), (_P2,)),
)
MODEL_SIZES = np.array([basis.shape[1] for basis in _BASES])  # unknowns of each model, gain and bias included
MODEL_BASES = np.zeros((len(_BASES), UNKNOWNS, UNKNOWNS))  # zero-padded to one array that kernels can index
for _number, _matrix in enumerate(_BASES):
    MODEL_BASES[_number, :, : _matrix.shape[1]] = _matrix

AFFINE, PERSPECTIVE = 4, 5

# Models that contain a given one, so that AUTO only ever moves to a richer model.
CONTAINS = np.array(
    [[np.linalg.matrix_rank(np.hstack([big, small])) == big.shape[1] for big in _BASES] for small in _BASES]
)


@kernel
def solution_matrix(gram, basis, size, out):  # type: ignore[no-untyped-def]
    """``out = B (B' G B)^-1 B'``: from the ten sums to the ten unknowns, within one motion model.

    Parameters
    ----------
    gram : float64 (10, 10)
        ``G``, inner products of the ten steepest-descent images.
    basis, size : float64 (10, 10), int
        Entry of :data:`MODEL_BASES` and of :data:`MODEL_SIZES`.
    out : float64 (10, 10)
        The result; also, times the variance of the residual, the covariance of the unknowns.

    Returns
    -------
    bool
        False where the pattern cannot tell the model's motions apart (``out`` is then zero).
    """
    for a in range(UNKNOWNS):
        for b in range(UNKNOWNS):
            out[a, b] = 0.0
    small = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            total = 0.0
            for a in range(UNKNOWNS):
                if basis[a, i] != 0.0:
                    for b in range(UNKNOWNS):
                        total += basis[a, i] * gram[a, b] * basis[b, j]
            small[i, j] = total
    scale = np.empty(size)
    for i in range(size):
        if not small[i, i] > 0.0:
            return False
        scale[i] = 1.0 / np.sqrt(small[i, i])
    for i in range(size):
        for j in range(size):
            small[i, j] *= scale[i] * scale[j]
    inverse = np.zeros((size, size))
    if not _invert_positive(small, inverse):
        return False
    for a in range(UNKNOWNS):
        for b in range(UNKNOWNS):
            total = 0.0
            for i in range(size):
                if basis[a, i] != 0.0:
                    for j in range(size):
                        total += basis[a, i] * basis[b, j] * inverse[i, j] * scale[i] * scale[j]
            out[a, b] = total
    return True


@kernel
def _invert_positive(matrix, inverse):  # type: ignore[no-untyped-def]
    """Inverse of a symmetric matrix with unit diagonal by Cholesky; False where it is (nearly) singular."""
    n = matrix.shape[0]
    factor = np.zeros((n, n))
    for i in range(n):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not total > _FACTOR_FLOOR:
                    return False
                factor[i, i] = np.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    for column in range(n):
        for i in range(n):
            total = 1.0 if i == column else 0.0
            for k in range(i):
                total -= factor[i, k] * inverse[k, column]
            inverse[i, column] = total / factor[i, i]
        for i in range(n - 1, -1, -1):
            total = inverse[i, column]
            for k in range(i + 1, n):
                total -= factor[k, i] * inverse[k, column]
            inverse[i, column] = total / factor[i, i]
    return True


@kernel
def compose_step(warp, step):  # type: ignore[no-untyped-def]
    """``warp <- warp exp(-D(step))``, normalised so that its last entry is 1 (third-order exponential)."""
    d = np.zeros((3, 3))
    d[0, 0], d[0, 1], d[0, 2] = -step[2], -step[3], -step[0]
    d[1, 0], d[1, 1], d[1, 2] = -step[4], -step[5], -step[1]
    d[2, 0], d[2, 1] = step[6], step[7]
    power = np.zeros((3, 3))
    factor = np.zeros((3, 3))
    result = np.zeros((3, 3))
    for i in range(3):
        power[i, i] = 1.0
        result[i, i] = 1.0
    for order in range(1, 4):
        multiply(power, d, factor)
        for i in range(3):
            for j in range(3):
                power[i, j] = factor[i, j] / order
                result[i, j] += power[i, j]
    multiply(warp, result, factor)
    for i in range(3):
        for j in range(3):
            warp[i, j] = factor[i, j] / factor[2, 2]


@kernel
def multiply(a, b, out):  # type: ignore[no-untyped-def]
    """``out = a b`` for 3 x 3 matrices, ``out`` neither of them."""
    for i in range(3):
        for j in range(3):
            out[i, j] = a[i, 0] * b[0, j] + a[i, 1] * b[1, j] + a[i, 2] * b[2, j]
