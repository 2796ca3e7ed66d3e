"""Midpoint orders: hidden, at the middle of the venue's own best bid and ask.

Journal prices are whole ticks: where the middle is half a tick, the order stands on its passive
side, half a tick below it for a buy and above it for a sell. It moves when a message that changed
the middle has ended, as the newest order at its new price. While the book is invalid, a side is
empty or bid and ask are not apart, it stays where it is. It never takes.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.book.window import books_of, halves_of
from framework.core.events import NO_PRICE, I64Array
from framework.core.orders import JournalEvent, OrderType, Reason
from framework.venue.journal import journal_row
from framework.venue.matching import settle
from framework.venue.order_states import OrderStep, move
from framework.venue.records import Status, VenueState
from framework.venue.resting import unrest
from framework.venue.self_trade import give_way, meets_own
from framework.venue.world import W, ladders_at_venue, live_of, n_live_of, orders_of

_MIDPOINT, _ARRIVED = int(OrderType.MIDPOINT), int(VenueState.ARRIVED)
_REPRICED, _NONE = int(JournalEvent.REPRICED), int(Reason.NONE)
_REQUEUE, _RUNNING = int(OrderStep.REQUEUE), int(Status.DONE)


@kernel
def _mid(world: I64Array, h: int) -> int:
    """Signed middle for orders of a half, rounded to its passive side; `NO_PRICE` without one."""
    halves = halves_of(ladders_at_venue(world))
    near, far = halves[h].best, halves[h ^ 1].best
    if near == NO_PRICE or far == NO_PRICE or near + far >= 0:
        return NO_PRICE
    return (near - far) // 2


@kernel
def pegged_price(world: I64Array, k: int, o: int) -> int:
    """Signed price a midpoint order belongs at, no better than its limit; `NO_PRICE` without."""
    order = orders_of(world, k)[o]
    return min(_mid(world, 2 * order.book + (order.side < 0)), order.stop_z)


@kernel
def _repeg(world: I64Array, k: int, o: int, h: int, ts_ns: int, z: int) -> None:
    cold()
    order = orders_of(world, k)[o]
    unrest(world, k, o, h)
    order.z = z
    if not move(world, k, o, _REQUEUE):
        return
    journal_row(world, k, o, ts_ns, _REPRICED, _NONE, True)
    while order.venue_state == _ARRIVED and meets_own(world, k, h ^ 1, z, False):
        give_way(world, k, o, h ^ 1, ts_ns)
    if order.venue_state == _ARRIVED:
        settle(world, k, o, ts_ns)


@kernel
def follow_mid(world: I64Array, b: int, ts_ns: int) -> None:
    """Move every midpoint order of a book to where it belongs now."""
    cold()
    if not books_of(ladders_at_venue(world))[b].valid or _mid(world, 2 * b) == NO_PRICE:
        return
    for k in range(world[W.N_TRIALS]):
        for h in range(2 * b, 2 * b + 2):
            live = live_of(world, k, h)
            i = 0
            while i < n_live_of(world, k)[h] and world[W.STATUS] == _RUNNING:
                o = live[i]
                order = orders_of(world, k)[o]
                i += 1
                if order.order_type == _MIDPOINT and pegged_price(world, k, o) != order.z:
                    _repeg(world, k, o, h, ts_ns, pegged_price(world, k, o))
                    i = 0  # the list has changed
