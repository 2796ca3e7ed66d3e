"""A strategy without sense that sends every type of order, so that golden runs meet every rule."""

from __future__ import annotations

from framework.core.orders import TimeInForce
from framework.strategy import Context, OnTimer, Strategy, param


class EveryOrder(Strategy):
    """Send one type of order after the other, on one book after the other."""

    size: int = param(4, low=1, high=100, doc="lots of each order")
    limit: int = param(40, low=1, high=1_000, doc="position at which a market order closes")
    turn: int = 0

    wakes = (OnTimer("100ms"),)

    def on_timer(self, ctx: Context) -> None:
        """Send what is next."""
        self.turn += 1
        book = self.turn % ctx.n_books
        if not ctx.has_quote(book):
            return
        position = ctx.position_lots(book)
        if ctx.n_orders > 30:
            ctx.cancel_all()
        elif abs(position) > self.limit:
            ctx.market(book, -1 if position > 0 else 1, abs(position))
        else:
            self.send(ctx, book, self.turn // ctx.n_books % 16)

    def send(self, ctx: Context, book: int, kind: int) -> None:
        """Send the order of one kind."""
        bid, ask, size = ctx.bid_ticks(book), ctx.ask_ticks(book), self.size
        if kind == 0:
            ctx.buy(book, size, bid, post_only=True)
        elif kind == 1:
            ctx.sell(book, size, ask, post_only=True)
        elif kind == 2:
            ctx.take(book, 1, size, ask)
            ctx.take(book, 1, size, ask)
        elif kind == 3:
            ctx.take(book, -1, size, bid)
        elif kind == 4:
            ctx.submit(book, -1, 3 * size, bid, TimeInForce.FOK)
        elif kind == 5:
            ctx.submit(book, 1, size, bid, hidden=True)
        elif kind == 6:
            ctx.peg_mid(book, -1, size)
        elif kind == 7:
            ctx.submit(book, -1, 3 * size, ask, peak_lots=size)
        elif kind == 8:
            ctx.stop(book, -1, size, bid - 2)
        elif kind == 9:
            ctx.stop(book, 1, size, ask + 2, limit_ticks=ask + 5)
        elif kind == 10:
            ctx.submit(book, 1, size, bid, expires_ns=ctx.now_ns + 2_000_000_000)
        elif kind == 11:
            ctx.buy(book, size, ask + 1)
        elif kind == 12 and ctx.n_orders:
            order = ctx.order_at(0)
            ctx.replace(order, ctx.order_px_ticks(order), max(1, size // 2))
        elif kind == 13 and ctx.n_orders:
            ctx.cancel(ctx.order_at(0))
        elif kind == 14:
            ctx.buy(book, size, bid)
            ctx.sell(book, size, bid)
        else:
            ctx.market(book, 1 if ctx.position_lots(book) <= 0 else -1, 2 * size)
