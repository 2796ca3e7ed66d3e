"""A strategy that trades often on any market, whatever becomes of the shipped ones."""

from __future__ import annotations

from framework.strategy import Context, OnTimer, Strategy, param


class Quotes(Strategy):
    """Quotes both sides of the first book, some ticks behind the best, up to a position."""

    behind: int = param(0, low=0, high=3)
    size: int = param(5, low=1, high=40, log=True)
    limit: int = param(50, low=1, high=1_000)
    lean: float = param(0.5, low=0.0, high=1.0)
    interval_ns: int = param(200_000_000, low=50_000_000, high=5_000_000_000, log=True)
    wakes = (OnTimer("interval_ns"),)

    def on_timer(self, ctx: Context) -> None:
        ctx.cancel_all()
        if not ctx.has_quote(0):
            return
        held = ctx.position_lots(0)
        away = int(self.behind + self.lean * abs(held) / self.limit)
        if held < self.limit:
            ctx.buy(
                0, self.size, ctx.bid_ticks(0) - (away if held > 0 else self.behind), post_only=True
            )
        if held > -self.limit:
            ctx.sell(
                0, self.size, ctx.ask_ticks(0) + (away if held < 0 else self.behind), post_only=True
            )
