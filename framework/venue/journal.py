"""Rows of the journal: one for everything that happens to an order."""

from __future__ import annotations

from typing import Final

from framework._jit import array_at, cold, kernel
from framework.book.ladder import best_price
from framework.core.events import NO_PRICE, I64Array, Record
from framework.venue.records import JOURNAL_DTYPE, View
from framework.venue.world import W, ladders_at_venue, orders_of, view_of

_BID, _ASK, _TS_EXCH = int(View.BID), int(View.ASK), int(View.TS_EXCH)
NO_AGE: Final = -1
"""Stands for the age of what was read where nothing was."""
_NO_EVENT = 63  # the bit of every event beyond those of the journal: rows of a trace


@kernel
def _is_kept(world: I64Array, event: int) -> bool:
    return world[W.KEPT_EVENTS] >> min(event, _NO_EVENT) & 1 != 0


@kernel
def blank_row(world: I64Array, k: int, ts_ns: int, event: int, b: int) -> int:
    """Start a row about a book at its venue and return its index.

    Where the event is not among those that the run keeps, the index is that of the next row: what
    the caller adds there is written over.
    """
    cold()
    i = world[W.N_JOURNAL]
    world[W.JOURNAL_ROW] = i
    if not _is_kept(world, event):
        return i
    world[W.N_JOURNAL] = i + 1
    row = array_at(world[W.JOURNAL], world[W.JOURNAL_SLOTS], JOURNAL_DTYPE)[i]
    row.trial = k
    row.ts_ns = ts_ns
    row.event = event
    row.order_id = 0
    row.book = b
    row.side = 0
    row.order_type = 0
    row.time_in_force = 0
    row.liquidity = 0
    row.reason = 0
    row.px_ticks = 0
    row.qty_lots = 0
    row.leaves_lots = 0
    row.queue_ahead_lots = 0.0
    row.fee_micro = 0
    ladders = ladders_at_venue(world)
    row.bid_ticks = best_price(ladders, b, 1)
    row.ask_ticks = best_price(ladders, b, -1)
    row.mid_gap_half_ticks = NO_PRICE
    row.seen_age_ns = NO_AGE
    return i


@kernel
def trace_row(world: I64Array, k: int, o: int, ts_ns: int, event: int, z: int, lots: int) -> int:
    """Write down where a traced order stands, and the price and quantity of what moved it."""
    cold()
    order = orders_of(world, k)[o]
    i = blank_row(world, k, ts_ns, event, order.book)
    row = journal_at(world, i)
    row.order_id = order.id
    row.side = order.side
    row.order_type = order.order_type
    row.time_in_force = order.tif
    row.px_ticks = order.side * z
    row.qty_lots = lots
    row.leaves_lots = order.leaves
    row.queue_ahead_lots = order.front
    return i


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
    if not _is_kept(world, event):
        return blank_row(world, k, ts_ns, event, 0)
    order = orders_of(world, k)[o]
    order_id, b, side = order.id, order.book, order.side
    order_type, tif = order.order_type, order.tif
    px_ticks, lots, leaves = side * order.z, order.lots, order.leaves
    i = blank_row(world, k, ts_ns, event, b)
    row = journal_at(world, i)
    row.order_id = order_id
    row.side = side
    row.order_type = order_type
    row.time_in_force = tif
    row.reason = reason
    row.px_ticks = px_ticks
    row.qty_lots = lots
    row.leaves_lots = leaves
    if not at_venue:
        bid, ask, seen_ns = (
            view_of(world, _BID)[b],
            view_of(world, _ASK)[b],
            view_of(world, _TS_EXCH)[b],
        )
        if NO_PRICE not in (bid, ask, row.bid_ticks, row.ask_ticks):
            row.mid_gap_half_ticks = bid + ask - row.bid_ticks - row.ask_ticks
        if seen_ns:
            row.seen_age_ns = ts_ns - seen_ns
        row.bid_ticks = bid
        row.ask_ticks = ask
    return i


@kernel
def latest_row(world: I64Array) -> Record:
    """The row begun last."""
    return journal_at(world, world[W.JOURNAL_ROW])


@kernel
def journal_at(world: I64Array, i: int) -> Record:
    """The journal's row at an index."""
    return array_at(world[W.JOURNAL], world[W.JOURNAL_SLOTS], JOURNAL_DTYPE)[i]
