r"""Almgren and Chriss' schedule: expected cost against its variance, under linear impact.

An order of :math:`X` is traded in :math:`N` intervals of :math:`\tau = T/N`. Trading
:math:`n_k` in one moves the price for good by :math:`\gamma n_k` and costs
:math:`\epsilon + \eta n_k / \tau` per unit on top. With holdings :math:`x_k` left after interval k,

.. math::
    E = \tfrac12 \gamma X^2 + \epsilon X + \frac{\tilde\eta}{\tau} \sum n_k^2, \quad
    V = \sigma^2 \tau \sum x_k^2, \quad \tilde\eta = \eta - \tfrac12 \gamma \tau,

and :math:`E + \lambda V` is least for :math:`x_k = X \sinh(\kappa (T - t_k)) / \sinh(\kappa T)`
with :math:`2 (\cosh \kappa\tau - 1) / \tau^2 = \lambda \sigma^2 / \tilde\eta`.

References
----------
Almgren, R. and Chriss, N. (2000), "Optimal execution of portfolio transactions", Journal of Risk 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.core.errors import SpecError
from framework.core.events import F64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class AlmgrenChriss:
    r"""A market and an order.

    Parameters
    ----------
    quantity
        :math:`X`, in units of quantity.
    horizon
        :math:`T`, in units of time.
    intervals
        :math:`N`.
    volatility
        :math:`\sigma`, price per square root of a unit of time.
    permanent
        :math:`\gamma`, price per unit of quantity.
    temporary
        :math:`\eta`, price per unit of quantity and time.
    half_spread
        :math:`\epsilon`, price.

    Raises
    ------
    SpecError
        Where temporary impact does not outweigh permanent impact within an interval.

    Examples
    --------
    The example of the paper's table 1: a million shares in five days. Selling a fifth a day costs
    662,500 dollars on average, with a variance of 1.083e12.

    >>> order = AlmgrenChriss(quantity=1e6, horizon=5, intervals=5, volatility=0.95,
    ...                       permanent=2.5e-7, temporary=2.5e-6, half_spread=0.0625)
    >>> twap = order.schedule(0.0)
    >>> round(order.expected_cost(twap)), f"{order.variance(twap):.4g}"
    (662500, '1.083e+12')
    >>> round(order.kappa(1e-6), 3)
    0.607
    """

    quantity: float
    horizon: float
    intervals: int
    volatility: float
    permanent: float
    temporary: float
    half_spread: float

    def __post_init__(self) -> None:
        sizes = (self.quantity, self.horizon, self.intervals)
        if min(sizes) <= 0 or min(self.volatility, self.permanent, self.half_spread) < 0:
            raise SpecError(
                f"a schedule needs a positive quantity, horizon and number of intervals, and costs "
                f"of 0 or more, got {self}",
                remedy="lengthen --horizon, or trade a positive quantity",
            )
        if self._net_temporary <= 0:
            raise SpecError(
                f"temporary impact must outweigh permanent impact, {self.temporary:g} does not "
                f"outweigh {self.permanent:g} over intervals of {self._tau:g}",
                remedy="take more intervals, or a shorter horizon",
            )

    def kappa(self, risk_aversion: float) -> float:
        r"""Urgency :math:`\kappa`, per unit of time; 0 spreads the order evenly."""
        ratio = risk_aversion * self.volatility**2 / self._net_temporary
        return float(np.arccosh(1.0 + ratio * self._tau**2 / 2.0)) / self._tau

    def schedule(self, risk_aversion: float) -> F64Array:
        r"""Give the quantity of each interval, shape ``(intervals,)``.

        Parameters
        ----------
        risk_aversion
            :math:`\lambda`, per unit of money.
        """
        kappa = self.kappa(risk_aversion)
        left = self.horizon - self._tau * np.arange(self.intervals + 1)
        if kappa * self.horizon < 1e-9:
            holdings = self.quantity * left / self.horizon
        else:
            # sinh(a) / sinh(b) for large b would be infinity over infinity.
            scale = np.exp(kappa * (left - self.horizon))
            shrunk = -np.expm1(-2.0 * kappa * left) / -np.expm1(-2.0 * kappa * self.horizon)
            holdings = self.quantity * scale * shrunk
        return -np.diff(holdings)

    def expected_cost(self, schedule: F64Array) -> float:
        """Expected shortfall of a schedule, in money."""
        fixed = 0.5 * self.permanent * self.quantity**2 + self.half_spread * self.quantity
        return float(fixed + self._net_temporary / self._tau * np.sum(schedule**2))

    def variance(self, schedule: F64Array) -> float:
        """Variance of the shortfall of a schedule, in money squared."""
        holdings = self.quantity - np.cumsum(schedule)
        return float(self.volatility**2 * self._tau * np.sum(holdings**2))

    @property
    def _tau(self) -> float:
        return self.horizon / self.intervals

    @property
    def _net_temporary(self) -> float:
        return self.temporary - 0.5 * self.permanent * self._tau
