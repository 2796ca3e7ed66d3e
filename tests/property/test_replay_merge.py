"""Random streams, merged in one pass, against the market sorted by hand."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from framework.core.events import EventKind
from framework.core.instrument import Instrument
from framework.replay.market import Chunk, read_market
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream
from tests.oracle.merged_market import Row, Slice, merged_market

_KINDS = st.sampled_from([EventKind.DEPTH, EventKind.DEPTH, EventKind.TRADE])
_STEP = st.tuples(
    st.sampled_from([0, 0, 1, 2, 9]),  # to the next instant: ties are common
    st.sampled_from([0, 1, 1, 3, 40]),  # how long it takes to reach us: out of turn at times
    _KINDS,
)


@st.composite
def _markets(draw: st.DrawFn) -> list[list[Event]]:
    market = []
    for b in range(draw(st.integers(1, 4))):
        now_ns, events = 1_000, []
        for place, (step_ns, feed_ns, kind) in enumerate(draw(st.lists(_STEP, max_size=30))):
            now_ns += step_ns
            px = 1_000 * b + place
            events.append(Event(now_ns, now_ns + feed_ns, place, kind, 1, place % 4, px, place))
        market.append(events)
    return market


def _streams(market: Sequence[Sequence[Event]]) -> list[ListedStream]:
    items = [
        Instrument(venue=f"v{b}", symbol="XY", tick=Decimal(1), lot=Decimal(1))
        for b in range(len(market))
    ]
    return [ListedStream(item, tuple(rows)) for item, rows in zip(items, market, strict=True)]


def _rows(chunk: Chunk) -> list[Row]:
    tape = chunk.tape
    columns = (tape.ts_exch_ns, tape.ts_recv_ns, tape.kind, tape.side, tape.flags, tape.px_ticks)
    lists = [column.tolist() for column in (*columns, tape.qty_lots, tape.book, tape.order_id)]
    rows = []
    for exch, recv, kind, side, flags, px, lots, book, order_id in zip(*lists, strict=True):
        assert order_id == 0
        rows.append(Row(book, Event(exch, recv, lots, kind, side, flags, px, lots)))
    return rows


def _check(chunk: Chunk, expected: Slice) -> None:
    rows = _rows(chunk)
    assert rows == expected.rows
    assert chunk.first_event == expected.first_event
    assert chunk.horizon_ns == expected.horizon_ns
    assert chunk.fifo == expected.fifo
    order = chunk.tape.recv_order.tolist()
    assert sorted(order) == list(range(len(rows)))
    assert [rows[i] for i in order[: chunk.n_receivable]] == expected.received
    for column in chunk.tape:
        assert column.flags.c_contiguous


@settings(max_examples=150)
@given(_markets(), st.sampled_from([1, 2, 5, 64]))
def test_chunks_are_those_of_the_market_sorted_by_hand(
    market: list[list[Event]], chunk_rows: int
) -> None:
    before: tuple[Chunk, Slice] | None = None
    expected = merged_market(market, chunk_rows)
    for chunk, one in zip(
        read_market(_streams(market), chunk_rows=chunk_rows), expected, strict=True
    ):
        _check(chunk, one)
        if before:
            _check(*before)  # a chunk holds until the one after the next is asked for
        before = chunk, one


def test_a_stream_far_out_of_turn_is_sorted_all_the_same() -> None:
    rows = [
        Event(i, 3_000 - 2 * i if i % 2 else 5_000, i, EventKind.DEPTH, 1, 0, i, i)
        for i in range(1_000)
    ]
    market = [rows, rows[::3]]
    for chunk_rows in (100, 10_000):
        found = read_market(_streams(market), chunk_rows=chunk_rows)
        for chunk, one in zip(found, merged_market(market, chunk_rows), strict=True):
            _check(chunk, one)
            assert not chunk.fifo


def test_one_instant_of_many_events_makes_room_for_itself() -> None:
    rows = [Event(5, 6, i, EventKind.DEPTH, 1, 0, i, i) for i in range(2_000)]
    market = [rows, [*rows, Event(7, 7, 0, EventKind.DEPTH, 1, 0, 1, 1)]]
    chunks = list(read_market(_streams(market), chunk_rows=10))
    assert [chunk.tape.ts_exch_ns.size for chunk in chunks] == [4_000, 1]
