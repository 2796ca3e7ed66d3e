"""Hand-written markets as real gold tables, and strategies that follow a script."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from framework.core.clock import NS_PER_MS
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream

LINEAR = Instrument(
    venue="v", symbol="S", tick=Decimal("0.1"), lot=Decimal("0.01"), asset="A", currency="USD"
)
"""A cash unit is 0.001 USD."""
INVERSE = Instrument(
    venue="v",
    symbol="P",
    tick=Decimal("0.1"),
    lot=Decimal(1),
    contract_size=Decimal(100),
    inverse=True,
    asset="A",
    currency="BTC",
)
"""A contract is 100 USD; a cash unit is 1e-10 of a coin."""


class Event(NamedTuple):
    """One gold row, its times in milliseconds; `feed_ms` later it reaches us."""

    ts_ms: int
    kind: EventKind
    side: int
    px_ticks: int
    qty_lots: int
    feed_ms: int = 0


def level(ts_ms: int, side: int, px_ticks: int, qty_lots: int, feed_ms: int = 0) -> Event:
    """Show a level."""
    return Event(ts_ms, EventKind.DEPTH, side, px_ticks, qty_lots, feed_ms)


def trade(ts_ms: int, side: int, px_ticks: int, qty_lots: int, feed_ms: int = 0) -> Event:
    """Trade with an aggressor of a side."""
    return Event(ts_ms, EventKind.TRADE, side, px_ticks, qty_lots, feed_ms)


def gold_stream(folder: Path, events: Sequence[Event], instrument: Instrument) -> GoldStream:
    """Write the events of one stream as a gold Delta table and open it."""
    name = f"{instrument.venue}_{instrument.symbol}"
    rows = [
        {
            "venue": instrument.venue,
            "symbol": instrument.symbol,
            "ts_exch_ns": event.ts_ms * NS_PER_MS,
            "ts_recv_ns": (event.ts_ms + event.feed_ms) * NS_PER_MS,
            "seq": number,
            "kind": int(event.kind),
            "side": event.side,
            "flags": int(EventFlag.LAST),
            "px_ticks": event.px_ticks,
            "qty_lots": event.qty_lots,
            "order_id": 0,
        }
        for number, event in enumerate(events)
    ]
    # A lake of its own for each call: a table is written once.
    folder.mkdir(exist_ok=True)
    lake = Lake(folder / f"lake_{len(list(folder.iterdir()))}")
    gold = TableName("gold", name)
    table = pa.Table.from_pylist(rows, schema=GOLD_SCHEMA)
    lake.append(gold, table.to_reader(), transaction="made", partition_by=("venue", "symbol"))
    return GoldStream(
        location=lake.uri(gold),
        table=name,
        version=lake.open(gold).version(),
        instrument=instrument,
    )
