"""Who is woken by an event that has reached us: every trial in turn, for each of its reasons."""

from __future__ import annotations

from typing import Final

from framework._jit import kernel
from framework.core.events import NO_PRICE, I64Array
from framework.venue.feed import BEST_CHANGED, TOP_CHANGED, TRADED
from framework.venue.records import Status, View, WakeKind
from framework.venue.store import look
from framework.venue.world import W, streams_of, told_of, trials_of

_TRADE, _BEST = int(WakeKind.TRADE), int(WakeKind.BEST)
_CROSS, _WAKE = int(WakeKind.CROSS), int(Status.WAKE)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_PPB: Final = 1_000_000_000
MARKET_WAKES: Final = 1 << _TRADE | 1 << _BEST | 1 << _CROSS
"""Wake-ups that need every event looked at as it reaches us."""


@kernel
def wake(world: I64Array, k: int, kind: int) -> int:
    """Note which trial is to be woken, and for what; it reads the store as that is to it now."""
    if world[W.STORE]:
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

    Each trial may be woken in turn for a trade, a new best price, and, book by book, a cross in
    either direction.
    """
    b = world[W.FAN_BOOK]
    n_books = world[W.N_BOOKS]
    trials = trials_of(world)
    while world[W.FAN_TRIAL] < trials.size:
        k = world[W.FAN_TRIAL]
        wakes = trials[k].wakes
        while world[W.FAN_STEP] < 2 + 2 * n_books:
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
            elif world[W.FAN_TOP] and wakes & (1 << _CROSS):
                other = (step - 2) >> 1
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
def open_fan(world: I64Array, b: int, changed: int) -> None:
    """Begin to wake whoever asked for what an event of a book has changed."""
    world[W.FAN_OPEN] = 1
    world[W.FAN_BOOK] = b
    world[W.FAN_TRADED] = changed & TRADED
    world[W.FAN_BEST] = changed & BEST_CHANGED
    world[W.FAN_TOP] = changed & TOP_CHANGED
    world[W.FAN_TRIAL] = 0
    world[W.FAN_STEP] = 0
