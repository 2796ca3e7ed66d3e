"""One order's life, told from the journal and a traced run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from framework.core.errors import CrossbookError
from framework.core.events import NO_PRICE
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, Reason, TraceEvent

LIFE_SCHEMA: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "what": pl.String,
        "price": pl.Float64,
        "quantity": pl.Float64,
        "leaves": pl.Float64,
        "queue_ahead": pl.Float64,
        "bid": pl.Float64,
        "ask": pl.Float64,
    }
)
"""What happened to an order, in order. ``price`` and ``quantity`` are the order's own, or those of
the trade, level or fill that moved it; ``queue_ahead`` is what stood before it afterwards (null
where it was not resting); ``bid`` and ``ask`` are the best prices at that instant, as in the
journal."""

_SENT: Final = (JournalEvent.SUBMITTED, JournalEvent.CANCEL_SENT, JournalEvent.REPLACE_SENT)
_QUEUE: Final = (TraceEvent.QUEUED, TraceEvent.LEVEL, TraceEvent.TRADE, TraceEvent.CROSSED)
_TOLD: Final = {
    TraceEvent.QUEUED: "joined the queue",
    TraceEvent.LEVEL: "its level changed",
    TraceEvent.TRADE: "a trade met it",
    TraceEvent.CROSSED: "the other side came to its price",
}
_NEAREST: Final = 5


def check_sent(order_id: int, journal: pa.Table, counters: dict[str, int]) -> None:
    """Refuse an order that a trial has not sent, unless its journal tells of fills alone.

    Raises
    ------
    CrossbookError
        Naming the nearest ids it did send.
    """
    sent = journal.filter(pc.equal(journal["event"], int(JournalEvent.SUBMITTED)))
    ids = sent["order_id"].to_pylist()
    orders = counters.get("orders", len(ids))
    if order_id not in ids and len(ids) == orders:
        raise not_sent(order_id, orders, ids)


def not_sent(order_id: int, orders: int, ids: Sequence[int]) -> CrossbookError:
    """Make the error that names the nearest of the orders that were sent, as far as known."""
    nearest = sorted(sorted(ids, key=lambda own: abs(own - order_id))[:_NEAREST])
    return CrossbookError(
        f"an order to explain must be one the run sent, {order_id} is none of its {orders}",
        remedy=f"the nearest ids are {', '.join(map(str, nearest))}"
        if nearest
        else "its fills name orders that it sent, if it sent any",
    )


def order_life(instruments: Sequence[Instrument], trace: pa.Table) -> pl.DataFrame:
    """Tell one order's life from its rows, in the order in which they were written.

    Returns
    -------
    pl.DataFrame
        `LIFE_SCHEMA`.
    """
    own = pl.DataFrame(pl.from_arrow(trace))
    item = instruments[own["book"][0]]
    lot = float(item.lot)
    told = [
        (
            row["ts_ns"],
            _what(row),
            item.price(row["px_ticks"]),
            item.quantity(row["qty_lots"]) if row["qty_lots"] else None,
            item.quantity(row["leaves_lots"]),
            row["queue_ahead_lots"] * lot if _rests(row) else None,
            None if row["bid_ticks"] == NO_PRICE else item.price(row["bid_ticks"]),
            None if row["ask_ticks"] == NO_PRICE else item.price(row["ask_ticks"]),
        )
        for row in own.iter_rows(named=True)
    ]
    return pl.DataFrame(told, schema=LIFE_SCHEMA, orient="row")


def _rests(row: dict[str, int]) -> bool:
    is_maker_fill = row["event"] == JournalEvent.FILLED and row["liquidity"] == Liquidity.MAKER
    return row["event"] in _QUEUE or is_maker_fill


def _what(row: dict[str, int]) -> str:
    event = row["event"]
    if event == TraceEvent.HEARD:
        return f"heard: {_name(JournalEvent(row['reason']))}"
    if event in _QUEUE:
        return _TOLD[TraceEvent(event)]
    where = "we" if event in _SENT else "venue"
    reason = Reason(row["reason"])
    detail = f" ({_name(reason)})" if reason != Reason.NONE else ""
    if event == JournalEvent.FILLED:
        detail = f" as {_name(Liquidity(row['liquidity']))}"
    return f"{where}: {_name(JournalEvent(event))}{detail}"


def _name(value: JournalEvent | Reason | Liquidity) -> str:
    return value.name.lower().replace("_", " ")
