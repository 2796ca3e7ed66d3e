"""A market event happens at its venue; later, the same event reaches us."""

from __future__ import annotations

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.book.ladder import (
    apply,
    best_lots,
    best_price,
    books_of,
    clear_half,
    halves_of,
    level_lots,
    mark_validity,
    set_level,
)
from framework.book.queue_l3 import NOBODY
from framework.core.events import NO_PRICE, EventFlag, EventKind, I64Array
from framework.venue.consumed import forget_half
from framework.venue.matching import on_crossing, on_level, on_trade
from framework.venue.place import (
    clear_places,
    follow_queue,
    is_exact,
    queues_have_room,
    take_places,
)
from framework.venue.records import View
from framework.venue.resting import any_own_at_or_above, watched
from framework.venue.stops import trigger_stops
from framework.venue.world import W, ladders_at_venue, ladders_known, view_of

_DEPTH, _TRADE = int(EventKind.DEPTH), int(EventKind.TRADE)
_CLEAR, _BEST, _GAP = int(EventKind.CLEAR), int(EventKind.BEST), int(EventKind.GAP)
_ADD, _EXECUTE = int(EventKind.ORDER_ADD), int(EventKind.ORDER_EXECUTE)
_HIDDEN, _STATUS = int(EventKind.HIDDEN_TRADE), int(EventKind.STATUS)
_LAST, _SNAPSHOT = int(EventFlag.LAST), int(EventFlag.SNAPSHOT)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_V_BID_LOTS, _V_ASK_LOTS = int(View.BID_LOTS), int(View.ASK_LOTS)
_V_TRADE_PX, _V_TRADE_LOTS = int(View.TRADE_PX), int(View.TRADE_LOTS)
_V_TRADE_SIDE, _V_VALID = int(View.TRADE_SIDE), int(View.VALID)
_V_TS_EXCH, _V_TS_RECV = int(View.TS_EXCH), int(View.TS_RECV)


@kernel
def _level_changed(world: I64Array, h: int, ts_ns: int, z: int, before: int, now: int) -> None:
    # A level told again at the same size counts too: what has traded there since was made up for by
    # new orders behind ours, and must not excuse a later shrink.
    if watched(world, h, z):
        on_level(world, h, ts_ns, z, before, now)
    if now > before and any_own_at_or_above(world, h ^ 1, -z):
        on_crossing(world, h, ts_ns, z, now)


@kernel
def _replace_half(world: I64Array, h: int, ts_ns: int, z: int, lots: int) -> None:
    """Make one level all that a half shows (top-of-book data)."""
    cold()
    ladders = ladders_at_venue(world)
    half = halves_of(ladders)[h]
    before = 0
    if half.best == z:
        before = level_lots(ladders, h, z)
    else:
        if half.best != NO_PRICE:
            gone = half.best
            shown = level_lots(ladders, h, gone)
            clear_half(ladders, h)
            # Where the best has moved away to a better price nothing is known of the old level.
            if (lots == 0 or z < gone) and watched(world, h, gone):
                on_level(world, h, ts_ns, gone, shown, 0)
            for k in range(world[W.N_TRIALS]):
                forget_half(world, k, h)
    set_level(ladders, h, z, lots)
    if lots:
        _level_changed(world, h, ts_ns, z, before, lots)
    elif before:
        on_level(world, h, ts_ns, z, before, 0)


@kernel
def _clear(world: I64Array, b: int, side: int, flags: int) -> None:
    cold()
    for h in range(2 * b + (side < 0), 2 * b + 1 + (side <= 0)):
        clear_half(ladders_at_venue(world), h)
        for k in range(world[W.N_TRIALS]):
            forget_half(world, k, h)
        if is_exact(world, b):
            clear_places(world, h, flags & _SNAPSHOT != 0)


@kernel
def _trade_at_venue(
    world: I64Array,
    b: int,
    side: int,
    ts_ns: int,
    px_ticks: int,
    lots: int,
    kind: int,
    stamp: int,
) -> None:
    """Let a trade meet resting orders and set off stops.

    A trade of unknown side is signed by the standing quote, where it is at one of its prices.
    ``stamp`` says who was executed where the data names its orders; nobody known is a hidden one.
    """
    cold()
    ladders = ladders_at_venue(world)
    if side == 0:
        if px_ticks == best_price(ladders, b, -1):
            side = 1
        elif px_ticks == best_price(ladders, b, 1):
            side = -1
    h = 2 * b + (side > 0)
    z = -side * px_ticks
    if side and any_own_at_or_above(world, h, z):
        on_trade(world, h, ts_ns, z, lots, kind == _HIDDEN, stamp)
    if world[W.N_STOPS]:
        trigger_stops(world, b, side, ts_ns, px_ticks, lots if kind == _TRADE else 0)


