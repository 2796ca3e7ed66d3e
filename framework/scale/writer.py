"""Append to a Delta table from many tasks in one commit."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import polars as pl
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions
from pyspark.sql.datasource import DataSourceArrowWriter, WriterCommitMessage

from framework.core.errors import DataError
from framework.lake.encoding import ROWS_PER_GROUP
from framework.lake.schema_check import plain_type, schema_to_write

_ROWS_A_FILE: Final = 1 << 21
_HIVE_NULL: Final = "__HIVE_DEFAULT_PARTITION__"


WrittenFile = tuple[str, int, dict[str, str | None], str]
"""Path within the table, size, partition values and statistics."""


@dataclass
class _Written(WriterCommitMessage):
    """The files of one task, each with what the log says of it, and their schema."""

    files: list[WrittenFile] = field(default_factory=list)
    schema: bytes = b""


class DeltaWriter(DataSourceArrowWriter):
    """Writes files in tasks, and one commit that names them.

    Parameters
    ----------
    uri
        The table's location.
    transaction
        Name of the commit; empty: it has none.
    partition_by
        Partition columns of a table that does not exist yet.
    """

    def __init__(self, uri: str, *, transaction: str, partition_by: tuple[str, ...]) -> None:
        self._uri = uri.removeprefix("file://")
        self._transaction = transaction
        self._stored: bytes = b""
        self._partition_by = partition_by
        if DeltaTable.is_deltatable(self._uri):
            delta = DeltaTable(self._uri)
            self._stored = pa.schema(delta.schema().to_arrow()).serialize().to_pybytes()
            self._partition_by = tuple(delta.metadata().partition_columns)
        elif "://" not in self._uri:
            Path(self._uri).mkdir(parents=True, exist_ok=True)

    def write(self, iterator: Iterator[pa.RecordBatch]) -> WriterCommitMessage:
        """Write one task's rows, in the order they come, to files of their partition."""
        written = _Written()
        stored = pa.ipc.read_schema(pa.py_buffer(self._stored)) if self._stored else None
        batches: list[pa.RecordBatch] = []
        for batch in iterator:
            batches.append(batch)
            if sum(item.num_rows for item in batches) >= _ROWS_A_FILE:
                self._write(batches, stored, written)
                batches = []
        if batches:
            self._write(batches, stored, written)
        return written

    def _write(
        self, batches: list[pa.RecordBatch], stored: pa.Schema | None, written: _Written
    ) -> None:
        rows = pa.Table.from_batches(batches)
        target = schema_to_write(rows.schema, stored, self._uri)
        target = pa.schema([item.with_type(plain_type(item.type)) for item in target])
        frame = pl.DataFrame(pl.from_arrow(rows.cast(target)))
        written.schema = target.serialize().to_pybytes()
        if frame.is_empty():
            return
        if not self._partition_by:
            written.files.append(write_file(self._uri, frame, target, {}))
            return
        parts = frame.partition_by(*self._partition_by, maintain_order=True, as_dict=True)
        for key, part in parts.items():
            values = {
                name: None if value is None else str(value)
                for name, value in zip(self._partition_by, key, strict=True)
            }
            written.files.append(write_file(self._uri, part, target, values))

    def commit(self, messages: list[WriterCommitMessage | None]) -> None:
        """Name all files in the log at once, unless the transaction is there already."""
        written = [item for item in messages if isinstance(item, _Written) and item.schema]
        if not written:
            return
        schema = pa.unify_schemas(
            [pa.ipc.read_schema(pa.py_buffer(item.schema)) for item in written]
        )
        actions: list[AddAction | RemoveAction] = [
            add_action(file) for item in written for file in item.files
        ]
        properties = CommitProperties(
            app_transactions=[Transaction(self._transaction, 1)] if self._transaction else None
        )
        if not DeltaTable.is_deltatable(self._uri):
            create_table_with_add_actions(
                self._uri,
                Schema.from_arrow(schema),
                [action for action in actions if isinstance(action, AddAction)],
                partition_by=list(self._partition_by),
                commit_properties=properties,
            )
            return
        delta = DeltaTable(self._uri)
        if self._transaction and delta.transaction_version(self._transaction) is not None:
            return
        _require_known(schema, delta, self._uri)
        delta.create_write_transaction(
            actions,
            "append",
            delta.schema(),
            list(self._partition_by),
            commit_properties=properties,
        )

    def abort(self, messages: list[WriterCommitMessage | None]) -> None:
        """Leave the files of a failed write to vacuum: no log names them."""


def write_file(
    uri: str, rows: pl.DataFrame, schema: pa.Schema, values: Mapping[str, str | None]
) -> WrittenFile:
    """Write one data file of a table, in the folder of its partition.

    Parameters
    ----------
    values
        Values of the partition columns, which are not in the file itself.
    """
    folder = "".join(f"{name}={_folder_of(value)}/" for name, value in values.items())
    path = f"{folder}part-{uuid.uuid4()}.parquet"
    own = pa.schema([item for item in schema if item.name not in values])
    files = pa.fs.PyFileSystem(DeltaStorageHandler(uri))
    pq.write_table(
        rows.select(own.names).to_arrow().cast(own),
        path,
        filesystem=files,
        compression="zstd",
        row_group_size=ROWS_PER_GROUP,
        **_encodings(own),
    )
    size = files.get_file_info(path).size
    return path, size, dict(values), _statistics(rows.select(own.names))


def add_action(file: WrittenFile, *, is_change: bool = True) -> AddAction:
    """Return what the log says of a file; `is_change` is False where its rows were there before."""
    path, size, values, statistics = file
    now_ms = time.time_ns() // 1_000_000
    return AddAction(path, size, values, now_ms, is_change, statistics)


def _encodings(schema: pa.Schema) -> dict[str, Any]:
    """Pack integers and give text a dictionary, as `framework.lake.encoding` does."""
    packed = [item.name for item in schema if item.type in (pa.int64(), pa.int32())]
    text = [item.name for item in schema if pa.types.is_string(item.type)]
    return {
        "use_dictionary": [name for name in text if name != "payload"],
        "column_encoding": dict.fromkeys(packed, "DELTA_BINARY_PACKED"),
    }


def _folder_of(value: str | None) -> str:
    return _HIVE_NULL if value is None else quote(value, safe="")


def _require_known(schema: pa.Schema, delta: DeltaTable, uri: str) -> None:
    stored = {item.name for item in pa.schema(delta.schema().to_arrow())}
    added = [name for name in schema.names if name not in stored]
    if added:
        raise DataError(
            f"{uri} must have every column that is appended, it lacks {', '.join(added)}",
            remedy="add the columns first: framework.scale.tables.add_columns",
        )


def _statistics(rows: pl.DataFrame) -> str:
    """Return what lets a reader skip the file: rows, least and greatest values, nulls."""
    numeric = [
        name
        for name, dtype in rows.schema.items()
        if (dtype.is_integer() or dtype == pl.String)
        or (dtype.is_float() and not rows[name].is_nan().any())
    ]
    low = rows.select(pl.col(numeric).min()).row(0, named=True) if numeric else {}
    high = rows.select(pl.col(numeric).max()).row(0, named=True) if numeric else {}
    return json.dumps(
        {
            "numRecords": rows.height,
            "minValues": {k: v for k, v in low.items() if v is not None},
            "maxValues": {k: v for k, v in high.items() if v is not None},
            "nullCount": {name: rows[name].null_count() for name in rows.columns},
        }
    )
