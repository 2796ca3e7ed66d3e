"""The one place that touches numba: decorator, disk cache, and the intrinsics kernels need.

numba keys a cached function by its own file only, so editing a kernel would leave its callers'
cached code stale and silently wrong. Every kernel is therefore cached in a folder named by the
hash of all kernel sources and of the versions that compile them: any change starts a new folder.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import llvmlite
import numba
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

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


def kernel(function: _F) -> _F:
    """Compile a function to machine code at its first call, and cache it on disk.

    IEEE arithmetic is kept (no fastmath) so that results do not depend on the compiler's mood;
    division by zero gives inf or nan as in NumPy. The GIL is released while a kernel runs.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(CACHE_DIR)
    try:
        compiled = njit(cache=True, nogil=True, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled  # type: ignore[no-any-return]


@intrinsic
def leading_zeros(typingctx: Any, word: Any) -> Any:
    """Count the zero bits above the highest set bit of a uint64 (64 where none is set)."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), codegen


@intrinsic
def _void_pointer(typingctx: Any, address: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], cgutils.voidptr_t)

    return types.voidptr(types.int64), codegen


@njit(inline="always")  # type: ignore[untyped-decorator]
def array_at(address: int, length: int, dtype: Any) -> Any:
    """View the memory at an address as an array of shape ``(length,)``.

    A kernel entered once per wake-up takes one array of addresses instead of dozens of arrays:
    unpacking an array argument costs Python about 0.1 µs, this costs nothing.
    """
    return numba.carray(_void_pointer(address), (length,), dtype)
