"""Midpoint quoting: rest on both sides of the mid and lean against the inventory."""

from __future__ import annotations

from framework.strategy import Context, OnTimer, Strategy, param


class MidpointQuoting(Strategy):
    """Quote one bid and one ask around the mid of each book, again and again.

    Every `interval_ns` the quotes are set `half_spread_ticks` either side of the mid, both moved
    by `skew_ticks` per `size` lots of inventory towards closing it. A quote that has not moved is
    left alone, so that it keeps its place in the queue. A side whose fill would pass
    `max_position` is withdrawn. All quotes are post-only.

    References
    ----------
    The linear lean is the first-order form of Avellaneda, M. and Stoikov, S. (2008),
    "High-frequency trading in a limit order book", Quantitative Finance 8(3).
    """

    interval_ns: int = param(100_000_000, low=1_000_000, high=60_000_000_000, log=True)
    half_spread_ticks: float = param(1.0, low=0.0, high=100.0, doc="distance from the mid")
    skew_ticks: float = param(0.5, low=0.0, high=10.0, doc="lean per size of inventory")
    size: int = param(1, low=1, high=1_000_000, doc="lots of each quote")
    max_position: int = param(10, low=1, high=100_000_000, doc="largest position per book, lots")

    wakes = (OnTimer("interval_ns"),)

    def on_timer(self, ctx: Context) -> None:
        """Bring both quotes of every book to where they should be."""
        for book in range(ctx.n_books):
            if not ctx.has_quote(book):
                ctx.cancel_all(book)
                continue
            position = ctx.position_lots(book)
            middle = (ctx.bid_ticks(book) + ctx.ask_ticks(book)) / 2
            middle -= self.skew_ticks * position / self.size
            # Whole ticks, away from the mid, and never through the other side's best price.
            bid = min(int((middle - self.half_spread_ticks) // 1), ctx.ask_ticks(book) - 1)
            ask = max(int(-((-middle - self.half_spread_ticks) // 1)), ctx.bid_ticks(book) + 1)
            self.quote(ctx, book, 1, bid, position + self.size <= self.max_position)
            self.quote(ctx, book, -1, ask, position - self.size >= -self.max_position)

    def quote(self, ctx: Context, book: int, side: int, px_ticks: int, wanted: bool) -> None:
        """Keep one order of a side at a price, or none."""
        standing = False
        for n in range(ctx.n_orders):
            order = ctx.order_at(n)
            if ctx.order_book(order) == book and ctx.order_side(order) == side:
                if wanted and ctx.order_px_ticks(order) == px_ticks:
                    standing = True
                else:
                    ctx.cancel(order)
        if wanted and not standing:
            if side > 0:
                ctx.buy(book, self.size, px_ticks, post_only=True)
            else:
                ctx.sell(book, self.size, px_ticks, post_only=True)
