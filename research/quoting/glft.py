r"""Quotes of a market maker without a horizon, after Guéant, Lehalle and Fernandez-Tapia.

The model is Avellaneda and Stoikov's with bounds on the inventory; far from the horizon its quotes
tend to the closed forms here.

References
----------
Guéant, O., Lehalle, C.-A., & Fernandez-Tapia, J. (2013). Dealing with the inventory risk: a
solution to the market making problem. Mathematics and Financial Economics, 7(4), 477-507.
"""

from __future__ import annotations

import math

from framework._jit import kernel


@kernel
def inventory_step(gamma: float, sigma: float, a: float, k: float) -> float:
    r"""Distance by which one unit of inventory moves the quotes.

    .. math:: \sqrt{\frac{\sigma^2 \gamma}{2 k A} \left(1 + \frac\gamma k\right)^{1 + k / \gamma}}
    """
    power = (1.0 + k / gamma) * math.log1p(gamma / k)
    return math.sqrt(sigma * sigma * gamma / (2.0 * k * a) * math.exp(power))


@kernel
def asymptotic_offsets(
    q: float, gamma: float, sigma: float, a: float, k: float, drift: float
) -> tuple[float, float]:
    r"""Distances of bid and ask from the mid, both counted away from it.

    With :math:`s` of `inventory_step` and drift :math:`\mu` of the mid,

    .. math:: \delta^b = \tfrac1\gamma \ln(1 + \tfrac\gamma k)
              + \left(q + \tfrac12 - \tfrac{\mu}{\gamma \sigma^2}\right) s, \qquad
              \delta^a = \tfrac1\gamma \ln(1 + \tfrac\gamma k)
              - \left(q - \tfrac12 - \tfrac{\mu}{\gamma \sigma^2}\right) s

    Guéant's example: :math:`\sigma = 0.3, A = 0.9, k = 0.3, \gamma = 0.01`.

    >>> [round(side, 4) for side in asymptotic_offsets(0.0, 0.01, 0.3, 0.9, 0.3, 0.0)]
    [3.3129, 3.3129]
    >>> [round(side, 4) for side in asymptotic_offsets(2.0, 0.01, 0.3, 0.9, 0.3, 0.0)]
    [3.4486, 3.1772]

    A short position swaps the sides, and a mid that rises moves both up.

    >>> [round(side, 4) for side in asymptotic_offsets(-2.0, 0.01, 0.3, 0.9, 0.3, 0.0)]
    [3.1772, 3.4486]
    >>> bid, ask = asymptotic_offsets(0.0, 0.01, 0.3, 0.9, 0.3, 0.001)
    >>> bid < 3.3129 < ask
    True
    """
    flat = math.log1p(gamma / k) / gamma
    step = inventory_step(gamma, sigma, a, k)
    lean = q - drift / (gamma * sigma * sigma)
    return flat + (lean + 0.5) * step, flat - (lean - 0.5) * step
