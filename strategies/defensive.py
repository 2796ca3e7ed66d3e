"""A defensive overlay around any quoting strategy: wider, smaller or gone where it would hurt."""

from __future__ import annotations

import math

from framework.features import Deviation, TimeEma
from framework.strategy import (
    NO_PRICE,
    Context,
    OnBest,
    OnFill,
    OnTimer,
    OnTrade,
    param,
    per_book,
)
from strategies.avellaneda_stoikov import AvellanedaStoikov
from strategies.glft import Glft
from strategies.midpoint_quoting import MidpointQuoting
from strategies.quoting import Quoting


class Defensive(Quoting):
    """Step in between where a strategy wants to quote and what is quoted.

    Put it before a quoting strategy among a class's bases, as the classes below do: the strategy's
    own prices then pass through `place` here. A strategy with wake-ups of its own lists these and
    its own in the class that combines them.

    - **Volatility**: both quotes step back by `volatility_widen` times the standard deviation of
      the mid over `deviation_ns`.
    - **Low confidence**: both step back by `doubt_widen` ticks for each usual spread by which the
      spread is wider than usual; usual is its average over `calm_ns`.
    - **Inventory**: both move by `lean_ticks` per `size` lots held, on top of the strategy's own
      lean.
    - **Toxic flow**: trades of the last `flow_ns` are netted, bought against sold. The side that
      one-sided flow hits is quoted with fewer lots, and above `pull_above` withdrawn, at once and
      not at the next look; so is the side of the touch that the book shows next to nothing of
      beside the other (`thin_below`).
    - **Clustered prices**: multiples of `cluster_ticks`, where queues are long, are avoided by one
      tick away from the mid.
    - **Skew sniffers**: `sniff_fills` fills of at most `sniff_lots` on one side within `sniff_ns`
      mean that somebody asks small what the skew tells. Quotes then stand even around the mid,
      whatever is held, for another `sniff_ns`.

    Market maker protection is no part of it: that is a limit, and limits are the risk room's.

    References
    ----------
    Easley, D., López de Prado, M., & O'Hara, M. (2012). Flow toxicity and liquidity in a
    high-frequency world. Christie, W., & Schultz, P. (1994). Why do NASDAQ market makers avoid
    odd-eighth quotes?
    """

    deviation_ns: int = param(100_000_000, low=1_000_000, high=10_000_000_000, log=True)
    volatility_widen: float = param(1.0, low=0.0, high=10.0, doc="ticks per tick of deviation")
    calm_ns: int = param(30_000_000_000, low=1_000_000_000, high=3_600_000_000_000, log=True)
    doubt_widen: float = param(0.5, low=0.0, high=10.0, doc="ticks per usual spread beyond it")
    lean_ticks: float = param(0.0, low=0.0, high=10.0, doc="lean per size of inventory")
    flow_ns: int = param(500_000_000, low=1_000_000, high=60_000_000_000, log=True)
    flow_lots: int = param(20, low=1, high=1_000_000, doc="flow below which nothing is concluded")
    pull_above: float = param(0.8, low=0.0, high=1.0, doc="share of one-sided flow that pulls")
    thin_below: float = param(0.2, low=0.0, high=1.0, doc="share of the touch that is too thin")
    cluster_ticks: int = param(0, low=0, high=1_000, doc="spacing of clustered prices; 0: none")
    sniff_lots: int = param(1, low=1, high=1_000_000)
    sniff_fills: int = param(4, low=2, high=1_000)
    sniff_ns: int = param(1_000_000_000, low=1_000_000, high=60_000_000_000, log=True)

    deviation = per_book(Deviation("deviation_ns"))
    usual_spread = per_book(TimeEma("calm_ns"))
    bought = per_book(0.0)
    sold = per_book(0.0)
    flow_at_ns = per_book(0)
    sniffed = per_book(0)
    sniffed_side = per_book(0)
    sniffed_from_ns = per_book(0)
    even_until_ns = per_book(0)

    wakes = (OnTimer("interval_ns"), OnTrade(), OnBest(), OnFill())

    def on_best(self, ctx: Context, book: int) -> None:
        """Learn how much the mid moves and how wide the spread is; leave a side gone thin."""
        if ctx.has_quote(book):
            bid, ask = ctx.bid_ticks(book), ctx.ask_ticks(book)
            self.deviation[book].update(ctx.now_ns, (bid + ask) / 2)
            self.usual_spread[book].update(ctx.now_ns, float(ask - bid))
            self.pull(ctx, book)

    def on_trade(self, ctx: Context, book: int) -> None:
        """Learn which side the flow is on; leave the side it hits."""
        self.fade(ctx, book)
        if ctx.trade_side(book) > 0:
            self.bought[book] += ctx.trade_lots(book)
        elif ctx.trade_side(book) < 0:
            self.sold[book] += ctx.trade_lots(book)
        self.pull(ctx, book)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        """Notice small fills that come again and again on one side."""
        book, side = ctx.order_book(order), ctx.order_side(order)
        if lots > self.sniff_lots:
            return
        late = ctx.now_ns - self.sniffed_from_ns[book] > self.sniff_ns
        if side != self.sniffed_side[book] or late:
            self.sniffed_side[book] = side
            self.sniffed_from_ns[book] = ctx.now_ns
            self.sniffed[book] = 0
        self.sniffed[book] += 1
        if self.sniffed[book] >= self.sniff_fills:
            self.even_until_ns[book] = ctx.now_ns + self.sniff_ns

    def place(self, ctx: Context, book: int, bid_ticks: float, ask_ticks: float) -> None:
        """Quote further back, with fewer lots, or not, as the market demands."""
        bid, ask = ctx.bid_ticks(book), ctx.ask_ticks(book)
        spread = float(ask - bid)
        usual = max(self.usual_spread[book].value, 1.0)
        widen = self.volatility_widen * self.deviation[book].update(ctx.now_ns, (bid + ask) / 2)
        widen += self.doubt_widen * max(0.0, spread / usual - 1.0)
        lean = self.lean_ticks * ctx.position_lots(book) / self.size
        if ctx.now_ns < self.even_until_ns[book]:
            lean = (bid_ticks + ask_ticks) / 2 - (bid + ask) / 2
        buy = self.aside(ctx, math.floor(bid_ticks - widen - lean), -1)
        sell = self.aside(ctx, math.ceil(ask_ticks + widen - lean), 1)
        self.fade(ctx, book)
        buys, sells = self.lots(ctx, book, 1), self.lots(ctx, book, -1)
        self.post(ctx, book, buy, sell, buys, sells)

    def aside(self, ctx: Context, px_ticks: int, away: int) -> int:
        """Step aside from a clustered price."""
        if self.cluster_ticks > 0 and px_ticks % self.cluster_ticks == 0:
            return px_ticks + away
        return px_ticks

    def fade(self, ctx: Context, book: int) -> None:
        """Let the flow of before count less."""
        kept = math.exp((self.flow_at_ns[book] - ctx.now_ns) / self.flow_ns)
        self.bought[book] *= kept
        self.sold[book] *= kept
        self.flow_at_ns[book] = ctx.now_ns

    def danger(self, ctx: Context, book: int, side: int) -> float:
        """Share of one-sided flow against a side of ours, 1 where the touch there is too thin."""
        beside = ctx.bid_lots(book) + ctx.ask_lots(book)
        own = ctx.bid_lots(book) if side > 0 else ctx.ask_lots(book)
        if own < self.thin_below * beside:
            return 1.0
        total = self.bought[book] + self.sold[book]
        if total < self.flow_lots:
            return 0.0
        against: float = side * (self.sold[book] - self.bought[book]) / total
        return max(0.0, against)

    def lots(self, ctx: Context, book: int, side: int) -> int:
        """Lots to quote on a side; 0 where it is to be left."""
        danger = self.danger(ctx, book, side)
        if danger > self.pull_above:
            return 0
        return max(1, int(self.size * (1.0 - danger) + 0.5))

    def pull(self, ctx: Context, book: int) -> None:
        """Withdraw a side that is in danger, at once."""
        if ctx.bid_ticks(book) == NO_PRICE or ctx.ask_ticks(book) == NO_PRICE:
            return
        for n in range(ctx.n_orders):
            order = ctx.order_at(n)
            if ctx.order_book(order) == book:
                side = ctx.order_side(order)
                if self.danger(ctx, book, side) > self.pull_above:
                    ctx.cancel(order)


class DefensiveMidpoint(Defensive, MidpointQuoting):
    """Midpoint quoting behind the overlay."""


class DefensiveAvellanedaStoikov(Defensive, AvellanedaStoikov):
    """Avellaneda and Stoikov's quotes behind the overlay."""


class DefensiveGlft(Defensive, Glft):
    """Guéant, Lehalle and Fernandez-Tapia's quotes behind the overlay."""
