"""Market orders of a stored stream: when each came and how far from the mid it reached."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from framework._jit import kernel
from framework.book.ladder import Ladders, apply, best_price
from framework.book.window import books_of
from framework.core.errors import DataError
from framework.core.events import NO_PRICE, EventFlag, EventKind, F64Array, I8Array, I64Array
from framework.replay.stream import GoldStream

ARRIVALS_SCHEMA: Final = pl.Schema(
    {"ts_ns": pl.Int64, "side": pl.Int8, "lots": pl.Int64, "reach_ticks": pl.Float64}
)
"""One row a market order, in exchange time. ``side`` is the aggressor's; ``reach_ticks`` is the
distance of its worst price from the mid that stood before it."""

_TRADE, _EXECUTE = int(EventKind.TRADE), int(EventKind.ORDER_EXECUTE)
_HIDDEN, _LAST = int(EventKind.HIDDEN_TRADE), int(EventFlag.LAST)
_READ: Final = ("ts_exch_ns", "kind", "side", "flags", "px_ticks", "qty_lots")
_BATCH_ROWS: Final = 1 << 18
_MID, _MID_KNOWN, _TS_NS, _SIDE, _LOTS, _REACH = range(6)


class _Columns(NamedTuple):
    ts_ns: I64Array
    kind: I8Array
    side: I8Array
    flags: I8Array
    px_ticks: I64Array
    qty_lots: I64Array


@kernel
def _end(order: F64Array, out: F64Array, n: int) -> int:
    """Write down the order in hand, if any."""
    if order[_LOTS] == 0.0:
        return n
    for i in range(4):
        out[n, i] = order[_TS_NS + i]
    order[_LOTS] = 0.0
    return n + 1


@kernel
def _walk(ladders: I64Array, columns: _Columns, order: F64Array, out: F64Array) -> int:
    """Replay a batch; trades of one instant and side are one order. Its rows, −1 for a full ladder.

    Times in `order` and `out` are counted from the batch's first event, which float64 holds.
    """
    n = 0
    for i in range(columns.ts_ns.size):
        kind, side, px_ticks = columns.kind[i], columns.side[i], columns.px_ticks[i]
        ts_ns = float(columns.ts_ns[i] - columns.ts_ns[0])
        if kind in (_TRADE, _HIDDEN, _EXECUTE):
            aggressor = side if kind == _TRADE else -side
            if order[_LOTS] > 0.0 and (order[_TS_NS] != ts_ns or order[_SIDE] != aggressor):
                n = _end(order, out, n)
            if aggressor != 0 and order[_MID_KNOWN] > 0.0:
                reach = aggressor * (px_ticks - order[_MID])
                if order[_LOTS] == 0.0:
                    order[_TS_NS], order[_SIDE], order[_REACH] = ts_ns, aggressor, reach
                order[_LOTS] += columns.qty_lots[i]
                order[_REACH] = max(order[_REACH], reach)
        if kind != _TRADE and (
            apply(ladders, 0, kind, side, px_ticks, columns.qty_lots[i], columns.flags[i]) < 0
        ):
            return -1
        if columns.flags[i] & _LAST and order[_TS_NS] != ts_ns:
            n = _end(order, out, n)
        if columns.flags[i] & _LAST and order[_LOTS] == 0.0:
            bid, ask = best_price(ladders, 0, 1), best_price(ladders, 0, -1)
            known = books_of(ladders)[0].valid and bid != NO_PRICE and ask != NO_PRICE
            order[_MID_KNOWN] = 1.0 if known else 0.0
            if known:
                order[_MID] = 0.5 * (bid + ask)
    return _end(order, out, n)


def arrivals(stream: GoldStream) -> pl.DataFrame:
    """List a stream's market orders, `ARRIVALS_SCHEMA`.

    Trades of one instant and one side are one order. The mid is that of the last whole message
    before it; orders that come while the book is invalid or one-sided, and trades whose aggressor
    nobody knows, are left out.

    Raises
    ------
    DataError
        Where the book is wider than a ladder holds.
    """
    ladders, order = Ladders(1), np.zeros(6)
    frames = [pl.DataFrame(schema=ARRIVALS_SCHEMA)]
    for batch in stream.batches(_BATCH_ROWS, _READ):
        frames.append(_batch(batch, ladders, order))
    return pl.concat(frames)


def _batch(batch: pa.RecordBatch, ladders: Ladders, order: F64Array) -> pl.DataFrame:
    columns = _Columns(*(batch.column(name).to_numpy(zero_copy_only=False) for name in _READ))
    if columns.ts_ns.size == 0:
        return pl.DataFrame(schema=ARRIVALS_SCHEMA)
    out = np.empty((columns.ts_ns.size + 1, 4))
    n = _walk(ladders.handle, columns, order, out)
    if n < 0:
        raise DataError(
            "the book is wider than a ladder holds",
            remedy="give the instrument a coarser tick in the catalog",
        )
    rows = out[:n]
    return pl.DataFrame(
        {
            "ts_ns": rows[:, 0].astype(np.int64) + columns.ts_ns[0],
            "side": rows[:, 1].astype(np.int8),
            "lots": rows[:, 2].astype(np.int64),
            "reach_ticks": rows[:, 3],
        },
        schema=ARRIVALS_SCHEMA,
    )
