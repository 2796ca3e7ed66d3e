"""What an account stood at after some of a journal: positions, money and open orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent

STANDING_SCHEMA: Final = pl.Schema(
    {
        "venue": pl.String,
        "symbol": pl.String,
        "position": pl.Int64,
        "bought": pl.Int64,
        "sold": pl.Int64,
        "fee_micro": pl.Int64,
        "open_orders": pl.String,
    }
)
"""One row a book. Quantities are lots; ``fee_micro`` holds fees, funding and interest so far, in
millionths of tick · lot; ``open_orders`` lists what rests or is on its way, oldest first, as
``id:side lots@ticks``."""

_OVER: Final = (
    JournalEvent.REJECTED,
    JournalEvent.EXPIRED,
    JournalEvent.CANCELLED,
)
_TELLING: Final = (
    JournalEvent.SUBMITTED,
    JournalEvent.ACCEPTED,
    JournalEvent.FILLED,
    JournalEvent.REPLACED,
    JournalEvent.DECREMENTED,
    JournalEvent.REPRICED,
    *_OVER,
)
_SHOWN: Final = 6


def standing(instruments: Sequence[Instrument], rows: pl.DataFrame) -> pl.DataFrame:
    """Add a journal's rows up.

    Parameters
    ----------
    instruments
        The streams, in the order of the journal's ``book``.
    rows
        The journal's first rows.

    Returns
    -------
    shape (n_books,), `STANDING_SCHEMA`
    """
    fills = rows.filter(pl.col("event") == JournalEvent.FILLED)
    lots = pl.col("qty_lots")
    found = []
    for book, item in enumerate(instruments):
        own = fills.filter(pl.col("book") == book)
        bought = int(own.filter(pl.col("side") > 0).select(lots.sum()).item())
        sold = int(own.filter(pl.col("side") < 0).select(lots.sum()).item())
        paid = int(rows.filter(pl.col("book") == book)["fee_micro"].sum())
        orders = _open_orders(rows.filter(pl.col("book") == book))
        found.append((item.venue, item.symbol, bought - sold, bought, sold, paid, orders))
    return pl.DataFrame(found, schema=STANDING_SCHEMA, orient="row")


def _open_orders(rows: pl.DataFrame) -> str:
    last = (
        rows.filter(pl.col("event").is_in([int(event) for event in _TELLING]))
        .with_columns(
            pl.when(pl.col("event") == JournalEvent.SUBMITTED)
            .then(pl.col("qty_lots"))
            .otherwise(pl.col("leaves_lots"))
            .alias("left"),
            # A fill's price is not the order's.
            pl.when(pl.col("event") != JournalEvent.FILLED).then(pl.col("px_ticks")).alias("limit"),
        )
        .with_columns(pl.col("limit").forward_fill().over("order_id"))
        .unique("order_id", keep="last", maintain_order=True)
        .filter(~pl.col("event").is_in([int(event) for event in _OVER]) & (pl.col("left") > 0))
        .sort("order_id")
    )
    names = [
        f"{row['order_id']}:{'buy' if row['side'] > 0 else 'sell'} {row['left']}@{row['limit']}"
        for row in last.iter_rows(named=True)
    ]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more if names else "none"
