"""Each pattern of a stack aligned with the mean of the others, those that the frames around it show.

The pattern that one frame shows has that frame's grain. The mean of what a dozen frames around it show has next to
none, and so fixes where the pattern is better than any single reference does; it has few pixels that are wrong, too,
and how much each of them changes from frame to frame says what it is worth: grain, and what lies at another depth than
the marker, has less of a say. Aligning a stack's members with each other is known as congealing (Learned-Miller 2006,
"Data driven image models through continuous joint alignment"); markers are known to a tenth of a pixel here, so one
linear step does.

Patterns are kept in template coordinates ``(u, v)`` from -1 to 1, read by a warp that is affine
(:mod:`.alignment`), with their mean 0 and their contrast 1.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .alignment import mask_outside, window_for
from .compiler import inner_kernel, kernel
from .lanes import borrowed, hold
from .patterns import PatternGrid, inner, square_grid
from .pyramid import plain_level
from .sampling import fill_window, sample_scratch, sample_warped
from .threads import next_piece, spread

REACH = 14
"""Frames: patterns that are as far away, or farther, are not compared. On development plates 12 to 24 are alike."""

COLUMNS = 9
"""Of a Gram matrix: what shifts a pattern by (x, y) px and changes its contrast and brightness by 1; what moves its
right edge by (x) px, its lower edge by (x), its right by (y), its lower by (y); and the residual."""

_LEAST = 4  # other patterns
_PLACES = 2 * REACH - 1  # of a ring: a pattern, and those before and after it
_PIECE = 8
_NEVER = np.int64(np.iinfo(np.int64).min // 2)  # the stamp of an empty place
_STEPS = 2048.0  # of a stored value, to the pattern's contrast
_UNKNOWN = -(2**15)  # a stored value: the frame does not show it
_LEAST_SHOWN = 0.5  # of a pattern, weighed
_LEAST_CONTRAST = 3e-5
# Gaussian windows, standard deviations in shares of half the pattern's side: by how far a pixel is from the middle it
# counts less; the noise of those in the very middle counts everywhere a little, so that none seems to have hardly any.
_SOFT, _MIDDLE = 0.62, 0.2
_MIDDLE_SHARE = 0.2
_OUTLIER = 3.0  # standard deviations of its noise at which a pixel counts half (Cauchy's weights)


class Stacks:
    """The latest patterns of n tracks, all of one size.

    Parameters
    ----------
    side
        Of the patterns, odd, pixels.
    count
        Tracks, numbered from 0. A number may pass to another track :data:`REACH` frames after the last marker.
    """

    def __init__(self, side: int, count: int) -> None:
        self._grid = square_grid(side)
        self._weight, self._middle = _window(self._grid, _SOFT), _window(self._grid, _MIDDLE)
        self._share = ((1 - (np.arange(REACH) / REACH) ** 2) ** 2).astype(np.float32)  # by frames between them
        self._stack = np.zeros((count, _PLACES, len(self._grid.u)), np.int16)
        self._stamps = np.full((count, _PLACES), _NEVER)

    @property
    def radius(self) -> float:
        """Pixels from a pattern's central pixel to the outermost one."""
        return self._grid.radius

    def take(self, frame: int, image: np.ndarray, tracks: npt.NDArray[np.int64], warps: np.ndarray) -> None:
        """Keep what a frame, later than all before, shows of tracks (k,).

        Parameters
        ----------
        image : float32 (height, width)
        warps : float64 (k, 3, 3)
            Affine, from template coordinates to pixels. Where half of a pattern lies beyond the frame, or it has no
            contrast, nothing is kept.
        """
        level = plain_level(np.ascontiguousarray(image, np.float32))
        order = np.arange(len(tracks))
        spread(
            _take, len(tracks), _PIECE, level, self._grid, self._weight, warps, order, tracks,
            frame % _PLACES, frame, self._stack, self._stamps,
        )  # fmt: skip

    def compare(self, frame: int, tracks: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """Gram matrices (k, 9, 9) of how the patterns of a frame differ from the mean of those around it.

        :data:`COLUMNS` says of what; pixels count by how much they tell. Zero where too little is known. The latest
        frame may be :data:`REACH` - 1 later, and no more.
        """
        gram = np.zeros((len(tracks), COLUMNS, COLUMNS))
        spread(
            _compare, len(tracks), _PIECE, self._grid, self._weight, self._middle, self._share, tracks,
            frame % _PLACES, frame, self._stack, self._stamps, gram,
        )  # fmt: skip
        return gram


def _window(grid: PatternGrid, deviation: float) -> np.ndarray:
    """(m,) A Gaussian around the middle; 0 in the padding."""
    weight = np.exp(-0.5 * (grid.u**2 + grid.v**2) / deviation**2)
    weight[grid.pixels :] = 0
    return weight.astype(np.float32)


@kernel
def _take(tickets, frame, grid, weight, warps, order, tracks, place, stamp, stack, stamps):  # type: ignore[no-untyped-def]
    frame, grid = borrowed((frame, grid))
    count = grid.u.shape[0]
    scratch = sample_scratch(count)
    patch, mask, bounds = np.empty(count, np.float32), np.zeros(count, np.bool_), np.empty(4)
    first, last = next_piece(tickets)
    while first < last:
        window = window_for(warps, order, first, last)
        for n in range(first, last):
            warp, k = warps[n], tracks[n]
            across = abs(warp[0, 0]) + abs(warp[0, 1])
            down = abs(warp[1, 0]) + abs(warp[1, 1])
            bounds[0], bounds[1] = warp[0, 2] - across, warp[1, 2] - down
            bounds[2], bounds[3] = warp[0, 2] + across, warp[1, 2] + down
            stamps[k, place] = _NEVER
            if fill_window(frame, bounds, window):
                sample_warped(window, warp, grid.u, grid.v, scratch, patch)
                mask_outside(warp, grid.u, grid.v, grid.pixels, frame.width, frame.height, 0.0, mask)
                if _keep(patch, mask, weight, stack[k, place]):
                    stamps[k, place] = stamp
        first, last = next_piece(tickets)
    hold(scratch)


@inner_kernel
def _keep(patch, mask, weight, kept):  # type: ignore[no-untyped-def]
    """Store a pattern with its mean 0 and its contrast 1; False where there is too little of it, or NaN."""
    shown = total = whole = np.float32(0)
    for q in range(patch.shape[0]):
        whole += weight[q]
        if mask[q]:
            shown += weight[q]
            total += weight[q] * patch[q]
    if not shown >= _LEAST_SHOWN * whole:
        return False
    mean, energy = total / shown, np.float32(0)
    for q in range(patch.shape[0]):
        if mask[q]:
            energy += weight[q] * (patch[q] - mean) * (patch[q] - mean)
    contrast = np.sqrt(energy / shown)
    if not contrast > _LEAST_CONTRAST:
        return False
    scale, most = np.float32(_STEPS) / contrast, np.float32(-_UNKNOWN - 1)
    for q in range(patch.shape[0]):
        value = min(max(scale * (patch[q] - mean), -most), most)
        kept[q] = np.int16(np.rint(value)) if mask[q] else np.int16(_UNKNOWN)
    return True


@kernel
def _compare(tickets, grid, weight, middle, share, tracks, place, stamp, stack, stamps, gram):  # type: ignore[no-untyped-def]
    grid, stack, stamps = borrowed((grid, stack, stamps))
    count = grid.u.shape[0]
    own = np.empty((3, count), np.float32), np.empty((COLUMNS, count), np.float32)
    sums, columns = borrowed(own)
    first, last = next_piece(tickets)
    while first < last:
        for n in range(first, last):
            k = tracks[n]
            if stamps[k, place] == stamp and _mean_of_others(stack[k], stamps[k], stamp, share, middle, sums):
                _fill_columns(stack[k, place], grid, weight, sums, columns)
                for a in range(COLUMNS):
                    for b in range(a + 1):
                        gram[n, a, b] = gram[n, b, a] = inner(columns[a], columns[b])
        first, last = next_piece(tickets)
    hold(own)


@inner_kernel
def _mean_of_others(stack, stamps, stamp, share, middle, sums):  # type: ignore[no-untyped-def]
    """Fill ``sums`` (3, m) with how much is known of each pixel of the others, their mean, and the variance of one.

    Returns whether there are enough of them. What too few of them show has no weight, and is 0.
    """
    known, mean, variance = sums[0], sums[1], sums[2]
    for q in range(known.shape[0]):
        known[q] = mean[q] = variance[q] = np.float32(0)
    others, total, squares = 0, np.float32(0), np.float32(0)
    for j in range(stamps.shape[0]):
        away = abs(stamps[j] - stamp)
        if 0 < away < share.shape[0]:
            part, pattern = share[away], stack[j]
            others += 1
            total += part
            squares += part * part
            for q in range(known.shape[0]):
                value = np.float32(pattern[q])
                shown = part if value != np.float32(_UNKNOWN) else np.float32(0)
                known[q] += shown
                mean[q] += shown * value
                variance[q] += shown * value * value
    if others < _LEAST:
        return False
    unbiased = np.float32(1) / (np.float32(1) - squares / (total * total))
    scale = np.float32(1 / _STEPS)
    usual = weights = np.float32(0)
    for q in range(known.shape[0]):
        if known[q] > np.float32(0.5) * total:
            value = mean[q] / known[q] * scale
            variance[q] = unbiased * max(variance[q] / known[q] * scale * scale - value * value, np.float32(0))
            mean[q] = value
            usual += middle[q] * variance[q]
            weights += middle[q]
        else:
            known[q] = mean[q] = variance[q] = np.float32(0)
    if not usual > 0:
        return False
    usual = np.float32(_MIDDLE_SHARE) * usual / weights
    for q in range(known.shape[0]):
        variance[q] = np.float32(1 - _MIDDLE_SHARE) * variance[q] + usual
    return True


@inner_kernel
def _fill_columns(pattern, grid, weight, sums, columns):  # type: ignore[no-untyped-def]
    """The nine columns (see COLUMNS), each times the square roots of the pixels' weights."""
    known, mean, variance = sums[0], sums[1], sums[2]
    size, scale = 2 * int(grid.radius) + 1, np.float32(1 / _STEPS)
    for a in range(COLUMNS):
        for q in range(known.shape[0]):
            columns[a, q] = np.float32(0)
    half, one = np.float32(0.5), np.float32(1)
    for j in range(1, size - 1):
        for i in range(1, size - 1):
            q = j * size + i
            value = np.float32(pattern[q])
            around = min(min(known[q - 1], known[q + 1]), min(known[q - size], known[q + size]))
            used = value != np.float32(_UNKNOWN) and known[q] > 0 and around > 0
            off = value * scale - mean[q]
            outlying = off * off / (variance[q] * np.float32(_OUTLIER * _OUTLIER))
            root = np.sqrt(weight[q] / (variance[q] * (one + outlying))) if used else np.float32(0)
            along, down = root * half * (mean[q + 1] - mean[q - 1]), root * half * (mean[q + size] - mean[q - size])
            columns[0, q], columns[1, q], columns[2, q], columns[3, q] = along, down, root * mean[q], root
            columns[4, q], columns[5, q] = along * grid.u[q], along * grid.v[q]
            columns[6, q], columns[7, q] = down * grid.u[q], down * grid.v[q]
            columns[8, q] = root * off
