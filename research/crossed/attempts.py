"""What a run made of every cross it tried to take: both legs, and what evening them out cost."""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.core.orders import JournalEvent
from framework.engine.result import Result

ATTEMPT_SCHEMA: Final = pl.Schema(
    {
        "sent_ns": pl.Int64,
        "buy": pl.String,
        "sell": pl.String,
        "quantity": pl.Float64,
        "bought": pl.Float64,
        "sold": pl.Float64,
        "captured": pl.Float64,
        "legging": pl.Float64,
    }
)
"""``quantity`` is what each leg asked for, ``bought`` and ``sold`` what they got; ``captured`` is
the profit of what both got, fees paid; ``legging`` the profit, mostly a loss, of what only one of
them got, together with the orders that closed it until the next attempt, fees paid."""


def attempts(result: Result) -> pl.DataFrame:
    """Find the pairs of legs in a journal: a buy and a sell at two venues, sent at one instant.

    Every later order before the next pair counts as closing what the pair left open.

    Returns
    -------
    shape (n_attempts,), `ATTEMPT_SCHEMA`, by time

    Raises
    ------
    DataError
        Where an instrument is inverse: its cash is not in the currency of its price.
    """
    inverse = [item.name for item in result.instruments if item.inverse]
    if inverse:
        raise DataError(
            f"legs are netted in one quote currency, {', '.join(inverse)} is an inverse contract",
            remedy="compare linear instruments",
        )
    sent = _sent(result)
    fills = result.fills.group_by("order_id").agg(
        filled=pl.col("quantity").sum(),
        notional=(pl.col("price") * pl.col("quantity")).sum(),
        paid=pl.col("fee").sum(),
    )
    sizes = {item.name: float(item.contract_size) for item in result.instruments}
    orders = (
        sent.join(fills, on="order_id", how="left")
        .with_columns(pl.col("filled", "notional", "paid").fill_null(0.0))
        .with_columns(
            pl.col("notional") * pl.col("stream").replace_strict(sizes, return_dtype=pl.Float64)
        )
        .with_columns(
            cash=-pl.col("side") * pl.col("notional") - pl.col("paid"),
            attempt=pl.col("is_leg").and_(pl.col("side") > 0).cum_sum(),
        )
        .filter(pl.col("attempt") > 0)
    )
    is_buy, is_sell = (pl.col("is_leg") & (pl.col("side") == side) for side in (1, -1))
    found = orders.group_by("attempt", maintain_order=True).agg(
        pl.col("sent_ns").first(),
        pl.col("stream").filter(is_buy).first().alias("buy"),
        pl.col("stream").filter(is_sell).first().alias("sell"),
        pl.col("quantity").filter(is_buy).first(),
        pl.col("filled").filter(is_buy).first().alias("bought"),
        pl.col("filled").filter(is_sell).first().alias("sold"),
        pl.col("cash").filter(is_buy).first().alias("buy_cash"),
        pl.col("cash").filter(is_sell).first().alias("sell_cash"),
        pl.col("cash").sum(),
    )
    both = pl.min_horizontal("bought", "sold")
    matched = [
        pl.when(pl.col(lots) > 0).then(pl.col(cash) * both / pl.col(lots)).otherwise(0.0)
        for cash, lots in (("buy_cash", "bought"), ("sell_cash", "sold"))
    ]
    return (
        found.with_columns(captured=matched[0] + matched[1])
        .with_columns(legging=pl.col("cash") - pl.col("captured"))
        .select(ATTEMPT_SCHEMA.names())
        .cast(ATTEMPT_SCHEMA)
    )


def _sent(result: Result) -> pl.DataFrame:
    """Orders as sent, with whether each is one of a pair of legs."""
    journal = pl.DataFrame(result.journal)
    names = [item.name for item in result.instruments]
    lots = [float(item.lot) for item in result.instruments]
    books = list(range(len(names)))
    at_once = pl.len().over("ts_ns")
    return (
        journal.filter(pl.col("event") == JournalEvent.SUBMITTED)
        .with_columns(
            stream=pl.col("book").replace_strict(books, names, return_dtype=pl.String),
            quantity=pl.col("qty_lots")
            * pl.col("book").replace_strict(books, lots, return_dtype=pl.Float64),
            is_leg=(at_once == 2)
            & (pl.col("side").cast(pl.Int64).sum().over("ts_ns") == 0)
            & (pl.col("book").n_unique().over("ts_ns") == 2),
        )
        .sort("ts_ns", "order_id")
        .select("order_id", "stream", "side", "quantity", "is_leg", sent_ns="ts_ns")
        # The buying leg first, so that it opens the attempt both belong to.
        .sort("sent_ns", pl.col("is_leg") & (pl.col("side") < 0), maintain_order=True)
    )
