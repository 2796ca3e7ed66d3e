"""The store's depth documents: the best levels of a book, written when a span of time is over.

A feed handler closes a bucket at the end of each span (100 ms) in which its stream had an event and
writes ten levels a side, as `framework.state.feed.recorder` does. With a span of 0 it writes them
after every message. What a strategy reads is the newest bucket it sees behind the best price of
the newest quote: levels that the quote has passed are left out.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.book.levels import read_levels
from framework.core.events import NO_PRICE, I64Array, Record, Records
from framework.core.links import LatencyKind
from framework.venue.records import Status, View
from framework.venue.store import S, arrival_ns, expect, link_of, plan, store_of, stored_of
from framework.venue.world import FOREVER, W, ladders_known, view_of

LEVELS: Final = 10


class Depth(IntEnum):
    """Columns of a written bucket."""

    COMMIT_NS = 0
    START_NS = 1
    """First instant of the span; of a span of 0 when the message reached the feed handler."""
    VALID_NS = 2
    RECEIVED_NS = 3
    N_EVENTS = 4
    BIDS = 8
    """Prices of the best bids, 0 beyond the last; their quantities, those of the asks follow."""
    WIDTH = 8 + 4 * LEVELS


_COMMIT, _START, _VALID = int(Depth.COMMIT_NS), int(Depth.START_NS), int(Depth.VALID_NS)
_RECEIVED, _N_EVENTS = int(Depth.RECEIVED_NS), int(Depth.N_EVENTS)
_FIRST, _WIDTH = int(Depth.BIDS), int(Depth.WIDTH)
_CONSTANT = int(LatencyKind.CONSTANT)
_LOST, _REFUSED = int(Status.STORE_LOST), int(Status.REFUSED)
_V_BID, _V_ASK = int(View.BID), int(View.ASK)
_V_BID_LOTS, _V_ASK_LOTS = int(View.BID_LOTS), int(View.ASK_LOTS)


@kernel
def _ring(world: I64Array) -> I64Array:
    store = store_of(world)
    return array_at(store[S.DEPTHS], world[W.N_BOOKS] * store[S.DEPTH_ROWS] * _WIDTH, np.int64)


@kernel
def _place(world: I64Array, b: int, number: int) -> int:
    size = store_of(world)[S.DEPTH_ROWS]
    return (b * size + (number & (size - 1))) * _WIDTH


@kernel
def _write(world: I64Array, b: int, start_ns: int, issued_ns: int) -> None:
    """Write a stream's levels as they stand."""
    store = store_of(world)
    stream = stored_of(world)[b]
    at = _place(world, b, stream.depths)
    address = store[S.DEPTHS] + 8 * at
    row = array_at(address, _FIRST, np.int64)
    row[_COMMIT] = arrival_ns(link_of(world, b), issued_ns, stream.feed_ns)
    row[_START] = start_ns
    row[_VALID] = stream.valid_ns
    row[_RECEIVED] = stream.received_ns
    row[_N_EVENTS] = stream.n_events
    ladders = ladders_known(world)
    for half in range(2):
        first = address + 8 * (_FIRST + 2 * LEVELS * half)
        prices = array_at(first, LEVELS, np.int64)
        lots = array_at(first + 8 * LEVELS, LEVELS, np.int64)
        read_levels(ladders, b, 1 - 2 * half, prices, lots)
    stream.depths += 1
    stream.n_events = 0
    if store[S.DEPTH_WATCHED] and not store[S.DEPTH_ANNOUNCED]:
        expect(world, S.NEXT_DEPTH_NS, world[W.N_BOOKS] + 1, row[_COMMIT])


@kernel
def close_buckets(world: I64Array, until_ns: int) -> None:
    """Write every bucket that ends at or before an instant, by time and then by stream."""
    cold()
    store = store_of(world)
    streams = stored_of(world)
    span_ns = store[S.BUCKET_NS]
    while store[S.NEXT_END_NS] <= until_ns:
        end_ns = store[S.NEXT_END_NS]
        following_ns = FOREVER
        for b in range(streams.size):
            own_end_ns = streams[b].bucket_ns + span_ns
            if streams[b].bucket_ns < 0:
                continue
            if own_end_ns == end_ns:
                _write(world, b, streams[b].bucket_ns, end_ns)
                streams[b].bucket_ns = -1
            else:
                following_ns = min(following_ns, own_end_ns)
        store[S.NEXT_END_NS] = following_ns
    plan(world)


@kernel
def follow_depth(world: I64Array, b: int, received_ns: int, sent_ns: int, is_last: bool) -> None:
    """Note an event of a stream; the known ladders show it already."""
    store = store_of(world)
    stream = stored_of(world)[b]
    span_ns = store[S.BUCKET_NS]
    stream.n_events += 1
    stream.valid_ns = sent_ns
    stream.received_ns = received_ns
    stream.feed_ns = received_ns - sent_ns
    if span_ns == 0:
        if is_last:
            _write(world, b, received_ns, received_ns)
    elif stream.bucket_ns < 0:
        stream.bucket_ns = received_ns // span_ns * span_ns
        store[S.NEXT_END_NS] = min(store[S.NEXT_END_NS], stream.bucket_ns + span_ns)
        plan(world)


