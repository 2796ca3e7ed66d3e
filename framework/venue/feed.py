"""What of the market has reached us.

While each stream's book events reach us in the order in which they happened, a known book is one
that its venue had some time ago. Its best prices then need no second book: the loop numbers the
tops of the venue's book as they change and notes at each row which one stood after it. Levels
beyond the best are brought along only for a strategy that reads them. Where an event has overtaken
another, the known books are kept row by row instead.
"""

from __future__ import annotations

import numpy as np

from framework._jit import array_at, cold, hot, kernel
from framework.book.ladder import apply, best_lots, best_price
from framework.book.window import books_of
from framework.core.events import EventFlag, EventKind, I32Array, I64Array, Record, Records
from framework.venue.depth import close_buckets, follow_depth
from framework.venue.records import TOP_DTYPE, Status, TopNow, View
from framework.venue.store import S, has_room, record, store_of
from framework.venue.told import BEST_CHANGED, TOP_CHANGED, TRADED
from framework.venue.world import FOREVER, W, feed_of, ladders_at_venue, ladders_known

_TRADE, _EXECUTE = int(EventKind.TRADE), int(EventKind.ORDER_EXECUTE)
_HIDDEN, _LAST = int(EventKind.HIDDEN_TRADE), int(EventFlag.LAST)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_V_BID_LOTS, _V_ASK_LOTS = int(View.BID_LOTS), int(View.ASK_LOTS)
_V_TRADE_PX, _V_TRADE_LOTS = int(View.TRADE_PX), int(View.TRADE_LOTS)
_V_TRADE_SIDE, _V_VALID = int(View.TRADE_SIDE), int(View.VALID)
_V_TS_EXCH, _V_TS_RECV = int(View.TS_EXCH), int(View.TS_RECV)
_AT_VENUE, _ARRIVED = int(TopNow.AT_VENUE), int(TopNow.ARRIVED)
_SEEN, _GROW, _GROW_STORE = int(TopNow.SEEN), int(Status.GROW), int(Status.GROW_STORE)
_FRESH, _WANTED = int(TopNow.FRESH), int(TopNow.WANTED)
_A_TRADE, _A_MESSAGE, _A_TOP, _THE_LATEST = 1, 2, 4, 8


@kernel
def top_now(world: I64Array, row: int) -> I64Array:
    """Numbers of each book's top; `TopNow` tells which."""
    n = world[W.N_BOOKS]
    return array_at(world[W.TOP_NOW] + 8 * n * row, n, np.int64)


@kernel
def _top(world: I64Array, number: int) -> Record:
    tops: Records = array_at(world[W.TOPS], number + 1, TOP_DTYPE)
    return tops[number]


@kernel
def top_at(world: I64Array) -> I32Array:
    """Number of the top that stood at its venue after each row."""
    return array_at(world[W.TOP_AT], world[W.N_EVENTS], np.int32)


@kernel
def note_top(world: I64Array, b: int, row: int) -> None:
    """Note the top of a book after a row that may have changed it."""
    hot()
    top_at_venue = top_now(world, _AT_VENUE)
    ladders = ladders_at_venue(world)
    number = world[W.N_TOPS]
    top = _top(world, number)
    top.bid_ticks = best_price(ladders, b, 1)
    top.bid_lots = best_lots(ladders, b, 1)
    top.ask_ticks = best_price(ladders, b, -1)
    top.ask_lots = best_lots(ladders, b, -1)
    top.valid = books_of(ladders)[b].valid
    top_at_venue[b] = number
    top_at(world)[row] = number
    world[W.N_TOPS] = number + 1


