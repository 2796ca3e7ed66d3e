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
    NEXT_QUOTE_NS = 11
    """When watchers are told of the next change at the top of a book, or when that can be said."""
    AS_OF = 12
    """Instant as of which each trial sees each stream."""
    # Depth documents; see `framework.venue.depth`.
    DEPTH = 13
    """1 where they are written."""
    DEPTH_WATCHED = 14
    DEPTH_ANNOUNCED = 15
    NEXT_DEPTH_NS = 16
    NEXT_END_NS = 17
    """When the next bucket ends."""
    BUCKET_NS = 18
    DEPTH_ROWS = 19
    """Buckets that are kept of each stream, a power of two."""
    DEPTHS = 20
    SCRATCH = 21
    # Levels that are refilled; see `framework.venue.refills`.
    REFILLS_WATCHED = 22
    REFILLS = 23
    SIZE = 24


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
    SENT_NS = 5
    """When the message happened at its venue."""
    VIEW = 6
    """The book's column of the view begins here."""
    WIDTH = 16


_I: Final = np.int64
STORED_DTYPE: Final = record_of(
    end=_I,
    told=_I,
    depths=_I,
    depth_told=_I,
    bucket_ns=_I,
    n_events=_I,
    valid_ns=_I,
    received_ns=_I,
    feed_ns=_I,
)
"""What is written of a stream: how many rows, and how many of them watchers have been told of; the
same of its buckets; of the open bucket when it began (−1: none is open), how many events it has,
and when the last of them happened, reached us and how long it took to."""

LAG_DTYPE: Final = record_of(
    ns=np.int64,
    kind=np.int64,
    spread=np.float64,
    seed=np.int64,
    sent=np.int64,
    last_ns=np.int64,
)
"""One direction between a client and the store; ``sent`` counts its messages, ``last_ns`` is the
arrival of the latest. First the writes of every stream, then notices of quotes, notices of depth,
and of every trial what `TrialLag` names."""


class TrialLag(IntEnum):
    """Lags of a trial's own."""

    READ = 0
    ORDER_WRITE = 1
    ORDER_NOTIFY = 2


_COMMIT, _CHANGED = int(Written.COMMIT_NS), int(Written.CHANGED)
_RECORDED, _FEED, _ISSUE = int(Written.RECORDED_NS), int(Written.FEED_NS), int(Written.ISSUE)
_SENT, _FIRST, _WIDTH = int(Written.SENT_NS), int(Written.VIEW), int(Written.WIDTH)
_N_TRIAL_LAGS = len(TrialLag)
_READ, _ORDER_WRITE = int(TrialLag.READ), int(TrialLag.ORDER_WRITE)
_ORDER_NOTIFY = int(TrialLag.ORDER_NOTIFY)
_LOST = int(Status.STORE_LOST)


@kernel
def store_of(world: I64Array) -> I64Array:
    """The store's own numbers."""
    return array_at(world[W.STORE], S.SIZE, np.int64)


@kernel
def stored_of(world: I64Array) -> Records:
    """What is written of each stream, records of `STORED_DTYPE`."""
    return array_at(store_of(world)[S.STREAMS], world[W.N_BOOKS], STORED_DTYPE)


@kernel
def ring_of(world: I64Array) -> I64Array:
    """Rows of all streams, one ring each."""
    store = store_of(world)
    return array_at(store[S.RING], world[W.N_BOOKS] * store[S.ROWS] * _WIDTH, np.int64)


@kernel
def place_of(world: I64Array, b: int, number: int) -> int:
    """Where a stream's row begins in the ring."""
    size = store_of(world)[S.ROWS]
    return (b * size + (number & (size - 1))) * _WIDTH


@kernel
def link_of(world: I64Array, i: int) -> Record:
    """One of the directions to and from the store; see `LAG_DTYPE`."""
    lags: Records = array_at(store_of(world)[S.LAGS], i + 1, LAG_DTYPE)
    return lags[i]


@kernel
def _trial_lag(world: I64Array, k: int, which: int) -> Record:
    return link_of(world, world[W.N_BOOKS] + 2 + k * _N_TRIAL_LAGS + which)


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
def arrival_ns(lag: Record, sent_ns: int, feed_ns: int) -> int:
    """When a message sent now arrives; it does not overtake the one before it."""
    latest_ns: int = max(lag.last_ns, sent_ns + _next_ns(lag, feed_ns))
    lag.last_ns = latest_ns
    return latest_ns


@kernel
def _feed_ns(world: I64Array, b: int) -> int:
    """What the last message of a book took to reach us, −1 before there is any."""
    sent_ns = feed_of(world, _V_TS_EXCH)[b]
    return feed_of(world, _V_TS_RECV)[b] - sent_ns if sent_ns else -1


