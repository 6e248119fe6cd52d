"""Compiling ahead of time, in two processes that share a cache. The suite's own is warm: hardly anything compiles."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
from llvmlite.binding import Linkage

from cinematic.tracking.engine import alignment, compiler, needs_compile, step, warm

module = importlib.import_module("cinematic.tracking.engine.warm")  # the package has the function under this name


def compiled_so_far() -> int:
    return sum(sum(kernel.stats.cache_misses.values()) for kernel in compiler.kernels)


def test_warm_leaves_nothing_to_compile() -> None:
    warm()
    assert not needs_compile()


def test_the_halves_compile_what_tracking_uses_and_nothing_else() -> None:
    warm()
    before = compiled_so_far()
    module.compile_moving()
    module.compile_the_rest()
    assert compiled_so_far() == before
    for kernel in (step._scratch, step._look_back, step._reason_to_doubt, alignment.window_for):
        assert len({signature for signature, *_ in kernel._cache._cache_file._load_index()}) == 1, kernel


def test_the_other_process_finds_the_package_and_is_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    with module._other_process(said.append):
        pass
    assert said == []
    assert capfd.readouterr() == ("", "")


def test_a_failure_of_the_other_process_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OTHER", "raise MemoryError('no room')")
    with pytest.warns(RuntimeWarning, match="has failed: MemoryError: no room"), module._other_process(module._warn):
        pass


def test_no_other_process_is_said_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    said: list[str] = []
    with module._other_process(said.append):
        pass
    assert len(said) == 1
    assert "No such file" in said[0]


def test_the_other_process_does_not_outlive_an_error_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_OTHER", "import time; time.sleep(600)")
    with pytest.raises(KeyboardInterrupt), module._other_process(module._warn):
        raise KeyboardInterrupt


def test_an_index_never_tells_of_code_that_older_sources_have_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise InterruptedError

    older = compiler._CacheFile(str(tmp_path), "kernel", "older sources")
    older.save("signature", "older code")
    assert older.load("signature") == "older code"
    newer = compiler._CacheFile(str(tmp_path), "kernel", "newer sources")
    monkeypatch.setattr(newer, "_save_data", interrupted)
    with pytest.raises(InterruptedError):
        newer.save("signature", "newer code")
    assert newer.load("signature") is None
    monkeypatch.undo()
    newer.save("signature", "newer code")
    newer.save("another", "code for it")
    assert (newer.load("signature"), newer.load("another")) == ("newer code", "code for it")


def test_without_a_place_for_a_cache_each_process_compiles_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "kernels", [])
    names: dict = {}
    exec("def double(x): return 2 * x", names)  # numba finds no file of it, beside which it could put anything
    double = compiler.kernel(names["double"])
    assert double(4) == 8
    assert not compiler.has_folder(double)


def test_a_kernel_calls_no_other_kernels_version_of_an_inner_one() -> None:
    """Else what a process loads first would decide how sums are added up."""

    @compiler.inner_kernel
    def inner(numbers):  # type: ignore[no-untyped-def]
        total = np.float32(0)
        for k in range(numbers.shape[0]):
            total += numbers[k]
        return total

    @compiler.kernel
    def outer(numbers):  # type: ignore[no-untyped-def]
        return inner(numbers) + inner(numbers[1:])

    try:
        assert outer(np.ones(3, np.float32)) == 5
        functions = outer.overloads[outer.signatures[0]].library._final_module.functions
        assert not [function.name for function in functions if function.linkage == Linkage.linkonce_odr]
    finally:
        del compiler.kernels[-2:]
