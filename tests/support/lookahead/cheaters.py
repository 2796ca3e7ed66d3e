"""Strategies that know too much, each in its own way; run where ``lake`` holds the demo market."""

from __future__ import annotations

import numpy as np
import polars as pl

from framework.replay import open_streams
from framework.strategy import Context, OnBest, OnTimer, Strategy
from research.crossed import stream_quotes

ORDER = ("ts_exch_ns", "venue", "seq", "side", "px_ticks", "qty_lots")
TRADES = pl.read_delta("lake/gold/demo").filter(pl.col("kind") == 2).sort(ORDER)


def next_trade(now_ns: int) -> int:
    later = TRADES.filter(pl.col("ts_exch_ns") > now_ns + 200_000_000)
    return int(later["px_ticks"][0]) if later.height else 0


class PeeksThroughAGlobal(Strategy):
    """Trades towards where the price will be."""

    wakes = (OnTimer("500ms"),)

    def on_timer(self, ctx: Context) -> None:
        if not ctx.has_quote(0):
            return
        price = next_trade(ctx.now_ns)
        if price > ctx.ask_ticks(0):
            ctx.market(0, 1, 1)
        elif price < ctx.bid_ticks(0):
            ctx.market(0, -1, 1)


class PeeksThroughAFeature(Strategy):
    """Compares with the mean and deviation of the whole table."""

    wakes = (OnTimer("500ms"),)

    def on_start(self, ctx: Context) -> None:
        quotes = stream_quotes(open_streams("lake", "demo"))
        mids = (quotes["bid"] + quotes["ask"]).to_numpy() / 2
        self.mean = float(np.nanmean(mids))
        self.deviation = float(np.nanstd(mids))

    def on_timer(self, ctx: Context) -> None:
        if ctx.has_quote(0):
            mid = (ctx.bid_ticks(0) + ctx.ask_ticks(0)) * ctx.tick(0) / 2
            score = (mid - self.mean) / self.deviation
            if abs(score) > 0.3:
                ctx.market(0, -1 if score > 0 else 1, 1)


class PeeksAtThisInstant(Strategy):
    """Reads the other venue's rows of this very instant, which have not reached us."""

    wakes = (OnBest(),)

    def on_start(self, ctx: Context) -> None:
        rows = pl.read_delta("lake/gold/demo").filter(pl.col("venue") == "beta")
        self.rows = rows.sort(ORDER)

    def on_best(self, ctx: Context, book: int) -> None:
        if book == 0 and ctx.n_orders == 0:
            at = self.rows["ts_exch_ns"].search_sorted(ctx.now_ns, side="right") - 1
            price = int(self.rows["px_ticks"][at])
            if price > ctx.ask_ticks(0):
                ctx.take(0, 1, 1, ctx.ask_ticks(0))


class PeeksByFailing(Strategy):
    """Needs the future to exist."""

    wakes = (OnTimer("500ms"),)

    def on_timer(self, ctx: Context) -> None:
        later = TRADES.filter(pl.col("ts_exch_ns") > ctx.now_ns)
        if TRADES["ts_exch_ns"][-1] > ctx.now_ns + 5_000_000_000 and later["px_ticks"][40] > 0:
            ctx.market(0, 1, 1)
