"""The market flows by: events happen at their venues, and reach us later."""

from __future__ import annotations

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.book.ladder import (
    apply,
    best_price,
    change_level,
    clear_half,
    level_lots,
    mark_validity,
    set_level,
)
from framework.book.queue_l3 import NOBODY
from framework.book.window import books_of, halves_of, windows_of
from framework.core.events import NO_PRICE, EventFlag, EventKind, I64Array
from framework.engine.fan import heeded, open_fan, open_walls
from framework.venue.consumed import forget_half
from framework.venue.depth import close_buckets, tell_depth
from framework.venue.feed import (
    next_received_ns,
    note_top,
    reach,
    reach_store,
    top_at,
    top_now,
)
from framework.venue.matching import on_crossing, on_level, on_trade
from framework.venue.pegs import follow_mid
from framework.venue.place import (
    clear_places,
    follow_queue,
    is_exact,
    queues_have_room,
    take_places,
)
from framework.venue.queue import QueueModel
from framework.venue.records import Status, TopNow
from framework.venue.resting import any_own_at_or_above, watched
from framework.venue.stops import trigger_stops
from framework.venue.store import S, plan, store_of
from framework.venue.told import tell
from framework.venue.world import (
    FOREVER,
    INTEREST,
    NEVER,
    W,
    ladders_at_venue,
    own_top_of,
    streams_of,
)

_DEPTH, _TRADE = int(EventKind.DEPTH), int(EventKind.TRADE)
_CLEAR, _BEST, _GAP = int(EventKind.CLEAR), int(EventKind.BEST), int(EventKind.GAP)
_ADD, _EXECUTE = int(EventKind.ORDER_ADD), int(EventKind.ORDER_EXECUTE)
_HIDDEN, _STATUS = int(EventKind.HIDDEN_TRADE), int(EventKind.STATUS)
_LAST, _SNAPSHOT = int(EventFlag.LAST), int(EventFlag.SNAPSHOT)
_GROW, _AT_VENUE = int(Status.GROW), int(TopNow.AT_VENUE)
_L3_EXACT = int(QueueModel.L3_EXACT)


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
def _happen_otherwise(world: I64Array, row: int) -> bool:
    """Let any row happen that is no plain change of a level; False where a ladder must grow."""
    cold()
    n = world[W.N_EVENTS]
    ts_ns = array_at(world[W.TS_EXCH], n, np.int64)[row]
    b = int(np.int64(array_at(world[W.BOOK], n, np.int32)[row]))
    kind = int(np.int64(array_at(world[W.KIND], n, np.int8)[row]))
    side = int(np.int64(array_at(world[W.SIDE], n, np.int8)[row]))
    flags = int(np.int64(array_at(world[W.FLAGS], n, np.int8)[row]))
    px_ticks = array_at(world[W.PX], n, np.int64)[row]
    lots = array_at(world[W.QTY], n, np.int64)[row]
    ladders = ladders_at_venue(world)
    exact = is_exact(world, b)
    if exact and not queues_have_room(world):
        return False
    h = 2 * b + (side < 0)
    z = side * px_ticks
    if kind == _DEPTH:
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
        if flags & _SNAPSHOT and flags & _LAST and exact:
            take_places(world, b)
    if kind != _TRADE:
        note_top(world, b, row)
    return True


@kernel
def _move_pegs(world: I64Array, row: int) -> None:
    """Let midpoint orders follow the book where a message has ended."""
    cold()
    n = world[W.N_EVENTS]
    if array_at(world[W.FLAGS], n, np.int8)[row] & _LAST:
        ts_ns = array_at(world[W.TS_EXCH], n, np.int64)[row]
        follow_mid(world, int(np.int64(array_at(world[W.BOOK], n, np.int32)[row])), ts_ns)


@kernel
def _receive(world: I64Array, now_ns: int) -> bool:
    """Let the next event reach us; true where the loop must see to what came of it first."""
    n = world[W.N_EVENTS]
    j = world[W.RECEIVED]
    row = int(np.int64(array_at(world[W.RECV_ORDER], n, np.int32)[j]))
    if world[W.STORE]:
        told_ns = world[W.NEXT_TOLD_NS]
        if not reach_store(world, row):
            return True
        world[W.RECEIVED] = j + 1
        return world[W.NEXT_TOLD_NS] != told_ns
    changed = reach(world, row)
    if changed < 0:
        world[W.STATUS] = _GROW
        return True
    world[W.RECEIVED] = j + 1
    if heeded(world, changed) == 0 or now_ns < world[W.START_NS]:
        return False
    world[W.NOW_NS] = now_ns
    open_fan(world, int(np.int64(array_at(world[W.BOOK], n, np.int32)[row])), changed)
    return True


