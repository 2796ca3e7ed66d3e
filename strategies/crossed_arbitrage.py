"""Crossed-market arbitrage: buy where it is cheaper than it can be sold elsewhere."""

from __future__ import annotations

from framework.strategy import Context, OnCross, OnFill, OnOrder, Strategy, param


class CrossedArbitrage(Strategy):
    """Take both legs of a cross between two venues, net of costs, if there is depth behind it.

    With venue A bidding more than venue B asks, the edge is

        (bid_A - ask_B) / ask_B - (cost of execution + cost of financing)

    where execution costs the taker fees of both legs. The edge must exceed `min_edge_bps` times
    `alpha`. A cross with dust behind it is a trap: both touches must show `min_depth` lots. Both
    legs go out at once as immediate-or-cancel limits at the prices seen.

    Legging risk: one leg may miss. When both have been answered and the positions do not add up to
    zero, the difference is closed with a market order where that is cheapest; what that order does
    not fill is tried again after `retry_ns`.

    Notes
    -----
    Assumes books of one asset with equal lots. Positions at the venues offset each other and may
    stay open; `max_position` bounds each.
    """

    min_edge_bps: float = param(0.5, low=0.0, high=20.0, doc="net edge needed, basis points")
    alpha: float = param(1.0, low=0.25, high=4.0, doc="multiplies the edge needed")
    financing_bps: float = param(0.0, low=0.0, high=10.0, doc="cost of carrying the position")
    max_lots: int = param(10, low=1, high=1_000_000, doc="largest leg")
    min_depth: int = param(2, low=1, high=1_000_000, doc="lots both touches must show")
    max_position: int = param(100, low=1, high=100_000_000, doc="largest position per venue, lots")
    retry_ns: int = param(10_000_000, low=1_000_000, high=10_000_000_000, log=True)

    closing: int = 0  # id of the last closing order

    wakes = (OnCross(), OnFill(), OnOrder())

    def on_cross(self, ctx: Context, buy: int, sell: int) -> None:
        """Send both legs where the netted edge and the depth allow."""
        if ctx.n_orders > 0:
            return
        ask = ctx.ask_ticks(buy) * ctx.tick(buy)
        bid = ctx.bid_ticks(sell) * ctx.tick(sell)
        costs_bps = ctx.taker_fee_bps(buy) + ctx.taker_fee_bps(sell) + self.financing_bps
        edge_bps = (bid - ask) / ask * 1e4 - costs_bps
        if edge_bps <= self.min_edge_bps * self.alpha:
            return
        depth = min(ctx.ask_lots(buy), ctx.bid_lots(sell))
        if depth < self.min_depth:
            return
        room = min(
            self.max_position - ctx.position_lots(buy),
            self.max_position + ctx.position_lots(sell),
        )
        lots = min(self.max_lots, depth, room)
        if lots > 0:
            ctx.take(buy, 1, lots, ctx.ask_ticks(buy))
            ctx.take(sell, -1, lots, ctx.bid_ticks(sell))

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        """Look for a missed leg once both have been answered."""
        self.close_legs(ctx, order)

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        """Look for a missed leg once both have been answered."""
        self.close_legs(ctx, order)

    def on_timer(self, ctx: Context) -> None:
        """Try again to close what is still open."""
        self.close_legs(ctx, 0)

    def close_legs(self, ctx: Context, answered: int) -> None:
        """Close the net position, if any, at the venue that does it best.

        An answer to the closing order itself starts no other at once: the book that could not
        fill it is still the same.
        """
        if ctx.n_orders > 0:
            return
        net = 0
        for book in range(ctx.n_books):
            net += ctx.position_lots(book)
        if net == 0:
            return
        if answered > 0 and answered == self.closing:
            ctx.wake_at(ctx.now_ns + self.retry_ns)
            return
        side = -1 if net > 0 else 1
        best = -1
        best_price = 0.0
        for book in range(ctx.n_books):
            if ctx.has_quote(book):
                if side > 0:
                    price = ctx.ask_ticks(book) * ctx.tick(book)
                else:
                    price = ctx.bid_ticks(book) * ctx.tick(book)
                if best < 0 or side * (price - best_price) < 0.0:
                    best = book
                    best_price = price
        if best >= 0:
            self.closing = ctx.market(best, side, abs(net))
