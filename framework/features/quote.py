"""Features of the best bid and ask that need no memory."""

from __future__ import annotations

import numpy as np

from framework._jit import kernel
from framework.core.events import F64Array, I64Array


@kernel
def spread_pct(bid_ticks: int, ask_ticks: int) -> float:
    r"""Spread in percent of the mid: :math:`100 (a - b) / m`.

    >>> spread_pct(99, 101)
    2.0
    """
    return (ask_ticks - bid_ticks) / (0.5 * (bid_ticks + ask_ticks)) * 100.0


@kernel
def microprice_ticks(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> float:
    r"""Mid weighted by the opposite sizes: :math:`(b q_a + a q_b) / (q_a + q_b)`.

    Three times as much is bid as asked, so the price is to be looked for near the ask.

    >>> microprice_ticks(100, 30, 102, 10)
    101.5
    """
    total = bid_lots + ask_lots
    return (bid_ticks * float(ask_lots) + ask_ticks * float(bid_lots)) / total


@kernel
def spread_pct_over(bid_ticks: I64Array, ask_ticks: I64Array) -> F64Array:
    """Compute `spread_pct` of every row."""
    out = np.empty(bid_ticks.size)
    for i in range(out.size):
        out[i] = spread_pct(bid_ticks[i], ask_ticks[i])
    return out


@kernel
def microprice_ticks_over(
    bid_ticks: I64Array, bid_lots: I64Array, ask_ticks: I64Array, ask_lots: I64Array
) -> F64Array:
    """Compute `microprice_ticks` of every row."""
    out = np.empty(bid_ticks.size)
    for i in range(out.size):
        out[i] = microprice_ticks(bid_ticks[i], bid_lots[i], ask_ticks[i], ask_lots[i])
    return out
