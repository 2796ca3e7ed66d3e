"""Where a resting order stands in its level's queue, estimated from price-level data.

Data by price level says how much is displayed, not who is ahead. A model keeps an estimate
``front`` of the quantity ahead: trades at the price always reduce it; a shrink of the level that
trades do not explain was cancelled, partly ahead and partly behind. The models differ in the
share ``p`` of such cancellations that they put behind.

References
----------
Rigtorp, E. (2013), "Estimating order queue position", rigtorp.se; the families as named by
hftbacktest's documentation, "Probability queue position models".
"""

from __future__ import annotations

import math
from enum import IntEnum

from framework._jit import kernel


class QueueModel(IntEnum):
    """How cancellations are shared between the front and the back of the queue."""

    RISK_AVERSE = 0
    """None is ahead, until the level is smaller than the estimate."""
    POWER = 1
    """``p = b^n / (b^n + f^n)``."""
    POWER2 = 2
    """``p = b^n / (b + f)^n``."""
    POWER3 = 3
    """``p = 1 - (f / (f + b))^n``."""
    LOG = 4
    """``p = ln(1 + b) / (ln(1 + b) + ln(1 + f))``."""
    LOG2 = 5
    """``p = ln(1 + b) / ln(1 + b + f)``."""
    L3_EXACT = 6
    """No estimate: the data names its orders, see `framework.venue.place`."""


_POWER, _POWER2, _POWER3 = int(QueueModel.POWER), int(QueueModel.POWER2), int(QueueModel.POWER3)
_LOG, _RISK_AVERSE = int(QueueModel.LOG), int(QueueModel.RISK_AVERSE)


@kernel
def share_behind(model: int, power: float, front: float, back: float) -> float:
    """Share of cancelled quantity taken to have stood behind us, for quantities ahead and behind.

    Parameters
    ----------
    model
        `QueueModel` of those with a share ``p``.
    power
        Exponent ``n`` of the power models.
    front, back
        Quantities in the venue's unit (not lots: the logarithms depend on the scale).
    """
    if front <= 0.0:
        return 1.0  # nobody is ahead, so nobody ahead can cancel; also covers 0 / 0
    if back <= 0.0:
        return 0.0
    if model == _POWER:
        share = back**power / (back**power + front**power)
    elif model == _POWER2:
        share = back**power / (back + front) ** power
    elif model == _POWER3:
        share = 1.0 - (front / (front + back)) ** power
    elif model == _LOG:
        share = math.log1p(back) / (math.log1p(back) + math.log1p(front))
    else:
        share = math.log1p(back) / math.log1p(back + front)
    return share


@kernel
def front_after_depth(
    model: int,
    power: float,
    lot_quantity: float,
    front: float,
    traded: float,
    before: int,
    now: int,
) -> float:
    """Quantity ahead, never below zero, after the level went from ``before`` to ``now`` lots.

    Parameters
    ----------
    model, power
        See `share_behind`.
    lot_quantity
        Quantity of one lot.
    front
        Estimate before the change.
    traded
        What has traded at the level since its size was last told, changed or not: that part of a
        shrink is known to have been ahead and is already counted.
    """
    if model == _RISK_AVERSE:
        return min(front, float(now))
    cancelled = before - now - traded
    if cancelled < 0.0:
        return min(front, float(now))  # the level grew: new orders queue behind
    back = before - front
    behind = share_behind(model, power, front * lot_quantity, back * lot_quantity)
    # What the model puts behind may exceed what stands there; the excess was ahead.
    excess = min(back - behind * cancelled, 0.0)
    # Nor can more have been ahead than stood there: at worst nobody is left ahead.
    return max(0.0, min(front - (1.0 - behind) * cancelled + excess, float(now)))
