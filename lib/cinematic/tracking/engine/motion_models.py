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

from .compiler import inner_kernel, kernel

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
SHAPE = (2, 3, 4, 5)  # of the unknowns: what an affine motion does to a pattern's shape

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


@inner_kernel
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


@inner_kernel
def compose_step(warp, step):  # type: ignore[no-untyped-def]
    """``warp <- warp exp(-D(step))``, normalised so that its last entry is 1 (third-order exponential)."""
    d = (-step[2], -step[3], -step[0], -step[4], -step[5], -step[1], step[6], step[7], 0.0)
    square = _product(d, d)
    cube = _product(square, d)
    a = (
        1.0 + d[0] + square[0] / 2.0 + cube[0] / 6.0, d[1] + square[1] / 2.0 + cube[1] / 6.0,
        d[2] + square[2] / 2.0 + cube[2] / 6.0, d[3] + square[3] / 2.0 + cube[3] / 6.0,
        1.0 + d[4] + square[4] / 2.0 + cube[4] / 6.0, d[5] + square[5] / 2.0 + cube[5] / 6.0,
        d[6] + square[6] / 2.0 + cube[6] / 6.0, d[7] + square[7] / 2.0 + cube[7] / 6.0,
        1.0 + square[8] / 2.0 + cube[8] / 6.0,
    )  # fmt: skip
    w = (
        warp[0, 0], warp[0, 1], warp[0, 2], warp[1, 0], warp[1, 1], warp[1, 2], warp[2, 0], warp[2, 1], warp[2, 2],
    )  # fmt: skip
    r = _product(w, a)
    warp[0, 0], warp[0, 1], warp[0, 2] = r[0] / r[8], r[1] / r[8], r[2] / r[8]
    warp[1, 0], warp[1, 1], warp[1, 2] = r[3] / r[8], r[4] / r[8], r[5] / r[8]
    warp[2, 0], warp[2, 1], warp[2, 2] = r[6] / r[8], r[7] / r[8], 1.0


@inner_kernel
def _product(a, b):  # type: ignore[no-untyped-def]
    """Product of two 3 x 3 matrices, each nine numbers row by row: they stay in registers."""
    return (
        a[0] * b[0] + a[1] * b[3] + a[2] * b[6], a[0] * b[1] + a[1] * b[4] + a[2] * b[7],
        a[0] * b[2] + a[1] * b[5] + a[2] * b[8], a[3] * b[0] + a[4] * b[3] + a[5] * b[6],
        a[3] * b[1] + a[4] * b[4] + a[5] * b[7], a[3] * b[2] + a[4] * b[5] + a[5] * b[8],
        a[6] * b[0] + a[7] * b[3] + a[8] * b[6], a[6] * b[1] + a[7] * b[4] + a[8] * b[7],
        a[6] * b[2] + a[7] * b[5] + a[8] * b[8],
    )  # fmt: skip
