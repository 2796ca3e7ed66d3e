"""Many files of one stream: overlaps, periods, order ids, addresses; in order and little memory."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from framework.core.errors import DataError
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.replay.market import read_market
from framework.replay.stream import COLUMNS, GoldStream
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream

ITEM = Instrument(venue="v", symbol="X/Y Z", tick=Decimal(1), lot=Decimal(1))
CLEAR, DEPTH, BEST = EventKind.CLEAR, EventKind.DEPTH, EventKind.BEST
SNAPSHOT = int(EventFlag.SNAPSHOT)


def _table(ts_ns: Sequence[int], item: Instrument = ITEM, **columns: Sequence[int]) -> pa.Table:
    n = len(ts_ns)
    filled = {
        "venue": [item.venue] * n,
        "symbol": [item.symbol] * n,
        "ts_exch_ns": ts_ns,
        "ts_recv_ns": ts_ns,
        "seq": range(n),
        "kind": [int(DEPTH)] * n,
        "side": [1] * n,
        "flags": [1] * n,
        "px_ticks": range(n),
        "qty_lots": [1] * n,
        "order_id": [0] * n,
    }
    return pa.table({k: pa.array(v) for k, v in (filled | columns).items()}).cast(GOLD_SCHEMA)


def _stream(root: Path, tables: Sequence[pa.Table], item: Instrument = ITEM) -> GoldStream:
    lake, name = Lake(root), TableName("gold", "t")
    for number, table in enumerate(tables):
        lake.append(name, table, transaction=f"{number}", partition_by=("venue", "symbol"))
    return GoldStream(location=lake.uri(name), table="t", version=len(tables) - 1, instrument=item)


def _read(stream: GoldStream, rows: int) -> list[tuple[int, int]]:
    batches = list(stream.batches(rows, ("seq", "ts_exch_ns")))
    assert all(batch.num_rows <= rows for batch in batches)
    assert all(batch.schema.names == ["seq", "ts_exch_ns"] for batch in batches)
    found = [batch.to_pydict() for batch in batches]
    return [pair for one in found for pair in zip(one["ts_exch_ns"], one["seq"], strict=True)]


@pytest.mark.parametrize("rows", [1, 7, 1_000])
def test_files_that_overlap_are_read_by_time_and_sequence(tmp_path: Path, rows: int) -> None:
    rng = random.Random(rows)
    events = sorted((rng.randrange(100, 160), seq) for seq in range(120))
    cuts = [events[:40], events[40:80], events[90:100], events[80:90] + events[100:]]
    spread = [[], []]
    for event in [(ts + 100, seq) for ts, seq in events]:  # two files over the same time
        rng.choice(spread).append(event)
    tables = [
        _table([ts for ts, _ in part], seq=[seq for _, seq in part]) for part in [*spread, *cuts]
    ]
    expected = events + [(ts + 100, seq) for ts, seq in events]
    assert _read(_stream(tmp_path, tables), rows) == expected


def test_a_chain_of_overlapping_files_is_not_brought_into_memory(tmp_path: Path) -> None:
    files, per_file = 12, 4_000
    starts = [k * (per_file - 5) for k in range(files)]  # each begins within the one before
    tables = [
        _table(range(start, start + per_file), seq=range(start * 2, start * 2 + per_file))
        for start in starts
    ]
    stream = _stream(tmp_path, tables)
    before, most, count = pa.total_allocated_bytes(), 0, 0
    for batch in stream.batches(500):
        count += batch.num_rows
        most = max(most, pa.total_allocated_bytes() - before)
    assert count == files * per_file
    assert most < 2.5 * tables[0].nbytes


def test_the_addresses_of_object_stores_are_read_too(tmp_path: Path) -> None:
    tables = [_table([1, 2, 2]), _table([5, 6])]
    stream = _stream(tmp_path, tables)
    remote = replace(stream, location=f"file://{stream.location}")
    assert _read(remote, 10) == _read(stream, 10) == [(1, 0), (2, 1), (2, 2), (5, 0), (6, 1)]


def test_order_ids_are_read_where_a_stream_names_its_orders(tmp_path: Path) -> None:
    other = replace(ITEM, venue="w")
    named = _table([1, 3], kind=[int(EventKind.ORDER_ADD)] * 2, order_id=[77, 78])
    numbered_only = _table([2, 4], other, order_id=[5, 6])  # ids of nothing that is an order
    first = _stream(tmp_path, [named, numbered_only])
    second = replace(first, instrument=other)
    assert first.names_orders()
    assert not second.names_orders()
    for chunk in read_market([first, second]):
        assert chunk.tape.order_id.tolist() == [77, 0, 78, 0]
    for chunk in read_market([second]):
        assert chunk.tape.order_id.tolist() == [0, 0]
        assert chunk.tape.order_id.dtype == np.int64


def _begin(stream: GoldStream, start_ns: int) -> int:
    return _read(replace(stream, start_ns=start_ns), 100)[0][0]


def test_the_book_begins_with_the_last_snapshot_of_any_file(tmp_path: Path) -> None:
    times = [list(range(0, 10)), list(range(10, 20)), list(range(20, 30))]
    kinds = [[int(CLEAR) if ts in (3, 7, 12) else int(DEPTH) for ts in part] for part in times]
    flags = [[SNAPSHOT if ts in (3, 12) else 1 for ts in part] for part in times]
    tables = [
        _table(ts_ns, kind=kind, flags=flag)
        for ts_ns, kind, flag in zip(times, kinds, flags, strict=True)
    ]
    stream = _stream(tmp_path, tables[::-1])
    assert [_begin(stream, ns) for ns in (25, 13, 12, 9, 3, 2, 0)] == [12, 12, 3, 3, 0, 0, 0]


def test_best_prices_begin_with_the_last_of_either_side(tmp_path: Path) -> None:
    sides = [1, -1, 1, 1, 1]
    stream = _stream(tmp_path, [_table([1, 4, 6, 8, 9], kind=[int(BEST)] * 5, side=sides)])
    assert [_begin(stream, ns) for ns in (9, 5, 4, 1)] == [4, 1, 1, 1]


def test_a_file_that_is_gone_or_broken_is_told_with_its_version(tmp_path: Path) -> None:
    stream = _stream(tmp_path, [_table([1, 2]), _table([5, 6])])
    path = next(Path(stream.location).rglob("*.parquet"))
    path.write_bytes(b"PAR1 and no more")
    with pytest.raises(DataError, match=r"t version 1 must hold venue=v/symbol=X"):
        list(read_market([stream]))
    path.unlink()
    with pytest.raises(DataError, match="cannot be read") as caught:
        list(read_market([replace(stream, start_ns=6)]))
    assert "vacuum" in caught.value.remedy


class _Broken(ListedStream):
    def batches(self, rows: int, columns: Sequence[str] = COLUMNS) -> Iterator[pa.RecordBatch]:
        for batch in super().batches(rows, columns):
            place = batch.schema.get_field_index("px_ticks")
            empty = pa.array([None] * batch.num_rows, pa.int64())
            yield batch.set_column(place, "px_ticks", empty)


def test_empty_values_are_refused() -> None:
    events = (Event(1, 1, 0, DEPTH, 1, 1, 5, 5),)
    with pytest.raises(DataError, match="px_ticks has 1"):
        list(read_market([_Broken(ITEM, events)]))
