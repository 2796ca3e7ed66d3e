"""How long a message is on its way: constant, drawn, or as slow as the market data is.

A drawn latency is ``median · exp(sigma · n)`` with a standard normal ``n`` that depends only on the
run's seed, the venue, the direction and the number of the trial's message: no random state is
shared, so a trial in a batch draws what it draws alone, and two trials draw alike. A latency from
data looks back only: a request uses the last message of the book that had reached us, a response
the last event of the book at or before its instant. Before there is any, the constant holds.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from framework._jit import array_at, cold, kernel
from framework.core.events import I64Array
from framework.core.links import LatencyKind
from framework.venue.records import Request, View
from framework.venue.world import W, feed_of, streams_of, trials_of

# Steele, G., Lea, D. and Flood, C. (2014), "Fast splittable pseudorandom number generators",
# OOPSLA: splitmix64's increment and multipliers, as signed integers.
_GOLDEN: Final = 0x9E3779B97F4A7C15 - 2**64
_MIX_A: Final = 0xBF58476D1CE4E5B9 - 2**64
_MIX_B: Final = 0x94D049BB133111EB - 2**64
_CONSTANT, _FROM_DATA = int(LatencyKind.CONSTANT), int(LatencyKind.FROM_DATA)
_CANCEL, _REPLACE = int(Request.CANCEL), int(Request.REPLACE)
_V_TS_EXCH, _V_TS_RECV = int(View.TS_EXCH), int(View.TS_RECV)
_ENTRY, _RESPONSE = 0, 1


@kernel
def hashed_uniform(seed: int, counter: int) -> float:
    """Return a number above 0 and below 1 that depends on seed and counter alone (splitmix64)."""
    x = seed + (counter + 1) * _GOLDEN
    # Shifts of signed integers copy the sign: the masks make them logical.
    x = (x ^ ((x >> 30) & 0x3FFFFFFFF)) * _MIX_A
    x = (x ^ ((x >> 27) & 0x1FFFFFFFFF)) * _MIX_B
    x = x ^ ((x >> 31) & 0x1FFFFFFFF)
    return (float((x >> 11) & 0x1FFFFFFFFFFFFF) + 0.5) / 9007199254740992.0


@kernel
def drawn_ns(median_ns: int, sigma: float, seed: int, counter: int) -> int:
    """Draw a log-normal latency; counters draw independently of each other."""
    cold()
    radius = math.sqrt(-2.0 * math.log(hashed_uniform(seed, 2 * counter)))
    normal = radius * math.cos(2.0 * math.pi * hashed_uniform(seed, 2 * counter + 1))
    return int(median_ns * math.exp(sigma * normal) + 0.5)


@kernel
def _next_draw(world: I64Array, k: int, b: int, link: int, median_ns: int, sigma: float) -> int:
    cold()
    trial = trials_of(world)[k]
    counter = trial.messages
    trial.messages = counter + 1
    return drawn_ns(median_ns, sigma, streams_of(world)[b].latency_seed, 2 * counter + link)


@kernel
def _feed_at_venue_ns(world: I64Array, b: int, ts_ns: int) -> int:
    """Feed latency of the book's last event at or before an instant, -1 where there was none.

    The scan goes on from where the last one ended, so all scans together pass each row once.
    """
    cold()
    stream = streams_of(world)[b]
    n = world[W.N_EVENTS]
    i = stream.scanned
    # Before the first chunk there are no arrays to look into.
    if i < n:
        exch = array_at(world[W.TS_EXCH], n, np.int64)
        recv = array_at(world[W.TS_RECV], n, np.int64)
        books = array_at(world[W.BOOK], n, np.int32)
        while i < n and exch[i] <= ts_ns:
            if books[i] == b:
                stream.feed_ns = recv[i] - exch[i]
            i += 1
    stream.scanned = i
    return stream.feed_ns


@kernel
def entry_ns(world: I64Array, k: int, b: int, request: int) -> int:
    """Latency of a request that leaves us now."""
    cold()
    stream = streams_of(world)[b]
    ns = stream.order_entry_ns
    if request == _CANCEL:
        ns = stream.cancel_entry_ns
    elif request == _REPLACE:
        ns = stream.replace_entry_ns
    if stream.entry_kind == _CONSTANT:
        return ns
    if stream.entry_kind == _FROM_DATA:
        sent_ns = feed_of(world, _V_TS_EXCH)[b]
        if sent_ns == 0:
            return ns
        return int((feed_of(world, _V_TS_RECV)[b] - sent_ns) * stream.entry_spread + 0.5)
    return _next_draw(world, k, b, _ENTRY, ns, stream.entry_spread)


@kernel
def response_ns(world: I64Array, k: int, b: int, ts_ns: int) -> int:
    """Latency of a response that leaves the venue at an instant."""
    cold()
    stream = streams_of(world)[b]
    if stream.response_kind == _CONSTANT:
        return stream.response_ns
    if stream.response_kind == _FROM_DATA:
        feed_ns = _feed_at_venue_ns(world, b, ts_ns)
        if feed_ns < 0:
            return stream.response_ns
        return int(feed_ns * stream.response_spread + 0.5)
    return _next_draw(world, k, b, _RESPONSE, stream.response_ns, stream.response_spread)
