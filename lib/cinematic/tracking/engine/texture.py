"""How firmly does what a pattern shows hold it in its place, grain not counted?"""

from __future__ import annotations

import numpy as np

from .compiler import kernel
from .gradients import HALO, SMOOTH_GRADIENT_NOISE, eigenvalues, energies, fill_smooth_slopes, read_pixels
from .noise import believed_noise
from .pyramid import Pyramid
from .threads import next_piece, spread

_PIECE = 64  # tracks per piece of work
_LEAST = 1e-6  # share of the gradients' energy that is left, where noise seems to be all of it


def deviations(frame: Pyramid, pattern_size: int, positions: np.ndarray) -> np.ndarray:
    """(n,) Pixels by which noise moves patterns around ``positions`` (n, 2) in the direction that holds them least.

    The Cramer-Rao bound of a shift between two frames as noisy as this one, of the gradients that are left when those
    of the noise have been taken out. 0: there is no noise.
    """
    out = np.empty(len(positions))
    centres = np.rint(positions).astype(np.int64)
    arguments = (frame.full, pattern_size // 2, centres, frame.most_noise, out)
    spread(_measure, len(out), _PIECE, *arguments)
    return out


@kernel
def _measure(tickets, frame, radius, centres, most, out):  # type: ignore[no-untyped-def]
    size = 2 * radius + 1
    raw = np.empty((size + 2 * HALO, size + 2 * HALO), np.float32)
    slope_u, slope_v = np.empty(size * size, np.float32), np.empty(size * size, np.float32)
    first, last = next_piece(tickets)
    while first < last:
        for n in range(first, last):
            read_pixels(frame, centres[n, 0] - radius - HALO, centres[n, 1] - radius - HALO, raw)
            variance = believed_noise(raw, most) ** 2
            fill_smooth_slopes(raw, 1.0, slope_u, slope_v)
            uu, uv, vv = energies(slope_u, slope_v)
            texture = eigenvalues(uu, uv, vv)[0] - size * size * SMOOTH_GRADIENT_NOISE * variance
            out[n] = np.sqrt(2.0 * variance / max(texture, _LEAST * (uu + vv))) if variance > 0.0 else 0.0
        first, last = next_piece(tickets)
