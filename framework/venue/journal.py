"""Rows of the journal: one for everything that happens to an order."""

from __future__ import annotations

from framework._jit import array_at, cold, kernel
from framework.book.ladder import best_price
from framework.core.events import I64Array, Record
from framework.venue.records import JOURNAL_DTYPE, View
from framework.venue.world import W, ladders_at_venue, orders_of, view_of

_BID, _ASK = int(View.BID), int(View.ASK)


@kernel
def journal_row(
    world: I64Array, k: int, o: int, ts_ns: int, event: int, reason: int, at_venue: bool
) -> int:
    """Start the row of one order event and return its index; the caller adds what is special.

    Parameters
    ----------
    o
        Slot of the order, whose standing data the row copies.
    at_venue
        True for what the venue did: the row then shows the venue's best prices, else those known
        to us.
    """
    cold()
    i = world[W.N_JOURNAL]
    world[W.N_JOURNAL] = i + 1
    row = array_at(world[W.JOURNAL], world[W.JOURNAL_SLOTS], JOURNAL_DTYPE)[i]
    order = orders_of(world, k)[o]
    row.trial = k
    row.ts_ns = ts_ns
    row.event = event
    row.order_id = order.id
    row.book = order.book
    row.side = order.side
    row.order_type = order.order_type
    row.time_in_force = order.tif
    row.liquidity = 0
    row.reason = reason
    row.px_ticks = order.side * order.z
    row.qty_lots = order.lots
    row.leaves_lots = order.leaves
    row.queue_ahead_lots = 0.0
    row.fee_micro = 0
    if at_venue:
        ladders = ladders_at_venue(world)
        row.bid_ticks = best_price(ladders, order.book, 1)
        row.ask_ticks = best_price(ladders, order.book, -1)
    else:
        row.bid_ticks = view_of(world, _BID)[order.book]
        row.ask_ticks = view_of(world, _ASK)[order.book]
    return i


@kernel
def journal_at(world: I64Array, i: int) -> Record:
    """The journal's row at an index."""
    return array_at(world[W.JOURNAL], world[W.JOURNAL_SLOTS], JOURNAL_DTYPE)[i]