@kernel
def happen(world: I64Array, row: int) -> bool:
    """Let a row of the tape happen at its venue; False where a ladder must grow first."""
    n = world[W.N_EVENTS]
    ts_ns = array_at(world[W.TS_EXCH], n, np.int64)[row]
    b = int(np.int64(array_at(world[W.BOOK], n, np.int32)[row]))
    kind = int(np.int64(array_at(world[W.KIND], n, np.int8)[row]))
    side = int(np.int64(array_at(world[W.SIDE], n, np.int8)[row]))
    flags = int(np.int64(array_at(world[W.FLAGS], n, np.int8)[row]))
    px_ticks = array_at(world[W.PX], n, np.int64)[row]
    lots = array_at(world[W.QTY], n, np.int64)[row]
    ladders = ladders_at_venue(world)
    h = 2 * b + (side < 0)
    z = side * px_ticks
    if kind == _DEPTH:
        exact = is_exact(world, b)
        if exact and not queues_have_room(world):
            return False
        before = set_level(ladders, h, z, lots)
        if before < 0:
            return False
        if exact:
            follow_queue(world, h, kind, z, lots, 0)
        _level_changed(world, h, ts_ns, z, before, lots)
    elif kind == _TRADE:
        _trade_at_venue(world, b, side, ts_ns, px_ticks, lots, kind, NOBODY)
    elif kind == _BEST:
        _replace_half(world, h, ts_ns, z, lots)
    elif kind == _CLEAR:
        _clear(world, b, side, flags)
    elif _ADD <= kind <= _EXECUTE:
        exact = is_exact(world, b)
        if exact and not queues_have_room(world):
            return False
        before = apply(ladders, b, kind, side, px_ticks, lots, 0)
        if before < 0:
            return False
        stamp = NOBODY
        if exact:
            order_id = array_at(world[W.ORDER_ID], n, np.int64)[row]
            stamp = follow_queue(world, h, kind, z, lots, order_id)
        if kind == _EXECUTE:
            # The execution is the trade; the level's shrink is then explained by it.
            _trade_at_venue(world, b, -side, ts_ns, px_ticks, lots, kind, stamp)
        _level_changed(world, h, ts_ns, z, before, level_lots(ladders, h, z))
    elif kind == _HIDDEN:
        _trade_at_venue(world, b, -side, ts_ns, px_ticks, lots, kind, NOBODY)
    elif kind == _STATUS:
        books_of(ladders)[b].halted = 1 - lots
    if kind == _GAP or flags & _SNAPSHOT:
        mark_validity(ladders, b, kind, flags)
        if flags & _SNAPSHOT and flags & _LAST and is_exact(world, b):
            take_places(world, b)
    return True


TRADED = 1
BEST_CHANGED = 2
TOP_CHANGED = 4


@kernel
def reach(world: I64Array, row: int) -> int:
    """Let a row of the tape reach us; return what it changed, as bits, -1 where a ladder must grow.

    Best prices are compared where a message ends, so that a strategy never sees half a message.
    """
    n = world[W.N_EVENTS]
    b = int(np.int64(array_at(world[W.BOOK], n, np.int32)[row]))
    kind = int(np.int64(array_at(world[W.KIND], n, np.int8)[row]))
    side = int(np.int64(array_at(world[W.SIDE], n, np.int8)[row]))
    flags = int(np.int64(array_at(world[W.FLAGS], n, np.int8)[row]))
    px_ticks = array_at(world[W.PX], n, np.int64)[row]
    lots = array_at(world[W.QTY], n, np.int64)[row]
    ladders = ladders_known(world)
    changed = 0
    if kind in (_TRADE, _HIDDEN, _EXECUTE):
        view_of(world, _V_TRADE_PX)[b] = px_ticks
        view_of(world, _V_TRADE_LOTS)[b] = lots
        view_of(world, _V_TRADE_SIDE)[b] = side if kind == _TRADE else -side
        changed = TRADED
    if kind != _TRADE and apply(ladders, b, kind, side, px_ticks, lots, flags) < 0:
        return -1
    if flags & _LAST:
        view_of(world, _V_TS_EXCH)[b] = array_at(world[W.TS_EXCH], n, np.int64)[row]
        view_of(world, _V_TS_RECV)[b] = array_at(world[W.TS_RECV], n, np.int64)[row]
        view_of(world, _V_VALID)[b] = books_of(ladders)[b].valid
        changed |= _refresh_top(world, b, 1, _V_BID, _V_BID_LOTS)
        changed |= _refresh_top(world, b, -1, _V_ASK, _V_ASK_LOTS)
    return changed


@kernel
def _refresh_top(world: I64Array, b: int, side: int, px_row: int, lots_row: int) -> int:
    ladders = ladders_known(world)
    px_ticks = best_price(ladders, b, side)
    lots = best_lots(ladders, b, side)
    changed = 0
    if view_of(world, px_row)[b] != px_ticks:
        view_of(world, px_row)[b] = px_ticks
        changed = BEST_CHANGED | TOP_CHANGED
    if view_of(world, lots_row)[b] != lots:
        view_of(world, lots_row)[b] = lots
        changed |= TOP_CHANGED
    return changed
