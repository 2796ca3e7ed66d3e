"""Follow the market in the order in which it reaches us, and write down what the store is told.

A quote is written when a message changes the best bid or ask, a depth bucket when its 100 ms are
over and it had an event, a heartbeat at the first event of an interval. A book that lost messages
has no quote until its next snapshot.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from framework._jit import kernel
from framework.book.ladder import Ladders, apply, best_lots, best_price, level_lots, next_level
from framework.book.window import books_of
from framework.core.clock import NS_PER_MS
from framework.core.events import NO_PRICE, EventFlag, EventKind, I64Array, Tape
from framework.replay.market import CHUNK_ROWS, read_market
from framework.replay.stream import GoldStream
from framework.state.desk.documents import BUCKET_NS
from framework.state.feed.rows import LEVELS, WIDTH, Buckets, Column, Quotes, RowKind, Watched

HEARTBEAT_NS: Final = NS_PER_MS
_OUT_ROWS: Final = 1 << 14

_GAP, _TRADE = int(EventKind.GAP), int(EventKind.TRADE)
_LAST = int(EventFlag.LAST)
_BUCKET, _QUOTE, _BEAT = int(RowKind.BUCKET), int(RowKind.QUOTE), int(RowKind.HEARTBEAT)
_KIND, _STREAM, _ISSUED = int(Column.KIND), int(Column.STREAM), int(Column.ISSUED_NS)
_VALID, _RECEIVED, _NUMBER = int(Column.VALID_NS), int(Column.RECEIVED_NS), int(Column.NUMBER)
_Q_BID_PX = int(Quotes.BID_PX)
_B_EVENTS, _B_BIDS, _B_ASKS = int(Buckets.N_EVENTS), int(Buckets.BIDS), int(Buckets.ASKS)
_W_BID_PX, _W_QUOTES = int(Watched.BID_PX), int(Watched.QUOTES)
_W_BUCKET, _W_EVENTS = int(Watched.BUCKET_NS), int(Watched.BUCKET_EVENTS)
_W_VALID, _W_RECEIVED = int(Watched.VALID_NS), int(Watched.RECEIVED_NS)
_W_BEATS, _W_BEAT = int(Watched.BEATS), int(Watched.BEAT)

# Where the kernel stands: next event, rows written, first instant any bucket ends, whether a
# ladder needs room.
_AT, _WRITTEN, _NEXT_END, _FAR_FULL = 0, 1, 2, 3
_NEVER = int(np.iinfo(np.int64).max)


@kernel
def _levels(ladders: I64Array, b: int, side: int, row: I64Array, first: int) -> None:
    """Write a side's best levels, signed prices turned back."""
    h = 2 * b + (side < 0)
    z = best_price(ladders, b, side)
    if z != NO_PRICE:
        z *= side
    for level in range(LEVELS):
        at = first + 2 * level
        row[at] = z if z == NO_PRICE else side * z
        row[at + 1] = 0 if z == NO_PRICE else level_lots(ladders, h, z)
        if z != NO_PRICE:
            z = next_level(ladders, h, z)


@kernel
def _close_bucket(ladders: I64Array, b: int, watched: I64Array, row: I64Array) -> None:
    """Write a stream's open bucket as a row."""
    start_ns = watched[_W_BUCKET]
    row[_KIND] = _BUCKET
    row[_STREAM] = b
    row[_ISSUED] = start_ns + BUCKET_NS
    row[_VALID] = watched[_W_VALID]
    row[_RECEIVED] = watched[_W_RECEIVED]
    row[_NUMBER] = start_ns
    row[_B_EVENTS] = watched[_W_EVENTS]
    if books_of(ladders)[b].valid:
        _levels(ladders, b, 1, row, _B_BIDS)
        _levels(ladders, b, -1, row, _B_ASKS)
    else:
        for level in range(2 * LEVELS):
            row[_B_BIDS + 2 * level] = NO_PRICE
    watched[_W_BUCKET] = -1


@kernel
def close_buckets(
    ladders: I64Array, watched: I64Array, rows: I64Array, place: I64Array, before_ns: int
) -> None:
    """Write every bucket that ends at or before an instant, by time and then by stream."""
    while place[_NEXT_END] <= before_ns and place[_WRITTEN] < rows.shape[0]:
        end_ns = place[_NEXT_END]
        following = _NEVER
        for b in range(watched.shape[0]):
            if watched[b, _W_BUCKET] < 0:
                continue
            own_end_ns = watched[b, _W_BUCKET] + BUCKET_NS
            if own_end_ns == end_ns and place[_WRITTEN] < rows.shape[0]:
                _close_bucket(ladders, b, watched[b], rows[place[_WRITTEN]])
                place[_WRITTEN] += 1
            else:
                following = min(following, own_end_ns)
        place[_NEXT_END] = following


@kernel
def _write_quote(
    ladders: I64Array, b: int, watched: I64Array, rows: I64Array, place: I64Array
) -> None:
    """Write the best bid and ask where they changed."""
    valid = books_of(ladders)[b].valid
    changed = False
    for k in range(2):
        side = 1 - 2 * k
        px = best_price(ladders, b, side) if valid else NO_PRICE
        lots = best_lots(ladders, b, side) if valid else 0
        at = _W_BID_PX + 2 * k
        changed |= watched[at] != px or watched[at + 1] != lots
        watched[at] = px
        watched[at + 1] = lots
    if not changed:
        return
    watched[_W_QUOTES] += 1
    row = rows[place[_WRITTEN]]
    row[_KIND] = _QUOTE
    row[_STREAM] = b
    row[_ISSUED] = watched[_W_RECEIVED]
    row[_VALID] = watched[_W_VALID]
    row[_RECEIVED] = watched[_W_RECEIVED]
    row[_NUMBER] = watched[_W_QUOTES]
    for k in range(4):
        row[_Q_BID_PX + k] = watched[_W_BID_PX + k]
    place[_WRITTEN] += 1


