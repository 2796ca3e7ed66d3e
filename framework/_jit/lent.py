"""Arrays over memory that somebody else owns, at an address."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final, cast

from numba import types
from numba.core import cgutils
from numba.core.datamodel.models import ArrayModel
from numba.extending import intrinsic, lower_builtin, register_model
from numba.np import arrayobj


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


array_at: Final = cast("Callable[[int, int, Any], Any]", _array_at)
"""View memory as an array: ``array_at(address, length, dtype)``.

A kernel entered once per wake-up takes one array of addresses instead of dozens of arrays:
unpacking an array argument costs Python about 0.1 µs, this costs nothing.
"""
