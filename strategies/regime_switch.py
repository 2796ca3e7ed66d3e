"""Regime switch: revert in normal times, follow a trend, hold cash in a crisis."""

from __future__ import annotations

from framework.features import Deviation, TimeEma
from framework.strategy import Context, OnFill, OnOrder, OnTimer, Strategy, param

NORMAL, TREND, CRISIS = 0, 1, 2
STATES = ("normal", "trend", "crisis")
RETRY_NS = 10_000_000  # between two orders that close a position


class RegimeSwitch(Strategy):
    """Trade one book by the regime that the state store says the market is in.

    The regime is a signal with the states normal, trend and crisis: the store's regime document as
    we had been told of it by now, lags and all. Of the mid an average over `fast_ns`, one over
    `slow_ns` and the deviation s around the latter are kept in every regime. Then

    - **normal**: mean reversion. Where the mid is more than `entry_z` deviations from the slow
      average, trade towards it; close at the average.
    - **trend**: follow-through. Where the fast average is more than `trend_z` deviations from the
      slow one, hold a position in its direction; close when it is back.
    - **crisis**: capital protection. Everything is withdrawn and sold, and nothing is opened until
      the crisis has been over for `calm_ns`.

    What one regime has opened is closed when the next begins. Before the first regime is known,
    and where it is older than `max_age_ns` (0: never too old), the strategy holds cash. A trade
    must promise `min_edge_bps` beyond its costs.

    Notes
    -----
    Assumes that somebody detects the regime; `research.regime` is a simple detector. It is wrong
    at times and always late, by its own averaging and by the lags of the store.

    References
    ----------
    Hamilton, J. (1989), "A new approach to the economic analysis of nonstationary time series and
    the business cycle", Econometrica 57(2): regimes. Moskowitz, T., Ooi, Y. H. and Pedersen, L.
    (2012), "Time series momentum", Journal of Financial Economics 104(2): following. Ang, A. and
    Bekaert, G. (2002), "International asset allocation with regime shifts", Review of Financial
    Studies 15(4): cash in bad times.
    """

    interval_ns: int = param(100_000_000, low=1_000_000, high=60_000_000_000, log=True)
    fast_ns: int = param(5_000_000_000, low=10_000_000, high=3_600_000_000_000, log=True)
    slow_ns: int = param(30_000_000_000, low=10_000_000, high=86_400_000_000_000, log=True)
    entry_z: float = param(2.0, low=0.5, high=10.0, doc="deviations that are mispriced")
    trend_z: float = param(0.5, low=0.1, high=10.0, doc="deviations that are a trend")
    min_edge_bps: float = param(0.5, low=-20.0, high=100.0, doc="distance beyond the costs")
    lots: int = param(10, low=1, high=1_000_000, doc="largest position")
    calm_ns: int = param(5_000_000_000, low=0, high=3_600_000_000_000, doc="after a crisis")
    max_age_ns: int = param(0, low=0, high=86_400_000_000_000, doc="0: never too old")

    fast = TimeEma("fast_ns")
    slow = TimeEma("slow_ns")
    swing = Deviation("slow_ns")
    regime: int = 0  # number of the signal
    held_in: int = -1  # regime by which the position is held, -1: cash
    warm_ns: int = 0
    crisis_ns: int = 0
    evened_ns: int = 0
    wanted: int = 0  # position

    wakes = (OnTimer("interval_ns"), OnFill(), OnOrder())

    def on_start(self, ctx: Context) -> None:
        """Find the regime, and give the averages time to settle."""
        self.regime = ctx.signal("regime", STATES)
        self.warm_ns = ctx.now_ns + self.slow_ns
        self.crisis_ns = ctx.now_ns - self.calm_ns

    def on_timer(self, ctx: Context) -> None:
        """Look at the regime and do what it asks for."""
        state = self.state(ctx)
        if state == CRISIS:
            self.crisis_ns = ctx.now_ns
        is_calm = ctx.now_ns - self.crisis_ns >= self.calm_ns
        if ctx.has_quote(0):
            mid = 0.5 * (ctx.bid_ticks(0) + ctx.ask_ticks(0))
            self.fast.update(ctx.now_ns, mid)
            self.slow.update(ctx.now_ns, mid)
            self.swing.update(ctx.now_ns, mid)
            if state != self.held_in or state == CRISIS or not is_calm:
                self.wanted = 0
                self.held_in = -1
            if ctx.now_ns >= self.warm_ns and is_calm and self.swing.value > 0.0:
                if state == NORMAL:
                    self.revert(ctx, mid)
                elif state == TREND:
                    self.follow(ctx)
        if self.held_in < 0:
            ctx.cancel_all()
        self.bring(ctx)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        """Go on towards the position wanted."""
        self.bring(ctx)

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        """Go on towards the position wanted."""
        self.bring(ctx)

    def state(self, ctx: Context) -> int:
        """Regime as we know it; -1 where there is none, or too old a one."""
        value = ctx.signal_value(self.regime)
        if value != value:
            return -1
        if self.max_age_ns > 0 and ctx.signal_age_ns(self.regime) > self.max_age_ns:
            return -1
        return int(value)

    def revert(self, ctx: Context, mid: float) -> None:
        """Fade a mid that is far from its average."""
        away = mid - self.slow.value
        if self.wanted * away >= 0.0 and self.wanted != 0:
            self.wanted = 0
            self.held_in = -1
        elif (
            self.wanted == 0
            and abs(away) > self.entry_z * self.swing.value
            and self.pays(ctx, abs(away))
        ):
            self.wanted = -self.lots if away > 0.0 else self.lots
            self.held_in = NORMAL

    def follow(self, ctx: Context) -> None:
        """Hold the direction in which the fast average has left the slow one."""
        drift = self.fast.value - self.slow.value
        if self.wanted * drift < 0.0:
            self.wanted = 0
            self.held_in = -1
        if (
            self.wanted == 0
            and abs(drift) > self.trend_z * self.swing.value
            and self.pays(ctx, abs(drift))
        ):
            self.wanted = self.lots if drift > 0.0 else -self.lots
            self.held_in = TREND

    def pays(self, ctx: Context, ticks: float) -> bool:
        """Tell whether a distance is worth going in and out again."""
        middle = 0.5 * (ctx.bid_ticks(0) + ctx.ask_ticks(0))
        spread = ctx.ask_ticks(0) - ctx.bid_ticks(0)
        costs_bps = 2.0 * ctx.taker_fee_bps(0) + spread / middle * 1e4
        return ticks / middle * 1e4 > costs_bps + self.min_edge_bps

    def bring(self, ctx: Context) -> None:
        """Trade towards the position wanted; closing goes at any price, opening at the best."""
        position = ctx.position_lots(0)
        missing = self.wanted - position
        if missing == 0 or ctx.n_orders > 0 or not ctx.has_quote(0):
            return
        if ctx.now_ns - self.evened_ns < RETRY_NS:
            return  # what the last order could not take is hardly there yet
        self.evened_ns = ctx.now_ns
        side = 1 if missing > 0 else -1
        if position * side < 0:
            ctx.market(0, side, min(abs(missing), abs(position)))
        else:
            best_ticks = ctx.ask_ticks(0) if side > 0 else ctx.bid_ticks(0)
            ctx.take(0, side, abs(missing), best_ticks)
