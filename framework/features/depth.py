"""Features of the displayed depth; levels are arrays, best first, of shape ``(n_levels,)``.

Levels that the book does not have show 0 lots.
"""

from __future__ import annotations

import numpy as np

from framework._jit import kernel
from framework.core.events import I64Array


@kernel
def imbalance(bid_lots: I64Array, ask_lots: I64Array, n_levels: int) -> float:
    r"""Order-book imbalance over the best levels: :math:`(B - A) / (B + A)`; nan without depth.

    >>> imbalance(np.array([30, 30]), np.array([15, 5]), 2)
    0.5
    """
    bids = bid_lots[:n_levels].sum()
    asks = ask_lots[:n_levels].sum()
    share: float = (bids - asks) / (bids + asks)
    return share


@kernel
def sweep_bps(px_ticks: I64Array, qty_lots: I64Array, mid_ticks: float, lots: int) -> float:
    r"""Cost of taking `lots` at once, against the mid: :math:`10^4 |\bar p - m| / m`.

    inf where the levels do not hold as much: a limit on the cost then refuses.

    >>> sweep_bps(np.array([10_001, 10_004]), np.array([20, 40]), 10_000.0, 30)
    2.0
    >>> sweep_bps(np.array([10_001, 10_004]), np.array([20, 40]), 10_000.0, 100)
    inf
    """
    left = lots
    paid = 0
    for i in range(px_ticks.size):
        taken = min(left, qty_lots[i])
        paid += taken * px_ticks[i]
        left -= taken
        if left == 0:
            break
    if left > 0 or lots <= 0:
        return np.inf
    return abs(paid / lots - mid_ticks) / mid_ticks * 1e4


@kernel
def gap_ticks(px_ticks: I64Array, qty_lots: I64Array, n_levels: int) -> int:
    """Widest run of empty ticks between neighbouring levels among the best: an air pocket.

    >>> gap_ticks(np.array([100, 99, 95, 94]), np.array([5, 5, 5, 5]), 4)
    3
    """
    widest = 0
    for i in range(1, min(n_levels, px_ticks.size)):
        if qty_lots[i] == 0:
            break
        widest = max(widest, abs(px_ticks[i] - px_ticks[i - 1]) - 1)
    return widest
