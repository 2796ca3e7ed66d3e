"""Order-flow imbalance of the best quotes."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np

from framework._jit import kernel
from framework.core.events import NO_PRICE, I64Array
from framework.features.base import Feature, Kernels

_Z_BID, _BID_LOTS, _Z_ASK, _ASK_LOTS, _N, _TOTAL = range(6)
OFI_WORDS: Final = 6


@kernel
def _side_flow(z: int, lots: int, z_before: int, lots_before: int) -> int:
    if z > z_before:
        return lots
    if z < z_before:
        return -lots_before
    return lots - lots_before


@kernel
def ofi_update(
    state: I64Array, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int
) -> int:
    """Take the best quotes after an event; return the event's contribution in lots.

    An absent side has 0 lots; its price does not matter.
    """
    z_bid = bid_ticks if bid_lots else NO_PRICE
    z_ask = -ask_ticks if ask_lots else NO_PRICE
    flow = 0
    if state[_N]:
        flow = _side_flow(z_bid, bid_lots, state[_Z_BID], state[_BID_LOTS])
        flow -= _side_flow(z_ask, ask_lots, state[_Z_ASK], state[_ASK_LOTS])
    state[_Z_BID] = z_bid
    state[_BID_LOTS] = bid_lots
    state[_Z_ASK] = z_ask
    state[_ASK_LOTS] = ask_lots
    state[_N] += 1
    state[_TOTAL] += flow
    return flow


@kernel
def ofi_total(state: I64Array) -> int:
    """Return the sum of all contributions."""
    total: int = state[_TOTAL]
    return total


@kernel
def _over(
    state: I64Array,
    bid_ticks: I64Array,
    bid_lots: I64Array,
    ask_ticks: I64Array,
    ask_lots: I64Array,
) -> I64Array:
    out = np.empty(bid_ticks.size, np.int64)
    for i in range(out.size):
        out[i] = ofi_update(state, bid_ticks[i], bid_lots[i], ask_ticks[i], ask_lots[i])
    return out


class OrderFlowImbalance(Feature):
    r"""Net size that joined the best bid rather than the best ask, event by event.

    With best bid :math:`(b_n, q^b_n)` after event n, a bid that rises adds :math:`q^b_n`, one that
    falls takes :math:`q^b_{n-1}`, one that stays adds the change of its size; asks the opposite.

    References
    ----------
    Cont, R., Kukanov, A., & Stoikov, S. (2014). The price impact of order book events.

    Examples
    --------
    >>> flow = OrderFlowImbalance()
    >>> flow.update(100, 10, 101, 10)
    0
    >>> flow.update(100, 15, 101, 10)  # 5 lots join the bid
    5
    >>> flow.update(101, 4, 102, 20)  # the ask of 10 is gone, 4 bid in its place
    14
    >>> flow.total
    19
    """

    kernels: ClassVar[Kernels] = {"update": ofi_update, "total": ofi_total}

    def __init__(self) -> None:
        super().__init__(OFI_WORDS)

    def update(self, bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> int:
        """Take the best quotes after an event; return its contribution in lots."""
        return int(ofi_update(self.state, bid_ticks, bid_lots, ask_ticks, ask_lots))

    def over(
        self, bid_ticks: I64Array, bid_lots: I64Array, ask_ticks: I64Array, ask_lots: I64Array
    ) -> I64Array:
        """Update with every row; return each one's contribution."""
        return _over(self.state, bid_ticks, bid_lots, ask_ticks, ask_lots)

    @property
    def total(self) -> int:
        """Sum of all contributions."""
        return int(ofi_total(self.state))
