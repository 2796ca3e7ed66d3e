"""One stream of gold events, read from its Delta table in slices of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

import numpy as np
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
_NO_IDS: Final = [0, 0]
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
        named = [
            path
            for path, bounds in zip(
                files["path"].to_pylist(), files["order_ids"].to_pylist(), strict=True
            )
            if bounds != _NO_IDS
        ]
        return any(_has_named_order(self.open_file(path)) for path in named)

    def batches(self, rows: int, columns: Sequence[str] = COLUMNS) -> Iterator[pa.RecordBatch]:
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
    actions = pa.table(_table(stream).get_add_actions(flatten=True))
    mine = pc.and_(
        pc.equal(actions["partition.venue"], stream.instrument.venue),
        pc.equal(actions["partition.symbol"], stream.instrument.symbol),
    )
    actions = actions.filter(mine)
    found = pa.table(
        {
            "path": actions["path"],
            "rows": actions["num_records"],
            "first_ns": actions["min.ts_exch_ns"],
            "last_ns": actions["max.ts_exch_ns"],
            "order_ids": _bounds_of(actions, "order_id"),
        }
    )
    if found.num_rows == 0:
        raise DataError(
            f"{stream.table} version {stream.version} must hold {stream.instrument.name}, "
            "but has no events of it",
            remedy="run crossbook tables to see what the lake holds",
        )
    return found.sort_by([("first_ns", "ascending"), ("path", "ascending")])


def _bounds_of(actions: pa.Table, name: str) -> pa.Array:
    """Pair the smallest and largest value of a column in each file, None where not recorded."""
    ends = (f"min.{name}", f"max.{name}")
    if not set(ends) <= set(actions.column_names):
        return pa.array([[None, None]] * actions.num_rows, pa.list_(pa.int64()))
    columns = (actions[end].to_pylist() for end in ends)
    return pa.array([list(pair) for pair in zip(*columns, strict=True)], pa.list_(pa.int64()))


def _has_named_order(file: pq.ParquetFile) -> bool:
    for batch in file.iter_batches(_LOOK_ROWS, columns=["kind", "order_id"], use_threads=False):
        kind, order_id = column(batch, "kind"), column(batch, "order_id")
        known = (kind >= EventKind.ORDER_ADD) & (kind <= EventKind.ORDER_EXECUTE)
        if bool((known & (order_id != 0)).any()):
            return True
    return False


def column(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """A batch's column as a NumPy array, without copying where Arrow allows it."""
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False))
