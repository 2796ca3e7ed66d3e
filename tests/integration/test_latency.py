"""Latency models in whole runs: what they change, and what they must not depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from framework.core.clock import NS_PER_MS
from framework.core.instrument import Instrument
from framework.core.links import LatencyKind, LatencyModel
from framework.core.orders import JournalEvent, TraceEvent
from framework.engine import BacktestConfig, Result, run_backtest, run_trials
from framework.lake.store import Lake
from framework.replay import GoldStream, open_streams
from framework.strategy import Context, OnFill, OnOrder, OnTimer, Strategy
from framework.synthetic import write_demo_market
from strategies.crossed_arbitrage import CrossedArbitrage
from strategies.midpoint_quoting import MidpointQuoting
from tests.support.small_market import LINEAR, gold_stream, level

_CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"
_DRAWN = LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=1.0)
_OBSERVED = LatencyModel(kind=LatencyKind.FROM_DATA, factor=1.5)


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=30_000, seed=5)
    return open_streams(Lake(folder), "demo", catalog=_CATALOG)


def _linked(streams: Sequence[GoldStream], **links: object) -> list[GoldStream]:
    return [
        replace(stream, instrument=replace(stream.instrument, **links))  # type: ignore[arg-type]
        for stream in streams
    ]


def _rows(result: Result) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(result.journal))


@pytest.mark.parametrize(
    "strategy", [MidpointQuoting(), CrossedArbitrage(min_edge_bps=0.1, min_age_ns=0)]
)
def test_drawing_without_spread_is_constant(streams: list[GoldStream], strategy: Strategy) -> None:
    still = LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=0.0)
    entry_ns = streams[0].instrument.order_entry_ns
    drawn = _linked(
        streams,
        entry_model=still,
        response_model=still,
        cancel_entry_ns=entry_ns,
        replace_entry_ns=entry_ns,
    )
    plain, same = run_backtest(strategy, streams), run_backtest(strategy, drawn)
    assert plain.journal.num_rows > 50
    assert plain.journal_hash == same.journal_hash


def test_draws_depend_on_the_seed_alone(streams: list[GoldStream]) -> None:
    drawn = _linked(streams, entry_model=_DRAWN, response_model=_DRAWN)
    one, two, other = (
        run_backtest(MidpointQuoting(), drawn, BacktestConfig(seed=seed, chunk_rows=rows))
        for seed, rows in ((1, 1 << 18), (1, 701), (2, 1 << 18))
    )
    assert one.journal_hash == two.journal_hash != other.journal_hash


def test_a_compiled_strategy_meets_the_same_latencies(streams: list[GoldStream]) -> None:
    linked = _linked(streams, entry_model=_DRAWN, response_model=_OBSERVED)
    plain, compiled = (
        run_backtest(MidpointQuoting(), linked, BacktestConfig(compiled=compiled))
        for compiled in (False, True)
    )
    assert plain.journal_hash == compiled.journal_hash
    sent = plain.journal["order_id"][0].as_py()
    assert plain.explain(sent).equals(compiled.explain(sent))


@pytest.mark.parametrize("model", [_DRAWN, _OBSERVED])
def test_a_trial_in_a_batch_equals_its_solo_run(
    streams: list[GoldStream], model: LatencyModel
) -> None:
    linked = _linked(streams, entry_model=model, response_model=model)
    strategies = [
        MidpointQuoting(),
        CrossedArbitrage(),
        MidpointQuoting(half_spread_ticks=2.0, interval_ns=37_000_000),
        CrossedArbitrage(),
    ]
    batch = run_trials(strategies, linked)
    alone = [run_backtest(strategy, linked) for strategy in strategies]
    assert [r.journal_hash for r in batch] == [r.journal_hash for r in alone]
    assert batch[0].journal_hash != run_backtest(MidpointQuoting(), streams).journal_hash


def test_a_further_venue_changes_no_draw(streams: list[GoldStream]) -> None:
    drawn = _linked(streams, entry_model=_DRAWN, response_model=_DRAWN)
    alone = run_backtest(_OneBook(), drawn[1:])
    beside = run_backtest(_OneBook(), drawn)
    columns = ["ts_ns", "event", "order_id"]
    assert _rows(alone).height > 20
    assert _rows(alone).select(columns).equals(_rows(beside).select(columns))


class _OneBook(Strategy):
    """Send an order to the last book once a second and withdraw it."""

    wakes = (OnTimer("1s"),)

    def on_timer(self, ctx: Context) -> None:
        ctx.cancel_all()
        book = ctx.n_books - 1
        if ctx.has_quote(book):
            ctx.buy(book, 1, ctx.bid_ticks(book) - 50)


@pytest.mark.parametrize("chunk_rows", [97, 1_000])
def test_observed_latency_does_not_see_the_chunks(
    streams: list[GoldStream], chunk_rows: int
) -> None:
    linked = _linked(streams, entry_model=_OBSERVED, response_model=_OBSERVED)
    whole = run_backtest(_Chatty(), linked)
    parts = run_backtest(_Chatty(), linked, BacktestConfig(chunk_rows=chunk_rows))
    assert whole.journal.num_rows > 500
    assert whole.journal_hash == parts.journal_hash


class _Chatty(Strategy):
    """Answer every answer, so that response latencies show in the journal."""

    wakes = (OnTimer("200ms"), OnOrder(), OnFill())

    def on_timer(self, ctx: Context) -> None:
        for book in range(ctx.n_books):
            if ctx.has_quote(book) and ctx.n_orders < 8:
                ctx.buy(book, 1, ctx.bid_ticks(book))

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        if event == JournalEvent.ACCEPTED:
            ctx.cancel(order)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        ctx.take(ctx.order_book(order), -1, lots, 1)


class _Once(Strategy):
    """Buy at 25 ms, replace at 45 ms, cancel at 65 ms."""

    wakes = (OnTimer("5ms"),)
    order = 0

    def on_timer(self, ctx: Context) -> None:
        if ctx.now_ns == 25 * NS_PER_MS:
            self.order = ctx.buy(0, 1, 990)
        elif ctx.now_ns == 45 * NS_PER_MS:
            ctx.replace(self.order, 989, 1)
        elif ctx.now_ns == 65 * NS_PER_MS:
            ctx.cancel(self.order)


def _times_ms(result: Result, event: JournalEvent) -> list[float]:
    rows = _rows(result).filter(pl.col("event") == event)
    return [ts_ns / NS_PER_MS for ts_ns in rows["ts_ns"]]


def _once(folder: Path, instrument: Instrument, feeds: Sequence[tuple[int, int]]) -> Result:
    events = [level(0, 1, 1000, 5), level(1, -1, 1002, 5)]
    events += [level(at, 1, 1000, 6 + n, feed) for n, (at, feed) in enumerate(feeds)]
    stream = gold_stream(folder, events, instrument)
    return run_backtest(_Once(), [stream], BacktestConfig(trace_order=1))


def _heard_ms(result: Result) -> dict[JournalEvent, float]:
    assert result.trace is not None
    rows = pl.DataFrame(pl.from_arrow(result.trace)).filter(pl.col("event") == TraceEvent.HEARD)
    return {
        JournalEvent(reason): ts_ns / NS_PER_MS
        for reason, ts_ns in rows.select("reason", "ts_ns").iter_rows()
    }


def test_each_action_has_its_own_latency(tmp_path: Path) -> None:
    linked = replace(
        LINEAR,
        order_entry_ns=3 * NS_PER_MS,
        replace_entry_ns=2 * NS_PER_MS,
        cancel_entry_ns=NS_PER_MS,
        response_ns=4 * NS_PER_MS,
    )
    result = _once(tmp_path, linked, [(200, 0)])
    assert _times_ms(result, JournalEvent.ACCEPTED) == [28]
    assert _times_ms(result, JournalEvent.REPLACED) == [47]
    assert _times_ms(result, JournalEvent.CANCELLED) == [66]
    assert _heard_ms(result) == {
        JournalEvent.ACCEPTED: 32,
        JournalEvent.REPLACED: 51,
        JournalEvent.CANCELLED: 70,
    }


def test_observed_latency_looks_back_only(tmp_path: Path) -> None:
    observed = LatencyModel(kind=LatencyKind.FROM_DATA, factor=2.0)
    linked = replace(LINEAR, entry_model=observed, response_model=observed)
    # happens at 10, 30, 50; reaches us at 12, 60, 54
    result = _once(tmp_path, linked, [(10, 2), (30, 30), (50, 4), (200, 0)])
    # at 25 and 45 ms the message of 10 is the last to have reached us: twice its 2 ms; at 65 ms
    # the one that came at 60 had taken 30
    assert _times_ms(result, JournalEvent.ACCEPTED) == [29]
    assert _times_ms(result, JournalEvent.REPLACED) == [49]
    assert _times_ms(result, JournalEvent.CANCELLED) == [125]
    # at 29 ms the venue's last event was that of 10, at 49 that of 30, at 125 that of 50
    assert _heard_ms(result) == {
        JournalEvent.ACCEPTED: 33,
        JournalEvent.REPLACED: 109,
        JournalEvent.CANCELLED: 133,
    }


def test_messages_that_overtake_each_other_lose_nothing(streams: list[GoldStream]) -> None:
    wild = LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=2.0)
    slow = _linked(
        streams,
        order_entry_ns=50 * NS_PER_MS,
        response_ns=50 * NS_PER_MS,
        entry_model=wild,
        response_model=wild,
    )
    (result,) = run_trials([_Bookkeeper()], slow, BacktestConfig(max_orders=512))
    rows = _rows(result)
    early = rows.filter(
        pl.col("event").is_in([JournalEvent.CANCEL_REJECTED, JournalEvent.REPLACE_REJECTED])
    )
    accepted = rows.filter(pl.col("event") == JournalEvent.ACCEPTED)
    ahead = early.join(accepted, on="order_id", suffix="_new").filter(
        pl.col("ts_ns") < pl.col("ts_ns_new")
    )
    assert ahead.height > 0  # a cancel did arrive before its order
    fills = rows.filter(pl.col("event") == JournalEvent.FILLED)
    assert fills.height > 20
    over = (JournalEvent.CANCELLED, JournalEvent.EXPIRED, JournalEvent.REJECTED)
    ended = rows.filter(
        pl.col("event").is_in(over)
        | ((pl.col("event") == JournalEvent.FILLED) & (pl.col("leaves_lots") == 0))
    )
    assert ended["order_id"].is_unique().all()


class _Bookkeeper(Strategy):
    """Quote, amend at once, and check that what it is told never contradicts itself."""

    wakes = (OnTimer("100ms"), OnFill(), OnOrder())

    def __init__(self, **parameters: object) -> None:
        super().__init__(**parameters)
        self.over: set[int] = set()
        self.told = [0, 0]

    def on_timer(self, ctx: Context) -> None:
        ctx.cancel_all()
        for book in range(ctx.n_books):
            if ctx.has_quote(book) and ctx.n_orders < 30:
                ctx.cancel(ctx.buy(book, 3, ctx.bid_ticks(book)))
                ctx.replace(ctx.sell(book, 3, ctx.ask_ticks(book)), ctx.ask_ticks(book) + 1, 2)

    def on_fill(self, ctx: Context, order: int, px_ticks: int, lots: int) -> None:
        book = ctx.order_book(order)
        self.told[book] += ctx.order_side(order) * lots
        assert ctx.position_lots(book) == self.told[book]
        assert order not in self.over or not ctx.is_open(order)

    def on_order(self, ctx: Context, order: int, event: int) -> None:
        if event in (JournalEvent.CANCELLED, JournalEvent.EXPIRED, JournalEvent.REJECTED):
            self.over.add(order)
        assert order not in self.over or not ctx.is_open(order)
