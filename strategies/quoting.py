"""What quoting strategies share: when they look, and how quotes are kept where they belong."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from framework.features import Ema
from framework.strategy import Context, OnTimer, param, per_book
from framework.strategy.wake import Wake
from strategies.forecast_guard import ForecastGuard


class Quoting(ForecastGuard):
    """Keep one bid and one ask in each book; a subclass says where.

    Every `interval_ns` each book with a bid and an ask is handed to `quote_book`, which ends in
    `place`. Between the two an overlay such as `strategies.defensive` may step in: a subclass that
    also inherits from it gets its `place`. Last of all `strategies.forecast_guard` has its say. A
    quote that has not moved is left alone, so that it keeps its place in the queue.
    """

    interval_ns: int = param(100_000_000, low=1_000_000, high=60_000_000_000, log=True)
    size: int = param(1, low=1, high=1_000_000, doc="lots of each quote")
    max_position: int = param(10, low=1, high=100_000_000, doc="largest position per book, lots")

    wakes: ClassVar[Sequence[Wake]] = (OnTimer("interval_ns"),)

    def on_timer(self, ctx: Context) -> None:
        """Bring the quotes of every book to where they should be."""
        for book in range(ctx.n_books):
            if ctx.has_quote(book):
                self.quote_book(ctx, book)
            else:
                ctx.cancel_all(book)

    def quote_book(self, ctx: Context, book: int) -> None:
        """Say where a book's quotes should be: a subclass ends in `place`."""

    def place(self, ctx: Context, book: int, bid_ticks: float, ask_ticks: float) -> None:
        """Quote these prices, rounded away from each other, with `size` lots each."""
        self.post(ctx, book, bid_ticks, ask_ticks, self.size, self.size)

    def post(
        self,
        ctx: Context,
        book: int,
        bid_ticks: float,
        ask_ticks: float,
        bid_lots: int,
        ask_lots: int,
    ) -> None:
        """Keep both quotes; 0 lots withdraw one, as does a position its fill would make too large.

        Prices are whole ticks, away from the mid, and never through the other side's best price.
        A forecast may move them apart, shrink them, or leave only the side that closes a position.
        """
        position = ctx.position_lots(book)
        widen_ticks = self.widen_ticks(ctx, book)
        bid = min(int((bid_ticks - widen_ticks) // 1), ctx.ask_ticks(book) - 1)
        ask = max(int(-(-(ask_ticks + widen_ticks) // 1)), ctx.bid_ticks(book) + 1)
        buys = bid_lots > 0 and position + bid_lots <= self.max_position
        sells = ask_lots > 0 and position - ask_lots >= -self.max_position
        self.keep(ctx, book, 1, bid, bid_lots, buys)
        self.keep(ctx, book, -1, ask, ask_lots, sells)

    def widen_ticks(self, ctx: Context, book: int) -> float:
        """Ticks to step back by for the forecast."""
        return self.widen_bps(ctx) * 1e-4 * (ctx.bid_ticks(book) + ctx.ask_ticks(book)) / 2

    def keep(
        self, ctx: Context, book: int, side: int, px_ticks: int, lots: int, wanted: bool
    ) -> None:
        """Keep one order of a side at a price, or none; fewer lots or none by the forecast."""
        wanted = wanted and self.allowed(ctx, book, side)
        standing = False
        for n in range(ctx.n_orders):
            order = ctx.order_at(n)
            if ctx.order_book(order) == book and ctx.order_side(order) == side:
                if wanted and ctx.order_px_ticks(order) == px_ticks and not standing:
                    standing = True
                else:
                    ctx.cancel(order)
        if wanted and not standing:
            self.send(ctx, book, side, px_ticks, self.guarded_lots(ctx, lots))

    def send(self, ctx: Context, book: int, side: int, px_ticks: int, lots: int) -> None:
        """Send one quote, post-only."""
        if side > 0:
            ctx.buy(book, lots, px_ticks, post_only=True)
        else:
            ctx.sell(book, lots, px_ticks, post_only=True)


class VolatilityQuoting(Quoting):
    """Quoting that depends on how much the mid moves.

    Volatility is estimated from the mids of all looks, as the exponential average over `window`
    looks of the squared move a second, unless `sigma_ticks` says it.
    """

    sigma_ticks: float = param(
        0.0, low=0.0, high=10_000.0, doc="volatility per root second; 0: estimated"
    )
    window: float = param(200.0, low=1.0, high=100_000.0, log=True, doc="looks of the estimate")

    variance = per_book(Ema("window"))
    last_mid = per_book(0.0)

    def volatility(self, ctx: Context, book: int, mid: float) -> float:
        """Take the mid of this look; the volatility in ticks per root second."""
        if self.last_mid[book] != 0.0:
            move = mid - self.last_mid[book]
            self.variance[book].update(move * move / (self.interval_ns / 1e9))
        self.last_mid[book] = mid
        if self.sigma_ticks > 0.0:
            return self.sigma_ticks
        return math.sqrt(self.variance[book].value)
