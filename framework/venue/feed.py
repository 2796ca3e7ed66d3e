"""What of the market has reached us.

While each stream's book events reach us in the order in which they happened, a known book is one
that its venue had some time ago. Its best prices then need no second book: the loop numbers the
tops of the venue's book as they change and notes at each row which one stood after it. Levels
beyond the best are brought along only for a strategy that reads them. Where an event has overtaken
another, the known books are kept row by row instead.
"""

from __future__ import annotations

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.book.ladder import apply, best_lots, best_price, books_of
from framework.core.events import EventFlag, EventKind, I32Array, I64Array, Record, Records
from framework.venue.records import TOP_DTYPE, Status, TopNow, View
from framework.venue.world import W, ladders_at_venue, ladders_known, view_of

TRADED = 1
BEST_CHANGED = 2
TOP_CHANGED = 4

_TRADE, _EXECUTE = int(EventKind.TRADE), int(EventKind.ORDER_EXECUTE)
_HIDDEN, _LAST = int(EventKind.HIDDEN_TRADE), int(EventFlag.LAST)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_V_BID_LOTS, _V_ASK_LOTS = int(View.BID_LOTS), int(View.ASK_LOTS)
_V_TRADE_PX, _V_TRADE_LOTS = int(View.TRADE_PX), int(View.TRADE_LOTS)
_V_TRADE_SIDE, _V_VALID = int(View.TRADE_SIDE), int(View.VALID)
_V_TS_EXCH, _V_TS_RECV = int(View.TS_EXCH), int(View.TS_RECV)
_AT_VENUE, _ARRIVED = int(TopNow.AT_VENUE), int(TopNow.ARRIVED)
_SEEN, _GROW = int(TopNow.SEEN), int(Status.GROW)


@kernel
def _top_now(world: I64Array, row: int) -> I64Array:
    n = world[W.N_BOOKS]
    return array_at(world[W.TOP_NOW] + 8 * n * row, n, np.int64)


@kernel
def _top(world: I64Array, number: int) -> Record:
    tops: Records = array_at(world[W.TOPS], number + 1, TOP_DTYPE)
    return tops[number]


@kernel
def _top_at(world: I64Array) -> I32Array:
    return array_at(world[W.TOP_AT], world[W.N_EVENTS], np.int32)


@kernel
def note_top(world: I64Array, b: int, row: int) -> None:
    """Note the top of a book after a row that may have changed it."""
    top_at_venue = _top_now(world, _AT_VENUE)
    ladders = ladders_at_venue(world)
    number = world[W.N_TOPS]
    top = _top(world, number)
    top.bid_ticks = best_price(ladders, b, 1)
    top.bid_lots = best_lots(ladders, b, 1)
    top.ask_ticks = best_price(ladders, b, -1)
    top.ask_lots = best_lots(ladders, b, -1)
    top.valid = books_of(ladders)[b].valid
    top_at_venue[b] = number
    _top_at(world)[row] = number
    world[W.N_TOPS] = number + 1


@kernel
def keep_top(world: I64Array, b: int, row: int) -> None:
    """Note that a row has left the top of its book as it was."""
    _top_at(world)[row] = _top_now(world, _AT_VENUE)[b]


@kernel
def _hear_trade(world: I64Array, b: int, row: int, kind: int) -> int:
    n = world[W.N_EVENTS]
    side = int(np.int64(array_at(world[W.SIDE], n, np.int8)[row]))
    view_of(world, _V_TRADE_PX)[b] = array_at(world[W.PX], n, np.int64)[row]
    view_of(world, _V_TRADE_LOTS)[b] = array_at(world[W.QTY], n, np.int64)[row]
    view_of(world, _V_TRADE_SIDE)[b] = side if kind == _TRADE else -side
    return TRADED


