"""Icebergs: a part is displayed, and once it is filled the next part queues behind.

What fills: the displayed part as any displayed order; the next part only after all that was
displayed at the price when it was shown. A trade through the price fills every part, in one fill.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import I64Array
from framework.core.orders import JournalEvent, Reason
from framework.venue.journal import journal_at, journal_row
from framework.venue.order_states import OrderStep, move
from framework.venue.resting import rest, unrest
from framework.venue.world import orders_of

_REFRESHED, _NONE = int(JournalEvent.REFRESHED), int(Reason.NONE)
_REFRESH = int(OrderStep.REFRESH)


@kernel
def refresh(world: I64Array, k: int, o: int, h: int, ts_ns: int, trading: int) -> bool:
    """Show an iceberg's next part where the displayed one is used up; false where it is not.

    Parameters
    ----------
    trading
        Lots at the order's price of the trade in hand, which has yet to meet the part now shown.
    """
    cold()
    order = orders_of(world, k)[o]
    if order.peak == 0 or order.shown > 0 or order.leaves == 0:
        return False
    # One fill may have taken several parts: the last of them is shown only in part.
    order.shown = min(order.leaves, order.peak - -order.shown % order.peak)
    if not move(world, k, o, _REFRESH):
        return False
    order.traded -= trading
    order.front = max(0.0, float(order.level) - order.traded)
    i = journal_row(world, k, o, ts_ns, _REFRESHED, _NONE, True)
    journal_at(world, i).qty_lots = order.shown
    journal_at(world, i).queue_ahead_lots = order.front
    unrest(world, k, o, h)
    rest(world, k, o, h)
    return True
