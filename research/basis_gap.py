"""The basis gap: how far what a strategy decided on was from what was true.

Every request in a journal shows the mid that the strategy knew less the venue's mid at that
instant, and the time since the last message it knew of happened at the venue.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.core.events import NO_PRICE
from framework.core.orders import JournalEvent, OrderType
from framework.engine.result import Result

DECISION_SCHEMA: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "venue": pl.String,
        "symbol": pl.String,
        "order_id": pl.Int64,
        "event": pl.Int8,
        "is_priced": pl.Boolean,
        "gap_ticks": pl.Float64,
        "gap_bps": pl.Float64,
        "age_ms": pl.Float64,
    }
)
"""One row a request: ``gap_ticks`` and ``gap_bps`` are the known mid less the true one, null where
one of them did not exist; ``age_ms`` is null where nothing was known. ``is_priced``: it is not
about a market order, which takes any price."""
QUANTILES: Final = (0.5, 0.95, 0.99)

_SENT: Final = (JournalEvent.SUBMITTED, JournalEvent.CANCEL_SENT, JournalEvent.REPLACE_SENT)


def decisions(result: Result) -> pl.DataFrame:
    """List what every request of a run was decided on.

    Returns
    -------
    shape (n_requests,), `DECISION_SCHEMA`, as they were sent
    """
    journal = pl.DataFrame(pl.from_arrow(result.journal))
    books = list(range(len(result.instruments)))
    venues = [item.venue for item in result.instruments]
    symbols = [item.symbol for item in result.instruments]
    gap = pl.col("mid_gap_half_ticks")
    known = gap != NO_PRICE
    twice_mid = pl.col("bid_ticks") + pl.col("ask_ticks") - gap
    book = pl.col("book")
    return journal.filter(pl.col("event").is_in([int(event) for event in _SENT])).select(
        "ts_ns",
        book.replace_strict(books, venues, return_dtype=pl.String).alias("venue"),
        book.replace_strict(books, symbols, return_dtype=pl.String).alias("symbol"),
        "order_id",
        "event",
        (pl.col("order_type") != int(OrderType.MARKET)).alias("is_priced"),
        pl.when(known).then(gap / 2).alias("gap_ticks"),
        pl.when(known).then(gap / twice_mid * 1e4).alias("gap_bps"),
        pl.when(pl.col("seen_age_ns") >= 0).then(pl.col("seen_age_ns") / 1e6).alias("age_ms"),
    )


def gap_quantiles(rows: pl.DataFrame) -> dict[str, float | None]:
    """Give quantiles of the size of the gap and of the age, by name: ``gap_p95_bps``, ….

    Parameters
    ----------
    rows
        As `decisions` gives them.
    """
    found: dict[str, float | None] = {}
    for name, column in (
        ("gap_p{}_bps", pl.col("gap_bps").abs()),
        ("age_p{}_ms", pl.col("age_ms")),
    ):
        for share in QUANTILES:
            value = rows.select(column.drop_nulls().quantile(share, "linear")).item()
            found[name.format(round(share * 100))] = value
    return found
