"""What the state store shows of the market, where strategies read it and not the exchange.

Feed handlers write to the store what reaches them; a write is committed a lag later, a read shows
the store as it was a lag ago, and whoever watches is told a lag after the commit. The rules are
those of `framework.state.emulation`, kept here as rows of whole numbers: the rows of a stream stand
in the order in which they were written, which is the order in which they are committed too.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.core.events import I64Array, Record, Records
from framework.core.links import LatencyKind
from framework.venue.latency import drawn_ns
from framework.venue.records import Status, View, record_of
from framework.venue.world import FOREVER, W, feed_of

_CONSTANT, _FROM_DATA = int(LatencyKind.CONSTANT), int(LatencyKind.FROM_DATA)
_V_BID, _V_ASK_LOTS = int(View.BID), int(View.ASK_LOTS)
_V_VALID = int(View.VALID)
_V_TS_EXCH, _V_TS_RECV = int(View.TS_EXCH), int(View.TS_RECV)
VIEW_ROWS: Final = len(View)


class S(IntEnum):
    """The store's own numbers: sizes and addresses."""

    ROWS = 0
    """Rows that are kept of each stream, a power of two."""
    KEPT_NS = 1
    """How long a row is kept after the one that follows it was committed."""
    WATCHED = 2
    """1 where some trial is woken by what the store tells."""
    ANNOUNCED = 3
    """1 while the next to be told is known and its lag drawn."""
    RING = 4
    STREAMS = 5
    LAGS = 6
    SEEN = 7
    """Number of the row that each trial sees of each stream, −1 before there is any."""
    VIEWS = 8
    DIRECT_ORDERS = 9
    """1 where orders' documents take no time."""
    ISSUED = 10
    """Rows written so far."""
    SIZE = 11


class Written(IntEnum):
    """Columns of a row that a feed handler has written."""

    COMMIT_NS = 0
    CHANGED = 1
    """What it changed at the top of the book, as bits of `framework.venue.feed`."""
    RECORDED_NS = 2
    """Commit of the last row, this one included, that changed anything but the time."""
    FEED_NS = 3
    """What the message took to reach the feed handler."""
    ISSUE = 4
    """Counts the rows of all streams."""
    VIEW = 6
    """The book's column of the view begins here."""
    WIDTH = 16


STORED_DTYPE: Final = record_of(end=np.int64, told=np.int64)
"""A stream's rows: how many were written, and how many watchers have been told of."""

LAG_DTYPE: Final = record_of(
    ns=np.int64,
    kind=np.int64,
    spread=np.float64,
    seed=np.int64,
    sent=np.int64,
    last_ns=np.int64,
)
"""One direction between a client and the store; ``sent`` counts its messages, ``last_ns`` is the
arrival of the latest. First the writes of every stream, then the notices, then of every trial what
`TrialLag` names."""


class TrialLag(IntEnum):
    """Lags of a trial's own."""

    READ = 0
    ORDER_WRITE = 1
    ORDER_NOTIFY = 2


_COMMIT, _CHANGED = int(Written.COMMIT_NS), int(Written.CHANGED)
_RECORDED, _FEED, _ISSUE = int(Written.RECORDED_NS), int(Written.FEED_NS), int(Written.ISSUE)
_FIRST, _WIDTH = int(Written.VIEW), int(Written.WIDTH)
_N_TRIAL_LAGS = len(TrialLag)
_READ, _ORDER_WRITE = int(TrialLag.READ), int(TrialLag.ORDER_WRITE)
_ORDER_NOTIFY = int(TrialLag.ORDER_NOTIFY)
_LOST = int(Status.STORE_LOST)


@kernel
def store_of(world: I64Array) -> I64Array:
    """The store's own numbers."""
    return array_at(world[W.STORE], S.SIZE, np.int64)


@kernel
def _streams(world: I64Array) -> Records:
    return array_at(store_of(world)[S.STREAMS], world[W.N_BOOKS], STORED_DTYPE)


@kernel
def _ring(world: I64Array) -> I64Array:
    store = store_of(world)
    return array_at(store[S.RING], world[W.N_BOOKS] * store[S.ROWS] * _WIDTH, np.int64)


