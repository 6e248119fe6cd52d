"""How the kernels are compiled: one place for the flags, and whether a compile is still to come.

Kernels live in private ``@kernel`` / ``@parallel_kernel`` functions. They take arrays that a public wrapper has
checked, they never raise, and each track is computed by one thread alone: the same numbers come out whatever the
number of threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba

# Sums may be reordered (that is what lets LLVM vectorise them; the order is fixed once compiled), but NaN and
# infinity keep their meaning: every bounds check relies on a comparison with NaN being false.
_FASTMATH = {"contract", "reassoc", "nsz", "arcp"}

_kernels: list[Any] = []


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function of one track (or one small array) to machine code, cached on disk."""
    compiled = numba.njit(cache=True, fastmath=_FASTMATH, error_model="numpy", nogil=True)(function)
    _kernels.append(compiled)
    return compiled


def parallel_kernel(function: Callable[..., Any]) -> Any:
    """Compile a function that spreads chunks of tracks, or strips of an image, over the cores."""
    compiled = numba.njit(cache=True, fastmath=_FASTMATH, error_model="numpy", nogil=True, parallel=True)(function)
    _kernels.append(compiled)
    return compiled