@kernel
def has_room(world: I64Array, b: int, now_ns: int) -> bool:
    """Tell whether a stream's oldest row may give way to a new one."""
    store = store_of(world)
    stream = stored_of(world)[b]
    oldest = stream.end - store[S.ROWS]
    if oldest < 0:
        return True
    if store[S.WATCHED] and stream.told <= oldest:
        return False
    return ring_of(world)[place_of(world, b, oldest + 1) + _COMMIT] < now_ns - store[S.KEPT_NS]


@kernel
def record(world: I64Array, b: int, issued_ns: int, feed_ns: int, changed: int) -> None:
    """Write what has reached us of a book; there must be room."""
    store = store_of(world)
    n = world[W.N_BOOKS]
    stream = stored_of(world)[b]
    feed = array_at(world[W.FEED], n * VIEW_ROWS, np.int64)
    ring = ring_of(world)
    commit_ns = arrival_ns(link_of(world, b), issued_ns, feed_ns)
    at = place_of(world, b, stream.end)
    before = place_of(world, b, stream.end - 1)
    ring[at + _COMMIT] = commit_ns
    ring[at + _CHANGED] = changed
    ring[at + _FEED] = feed_ns
    ring[at + _SENT] = issued_ns - feed_ns
    ring[at + _ISSUE] = store[S.ISSUED]
    store[S.ISSUED] += 1
    same = changed == 0 and stream.end > 0
    same = same and ring[before + _FIRST + _V_VALID] == feed[_V_VALID * n + b]
    ring[at + _RECORDED] = ring[before + _RECORDED] if same else commit_ns
    for row in range(VIEW_ROWS):
        ring[at + _FIRST + row] = feed[row * n + b]
    stream.end += 1
    if changed and store[S.WATCHED] and not store[S.ANNOUNCED]:
        expect(world, S.NEXT_QUOTE_NS, n, commit_ns)


@kernel
def expect(world: I64Array, place: int, link: int, commit_ns: int) -> None:
    """Note when watchers are told of a commit, or when that can be said, if it is the next."""
    store = store_of(world)
    if commit_ns != FOREVER:
        notify = link_of(world, link)
        told_ns = commit_ns + notify.ns if notify.kind == _CONSTANT else commit_ns
        store[place] = min(store[place], told_ns)
    plan(world)


@kernel
def plan(world: I64Array) -> None:
    """Note when the loop must next attend to the store."""
    store = store_of(world)
    next_ns = min(store[S.NEXT_QUOTE_NS], store[S.NEXT_DEPTH_NS])
    if store[S.DEPTH_WATCHED]:
        next_ns = min(next_ns, store[S.NEXT_END_NS])
    world[W.NEXT_TOLD_NS] = next_ns


@kernel
def known_at(world: I64Array, b: int, ts_ns: int) -> int:
    """Number of a stream's newest row committed by an instant, −1 where none is kept."""
    ring = ring_of(world)
    end = stored_of(world)[b].end
    oldest = max(0, end - store_of(world)[S.ROWS])
    low, high = oldest, end
    while low < high:
        middle = (low + high) >> 1
        if ring[place_of(world, b, middle) + _COMMIT] <= ts_ns:
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
    as_of = array_at(store[S.AS_OF] + 8 * n * k, n, np.int64)
    lag = _trial_lag(world, k, _READ)
    ring = ring_of(world)
    if lag.kind != _FROM_DATA:
        lag.last_ns = max(lag.last_ns, world[W.NOW_NS] - _next_ns(lag, -1))
    for b in range(n):
        as_of_ns = lag.last_ns
        if lag.kind == _FROM_DATA:
            as_of_ns = world[W.NOW_NS] - _next_ns(lag, _feed_ns(world, b))
        as_of[b] = as_of_ns = max(as_of[b], as_of_ns)
        number = known_at(world, b, as_of_ns)
        if number > seen[b]:
            seen[b] = number
            at = place_of(world, b, number) + _FIRST
            for row in range(VIEW_ROWS):
                view[row * n + b] = ring[at + row]


@kernel
def order_told_ns(world: I64Array, k: int, b: int, answered_ns: int) -> int:
    """When a trial is told of what the order manager has heard of one of its orders."""
    cold()
    feed_ns = _feed_ns(world, b)
    written = _trial_lag(world, k, _ORDER_WRITE)
    commit_ns = arrival_ns(written, answered_ns, feed_ns)
    return arrival_ns(_trial_lag(world, k, _ORDER_NOTIFY), commit_ns, feed_ns)


@kernel
def heard_ns(world: I64Array, b: int) -> int:
    """When the latest message of a book that strategies know of reached its feed handler.

    Of a store it is the last tick that a read made now would find, a drawn read lag being its
    median; 0 before there is any.
    """
    if world[W.STORE] == 0:
        return feed_of(world, _V_TS_RECV)[b]
    read = _trial_lag(world, 0, _READ)
    number = known_at(world, b, world[W.NOW_NS] - read.ns)
    return ring_of(world)[place_of(world, b, number) + _FIRST + _V_TS_RECV] if number >= 0 else 0
