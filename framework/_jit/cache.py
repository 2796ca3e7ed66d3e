"""Where machine code is kept: one folder for each state of the sources it was compiled from.

numba keys a cached function by its own file only, so editing a kernel would leave its callers'
cached code stale and silently wrong. Every kernel is therefore cached in a folder named by the
hash of all sources that kernels are compiled from and of the versions that compile them: any
change starts a new folder.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import llvmlite
import numba
import numpy as np
from numba.core.caching import FunctionCache
from numba.core.runtime import rtsys

_settings: Any = numba.config  # fills its attributes at run time
_ROOT: Final = Path(__file__).resolve().parents[1]
_IMPORT: Final = re.compile(
    rb"^[ \t]*(?:from|import) (framework[\w.]*)(?: import ([^#\n]+|\([^)]*\)))?", re.M
)
_NAME: Final = re.compile(rb"\w+")


def _imported(source: bytes) -> Iterator[str]:
    for module, names in _IMPORT.findall(source):
        yield module.decode()
        yield from (f"{module.decode()}.{name.decode()}" for name in _NAME.findall(names))


def kernel_sources() -> list[Path]:
    """List the files that machine code may depend on: those with kernels and all they import.

    Layouts of records and values of constants stand in files without a kernel, and are compiled in.
    """
    paths = {
        ".".join(("framework", *path.relative_to(_ROOT).with_suffix("").parts)).removesuffix(
            ".__init__"
        ): path
        for path in _ROOT.rglob("*.py")
    }
    sources = {name: path.read_bytes() for name, path in paths.items()}
    found: set[str] = set()
    ahead = [name for name, source in sources.items() if b"framework._jit" in source]
    while ahead:
        name = ahead.pop()
        if name in sources and name not in found:
            found.add(name)
            ahead += _imported(sources[name])
    return sorted(paths[name] for name in found)


def _sources_hash() -> str:
    digest = hashlib.sha256()
    versions = (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version())
    digest.update(repr(versions).encode())
    for path in kernel_sources():
        digest.update(str(path.relative_to(_ROOT)).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _cache_home() -> Path:
    configured = os.environ.get("CROSSBOOK_CACHE_DIR")
    if configured:
        return Path(configured)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "crossbook"


CACHE_DIR: Final = _cache_home() / "kernels" / _sources_hash()
"""Where compiled kernels are kept; set CROSSBOOK_CACHE_DIR to move it."""


@contextmanager
def cached_here() -> Iterator[None]:
    """Let numba keep what is declared within in our folder."""
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


class DiskCache(FunctionCache):  # type: ignore[misc]
    """numba's disk cache, without getting its compiler ready first.

    To load machine code numba would declare all it can compile, SciPy imported for it: most of
    the time between a process's start and its first result.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what is kept for a signature, None where there is nothing."""
        # Kernels that allocate call through pointers that numba sets when it first compiles.
        rtsys.initialize(target_context)
        with self._guard_against_spurious_io_errors():
            return self._load_overload(sig, target_context)
