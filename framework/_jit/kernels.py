"""Kernels and entries: functions compiled to machine code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

from numba import types
from numba.core import sigutils
from numba.core.ccallback import CFunc
from numba.core.errors import NumbaError
from numba.core.registry import CPUDispatcher
from numba.core.typing import make_concrete_template

from framework._jit.cache import DiskCache, cached_here
from framework._jit.compiling import FOR_C, FOR_KERNELS, FOR_PYTHON, OPTIONS, Compiler
from framework._jit.linking import Part, Whole

_F = TypeVar("_F", bound=Callable[..., Any])

CompilationError: Final[type[Exception]] = NumbaError
"""What is raised where a function is outside the subset of Python that compiles."""


class _Kernel(CPUDispatcher):  # type: ignore[misc]
    """A compiled function: a whole to Python, a part to other kernels."""

    _cache: Any
    _compiler: Any

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function, targetoptions=OPTIONS)
        self._compiler = Compiler(self._compiler, Whole, FOR_PYTHON)
        self._part_compiler = Compiler(self._compiler, Part, FOR_KERNELS)
        self._parts: dict[Any, Any] = {}

    def compile(self, sig: Any) -> Any:
        """Compile the whole for Python, or load it."""
        if not isinstance(self._cache, DiskCache):
            with cached_here():
                self._cache = DiskCache(self.py_func)
        return super().compile(sig)

    def get_call_template(self, args: Any, kws: Any) -> Any:
        """Return the type of a call from another kernel.

        numba types a constant argument as that very constant; with dozens of call sites this
        doubled the kernels and the time to compile them. One version serves all integers.
        """
        kws = {name: types.unliteral(kind) for name, kind in kws.items()}
        args = tuple(types.unliteral(kind) for kind in args)
        pysig, args = self._compiler.fold_argument_types(args, kws)
        args = tuple(args)
        if args not in self._parts:
            with self._compiling_counter:
                part = self._part_compiler.compile(args, None)
            self.targetctx.insert_user_function(part.library, part.fndesc, [part.library])
            self._parts[args] = part
        name = self.py_func.__name__
        signatures = [part.signature for part in self._parts.values()]
        template = make_concrete_template(f"CallTemplate({name})", key=name, signatures=signatures)
        return template, pysig, args, {}

    def get_overload(self, sig: Any) -> Any:
        """Return the part for a call from another kernel."""
        args, _ = sigutils.normalize_signature(sig)
        return self._parts[tuple(args)].library


def kernel(function: _F) -> _F:
    """Compile a function to machine code at its first call, and cache it on disk.

    IEEE arithmetic is kept (no fastmath) so that results do not depend on the compiler's mood;
    division by zero gives inf or nan as in NumPy. The GIL is released while a kernel runs.
    """
    return cast("_F", _Kernel(function))


def entry(function: Callable[[int, int], int]) -> int:
    """Compile a function of two addresses now, and return the address of its machine code.

    The loop calls it with `call_entry`; unlike a function handed to a kernel as an argument, an
    address leaves the kernel's own cached code as it is.
    """
    signature = sigutils.normalize_signature("intp(intp, intp)")
    compiled: Any = CFunc(function, signature, {}, {})
    compiled._compiler = Compiler(compiled._compiler, Whole, FOR_C)
    with cached_here():
        compiled._cache = DiskCache(function)
    compiled.compile()
    _entries.append(compiled)  # the code lives as long as its owner
    return int(compiled.address)


_entries: list[Any] = []
