"""Smart order router: work one parent order over all venues, at once or in slices."""

from __future__ import annotations

import math

from framework.core.errors import StrategyError
from framework.features import RecoverySpeed
from framework.strategy import Context, OnTimer, Strategy, memory, param, per_book

NOWHERE = 1e300  # beyond any price


class SmartRouter(Strategy):
    """Buy or sell `parent_lots` for as little as possible against the mid at arrival.

    The parent arrives `arrives_after_ns` after the run begins. What taking it all at once would
    cost is read off the displayed depth of all venues, the cheapest level first:

        cost = side * (average price / mid at arrival - 1) * 10^4

    Up to `rule_bps` it is swept at once. Above, it is cut into ceil(cost / rule_bps) slices, at
    most `max_slices`, none of which may itself cost more than `rule_bps`; what is not displayed
    counts as infinitely dear. Slices follow one another at the pace at which taken depth comes
    back, between `min_gap_ns` and what the horizon allows; one that had to be cut short is followed
    by a further one. After `horizon_ns` what is left is swept, as all is where `max_slices` is 1.
    Nothing is taken at prices beyond `max_slippage_bps` from the mid at arrival.

    Levels are ranked by price, taker fee included, and a venue that recovers slowly is counted
    dearer, by up to `rank_bps` for the slowest: what is taken there is missed longer. The speed is
    that of `framework.features.RecoverySpeed` on the depth within `near_ticks` of the touch, before
    the parent arrives and while it is worked.

    Notes
    -----
    Assumes books of one asset whose lots are multiples of each other; `parent_lots` counts the
    coarsest. What we take is not there to be taken again until
    the level changes, but nobody else reacts to us: depth recovers in the data as it did without
    us, and prices do not move away. Sweeping is therefore flattered as much as slicing.

    References
    ----------
    Almgren, R. and Chriss, N. (2001), "Optimal execution of portfolio transactions", Journal of
    Risk 3(2): cost now against risk later. Obizhaeva, A. and Wang, J. (2013), "Optimal trading
    strategy and supply/demand dynamics", Journal of Financial Markets 16(1): slices at the speed at
    which the book recovers. Perold, A. (1988), "The implementation shortfall": the measure.
    """

    side: int = param(1, low=-1, high=1, doc="1 buys, -1 sells")
    parent_lots: int = param(1_000, low=1, high=1_000_000_000, doc="to be traded in all")
    arrives_after_ns: int = param(30_000_000_000, low=0, high=86_400_000_000_000)
    horizon_ns: int = param(60_000_000_000, low=1_000_000, high=86_400_000_000_000, log=True)
    rule_bps: float = param(15.0, low=0.1, high=1_000_000.0, doc="dearer orders are sliced")
    max_slices: int = param(50, low=1, high=10_000, doc="of one parent")
    min_gap_ns: int = param(100_000_000, low=1_000_000, high=60_000_000_000, log=True)
    max_slippage_bps: float = param(100.0, low=0.1, high=10_000.0, doc="worst price taken")
    rank_bps: float = param(0.5, low=0.0, high=20.0, doc="what the slowest venue counts dearer")
    levels: int = param(50, low=1, high=1_000, doc="looked at on every venue")
    near_ticks: int = param(3, low=0, high=100_000, doc="depth whose recovery is measured")
    interval_ns: int = param(20_000_000, low=1_000_000, high=1_000_000_000, doc="between looks")

    recovery = per_book(RecoverySpeed("30s"))
    speed = per_book(0.0)  # depths a second; 0 before the first recovery was seen
    dearer = per_book(0.0)  # what a venue's rank adds to its prices, as a factor
    ticks = per_book(memory("levels", int))
    shown = per_book(memory("levels", int))
    row_ticks, row_lots = memory("levels", int), memory("levels", int)
    units = per_book(1)  # lots of a venue that are one of the coarsest
    n_levels, at = per_book(0), per_book(0)
    wanted, limit_ticks = per_book(0), per_book(0)
    begins_ns: int = 0
    ends_ns: int = 0
    next_ns: int = 0
    mid: float = 0.0  # at arrival
    left: int = 0
    slices_left: int = 0
    cost_bps: float = 0.0  # of the last walk

    wakes = (OnTimer("interval_ns"),)

    def on_start(self, ctx: Context) -> None:
        """Check the order and find how many of each venue's lots are one of the coarsest."""
        if self.side == 0:
            raise StrategyError("side must be 1 or -1, got 0", remedy="write 1 to buy, -1 to sell")
        coarsest = max(ctx.lot(book) for book in range(ctx.n_books))
        for book in range(ctx.n_books):
            units = coarsest / ctx.lot(book)
            if abs(units - round(units)) > 1e-6:
                raise StrategyError(
                    f"lots must be multiples of each other, got {coarsest} and {ctx.lot(book)}",
                    remedy="give the instruments matching lots in the catalog",
                )
            self.units[book] = round(units)
        self.begins_ns = ctx.now_ns + self.arrives_after_ns
        self.ends_ns = self.begins_ns + self.horizon_ns
        self.left = self.parent_lots

    def on_timer(self, ctx: Context) -> None:
        """Measure recovery; send what is due."""
        self.measure(ctx)
        if ctx.now_ns < self.begins_ns or ctx.n_orders > 0:
            return
        self.left = self.parent_lots - self.side * self.position(ctx)
        if self.left <= 0 or (self.mid == 0.0 and not self.arrive(ctx)):
            return
        if ctx.now_ns < self.next_ns and ctx.now_ns != self.ends_ns:
            return
        is_last = ctx.now_ns >= self.ends_ns or self.max_slices == 1
        lots = self.left if is_last else -(-self.left // self.slices_left)
        if self.send(ctx, lots, NOWHERE if is_last else self.rule_bps) == lots:
            self.slices_left = max(1, self.slices_left - 1)
        self.next_ns = ctx.now_ns + self.gap_ns(ctx)

    def measure(self, ctx: Context) -> None:
        """Follow the depth near the touch on the side to be taken, and how fast it recovers."""
        for book in range(ctx.n_books):
            if ctx.has_quote(book):
                best = ctx.ask_ticks(book) if self.side > 0 else ctx.bid_ticks(book)
                near = best + self.side * self.near_ticks
                lots = ctx.depth_lots(book, -self.side, near)
                speed = self.recovery[book].update(ctx.now_ns, lots)
                if speed > 0.0:
                    self.speed[book] = speed

    def arrive(self, ctx: Context) -> bool:
        """Note the mid and cut the parent; false while no venue has a quote."""
        bid = 0.0
        ask = NOWHERE
        for book in range(ctx.n_books):
            if ctx.has_quote(book):
                bid = max(bid, ctx.bid_ticks(book) * ctx.tick(book))
                ask = min(ask, ctx.ask_ticks(book) * ctx.tick(book))
        if ask == NOWHERE:
            return False
        self.mid = 0.5 * (bid + ask)
        found = self.walk(ctx, self.left, NOWHERE)
        slices = self.max_slices
        if found == self.left:
            slices = min(slices, max(1, math.ceil(self.cost_bps / self.rule_bps)))
        self.slices_left = slices
        return True

    def gap_ns(self, ctx: Context) -> int:
        """Time until the next slice: what the fastest venue needs to recover its usual depth."""
        fastest = 0.0
        for book in range(ctx.n_books):
            fastest = max(fastest, self.speed[book])
        room_ns = max(0, self.ends_ns - ctx.now_ns) // max(1, self.slices_left)
        gap_ns = room_ns
        if fastest > 0.0:
            gap_ns = min(room_ns, int(1e9 / fastest))
        return max(gap_ns, self.min_gap_ns)

    def rank(self, ctx: Context) -> None:
        """Say by how much each venue counts dearer: its fee, and its place by recovery speed."""
        for book in range(ctx.n_books):
            faster = 0
            for other in range(ctx.n_books):
                if self.speed[other] > self.speed[book]:
                    faster += 1
            place = faster / max(1, ctx.n_books - 1)
            self.dearer[book] = (ctx.taker_fee_bps(book) + place * self.rank_bps) * 1e-4

    def walk(self, ctx: Context, lots: int, most_bps: float) -> int:
        """Find where lots are cheapest: `wanted` and `limit_ticks` by venue, their `cost_bps`.

        Stops where the next level would lift the cost of the whole above `most_bps`. Returns the
        lots found.
        """
        self.rank(ctx)
        for book in range(ctx.n_books):
            self.wanted[book] = 0
            self.at[book] = 0
            self.n_levels[book] = 0
            if ctx.has_quote(book):
                n = ctx.levels(book, -self.side, self.row_ticks, self.row_lots)
                self.n_levels[book] = n
                for i in range(n):
                    self.ticks[book, i] = self.row_ticks[i]
                    self.shown[book, i] = self.row_lots[i] // self.units[book]
        found = 0
        paid = 0.0
        while found < lots:
            book = self.cheapest(ctx)
            if book < 0:
                break
            i = self.at[book]
            price = self.ticks[book, i] * ctx.tick(book)
            more = min(lots - found, self.shown[book, i])
            away_bps = self.side * (price / self.mid - 1.0) * 1e4
            if away_bps > most_bps:
                # Only so much of it that the average stays within the bound.
                spare = most_bps * found - paid
                more = min(more, int(max(0.0, spare) / (away_bps - most_bps)))
            if more == 0 and self.shown[book, i] > 0:
                break
            paid += more * away_bps
            found += more
            if more > 0:
                self.wanted[book] += more
                self.limit_ticks[book] = self.ticks[book, i]
            self.at[book] = i + 1
        self.cost_bps = paid / max(1, found)
        return found

    def cheapest(self, ctx: Context) -> int:
        """Venue of the best level not yet walked, within `max_slippage_bps`; -1 for none."""
        best = -1
        best_score = NOWHERE
        for book in range(ctx.n_books):
            if self.at[book] < self.n_levels[book]:
                price = self.ticks[book, self.at[book]] * ctx.tick(book)
                if self.side * (price / self.mid - 1.0) * 1e4 <= self.max_slippage_bps:
                    score = self.side * price * (1.0 + self.side * self.dearer[book])
                    if score < best_score:
                        best = book
                        best_score = score
        return best

    def send(self, ctx: Context, lots: int, most_bps: float) -> int:
        """Send one slice, to every venue its part; returns its lots."""
        found = self.walk(ctx, lots, most_bps)
        for book in range(ctx.n_books):
            if self.wanted[book] > 0:
                part = self.wanted[book] * self.units[book]
                ctx.take(book, self.side, part, self.limit_ticks[book])
        return found

    def position(self, ctx: Context) -> int:
        """Lots traded so far, as far as we have been told; counted in the coarsest."""
        total = 0
        for book in range(ctx.n_books):
            total += self.side * (self.side * ctx.position_lots(book) // self.units[book])
        return total
