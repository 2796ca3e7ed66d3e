"""The one place that touches numba: decorator, disk cache, and the intrinsics kernels need.

numba keys a cached function by its own file only, so editing a kernel would leave its callers'
cached code stale and silently wrong. Every kernel is therefore cached in a folder named by the
hash of all sources that kernels are compiled from and of the versions that compile them: any
change starts a new folder.

numba also optimises and emits every function on its own, and again inside each of its callers.
Here a kernel that others call stays as the front end left it, a *part*. Only what Python or a
strategy enters becomes machine code, linked with all its parts and optimised once.
"""

from __future__ import annotations

import gc
import hashlib
import inspect
import operator
import os
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import llvmlite
import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import (
    cgutils,
    compiler,
    environment,
    sigutils,
    typed_passes,
    untyped_passes,
)
from numba.core.caching import FunctionCache
from numba.core.ccallback import CFunc
from numba.core.codegen import JITCodeLibrary
from numba.core.datamodel.models import ArrayModel
from numba.core.dispatcher import _FunctionCompiler  # type: ignore[attr-defined]
from numba.core.errors import NumbaError
from numba.core.registry import CPUDispatcher, cpu_target
from numba.core.runtime import rtsys
from numba.core.typing import make_concrete_template
from numba.extending import intrinsic, lower_builtin, register_model
from numba.np import arrayobj

_settings: Any = numba.config  # fills its attributes at run time
_F = TypeVar("_F", bound=Callable[..., Any])
_ROOT: Final = Path(__file__).resolve().parent
_OPTIONS: Final = {"nopython": True, "nogil": True, "error_model": "numpy", "boundscheck": None}
_IMPORT: Final = re.compile(
    rb"^[ \t]*(?:from|import) (framework[\w.]*)(?: import ([^#\n]+|\([^)]*\)))?", re.M
)
_NAME: Final = re.compile(rb"\w+")
_ENVIRONMENT: Final = "_ZN08NumbaEnv"  # how numba begins the name of a function's environment


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


class _Part(JITCodeLibrary):  # type: ignore[misc]
    """Code that is only ever called by other code: never optimised nor emitted on its own."""

    _shared_module: Any = None

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, name: str, env: Any) -> None:
        """Do nothing: there is no code yet to tell of its environment."""

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, as for any function without machine code."""
        return 0

    def add_linking_library(self, library: Any) -> None:
        """Note a library that this one calls."""
        self._linking_libraries.append(library)

    def add_ir_module(self, ir_module: Any) -> None:
        """Take a module, unless it only lets Python or C call this code."""
        if ir_module.name not in ("wrapper", "cfunc_wrapper"):
            super().add_ir_module(ir_module)

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Let other libraries link this one."""
        self._finalized = True

    def own_module(self) -> Any:
        """Return this part's code alone, to be dropped where every call of it is inlined."""
        module = self._final_module
        for group in (module.functions, module.global_variables):
            for value in group:
                shared = value.linkage in (llvm.Linkage.external, llvm.Linkage.common)
                if shared and not value.is_declaration:
                    value.linkage = "linkonce_odr"
        return module

    def _get_module_for_linking(self) -> Any:
        """Return this part's code with all it calls, for a function compiled by numba itself."""
        if self._shared_module is None:
            self._shared_module = self.own_module().clone()
            _link(self._shared_module, self._linking_libraries)
        return self._shared_module


