"""What a reader of the emulated store sees of its market data, in arrays that kernels reach.

The same rules as in the document emulation, without documents: rows of `framework.state.feed` that
handlers issue are on their way for a write lag, commit in the order of arrival, and the capped
collections keep the last ones. A reader whose answers are `read` old settles the view to that
long ago; a watcher is told of a commit its notify lag after it. `tests/property/test_state_view.py`
holds both emulations to the same answers.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np

from framework._jit import array_at, kernel
from framework.core.events import I64Array
from framework.state.feed.rows import WIDTH, Column, Quotes, RowKind
from framework.state.lag import in_turn_ns

QUOTE_WIDTH: Final = int(Quotes.ASK_LOTS) + 1
BEAT_WIDTH: Final = int(Column.NUMBER) + 1
_NEVER: Final = int(np.iinfo(np.int64).max)

in_turn = kernel(in_turn_ns)
"""`framework.state.lag.in_turn_ns`, compiled."""


class S(IntEnum):
    """Words of the view: sizes, counters, and addresses of its arrays."""

    N_STREAMS = 0
    FLIGHT_ROWS = 1
    QUOTE_ROWS = 2
    BEAT_ROWS = 3
    BUCKET_ROWS = 4
    NEXT_NS = 5
    """When the next row on its way commits."""
    QUOTES = 6
    """Committed quotes so far; the last `QUOTE_ROWS` of them are held."""
    BEATS = 7
    BUCKETS = 8
    FLIGHT = 9
    """Rows on their way, a ring for each stream."""
    FLIGHT_COMMIT = 10
    FLIGHT_ISSUE = 11
    FLIGHT_FIRST = 12
    FLIGHT_END = 13
    LAST_COMMIT = 14
    QUOTE_RING = 15
    QUOTE_RECORDED = 16
    BEAT_RING = 17
    BEAT_RECORDED = 18
    BUCKET_RING = 19
    BUCKET_RECORDED = 20
    LAST_QUOTE = 21
    """Number of each stream's last committed quote, −1 before there is any."""
    LAST_BEAT = 22
    LAST_BUCKET = 23
    ISSUED = 24
    """Rows sent so far."""
    SIZE = 25


_KIND, _STREAM, _ISSUED = int(Column.KIND), int(Column.STREAM), int(Column.ISSUED_NS)
_VALID = int(Column.VALID_NS)
_QUOTE, _BUCKET = int(RowKind.QUOTE), int(RowKind.BUCKET)


class StoreView:
    """One reader's view, shared by kernels and Python.

    Parameters
    ----------
    n_streams
        Streams, numbered in the order of their names.
    quotes, heartbeats
        Documents that the capped collections hold.
    buckets
        Depth buckets that are held; older ones cannot be read any more.
    in_flight
        Rows of one stream that may be on their way.

    Attributes
    ----------
    handle
        What kernels take.
    """

    def __init__(
        self,
        n_streams: int,
        *,
        quotes: int = 100_000,
        heartbeats: int = 20_000,
        buckets: int = 4_096,
        in_flight: int = 4_096,
    ) -> None:
        self.handle: I64Array = np.zeros(S.SIZE, np.int64)
        self._arrays = {
            S.FLIGHT: np.zeros((n_streams, in_flight, WIDTH), np.int64),
            S.FLIGHT_COMMIT: np.zeros((n_streams, in_flight), np.int64),
            S.FLIGHT_ISSUE: np.zeros((n_streams, in_flight), np.int64),
            S.FLIGHT_FIRST: np.zeros(n_streams, np.int64),
            S.FLIGHT_END: np.zeros(n_streams, np.int64),
            S.LAST_COMMIT: np.full(n_streams, -(2**63), np.int64),
            S.QUOTE_RING: np.zeros((quotes, QUOTE_WIDTH), np.int64),
            S.QUOTE_RECORDED: np.zeros(quotes, np.int64),
            S.BEAT_RING: np.zeros((heartbeats, BEAT_WIDTH), np.int64),
            S.BEAT_RECORDED: np.zeros(heartbeats, np.int64),
            S.BUCKET_RING: np.zeros((buckets, WIDTH), np.int64),
            S.BUCKET_RECORDED: np.zeros(buckets, np.int64),
            S.LAST_QUOTE: np.full(n_streams, -1, np.int64),
            S.LAST_BEAT: np.full(n_streams, -1, np.int64),
            S.LAST_BUCKET: np.full(n_streams, -1, np.int64),
        }
        sizes = (n_streams, in_flight, quotes, heartbeats, buckets, _NEVER)
        self.handle[: len(sizes)] = sizes
        for word, array in self._arrays.items():
            self.handle[word] = array.ctypes.data

    def quote(self, number: int) -> I64Array:
        """Return a held quote's row; see `Quotes` for its columns."""
        return np.array(self._arrays[S.QUOTE_RING][number % self.handle[S.QUOTE_ROWS]])

    def bucket(self, number: int) -> I64Array:
        """Return a held depth bucket's row; see `Buckets` for its columns."""
        return np.array(self._arrays[S.BUCKET_RING][number % self.handle[S.BUCKET_ROWS]])

    def beat(self, number: int) -> I64Array:
        """Return a held heartbeat's row."""
        return np.array(self._arrays[S.BEAT_RING][number % self.handle[S.BEAT_ROWS]])


