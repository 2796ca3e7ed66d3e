"""Frames as bytes, so that they pass through Spark's rows unchanged.

pandas, through which Spark hands rows to keyed state, has no null in int64: a column with one
becomes doubles, and nanoseconds lose their last digits. Arrow's own bytes lose nothing.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Final

import polars as pl
import pyarrow as pa

PART_FIELDS: Final = (
    "venue string, symbol string, source_file string, sha256 string, file_order string, "
    "part string, n_rows bigint, body binary, body_schema binary"
)
"""A part of one file: which table it belongs to, its rows, and their schema."""


def pack(frame: pl.DataFrame) -> bytes:
    """Write a frame as an Arrow stream."""
    buffer = io.BytesIO()
    frame.rechunk().write_ipc_stream(buffer, compression="lz4")
    return buffer.getvalue()


def unpack(body: bytes) -> pl.DataFrame:
    """Read what `pack` wrote."""
    return pl.read_ipc_stream(io.BytesIO(body))


def pack_schema(frame: pl.DataFrame) -> bytes:
    """Write a frame's schema."""
    return bytes(plain_schema(frame.head(0).to_arrow().schema).serialize().to_pybytes())


def united_schema(schemas: Sequence[bytes]) -> pa.Schema:
    """Return all columns of several schemas, in the order they are met."""
    return pa.unify_schemas([pa.ipc.read_schema(pa.py_buffer(item)) for item in schemas])


def plain_schema(schema: pa.Schema) -> pa.Schema:
    """Return a schema with the one kind of text that Spark knows."""
    fields = []
    for item in schema:
        is_text = pa.types.is_large_string(item.type) or pa.types.is_string_view(item.type)
        fields.append(item.with_type(pa.string()) if is_text else item)
    return pa.schema(fields)


def unpacked(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Turn rows with a ``body`` into the rows inside, null in columns they lack."""
    for batch in batches:
        for body in batch.column(batch.schema.get_field_index("body")):
            frame = unpack(body.as_py())
            missing = [name for name in schema.names if name not in frame.columns]
            frame = frame.with_columns(pl.lit(None).alias(name) for name in missing)
            rows = frame.select(schema.names).to_arrow().cast(schema)
            yield from rows.to_batches()
