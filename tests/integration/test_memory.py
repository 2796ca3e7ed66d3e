"""Ten times the history needs the memory of one: reading, and a whole run with its journal."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Generator

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from framework.core.events import GOLD_SCHEMA
from framework.engine import run
from framework.engine.backtest import run_backtest
from framework.engine.config import BacktestConfig
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream
from framework.replay.market import Chunk, read_market
from framework.strategy import Context, OnTimer, Strategy
from framework.synthetic import demo_instruments, generate

BLOCK_ROWS, BLOCKS = 40_000, 20
CHUNK_ROWS = 4_096
INSTRUMENTS = demo_instruments()


class Requotes(Strategy):
    """Joins the bid anew at every timer, so that its journal grows with the market."""

    wakes = (OnTimer("10ms"),)

    def on_timer(self, ctx: Context) -> None:
        if ctx.has_quote(0):
            ctx.cancel_all(0)
            ctx.buy(0, 1, ctx.bid_ticks(0))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """One generated market, and the same twenty times over, block after block in time."""
    lake = Lake(tmp_path_factory.mktemp("lake"))
    market = generate(BLOCK_ROWS, seed=3)
    span_ns = max(pc.max(table["ts_recv_ns"]).as_py() for table in market.values())
    span_ns -= min(pc.min(table["ts_exch_ns"]).as_py() for table in market.values())
    for name, blocks in (("short", 2), ("long", BLOCKS)):
        for block in range(blocks):
            rows = [_later(table, block * (span_ns + 10**9)) for table in market.values()]
            lake.append(
                TableName("gold", name),
                pa.concat_tables(rows),
                transaction=f"{block}",
                partition_by=("venue", "symbol"),
            )
    return lake


def _later(table: pa.Table, ns: int) -> pa.Table:
    for column in ("ts_exch_ns", "ts_recv_ns", "seq"):
        place = table.schema.get_field_index(column)
        table = table.set_column(place, GOLD_SCHEMA.field(column), pc.add(table[column], ns))
    return table


def _streams(lake: Lake, name: str) -> list[GoldStream]:
    table = TableName("gold", name)
    return [
        GoldStream(
            location=lake.uri(table), table=name, version=lake.open(table).version(), instrument=one
        )
        for one in INSTRUMENTS
    ]


class _Most:
    """The most memory seen: NumPy's and Python's by tracemalloc, Arrow's by its own count."""

    def __init__(self) -> None:
        gc.collect()
        tracemalloc.start()
        self._arrow = pa.total_allocated_bytes()
        self._most_arrow = 0

    def look(self, *_: int) -> None:
        self._most_arrow = max(self._most_arrow, pa.total_allocated_bytes() - self._arrow)

    def bytes(self) -> int:
        own = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return own + self._most_arrow


def _reading(chunks: Generator[Chunk]) -> tuple[int, int]:
    most, rows = _Most(), 0
    for chunk in chunks:
        rows += chunk.tape.ts_exch_ns.size - chunk.first_event
        most.look()
    return rows, most.bytes()


def test_reading_ten_times_the_rows_takes_no_more_memory(lake: Lake) -> None:
    list(read_market(_streams(lake, "short"), chunk_rows=CHUNK_ROWS))  # loads the kernels
    short, long = (
        _reading(read_market(_streams(lake, name), chunk_rows=CHUNK_ROWS))
        for name in ("short", "long")
    )
    assert long[0] == BLOCKS // 2 * short[0]
    assert long[1] < 1.1 * short[1]
    assert short[1] < 100 * short[0]  # and less than the rows themselves would take


def test_a_run_with_ten_times_the_orders_takes_no_more_memory(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "ROOM_BYTES", 1 << 18)
    config = BacktestConfig(chunk_rows=CHUNK_ROWS, compiled=True)
    run_backtest(Requotes(), _streams(lake, "short"), config)
    figures = []
    for name in ("short", "long"):
        most = _Most()
        result = run_backtest(Requotes(), _streams(lake, name), config, most.look)
        figures.append((result.journal.nbytes, most.bytes()))
    (short_journal, short), (long_journal, long) = figures
    assert long_journal > 9 * short_journal
    assert long < 1.1 * short + 0.05 * long_journal


def test_a_journal_in_files_has_the_hash_of_one_in_memory(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    streams = _streams(lake, "short")
    whole = run_backtest(Requotes(), streams)
    monkeypatch.setattr(run, "ROOM_BYTES", 0)
    filed = run_backtest(Requotes(), streams)
    assert filed.journal_hash == whole.journal_hash
    assert filed.journal.equals(whole.journal)
    assert filed.fills.equals(whole.fills)
