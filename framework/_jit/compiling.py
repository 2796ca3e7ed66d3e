"""From a function to its part or whole, by numba's front end without what kernels do not need."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from numba import types
from numba.core import compiler, typed_passes, untyped_passes
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.registry import cpu_target

from framework._jit.linking import Part

OPTIONS: Final = {"nopython": True, "nogil": True, "error_model": "numpy", "boundscheck": None}


class _Flags(compiler.Flags):  # type: ignore[misc]
    """Flags that stay as they are: numba compared two sets of them 60,000 times by value."""

    __slots__ = ()
    __hash__ = object.__hash__
    __eq__ = object.__eq__

    def copy(self) -> _Flags:
        """Return itself."""
        return self


def _flags(*, python: bool, c: bool) -> _Flags:
    """Return the flags of code that Python, C or neither can call."""
    flags = _Flags()
    cpu_target.options.parse_as_flags(flags, OPTIONS)
    flags.no_cpython_wrapper = not python
    flags.no_cfunc_wrapper = not c
    flags.no_compile = not python  # parts are never emitted, an entry only with its wrapper
    return flags


_NEEDLESS: Final = {
    typed_passes.NopythonRewrites,
    untyped_passes.FindLiterallyCalls,
    untyped_passes.InlineClosureLikes,
    untyped_passes.InlineInlinables,
    untyped_passes.LiteralPropagationSubPipelinePass,
    untyped_passes.LiteralUnroll,
    untyped_passes.MakeFunctionToJitFunction,
    untyped_passes.WithLifting,
}


class _Pipeline(compiler.CompilerBase):  # type: ignore[misc]
    """numba's passes without those for closures, literals and whole-array expressions.

    Each walks through the whole function, whether it has what the pass is for or not.
    """

    def define_pipelines(self) -> list[Any]:
        """Return the one sequence of passes."""
        manager = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        chosen = compiler.PassManager("kernel")
        for step, told in manager.passes:
            if step not in _NEEDLESS:
                chosen.add_pass(step, told)
        chosen.finalize()
        return [chosen]


class Compiler(_FunctionCompiler):  # type: ignore[misc]
    """Compile a function as a part or as a whole."""

    def __init__(self, plain: Any, library: type, flags: _Flags) -> None:
        self.__dict__.update(plain.__dict__, _failed_cache={})  # all it knows of the function
        self._library = library
        self._flags = flags

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        typing, target = cpu_target.typing_context, cpu_target.target_context
        library = self._library(target.codegen(), self.py_func.__qualname__)
        library.enable_object_caching()
        with _quick(typing, target):
            return compiler.compile_extra(
                typing,
                target,
                self.py_func,
                args=args,
                return_type=return_type,
                flags=self._flags,
                locals=self.locals,
                library=library,
                pipeline_class=_Pipeline,
            )


@contextmanager
def _quick(typing: Any, target: Any) -> Iterator[None]:
    """Compile what numba adds as parts too, and spare it what it does over and over.

    While one thread compiles, numba's lock keeps all others out. A fifth of the time went into
    garbage collection, looking for new declarations, and finding the types of ``int + int``.
    """
    codegen = target.codegen()
    if codegen._library_class is Part:
        yield
        return
    target.refresh()
    registries = list(target._registries)
    known: dict[Any, Any] = {}
    resolve = typing.resolve_function_type

    def resolve_once(func: Any, args: Any, kws: Any) -> Any:
        if not isinstance(func, types.Function):
            return resolve(func, args, kws)
        key = func, tuple(args), tuple(kws.items())
        found = known.get(key)
        if found is None:
            found = known[key] = resolve(func, args, kws)
        return found

    def install() -> None:
        for registry in registries:
            target.install_registry(registry)

    collecting = gc.isenabled()
    library_class = codegen._library_class
    codegen._library_class = Part
    typing.resolve_function_type = resolve_once
    target.load_additional_registries = install
    gc.disable()
    try:
        yield
    finally:
        codegen._library_class = library_class
        del typing.resolve_function_type, target.load_additional_registries
        if collecting:
            gc.enable()


FOR_KERNELS: Final = _flags(python=False, c=False)
FOR_PYTHON: Final = _flags(python=True, c=False)
FOR_C: Final = _flags(python=False, c=True)
