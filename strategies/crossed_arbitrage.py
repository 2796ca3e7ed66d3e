"""Crossed-market arbitrage: buy where it is cheaper than it can be sold elsewhere."""

from __future__ import annotations

from framework.core.errors import StrategyError
from framework.strategy import (
    Context,
    OnBest,
    OnCross,
    OnFill,
    OnOrder,
    memory,
    param,
    per_book,
)
from strategies.forecast_guard import ForecastGuard

LEVELS = 10
MAX_BOOKS = 16
HEDGE, UNWIND, WAIT = 0, 1, 2  # what `legging` may be
NO_EDGE_BPS = 1e9  # more than any cross leaves


class CrossedArbitrage(ForecastGuard):
    """Take both legs of a cross between any two of N venues, net of costs, if it has depth.

    With venue A bidding more than venue B asks, the edge is

        (bid_A - ask_B) / ask_B - (cost of execution + cost of financing)

    where execution costs the taker fees of both legs and financing is charged where the trade opens
    positions. The edge must exceed `min_edge_bps` times `alpha`. Then three questions are asked:

    - Is it there to stay? Crosses of less than 10 ms are gone before an order arrives, so a cross
      must have stood for `min_age_ns`. Until it has stood for `structural_ns`, only
      `young_share` of `max_lots` is sent.
    - Is there depth behind it? Both books are walked level by level while the next levels still
      leave the edge; what that gives must reach `min_depth` lots. Dust at the touch is a trap.
    - Is there room? `max_position` bounds every venue. Where a venue is long and another short by
      `rebalance_from` of it, the pair that closes both may cost up to `rebalance_bps`.

    Both legs go out at once as immediate-or-cancel limits at the last level wanted. After that the
    pair rests for `pause_ns`: what was taken may still be displayed.

    Legging risk: one leg may miss. When all is answered and positions do not add up to zero,
    `legging` says what to do: 0 closes the difference with a market order where that is cheapest,
    1 reverses the leg that was filled at its own venue, 2 waits up to `patience_ns` for the missed
    price to come back and then does as 0. What a market order does not fill is tried again after
    `retry_ns`.

    Where volatility is forecast, `strategies.forecast_guard` raises the edge asked for, cuts the
    legs, or lets no pair be opened.

    Notes
    -----
    Assumes books of one asset with equal lots, at most 16 of them, and that positions at different
    venues offset each other. What we take does not move other venues' prices.

    References
    ----------
    Shleifer, A. and Vishny, R. (1997), "The limits of arbitrage", Journal of Finance 52(1): why a
    cross may stay. Budish, E., Cramton, P. and Shim, J. (2015), "The high-frequency trading arms
    race", Quarterly Journal of Economics 130(4): how long crosses live and who gets them.
    """

    min_edge_bps: float = param(0.5, low=0.0, high=20.0, doc="net edge needed, basis points")
    alpha: float = param(1.0, low=0.25, high=4.0, doc="multiplies the edge needed")
    financing_bps: float = param(0.0, low=0.0, high=10.0, doc="cost of carrying what is opened")
    max_lots: int = param(10, low=1, high=1_000_000, doc="largest leg")
    min_depth: int = param(5, low=1, high=1_000_000, doc="lots that must be there at the edge")
    max_position: int = param(400, low=1, high=100_000_000, doc="largest position per venue, lots")
    min_age_ns: int = param(20_000_000, low=0, high=10_000_000_000, doc="life of noise")
    structural_ns: int = param(500_000_000, low=0, high=60_000_000_000, doc="life of the real")
    young_share: float = param(1.0, low=0.0, high=1.0, doc="of max_lots, before that")
    pause_ns: int = param(200_000_000, low=0, high=60_000_000_000, doc="rest of a pair")
    rebalance_from: float = param(0.5, low=0.0, high=1.0, doc="share of max_position")
    rebalance_bps: float = param(2.0, low=0.0, high=20.0, doc="what closing a pair may cost")
    legging: int = param(0, low=0, high=2, doc="0 hedge, 1 unwind, 2 wait, then hedge")
    patience_ns: int = param(200_000_000, low=0, high=60_000_000_000, doc="how long 2 waits")
    retry_ns: int = param(10_000_000, low=1_000_000, high=10_000_000_000, log=True)

    since_ns = per_book(memory(MAX_BOOKS, int))  # when [buy, sell] crossed, 0: it is not crossed
    rests_ns = per_book(memory(MAX_BOOKS, int))  # until when [buy, sell] rests
    ask_ticks, ask_lots = memory(LEVELS, int), memory(LEVELS, int)
    bid_ticks, bid_lots = memory(LEVELS, int), memory(LEVELS, int)
    # The trade in hand, and whether its legs still are to be evened out.
    buy_book: int = 0
    sell_book: int = 0
    buy_ticks: int = 0
    sell_ticks: int = 0
    sent_ns: int = 0
    closing: int = 0  # id of the last closing order
    retry_at_ns: int = 0

    wakes = (OnBest(), OnCross(), OnFill(), OnOrder())

    def on_start(self, ctx: Context) -> None:
        """Check that the books can be traded against each other, and look the forecast up."""
        super().on_start(ctx)
        if ctx.n_books > MAX_BOOKS:
            raise StrategyError(
                f"crossed arbitrage compares at most {MAX_BOOKS} books, got {ctx.n_books}",
                remedy="read fewer venues, or raise MAX_BOOKS in the strategy's file",
            )
        sizes = {ctx.lot(book) for book in range(ctx.n_books)}
        if len(sizes) > 1:
            raise StrategyError(
                f"crossed arbitrage needs equal lots at all venues, got {sorted(sizes)}",
                remedy="give the instruments one lot in the catalog",
            )

    def on_best(self, ctx: Context, book: int) -> None:
        """Note which pairs have crossed or are no longer, and act on those that are due."""
        for other in range(ctx.n_books):
            if other != book:
                self.follow(ctx, book, other)
                self.follow(ctx, other, book)
        self.act(ctx)

    def on_cross(self, ctx: Context, buy: int, sell: int) -> None:
        """Look again: what is displayed at the touch has changed."""
        self.follow(ctx, buy, sell)
        self.act(ctx)

    def on_timer(self, ctx: Context) -> None:
        """Act on what has become due."""
        self.act(ctx)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        """Look for a missed leg once both have been answered."""
        self.answered(ctx, order)

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        """Look for a missed leg once both have been answered."""
        self.answered(ctx, order)

    def answered(self, ctx: Context, order: int) -> None:
        """Go on when an order was answered.

        An answer to a closing order starts no other at once: the book that could not fill it is
        still the same.
        """
        if order == self.closing:
            self.retry_at_ns = ctx.now_ns + self.retry_ns
        self.act(ctx)

    def act(self, ctx: Context) -> None:
        """Even the legs out; where they are even, take the best of the pairs that are due."""
        if ctx.n_orders > 0:
            return
        net = 0
        for book in range(ctx.n_books):
            net += ctx.position_lots(book)
        if net != 0:
            self.even_out(ctx, net)
            return
        best_bps = -1e9
        best_buy = -1
        best_sell = -1
        wake_ns = 0
        for buy in range(ctx.n_books):
            for sell in range(ctx.n_books):
                if self.since_ns[buy, sell] > 0:
                    self.follow(ctx, buy, sell)  # a book may have become invalid since
                if self.since_ns[buy, sell] > 0:
                    due_ns = self.since_ns[buy, sell] + self.min_age_ns
                    due_ns = max(due_ns, self.rests_ns[buy, sell])
                    if due_ns > ctx.now_ns:
                        wake_ns = due_ns if wake_ns == 0 else min(wake_ns, due_ns)
                    else:
                        spare_bps = self.touch_bps(ctx, buy, sell) - self.needed_bps(ctx, buy, sell)
                        if spare_bps > best_bps and self.is_deep(ctx, buy, sell):
                            best_bps = spare_bps
                            best_buy = buy
                            best_sell = sell
        if best_buy >= 0:
            self.take_pair(ctx, best_buy, best_sell)
        elif wake_ns > 0:
            ctx.wake_at(wake_ns)

    def follow(self, ctx: Context, buy: int, sell: int) -> None:
        """Note since when a pair leaves the edge needed at the touch."""
        is_crossed = ctx.has_quote(buy) and ctx.has_quote(sell)
        if is_crossed:
            is_crossed = self.touch_bps(ctx, buy, sell) > self.needed_bps(ctx, buy, sell)
        if not is_crossed:
            self.since_ns[buy, sell] = 0
        elif self.since_ns[buy, sell] == 0:
            self.since_ns[buy, sell] = ctx.now_ns

    def touch_bps(self, ctx: Context, buy: int, sell: int) -> float:
        """Edge between the best prices, net of both fees."""
        return self.edge_bps(ctx, buy, sell, ctx.ask_ticks(buy), ctx.bid_ticks(sell))

    def edge_bps(self, ctx: Context, buy: int, sell: int, ask_ticks: int, bid_ticks: int) -> float:
        """Edge between two prices, net of both fees."""
        ask = ask_ticks * ctx.tick(buy)
        bid = bid_ticks * ctx.tick(sell)
        fees_bps = ctx.taker_fee_bps(buy) + ctx.taker_fee_bps(sell)
        return (bid - ask) / ask * 1e4 - fees_bps

    def needed_bps(self, ctx: Context, buy: int, sell: int) -> float:
        """Net edge a pair must leave: more where it opens positions, less where it closes them."""
        closes = self.closable(ctx, buy, sell)
        if closes >= self.rebalance_from * self.max_position and closes > 0:
            return -self.rebalance_bps
        needed = self.min_edge_bps * self.alpha + self.widen_bps(ctx)
        if closes == 0:
            needed += self.financing_bps
            if self.vetoed(ctx):
                return NO_EDGE_BPS
        return needed

    def closable(self, ctx: Context, buy: int, sell: int) -> int:
        """Lots of which a pair closes the positions at both of its venues."""
        return max(0, min(-ctx.position_lots(buy), ctx.position_lots(sell)))

    def is_deep(self, ctx: Context, buy: int, sell: int) -> bool:
        """Tell whether enough is displayed at prices that leave the edge, and there is room."""
        return self.walk(ctx, buy, sell, self.min_depth) >= self.min_depth and (
            self.room(ctx, buy, sell) > 0
        )

    def room(self, ctx: Context, buy: int, sell: int) -> int:
        """Lots that the positions still allow; of a closing at a cost, those it closes."""
        if self.needed_bps(ctx, buy, sell) < 0.0:
            return self.closable(ctx, buy, sell)
        return min(
            self.max_position - ctx.position_lots(buy), self.max_position + ctx.position_lots(sell)
        )

    def walk(self, ctx: Context, buy: int, sell: int, wanted: int) -> int:
        """Match the levels of both books while they leave the edge; lots up to those wanted.

        Notes the last prices in `buy_ticks` and `sell_ticks`.
        """
        asks = ctx.levels(buy, -1, self.ask_ticks, self.ask_lots)
        bids = ctx.levels(sell, 1, self.bid_ticks, self.bid_lots)
        needed = self.needed_bps(ctx, buy, sell)
        total = 0
        i = 0
        j = 0
        while i < asks and j < bids and total < wanted:
            ask_ticks = self.ask_ticks[i]
            bid_ticks = self.bid_ticks[j]
            if self.edge_bps(ctx, buy, sell, ask_ticks, bid_ticks) <= needed:
                break
            lots = min(self.ask_lots[i], self.bid_lots[j])
            self.buy_ticks = ask_ticks
            self.sell_ticks = bid_ticks
            total += lots
            self.ask_lots[i] -= lots
            self.bid_lots[j] -= lots
            if self.ask_lots[i] == 0:
                i += 1
            if self.bid_lots[j] == 0:
                j += 1
        return min(total, wanted)

    def take_pair(self, ctx: Context, buy: int, sell: int) -> None:
        """Send both legs."""
        wanted = self.guarded_lots(ctx, self.max_lots)
        if ctx.now_ns - self.since_ns[buy, sell] < self.structural_ns:
            wanted = int(self.young_share * wanted)
        wanted = min(wanted, self.room(ctx, buy, sell))
        self.rests_ns[buy, sell] = ctx.now_ns + max(self.pause_ns, 1)
        lots = self.walk(ctx, buy, sell, wanted)
        if lots > 0:
            self.buy_book = buy
            self.sell_book = sell
            self.sent_ns = ctx.now_ns
            self.retry_at_ns = 0
            ctx.take(buy, 1, lots, self.buy_ticks)
            ctx.take(sell, -1, lots, self.sell_ticks)
        ctx.wake_at(self.rests_ns[buy, sell])

    def even_out(self, ctx: Context, net: int) -> None:
        """Close the net position by the policy chosen."""
        side = -1 if net > 0 else 1
        if ctx.now_ns < self.retry_at_ns:
            ctx.wake_at(self.retry_at_ns)
            return
        if self.legging == WAIT and ctx.now_ns < self.sent_ns + self.patience_ns:
            self.wait_for_price(ctx, side, abs(net))
            return
        book = self.buy_book if net > 0 else self.sell_book
        if self.legging != UNWIND:
            book = self.cheapest(ctx, side)
        if book >= 0 and ctx.has_quote(book):
            self.closing = ctx.market(book, side, abs(net))
        else:
            ctx.wake_at(ctx.now_ns + self.retry_ns)

    def wait_for_price(self, ctx: Context, side: int, lots: int) -> None:
        """Take the missed leg where its price has come back, else wait."""
        book = self.buy_book if side > 0 else self.sell_book
        limit_ticks = self.buy_ticks if side > 0 else self.sell_ticks
        if ctx.has_quote(book):
            best_ticks = ctx.ask_ticks(book) if side > 0 else ctx.bid_ticks(book)
            if side * (limit_ticks - best_ticks) >= 0:
                self.closing = ctx.take(book, side, lots, limit_ticks)
                return
        ctx.wake_at(self.sent_ns + self.patience_ns)

    def cheapest(self, ctx: Context, side: int) -> int:
        """Book with the best price to buy or sell at, fees included; -1 where there is none."""
        best = -1
        best_price = 0.0
        for book in range(ctx.n_books):
            if ctx.has_quote(book):
                ticks = ctx.ask_ticks(book) if side > 0 else ctx.bid_ticks(book)
                price = ticks * ctx.tick(book) * (1.0 + side * ctx.taker_fee_bps(book) * 1e-4)
                if best < 0 or side * (price - best_price) < 0.0:
                    best = book
                    best_price = price
        return best