@kernel
def hear_store(world: I64Array) -> None:
    """Let the store tell its watchers of the change that is due."""
    cold()
    now_ns = world[W.NEXT_TOLD_NS]
    store = store_of(world)
    awake = now_ns >= world[W.START_NS]
    if store[S.NEXT_END_NS] <= now_ns:
        close_buckets(world, now_ns)
    elif store[S.NEXT_DEPTH_NS] == now_ns:
        b = tell_depth(world)
        if b >= 0 and awake:
            world[W.NOW_NS] = now_ns
            open_walls(world, b)
    else:
        b, changed = tell(world)
        if b >= 0 and awake:
            world[W.NOW_NS] = now_ns
            open_fan(world, b, changed)
    plan(world)


@kernel
def flow(world: I64Array, event_limit_ns: int, received_limit_ns: int) -> None:
    """Let events happen at their venues and reach us, up to and including these instants.

    What reaches us is looked at here only where it may wake a strategy; its limit is `NEVER`
    otherwise. Comes back early where it does, where a trial was touched (that sends a response or
    fills the journal), and before the row at which the ladders are to be copied.
    """
    n = world[W.N_EVENTS]
    ts_exch_ns = array_at(world[W.TS_EXCH], n, np.int64)
    books = array_at(world[W.BOOK], n, np.int32)
    kinds = array_at(world[W.KIND], n, np.int8)
    sides = array_at(world[W.SIDE], n, np.int8)
    flags = array_at(world[W.FLAGS], n, np.int8)
    prices = array_at(world[W.PX], n, np.int64)
    quantities = array_at(world[W.QTY], n, np.int64)
    numbers, top_at_venue = top_at(world), top_now(world, _AT_VENUE)
    ladders = ladders_at_venue(world)
    halves, windows = halves_of(ladders), windows_of(ladders)
    streams, own_top = streams_of(world), own_top_of(world)
    interests = array_at(world[W.INTERESTS], INTEREST * own_top.size, np.int64)
    response_ns, n_journal = world[W.NEXT_RESPONSE_NS], world[W.N_JOURNAL]
    pegged = world[W.N_PEGS] > 0  # none begins to rest but by a request
    stops = world[W.N_STOPS] > 0
    first = i = world[W.EVENT]
    stop = min(n, world[W.CHECK_ROW])
    received_ns = next_received_ns(world) if received_limit_ns != NEVER else FOREVER
    while True:
        event_ns = ts_exch_ns[i] if i < n else FOREVER
        if received_ns < event_ns:
            if received_ns > received_limit_ns or _receive(world, received_ns):
                break
            received_ns = next_received_ns(world)
            continue
        if i >= stop or event_ns > event_limit_ns:
            break
        b = int(np.int64(books[i]))
        kind = int(np.int64(kinds[i]))
        side = int(np.int64(sides[i]))
        z = side * prices[i]
        touched = pegged
        plain = flags[i] & _SNAPSHOT == 0 and streams[b].queue_model != _L3_EXACT
        if kind == _DEPTH and plain:
            h = 2 * b + (side < 0)
            best, lots = halves[h].best, quantities[i]
            before = change_level(ladders, halves, windows, h, z, lots)
            if before < 0:
                world[W.STATUS] = _GROW
                break
            if z >= best:
                note_top(world, b, i)
            else:
                numbers[i] = top_at_venue[b]
            met = lots > before and own_top[h ^ 1] >= -z
            if met or interests[INTEREST * h + (z & (INTEREST - 1))]:
                touched = True
                _level_changed(world, h, event_ns, z, before, lots)
        else:
            numbers[i] = top_at_venue[b]
            resting = 2 * b + (side > 0)
            if kind != _TRADE or side == 0 or stops or own_top[resting] >= -z:
                touched = True
                if not _happen_otherwise(world, i):
                    world[W.STATUS] = _GROW
                    break
        if pegged:
            _move_pegs(world, i)
        i += 1
        # A message that arrives at once may be overtaken by what the fill has set off.
        if touched and (
            world[W.NEXT_RESPONSE_NS] != response_ns or world[W.N_JOURNAL] != n_journal
        ):
            break
    world[W.EVENTS_DONE] += i - first
    world[W.EVENT] = i
