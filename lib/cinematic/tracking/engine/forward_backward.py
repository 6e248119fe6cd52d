"""Would the marker come back? What the tracker found in a frame is followed back to the previous one.

The way back shares nothing with the way there but the two frames: its pattern is what the current frame shows under
the marker, its first guess is the coarse search run backwards. The previous frame is seen through the warp that the
marker had there, so a turning or growing pattern does not by itself cost a distance.

Where the coarse search comes home within a pixel, the place that was left is near enough to where the way back ends
for one step from it to say where: what the previous frame shows there is known, so nothing need be read. Only where the
search ends elsewhere, or that step is long, is the pattern aligned from where the search ended.
Source: Kalal, Mikolajczyk & Matas 2010, "Forward-backward error".
"""

from __future__ import annotations

import numpy as np

from .alignment import CONVERGED, CORRELATION, Search, align_one
from .compiler import inner_kernel, kernel
from .patch_pattern import ONLY, pattern_from_patch

_SEARCH = Search(8, 0.1)  # coarser than on the way there, the error left is a tenth of that
_HOME = 1.0  # pixels from where it was within which the coarse search must end for one step to do
_SHORT_STEP = 0.3  # pixels; a longer one is not the last


@kernel
def way_back(  # type: ignore[no-untyped-def]
    previous, grid, patch, patch_before, warp_before, offset_x, offset_y, pattern, warp, aligned, window, room
):
    """Distance between where a marker was and where the way back ends.

    Parameters
    ----------
    previous : Level
        The previous frame at full size.
    grid : PatternGrid
    patch, patch_before : float32 (m,)
        What the current frame shows under the pattern, and what the previous one did.
    warp_before : float64 (3, 3)
        Where the pattern was in the previous frame.
    offset_x, offset_y : float
        How far from there the coarse search ended; pixels.
    pattern, warp, aligned, window, room
        Room: of :func:`.patch_pattern.pattern_room`, float64 (3, 3), float32 (m,), and as for
        :func:`.alignment.align_one`.

    Returns
    -------
    distance, correlation
        Pixels of the previous frame, infinite where the way back is lost; ZNCC between the two frames' patterns.
    """
    if not pattern_from_patch(patch, grid, pattern):
        return np.inf, 0.0
    if offset_x * offset_x + offset_y * offset_y < _HOME * _HOME:
        distance, correlation = _one_step(grid, pattern, patch_before, warp_before)
        if distance < _SHORT_STEP:
            return distance, correlation
    for j in range(3):
        warp[0, j] = warp_before[0, j] + offset_x * warp_before[2, j]
        warp[1, j] = warp_before[1, j] + offset_y * warp_before[2, j]
        warp[2, j] = warp_before[2, j]
    outcome = align_one(previous, grid, pattern, ONLY, pattern.solution[0, 0], warp, aligned, window, room, _SEARCH)
    if outcome != CONVERGED:
        return np.inf, 0.0
    dx, dy = warp[0, 2] - warp_before[0, 2], warp[1, 2] - warp_before[1, 2]
    return np.sqrt(dx * dx + dy * dy), room.figures[CORRELATION]


@inner_kernel
def _one_step(grid, pattern, patch_before, warp_before):  # type: ignore[no-untyped-def]
    """Length (pixels) of alignment's first step from where the marker was, and the correlation there."""
    values, slope_u, slope_v = pattern.values[0], pattern.slope_u[0], pattern.slope_v[0]
    mean, energy, solution = np.float32(pattern.mean[0]), pattern.energy[0], pattern.solution[0, 0]
    along_u = along_v = along_values = total = squares = np.float32(0)
    for k in range(grid.pixels):
        e = patch_before[k] - mean - values[k]
        along_u += slope_u[k] * e
        along_v += slope_v[k] * e
        along_values += values[k] * e
        total += e
        squares += e * e
    product = energy + along_values
    energy_before = energy + 2.0 * along_values + squares - total * total / grid.pixels
    if not (product > 0.0 and energy_before > 0.0):
        return np.inf, 0.0
    gain = np.sqrt(energy_before / energy)
    u = solution[0, 0] * along_u + solution[0, 1] * along_v
    u = (u + solution[0, 8] * along_values + solution[0, 9] * total) / gain
    v = solution[1, 0] * along_u + solution[1, 1] * along_v
    v = (v + solution[1, 8] * along_values + solution[1, 9] * total) / gain
    dx = (warp_before[0, 0] - warp_before[0, 2] * warp_before[2, 0]) * u
    dx += (warp_before[0, 1] - warp_before[0, 2] * warp_before[2, 1]) * v
    dy = (warp_before[1, 0] - warp_before[1, 2] * warp_before[2, 0]) * u
    dy += (warp_before[1, 1] - warp_before[1, 2] * warp_before[2, 1]) * v
    return np.sqrt(dx * dx + dy * dy), product / np.sqrt(energy * energy_before)