@kernel
def _place(world: I64Array, b: int, number: int) -> int:
    """Where a stream's row begins in the ring."""
    size = store_of(world)[S.ROWS]
    return (b * size + (number & (size - 1))) * _WIDTH


@kernel
def _lag(world: I64Array, i: int) -> Record:
    lags: Records = array_at(store_of(world)[S.LAGS], i + 1, LAG_DTYPE)
    return lags[i]


@kernel
def _trial_lag(world: I64Array, k: int, which: int) -> Record:
    return _lag(world, world[W.N_BOOKS] + 1 + k * _N_TRIAL_LAGS + which)


@kernel
def _next_ns(lag: Record, feed_ns: int) -> int:
    """How long the next message of a direction takes; see `framework.state.lag.Messages`."""
    if lag.kind == _CONSTANT:
        return lag.ns
    if lag.kind == _FROM_DATA:
        return int(feed_ns * lag.spread + 0.5) if feed_ns >= 0 else lag.ns
    sent: int = lag.sent + 1
    lag.sent = sent
    return drawn_ns(lag.ns, lag.spread, lag.seed, sent)


@kernel
def _arrival_ns(lag: Record, sent_ns: int, feed_ns: int) -> int:
    """When a message sent now arrives; it does not overtake the one before it."""
    arrival_ns: int = max(lag.last_ns, sent_ns + _next_ns(lag, feed_ns))
    lag.last_ns = arrival_ns
    return arrival_ns


@kernel
def _feed_ns(world: I64Array, b: int) -> int:
    """What the last message of a book took to reach us, −1 before there is any."""
    sent_ns = feed_of(world, _V_TS_EXCH)[b]
    return feed_of(world, _V_TS_RECV)[b] - sent_ns if sent_ns else -1


@kernel
def has_room(world: I64Array, b: int, now_ns: int) -> bool:
    """Tell whether a stream's oldest row may give way to a new one."""
    store = store_of(world)
    stream = _streams(world)[b]
    oldest = stream.end - store[S.ROWS]
    if oldest < 0:
        return True
    if store[S.WATCHED] and stream.told <= oldest:
        return False
    return _ring(world)[_place(world, b, oldest + 1) + _COMMIT] < now_ns - store[S.KEPT_NS]


@kernel
def record(world: I64Array, b: int, issued_ns: int, feed_ns: int, changed: int) -> None:
    """Write what has reached us of a book; there must be room."""
    store = store_of(world)
    n = world[W.N_BOOKS]
    stream = _streams(world)[b]
    feed = array_at(world[W.FEED], n * VIEW_ROWS, np.int64)
    ring = _ring(world)
    commit_ns = _arrival_ns(_lag(world, b), issued_ns, feed_ns)
    at = _place(world, b, stream.end)
    before = _place(world, b, stream.end - 1)
    ring[at + _COMMIT] = commit_ns
    ring[at + _CHANGED] = changed
    ring[at + _FEED] = feed_ns
    ring[at + _ISSUE] = store[S.ISSUED]
    store[S.ISSUED] += 1
    same = changed == 0 and stream.end > 0
    same = same and ring[before + _FIRST + _V_VALID] == feed[_V_VALID * n + b]
    ring[at + _RECORDED] = ring[before + _RECORDED] if same else commit_ns
    for row in range(VIEW_ROWS):
        ring[at + _FIRST + row] = feed[row * n + b]
    stream.end += 1
    if changed and store[S.WATCHED] and not store[S.ANNOUNCED]:
        notify = _lag(world, n)
        first_ns = commit_ns + notify.ns if notify.kind == _CONSTANT else commit_ns
        world[W.NEXT_TOLD_NS] = min(world[W.NEXT_TOLD_NS], first_ns)


@kernel
def _head(world: I64Array) -> int:
    """Stream of the first committed change that watchers have not been told of, −1 without one."""
    streams = _streams(world)
    ring = _ring(world)
    found, found_at = -1, 0
    for b in range(streams.size):
        stream = streams[b]
        at = _place(world, b, stream.told)
        while stream.told < stream.end and ring[at + _CHANGED] == 0:
            stream.told += 1
            at = _place(world, b, stream.told)
        if stream.told == stream.end:
            continue
        earlier = found < 0 or ring[at + _COMMIT] < ring[found_at + _COMMIT]
        tie = not earlier and ring[at + _COMMIT] == ring[found_at + _COMMIT]
        if earlier or (tie and ring[at + _ISSUE] < ring[found_at + _ISSUE]):
            found, found_at = b, at
    return found


