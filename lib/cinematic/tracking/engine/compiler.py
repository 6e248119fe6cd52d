"""How the kernels are compiled: one place for the flags, and where machine code is kept.

Kernels are private ``@kernel`` functions. They take arrays that a public wrapper has checked, they never raise, they
release the GIL (see :mod:`.threads`), and each track is computed by one thread alone: the same numbers come out
whatever the number of threads.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite.binding import Linkage
from numba.core.caching import IndexDataCacheFile
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler

# Sums may be reordered (that is what lets LLVM vectorise them; the order is fixed once compiled), but NaN and
# infinity keep their meaning: every bounds check relies on a comparison with NaN being false.
_FASTMATH = {"contract", "reassoc", "nsz", "arcp"}

kernels: list[Any] = []  # every one that has been declared, in that order

# numba takes a cached kernel for valid as long as the kernel's OWN file is unchanged, but kernels of other files are
# compiled into it. So the stamp that it compares is made one of the whole folder.
_SOURCES = tuple(
    (file.name, file.stat().st_mtime, file.stat().st_size) for file in sorted(Path(__file__).parent.glob("*.py"))
)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile a function to machine code, cached on disk."""
    return _compiled(function, no_cpython_wrapper=False, pipeline_class=_KernelCompiler)


def inner_kernel(function: Callable[..., Any]) -> Any:
    """The same for what only kernels call: optimised as part of these only, and without a wrapper for Python."""
    return _compiled(function, no_cpython_wrapper=True, pipeline_class=_InnerCompiler)


class _OwnLibrary(JITCodeLibrary):
    """The machine code of a kernel, which holds that of all it calls as its own.

    numba shares these: of several kernels' versions of an inner one, each optimised in its own surroundings, all use
    the one that a process has loaded first. Sums then depend in their last bits on what was used, or compiled, first.
    """

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
        super()._optimize_final_module()


class _PlainLibrary(JITCodeLibrary):
    """What only kernels call is not optimised by itself: it is again, as part of each kernel, when that is optimised.

    A numba that calls this otherwise takes longer to compile, and no more.
    """

    def _optimize_final_module(self) -> None:
        pass


class _KernelCompiler(Compiler):
    """numba's, into a library of our own."""

    library: type[JITCodeLibrary] = _OwnLibrary

    def compile_extra(self, func: Any) -> Any:
        self.state.library = self.library(self.state.targetctx.codegen(), func.__qualname__)
        self.state.library.enable_object_caching()
        return super().compile_extra(func)


class _InnerCompiler(_KernelCompiler):
    library = _PlainLibrary


def _compiled(function: Callable[..., Any], **options: Any) -> Any:
    jit: Any = numba.njit  # its type does not know all options
    compiled = jit(fastmath=_FASTMATH, error_model="numpy", nogil=True, no_cfunc_wrapper=True, **options)(function)
    _cache_on_disk(compiled)
    kernels.append(compiled)
    return compiled


def _cache_on_disk(compiled: Any) -> None:
    try:
        compiled.enable_caching()
    except RuntimeError:  # no folder for it can be written: every process compiles for itself
        return
    cache = compiled._cache
    # Types that a kernel takes are noted by their modules' names, which the other import root does not find.
    name = f"{__package__}.{cache._impl.filename_base}"
    cache._cache_file = _CacheFile(cache.cache_path, name, _SOURCES)


class _CacheFile(IndexDataCacheFile):
    """numba's, for processes that write at once."""

    def save(self, key: Any, data: Any) -> None:
        """Write the machine code first, and then the index that tells of it.

        numba writes the index first: until the code follows, another process takes for it what older sources have left.
        """
        index = self._load_index()
        taken = set(index.values())
        name = index.get(key) or next(name for name in map(self._data_name, itertools.count(1)) if name not in taken)
        self._save_data(name, data)
        self._save_index({**index, key: name})


def has_folder(compiled: Any) -> bool:
    """Whether what one process compiles of it is there for others: some folder for it can be written."""
    return compiled._cache.cache_path is not None


def is_cached(compiled: Any) -> bool:
    """Whether it is compiled, or on disk as its sources stand; where the index there cannot be read: no."""
    if compiled.signatures:
        return True
    try:  # numba has no public way to ask; a numba that differs here only makes the answer "yes, it compiles"
        machine = compiled.targetctx.codegen().magic_tuple()
        return any(key[1] == machine for key in compiled._cache._cache_file._load_index())
    except Exception:
        return False
