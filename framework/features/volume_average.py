"""Averages of trade prices weighted by volume, exact: the sums are whole numbers."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from framework._jit import kernel
from framework.core.events import F64Array, I64Array
from framework.features.base import Feature, Kernels, number

_TURNOVER, _LOTS = range(2)
VWAP_WORDS: Final = 2

_AT, _SIZE = 2, 3
_RING: Final = 4


@kernel
def vwap_update(state: I64Array, px_ticks: int, lots: int) -> float:
    """Take a trade; return the average price in ticks, nan before the first lot."""
    state[_TURNOVER] += px_ticks * lots
    state[_LOTS] += lots
    average: float = state[_TURNOVER] / state[_LOTS]
    return average


@kernel
def volume_average_value(state: I64Array) -> float:
    """Return the average price in ticks after the latest trade, nan before the first lot."""
    average: float = state[_TURNOVER] / state[_LOTS]
    return average


@kernel
def vwma_update(state: I64Array, px_ticks: int, lots: int) -> float:
    """Take a trade, drop the oldest of a full window; return the average price in ticks."""
    size = state[_SIZE]
    at = state[_AT]
    prices = state[_RING : _RING + size]
    sizes = state[_RING + size : _RING + 2 * size]
    state[_TURNOVER] += px_ticks * lots - prices[at] * sizes[at]
    state[_LOTS] += lots - sizes[at]
    prices[at] = px_ticks
    sizes[at] = lots
    state[_AT] = at + 1 if at + 1 < size else 0
    average: float = state[_TURNOVER] / state[_LOTS]
    return average


@kernel
def _vwap_over(state: I64Array, px_ticks: I64Array, lots: I64Array) -> F64Array:
    out = np.empty(px_ticks.size)
    for i in range(out.size):
        out[i] = vwap_update(state, px_ticks[i], lots[i])
    return out


@kernel
def _vwma_over(state: I64Array, px_ticks: I64Array, lots: I64Array) -> F64Array:
    out = np.empty(px_ticks.size)
    for i in range(out.size):
        out[i] = vwma_update(state, px_ticks[i], lots[i])
    return out


class Vwap(Feature):
    r"""Volume-weighted average price of all trades so far: :math:`\sum p q / \sum q`, in ticks.

    Sums are int64: turnover may reach 9.2e18 tick · lots.

    >>> vwap = Vwap()
    >>> vwap.update(100, 1), vwap.update(104, 3)
    (100.0, 103.0)
    """

    kernels: ClassVar[Kernels] = {"update": vwap_update, "value": volume_average_value}

    def __init__(self) -> None:
        super().__init__(VWAP_WORDS)

    @property
    def value(self) -> float:
        """Average price in ticks, nan before the first lot."""
        return float(volume_average_value(self.state))

    def update(self, px_ticks: int, lots: int) -> float:
        """Take a trade; return the average price in ticks."""
        return float(vwap_update(self.state, px_ticks, lots))

    def over(self, px_ticks: I64Array, lots: I64Array) -> F64Array:
        """Update with every trade; return the average after each."""
        return _vwap_over(self.state, px_ticks, lots)


def vwma_words(n_trades: int) -> int:
    """Count the words of a `Vwma`'s memory."""
    return _RING + 2 * n_trades


class Vwma(Feature):
    """Volume-weighted moving average of the latest trades, in ticks.

    Parameters
    ----------
    n_trades
        Trades in the window.

    Examples
    --------
    >>> vwma = Vwma(n_trades=2)
    >>> vwma.update(100, 1), vwma.update(104, 3), vwma.update(110, 3)
    (100.0, 103.0, 107.0)
    """

    kernels: ClassVar[Kernels] = {"update": vwma_update, "value": volume_average_value}

    def __init__(self, n_trades: int | str) -> None:
        n_trades = int(number("n_trades", n_trades))
        super().__init__(vwma_words(n_trades))
        self.state[_SIZE] = n_trades

    @property
    def value(self) -> float:
        """Average price in ticks, nan before the first lot."""
        return float(volume_average_value(self.state))

    def update(self, px_ticks: int, lots: int) -> float:
        """Take a trade; return the average price in ticks."""
        return float(vwma_update(self.state, px_ticks, lots))

    def over(self, px_ticks: I64Array, lots: I64Array) -> F64Array:
        """Update with every trade; return the average after each."""
        return _vwma_over(self.state, px_ticks, lots)
