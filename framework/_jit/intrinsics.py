"""What kernels can do beyond numba: enter other code, count bits, and say where code belongs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


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


@intrinsic
def _hot(typingctx: Any) -> Any:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        builder.function.attributes.add("alwaysinline")
        return context.get_dummy_value()

    return types.none(), codegen


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
