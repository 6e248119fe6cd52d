"""Does the middle of a pattern move as the whole does? Where it does not, the marker is nobody's.

A pattern that straddles two depths follows the one with more texture, and a faint one follows its grain along the
edge it lies on. Both may correlate well, come back when they are followed back, and lie on smooth paths. But the marker
lies in the middle: so the middle is searched for by itself, from where the whole was found, free to be shifted.
"""

from __future__ import annotations

import numpy as np

from .alignment import CONVERGED, SEARCH, align_one
from .compiler import inner_kernel
from .patch_pattern import ONLY, pattern_from_patch
from .patterns import PatternGrid, square_grid

_SHARE = 0.5  # of the pattern's width is its middle


def middle_grid(grid: PatternGrid) -> PatternGrid:
    """That of the middle of a pattern."""
    return square_grid(2 * round(_SHARE * grid.radius) + 3)  # a patch's outermost pixels have no gradients


@inner_kernel
def middle_distance(frame, grid, middle, patterns, k, warp, pattern, patch, trial, window, room):  # type: ignore[no-untyped-def]
    """Pixels from where a warp puts a pattern's centre to where its middle fits; NaN: it fits nowhere near.

    Parameters
    ----------
    frame : Level
    grid, middle : PatternGrid
        Of the pattern, and :func:`middle_grid` of it.
    patterns, k
        The patterns, and which one of them.
    warp : float64 (3, 3)
        Where the whole was found.
    pattern, patch, trial, window, room
        Room: of :func:`.patch_pattern.pattern_room` for the middle, float32 (its m,), float64 (3, 3), and as for
        :func:`.alignment.align_one`.
    """
    size, whole = 2 * int(middle.radius) + 1, 2 * int(grid.radius) + 1
    border = (whole - size) // 2
    for j in range(size):
        row = patterns.values[k, (j + border) * whole + border :]
        for i in range(size):
            patch[j * size + i] = row[i] + np.float32(patterns.mean[k])
    if not pattern_from_patch(patch, middle, pattern):
        return np.nan
    share = middle.radius / grid.radius
    for j in range(3):
        trial[j, 0], trial[j, 1], trial[j, 2] = share * warp[j, 0], share * warp[j, 1], warp[j, 2]
    outcome = align_one(frame, middle, pattern, ONLY, pattern.solution[0, 0], trial, patch, window, room, SEARCH)
    if outcome != CONVERGED:
        return np.nan
    return np.hypot(trial[0, 2] - warp[0, 2], trial[1, 2] - warp[1, 2])
