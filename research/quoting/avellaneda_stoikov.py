r"""Quotes of a market maker who ends at a horizon, after Avellaneda and Stoikov.

Orders arrive at a distance :math:`\delta` from the mid with intensity :math:`A e^{-k \delta}`; the
mid is a Brownian motion of volatility :math:`\sigma`; utility is exponential with risk aversion
:math:`\gamma`.

References
----------
Avellaneda, M., & Stoikov, S. (2008). High-frequency trading in a limit order book. Quantitative
Finance, 8(3), 217-224.
"""

from __future__ import annotations

import math

from framework._jit import kernel


@kernel
def reservation_offset(q: float, gamma: float, sigma: float, left: float) -> float:
    r"""Distance of the reservation price from the mid: :math:`-q \gamma \sigma^2 (T - t)`.

    >>> reservation_offset(2.0, 0.1, 2.0, 0.5)
    -0.4
    """
    return -q * gamma * sigma * sigma * left


@kernel
def finite_horizon_offsets(
    q: float, gamma: float, sigma: float, k: float, left: float
) -> tuple[float, float]:
    r"""Distances of bid and ask from the mid, both counted away from it.

    Around the reservation price each side stands at
    :math:`\tfrac12 \gamma \sigma^2 (T - t) + \tfrac1\gamma \ln(1 + \gamma / k)`.

    >>> bid, ask = finite_horizon_offsets(0.0, 0.1, 2.0, 1.5, 1.0)
    >>> round(bid, 4), round(bid + ask, 4)
    (0.8454, 1.6908)

    A position of one moves both by the reservation price's 0.4.

    >>> bid, ask = finite_horizon_offsets(1.0, 0.1, 2.0, 1.5, 1.0)
    >>> round(bid, 4), round(ask, 4)
    (1.2454, 0.4454)
    """
    half = 0.5 * gamma * sigma * sigma * left + math.log1p(gamma / k) / gamma
    shift = reservation_offset(q, gamma, sigma, left)
    return half - shift, half + shift
