"""What strategies do about a forecast of volatility: step back, send less, or take on nothing new.

The forecast comes as three signals, ``volatility``, ``volatility_low`` and ``volatility_high``: the
standard deviation expected over the model's horizon in basis points, and its 90 % interval.
"""

from __future__ import annotations

import math

from framework.core.errors import StrategyError
from framework.strategy import Context, Strategy, param

SIGNAL = "volatility"


class ForecastGuard(Strategy):
    """Guard a strategy by the interval of a forecast; quoting and arbitrage inherit it.

    All counts from the upper end of the interval, so that doubt counts as danger:

    - **Widen**: what lies above `forecast_calm_bps` times `forecast_widen`, in basis points, is
      added to what a trade must leave: quotes step back by it, an arbitrage asks for that edge.
      Where `forecast_nearer` is above 0, quotes come as much nearer, times that, as the forecast
      lies below `forecast_calm_bps`.
    - **Size**: with `forecast_shrink`, orders have as much of their size as the calm is of the
      forecast.
    - **Veto**: above `forecast_veto_bps` no new risk is taken on; what closes a position may still
      be quoted or sent.

    No forecast, or one older than `forecast_max_age_ns` where that is given, is a veto as soon as
    any of these is asked for: nothing is known then. All are off at first, and no signal is
    needed.
    """

    forecast_widen: float = param(0.0, low=0.0, doc="bps stepped back per bps above calm; 0: off")
    forecast_nearer: float = param(0.0, low=0.0, doc="bps come nearer per bps below calm; 0: off")
    forecast_calm_bps: float = param(0.0, low=0.0, doc="upper bound that changes nothing")
    forecast_shrink: bool = param(False, doc="less size above calm")
    forecast_veto_bps: float = param(0.0, low=0.0, doc="upper bound that forbids; 0: off")
    forecast_max_age_ns: int = param(0, low=0, doc="forecasts older than this are none; 0: any age")

    forecast_high: int = -1

    def on_start(self, ctx: Context) -> None:
        """Look the signal up where it is needed; a subclass with an ``on_start`` calls this."""
        moves = self.forecast_widen or self.forecast_nearer
        if moves or self.forecast_shrink or self.forecast_veto_bps:
            self.forecast_high = ctx.signal(f"{SIGNAL}_high")
        if (self.forecast_shrink or self.forecast_nearer) and not self.forecast_calm_bps:
            raise StrategyError(
                "forecast_shrink and forecast_nearer count from what is calm, but "
                "forecast_calm_bps is 0",
                remedy="give forecast_calm_bps, the upper bound of a calm market's forecasts",
            )

    def upper_bps(self, ctx: Context) -> float:
        """Upper end of the forecast's interval; infinite where there is none that counts."""
        upper = ctx.signal_value(self.forecast_high)
        is_old = 0 < self.forecast_max_age_ns < ctx.signal_age_ns(self.forecast_high)
        if math.isnan(upper) or is_old:
            return math.inf
        return upper

    def vetoed(self, ctx: Context) -> bool:
        """Tell whether no new risk is to be taken on."""
        if self.forecast_high < 0:
            return False
        upper = self.upper_bps(ctx)
        return math.isinf(upper) or 0.0 < self.forecast_veto_bps < upper

    def allowed(self, ctx: Context, book: int, side: int) -> bool:
        """Tell whether a side may be traded: a veto leaves what closes the position."""
        return side * ctx.position_lots(book) < 0 or not self.vetoed(ctx)

    def widen_bps(self, ctx: Context) -> float:
        """Basis points to step back by, below 0 to come nearer; 0 without a forecast."""
        if self.forecast_high < 0:
            return 0.0
        beyond = self.upper_bps(ctx) - self.forecast_calm_bps
        if math.isinf(beyond):
            return 0.0
        return beyond * (self.forecast_widen if beyond > 0.0 else self.forecast_nearer)

    def guarded_lots(self, ctx: Context, lots: int) -> int:
        """Lots that the forecast leaves of an order: one at least."""
        if self.forecast_high < 0 or not self.forecast_shrink:
            return lots
        upper = self.upper_bps(ctx)
        if upper <= self.forecast_calm_bps:
            return lots
        return min(lots, max(1, int(lots * self.forecast_calm_bps / upper)))
