"""One stream of gold events, read from its Delta table in slices of time."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import PyFileSystem

from framework.core.errors import DataError
from framework.core.events import EventKind
from framework.core.instrument import Instrument
from framework.replay.beginning import book_start_ns
from framework.replay.columns import column
from framework.replay.files import read_files

COLUMNS: Final = (
    "ts_exch_ns",
    "ts_recv_ns",
    "seq",
    "kind",
    "side",
    "flags",
    "px_ticks",
    "qty_lots",
    "order_id",
)


REPLAYED: Final = tuple(name for name in COLUMNS if name not in ("seq", "order_id"))
"""Columns every replay needs; `order_id` only where orders are named."""

_FIRST: Final = np.iinfo(np.int64).min
_LAST: Final = np.iinfo(np.int64).max
_LOOK_ROWS: Final = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldStream:
    """Events of one symbol at one venue in a pinned version of a gold table.

    Parameters
    ----------
    location
        Folder or URI of the Delta table.
    table
        Name of the dataset, for records and messages.
    version
        Delta version every read is pinned to.
    instrument
        What the integers mean.
    start_ns, end_ns
        Half-open interval of exchange time in which strategies run; None is open.
    feed_ns
        Added to the recorded received time: how much later than recorded events reach us.
    """

    location: str
    table: str
    version: int
    instrument: Instrument
    start_ns: int | None = None
    end_ns: int | None = None
    feed_ns: int = 0

    def files(self) -> pa.Table:
        """List the stream's files by time: path, rows, first and last exchange time."""
        return _files(self)

    def names_orders(self) -> bool:
        """Tell whether the stream has order-by-order events with order ids."""
        files = self.files()
        columns = ("path", "least_order_id", "greatest_order_id")
        paths = [
            path
            for path, least, greatest in zip(
                *(files[name].to_pylist() for name in columns), strict=True
            )
            if (least, greatest) != (0, 0)
        ]
        return any(_has_named_order(self.open_file(path)) for path in paths)

    def batches(self, rows: int, columns: Sequence[str] = COLUMNS) -> Generator[pa.RecordBatch]:
        """Yield the events in exchange order, about `rows` at a time.

        Events before `start_ns` are included back to the last snapshot, so that the book is right
        when the strategies wake.
        """
        files = self.files()
        listed = list(
            zip(*(files[name].to_pylist() for name in ("first_ns", "last_ns", "path")), strict=True)
        )
        begin_ns, end_ns = _FIRST, _LAST if self.end_ns is None else self.end_ns
        if self.start_ns is not None:
            earlier = [path for first_ns, _, path in listed if first_ns < self.start_ns]
            begin_ns = book_start_ns(self.open_file, earlier, self.start_ns)
        for batch in read_files(self.open_file, listed, columns, (begin_ns, end_ns), rows):
            yield _delayed(batch, self.feed_ns)

    def open_file(self, path: str) -> pq.ParquetFile:
        """Open one of the table's files, named as in the table's log: encoded like a URL.

        Raises
        ------
        DataError
            Where the file is gone or broken.
        """
        plain = unquote(path)
        try:
            if "://" not in self.location:
                return pq.ParquetFile(Path(self.location) / plain, pre_buffer=False)
            remote = PyFileSystem(DeltaStorageHandler(self.location))
            return pq.ParquetFile(remote.open_input_file(plain), pre_buffer=True)
        except (OSError, pa.ArrowInvalid) as error:
            raise DataError(
                f"{self.table} version {self.version} must hold {plain}, which cannot be read: "
                f"{error}",
                remedy="versions older than a vacuum are gone: take a later one, or restore the "
                "file",
            ) from error


def _delayed(batch: pa.RecordBatch, feed_ns: int) -> pa.RecordBatch:
    if feed_ns == 0 or "ts_recv_ns" not in batch.schema.names:
        return batch
    later = pc.add(batch.column("ts_recv_ns"), feed_ns)
    place = batch.schema.get_field_index("ts_recv_ns")
    return batch.set_column(place, batch.schema.field(place), later)


def _table(stream: GoldStream) -> DeltaTable:
    return DeltaTable(stream.location, version=stream.version)


def _files(stream: GoldStream) -> pa.Table:
    actions = add_actions(_table(stream))
    mine = actions.filter(
        pl.col("partition.venue") == stream.instrument.venue,
        pl.col("partition.symbol") == stream.instrument.symbol,
    )
    found = mine.sort("min.ts_exch_ns", "path").select(
        "path",
        rows="num_records",
        first_ns="min.ts_exch_ns",
        last_ns="max.ts_exch_ns",
        least_order_id=_recorded(mine, "min.order_id"),
        greatest_order_id=_recorded(mine, "max.order_id"),
    )
    if found.is_empty():
        raise DataError(
            f"{stream.table} version {stream.version} must hold {stream.instrument.name}, "
            "but has no events of it",
            remedy="run crossbook tables to see what the lake holds",
        )
    return found.to_arrow()


def add_actions(table: DeltaTable) -> pl.DataFrame:
    """List a table's files as its log does."""
    # Not with pa.table or pc.equal: where they are given anything else than Arrow's own arrays they
    # import pandas, a quarter of a second, to see whether it is pandas'.
    return pl.DataFrame(table.get_add_actions(flatten=True))


def _recorded(actions: pl.DataFrame, name: str) -> pl.Expr:
    """Take a statistic that old files may lack."""
    return pl.col(name) if name in actions.columns else pl.lit(None, pl.Int64)


def _has_named_order(file: pq.ParquetFile) -> bool:
    for batch in file.iter_batches(_LOOK_ROWS, columns=["kind", "order_id"], use_threads=False):
        kind, order_id = column(batch, "kind"), column(batch, "order_id")
        known = (kind >= EventKind.ORDER_ADD) & (kind <= EventKind.ORDER_EXECUTE)
        if bool((known & (order_id != 0)).any()):
            return True
    return False
