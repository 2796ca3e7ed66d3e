"""Refuse a write whose columns would not survive the table's types.

Delta casts silently (a float written into an integer column loses its decimals), so every write
is compared with the table first: new columns may come, a type may only get wider.
"""

from __future__ import annotations

import pyarrow as pa

from framework.core.errors import DataError

_EXACT_INT_BITS_IN_FLOAT = {pa.float32(): 24, pa.float64(): 53}


def plain_type(dtype: pa.DataType) -> pa.DataType:
    """Return the type Delta stores: one kind of text, one kind of list."""
    if pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype):
        return pa.string()
    if pa.types.is_large_binary(dtype) or pa.types.is_binary_view(dtype):
        return pa.binary()
    return dtype


def widens(found: pa.DataType, stored: pa.DataType) -> bool:
    """Tell whether every value of one type fits the other without loss.

    >>> widens(pa.int32(), pa.int64()), widens(pa.float64(), pa.int64())
    (True, False)
    """
    if found == stored or pa.types.is_null(found):
        return True
    if pa.types.is_integer(found):
        bits = found.bit_width
        signed_bits = bits if pa.types.is_signed_integer(found) else bits + 1
        if pa.types.is_signed_integer(stored):
            return bool(signed_bits <= stored.bit_width)
        return bool(signed_bits <= _EXACT_INT_BITS_IN_FLOAT.get(stored, 0))
    return bool(pa.types.is_float32(found) and pa.types.is_float64(stored))


def schema_to_write(found: pa.Schema, stored: pa.Schema | None, table: str) -> pa.Schema:
    """Return the schema the incoming data must be cast to before it is written.

    Parameters
    ----------
    found
        Schema of the incoming data.
    stored
        Schema of the table, None where there is no table yet.
    table
        Name for messages.

    Raises
    ------
    DataError
        Where a column's type would be narrowed, or a column that may not be null is missing.
    """
    if stored is None:
        return found
    fields = []
    for field in found:
        index = stored.get_field_index(field.name)
        target = plain_type(stored.field(index).type if index >= 0 else field.type)
        if not widens(plain_type(field.type), target):
            raise DataError(
                f"{table}: column {field.name!r} holds {target}, and {plain_type(field.type)} "
                f"cannot be stored in it without loss",
                remedy=f"correct the source, or write it to another table than {table}",
            )
        same = plain_type(field.type) == target  # Delta knows one kind of text, Arrow several
        fields.append(field if same else field.with_type(target))
    missing = [f.name for f in stored if not f.nullable and found.get_field_index(f.name) < 0]
    if missing:
        raise DataError(
            f"{table}: every row must have {', '.join(missing)}, the data has no such column",
            remedy="write all columns of the table's schema",
        )
    return pa.schema(fields)
