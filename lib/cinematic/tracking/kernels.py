"""The engine's kernels, as commands see them: compiled once on a machine, which takes a while and is told before."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager


def needs_compile() -> bool:
    """Whether the engine klt has kernels to compile yet."""
    from . import engine  # numba: what does not track need not wait for its import

    return engine.needs_compile()


def compile_kernels(say: Callable[[str], object]) -> None:
    """Compile what is not compiled yet, also what this clip will not need: the next one may. It is told before."""
    if needs_compile():
        from . import engine

        say("compiling the engine's kernels, once on this machine")
        engine.warm(say)


def using_threads(count: int | None) -> AbstractContextManager[None]:
    """Inside, the engine uses so many threads; None: all cores."""
    from .engine.threads import use_threads  # numba again

    return use_threads(count)
