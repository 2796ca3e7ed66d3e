"""Kernels: parts that are linked, wholes that are compiled once, and what is kept on disk."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numba
import numpy as np
import pytest
from numba import types
from numba.core.registry import cpu_target

from framework import _jit
from framework._jit import CACHE_DIR, CompilationError, array_at, cold, entry, kernel, leading_zeros

_CHECKOUT = Path(__file__).resolve().parents[2]


@kernel
def _twice(x: int) -> int:
    return 2 * x


@kernel
def _rarely(x: int) -> int:
    cold()
    return _twice(x) + max(x, 7)


@kernel
def _sum_to(values: np.ndarray, n: int = 3) -> int:
    total = 0
    for i in range(min(n, values.size)):
        total += _twice(values[i])
    return total + _rarely(1)


@kernel
def _first_word(address: int) -> int:
    return array_at(address, 1, np.int64)[0]


@kernel
def _uses_text(x: int) -> int:
    return x + "no number"  # type: ignore[operator]


@kernel
def _calls_it(x: int) -> int:
    return _uses_text(x)


def test_a_kernel_does_the_same_called_from_python_and_from_a_kernel() -> None:
    values = np.arange(5)
    assert _twice(4) == 8
    assert _sum_to(values) == 2 * (0 + 1 + 2) + 2 + 7
    assert _sum_to(values, 5) == 2 * 10 + 2 + 7


def test_a_kernel_called_with_constants_has_one_version() -> None:
    # As another kernel calls it: that compiles it even where its code is on disk.
    _sum_to.get_call_template((types.int64[::1],), {})
    assert [str(part.signature.args) for part in _twice._parts.values()] == ["(int64,)"]


def test_only_what_python_enters_is_kept_on_disk() -> None:
    _sum_to(np.arange(5))
    kept = {path.name.split("-")[0] for path in CACHE_DIR.glob("unit_*/*.nbi")}
    assert "test_jit._sum_to" in kept
    assert "test_jit._rarely" not in kept
    assert _jit.is_cached(_sum_to)
    assert not _jit.is_cached(_rarely)


def test_a_function_compiled_by_numba_itself_may_call_a_kernel() -> None:
    _sum_to(np.arange(5))

    @numba.njit
    def outside(values: np.ndarray) -> int:
        return _sum_to(values) + min(3, values.size) + np.searchsorted(values, 2)

    assert outside(np.arange(5)) == _sum_to(np.arange(5)) + 3 + 2


def test_what_is_not_compilable_is_told_and_numba_left_as_it_was() -> None:
    codegen = cpu_target.target_context.codegen()
    before = codegen._library_class
    for _ in range(2):
        with pytest.raises(CompilationError, match=r"unicode_type|no number"):
            _calls_it(1)
    assert codegen._library_class is before
    assert "resolve_function_type" not in vars(cpu_target.typing_context)
    assert "load_additional_registries" not in vars(cpu_target.target_context)
    assert gc.isenabled()


def test_an_entry_is_called_by_address() -> None:
    @entry
    def add(first: int, second: int) -> int:
        return _twice(first) + _first_word(second)

    word = np.array([5])

    @kernel
    def call(address: int, first: int, second: int) -> int:
        return _jit.call_entry(address, first, second)

    assert call(add, 4, word.ctypes.data) == 13


def test_leading_zeros() -> None:
    @kernel
    def zeros(word: int) -> int:
        return leading_zeros(np.uint64(word))

    assert [zeros(word) for word in (0, 1, 2**40)] == [64, 63, 23]


def test_a_second_process_compiles_nothing(tmp_path: Path) -> None:
    assert [_in_a_process(tmp_path) for _ in range(2)] == ["True 0 1", "True 1 0"]


def test_loading_does_not_get_the_compiler_ready(tmp_path: Path) -> None:
    _in_a_process(tmp_path)
    ready = "'numba.np.linalg' in sys.modules"
    assert _in_a_process(tmp_path, "import sys", ready) == "True 1 0 False"


def _in_a_process(cache: Path, first: str = "", then: str = "''") -> str:
    """Call a kernel; tell what it returned and how often it was loaded and compiled."""
    program = (
        f"{first}\n"
        "from framework.book.queue_l3 import OrderQueues, has_room\n"
        "returned, stats = has_room(OrderQueues().handle), has_room.stats\n"
        "calls = (stats.cache_hits, stats.cache_misses)\n"
        f"print(returned, *(sum(count.values()) for count in calls), {then})\n"
    )
    environment = dict(os.environ, PYTHONPATH=str(_CHECKOUT), CROSSBOOK_CACHE_DIR=str(cache))
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def test_what_is_compiled_into_kernels_counts_as_their_source() -> None:
    """Layouts and constants stand in files without a kernel, and a change of them must be seen."""
    root = _CHECKOUT / "framework"
    sources = {str(path.relative_to(root)) for path in _jit.kernel_sources()}
    assert {"engine/loop.py", "venue/records.py", "core/orders.py"} <= sources
    assert "lake/ingest.py" not in sources
