"""Midpoint quoting: rest on both sides of the mid and lean against the inventory."""

from __future__ import annotations

from framework.strategy import Context, param
from strategies.quoting import Quoting


class MidpointQuoting(Quoting):
    """Quote one bid and one ask around the mid of each book, again and again.

    Every `interval_ns` the quotes are set `half_spread_ticks` either side of the mid, both moved
    by `skew_ticks` per `size` lots of inventory towards closing it. A quote that has not moved is
    left alone, so that it keeps its place in the queue. A side whose fill would pass
    `max_position` is withdrawn. All quotes are post-only.

    With `hidden`, quotes are hidden pegs instead: they follow the middle between two looks, no
    better than the price above, and nobody sees them. With an inventory only the side that closes
    it is pegged; with none both are, a tick apart.

    References
    ----------
    The linear lean is the first-order form of Avellaneda, M. and Stoikov, S. (2008),
    "High-frequency trading in a limit order book", Quantitative Finance 8(3).
    """

    half_spread_ticks: float = param(1.0, low=0.0, high=100.0, doc="distance from the mid")
    skew_ticks: float = param(0.5, low=0.0, high=10.0, doc="lean per size of inventory")
    hidden: bool = param(False, doc="hidden pegs at the midpoint instead of displayed quotes")

    def quote_book(self, ctx: Context, book: int) -> None:
        """Quote around the mid, leaning against the position."""
        position = ctx.position_lots(book)
        middle = (ctx.bid_ticks(book) + ctx.ask_ticks(book)) / 2
        middle -= self.skew_ticks * position / self.size
        if self.hidden:
            self.peg(ctx, book, middle)
        else:
            self.place(ctx, book, middle - self.half_spread_ticks, middle + self.half_spread_ticks)

    def peg(self, ctx: Context, book: int, middle: float) -> None:
        """Keep hidden pegs whose limits are the prices of displayed quotes."""
        position = ctx.position_lots(book)
        half = self.half_spread_ticks + self.widen_ticks(ctx, book)
        bid = int((middle - half) // 1)
        ask = max(int(-((-middle - half) // 1)), bid + 1)
        self.keep(ctx, book, 1, bid, self.size, position <= 0)
        self.keep(ctx, book, -1, ask, self.size, position >= 0)

    def send(self, ctx: Context, book: int, side: int, px_ticks: int, lots: int) -> None:
        """Send one quote, post-only, or as a hidden peg."""
        if self.hidden:
            ctx.peg_mid(book, side, lots, limit_ticks=px_ticks)
        elif side > 0:
            ctx.buy(book, lots, px_ticks, post_only=True)
        else:
            ctx.sell(book, lots, px_ticks, post_only=True)
