"""Guéant, Lehalle and Fernandez-Tapia's market maker: quotes without a horizon."""

from __future__ import annotations

from framework.strategy import Context, param
from research.quoting.glft import asymptotic_offsets
from strategies.quoting import VolatilityQuoting


class Glft(VolatilityQuoting):
    r"""Quote the closed form that Avellaneda and Stoikov's problem tends to far from its horizon.

    With inventory :math:`q` in units of `size` and :math:`s` the step of `inventory_step`, the bid
    stands :math:`\ln(1 + \gamma / k) / \gamma + (q + 1/2) s` below the mid and the ask
    :math:`\ln(1 + \gamma / k) / \gamma - (q - 1/2) s` above it; `drift_ticks` moves both.

    Notes
    -----
    Prices are ticks, time is seconds. `a` and `k` are calibrated by `research.intensity`,
    volatility is that of `VolatilityQuoting`. The closed form is exact for small inventories and an
    unbounded one; `max_position` stands for the paper's bound.

    Assumes what `strategies.avellaneda_stoikov` assumes.

    References
    ----------
    Guéant, O., Lehalle, C.-A., & Fernandez-Tapia, J. (2013). Dealing with the inventory risk.
    """

    gamma: float = param(
        0.05, low=1e-6, high=10.0, log=True, doc="risk aversion, per tick and size"
    )
    a: float = param(1.0, low=1e-6, high=10_000.0, log=True, doc="arrivals a second at the mid")
    k: float = param(0.5, low=1e-3, high=100.0, log=True, doc="decay of arrivals, per tick")
    drift_ticks: float = param(
        0.0, low=-100.0, high=100.0, doc="expected move of the mid, a second"
    )

    def quote_book(self, ctx: Context, book: int) -> None:
        """Quote the closed form."""
        mid = (ctx.bid_ticks(book) + ctx.ask_ticks(book)) / 2
        # Without any volatility the drift would be divided by nothing.
        sigma = max(self.volatility(ctx, book, mid), 1e-6)
        q = ctx.position_lots(book) / self.size
        bid, ask = asymptotic_offsets(q, self.gamma, sigma, self.a, self.k, self.drift_ticks)
        self.place(ctx, book, mid - bid, mid + ask)
