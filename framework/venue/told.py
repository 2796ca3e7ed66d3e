"""The store's change stream: who watches is told of each change, a lag after its commit."""

from __future__ import annotations

from typing import Final

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.core.events import I64Array, Records
from framework.core.links import LatencyKind
from framework.venue.records import View, record_of
from framework.venue.store import (
    VIEW_ROWS,
    S,
    Written,
    arrival_ns,
    expect,
    link_of,
    place_of,
    ring_of,
    store_of,
    stored_of,
)
from framework.venue.world import FOREVER, W

TRADED = 1
BEST_CHANGED = 2
TOP_CHANGED = 4
"""What a message changed, as bits: the last trade, a best price, a best price or its quantity."""

REFILL_DTYPE: Final = record_of(
    px_ticks=np.int64,
    lots=np.int64,
    at_ns=np.int64,
    start=np.int64,
    consumed=np.int64,
    counted=np.int64,
    before=np.int64,
    now=np.int64,
)
"""The best level of a half: what it displays, the venue's latest instant of a change, what it
displayed before that and what was traded then, whether it was refilled then, and how often it was
before and after the latest change."""

_CONSTANT = int(LatencyKind.CONSTANT)
_COMMIT, _CHANGED, _FEED = int(Written.COMMIT_NS), int(Written.CHANGED), int(Written.FEED_NS)
_ISSUE, _SENT, _FIRST = int(Written.ISSUE), int(Written.SENT_NS), int(Written.VIEW)
_V_BID, _V_ASK_LOTS, _V_BID_LOTS = int(View.BID), int(View.ASK_LOTS), int(View.BID_LOTS)
_V_TRADE_PX, _V_TRADE_LOTS = int(View.TRADE_PX), int(View.TRADE_LOTS)
_V_TRADE_SIDE = int(View.TRADE_SIDE)


@kernel
def refills_of(world: I64Array) -> Records:
    """Records of `REFILL_DTYPE`, one a half."""
    return array_at(store_of(world)[S.REFILLS], 2 * world[W.N_BOOKS], REFILL_DTYPE)


@kernel
def follow_refills(world: I64Array, b: int, at: int) -> None:
    """Count how often a best level was refilled; a row that watchers are told of begins at ``at``.

    What an iceberg shows comes back at the very instant at which it was consumed: then the level
    shows more than the trades of that instant have left of it.
    """
    cold()
    ring = ring_of(world)
    sent_ns, changed = ring[at + _SENT], ring[at + _CHANGED]
    view = at + _FIRST
    for half in range(2):
        level = refills_of(world)[2 * b + half]
        px_ticks, lots = ring[view + _V_BID + half], ring[view + _V_BID_LOTS + half]
        level.before = level.now
        if px_ticks != level.px_ticks:
            level.px_ticks, level.lots, level.before, level.now = px_ticks, lots, 0, 0
            level.at_ns = 0
        if sent_ns != level.at_ns:
            level.at_ns, level.start, level.consumed, level.counted = sent_ns, level.lots, 0, 0
        met = ring[view + _V_TRADE_SIDE] == 2 * half - 1 and ring[view + _V_TRADE_PX] == px_ticks
        if changed & TRADED and met:
            level.consumed += ring[view + _V_TRADE_LOTS]
        left = level.start - level.consumed
        if changed & TOP_CHANGED and level.consumed and not level.counted and lots > left:
            level.counted = 1
            level.now += 1
        level.lots = lots


@kernel
def _head(world: I64Array) -> int:
    """Stream of the first committed change that watchers have not been told of, −1 without one."""
    streams = stored_of(world)
    ring = ring_of(world)
    found, found_at = -1, 0
    for b in range(streams.size):
        stream = streams[b]
        at = place_of(world, b, stream.told)
        while stream.told < stream.end and ring[at + _CHANGED] == 0:
            stream.told += 1
            at = place_of(world, b, stream.told)
        if stream.told == stream.end:
            continue
        earlier = found < 0 or ring[at + _COMMIT] < ring[found_at + _COMMIT]
        tie = not earlier and ring[at + _COMMIT] == ring[found_at + _COMMIT]
        if earlier or (tie and ring[at + _ISSUE] < ring[found_at + _ISSUE]):
            found, found_at = b, at
    return found


@kernel
def tell(world: I64Array) -> tuple[int, int]:
    """Tell of the change that is due; the stream and what changed, or −1 where none is due yet."""
    cold()
    store = store_of(world)
    n = world[W.N_BOOKS]
    notify = link_of(world, n)
    b = _head(world)
    ring = ring_of(world)
    at = place_of(world, b, stored_of(world)[b].told)
    if notify.kind != _CONSTANT and not store[S.ANNOUNCED]:
        # Only now is it certain that nothing is committed before it.
        told_ns = arrival_ns(notify, ring[at + _COMMIT], ring[at + _FEED])
        store[S.ANNOUNCED] = 1
        store[S.NEXT_QUOTE_NS] = told_ns
        return -1, 0
    told = array_at(world[W.TOLD], n * VIEW_ROWS, np.int64)
    for row in range(_V_BID, _V_ASK_LOTS + 1):
        told[row * n + b] = ring[at + _FIRST + row]
    changed = ring[at + _CHANGED]
    if store[S.REFILLS_WATCHED]:
        follow_refills(world, b, at)
    store[S.ANNOUNCED] = 0
    stored_of(world)[b].told += 1
    store[S.NEXT_QUOTE_NS] = FOREVER
    following = _head(world)
    if following >= 0:
        at = place_of(world, following, stored_of(world)[following].told)
        expect(world, S.NEXT_QUOTE_NS, n, ring[at + _COMMIT])
    return b, changed
