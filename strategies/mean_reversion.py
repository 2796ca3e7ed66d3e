"""Mean reversion: trade a basis, or a mid, back to where it used to be."""

from __future__ import annotations

import math

from framework.core.errors import StrategyError
from framework.features import gap_ticks, imbalance
from framework.strategy import Context, OnFill, OnOrder, OnTimer, Strategy, memory, param

LEVELS = 5
EXPONENTIAL, ROLLING = 0, 1  # what `moments` may be
STILL = 1e-9  # a deviation below it is none: the signal has not moved yet
RETRY_NS = 10_000_000  # between two orders that even out the legs


class MeanReversion(Strategy):
    """Sell what is dear and buy what is cheap by the standard of the recent past.

    With two books the signal is the basis of the first over the second, in basis points,

        x = (mid_0 / mid_1 - 1) * 10^4

    and a trade is both legs, equal in quantity; with one book it is the mid against its first
    value. Every `interval_ns` the signal is compared with the mean m and deviation s of its past,
    exponential with a span of `window` samples or rolling over `window` of them, itself not yet
    among them: z = (x - m) / s.

    Entry: |z| above `entry_z`, and |x - m| above the cost of going in and out again (taker fees and
    half spreads) by `min_edge_bps`. Exit: at the mean (`exit_z`), after `max_hold_ns`, or at
    `stop_z`, after which nothing is entered for `rest_ns`.

    Vetoes: a book whose best five levels lean against the trade by more than `max_imbalance` is
    about to move; one with more than `max_gap_ticks` empty ticks between the levels to be taken is
    an air pocket.

    Aggressive entry takes both legs at once. Passive entry joins the best price of the first book
    and takes the second when that is filled; it is withdrawn when the reason for it is gone. Where
    the legs do not match, the second is traded until they do.

    Notes
    -----
    Assumes linear instruments of one asset whose lots are multiples of each other, and that the
    mean is one: `research.half_life` says whether the past looked like that, and a `window` of a
    few half-lives is what to try first. On a desk s would be that of thirty days; here it is that
    of `window` samples.

    References
    ----------
    Gatev, E., Goetzmann, W. and Rouwenhorst, K. (2006), "Pairs trading", Review of Financial
    Studies 19(3): entry at two deviations, exit at the mean. Avellaneda, M. and Lee, J.-H. (2010),
    "Statistical arbitrage in the US equities market", Quantitative Finance 10(7): the signal as an
    Ornstein-Uhlenbeck process.
    """

    interval_ns: int = param(1_000_000_000, low=1_000_000, high=3_600_000_000_000, log=True)
    moments: int = param(EXPONENTIAL, low=0, high=1, doc="0 exponential, 1 rolling")
    window: int = param(300, low=10, high=100_000, log=True, doc="samples remembered")
    entry_z: float = param(2.0, low=0.5, high=10.0, doc="deviations that are mispriced")
    exit_z: float = param(0.0, low=-2.0, high=2.0, doc="deviations at which it is closed")
    stop_z: float = param(6.0, low=1.0, high=1_000.0, doc="deviations at which it was wrong")
    min_edge_bps: float = param(0.5, low=-20.0, high=100.0, doc="distance beyond the costs")
    max_imbalance: float = param(0.8, low=0.0, high=1.0, doc="lean that forbids a trade")
    max_gap_ticks: int = param(20, low=0, high=100_000, doc="air pocket that forbids a trade")
    lots: int = param(10, low=1, high=1_000_000, doc="of the first book")
    passive: bool = param(False, doc="join the best price instead of taking")
    max_hold_ns: int = param(600_000_000_000, low=1_000_000, high=86_400_000_000_000, log=True)
    rest_ns: int = param(60_000_000_000, low=0, high=86_400_000_000_000, doc="after a stop")

    past = memory("window")  # rolling moments only
    bid_ticks, bid_lots = memory(LEVELS, int), memory(LEVELS, int)
    ask_ticks, ask_lots = memory(LEVELS, int), memory(LEVELS, int)
    samples: int = 0
    first: float = 0.0  # sums are of what exceeds it, to keep their digits
    mean: float = 0.0
    square: float = 0.0  # exponential: variance; rolling: sum of squares
    total: float = 0.0
    ratio: int = 1  # lots of the second book for one of the first; negative: the other way round
    side: int = 0  # of the trade in hand, on the first book
    since_ns: int = 0
    rests_ns: int = 0
    evened_ns: int = 0

    wakes = (OnTimer("interval_ns"), OnFill(), OnOrder())

    def on_start(self, ctx: Context) -> None:
        """Check that the books make a pair."""
        if ctx.n_books > 2:
            raise StrategyError(
                f"mean reversion trades one book or two, got {ctx.n_books}",
                remedy="name the venue and symbols wanted under data",
            )
        items = [ctx.instrument(book) for book in range(ctx.n_books)]
        quantities = [float(item.lot * item.contract_size) for item in items]
        if any(item.inverse for item in items):
            raise StrategyError(
                "mean reversion needs linear instruments, one of these is inverse",
                remedy="trade the linear contract of the same asset",
            )
        ratio = max(quantities) / min(quantities)
        if abs(ratio - round(ratio)) > 1e-6:
            raise StrategyError(
                f"one book's lot must be a multiple of the other's, got {quantities}",
                remedy="give the instruments matching lots in the catalog",
            )
        self.ratio = round(ratio) if quantities[0] >= quantities[-1] else -round(ratio)
        if self.ratio < 0 and self.lots % -self.ratio:
            raise StrategyError(
                f"lots must be a multiple of {-self.ratio}, a lot of the second book, "
                f"got {self.lots}",
                remedy=f"write for example lots: {-self.ratio}",
            )

    def on_timer(self, ctx: Context) -> None:
        """Sample the signal, and enter, leave or keep the trade."""
        last = ctx.n_books - 1
        if not (ctx.has_quote(0) and ctx.has_quote(last)):
            return
        x = self.signal(ctx)
        deviation = self.deviation(ctx)
        away = x - self.mean
        if self.samples >= self.window and deviation > STILL:
            self.decide(ctx, away / deviation, away)
        self.remember(ctx, x)
        self.match_legs(ctx)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        """Let the second leg follow the first."""
        self.match_legs(ctx)

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        """Let the second leg follow the first."""
        self.match_legs(ctx)

    def signal(self, ctx: Context) -> float:
        """Basis of the first book over the second, or the mid of the only one over its first."""
        mid = (ctx.bid_ticks(0) + ctx.ask_ticks(0)) * ctx.tick(0)
        if ctx.n_books > 1:
            other = (ctx.bid_ticks(1) + ctx.ask_ticks(1)) * ctx.tick(1)
            return (mid / other - 1.0) * 1e4
        if self.first == 0.0:
            self.first = mid
        return (mid / self.first - 1.0) * 1e4

    def deviation(self, ctx: Context) -> float:
        """Standard deviation of the samples so far."""
        if self.moments == EXPONENTIAL:
            return math.sqrt(max(self.square, 0.0))
        held = min(self.samples, self.window)
        if held < 2:
            return 0.0
        return math.sqrt(max(self.square / held - (self.total / held) ** 2, 0.0))

    def remember(self, ctx: Context, x: float) -> None:
        """Take one sample into the moments."""
        if self.moments == EXPONENTIAL:
            weight = 2.0 / (self.window + 1.0)
            if self.samples == 0:
                self.mean = x
            away = x - self.mean
            self.mean += weight * away
            self.square = (1.0 - weight) * (self.square + weight * away * away)
            self.samples += 1
            return
        at = self.samples % self.window
        if self.samples >= self.window:
            gone = self.past[at]
            self.total -= gone
            self.square -= gone * gone
        self.past[at] = x
        self.total += x
        self.square += x * x
        self.samples += 1
        self.mean = self.total / min(self.samples, self.window)
        if at == 0:
            self.sum_anew(ctx)

    def sum_anew(self, ctx: Context) -> None:
        """Forget what rounding has left in the sums, once a window."""
        self.total = 0.0
        self.square = 0.0
        for i in range(min(self.samples, self.window)):
            self.total += self.past[i]
            self.square += self.past[i] * self.past[i]

    def decide(self, ctx: Context, z: float, away_bps: float) -> None:
        """Enter, leave or keep the trade."""
        if self.side != 0:
            is_back = self.side * z >= -self.exit_z
            is_stopped = self.side * z <= -self.stop_z
            if is_stopped:
                self.rests_ns = ctx.now_ns + self.rest_ns
            if is_back or is_stopped or ctx.now_ns - self.since_ns >= self.max_hold_ns:
                self.leave(ctx)
            elif self.passive and ctx.position_lots(0) == 0:
                self.join(ctx)
            return
        is_far = abs(z) > self.entry_z and abs(z) < self.stop_z
        if ctx.n_orders > 0 or ctx.now_ns < self.rests_ns or not is_far:
            return
        if abs(away_bps) - self.cost_bps(ctx) <= self.min_edge_bps:
            return
        side = -1 if z > 0.0 else 1
        if self.forbidden(ctx, 0, side) or (ctx.n_books > 1 and self.forbidden(ctx, 1, -side)):
            return
        self.side = side
        self.since_ns = ctx.now_ns
        if self.passive:
            self.join(ctx)
        else:
            self.take(ctx, 0, side, self.lots)
            if ctx.n_books > 1:
                self.take(ctx, 1, -side, self.second_lots(ctx, self.lots))

    def cost_bps(self, ctx: Context) -> float:
        """Cost of going in and out again: fees of every leg and the spread it crosses."""
        cost = 0.0
        for book in range(ctx.n_books):
            spread = ctx.ask_ticks(book) - ctx.bid_ticks(book)
            middle = 0.5 * (ctx.ask_ticks(book) + ctx.bid_ticks(book))
            fee = ctx.taker_fee_bps(book)
            if self.passive and book == 0:
                cost += ctx.maker_fee_bps(book) + fee + 0.5 * spread / middle * 1e4
            else:
                cost += 2.0 * fee + spread / middle * 1e4
        return cost

    def forbidden(self, ctx: Context, book: int, side: int) -> bool:
        """Tell whether a book leans against a trade, or has an air pocket where it would take."""
        ctx.levels(book, 1, self.bid_ticks, self.bid_lots)
        ctx.levels(book, -1, self.ask_ticks, self.ask_lots)
        if side * imbalance(self.bid_lots, self.ask_lots, LEVELS) < -self.max_imbalance:
            return True
        if side > 0:
            return gap_ticks(self.ask_ticks, self.ask_lots, LEVELS) > self.max_gap_ticks
        return gap_ticks(self.bid_ticks, self.bid_lots, LEVELS) > self.max_gap_ticks

    def take(self, ctx: Context, book: int, side: int, lots: int) -> None:
        """Take what stands at the best price."""
        ctx.take(book, side, lots, ctx.ask_ticks(book) if side > 0 else ctx.bid_ticks(book))

    def join(self, ctx: Context) -> None:
        """Keep one order of the first book at its best price."""
        best_ticks = ctx.bid_ticks(0) if self.side > 0 else ctx.ask_ticks(0)
        for n in range(ctx.n_orders):
            order = ctx.order_at(n)
            if ctx.order_book(order) == 0:
                if ctx.order_px_ticks(order) != best_ticks:
                    ctx.cancel(order)
                return  # once it is withdrawn, the next sample says where to
        if self.side > 0:
            ctx.buy(0, self.lots, best_ticks, post_only=True)
        else:
            ctx.sell(0, self.lots, best_ticks, post_only=True)

    def leave(self, ctx: Context) -> None:
        """Withdraw and close; what is left open is closed by `match_legs`."""
        self.side = 0
        ctx.cancel_all()
        self.match_legs(ctx)

    def match_legs(self, ctx: Context) -> None:
        """Bring the positions to where they belong, one order a book at a time."""
        position = ctx.position_lots(0)
        if self.side != 0 and position == 0 and ctx.n_orders == 0:
            self.side = 0  # nothing was filled, or all of it was withdrawn
        if ctx.now_ns - self.evened_ns < RETRY_NS:
            return  # what the last one could not take is hardly there yet; the timer looks again
        if self.side == 0:
            self.bring(ctx, 0, 0)
        if ctx.n_books > 1:
            self.bring(ctx, 1, 0 if self.side == 0 else -self.second_lots(ctx, position))

    def bring(self, ctx: Context, book: int, wanted: int) -> None:
        """Trade a book's position to where it belongs, unless it is traded already."""
        missing = wanted - ctx.position_lots(book)
        if missing != 0 and self.is_quiet(ctx, book) and ctx.has_quote(book):
            ctx.market(book, 1 if missing > 0 else -1, abs(missing))
            self.evened_ns = ctx.now_ns

    def is_quiet(self, ctx: Context, book: int) -> bool:
        """Tell whether no order of a book is under way."""
        under_way = 0
        for n in range(ctx.n_orders):
            if ctx.order_book(ctx.order_at(n)) == book:
                under_way += 1
        return under_way == 0

    def second_lots(self, ctx: Context, lots: int) -> int:
        """Lots of the second book that weigh as much as lots of the first."""
        if self.ratio > 0:
            return lots * self.ratio
        return lots // -self.ratio if lots > 0 else -(-lots // -self.ratio)
