"""Who is woken by an event that has reached us: every trial in turn, for each of its reasons."""

from __future__ import annotations

from typing import Final

from framework._jit import cold, kernel
from framework.core.events import NO_PRICE, I64Array
from framework.venue.depth import LEVELS, close_buckets, is_new_wall, wall_px_ticks
from framework.venue.records import Status, View, WakeKind
from framework.venue.store import S, look, store_of
from framework.venue.told import BEST_CHANGED, TOP_CHANGED, TRADED, refills_of
from framework.venue.world import W, streams_of, told_of, trials_of

_TRADE, _BEST = int(WakeKind.TRADE), int(WakeKind.BEST)
_WALL, _ICEBERG = int(WakeKind.WALL), int(WakeKind.ICEBERG)
_CROSS, _WAKE = int(WakeKind.CROSS), int(Status.WAKE)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_PPB: Final = 1_000_000_000
QUOTE_WAKES: Final = 1 << _TRADE | 1 << _BEST | 1 << _CROSS | 1 << _ICEBERG
"""Wake-ups by what a message changed at the top of a book."""
MARKET_WAKES: Final = QUOTE_WAKES | 1 << _WALL
"""Wake-ups that need every event looked at as it reaches us."""
_QUOTE_EVENT, _DEPTH_EVENT = 1, 2  # what the fan is open for
_FIRST_CROSS: Final = 4


@kernel
def wake(world: I64Array, k: int, kind: int) -> int:
    """Note which trial is to be woken, and for what; it reads the store as that is to it now."""
    if world[W.STORE]:
        if store_of(world)[S.NEXT_END_NS] <= world[W.NOW_NS]:
            close_buckets(world, world[W.NOW_NS])
        look(world, k)
    world[W.WAKE_TRIAL] = k
    world[W.WAKE_KIND] = kind
    return _WAKE


@kernel
def _crossed(world: I64Array, buy: int, sell: int, edge_ppb: int) -> bool:
    """True where the known bid of ``sell`` beats the known ask of ``buy`` by more than an edge."""
    streams = streams_of(world)
    if buy == sell or streams[buy].asset != streams[sell].asset:
        return False
    bid = told_of(world, _V_BID)[sell]
    ask = told_of(world, _V_ASK)[buy]
    if bid == NO_PRICE or ask == NO_PRICE:
        return False
    bid *= streams[sell].grid
    ask *= streams[buy].grid
    # As floats: the product may pass int64, and 53 bits decide an edge of parts per billion.
    return bid > ask and float(bid - ask) * _PPB > float(ask) * float(edge_ppb)


@kernel
def fan_out(world: I64Array) -> bool:
    """Find the next wake-up that the received event in hand is owed; false where none is left.

    Each trial may be woken in turn for a trade, a new best price, an iceberg on either side and,
    book by book, a cross in either direction.
    """
    if world[W.FAN_OPEN] == _DEPTH_EVENT:
        return _fan_out_walls(world)
    b = world[W.FAN_BOOK]
    n_books = world[W.N_BOOKS]
    trials = trials_of(world)
    while world[W.FAN_TRIAL] < trials.size:
        k = world[W.FAN_TRIAL]
        wakes = trials[k].wakes
        while world[W.FAN_STEP] < _FIRST_CROSS + 2 * n_books:
            step = world[W.FAN_STEP]
            world[W.FAN_STEP] = step + 1
            world[W.WAKE_A] = b
            if step == 0:
                if world[W.FAN_TRADED] and wakes & (1 << _TRADE):
                    wake(world, k, _TRADE)
                    return True
            elif step == 1:
                if world[W.FAN_BEST] and wakes & (1 << _BEST):
                    wake(world, k, _BEST)
                    return True
            elif step < _FIRST_CROSS:
                if wakes & (1 << _ICEBERG) and _refilled(world, k, b, step & 1):
                    wake(world, k, _ICEBERG)
                    return True
            elif world[W.FAN_TOP] and wakes & (1 << _CROSS):
                other = (step - _FIRST_CROSS) >> 1
                buy, sell = (b, other) if step & 1 else (other, b)
                if _crossed(world, buy, sell, trials[k].edge_ppb):
                    world[W.WAKE_A] = buy
                    world[W.WAKE_B] = sell
                    wake(world, k, _CROSS)
                    return True
            else:
                break
        world[W.FAN_TRIAL] = k + 1
        world[W.FAN_STEP] = 0
    world[W.FAN_OPEN] = 0
    return False


@kernel
def _refilled(world: I64Array, k: int, b: int, half: int) -> bool:
    """Tell whether a best level has just been refilled as often as a trial wants to hear of."""
    cold()
    refill = refills_of(world)[2 * b + half]
    world[W.WAKE_B] = 1 - 2 * half
    world[W.WAKE_C] = refill.px_ticks
    return bool(refill.before < trials_of(world)[k].refills <= refill.now)


@kernel
def _fan_out_walls(world: I64Array) -> bool:
    """Find the next wake-up that the depth document in hand is owed; false where none is left."""
    cold()
    b = world[W.FAN_BOOK]
    trials = trials_of(world)
    while world[W.FAN_TRIAL] < trials.size:
        k = world[W.FAN_TRIAL]
        while trials[k].wakes & (1 << _WALL) and world[W.FAN_STEP] < 2 * LEVELS:
            place = world[W.FAN_STEP]
            world[W.FAN_STEP] = place + 1
            if is_new_wall(world, b, place, trials[k].wall_lots):
                world[W.WAKE_A] = b
                world[W.WAKE_B] = 1 if place < LEVELS else -1
                world[W.WAKE_C] = wall_px_ticks(world, b, place)
                wake(world, k, _WALL)
                return True
        world[W.FAN_TRIAL] = k + 1
        world[W.FAN_STEP] = 0
    world[W.FAN_OPEN] = 0
    return False


@kernel
def open_walls(world: I64Array, b: int) -> None:
    """Begin to wake whoever asked for the walls in a depth document of a book."""
    world[W.FAN_OPEN] = _DEPTH_EVENT
    world[W.FAN_BOOK] = b
    world[W.FAN_TRIAL] = 0
    world[W.FAN_STEP] = 0


@kernel
def heeded(world: I64Array, changed: int) -> int:
    """Keep of what an event has changed only what some strategy asked to be woken for."""
    wakes = world[W.ANY_WAKES]
    kept = changed & TRADED if wakes & (1 << _TRADE) else 0
    if wakes & (1 << _BEST):
        kept |= changed & BEST_CHANGED
    if wakes & (1 << _CROSS):
        kept |= changed & TOP_CHANGED
    return kept


@kernel
def open_fan(world: I64Array, b: int, changed: int) -> None:
    """Begin to wake whoever asked for what an event of a book has changed."""
    world[W.FAN_OPEN] = _QUOTE_EVENT
    world[W.FAN_BOOK] = b
    world[W.FAN_TRADED] = changed & TRADED
    world[W.FAN_BEST] = changed & BEST_CHANGED
    world[W.FAN_TOP] = changed & TOP_CHANGED
    world[W.FAN_TRIAL] = 0
    world[W.FAN_STEP] = 0
