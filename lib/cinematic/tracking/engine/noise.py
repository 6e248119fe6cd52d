"""How noisy is a frame, and how much of a pattern is noise?

Second differences in both directions at once cancel whatever is smooth and keep the noise of single pixels. Texture as
fine as noise passes for it; what a pattern seems to hold is therefore believed only as far as the calm parts of its
frame allow. Noise depends on the light, in film and in renders most of all on shadows, so that those of like light
count.
Sources: Immerkaer 1996, "Fast noise variance estimation"; Liu, Freeman, Szeliski & Kang 2006, "Noise estimation from a
single image" (noise as a function of light, from below).
"""

from __future__ import annotations

import numpy as np

from .compiler import inner_kernel, kernel

_TILES = 20  # across and down
_TILE = 16  # pixels
_CALM = 0.25  # share of the tiles that are calm
_UNEVEN = 2.0  # times the noise of calm tiles: how noisy other parts of a frame may be, whatever their light
_LIGHTS = 8  # groups of tiles of like light


def most_noise(image: np.ndarray) -> np.ndarray:
    """(2, 8) The largest standard deviation of noise that a frame is believed to have, by luminance.

    Row 0: luminance, ascending; row 1: the deviation there. It is what the calm quarter of the tiles of like light
    shows, and not less than twice what the calm quarter of all of them does. A sample of the image is looked at.
    0: it is tiny, or NaN nearly everywhere.
    """
    most = np.zeros((2, _LIGHTS))
    if min(image.shape) < _TILE:
        return most
    tiles = np.empty((_TILES * _TILES, 2))
    _sample(image, tiles)
    tiles = tiles[np.isfinite(tiles).all(1)]
    if len(tiles) < _CALM * _TILES * _TILES:
        return most
    least = _UNEVEN * np.quantile(tiles[:, 1], _CALM)
    by_light = tiles[np.argsort(tiles[:, 0], kind="stable")]
    for light, group in enumerate(np.array_split(by_light, _LIGHTS)):
        most[:, light] = group[:, 0].mean(), max(least, np.quantile(group[:, 1], _CALM))
    return most


@inner_kernel
def believed_noise(raw, most):  # type: ignore[no-untyped-def]
    """Standard deviation of the noise in a piece of a frame, of which ``most`` says what :func:`most_noise` does."""
    light = _light_of(raw)
    k = 0
    while k < _LIGHTS - 1 and not light < most[0, k + 1]:
        k += 1
    ceiling = most[1, k]
    if k < _LIGHTS - 1 and light > most[0, k]:
        share = (light - most[0, k]) / (most[0, k + 1] - most[0, k])
        ceiling += share * (most[1, k + 1] - most[1, k])
    return min(noise_of(raw), ceiling)


@inner_kernel
def _light_of(raw):  # type: ignore[no-untyped-def]
    """Mean luminance of a piece of a frame."""
    light = 0.0
    for j in range(raw.shape[0]):
        for i in range(raw.shape[1]):
            light += raw[j, i]
    return light / raw.size


@kernel
def _sample(image, tiles):  # type: ignore[no-untyped-def]
    """The luminance and the noise of tiles all over the frame."""
    height, width = image.shape
    raw = np.empty((_TILE, _TILE), np.float32)
    for row in range(_TILES):
        top = row * (height - _TILE) // (_TILES - 1)
        for column in range(_TILES):
            left = column * (width - _TILE) // (_TILES - 1)
            for j in range(_TILE):
                for i in range(_TILE):
                    raw[j, i] = image[top + j, left + i]
            tiles[row * _TILES + column, 0] = _light_of(raw)
            tiles[row * _TILES + column, 1] = noise_of(raw)


@inner_kernel
def noise_left(energy, residual, frames):  # type: ignore[no-untyped-def]
    """Energy of one frame's noise in a pattern, from what is left where a frame is laid on it.

    The pattern, the mean of ``frames`` frames, holds the texture t and n / frames of noise, together ``energy``; the
    frame holds t + n. They correlate by ``t / sqrt((t + n / frames) (t + n))``, and ``residual`` is what that leaves of
    ``energy``: less than all the noise, for the gain that fits best is too small in noise. Solved for n.
    """
    share, left = 1.0 / frames, min(residual / energy, 1.0)
    half = share + 0.5 * (1.0 - left) * (1.0 - share)
    return energy * left / (half + np.sqrt(max(half * half - share * share * left, 0.0)))


@inner_kernel
def noise_of(raw):  # type: ignore[no-untyped-def]
    """Standard deviation of what looks like noise in a piece of a frame, at least 3 x 3."""
    squares = 0.0
    for j in range(1, raw.shape[0] - 1):
        a, b, c = raw[j - 1], raw[j], raw[j + 1]
        for i in range(1, raw.shape[1] - 1):
            corners = a[i - 1] + a[i + 1] + c[i - 1] + c[i + 1]
            sides = a[i] + b[i - 1] + b[i + 1] + c[i]
            bent = corners - np.float32(2) * sides + np.float32(4) * b[i]
            squares += float(bent) * float(bent)
    return np.sqrt(squares / (36.0 * (raw.shape[0] - 2) * (raw.shape[1] - 2)))