@kernel
def reach(world: I64Array, row: int) -> int:
    """Let a row of the tape reach us; return what it changed, as bits, -1 where a ladder must grow.

    Best prices are compared where a message ends, so that a strategy never sees half a message.
    """
    n = world[W.N_EVENTS]
    b = int(np.int64(array_at(world[W.BOOK], n, np.int32)[row]))
    kind = int(np.int64(array_at(world[W.KIND], n, np.int8)[row]))
    flags = int(np.int64(array_at(world[W.FLAGS], n, np.int8)[row]))
    if not world[W.FIFO] and kind != _TRADE and _follow(world, row) < 0:
        return -1
    changed = 0
    if kind in (_TRADE, _HIDDEN, _EXECUTE):
        changed = _hear_trade(world, b, row, kind)
    if kind != _TRADE:
        _top_now(world, _ARRIVED)[b] = _top_at(world)[row]
    if flags & _LAST:
        view_of(world, _V_TS_EXCH)[b] = array_at(world[W.TS_EXCH], n, np.int64)[row]
        view_of(world, _V_TS_RECV)[b] = array_at(world[W.TS_RECV], n, np.int64)[row]
        if not world[W.FIFO]:
            changed |= _show_known(world, b)
        elif _top_now(world, _SEEN)[b] != _top_now(world, _ARRIVED)[b]:
            number = _top_now(world, _ARRIVED)[b]
            _top_now(world, _SEEN)[b] = number
            top = _top(world, number)
            view_of(world, _V_VALID)[b] = top.valid
            changed |= _show(world, b, _V_BID, top.bid_ticks, top.bid_lots)
            changed |= _show(world, b, _V_ASK, top.ask_ticks, top.ask_lots)
    return changed


@kernel
def _show(world: I64Array, b: int, px_row: int, px_ticks: int, lots: int) -> int:
    """Show one side's best price in the view; return what that changed."""
    lots_row = px_row + (_V_BID_LOTS - _V_BID)
    changed = 0
    if view_of(world, px_row)[b] != px_ticks:
        view_of(world, px_row)[b] = px_ticks
        changed = BEST_CHANGED | TOP_CHANGED
    if view_of(world, lots_row)[b] != lots:
        view_of(world, lots_row)[b] = lots
        changed |= TOP_CHANGED
    return changed


@kernel
def _show_known(world: I64Array, b: int) -> int:
    """Show a book's known top in the view; return what that changed."""
    cold()
    ladders = ladders_known(world)
    view_of(world, _V_VALID)[b] = books_of(ladders)[b].valid
    bids = _show(world, b, _V_BID, best_price(ladders, b, 1), best_lots(ladders, b, 1))
    return bids | _show(world, b, _V_ASK, best_price(ladders, b, -1), best_lots(ladders, b, -1))


@kernel
def _follow(world: I64Array, row: int) -> int:
    """Apply a row to the known ladders; -1 where one must grow."""
    cold()
    n = world[W.N_EVENTS]
    return apply(
        ladders_known(world),
        int(np.int64(array_at(world[W.BOOK], n, np.int32)[row])),
        int(np.int64(array_at(world[W.KIND], n, np.int8)[row])),
        int(np.int64(array_at(world[W.SIDE], n, np.int8)[row])),
        array_at(world[W.PX], n, np.int64)[row],
        array_at(world[W.QTY], n, np.int64)[row],
        int(np.int64(array_at(world[W.FLAGS], n, np.int8)[row])),
    )


@kernel
def bring_known(world: I64Array, from_row: int) -> None:
    """Apply to the known ladders what has reached us since they were brought last.

    Rows before ``from_row`` are taken to be in them. It cannot fail: the ladders go through states
    that the venue's have been in, and have as much room.
    """
    cold()
    order = array_at(world[W.RECV_ORDER], world[W.N_EVENTS], np.int32)
    kinds = array_at(world[W.KIND], world[W.N_EVENTS], np.int8)
    for j in range(world[W.KNOWN_AT], world[W.RECEIVED]):
        row = int(np.int64(order[j]))
        if row >= from_row and kinds[row] != _TRADE:
            _follow(world, row)
    world[W.KNOWN_AT] = world[W.RECEIVED]


@kernel
def known_books(world: I64Array) -> I64Array:
    """The ladders with all that has reached us, for a strategy that reads beyond the best."""
    if world[W.FIFO]:
        world[W.DEPTH_READ] = 1
        bring_known(world, 0)
    return ladders_known(world)
