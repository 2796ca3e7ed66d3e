"""Reading a stream back from Delta: where the book begins, what is refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest

from framework.core.errors import CrossbookError, DataError
from framework.core.events import GOLD_SCHEMA, EventFlag, EventKind
from framework.core.instrument import Instrument
from framework.engine.backtest import run_backtest
from framework.lake.store import Lake, TableName
from framework.replay.market import read_market
from framework.replay.stream import GoldStream
from framework.strategy import OnTimer, Strategy
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream, gold_columns

ITEM = Instrument(venue="v", symbol="XY", tick=Decimal(1), lot=Decimal(1))
LAST = int(EventFlag.LAST)
SNAPSHOT = int(EventFlag.SNAPSHOT)


def _row(ns: int, kind: EventKind, side: int, px: int, lots: int, flags: int = LAST) -> Event:
    return Event(ns, ns, 0, kind, side, flags, px, lots)


def _stream(root: Path, events: list[Event], **period: int) -> GoldStream:
    names = {
        name: pa.array([text] * len(events)) for name, text in (("venue", "v"), ("symbol", "XY"))
    }
    lake, name = Lake(root), TableName("gold", "t")
    table = pa.table(names | gold_columns(events)).cast(GOLD_SCHEMA)
    lake.append(name, table, transaction="all", partition_by=("venue", "symbol"))
    return GoldStream(location=lake.uri(name), table="t", version=0, instrument=ITEM, **period)


class Looks(Strategy):
    """Notes the touch at every timer."""

    wakes = (OnTimer("10ns"),)
    seen: list[tuple[int, int, int]] = []  # noqa: RUF012 - shared with the engine's copy

    def on_start(self, ctx):
        self.seen.clear()

    def on_timer(self, ctx):
        self.seen.append((ctx.now_ns, ctx.bid_ticks(0), ctx.ask_ticks(0)))


def test_a_top_of_book_stream_starts_with_the_last_quote_of_either_side(tmp_path: Path) -> None:
    events = [
        _row(10, EventKind.BEST, 1, 98, 1),
        _row(20, EventKind.BEST, -1, 101, 1),
        _row(30, EventKind.BEST, 1, 99, 1),
        _row(40, EventKind.BEST, 1, 100, 1),
        _row(70, EventKind.BEST, 1, 97, 1),
    ]
    run_backtest(Looks(), [_stream(tmp_path, events, start_ns=50)])
    assert Looks.seen == [(50, 100, 101), (60, 100, 101), (70, 97, 101)]


def test_a_book_starts_with_its_last_snapshot(tmp_path: Path) -> None:
    events = [
        _row(10, EventKind.DEPTH, 1, 99, 1),
        _row(20, EventKind.CLEAR, 0, 0, 0, SNAPSHOT),
        _row(20, EventKind.DEPTH, 1, 98, 1, SNAPSHOT),
        _row(20, EventKind.DEPTH, -1, 103, 1, SNAPSHOT | LAST),
        _row(30, EventKind.DEPTH, -1, 102, 1),
        _row(60, EventKind.DEPTH, -1, 101, 1),
    ]
    stream = _stream(tmp_path, events, start_ns=50)
    assert sum(batch.num_rows for batch in stream.batches(100)) == 5
    run_backtest(Looks(), [stream])
    assert Looks.seen == [(50, 98, 102), (60, 98, 101)]


def test_the_end_is_exclusive(tmp_path: Path) -> None:
    events = [_row(ns, EventKind.DEPTH, 1, 99, ns) for ns in (10, 20, 30)]
    assert run_backtest(Looks(), [_stream(tmp_path, events, end_ns=30)]).events == 2


def test_a_period_without_events_is_refused(tmp_path: Path) -> None:
    events = [_row(ns, EventKind.DEPTH, 1, 99, ns) for ns in (10, 20, 30)]
    with pytest.raises(CrossbookError):
        run_backtest(Looks(), [_stream(tmp_path, events, end_ns=10)])


def test_an_event_that_reaches_us_before_it_happens_is_refused() -> None:
    early = _row(20, EventKind.DEPTH, 1, 99, 1)._replace(ts_recv_ns=15)
    stream = ListedStream(ITEM, (_row(10, EventKind.DEPTH, 1, 98, 1), early))
    with pytest.raises(DataError, match="by 5 ns") as caught:
        list(read_market([stream]))
    assert "clock_offset_ns" in str(caught.value)


def test_exchange_time_running_backwards_is_refused() -> None:
    events = tuple(_row(ns, EventKind.DEPTH, 1, 99, 1) for ns in (20, 10, 30))
    with pytest.raises(DataError, match="order of exchange time"):
        list(read_market([ListedStream(ITEM, events)]))
    with pytest.raises(DataError, match="order of exchange time"):
        list(read_market([ListedStream(ITEM, events)], chunk_rows=1))


def test_ties_go_by_name_then_by_place_in_the_stream() -> None:
    other = Instrument(venue="w", symbol="XY", tick=Decimal(1), lot=Decimal(1))
    first = tuple(_row(10, EventKind.DEPTH, 1, px, 1) for px in (5, 4, 6))
    second = tuple(_row(10, EventKind.DEPTH, 1, px, 1) for px in (1, 9))
    chunks = list(read_market([ListedStream(ITEM, first), ListedStream(other, second)]))
    assert [px for chunk in chunks for px in chunk.tape.px_ticks] == [5, 4, 6, 1, 9]
    assert chunks[-1].tape.recv_order.tolist() == [0, 1, 2, 3, 4]
