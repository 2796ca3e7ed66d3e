"""A backtest's journal as orders and executions.

The decision is the instant at which the strategy sent the order, and its price the mid the strategy
saw then. Arrival is the venue's acceptance, at the venue's own mid. What a cancel, an expiry or a
refusal left unfilled is unfilled at the venue's mid of that instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl
import pyarrow as pa

from framework.core.errors import DataError
from framework.core.events import NO_PRICE
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent, Liquidity, OrderType, TimeInForce
from research.tca.identity import assert_equal
from research.tca.trading import EXECUTION_SCHEMA, ORDER_SCHEMA, Trading

_STANDING: Final = (
    JournalEvent.SUBMITTED,
    JournalEvent.ACCEPTED,
    JournalEvent.REJECTED,
    JournalEvent.FILLED,
    JournalEvent.EXPIRED,
    JournalEvent.CANCELLED,
    JournalEvent.REPLACED,
    JournalEvent.DECREMENTED,
)
"""Events whose row says what is left of an order."""
_ENDING: Final = (JournalEvent.REJECTED, JournalEvent.EXPIRED, JournalEvent.CANCELLED)

_CHANGING: Final = (JournalEvent.REPLACED, JournalEvent.DECREMENTED)
_LOST: Final = "run it again: fills are missing from the journal, or stand in it twice"


def from_journal(
    journal: pa.Table, instruments: Sequence[Instrument], *, journal_hash: str, strategy: str
) -> Trading:
    """Read a journal as trading to be analysed.

    Parameters
    ----------
    journal
        `framework.engine.result.JOURNAL_SCHEMA`.
    instruments
        The journal's streams.
    journal_hash, strategy
        Name of the run, and of what traded.

    Raises
    ------
    DataError
        Where the journal holds fills of orders without telling of the orders.
    IdentityError
        Where what an order has left is not what was sent less what was filled.
    """
    frame = pl.from_arrow(journal)
    assert isinstance(frame, pl.DataFrame)
    rows = frame.filter(pl.col("order_id") != 0)
    _check_whole(rows)
    return Trading(
        source="backtest",
        key=journal_hash,
        instruments=tuple(instruments),
        orders=_orders(rows, strategy),
        executions=_executions(rows),
        is_priced=True,
    )


def _check_whole(rows: pl.DataFrame) -> None:
    sent = rows.filter(pl.col("event") == JournalEvent.SUBMITTED)["order_id"]
    filled = rows.filter(pl.col("event") == JournalEvent.FILLED)["order_id"]
    unknown = filled.filter(~filled.is_in(sent.implode()))
    if unknown.len():
        raise DataError(
            f"costs need the whole life of orders, the journal has a fill of order {unknown[0]} "
            "but not when it was sent",
            remedy="run it again with journal: all",
        )


def _check_left(orders: pl.DataFrame, rows: pl.DataFrame) -> None:
    """Hold what orders had left in the end against what was sent and filled.

    Of the few whose quantity was changed on the way, every fill is held against what was left
    before and after it.
    """
    is_change = pl.col("event").is_in([int(e) for e in _CHANGING])
    changed = rows.filter(is_change)["order_id"].unique().implode()
    assert_equal(
        orders.filter(~pl.col("order_id").is_in(changed)),
        pl.col("sent_lots") - pl.col("filled_lots"),
        pl.col("unfilled_lots"),
        "sent - filled = left",
        remedy=_LOST,
    )
    is_standing = pl.col("event").is_in([int(e) for e in _STANDING])
    standing = rows.filter(is_standing, pl.col("order_id").is_in(changed)).select(
        "order_id",
        "event",
        "qty_lots",
        "leaves_lots",
        before=pl.col("leaves_lots").shift().over("order_id"),
    )
    taken = (JournalEvent.FILLED, JournalEvent.DECREMENTED)
    assert_equal(
        standing.filter(pl.col("event").is_in([int(e) for e in taken])),
        pl.col("before") - pl.col("qty_lots"),
        pl.col("leaves_lots"),
        "left before - filled = left after",
        remedy=_LOST,
    )


def _mid() -> pl.Expr:
    both = (pl.col("bid_ticks") != NO_PRICE) & (pl.col("ask_ticks") != NO_PRICE)
    return pl.when(both).then(pl.col("bid_ticks") + pl.col("ask_ticks"))


def _touch() -> pl.Expr:
    opposite = pl.when(pl.col("side") > 0).then("ask_ticks").otherwise("bid_ticks")
    return pl.when(opposite != NO_PRICE).then(2 * opposite)


def _orders(rows: pl.DataFrame, strategy: str) -> pl.DataFrame:
    sent = rows.filter(pl.col("event") == JournalEvent.SUBMITTED).select(
        "order_id",
        "book",
        "side",
        order_type=_order_type(),
        decided_ns="ts_ns",
        decision_hticks=_mid(),
        sent_lots="qty_lots",
    )
    arrived = (
        rows.filter(pl.col("event") == JournalEvent.ACCEPTED)
        .unique("order_id", keep="first", maintain_order=True)
        .select("order_id", arrived_ns="ts_ns", arrival_hticks=_mid(), touch_hticks=_touch())
    )
    is_over = pl.col("event").is_in([int(e) for e in _ENDING]) | (pl.col("leaves_lots") == 0)
    last = (
        rows.filter(pl.col("event").is_in([int(e) for e in _STANDING]))
        .unique("order_id", keep="last", maintain_order=True)
        .select(
            "order_id",
            unfilled_lots="leaves_lots",
            ended_ns=pl.when(is_over).then("ts_ns"),
            end_hticks=pl.when(is_over).then(_mid()),
        )
    )
    filled = (
        rows.filter(pl.col("event") == JournalEvent.FILLED)
        .group_by("order_id")
        .agg(filled_lots=pl.col("qty_lots").sum())
    )
    whole = sent
    for part in (arrived, last, filled):
        whole = whole.join(part, on="order_id", how="left", maintain_order="left")
    whole = whole.with_columns(pl.col("filled_lots").fill_null(0))
    _check_left(whole, rows)
    return whole.with_columns(
        strategy=pl.lit(strategy),
        touch_lots=pl.lit(None, pl.Int64),
    ).select(pl.col(name).cast(dtype) for name, dtype in ORDER_SCHEMA.items())


def _executions(rows: pl.DataFrame) -> pl.DataFrame:
    made = rows.filter(pl.col("event") == JournalEvent.FILLED).select(
        "order_id",
        "book",
        "side",
        "ts_ns",
        px_hticks=2 * pl.col("px_ticks"),
        qty_lots="qty_lots",
        liquidity=pl.when(pl.col("liquidity") == Liquidity.MAKER)
        .then(pl.lit("maker"))
        .otherwise(pl.lit("taker")),
        fee_micro="fee_micro",
        fill_hticks=_mid(),
    )
    return made.select(pl.col(name).cast(dtype) for name, dtype in EXECUTION_SCHEMA.items())


def _order_type() -> pl.Expr:
    kinds = [kind.name.lower() for kind in OrderType]
    lives = [life.name.lower() for life in TimeInForce]
    kind = pl.col("order_type").replace_strict(list(map(int, OrderType)), kinds)
    life = pl.col("time_in_force").replace_strict(list(map(int, TimeInForce)), lives)
    is_limit = pl.col("order_type").is_in([int(OrderType.LIMIT)])
    return pl.when(is_limit).then(pl.concat_str(kind, life, separator=" ")).otherwise(kind)
