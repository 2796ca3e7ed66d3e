"""Avellaneda and Stoikov's market maker: quotes around a reservation price, until a horizon."""

from __future__ import annotations

from framework.strategy import Context, param
from research.quoting.avellaneda_stoikov import finite_horizon_offsets
from strategies.quoting import VolatilityQuoting


class AvellanedaStoikov(VolatilityQuoting):
    r"""Quote around the price at which one more lot is worth nothing, for a while that ends.

    With inventory :math:`q` in units of `size`, volatility :math:`\sigma`, risk aversion `gamma`
    and the time left :math:`T - t`, both quotes stand around the reservation price
    :math:`s - q \gamma \sigma^2 (T - t)`, each
    :math:`\gamma \sigma^2 (T - t) / 2 + \ln(1 + \gamma / k) / \gamma` away.

    Notes
    -----
    Prices are ticks, time is seconds. The horizon comes again at every whole multiple of
    `horizon_ns` since the epoch: the inventory is to be gone by then, and quoting goes on. `k` is
    calibrated by `research.intensity`, volatility is that of `VolatilityQuoting`.

    Assumes, as the paper does, that quotes are filled at random with an intensity that depends on
    their distance from the mid alone, whatever stands in the book, and that fills tell nothing of
    where the price goes. Neither holds: calibrate, and put `strategies.defensive` around it.

    References
    ----------
    Avellaneda, M., & Stoikov, S. (2008). High-frequency trading in a limit order book.
    """

    gamma: float = param(0.1, low=1e-6, high=10.0, log=True, doc="risk aversion, per tick and size")
    k: float = param(1.5, low=1e-3, high=100.0, log=True, doc="decay of arrivals, per tick")
    horizon_ns: int = param(60_000_000_000, low=1_000_000_000, high=86_400_000_000_000, log=True)

    def quote_book(self, ctx: Context, book: int) -> None:
        """Quote the paper's prices."""
        mid = (ctx.bid_ticks(book) + ctx.ask_ticks(book)) / 2
        sigma = self.volatility(ctx, book, mid)
        q = ctx.position_lots(book) / self.size
        left = (self.horizon_ns - ctx.now_ns % self.horizon_ns) / 1e9
        bid, ask = finite_horizon_offsets(q, self.gamma, sigma, self.k, left)
        self.place(ctx, book, mid - bid, mid + ask)
