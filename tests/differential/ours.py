"""What became of every order of a case on Crossbook."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from framework.core.events import NO_PRICE
from framework.core.orders import JournalEvent
from framework.engine.backtest import run_backtest
from framework.engine.result import Result
from framework.replay.stream import GoldStream
from framework.strategy import Context, OnTimer, Strategy, param
from tests.differential.cases import Case, grids

OUTCOME: Final = pl.Schema(
    {
        "order_id": pl.Int64,
        "book": pl.Int64,
        "side": pl.Int64,
        "limit_ticks": pl.Int64,
        "state": pl.String,
        "ts_ns": pl.Int64,
        "px_ticks": pl.Int64,
        "filled_lots": pl.Int64,
    }
)
"""An order that is over. ``state`` is filled, cancelled, refused or expired; ``ts_ns`` is when it
ended at the venue; ``px_ticks`` is the price of its last fill, 0 without."""

_STATES: Final = {
    int(JournalEvent.FILLED): "filled",
    int(JournalEvent.CANCELLED): "cancelled",
    int(JournalEvent.REJECTED): "refused",
    int(JournalEvent.EXPIRED): "expired",
}


class JoinBest(Strategy):
    """Cancel all and join the best bid and ask at every interval."""

    interval_ns: int = param(1)
    start_ns: int = param(0)
    lots: int = param(1)
    wakes = (OnTimer("interval_ns"),)

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns < self.start_ns:
            return
        ctx.cancel_all()
        ctx.buy(0, self.lots, ctx.bid_ticks(0), post_only=True)
        ctx.sell(0, self.lots, ctx.ask_ticks(0), post_only=True)


class TakeCross(Strategy):
    """Buy the cheaper book and sell the dearer one at every interval, immediate or cancel."""

    interval_ns: int = param(1)
    start_ns: int = param(0)
    lots_0: int = param(1)
    lots_1: int = param(1)
    grid_0: int = param(1)
    grid_1: int = param(1)
    premium: int = param(0)
    wakes = (OnTimer("interval_ns"),)

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns < self.start_ns:
            return
        lots, steps = (self.lots_0, self.lots_1), (self.grid_0, self.grid_1)
        for buy in range(2):
            sell = 1 - buy
            ask, bid = ctx.ask_ticks(buy), ctx.bid_ticks(sell)
            if NO_PRICE in (ask, bid):
                continue
            premium = self.premium if buy else -self.premium
            if bid * steps[sell] - ask * steps[buy] + premium > 0:
                ctx.take(buy, 1, lots[buy], ask)
                ctx.take(sell, -1, lots[sell], bid)


def run_case(case: Case, streams: Sequence[GoldStream]) -> Result:
    """Run a case."""
    chosen = case.streams(streams)
    return run_backtest(_strategy(case, chosen), chosen, case.config())


def _strategy(case: Case, streams: Sequence[GoldStream]) -> Strategy:
    start_ns = case.start_ns(streams)
    if case.strategy == "join_best":
        return JoinBest(interval_ns=case.interval_ns, start_ns=start_ns, lots=case.lots[0])
    steps = grids(streams)
    return TakeCross(
        interval_ns=case.interval_ns,
        start_ns=start_ns,
        lots_0=case.lots[0],
        lots_1=case.lots[1],
        grid_0=steps[0],
        grid_1=steps[1],
        premium=case.premium,
    )


def orders_over(result: Result) -> pl.DataFrame:
    """Gather from a journal the orders that are over; rows of `OUTCOME` by order id."""
    journal = pl.DataFrame(pl.from_arrow(result.journal))
    is_fill = pl.col("event") == JournalEvent.FILLED
    fills = (
        journal.filter(is_fill)
        .group_by("order_id", maintain_order=True)
        .agg(
            pl.col("px_ticks").last().alias("fill_ticks"),
            pl.col("qty_lots").sum().alias("filled_lots"),
        )
    )
    limits = journal.filter(pl.col("event") == JournalEvent.SUBMITTED).select(
        "order_id", limit_ticks="px_ticks"
    )
    over = journal.filter(
        pl.col("event").is_in(list(_STATES)) & ((pl.col("leaves_lots") == 0) | ~is_fill)
    )
    return (
        over.join(fills, on="order_id", how="left")
        .join(limits, on="order_id")
        .with_columns(
            state=pl.col("event").replace_strict(_STATES, return_dtype=pl.String),
            px_ticks=pl.col("fill_ticks").fill_null(0),
            filled_lots=pl.col("filled_lots").fill_null(0),
        )
        .select(pl.col(name).cast(kind) for name, kind in OUTCOME.items())
        .sort("order_id")
    )