@kernel
def _hear_trade(world: I64Array, b: int, row: int, kind: int) -> int:
    n = world[W.N_EVENTS]
    side = int(np.int64(array_at(world[W.SIDE], n, np.int8)[row]))
    feed_of(world, _V_TRADE_PX)[b] = array_at(world[W.PX], n, np.int64)[row]
    feed_of(world, _V_TRADE_LOTS)[b] = array_at(world[W.QTY], n, np.int64)[row]
    feed_of(world, _V_TRADE_SIDE)[b] = side if kind == _TRADE else -side
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
        top_now(world, _ARRIVED)[b] = top_at(world)[row]
    if flags & _LAST:
        feed_of(world, _V_TS_EXCH)[b] = array_at(world[W.TS_EXCH], n, np.int64)[row]
        feed_of(world, _V_TS_RECV)[b] = array_at(world[W.TS_RECV], n, np.int64)[row]
        if not world[W.FIFO]:
            changed |= _show_known(world, b)
        elif top_now(world, _SEEN)[b] != top_now(world, _ARRIVED)[b]:
            changed |= _show_top(world, b, top_now(world, _ARRIVED)[b])
    return changed


@kernel
def _show_top(world: I64Array, b: int, number: int) -> int:
    """Show a numbered top in the view; return what that changed."""
    top_now(world, _SEEN)[b] = number
    top = _top(world, number)
    feed_of(world, _V_VALID)[b] = top.valid
    bids = _show(world, b, _V_BID, top.bid_ticks, top.bid_lots)
    return bids | _show(world, b, _V_ASK, top.ask_ticks, top.ask_lots)


@kernel
def reach_store(world: I64Array, row: int) -> bool:
    """Let a row of the tape reach us, and the store be written of it; false where one must grow.

    Every message is written: one that changes nothing still says that its venue lives.
    """
    cold()
    n = world[W.N_EVENTS]
    b = int(np.int64(array_at(world[W.BOOK], n, np.int32)[row]))
    received_ns = array_at(world[W.TS_RECV], n, np.int64)[row]
    if not has_room(world, b, received_ns):
        world[W.STATUS] = _GROW_STORE
        return False
    store = store_of(world)
    if store[S.NEXT_END_NS] <= received_ns:
        close_buckets(world, received_ns)
    changed = reach(world, row)
    if changed < 0:
        world[W.STATUS] = _GROW
        return False
    sent_ns = array_at(world[W.TS_EXCH], n, np.int64)[row]
    is_last = int(np.int64(array_at(world[W.FLAGS], n, np.int8)[row])) & _LAST != 0
    if store[S.DEPTH]:
        follow_depth(world, b, received_ns, sent_ns, is_last)
    if changed or is_last:
        record(world, b, received_ns, received_ns - sent_ns, changed)
    return True


@kernel
def next_received_ns(world: I64Array) -> int:
    """When the next event of the chunk reaches us, `FOREVER` where none will."""
    j = world[W.RECEIVED]
    if j >= world[W.N_RECEIVABLE]:
        return FOREVER
    n = world[W.N_EVENTS]
    row = array_at(world[W.RECV_ORDER], n, np.int32)[j]
    return array_at(world[W.TS_RECV], n, np.int64)[row]


@kernel
def _end_of(world: I64Array, limit_ns: int) -> int:
    """Position after the last event that has reached us by an instant."""
    n = world[W.N_EVENTS]
    ts_recv_ns = array_at(world[W.TS_RECV], n, np.int64)
    order = array_at(world[W.RECV_ORDER], n, np.int32)
    low, high = world[W.RECEIVED], world[W.N_RECEIVABLE]
    step = 16
    while low + step < high and ts_recv_ns[order[low + step]] <= limit_ns:
        low += step
        step *= 2
    high = min(high, low + step)
    while low < high:
        middle = (low + high) >> 1
        if ts_recv_ns[order[middle]] <= limit_ns:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def catch_up(world: I64Array, limit_ns: int) -> None:
    """Let events reach us up to and including an instant, where nobody is woken by them.

    Sets the world's status where a ladder must grow first.
    """
    cold()
    if world[W.FIFO] and not world[W.STORE]:
        end = _end_of(world, limit_ns)
        _look_back(world, end)
        world[W.RECEIVED] = end
        return
    order = array_at(world[W.RECV_ORDER], world[W.N_EVENTS], np.int32)
    while next_received_ns(world) <= limit_ns and world[W.RECEIVED] < world[W.N_RECEIVABLE]:
        row = int(np.int64(order[world[W.RECEIVED]]))
        if world[W.STORE]:
            if not reach_store(world, row):
                return
        elif reach(world, row) < 0:
            world[W.STATUS] = _GROW
            return
        world[W.RECEIVED] += 1


