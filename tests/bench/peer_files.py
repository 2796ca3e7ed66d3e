"""The stored market in the files that other simulators read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from framework.core.events import EventFlag, EventKind
from framework.replay.stream import GoldStream, column
from tests.bench.stream import Stream, price_range
from tests.differential import export

_MARGIN_TICKS: Final = 100
"""Room left around the prices of the data in the peer's array of levels."""


def write_hftbacktest(stream: Stream) -> Path:
    """Write the event arrays of hftbacktest and what its assets need; return the description.

    Both clocks of a venue rise together, so that one row serves exchange and local side: half the
    rows that the form for feeds out of order would take.
    """
    path = stream.folder / f"{stream.name}.hftbacktest.json"
    if path.exists():
        return path
    books = []
    for gold in stream.gold():
        events = stream.folder / f"{stream.name}.{gold.instrument.venue}.npy"
        np.save(events, hftbacktest_events(gold))
        low, high = price_range(gold)
        item = gold.instrument
        books.append(
            {
                "events": str(events),
                "compressed": str(events.with_suffix(".npz")),
                "tick": float(item.tick),
                "lot": 1.0,  # quantities are told in lots
                "low": item.price(low - _MARGIN_TICKS),
                "high": item.price(high + _MARGIN_TICKS),
                "latency_ns": item.order_entry_ns,
                "maker_fee": float(item.maker_fee_bps) * 1e-4,
                "taker_fee": float(item.taker_fee_bps) * 1e-4,
            }
        )
    path.write_text(json.dumps(books), "utf-8")
    return path


def write_compressed(stream: Stream) -> list[Path]:
    """Write the event arrays compressed, the form in which hftbacktest keeps its data."""
    paths = []
    for book in json.loads(write_hftbacktest(stream).read_text("utf-8")):
        path = Path(book["compressed"])
        if not path.exists():
            np.savez_compressed(path, data=np.load(book["events"]))
        paths.append(path)
    return paths


def hftbacktest_events(gold: GoldStream) -> np.ndarray:
    """Turn gold rows into hftbacktest's; its books begin empty, so clears are left out."""
    parts = []
    for batch in gold.batches(1 << 20):
        kinds = column(batch, "kind")
        kept = kinds != EventKind.CLEAR
        kinds = kinds[kept]
        side, flags = column(batch, "side")[kept], column(batch, "flags")[kept]
        rows = np.zeros(kinds.size, export.PEER_DTYPE)
        rows["ev"] = np.where(
            kinds == EventKind.TRADE,
            export.TRADE_EVENT,
            np.where(flags & EventFlag.SNAPSHOT, export.DEPTH_SNAPSHOT_EVENT, export.DEPTH_EVENT),
        )
        rows["ev"] |= np.where(side > 0, export.BUY_EVENT, export.SELL_EVENT).astype(np.uint64)
        rows["ev"] |= export.EXCH_EVENT | export.LOCAL_EVENT
        rows["exch_ts"] = column(batch, "ts_exch_ns")[kept]
        rows["local_ts"] = column(batch, "ts_recv_ns")[kept]
        rows["px"] = column(batch, "px_ticks")[kept] * float(gold.instrument.tick)
        rows["qty"] = column(batch, "qty_lots")[kept]
        parts.append(rows)
    return np.concatenate(parts)


def write_arrow(stream: Stream) -> Path:
    """Write the market, merged by time received, as one Arrow file."""
    path = stream.folder / f"{stream.name}.arrow"
    if path.exists():
        return path
    tables = []
    for b, gold in enumerate(stream.gold()):
        table = pa.Table.from_batches(gold.batches(1 << 18))
        tables.append(table.append_column("book", pa.array(np.full(table.num_rows, b, np.int8))))
    merged = pa.concat_tables(tables).sort_by(
        [("ts_recv_ns", "ascending"), ("book", "ascending"), ("seq", "ascending")]
    )
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, merged.schema) as writer:
        writer.write_table(merged)
    return path
