"""Two orders of one trial never trade with each other: who gives way is the run's choice.

An arriving order takes what stands before our own resting order, and there the rule applies. The
rest of a level, and worse ones, it reaches only where the rule lets it go on.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.core.events import NO_PRICE, I64Array
from framework.core.orders import JournalEvent, Reason, SelfTrade
from framework.venue.consumed import consumed_lots
from framework.venue.iceberg import refresh
from framework.venue.journal import latest_row
from framework.venue.matching import leave, report
from framework.venue.records import VenueState
from framework.venue.world import FOREVER, live_of, orders_of, own_best_of, streams_of

_ALLOW, _NEWEST = int(SelfTrade.ALLOW), int(SelfTrade.CANCEL_NEWEST)
_OLDEST, _DECREMENT = int(SelfTrade.CANCEL_OLDEST), int(SelfTrade.DECREMENT)
_CANCELLED, _DECREMENTED = int(JournalEvent.CANCELLED), int(JournalEvent.DECREMENTED)
_SELF_TRADE, _LIVE = int(Reason.SELF_TRADE), int(VenueState.LIVE)


@kernel
def meets_own(world: I64Array, k: int, other: int, z: int, market: bool) -> bool:
    """True where an order at ``z`` would trade with the trial's own best in the half ``other``."""
    if streams_of(world)[other >> 1].self_trade == _ALLOW:
        return False
    best = own_best_of(world, other)[k]
    return best != NO_PRICE and (market or z + best >= 0)


@kernel
def own_ahead(world: I64Array, k: int, other: int) -> int:
    """Lots of its level that stand before the trial's own best order and are not yet taken."""
    order = orders_of(world, k)[live_of(world, k, other)[0]]
    if order.hidden:
        return FOREVER
    return max(0, int(order.front + 0.5) - consumed_lots(world, k, other, order.z))


@kernel
def give_way(world: I64Array, k: int, o: int, other: int, ts_ns: int) -> None:
    """Apply the rule to an arriving order and the trial's own best order in ``other``."""
    cold()
    rule = streams_of(world)[other >> 1].self_trade
    rival = live_of(world, k, other)[0]
    if rule == _DECREMENT:
        orders = orders_of(world, k)
        lots = min(orders[o].leaves, orders[rival].leaves)
        _decrement(world, k, rival, ts_ns, lots)
        _decrement(world, k, o, ts_ns, lots)
        return
    if rule != _NEWEST:
        leave(world, k, rival)
        report(world, k, rival, ts_ns, _CANCELLED, _SELF_TRADE)
    if rule != _OLDEST:
        report(world, k, o, ts_ns, _CANCELLED, _SELF_TRADE)


@kernel
def _decrement(world: I64Array, k: int, o: int, ts_ns: int, lots: int) -> None:
    cold()
    order = orders_of(world, k)[o]
    h = 2 * order.book + (order.side < 0)
    order.leaves -= lots
    order.shown -= lots
    report(world, k, o, ts_ns, _DECREMENTED, _SELF_TRADE)
    latest_row(world).qty_lots = lots
    if order.leaves == 0:
        leave(world, k, o)
        report(world, k, o, ts_ns, _CANCELLED, _SELF_TRADE)
    elif order.venue_state == _LIVE:
        refresh(world, k, o, h, ts_ns, 0)