@kernel
def send(view: I64Array, row: I64Array, lag_ns: int) -> int:
    """Let a row be on its way; return when it commits, −1 where too many are."""
    b = row[_STREAM]
    n = view[S.N_STREAMS]
    size = view[S.FLIGHT_ROWS]
    first = array_at(view[S.FLIGHT_FIRST], n, np.int64)
    end = array_at(view[S.FLIGHT_END], n, np.int64)
    if end[b] - first[b] >= size:
        return -1
    last_commit = array_at(view[S.LAST_COMMIT], n, np.int64)
    commit_ns = in_turn(last_commit[b], row[_ISSUED], lag_ns)
    last_commit[b] = commit_ns
    at = b * size + end[b] % size
    array_at(view[S.FLIGHT_COMMIT], n * size, np.int64)[at] = commit_ns
    array_at(view[S.FLIGHT_ISSUE], n * size, np.int64)[at] = view[S.ISSUED]
    view[S.ISSUED] += 1
    flight = array_at(view[S.FLIGHT], n * size * WIDTH, np.int64)
    for c in range(_width(row[_KIND])):
        flight[at * WIDTH + c] = row[c]
    end[b] += 1
    view[S.NEXT_NS] = min(view[S.NEXT_NS], commit_ns)
    return commit_ns


@kernel
def settle(view: I64Array, until_ns: int) -> int:
    """Commit what arrives by an instant, at one instant as it was issued; return how many rows."""
    settled = 0
    n = view[S.N_STREAMS]
    size = view[S.FLIGHT_ROWS]
    first = array_at(view[S.FLIGHT_FIRST], n, np.int64)
    end = array_at(view[S.FLIGHT_END], n, np.int64)
    commits = array_at(view[S.FLIGHT_COMMIT], n * size, np.int64)
    issues = array_at(view[S.FLIGHT_ISSUE], n * size, np.int64)
    while view[S.NEXT_NS] <= until_ns:
        # Each stream's rows stand in order, so the next one is at the head of one of them.
        following = _NEVER
        next_stream = -1
        next_at = 0
        for b in range(n):
            if first[b] == end[b]:
                continue
            at = b * size + first[b] % size
            earlier = next_stream < 0 or commits[at] < commits[next_at]
            if earlier or (commits[at] == commits[next_at] and issues[at] < issues[next_at]):
                following = commits[next_at] if next_stream >= 0 else _NEVER
                next_stream = b
                next_at = at
            else:
                following = min(following, commits[at])
        _commit(view, next_stream, next_at, commits[next_at])
        first[next_stream] += 1
        settled += 1
        if first[next_stream] < end[next_stream]:
            at = next_stream * size + first[next_stream] % size
            following = min(following, commits[at])
        view[S.NEXT_NS] = following
    return settled


@kernel
def last_quote(view: I64Array, b: int) -> int:
    """Number of a stream's newest quote, −1 where there is none or it was evicted."""
    number = array_at(view[S.LAST_QUOTE], view[S.N_STREAMS], np.int64)[b]
    return number if number >= view[S.QUOTES] - view[S.QUOTE_ROWS] else -1


@kernel
def last_beat(view: I64Array, b: int) -> int:
    """Number of a stream's newest heartbeat, −1 where there is none or it was evicted."""
    number = array_at(view[S.LAST_BEAT], view[S.N_STREAMS], np.int64)[b]
    return number if number >= view[S.BEATS] - view[S.BEAT_ROWS] else -1


