"""One stream of gold events, read from its Delta table in slices of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from framework.core.errors import DataError
from framework.core.events import EventFlag, EventKind
from framework.core.instrument import Instrument

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
        paths = self.files()["path"].to_pylist()
        kind = ds.field("kind")
        first, last = int(EventKind.ORDER_ADD), int(EventKind.ORDER_EXECUTE)
        named = (kind >= first) & (kind <= last) & (ds.field("order_id") != 0)
        found = _dataset(self, paths).head(1, columns=["kind"], filter=named)
        return bool(found.num_rows)

    def batches(self, rows: int) -> Iterator[pa.RecordBatch]:
        """Yield the events in exchange order, about `rows` at a time.

        Events before `start_ns` are included back to the last snapshot, so that the book is right
        when the strategies wake.

        Raises
        ------
        DataError
            Where the files overlap in time more than once sorted in memory they could be read.
        """
        for batch in self._recorded(rows):
            yield _delayed(batch, self.feed_ns)

    def _recorded(self, rows: int) -> Iterator[pa.RecordBatch]:
        bounds = _bounds(self)
        for group in _overlapping(self.files()):
            if len(group) == 1:
                yield from _scan(self, group, bounds, rows)
            else:
                # Files written out of order share a time span: sort that span as a whole.
                table = pa.Table.from_batches(_scan(self, group, bounds, rows))
                order = pc.sort_indices(
                    table, sort_keys=[("ts_exch_ns", "ascending"), ("seq", "ascending")]
                )
                yield from table.take(order).to_batches(max_chunksize=rows)


def _delayed(batch: pa.RecordBatch, feed_ns: int) -> pa.RecordBatch:
    if feed_ns == 0:
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
        }
    )
    if found.num_rows == 0:
        raise DataError(
            f"{stream.table} version {stream.version} must hold {stream.instrument.name}, "
            "but has no events of it",
            remedy="run crossbook tables to see what the lake holds",
        )
    return found.sort_by([("first_ns", "ascending"), ("path", "ascending")])


def _overlapping(files: pa.Table) -> Iterator[list[str]]:
    """Group files whose time spans overlap."""
    group: list[str] = []
    reach = -1
    columns = (files["path"].to_pylist(), files["first_ns"].to_pylist())
    for path, first_ns, last_ns in zip(*columns, files["last_ns"].to_pylist(), strict=True):
        if group and first_ns > reach:
            yield group
            group = []
        group.append(path)
        reach = max(reach, last_ns)
    if group:
        yield group


def _bounds(stream: GoldStream) -> ds.Expression | None:
    bounds = None
    if stream.end_ns is not None:
        bounds = ds.field("ts_exch_ns") < stream.end_ns
    if stream.start_ns is not None:
        after = ds.field("ts_exch_ns") >= _book_start_ns(stream)
        bounds = after if bounds is None else bounds & after
    return bounds


def _book_start_ns(stream: GoldStream) -> int:
    """Instant from which the book must be built to be right at `start_ns`."""
    start_ns = stream.start_ns
    assert start_ns is not None
    before = ds.field("ts_exch_ns") < start_ns
    paths = [
        path
        for path, first in zip(
            stream.files()["path"].to_pylist(), stream.files()["first_ns"].to_pylist(), strict=True
        )
        if first < start_ns
    ]
    if not paths:
        return start_ns
    earlier = _dataset(stream, paths).to_table(
        columns=["ts_exch_ns", "kind", "side", "flags"], filter=before
    )
    if earlier.num_rows == 0:
        return start_ns
    kind = earlier["kind"].to_numpy()
    flags = earlier["flags"].to_numpy()
    begins = (kind == EventKind.CLEAR) & ((flags & EventFlag.SNAPSHOT) != 0)
    times = earlier["ts_exch_ns"].to_numpy()
    if begins.any():
        return int(times[begins].max())
    # A top-of-book stream needs its last quote of either side only; any other, all it has.
    if bool((kind == EventKind.BEST).any()):
        side = earlier["side"].to_numpy()
        quotes = [times[(kind == EventKind.BEST) & (side == one)] for one in (1, -1)]
        return int(min(last.max() for last in quotes if last.size))
    return int(times.min())


def _dataset(stream: GoldStream, paths: list[str]) -> ds.Dataset:
    if "://" in stream.location:
        whole = _table(stream).to_pyarrow_dataset()
        return whole
    root = Path(stream.location)
    return ds.dataset([str(root / path) for path in paths], format="parquet")


def _scan(
    stream: GoldStream, paths: list[str], bounds: ds.Expression | None, rows: int
) -> Iterator[pa.RecordBatch]:
    scanner = _dataset(stream, paths).scanner(
        columns=list(COLUMNS),
        filter=bounds,
        batch_size=rows,
        batch_readahead=2,
        fragment_readahead=1,
    )
    for batch in scanner.to_batches():
        if batch.num_rows:
            yield batch


def column(batch: pa.RecordBatch, name: str) -> np.ndarray:
    """A batch's column as a NumPy array, without copying where Arrow allows it."""
    return np.asarray(batch.column(name).to_numpy(zero_copy_only=False))
