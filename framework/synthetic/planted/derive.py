"""Order-by-order rows → depth rows (level II) or best quotes (level I) of the same market.

A message keeps its time, number and flags. Executions become trades; what they leave behind comes
after them in the same message. A message that changes nothing to be seen is left out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
import pyarrow as pa

from framework._jit import kernel
from framework.book.ladder import Ladders, apply, best_lots, best_price, level_lots
from framework.core.errors import DataError
from framework.core.events import (
    GOLD_SCHEMA,
    NO_PRICE,
    EventFlag,
    EventKind,
    I8Array,
    I64Array,
)
from framework.synthetic.market import RecordArray

_TRADE: Final = int(EventKind.TRADE)
_DEPTH: Final = int(EventKind.DEPTH)
_BEST: Final = int(EventKind.BEST)
_CLEAR: Final = int(EventKind.CLEAR)
_GAP: Final = int(EventKind.GAP)
_EXECUTE: Final = int(EventKind.ORDER_EXECUTE)
_LAST: Final = int(EventFlag.LAST)
_SNAPSHOT: Final = int(EventFlag.SNAPSHOT)


class Level(IntEnum):
    """How much of the market a table shows."""

    QUOTES = 1
    """Best bid and ask, and trades."""
    DEPTH = 2
    """Every level's total, and trades."""
    ORDERS = 3
    """Every order."""


_DEPTH_LEVEL: Final = int(Level.DEPTH)
_OUT_DTYPE: Final = np.dtype(
    [(name, np.int64) for name in ("row", "px_ticks", "qty_lots")]
    + [(name, np.int8) for name in ("kind", "side", "flags")],
    align=True,
)
_SHOWN_DTYPE: Final = np.dtype([("px_ticks", np.int64), ("lots", np.int64)])


@kernel
def _write(
    out: RecordArray, at: int, row: int, kind: int, side: int, px_ticks: int, lots: int, flags: int
) -> int:
    out[at]["row"] = row
    out[at]["kind"] = kind
    out[at]["side"] = side
    out[at]["px_ticks"] = px_ticks
    out[at]["qty_lots"] = lots
    out[at]["flags"] = flags
    return at + 1


@kernel
def _show_depth(
    out: RecordArray, at: int, ladders: I64Array, rows: RecordArray, first: int, end: int
) -> int:
    """Write every level that a message has touched, with what it shows after the message."""
    seen_side, seen_ticks = 0, 0
    for i in range(first, end):
        row = rows[i]
        flags = row["flags"] & _SNAPSHOT
        if row["kind"] == _CLEAR or row["kind"] == _GAP:
            at = _write(out, at, i, row["kind"], row["side"], 0, 0, flags)
        elif row["side"] != seen_side or row["px_ticks"] != seen_ticks:
            seen_side, seen_ticks = row["side"], row["px_ticks"]
            half = 1 if row["side"] < 0 else 0
            lots = level_lots(ladders, half, row["side"] * row["px_ticks"])
            at = _write(out, at, i, _DEPTH, row["side"], row["px_ticks"], lots, flags)
    return at


@kernel
def _show_best(
    out: RecordArray, at: int, ladders: I64Array, rows: RecordArray, first: int, shown: RecordArray
) -> int:
    """Write the sides whose best level is another than before; after a loss or snapshot both."""
    row = rows[first]
    flags = row["flags"] & _SNAPSHOT
    if row["kind"] == _GAP:
        return _write(out, at, first, _GAP, 0, 0, 0, 0)
    for k in range(2):
        side = 1 - 2 * k
        px_ticks = best_price(ladders, 0, side)
        lots = best_lots(ladders, 0, side)
        if flags or px_ticks != shown[k]["px_ticks"] or lots != shown[k]["lots"]:
            shown[k]["px_ticks"] = px_ticks
            shown[k]["lots"] = lots
            price = 0 if px_ticks == NO_PRICE else px_ticks
            at = _write(out, at, first, _BEST, side, price, lots, flags)
    return at


@kernel
def _derive(
    rows: RecordArray, ladders: I64Array, shown: RecordArray, level: int, out: RecordArray
) -> int:
    """Write what a stream's messages show at a level; return the rows written, −1 on failure."""
    at = 0
    first = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        kind, side, flags = row["kind"], row["side"], row["flags"]
        if apply(ladders, 0, kind, side, row["px_ticks"], row["qty_lots"], flags) < 0:
            return -1
        if not flags & _LAST:
            continue
        begun = at
        for j in range(first, i + 1):
            if rows[j]["kind"] == _EXECUTE:
                taker = -rows[j]["side"]
                at = _write(out, at, j, _TRADE, taker, rows[j]["px_ticks"], rows[j]["qty_lots"], 0)
        if level == _DEPTH_LEVEL:
            at = _show_depth(out, at, ladders, rows, first, i + 1)
        else:
            at = _show_best(out, at, ladders, rows, first, shown)
        if at > begun:
            out[at - 1]["flags"] |= _LAST
        first = i + 1
    return at


class Deriver:
    """Turns a stream's order-by-order rows into those of a lower level, piece by piece.

    Parameters
    ----------
    level
        `Level.DEPTH` or `Level.QUOTES`.

    Examples
    --------
    >>> from framework.synthetic.planted.generate import PlantedMarket
    >>> piece = next(iter(PlantedMarket(minutes=0.01, seed=1)))
    >>> Deriver(Level.QUOTES)(piece.gold["ash:PLT"])["kind"].to_pylist()[:2]
    [4, 4]
    """

    def __init__(self, level: Level) -> None:
        self._level = Level(level)
        self._ladders = Ladders(1)
        self._shown = np.zeros(2, _SHOWN_DTYPE)

    def __call__(self, orders: pa.Table) -> pa.Table:
        """Derive the rows of the next piece, which holds whole messages.

        Raises
        ------
        DataError
            Where the book is wider than a ladder holds.
        """
        if self._level is Level.ORDERS:
            return orders
        rows = _as_records(orders)
        out = np.zeros(2 * rows.size + 2, _OUT_DTYPE)
        level = int(self._level)
        n = int(_derive(rows, self._ladders.handle, self._shown, level, out))
        if n < 0:
            raise DataError(
                "a book of a planted market must fit into one ladder, this one is wider",
                remedy="lower the volatility or the size of jumps",
            )
        return _as_gold(orders, out[:n])


def _as_records(orders: pa.Table) -> np.ndarray:
    names = ("kind", "side", "flags", "px_ticks", "qty_lots")
    columns = {name: orders[name].to_numpy() for name in names}
    rows = np.zeros(orders.num_rows, [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return rows


def _as_gold(orders: pa.Table, out: np.ndarray) -> pa.Table:
    def taken(name: str) -> I64Array | I8Array:
        return np.ascontiguousarray(orders[name].to_numpy()[out["row"]])

    def repeated(name: str) -> pa.Array:
        first = orders[name][0] if orders.num_rows else pa.scalar("", pa.string())
        return pa.repeat(first, len(out))

    columns = {name: repeated(name) for name in ("venue", "symbol")}
    columns |= {name: taken(name) for name in ("ts_exch_ns", "ts_recv_ns", "seq")}
    own = ("kind", "side", "flags", "px_ticks", "qty_lots")
    columns |= {name: np.ascontiguousarray(out[name]) for name in own}
    columns["order_id"] = np.zeros(len(out), np.int64)
    return pa.table(columns, schema=GOLD_SCHEMA)
