r"""Obizhaeva and Wang's schedule: a book that refills at a finite speed.

What is taken from a block-shaped book comes back at rate :math:`\rho`. Without risk aversion the
least costly way to trade :math:`X` within :math:`T` is a block at the start, an even rate, and a
block at the end:

.. math:: x_0 = x_T = \frac{X}{\rho T + 2}, \qquad \dot x = \frac{\rho X}{\rho T + 2}.

References
----------
Obizhaeva, A. and Wang, J. (2013), "Optimal trading strategy and supply/demand dynamics", Journal of
Financial Markets 16(1), proposition 3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from framework.core.errors import SpecError
from framework.core.events import F64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class ObizhaevaWang:
    r"""An order and the speed at which the book comes back.

    Parameters
    ----------
    quantity
        :math:`X`, in units of quantity.
    horizon
        :math:`T`, in units of time.
    resilience
        :math:`\rho`, per unit of time; ``log(2) / half-life``.

    Examples
    --------
    At :math:`\rho T = 2` a quarter is traded at once, half on the way, a quarter at the end:

    >>> order = ObizhaevaWang(quantity=1.0, horizon=1.0, resilience=2.0)
    >>> order.block, order.between
    (0.25, 0.5)
    """

    quantity: float
    horizon: float
    resilience: float

    def __post_init__(self) -> None:
        if min(self.quantity, self.horizon) <= 0 or self.resilience < 0:
            raise SpecError(
                "a schedule needs a positive quantity and horizon, and a resilience of 0 or more, "
                f"got {self.quantity:g}, {self.horizon:g} and {self.resilience:g}",
                remedy="lengthen --horizon, or trade a positive quantity",
            )

    @property
    def block(self) -> float:
        """Quantity traded at once at the start, and again at the end."""
        return self.quantity / (self.resilience * self.horizon + 2.0)

    @property
    def between(self) -> float:
        """Quantity traded at an even rate between the blocks."""
        return self.quantity - 2.0 * self.block

    def schedule(self, intervals: int) -> F64Array:
        """Give the quantity of each of some instants, from the start to the end, both included.

        The even rate is dealt out over the instants between the blocks; with fewer than three
        there are none, and the blocks take it.

        Returns
        -------
        shape (intervals,)

        >>> ObizhaevaWang(quantity=1.0, horizon=1.0, resilience=2.0).schedule(4).tolist()
        [0.25, 0.25, 0.25, 0.25]
        """
        if intervals < 3:
            return np.full(intervals, self.quantity / intervals)
        made = np.full(intervals, self.between / (intervals - 2))
        made[[0, -1]] = self.block
        return made
