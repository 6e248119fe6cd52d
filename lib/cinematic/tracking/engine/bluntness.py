"""How blunt does a pattern's correlation peak? Blunt ones give way to what does not belong to their surface.

The correlation of a pattern with itself falls off over about ``sqrt(variance / energy of the gradients)`` pixels. What
changes in the picture without the surface moving (another depth behind an edge, a shadow, grain) shifts the match by a
share of that width. Texture that covers one surface is fine and lies all around; a pattern that reaches over an edge of
depth shows a step between two areas: it is coarse, and its gradients lie to one side.
"""

from __future__ import annotations

import numpy as np

from .compiler import inner_kernel, kernel
from .threads import spread

_PIECE = 256  # places per piece of work
# In sizes of the pattern:
TENSOR_WINDOW = 1 / 6  # sigma of the window that the structure tensor is averaged over
_WINDOW = 5 / 21  # sigma of the window that is looked at
_REACH = 12 / 21  # of the luminance's samples, to either side
_TENSOR_REACH = 9 / 21  # of the structure tensor's samples: they have a window of their own
_SAMPLES, _TENSOR_SAMPLES = 6, 3  # to either side
_ONE_SIDED = 3.2  # e-folds by which the width counts as wider where the texture lies a pattern's size off the middle


def blunter(
    image: np.ndarray,
    strength: np.ndarray,
    edge_ratio: np.ndarray,
    places: np.ndarray,
    pattern_size: int,
    limit: float,
) -> np.ndarray:
    """(n,) bool: which patterns' correlation peaks wider than ``limit`` times what is usual (the median) among them.

    Parameters
    ----------
    image : float (height, width)
    strength, edge_ratio : float32 (height, width)
        Of :func:`.detection.corner_strength`, for patterns of this size.
    places : float (n, 2)
        Inside the image, px.
    pattern_size, limit
    """
    if not len(places):
        return np.zeros(0, bool)
    widths = _peak_widths(np.ascontiguousarray(image, np.float32), strength, edge_ratio, places, pattern_size)
    return widths > limit * np.median(widths)


def _peak_widths(
    image: np.ndarray, strength: np.ndarray, edge_ratio: np.ndarray, places: np.ndarray, pattern_size: int
) -> np.ndarray:
    """(n,) px; counted as wider, the farther the texture lies off the middle."""
    out = np.empty(len(places))
    at = np.rint(places).astype(np.int64)
    rest = float(np.sqrt(_WINDOW**2 - TENSOR_WINDOW**2))  # with the structure tensor's own window it makes the whole
    luminance = _samples(_REACH * pattern_size, _SAMPLES, _WINDOW * pattern_size)
    tensor = _samples(_TENSOR_REACH * pattern_size, _TENSOR_SAMPLES, rest * pattern_size)
    one_sided = _ONE_SIDED * (_WINDOW / rest) ** 2 / pattern_size
    arguments = (image, strength, edge_ratio, at, *luminance, *tensor, one_sided, out)
    spread(lambda first, last: _measure_some(first, last, *arguments), len(out), _PIECE)
    return out


def _samples(reach: float, count: int, sigma: float) -> tuple[np.ndarray, np.ndarray]:
    """Steps to either side, whole px, and their weights in a Gaussian window."""
    steps = np.rint(np.linspace(-reach, reach, 2 * count + 1)).astype(np.int64)
    return steps, np.exp(-(steps**2) / (2 * sigma**2))


@kernel
def _measure_some(  # type: ignore[no-untyped-def]
    first, last, image, strength, edge_ratio, at, steps, weights, tensor_steps, tensor_weights, one_sided, out
):
    for n in range(first, last):
        variance = _variance(image, at[n, 0], at[n, 1], steps, weights)
        energy, off = _texture(strength, edge_ratio, at[n, 0], at[n, 1], tensor_steps, tensor_weights)
        out[n] = np.sqrt(variance / energy) * np.exp(one_sided * off)


@inner_kernel
def _variance(image, x, y, steps, weights):  # type: ignore[no-untyped-def]
    """Of the luminance around a place; NaN pixels left out, and those of the border repeated."""
    height, width = image.shape
    share = total = square = 0.0
    for j in range(steps.shape[0]):
        row = min(max(y + steps[j], 0), height - 1)
        for i in range(steps.shape[0]):
            value = float(image[row, min(max(x + steps[i], 0), width - 1)])
            if value == value:
                weight = weights[j] * weights[i]
                share += weight
                total += weight * value
                square += weight * value * value
    return max(0.0, square / share - (total / share) ** 2)


@inner_kernel
def _texture(strength, edge_ratio, x, y, steps, weights):  # type: ignore[no-untyped-def]
    """Energy of the gradients around a place, and how far their centroid is off it, px (of this window's)."""
    height, width = strength.shape
    share = energy = across = down = 0.0
    for j in range(steps.shape[0]):
        row = min(max(y + steps[j], 0), height - 1)
        for i in range(steps.shape[0]):
            column = min(max(x + steps[i], 0), width - 1)
            value = float(strength[row, column]) ** 2 * (1.0 + float(edge_ratio[row, column]))
            if value == value:
                weight = weights[j] * weights[i]
                share += weight
                energy += weight * value
                across += weight * value * steps[i]
                down += weight * value * steps[j]
    return energy / share, np.sqrt(across * across + down * down) / energy
