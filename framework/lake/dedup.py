"""Natural keys: when two rows tell the same event twice.

A trade is named by its id; without one, two equal trades may well be two trades, so rows are then
only compared with those of earlier files. A quote, an order message or a level is the same when
venue number, exchange time and content agree; depth without numbers is not compared within a file,
where a level may well be told twice. When a message reached us plays no part.
"""

from __future__ import annotations

from typing import Final

import polars as pl

_MESSAGE: Final = ("exchange", "symbol", "sequence", "exchange_timestamp_ns")
_KEYS: Final = {
    "depth": (*_MESSAGE, "first_sequence", "is_snapshot", "is_bid", "price", "volume"),
    "quotes": (
        *_MESSAGE,
        *("bid_price", "bid_volume", "ask_price", "ask_volume", "last_price", "last_volume"),
    ),
    "trades": (*_MESSAGE, "trade_id", "side", "price", "volume"),
    "orders": (*_MESSAGE, "action", "order_id", "side", "price", "volume"),
}
_LINE_KEY: Final = ("exchange", "symbol", "first_sequence", "sequence", "is_snapshot")


def without_repeats(rows: pl.DataFrame, kind: str, *, is_numbered: bool) -> pl.DataFrame:
    """Keep the first of equal rows of one file, in the order they came.

    Parameters
    ----------
    kind
        ``"depth"``, ``"quotes"``, ``"trades"`` or ``"orders"``.
    is_numbered
        True where the venue numbers its depth messages.
    """
    if kind == "depth":
        return _without_repeated_depth(rows) if is_numbered else rows
    if kind == "trades":
        named = pl.col("trade_id").is_not_null()
        first = pl.struct("exchange", "symbol", "trade_id").is_first_distinct()
        return rows if rows["trade_id"].is_null().all() else rows.filter(~named | first)
    clock = ["received_timestamp_ns"] if rows["sequence"].null_count() else []
    return rows.unique([*_KEYS[kind], *clock], keep="first", maintain_order=True)


def _without_repeated_depth(rows: pl.DataFrame) -> pl.DataFrame:
    """Drop repeated lines, where a line is a whole message, else repeated levels."""
    is_line = pl.col("source_row").ne_missing(pl.col("source_row").shift(1))
    lines = rows.filter(is_line)
    if lines.height == rows.height:
        return rows.unique(_KEYS["depth"], keep="first", maintain_order=True)
    repeated = lines.filter(~pl.struct(_LINE_KEY).is_first_distinct())
    if repeated.is_empty():
        return rows
    return rows.join(repeated, on=["source_file", "source_row"], how="anti", maintain_order="left")


def without_known(rows: pl.DataFrame, known: pl.LazyFrame, kind: str) -> pl.DataFrame:
    """Drop rows that earlier files brought.

    Parameters
    ----------
    known
        The silver table as it was before this file.
    """
    if rows.is_empty():
        return rows
    near = known.filter(_same_time(rows)).select(_KEYS[kind]).collect()
    if near.is_empty():
        return rows
    if kind == "trades":
        by_id = rows.filter(pl.col("trade_id").is_not_null())
        ids = near.filter(pl.col("trade_id").is_not_null())
        repeated = by_id.join(ids, on=["exchange", "symbol", "trade_id"], how="semi")
        rows = rows.join(repeated, on=["source_file", "source_row"], how="anti")
    return rows.join(
        near, on=list(_KEYS[kind]), how="anti", nulls_equal=True, maintain_order="left"
    )


def _same_time(rows: pl.DataFrame) -> pl.Expr:
    """Select what happened in the time the rows span, by the clock that the rows have."""
    exchange, received = pl.col("exchange_timestamp_ns"), pl.col("received_timestamp_ns")
    timed = rows["exchange_timestamp_ns"].drop_nulls()
    untimed = rows.filter(exchange.is_null())["received_timestamp_ns"]
    inside = pl.lit(False)
    if len(timed):
        inside = exchange.is_between(timed.min(), timed.max())
    if len(untimed):
        span = received.is_between(untimed.min(), untimed.max())
        inside = inside | (exchange.is_null() & span)
    return inside
