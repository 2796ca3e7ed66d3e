"""Stop orders: unseen at the venue until a trade at or through their price sets them off.

What sets one off: a trade of the venue's data at the stop price or beyond it (above for a buy,
below for a sell) after the order has arrived. Quotes do not, nor do our own fills, which the
replayed market never prints. From that instant it is a market or a limit order. The trade has taken
its quantity before the order can: levels better than the trade's price are gone for it, and at that
price so is the trade's size, even where the data takes them off only in a later message.
"""

from __future__ import annotations

from framework._jit import cold, kernel
from framework.book.window import books_of
from framework.core.events import I64Array
from framework.core.orders import JournalEvent, Reason
from framework.venue.arrival import match
from framework.venue.journal import latest_row
from framework.venue.matching import report
from framework.venue.records import Status, VenueState
from framework.venue.world import FOREVER, W, ladders_at_venue, orders_of

_TRIGGERED, _CANCELLED = int(JournalEvent.TRIGGERED), int(JournalEvent.CANCELLED)
_NONE, _BOOK_INVALID = int(Reason.NONE), int(Reason.BOOK_INVALID)
_WAITING, _RUNNING = int(VenueState.WAITING), int(Status.DONE)


@kernel
def _next_due(world: I64Array, k: int, b: int, px_ticks: int) -> int:
    """Slot of the oldest waiting order that a trade sets off, -1 where there is none."""
    orders = orders_of(world, k)
    found, found_id = -1, FOREVER
    for o in range(orders.size):
        order = orders[o]
        waiting = order.venue_state == _WAITING and order.book == b
        if waiting and order.side * px_ticks >= order.stop_z and order.id < found_id:
            found, found_id = o, order.id
    return found


@kernel
def _set_off(world: I64Array, k: int, o: int, ts_ns: int, px_ticks: int) -> None:
    cold()
    order = orders_of(world, k)[o]
    world[W.N_STOPS] -= 1
    report(world, k, o, ts_ns, _TRIGGERED, _NONE)
    latest_row(world).px_ticks = px_ticks
    if not books_of(ladders_at_venue(world))[order.book].valid:
        report(world, k, o, ts_ns, _CANCELLED, _BOOK_INVALID)
        return
    match(world, k, o, ts_ns)


@kernel
def trigger_stops(
    world: I64Array, b: int, side: int, ts_ns: int, px_ticks: int, unseen_lots: int
) -> None:
    """Set off the waiting orders of a book that a trade has reached, oldest first.

    Parameters
    ----------
    side
        The aggressor's, 0 where unknown.
    unseen_lots
        What the trade took at its price and the book still shows.
    """
    cold()
    if side:
        world[W.SWEPT_HALF] = 2 * b + (side > 0) + 1
        world[W.SWEPT_Z] = -side * px_ticks
        world[W.SWEPT_LOTS] = unseen_lots
    for k in range(world[W.N_TRIALS]):
        o = _next_due(world, k, b, px_ticks)
        while o >= 0 and world[W.STATUS] == _RUNNING:
            _set_off(world, k, o, ts_ns, px_ticks)
            o = _next_due(world, k, b, px_ticks)
    world[W.SWEPT_HALF] = 0
