"""The one place that touches numba: decorator, disk cache, and the intrinsics kernels need.

numba keys a cached function by its own file only, so editing a kernel would leave its callers'
cached code stale and silently wrong. Every kernel is therefore cached in a folder named by the
hash of all kernel sources and of the versions that compile them: any change starts a new folder.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import llvmlite
import numba
import numpy as np
from llvmlite import ir
from numba import cfunc, njit, types
from numba.core import cgutils
from numba.core.errors import NumbaError
from numba.extending import intrinsic
from numba.np import arrayobj

_settings: Any = numba.config  # fills its attributes at run time
_F = TypeVar("_F", bound=Callable[..., Any])
_ROOT: Final = Path(__file__).resolve().parent


def _sources_hash() -> str:
    digest = hashlib.sha256()
    versions = (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version())
    digest.update(repr(versions).encode())
    for path in sorted(_ROOT.rglob("*.py")):
        source = path.read_bytes()
        if b"framework._jit" in source or path.name == "_jit.py":
            digest.update(str(path.relative_to(_ROOT)).encode())
            digest.update(source)
    return digest.hexdigest()[:16]


def _cache_home() -> Path:
    configured = os.environ.get("CROSSBOOK_CACHE_DIR")
    if configured:
        return Path(configured)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crossbook"


CACHE_DIR: Final = _cache_home() / "kernels" / _sources_hash()
"""Where compiled kernels are kept; set CROSSBOOK_CACHE_DIR to move it."""

CompilationError: Final[type[Exception]] = NumbaError
"""What is raised where a function is outside the subset of Python that compiles."""


@contextmanager
def _cached_here() -> Iterator[None]:
    before = _settings.CACHE_DIR
    _settings.CACHE_DIR = str(CACHE_DIR)
    try:
        yield
    finally:
        _settings.CACHE_DIR = before


def is_cached(function: Callable[..., Any]) -> bool:
    """Tell whether a kernel's machine code is on disk, so that its first call need not compile."""
    plain = inspect.unwrap(function)
    stem = Path(plain.__code__.co_filename).stem
    return any(CACHE_DIR.glob(f"*/{stem}.{plain.__qualname__}-*.nbi"))


def kernel(function: _F) -> _F:
    """Compile a function to machine code at its first call, and cache it on disk.

    IEEE arithmetic is kept (no fastmath) so that results do not depend on the compiler's mood;
    division by zero gives inf or nan as in NumPy. The GIL is released while a kernel runs.
    """
    with _cached_here():
        compiled = njit(cache=True, nogil=True, error_model="numpy")(function)
    _widen_literals(compiled)
    return cast("_F", compiled)


def _widen_literals(compiled: Any) -> None:
    """Compile one version of a kernel for all integers instead of one for every constant passed.

    numba types a constant argument as that very constant; with dozens of call sites this doubled
    the kernels and the time to compile them.
    """
    resolve = compiled.get_call_template

    def resolve_widened(args: Any, kws: Any) -> Any:
        wide = {name: types.unliteral(kind) for name, kind in kws.items()}
        return resolve(tuple(types.unliteral(kind) for kind in args), wide)

    compiled.get_call_template = resolve_widened


def entry(function: Callable[[int, int], int]) -> int:
    """Compile a function of two addresses now, and return the address of its machine code.

    The loop calls it with `call_entry`; unlike a function handed to a kernel as an argument, an
    address leaves the kernel's own cached code as it is.
    """
    with _cached_here():
        compiled = cfunc("intp(intp, intp)", cache=True, error_model="numpy")(function)
    _entries.append(compiled)  # the code lives as long as its owner
    return int(compiled.address)


_entries: list[Any] = []


@intrinsic
def _call_entry(typingctx: Any, address: Any, first: Any, second: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        word = args[0].type
        kind = ir.FunctionType(word, [word, word])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1], args[2]])

    return types.intp(types.intp, types.intp, types.intp), codegen


call_entry: Final = cast("Callable[[int, int, int], int]", _call_entry)
"""Call an `entry` from a kernel: ``call_entry(address, first, second)``."""


@intrinsic
def _leading_zeros(typingctx: Any, word: Any) -> Any:

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@intrinsic
def _cold(typingctx: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("noinline")
        return context.get_dummy_value()

    return types.none(), codegen


@intrinsic
def _array_at(typingctx: Any, address: Any, length: Any, dtype: Any) -> Any:
    kind = types.Array(dtype.dtype, 1, "C")

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        item = context.get_abi_sizeof(context.get_data_type(dtype.dtype))
        itemsize = context.get_constant(types.intp, item)
        array = context.make_array(kind)(context, builder)
        data = builder.inttoptr(args[0], array.data.type)
        shape = cgutils.pack_array(builder, [args[1]])
        strides = cgutils.pack_array(builder, [itemsize])
        arrayobj.populate_array(array, data, shape, strides, itemsize, meminfo=None)
        return array._getvalue()

    return kind(types.intp, types.intp, dtype), codegen


leading_zeros: Final = cast("Callable[[Any], int]", _leading_zeros)
"""Count the zero bits above the highest set bit of a uint64 (64 where none is set)."""

cold: Final = cast("Callable[[], None]", _cold)
"""Keep the calling kernel's code out of its callers': ``cold()`` as its first statement.

For what happens rarely next to the events around it: the hot loop stays small, and compiling it
takes a third of the time.
"""

array_at: Final = cast("Callable[[int, int, Any], Any]", _array_at)
"""View memory as an array: ``array_at(address, length, dtype)``.

A kernel entered once per wake-up takes one array of addresses instead of dozens of arrays:
unpacking an array argument costs Python about 0.1 µs, this costs nothing.
"""