@kernel
def _look_back(world: I64Array, end: int) -> None:
    """Bring the view up to a position by looking back from there for the latest of each kind."""
    books = array_at(world[W.BOOK], world[W.N_EVENTS], np.int32)
    order = array_at(world[W.RECV_ORDER], world[W.N_EVENTS], np.int32)
    wanted, arrived = top_now(world, _WANTED), top_now(world, _ARRIVED)
    fresh = top_now(world, _FRESH)
    for b in range(wanted.size):
        wanted[b] = _A_TRADE | _A_MESSAGE | _A_TOP | _THE_LATEST
        fresh[b] = arrived[b]
    j, unfinished = end, wanted.size
    while j > world[W.RECEIVED] and unfinished > 0:
        j -= 1
        row = int(np.int64(order[j]))
        b = int(np.int64(books[row]))
        if wanted[b]:
            wanted[b] = _look_at(world, b, row, wanted[b])
            unfinished -= wanted[b] == 0
    for b in range(wanted.size):
        if wanted[b] & (_A_MESSAGE | _A_TOP) == _A_TOP:
            _show_top(world, b, arrived[b])  # only trades since: the top of before
        arrived[b] = fresh[b]


@kernel
def _look_at(world: I64Array, b: int, row: int, wanted: int) -> int:
    """Take from an earlier row what is still wanted of its book; return what then is."""
    n = world[W.N_EVENTS]
    kind = int(np.int64(array_at(world[W.KIND], n, np.int8)[row]))
    flags = int(np.int64(array_at(world[W.FLAGS], n, np.int8)[row]))
    if wanted & _A_TRADE and kind in (_TRADE, _HIDDEN, _EXECUTE):
        _hear_trade(world, b, row, kind)
        wanted ^= _A_TRADE
    if wanted & _A_MESSAGE and flags & _LAST:
        feed_of(world, _V_TS_EXCH)[b] = array_at(world[W.TS_EXCH], n, np.int64)[row]
        feed_of(world, _V_TS_RECV)[b] = array_at(world[W.TS_RECV], n, np.int64)[row]
        wanted ^= _A_MESSAGE
    if kind == _TRADE:
        return wanted
    number = int(np.int64(top_at(world)[row]))
    if wanted & _THE_LATEST:
        top_now(world, _FRESH)[b] = number
        wanted ^= _THE_LATEST
    if wanted & (_A_MESSAGE | _A_TOP) == _A_TOP:
        _show_top(world, b, number)
        wanted ^= _A_TOP
    return wanted


@kernel
def _show(world: I64Array, b: int, px_row: int, px_ticks: int, lots: int) -> int:
    """Show one side's best price in the view; return what that changed."""
    lots_row = px_row + (_V_BID_LOTS - _V_BID)
    changed = 0
    if feed_of(world, px_row)[b] != px_ticks:
        feed_of(world, px_row)[b] = px_ticks
        changed = BEST_CHANGED | TOP_CHANGED
    if feed_of(world, lots_row)[b] != lots:
        feed_of(world, lots_row)[b] = lots
        changed |= TOP_CHANGED
    return changed


@kernel
def _show_known(world: I64Array, b: int) -> int:
    """Show a book's known top in the view; return what that changed."""
    cold()
    ladders = ladders_known(world)
    feed_of(world, _V_VALID)[b] = books_of(ladders)[b].valid
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
