"""A journal in words and in units of the venue."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Final

import polars as pl
import pyarrow as pa

from framework.core.events import NO_PRICE
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, OrderType, Reason, TimeInForce

STORY_SCHEMA: Final = pl.Schema(
    {
        "time": pl.String,
        "venue": pl.String,
        "symbol": pl.String,
        "order": pl.Int64,
        "event": pl.String,
        "side": pl.String,
        "price": pl.Float64,
        "quantity": pl.Float64,
        "leaves": pl.Float64,
        "queue_ahead": pl.Float64,
        "fee_micro": pl.Int64,
        "order_type": pl.String,
        "time_in_force": pl.String,
        "liquidity": pl.String,
        "reason": pl.String,
        "bid": pl.Float64,
        "ask": pl.Float64,
    }
)
"""A journal's row, readable: ``time`` is UTC, prices and quantities are the venue's, enums are
words (empty where none); ``fee_micro`` stays in millionths of tick · lot, exact."""


def told_journal(
    instruments: Sequence[Instrument], journal: pa.Table | pl.DataFrame
) -> pl.DataFrame:
    """Tell every row of a journal in words.

    Parameters
    ----------
    instruments
        The streams, in the order of the journal's ``book``.
    journal
        Rows of `framework.engine.result.JOURNAL_SCHEMA`.

    Returns
    -------
    shape (n,), `STORY_SCHEMA`
    """
    rows = journal if isinstance(journal, pl.DataFrame) else pl.DataFrame(pl.from_arrow(journal))
    books = list(range(len(instruments)))

    def per_book(values: Sequence[object], kind: type[pl.DataType]) -> pl.Expr:
        return pl.col("book").replace_strict(books, list(values), return_dtype=kind, default=None)

    tick = per_book([float(i.tick) for i in instruments], pl.Float64)
    lot = per_book([float(i.lot) for i in instruments], pl.Float64)

    def price(column: str) -> pl.Expr:
        known = (pl.col(column) != NO_PRICE) & (pl.col(column) != 0)
        return pl.when(known).then((pl.col(column) * tick).round(10))

    return rows.select(
        _utc().alias("time"),
        per_book([i.venue for i in instruments], pl.String).alias("venue"),
        per_book([i.symbol for i in instruments], pl.String).alias("symbol"),
        pl.col("order_id").alias("order"),
        _words("event", JournalEvent),
        pl.col("side").replace_strict([1, -1], ["buy", "sell"], default=""),
        price("px_ticks").alias("price"),
        (pl.col("qty_lots") * lot).round(10).alias("quantity"),
        (pl.col("leaves_lots") * lot).round(10).alias("leaves"),
        (pl.col("queue_ahead_lots") * lot).alias("queue_ahead"),
        "fee_micro",
        _words("order_type", OrderType),
        _words("time_in_force", TimeInForce),
        _words("liquidity", Liquidity),
        _words("reason", Reason),
        price("bid_ticks").alias("bid"),
        price("ask_ticks").alias("ask"),
    )


def worded(journal: pa.Table | pl.DataFrame) -> pl.DataFrame:
    """Write a journal's instants and enums in words; numbers stay whole ticks and lots."""
    rows = journal if isinstance(journal, pl.DataFrame) else pl.DataFrame(pl.from_arrow(journal))
    return rows.with_columns(
        _utc().alias("time"),
        _words("event", JournalEvent),
        pl.col("side").replace_strict([1, -1], ["buy", "sell"], default=""),
        _words("order_type", OrderType),
        _words("time_in_force", TimeInForce),
        _words("liquidity", Liquidity),
        _words("reason", Reason),
    ).select("time", pl.exclude("time", "ts_ns"))


def _utc() -> pl.Expr:
    """Write instants as `framework.core.clock.format_ns` does."""
    return pl.col("ts_ns").cast(pl.Datetime("ns")).dt.strftime("%Y-%m-%dT%H:%M:%S%.9fZ")


def _words(column: str, kinds: type[IntEnum]) -> pl.Expr:
    numbers = [int(kind) for kind in kinds]
    words = ["" if kind.name == "NONE" else kind.name.lower().replace("_", " ") for kind in kinds]
    return pl.col(column).replace_strict(numbers, words, default="", return_dtype=pl.String)