@kernel
def last_bucket(view: I64Array, b: int) -> int:
    """Number of a stream's newest depth bucket, −1 where there is none or it is not held."""
    number = array_at(view[S.LAST_BUCKET], view[S.N_STREAMS], np.int64)[b]
    return number if number >= view[S.BUCKETS] - view[S.BUCKET_ROWS] else -1


@kernel
def quote_value(view: I64Array, number: int, column: int) -> int:
    """One column of a held quote."""
    size = view[S.QUOTE_ROWS]
    ring = array_at(view[S.QUOTE_RING], size * QUOTE_WIDTH, np.int64)
    return int(ring[number % size * QUOTE_WIDTH + column])


@kernel
def beat_value(view: I64Array, number: int, column: int) -> int:
    """One column of a held heartbeat."""
    size = view[S.BEAT_ROWS]
    ring = array_at(view[S.BEAT_RING], size * BEAT_WIDTH, np.int64)
    return int(ring[number % size * BEAT_WIDTH + column])


@kernel
def bucket_value(view: I64Array, number: int, column: int) -> int:
    """One column of a held depth bucket."""
    size = view[S.BUCKET_ROWS]
    ring = array_at(view[S.BUCKET_RING], size * WIDTH, np.int64)
    return int(ring[number % size * WIDTH + column])


@kernel
def quote_recorded_ns(view: I64Array, number: int) -> int:
    """When a held quote was committed."""
    size = view[S.QUOTE_ROWS]
    return int(array_at(view[S.QUOTE_RECORDED], size, np.int64)[number % size])


@kernel
def quote_valid_at(view: I64Array, b: int, ts_ns: int) -> int:
    """Number of the held quote of a stream that was true at an instant, −1 where none is held."""
    best = -1
    for number in range(max(view[S.QUOTES] - view[S.QUOTE_ROWS], 0), view[S.QUOTES]):
        if quote_value(view, number, _STREAM) != b:
            continue
        valid_ns = quote_value(view, number, _VALID)
        if valid_ns <= ts_ns and (best < 0 or valid_ns >= quote_value(view, best, _VALID)):
            best = number
    return best


@kernel
def quote_known_at(view: I64Array, b: int, ts_ns: int) -> int:
    """Number of the newest held quote of a stream recorded by an instant, −1 where none is held."""
    number = view[S.QUOTES] - 1
    oldest = max(view[S.QUOTES] - view[S.QUOTE_ROWS], 0)
    while number >= oldest:
        if quote_value(view, number, _STREAM) == b and quote_recorded_ns(view, number) <= ts_ns:
            return int(number)
        number -= 1
    return -1


@kernel
def _width(kind: int) -> int:
    if kind == _QUOTE:
        return QUOTE_WIDTH
    return WIDTH if kind == _BUCKET else BEAT_WIDTH


@kernel
def _commit(view: I64Array, b: int, at: int, now_ns: int) -> None:
    """Move a row from its stream's ring into its collection's."""
    n = view[S.N_STREAMS]
    flight = array_at(view[S.FLIGHT], n * view[S.FLIGHT_ROWS] * WIDTH, np.int64)
    kind = flight[at * WIDTH + _KIND]
    if kind == _QUOTE:
        count, rows, ring_at, recorded_at, last_at = (
            S.QUOTES,
            S.QUOTE_ROWS,
            S.QUOTE_RING,
            S.QUOTE_RECORDED,
            S.LAST_QUOTE,
        )
    elif kind == _BUCKET:
        count, rows, ring_at, recorded_at, last_at = (
            S.BUCKETS,
            S.BUCKET_ROWS,
            S.BUCKET_RING,
            S.BUCKET_RECORDED,
            S.LAST_BUCKET,
        )
    else:
        count, rows, ring_at, recorded_at, last_at = (
            S.BEATS,
            S.BEAT_ROWS,
            S.BEAT_RING,
            S.BEAT_RECORDED,
            S.LAST_BEAT,
        )
    width = _width(kind)
    number = view[count]
    size = view[rows]
    place = number % size
    ring = array_at(view[ring_at], size * width, np.int64)
    for c in range(width):
        ring[place * width + c] = flight[at * WIDTH + c]
    array_at(view[recorded_at], size, np.int64)[place] = now_ns
    array_at(view[last_at], n, np.int64)[b] = number
    view[count] = number + 1
