"""Rebuild a stream's book from its gold rows and note what it shows after every message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import polars as pl

from framework._jit import kernel
from framework.book.ladder import Ladders, apply, best_lots, best_price, level_lots
from framework.book.window import books_of
from framework.core.clock import NS_PER_S
from framework.core.events import ASK, BID, EventFlag, EventKind, I64Array

DAY_NS: Final = 86_400 * NS_PER_S

EVENT_DTYPE: Final = np.dtype(
    [
        ("kind", np.int64),
        ("side", np.int64),
        ("flags", np.int64),
        ("px_ticks", np.int64),
        ("qty_lots", np.int64),
    ]
)
"""What moves a book, of a gold row."""

STATE_DTYPE: Final = np.dtype(
    [
        ("bid_ticks", np.int64),
        ("bid_lots", np.int64),
        ("ask_ticks", np.int64),
        ("ask_lots", np.int64),
        ("is_valid", np.int64),
        ("before_lots", np.int64),
        ("after_lots", np.int64),
    ]
)
"""The book after a message's last row (`NO_PRICE` where a side is empty), and for every row the
quantity its level showed before and after it."""

_TRADE: Final = int(EventKind.TRADE)
_CLEAR: Final = int(EventKind.CLEAR)
_HIDDEN: Final = int(EventKind.HIDDEN_TRADE)
_STATUS: Final = int(EventKind.STATUS)
_GAP: Final = int(EventKind.GAP)
_LAST: Final = int(EventFlag.LAST)
BOOK_KINDS: Final = (
    EventKind.DEPTH,
    EventKind.CLEAR,
    EventKind.BEST,
    EventKind.ORDER_ADD,
    EventKind.ORDER_REDUCE,
    EventKind.ORDER_DELETE,
    EventKind.ORDER_EXECUTE,
)
"""Kinds that change what a book shows."""


@kernel
def _rebuild(ladders: I64Array, events: np.ndarray, states: np.ndarray, start: int) -> int:
    """Apply events from row ``start`` on; return the row where far levels are full, or the end."""
    for i in range(start, events.size):
        event = events[i]
        kind = event.kind
        side = event.side
        px_ticks = event.px_ticks
        before = apply(ladders, 0, kind, side, px_ticks, event.qty_lots, event.flags)
        if before < 0:
            return i
        state = states[i]
        state.before_lots = before
        if (
            kind != _CLEAR
            and kind != _TRADE
            and kind != _HIDDEN
            and kind != _STATUS
            and kind != _GAP
        ):
            state.after_lots = level_lots(ladders, 1 if side < 0 else 0, side * px_ticks)
        if event.flags & _LAST:
            state.bid_ticks = best_price(ladders, 0, BID)
            state.bid_lots = best_lots(ladders, 0, BID)
            state.ask_ticks = best_price(ladders, 0, ASK)
            state.ask_lots = best_lots(ladders, 0, ASK)
            state.is_valid = books_of(ladders)[0].valid
    return events.size


def rebuild(gold: pl.DataFrame, ladders: Ladders) -> pl.DataFrame:
    """Apply gold rows of one stream, in their order, to book 0 of `ladders`.

    Returns
    -------
    pl.DataFrame
        The rows with the columns of `STATE_DTYPE`; the book's columns hold where ``flags`` has
        LAST and are 0 elsewhere.
    """
    events = np.zeros(gold.height, EVENT_DTYPE)
    for name in EVENT_DTYPE.names or ():
        events[name] = gold[name].to_numpy()
    states = np.zeros(gold.height, STATE_DTYPE)
    reached = 0
    while True:
        reached = _rebuild(ladders.handle, events, states, reached)
        if reached == events.size:
            break
        ladders.grow_far()
    columns = {name: np.ascontiguousarray(states[name]) for name in STATE_DTYPE.names or ()}
    return gold.hstack(pl.DataFrame(columns).with_columns(pl.col("is_valid").cast(pl.Boolean)))


def stream_days(gold: pl.LazyFrame, venue: str, symbol: str) -> Iterator[pl.DataFrame]:
    """Yield a stream's gold rows day by day (UTC), in replay order, one day in memory at a time."""
    rows = gold.filter(pl.col("venue") == venue, pl.col("symbol") == symbol)
    first, last = (
        rows.select(first=pl.col("ts_exch_ns").min(), last=pl.col("ts_exch_ns").max())
        .collect()
        .row(0)
    )
    if first is None:
        return
    for day in range(first // DAY_NS, last // DAY_NS + 1):
        of_day = pl.col("ts_exch_ns").is_between(day * DAY_NS, (day + 1) * DAY_NS, closed="left")
        frame = rows.filter(of_day).collect().sort("ts_exch_ns", "seq", maintain_order=True)
        if frame.height:
            yield frame


def rebuilt_days(gold: pl.LazyFrame, venue: str, symbol: str) -> Iterator[pl.DataFrame]:
    """Yield a stream's rows with the state of its book, day by day; see `rebuild`."""
    ladders = Ladders(1)
    for frame in stream_days(gold, venue, symbol):
        yield rebuild(frame, ladders)


def message_ends(rebuilt: pl.DataFrame) -> pl.DataFrame:
    """Keep the last row of every message that moves the book."""
    kinds = [int(kind) for kind in BOOK_KINDS]
    return rebuilt.filter(
        pl.col("kind").is_in(kinds) & (pl.col("flags") & int(EventFlag.LAST) != 0)
    )