class _Whole(JITCodeLibrary):  # type: ignore[misc]
    """Code that Python or a strategy enters, with every part it calls, optimised together."""

    def add_linking_library(self, library: Any) -> None:
        """Note a library that this one calls."""
        self._linking_libraries.append(library)

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Link all parts, optimise and make machine code."""
        self._codegen._check_llvm_bugs()
        _link(self._final_module, self._linking_libraries)
        passes, builder = self._codegen._module_pass_manager()
        passes.run(self._final_module, builder)
        self._final_module.verify()
        self._finalize_final_module()
        for variable in self._final_module.global_variables:
            env = environment.lookup_environment(variable.name)
            if env is not None:
                self._codegen.set_env(variable.name, env)

    def serialize_using_object_code(self) -> Any:
        """Keep the machine code and the names it defines: nothing is ever linked with it again."""
        module = self._final_module
        defined = [value.name for value in module.functions if not value.is_declaration]
        stubs = "".join(f'define void @"{name}"() {{ ret void }}\n' for name in defined)
        names = llvm.parse_assembly(f'target triple = "{module.triple}"\n{stubs}')
        return self.name, "object", (self._get_compiled_object(), names.as_bitcode())


def _link(module: Any, libraries: list[Any]) -> None:
    """Link libraries and all they call into a module, each once."""
    seen: set[Any] = set()
    waiting = list(reversed(libraries))
    while waiting:
        library = waiting.pop()
        if library in seen:
            continue
        seen.add(library)
        if isinstance(library, _Part):
            module.link_in(library.own_module(), preserve=True)
            waiting += reversed(library._linking_libraries)
        else:
            library._ensure_finalized()
            module.link_in(library._get_module_for_linking(), preserve=True)


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
    cpu_target.options.parse_as_flags(flags, _OPTIONS)
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


class _Compiler(_FunctionCompiler):  # type: ignore[misc]
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
    if codegen._library_class is _Part:
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
    codegen._library_class = _Part
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


_PART: Final = _flags(python=False, c=False)
_FOR_PYTHON: Final = _flags(python=True, c=False)
_FOR_C: Final = _flags(python=False, c=True)


class _Cache(FunctionCache):  # type: ignore[misc]
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


class _Kernel(CPUDispatcher):  # type: ignore[misc]
    """A compiled function: a whole to Python, a part to other kernels."""

    _cache: Any
    _compiler: Any

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function, targetoptions=_OPTIONS)
        self._compiler = _Compiler(self._compiler, _Whole, _FOR_PYTHON)
        self._part_compiler = _Compiler(self._compiler, _Part, _PART)
        self._parts: dict[Any, Any] = {}

    def compile(self, sig: Any) -> Any:
        """Compile the whole for Python, or load it."""
        if not isinstance(self._cache, _Cache):
            with _cached_here():
                self._cache = _Cache(self.py_func)
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
    compiled._compiler = _Compiler(compiled._compiler, _Whole, _FOR_C)
    with _cached_here():
        compiled._cache = _Cache(function)
    compiled.compile()
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
def _call_python(typingctx: Any, callee: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        nothing, state = ir.VoidType(), ir.IntType(32)
        an_object = ir.IntType(8).as_pointer()

        def call(name: str, result: Any, *given: Any) -> Any:
            kind = ir.FunctionType(result, [one.type for one in given])
            function = cgutils.get_or_insert_function(builder.module, kind, name)
            return builder.call(function, given)

        held = call("PyGILState_Ensure", state)
        answer = call("PyObject_CallNoArgs", an_object, builder.inttoptr(args[0], an_object))
        call("Py_DecRef", nothing, answer)
        call("PyGILState_Release", nothing, held)
        return context.get_dummy_value()

    return types.none(types.intp), codegen


call_python: Final = cast("Callable[[int], None]", _call_python)
"""Call a Python function without arguments from a kernel: ``call_python(id(function))``.

A tenth of what leaving the kernel and entering it again costs. The function must be alive, and must
not raise: there is nobody to tell.
"""


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


class _Lent(types.Array):  # type: ignore[misc]
    """An array of memory that somebody else owns: its references are not counted.

    Counting took a quarter of the loop's time: each count is a call, and around a call the compiler
    must read again what it had at hand.
    """

    def __init__(self, dtype: Any) -> None:
        super().__init__(dtype, 1, "C", name=f"lent({dtype})")


@register_model(_Lent)
class _LentModel(ArrayModel):  # type: ignore[misc]
    """Laid out like any array, but nothing in it is counted."""

    def contains_nrt_meminfo(self) -> bool:
        return False

    def has_nrt_meminfo(self) -> bool:
        return False

    def get_nrt_meminfo(self, builder: Any, value: Any) -> None:
        return None

    def traverse(self, builder: Any) -> list[Any]:
        return []


def _item_of(context: Any, builder: Any, kind: _Lent, array: Any, index: Any, place: Any) -> Any:
    lent = context.make_array(kind)(context, builder, array)
    at = [context.cast(builder, place, index, types.intp)]
    return cgutils.get_item_pointer(context, builder, kind, lent, at, wraparound=False)


@lower_builtin(operator.getitem, _Lent, types.Integer)
def _read_item(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Read one item: places are never negative, so none is looked at for that."""
    kind, index = signature.args
    return arrayobj.load_item(
        context, builder, kind, _item_of(context, builder, kind, args[0], index, args[1])
    )


@lower_builtin(operator.setitem, _Lent, types.Integer, types.Any)
def _write_item(context: Any, builder: Any, signature: Any, args: Any) -> None:
    """Write one item."""
    kind, index, given = signature.args
    value = context.cast(builder, args[2], given, kind.dtype)
    item = _item_of(context, builder, kind, args[0], index, args[1])
    arrayobj.store_item(context, builder, kind, value, item)


@intrinsic
def _hot(typingctx: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.none(), codegen


@intrinsic
def _array_at(typingctx: Any, address: Any, length: Any, dtype: Any) -> Any:
    kind = _Lent(dtype.dtype)

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

hot: Final = cast("Callable[[], None]", _hot)
"""Put the calling kernel's code into each of its callers: ``hot()`` as its first statement.

For what the loop does at every event and the compiler finds too long to repeat.
"""

array_at: Final = cast("Callable[[int, int, Any], Any]", _array_at)
"""View memory as an array: ``array_at(address, length, dtype)``.

A kernel entered once per wake-up takes one array of addresses instead of dozens of arrays:
unpacking an array argument costs Python about 0.1 µs, this costs nothing.
"""
