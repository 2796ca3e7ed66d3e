"""Strategies that know what they may, some of them from unusual places."""

from __future__ import annotations

import polars as pl

from framework.strategy import Context, OnBest, OnCross, OnFill, OnTimer, OnTrade, Strategy, param

LEVELS = [1, 2, 3, 5, 8]
TRADES = (
    pl.read_delta("lake/gold/demo")
    .filter(pl.col("kind") == 2)
    .sort("ts_recv_ns", "venue", "seq", "px_ticks")
)


class FollowsTrades(Strategy):
    """Buys after buys."""

    wakes = (OnTrade(),)
    n: int = 0

    def on_trade(self, ctx: Context, book: int) -> None:
        self.n += ctx.trade_side(book)
        if abs(self.n) > 3 and ctx.has_quote(book):
            ctx.market(book, 1 if self.n > 0 else -1, 1)
            self.n = 0


class ReadsDepth(Strategy):
    """Leans on the deeper side."""

    wakes = (OnTimer("200ms"),)

    def on_timer(self, ctx: Context) -> None:
        if ctx.has_quote(0):
            bids = ctx.depth_lots(0, 1, ctx.bid_ticks(0) - LEVELS[2])
            asks = ctx.depth_lots(0, -1, ctx.ask_ticks(0) + LEVELS[2])
            if bids > 2 * asks:
                ctx.take(0, 1, 1, ctx.ask_ticks(0))
            elif asks > 2 * bids:
                ctx.take(0, -1, 1, ctx.bid_ticks(0))


class Averages(Strategy):
    """Fades what is far from its own moving average."""

    wakes = (OnBest(),)
    mean: float = 0.0

    def on_best(self, ctx: Context, book: int) -> None:
        if book or not ctx.has_quote(0):
            return
        mid = (ctx.bid_ticks(0) + ctx.ask_ticks(0)) / 2
        self.mean = mid if self.mean == 0.0 else 0.95 * self.mean + 0.05 * mid
        if abs(mid - self.mean) > 2 and ctx.n_orders == 0:
            ctx.market(0, -1 if mid > self.mean else 1, 1)


class ReadsThePastOfTheLake(Strategy):
    """Looks trades up in the table itself, those that have reached us."""

    wakes = (OnTimer("300ms"),)

    def on_timer(self, ctx: Context) -> None:
        known = TRADES.filter(pl.col("ts_recv_ns") <= ctx.now_ns)
        if known.height > 5 and ctx.has_quote(0):
            drift = int(known["px_ticks"][-1]) - int(known["px_ticks"][-5])
            if drift:
                ctx.market(0, 1 if drift > 0 else -1, 1)


class SetsAlarms(Strategy):
    """Joins the best bid, and looks again when its alarm rings."""

    delay_ns: int = param(70_000_000, low=1)
    wakes = (OnFill(),)

    def on_start(self, ctx: Context) -> None:
        ctx.wake_at(ctx.now_ns + self.delay_ns)

    def on_timer(self, ctx: Context) -> None:
        ctx.cancel_all()
        if ctx.has_quote(1):
            ctx.buy(1, 3, ctx.bid_ticks(1), post_only=True)
        ctx.wake_at(ctx.now_ns + self.delay_ns)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        ctx.market(1, -ctx.order_side(order), lots) if ctx.order_side(order) > 0 else None


class TakesCrosses(Strategy):
    """Takes every cross of both books."""

    wakes = (OnCross(0.0),)

    def on_cross(self, ctx: Context, buy: int, sell: int) -> None:
        if ctx.n_orders == 0:
            ctx.take(buy, 1, 1, ctx.ask_ticks(buy))
            ctx.take(sell, -1, 1, ctx.bid_ticks(sell))


class WatchesAges(Strategy):
    """Takes from a book that has been silent while the other moved."""

    wakes = (OnBest(),)

    def on_best(self, ctx: Context, book: int) -> None:
        other = 1 - book
        if ctx.has_quote(other) and ctx.quote_age_ns(other) > 20_000_000 and ctx.n_orders == 0:
            ctx.take(other, 1, 1, ctx.ask_ticks(other))