@kernel
def _write_beat(b: int, watched: I64Array, rows: I64Array, place: I64Array, every_ns: int) -> None:
    """Write a heartbeat at the first event of an interval."""
    interval = watched[_W_RECEIVED] // every_ns
    if interval == watched[_W_BEAT]:
        return
    watched[_W_BEAT] = interval
    watched[_W_BEATS] += 1
    row = rows[place[_WRITTEN]]
    row[_KIND] = _BEAT
    row[_STREAM] = b
    row[_ISSUED] = watched[_W_RECEIVED]
    row[_VALID] = watched[_W_VALID]
    row[_RECEIVED] = watched[_W_RECEIVED]
    row[_NUMBER] = watched[_W_BEATS]
    place[_WRITTEN] += 1


@kernel
def record(
    ladders: I64Array,
    tape: Tape,
    n_events: int,
    watched: I64Array,
    rows: I64Array,
    place: I64Array,
    every_ns: int,
) -> None:
    """Follow the tape from where `place` stands until it ends or the rows are full."""
    place[_FAR_FULL] = 0
    while place[_AT] < n_events:
        i = tape.recv_order[place[_AT]]
        b = tape.book[i]
        received_ns = tape.ts_recv_ns[i]
        close_buckets(ladders, watched, rows, place, received_ns)
        # An event writes at most a quote and a heartbeat.
        if place[_NEXT_END] <= received_ns or place[_WRITTEN] + 2 > rows.shape[0]:
            return
        kind = tape.kind[i]
        lots = tape.qty_lots[i]
        if apply(ladders, b, kind, tape.side[i], tape.px_ticks[i], lots, tape.flags[i]) < 0:
            place[_FAR_FULL] = 1
            return
        mine = watched[b]
        mine[_W_VALID] = tape.ts_exch_ns[i]
        mine[_W_RECEIVED] = received_ns
        if mine[_W_BUCKET] < 0:
            mine[_W_BUCKET] = received_ns // BUCKET_NS * BUCKET_NS
            mine[_W_EVENTS] = 0
            place[_NEXT_END] = min(place[_NEXT_END], mine[_W_BUCKET] + BUCKET_NS)
        mine[_W_EVENTS] += 1
        if kind == _GAP or (kind != _TRADE and tape.flags[i] & _LAST):
            _write_quote(ladders, b, mine, rows, place)
        _write_beat(b, mine, rows, place, every_ns)
        place[_AT] += 1


class Recorder:
    """Turns the merged market into rows for the store.

    Parameters
    ----------
    n_streams
        How many streams the market has.
    heartbeat_ns
        A stream's heartbeat is written at most once in this span.
    """

    def __init__(self, n_streams: int, *, heartbeat_ns: int = HEARTBEAT_NS) -> None:
        self._heartbeat_ns = heartbeat_ns
        self._ladders = Ladders(n_streams)
        self._watched = np.zeros((n_streams, Watched.SIZE), np.int64)
        self._watched[:, [Watched.BID_PX, Watched.ASK_PX]] = NO_PRICE
        self._watched[:, [Watched.BUCKET_NS, Watched.BEAT]] = -1
        self._rows = np.zeros((_OUT_ROWS, WIDTH), np.int64)
        self._place = np.zeros(4, np.int64)
        self._place[_NEXT_END] = _NEVER

    def follow(self, tape: Tape, n_events: int) -> Iterator[I64Array]:
        """Yield the rows of a chunk's first `n_events` received events, shape (n, `WIDTH`)."""
        self._place[_AT] = 0
        while self._place[_AT] < n_events:
            record(
                self._ladders.handle,
                tape,
                n_events,
                self._watched,
                self._rows,
                self._place,
                self._heartbeat_ns,
            )
            if self._place[_FAR_FULL]:
                self._ladders.grow_far()
            yield from self._written()

    def finish(self) -> Iterator[I64Array]:
        """Yield the buckets that are still open."""
        while self._place[_NEXT_END] != _NEVER:
            close_buckets(self._ladders.handle, self._watched, self._rows, self._place, _NEVER - 1)
            yield from self._written()

    def _written(self) -> Iterator[I64Array]:
        written = int(self._place[_WRITTEN])
        self._place[_WRITTEN] = 0
        if written:
            yield self._rows[:written].copy()


def store_rows(
    streams: Sequence[GoldStream],
    *,
    heartbeat_ns: int = HEARTBEAT_NS,
    chunk_rows: int = CHUNK_ROWS,
) -> Iterator[I64Array]:
    """Yield all the rows that a market's streams make, in the order in which they are issued.

    Parameters
    ----------
    streams
        In the order of their names. What comes before a stream's start is not written, but the
        first quote after it is right.
    """
    recorder = Recorder(len(streams), heartbeat_ns=heartbeat_ns)
    starts = np.array([stream.start_ns or 0 for stream in streams], np.int64)
    for chunk in read_market(streams, chunk_rows=chunk_rows):
        for rows in recorder.follow(chunk.tape, chunk.n_receivable):
            yield from _started(rows, starts)
    for rows in recorder.finish():
        yield from _started(rows, starts)


def _started(rows: I64Array, starts: I64Array) -> Iterator[I64Array]:
    kept = rows[rows[:, Column.VALID_NS] >= starts[rows[:, Column.STREAM]]]
    if kept.size:
        yield kept
