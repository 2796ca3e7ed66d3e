"""What the feed handlers write equals what a plain loop over plain books writes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from framework.core.events import NO_PRICE, EventFlag, EventKind, Tape
from framework.state.desk.documents import BUCKET_NS
from framework.state.feed.recorder import Recorder
from framework.state.feed.rows import LEVELS, Buckets, Column, Quotes, RowKind

_BEAT_NS = 30_000_000
_KINDS = [EventKind.DEPTH] * 6 + [EventKind.TRADE, EventKind.CLEAR, EventKind.GAP]
_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 60_000_000),  # since the event before
        st.integers(0, 40_000_000),  # on its way
        st.integers(0, 1),
        st.sampled_from(_KINDS),
        st.sampled_from([1, -1]),
        st.integers(90, 112),
        st.integers(0, 9),
        st.sampled_from([EventFlag.LAST, EventFlag(0), EventFlag.LAST | EventFlag.SNAPSHOT]),
    ),
    min_size=1,
    max_size=60,
)


class Event(NamedTuple):
    exch_ns: int
    recv_ns: int
    book: int
    kind: EventKind
    side: int
    px_ticks: int
    qty_lots: int
    flags: int


def _events(drawn: list[tuple[Any, ...]]) -> list[Event]:
    now_ns = 10**18
    events = []
    for gap_ns, feed_ns, book, kind, side, px_ticks, lots, flags in drawn:
        now_ns += gap_ns
        events.append(Event(now_ns, now_ns + feed_ns, book, kind, side, px_ticks, lots, int(flags)))
    return events


def _tape(events: list[Event]) -> Tape:
    columns = list(zip(*events, strict=True))
    received = np.array(columns[1], np.int64)
    return Tape(
        ts_exch_ns=np.array(columns[0], np.int64),
        ts_recv_ns=received,
        book=np.array(columns[2], np.int32),
        kind=np.array(columns[3], np.int8),
        side=np.array(columns[4], np.int8),
        flags=np.array(columns[7], np.int8),
        px_ticks=np.array(columns[5], np.int64),
        qty_lots=np.array(columns[6], np.int64),
        order_id=np.zeros(len(events), np.int64),
        recv_order=np.argsort(received, kind="stable").astype(np.int32),
    )


class PlainBook:
    """Levels in dictionaries, and what was last written of them."""

    def __init__(self) -> None:
        self.levels: dict[int, dict[int, int]] = {1: {}, -1: {}}
        self.is_valid = True
        self.told: tuple[int, ...] = (NO_PRICE, 0, NO_PRICE, 0)
        self.quotes = self.beats = 0
        self.beat = self.bucket_ns = -1
        self.events = self.valid_ns = self.recv_ns = 0

    def apply(self, event: Event) -> None:
        if event.kind == EventKind.DEPTH:
            self.levels[event.side].pop(event.px_ticks, None)
            if event.qty_lots:
                self.levels[event.side][event.px_ticks] = event.qty_lots
        elif event.kind == EventKind.CLEAR:
            self.levels[event.side].clear()
        if event.kind == EventKind.GAP:
            self.is_valid = False
        elif event.flags & EventFlag.SNAPSHOT and event.flags & EventFlag.LAST:
            self.is_valid = True

    def best(self, side: int) -> list[tuple[int, int]]:
        levels = self.levels[side] if self.is_valid else {}
        return sorted(levels.items(), reverse=side > 0)


def _plain(events: list[Event]) -> list[tuple[Any, ...]]:
    books = [PlainBook(), PlainBook()]
    rows: list[tuple[Any, ...]] = []

    def close(before_ns: float) -> None:
        ending = [
            (book.bucket_ns + BUCKET_NS, b, book)
            for b, book in enumerate(books)
            if 0 <= book.bucket_ns <= before_ns - BUCKET_NS
        ]
        for end_ns, b, book in sorted(ending, key=lambda item: item[:2]):
            levels = tuple(tuple(book.best(side)[:LEVELS]) for side in (1, -1))
            clocks = (book.valid_ns, book.recv_ns)
            rows.append(
                (RowKind.BUCKET, b, end_ns, *clocks, book.bucket_ns, (book.events, *levels))
            )
            book.bucket_ns = -1

    for event in sorted(events, key=lambda item: item.recv_ns):
        close(event.recv_ns)
        book = books[event.book]
        book.apply(event)
        book.valid_ns, book.recv_ns = event.exch_ns, event.recv_ns
        if book.bucket_ns < 0:
            book.bucket_ns, book.events = event.recv_ns // BUCKET_NS * BUCKET_NS, 0
        book.events += 1
        common = (event.book, event.recv_ns, event.exch_ns, event.recv_ns)
        ends = event.kind != EventKind.TRADE and event.flags & EventFlag.LAST
        if event.kind == EventKind.GAP or ends:
            best = [book.best(side)[:1] or [(NO_PRICE, 0)] for side in (1, -1)]
            shown = (*best[0][0], *best[1][0])
            if shown != book.told:
                book.told, book.quotes = shown, book.quotes + 1
                rows.append((RowKind.QUOTE, *common, book.quotes, shown))
        if event.recv_ns // _BEAT_NS != book.beat:
            book.beat, book.beats = event.recv_ns // _BEAT_NS, book.beats + 1
            rows.append((RowKind.HEARTBEAT, *common, book.beats, ()))
    close(float("inf"))
    return rows


def _read(rows: list[list[int]]) -> list[tuple[Any, ...]]:
    found = []
    for row in rows:
        payload: tuple[Any, ...] = ()
        if row[Column.KIND] == RowKind.QUOTE:
            payload = tuple(row[Quotes.BID_PX : Quotes.ASK_LOTS + 1])
        elif row[Column.KIND] == RowKind.BUCKET:
            levels = []
            for first in (Buckets.BIDS, Buckets.ASKS):
                pairs = [(row[at], row[at + 1]) for at in range(first, first + 2 * LEVELS, 2)]
                levels.append(tuple(pair for pair in pairs if pair[0] != NO_PRICE))
            payload = (row[Buckets.N_EVENTS], *levels)
        found.append((*row[: Column.NUMBER + 1], payload))
    return found


@given(drawn=_EVENTS, cut=st.floats(0, 1))
def test_rows_are_those_of_a_plain_loop(drawn: list[tuple[Any, ...]], cut: float) -> None:
    events = _events(drawn)
    tape = _tape(events)
    recorder = Recorder(2, heartbeat_ns=_BEAT_NS)
    first = int(cut * len(events))
    rest = tape._replace(recv_order=np.ascontiguousarray(tape.recv_order[first:]))
    batches = [
        *recorder.follow(tape, first),
        *recorder.follow(rest, len(events) - first),
        *recorder.finish(),
    ]
    rows = [row for batch in batches for row in batch.tolist()]
    assert _read(rows) == _plain(events)
    issued = [row[Column.ISSUED_NS] for row in rows]
    assert issued == sorted(issued)


def test_rows_beyond_one_buffer_are_all_there() -> None:
    # Every event changes the best bid: two rows each, many more than a buffer holds.
    n = 20_000
    events = [
        Event(
            10**18 + i * _BEAT_NS, 10**18 + i * _BEAT_NS, i % 2, EventKind.DEPTH, 1, 100, 1 + i, 1
        )
        for i in range(n)
    ]
    recorder = Recorder(2, heartbeat_ns=_BEAT_NS)
    batches = [*recorder.follow(_tape(events), n), *recorder.finish()]
    rows = [row for batch in batches for row in batch.tolist()]
    assert len(batches) > 2
    assert _read(rows) == _plain(events)