@kernel
def _expect(world: I64Array) -> None:
    """Note when watchers are told next, or when that can be said."""
    b = _head(world)
    world[W.NEXT_TOLD_NS] = FOREVER
    if b >= 0:
        notify = _lag(world, world[W.N_BOOKS])
        at = _place(world, b, _streams(world)[b].told)
        commit_ns = _ring(world)[at + _COMMIT]
        constant = notify.kind == _CONSTANT
        world[W.NEXT_TOLD_NS] = commit_ns + notify.ns if constant else commit_ns


@kernel
def tell(world: I64Array) -> tuple[int, int]:
    """Tell of the change that is due; the stream and what changed, or −1 where none is due yet."""
    cold()
    store = store_of(world)
    n = world[W.N_BOOKS]
    notify = _lag(world, n)
    b = _head(world)
    ring = _ring(world)
    at = _place(world, b, _streams(world)[b].told)
    if notify.kind != _CONSTANT and not store[S.ANNOUNCED]:
        # Only now is it certain that nothing is committed before it.
        told_ns = _arrival_ns(notify, ring[at + _COMMIT], ring[at + _FEED])
        store[S.ANNOUNCED] = 1
        world[W.NEXT_TOLD_NS] = told_ns
        return -1, 0
    told = array_at(world[W.TOLD], n * VIEW_ROWS, np.int64)
    for row in range(_V_BID, _V_ASK_LOTS + 1):
        told[row * n + b] = ring[at + _FIRST + row]
    changed = ring[at + _CHANGED]
    store[S.ANNOUNCED] = 0
    _streams(world)[b].told += 1
    _expect(world)
    return b, changed


@kernel
def _known_at(world: I64Array, b: int, ts_ns: int) -> int:
    """Number of a stream's newest row committed by an instant, −1 where none is kept."""
    ring = _ring(world)
    end = _streams(world)[b].end
    oldest = max(0, end - store_of(world)[S.ROWS])
    low, high = oldest, end
    while low < high:
        middle = (low + high) >> 1
        if ring[_place(world, b, middle) + _COMMIT] <= ts_ns:
            low = middle + 1
        else:
            high = middle
    if low == oldest and oldest > 0:
        world[W.STATUS] = _LOST
    return low - 1 if low > oldest else -1


@kernel
def look(world: I64Array, k: int) -> None:
    """Let a trial that is woken see the store as its reads show it."""
    cold()
    store = store_of(world)
    n = world[W.N_BOOKS]
    seen = array_at(store[S.SEEN] + 8 * n * k, n, np.int64)
    world[W.VIEW] = store[S.VIEWS] + 8 * VIEW_ROWS * n * k
    view = array_at(world[W.VIEW], VIEW_ROWS * n, np.int64)
    lag = _trial_lag(world, k, _READ)
    ring = _ring(world)
    if lag.kind != _FROM_DATA:
        lag.last_ns = max(lag.last_ns, world[W.NOW_NS] - _next_ns(lag, -1))
    for b in range(n):
        as_of_ns = lag.last_ns
        if lag.kind == _FROM_DATA:
            as_of_ns = world[W.NOW_NS] - _next_ns(lag, _feed_ns(world, b))
        number = _known_at(world, b, as_of_ns)
        if number > seen[b]:
            seen[b] = number
            at = _place(world, b, number) + _FIRST
            for row in range(VIEW_ROWS):
                view[row * n + b] = ring[at + row]


@kernel
def order_told_ns(world: I64Array, k: int, b: int, answered_ns: int) -> int:
    """When a trial is told of what the order manager has heard of one of its orders."""
    cold()
    feed_ns = _feed_ns(world, b)
    written = _trial_lag(world, k, _ORDER_WRITE)
    commit_ns = _arrival_ns(written, answered_ns, feed_ns)
    return _arrival_ns(_trial_lag(world, k, _ORDER_NOTIFY), commit_ns, feed_ns)
