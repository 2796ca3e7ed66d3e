"""What is run on every simulator, as Crossbook strategies; the peers have twins of them."""

from __future__ import annotations

from typing import ClassVar

from framework.strategy import Context, OnBest, OnTimer, Strategy, param


class QuoteBothSides(Strategy):
    """Cancel all and quote one lot a side in every book, leaning against the inventory."""

    interval_ns: int = param(100_000_000, low=1)
    start_ns: int = param(0)
    offset_ticks: int = param(0, doc="distance behind the best price")
    lots_per_tick: int = param(4, low=1, doc="inventory that moves both quotes by a tick")
    max_position: int = param(20, low=1)

    wakes = (OnTimer("interval_ns"),)

    def on_timer(self, ctx: Context) -> None:
        """Requote."""
        if ctx.now_ns < self.start_ns:
            return
        ctx.cancel_all()
        for book in range(ctx.n_books):
            position = ctx.position_lots(book)
            lean = position // self.lots_per_tick
            best_bid, best_ask = ctx.bid_ticks(book), ctx.ask_ticks(book)
            bid = min(best_bid - self.offset_ticks - lean, best_ask - 1)
            ask = max(best_ask + self.offset_ticks - lean, best_bid + 1)
            if position < self.max_position:
                ctx.buy(book, 1, bid, post_only=True)
            if position > -self.max_position:
                ctx.sell(book, 1, ask, post_only=True)


class TakeCrosses(Strategy):
    """Buy one lot in the cheaper book and sell it in the dearer one, immediate or cancel."""

    start_ns: int = param(0)
    edge_ticks: int = param(1, low=1)
    least_lots: int = param(500, low=1, doc="what both sides must show")
    pause_ns: int = param(5_000_000, low=0, doc="time after one attempt before the next")
    max_position: int = param(1_000, low=1)

    next_ns: int = 0

    wakes = (OnBest(),)

    def on_best(self, ctx: Context, book: int) -> None:
        """Take a cross."""
        if ctx.now_ns < self.start_ns or ctx.now_ns < self.next_ns:
            return
        for buy in range(2):
            sell = 1 - buy
            ask, bid = ctx.ask_ticks(buy), ctx.bid_ticks(sell)
            if (
                bid - ask >= self.edge_ticks
                and ctx.ask_lots(buy) >= self.least_lots
                and ctx.bid_lots(sell) >= self.least_lots
                and ctx.position_lots(buy) < self.max_position
                and ctx.position_lots(sell) > -self.max_position
            ):
                ctx.take(buy, 1, 1, ask)
                ctx.take(sell, -1, 1, bid)
                self.next_ns = ctx.now_ns + self.pause_ns
                return


class WatchBest(Strategy):
    """Count the changes of best prices, and those that leave the books crossed."""

    latest: ClassVar[WatchBest]
    """The instance of the latest run, for whoever wants to read its notes; interpreted only."""

    changes: int = 0
    crosses: int = 0

    wakes = (OnBest(),)

    def on_start(self, ctx: Context) -> None:
        """Let the notes be found."""
        WatchBest.latest = self

    def on_best(self, ctx: Context, book: int) -> None:
        """Look at both books."""
        self.changes += 1
        if ctx.bid_ticks(0) > ctx.ask_ticks(1) or ctx.bid_ticks(1) > ctx.ask_ticks(0):
            self.crosses += 1


class ListQuotes(Strategy):
    """Write down the quotes at which a best price changed; interpreted only."""

    latest: ClassVar[ListQuotes]

    wakes = (OnBest(),)

    def on_start(self, ctx: Context) -> None:
        """Begin the list."""
        ListQuotes.latest = self
        self.rows: list[dict[str, int]] = []

    def on_best(self, ctx: Context, book: int) -> None:
        """Write one quote down."""
        if ctx.has_quote(book):
            self.rows.append(
                {
                    "ts_ns": ctx.now_ns,
                    "book": book,
                    "bid_ticks": ctx.bid_ticks(book),
                    "bid_lots": ctx.bid_lots(book),
                    "ask_ticks": ctx.ask_ticks(book),
                    "ask_lots": ctx.ask_lots(book),
                }
            )
