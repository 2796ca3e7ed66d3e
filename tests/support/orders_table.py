"""A gold table of order-by-order events, written out by hand or by chance."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from deltalake import write_deltalake

from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.replay.stream import GoldStream

LAST, SNAPSHOT = int(EventFlag.LAST), int(EventFlag.SNAPSHOT)
START_NS = 1_000_000_000


class Row(NamedTuple):
    """One gold row; `at` counts nanoseconds from `START_NS`."""

    at: int
    kind: EventKind
    side: int
    px: int
    lots: int
    order_id: int = 0
    flags: int = LAST


def opening(bids: dict[int, int], asks: dict[int, int], at: int = 0) -> list[Row]:
    """A snapshot by level: nobody knows whose orders these are."""
    levels = [(1, px, lots) for px, lots in bids.items()]
    levels += [(-1, px, lots) for px, lots in asks.items()]
    rows = [Row(at, EventKind.CLEAR, 0, 0, 0, flags=SNAPSHOT)]
    rows += [Row(at, EventKind.DEPTH, *level, flags=SNAPSHOT) for level in levels]
    return [*rows[:-1], rows[-1]._replace(flags=SNAPSHOT | LAST)]


def orders_stream(folder: Path, rows: Sequence[Row], **period: int) -> GoldStream:
    """Write the rows as a Delta table and open their stream."""
    n = len(rows)
    times = [START_NS + row.at for row in rows]
    columns = {
        "venue": ["nasdaq"] * n,
        "symbol": ["XYZ"] * n,
        "ts_exch_ns": times,
        "ts_recv_ns": times,
        "seq": range(n),
        "kind": [int(row.kind) for row in rows],
        "side": [row.side for row in rows],
        "flags": [row.flags for row in rows],
        "px_ticks": [row.px for row in rows],
        "qty_lots": [row.lots for row in rows],
        "order_id": [row.order_id for row in rows],
    }
    arrays = [pa.array(columns[f.name], f.type) for f in GOLD_SCHEMA]
    table = pa.Table.from_arrays(arrays, schema=GOLD_SCHEMA)
    write_deltalake(str(folder), table, partition_by=["venue", "symbol"])
    instrument = Instrument(venue="nasdaq", symbol="XYZ", tick=Decimal("0.01"), lot=Decimal(1))
    return GoldStream(
        location=str(folder), table="orders", version=0, instrument=instrument, **period
    )