@kernel
def _seen(world: I64Array, b: int) -> int:
    """Number of the newest bucket that the trial which is awake sees, −1 where it sees none."""
    store = store_of(world)
    n = world[W.N_BOOKS]
    if not store[S.DEPTH]:
        world[W.STATUS] = _REFUSED
        return -1
    as_of_ns = array_at(store[S.AS_OF] + 8 * n * world[W.WAKE_TRIAL], n, np.int64)[b]
    ring = _ring(world)
    number = stored_of(world)[b].depths - 1
    oldest = max(0, number + 1 - store[S.DEPTH_ROWS])
    while number >= oldest and ring[_place(world, b, number) + _COMMIT] > as_of_ns:
        number -= 1
    if number < oldest and oldest > 0:
        world[W.STATUS] = _LOST
    return number if number >= oldest else -1


@kernel
def stored_levels(
    world: I64Array, b: int, side: int, px_ticks: I64Array, qty_lots: I64Array
) -> int:
    """Write a side's best levels as the store tells of them; return how many there are."""
    cold()
    px_ticks[:] = 0
    qty_lots[:] = 0
    number = _seen(world, b)
    best = view_of(world, _V_BID if side > 0 else _V_ASK)[b]
    if best == NO_PRICE or px_ticks.size == 0:
        return 0
    px_ticks[0] = best
    qty_lots[0] = view_of(world, _V_BID_LOTS if side > 0 else _V_ASK_LOTS)[b]
    if number < 0:
        return 1
    ring = _ring(world)
    first = _place(world, b, number) + _FIRST + (2 * LEVELS if side < 0 else 0)
    n = 1
    for level in range(LEVELS):
        lots = ring[first + LEVELS + level]
        if n < px_ticks.size and lots > 0 and side * (best - ring[first + level]) > 0:
            px_ticks[n] = ring[first + level]
            qty_lots[n] = lots
            n += 1
    return n


@kernel
def scratch_of(world: I64Array, row: int) -> I64Array:
    """Room for one side's prices (row 0) or quantities (row 1)."""
    n = LEVELS + 1
    return array_at(store_of(world)[S.SCRATCH] + 8 * n * row, n, np.int64)


@kernel
def bucket_before(world: I64Array, b: int, back: int) -> int:
    """Where the bucket so many before the newest seen begins, −1 where none is kept."""
    cold()
    number = _seen(world, b) - back
    kept = stored_of(world)[b].depths - store_of(world)[S.DEPTH_ROWS]
    return _place(world, b, number) if number >= max(0, kept) and back >= 0 else -1


@kernel
def bucket_value(world: I64Array, at: int, column: int) -> int:
    """One column of the bucket that begins there."""
    return int(_ring(world)[at + column])


@kernel
def is_new_wall(world: I64Array, b: int, place: int, least_lots: int) -> bool:
    """Tell whether a level of the bucket just told of is a wall that the one before had not.

    Parameters
    ----------
    place
        Of the level: the ten bids, then the ten asks.
    """
    number = stored_of(world)[b].depth_told - 1
    ring = _ring(world)
    at = wall_at(world, b, place)
    if ring[at + LEVELS] < least_lots:
        return False
    if number == 0:
        return True
    before = at - _place(world, b, number) + _place(world, b, number - 1)
    first = before - place % LEVELS
    for level in range(first, first + LEVELS):
        if ring[level] == ring[at] and ring[level + LEVELS] >= least_lots:
            return False
    return True


@kernel
def wall_at(world: I64Array, b: int, place: int) -> int:
    """Where the price of a level stands in the bucket just told of."""
    number = stored_of(world)[b].depth_told - 1
    half, level = place // LEVELS, place % LEVELS
    return _place(world, b, number) + _FIRST + 2 * LEVELS * half + level


@kernel
def wall_px_ticks(world: I64Array, b: int, place: int) -> int:
    """Price of a level of the bucket just told of."""
    return int(_ring(world)[wall_at(world, b, place)])


@kernel
def next_depth_commit_ns(world: I64Array, b: int) -> int:
    """When a stream's first bucket that watchers have not been told of is committed."""
    stream = stored_of(world)[b]
    if stream.depth_told == stream.depths:
        return FOREVER
    return int(_ring(world)[_place(world, b, stream.depth_told) + _COMMIT])


@kernel
def tell_depth(world: I64Array) -> int:
    """Tell of the bucket that is due; its stream, −1 where none is due yet."""
    cold()
    store = store_of(world)
    streams: Records = stored_of(world)
    found, commit_ns, following_ns = -1, FOREVER, FOREVER
    for b in range(streams.size):
        own_ns = next_depth_commit_ns(world, b)
        if own_ns < commit_ns:
            found, commit_ns = b, own_ns
    stream: Record = streams[found]
    notify = link_of(world, world[W.N_BOOKS] + 1)
    if notify.kind != _CONSTANT and not store[S.DEPTH_ANNOUNCED]:
        store[S.DEPTH_ANNOUNCED] = 1
        store[S.NEXT_DEPTH_NS] = arrival_ns(notify, commit_ns, stream.feed_ns)
        return -1
    store[S.DEPTH_ANNOUNCED] = 0
    stream.depth_told += 1
    for b in range(streams.size):
        following_ns = min(following_ns, next_depth_commit_ns(world, b))
    store[S.NEXT_DEPTH_NS] = FOREVER
    expect(world, S.NEXT_DEPTH_NS, world[W.N_BOOKS] + 1, following_ns)
    return found
