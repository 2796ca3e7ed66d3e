"""Signals: delivered from their available time on, the same in every mode, never before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from framework.core.clock import NS_PER_MS
from framework.core.errors import DataError, SpecError, StrategyError
from framework.core.events import EventKind
from framework.engine import BacktestConfig, StrategyFailedError, run_backtest
from framework.engine.result import Result
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream
from framework.signals import (
    SIGNAL_SCHEMA,
    HeldSignal,
    Signal,
    StoredSignal,
    available_ns,
    write_signal,
)
from framework.state import EmulatedServer, EmulatedStore, Lag, StoreLink
from framework.state.desk import DeskState, Regime, regime_history, regime_rows, regime_signal
from framework.strategy import Context, OnTimer, Strategy
from tests.support.small_market import LINEAR, Event, gold_stream, level

STATES = ("normal", "trend", "crisis")


class ReadsTheRegime(Strategy):
    """Send an order that says which regime it saw and how old that was, whenever it changes."""

    wakes = (OnTimer("1ms"),)

    regime: int = 0
    seen: float = -1.0

    def on_start(self, ctx: Context) -> None:
        self.regime = ctx.signal("regime", STATES)

    def on_timer(self, ctx: Context) -> None:
        value = ctx.signal_value(self.regime)
        if value >= 0.0 and value != self.seen:
            self.seen = value
            ctx.take(0, 1, 1 + int(value), 1 + ctx.signal_age_ns(self.regime) // 1_000_000)


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    """A hundred milliseconds of a book that moves every millisecond."""
    events: list[Event] = [level(0, 1, 1_000, 5), level(0, -1, 1_001, 5)]
    events += [Event(ms, EventKind.DEPTH, 1, 1_000, 5 + ms % 3) for ms in range(1, 101)]
    return [gold_stream(tmp_path_factory.mktemp("signals"), events, LINEAR)]


def _run(streams: list[GoldStream], signal: Signal, **config: object) -> Result:
    settings = BacktestConfig(signals=(signal,), **config)  # type: ignore[arg-type]
    return run_backtest(ReadsTheRegime(), streams, settings)


def _seen(result: Result) -> list[tuple[int, str, int]]:
    """When each order was sent, the regime it saw, and how old that was, in milliseconds."""
    rows = pl.DataFrame(result.journal).unique("order_id", keep="first", maintain_order=True)
    return [
        (row["ts_ns"] // NS_PER_MS, STATES[row["qty_lots"] - 1], row["px_ticks"] - 1)
        for row in rows.iter_rows(named=True)
    ]


def _ms(*values: int) -> list[int]:
    return [value * NS_PER_MS for value in values]


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("chunk_rows", [8, 65_536])
def test_a_value_is_seen_from_its_available_time_on(
    streams: list[GoldStream], compiled: bool, chunk_rows: int
):
    signal = HeldSignal("regime", _ms(0, 20, 55, 500), _ms(-3, 12, 50, 499), [0, 1, 2, 0], STATES)
    result = _run(streams, signal, compiled=compiled, chunk_rows=chunk_rows)
    assert _seen(result) == [(0, "normal", 3), (20, "trend", 8), (55, "crisis", 5)]


def test_before_the_first_value_there_is_none(streams: list[GoldStream]):
    assert _seen(_run(streams, HeldSignal("regime", _ms(70), value=[1], states=STATES))) == [
        (70, "trend", 0)
    ]


def test_late_word_of_an_older_instant_changes_nothing(streams: list[GoldStream]):
    late = HeldSignal("regime", _ms(10, 20, 30), _ms(8, 2, 30), [0, 2, 1], STATES)
    assert _seen(_run(streams, late)) == [(10, "normal", 2), (30, "trend", 0)]


@pytest.mark.parametrize("compiled", [False, True])
def test_the_future_of_a_signal_changes_no_earlier_order(streams: list[GoldStream], compiled: bool):
    rng = np.random.default_rng(5)
    at_ms = np.sort(rng.choice(np.arange(1, 100), 30, replace=False))
    values = rng.integers(0, 3, 30).astype(float)
    known = HeldSignal("regime", at_ms * NS_PER_MS, value=values, states=STATES)
    whole = _seen(_run(streams, known, compiled=compiled))
    for cut in (10, 50, 90):
        other = np.where(at_ms < cut, values, (values + 1) % 3)
        changed = HeldSignal("regime", at_ms * NS_PER_MS, value=other, states=STATES)
        found = _seen(_run(streams, changed, compiled=compiled))
        assert [row for row in found if row[0] < cut] == [row for row in whole if row[0] < cut]
        assert found != whole


def test_a_stored_signal_is_the_held_one(streams: list[GoldStream], tmp_path: Path):
    lake, table = Lake(tmp_path), TableName("silver", "regimes")
    rows = [("A", 5, 6, 0.0, "normal"), ("A", 40, 44, 0.0, "crisis"), ("B", 1, 1, 0.0, "trend")]
    frame = pl.DataFrame(rows, schema=SIGNAL_SCHEMA, orient="row").with_columns(
        pl.col("valid_ns", "recorded_ns") * NS_PER_MS
    )
    assert write_signal(lake, table, frame, transaction="one") == 0
    assert write_signal(lake, table, frame, transaction="one") is None
    link = StoreLink(write=Lag(ns=2 * NS_PER_MS), notify=Lag(ns=NS_PER_MS))
    stored = StoredSignal("regime", lake, table, scope="A", states=STATES, link=link)
    assert _seen(_run(streams, stored)) == [(9, "normal", 4), (47, "crisis", 7)]
    assert _run(streams, stored).journal_hash == _run(streams, stored, compiled=True).journal_hash


def test_a_stored_signal_is_read_day_by_day(tmp_path: Path):
    lake, table, day_ns = Lake(tmp_path), TableName("silver", "forecasts"), 86_400 * 10**9
    frame = pl.DataFrame(
        [("A", n * day_ns // 4, n * day_ns // 4, float(n), None) for n in range(40)],
        schema=SIGNAL_SCHEMA,
        orient="row",
    )
    write_signal(lake, table, frame, transaction="one")
    stored = StoredSignal("forecast", lake, table)
    blocks = list(stored.blocks(5 * day_ns))
    assert [block.value.size for block in blocks] == [5, 4, 4, 4, 4, 4]
    assert blocks[0].value.tolist() == [15, 16, 17, 18, 19]  # the last one before, then a day
    everything = np.concatenate([block.value for block in stored.blocks(0)])
    assert everything.tolist() == list(range(40))


def test_the_desks_regime_documents_become_the_signal(streams: list[GoldStream], tmp_path: Path):
    server = EmulatedServer(start_ns=0)
    desk = DeskState(EmulatedStore(server, name="model", link=StoreLink(write=Lag(ns=4_000_000))))
    for ms, name in ((10, "normal"), (30, "crisis"), (60, "trend")):
        server.advance_to(ms * NS_PER_MS)
        desk.set_regime(Regime(scope="A", name=name, confidence=0.9, valid_ns=ms * NS_PER_MS))
    history = regime_history(desk.store, "A")
    assert [regime.name for regime in history] == ["normal", "crisis", "trend"]
    notify = StoreLink(notify=Lag(ns=3 * NS_PER_MS))
    expected = [(r.recorded_ns // NS_PER_MS + 3, r.name) for r in history]
    seen = _seen(_run(streams, regime_signal(history, link=notify)))
    assert [(ms, name) for ms, name, _ in seen] == expected
    lake, table = Lake(tmp_path), TableName("silver", "regimes")
    write_signal(lake, table, regime_rows(history), transaction="desk")
    stored = StoredSignal("regime", lake, table, states=STATES, link=notify)
    assert _seen(_run(streams, stored)) == seen


def test_lags_keep_their_order():
    link = StoreLink(write=Lag(ns=1_000_000), notify=Lag(ns=2_000_000))
    sent = np.array([0, 1, 5], np.int64)
    assert available_ns(sent, link).tolist() == [3_000_000, 3_000_001, 3_000_005]


@pytest.mark.parametrize(
    ("available", "valid", "value", "message"),
    [
        ([10], [11], [0.0], "must not be available before it is valid"),
        ([10, 9], [1, 2], [0.0, 1.0], "in the order in which they became available"),
        ([10], [9], [3.0], "must be one of its 3 states, got 3.0"),
        ([10], [9], [float("nan")], "must be one of its 3 states, got nan"),
        ([10, 11], [9], [0.0], "every row needs three values"),
    ],
)
def test_unsound_values_are_refused(
    available: list[int], valid: list[int], value: list[float], message: str
):
    with pytest.raises(DataError, match=message):
        HeldSignal("regime", available, valid, value, STATES)


def test_mistakes_say_what_to_do(streams: list[GoldStream], tmp_path: Path):
    signal = HeldSignal("mood", [0], value=[0], states=STATES)
    with pytest.raises(StrategyFailedError, match="no signal 'regime' in this run"):
        _run(streams, signal)
    other = HeldSignal("regime", [0], value=[0], states=("calm", "wild"))
    with pytest.raises(StrategyFailedError, match="must have the states normal, trend, crisis"):
        _run(streams, other)
    with pytest.raises(SpecError, match="mood stands twice"):
        run_backtest(ReadsTheRegime(), streams, BacktestConfig(signals=(signal, signal)))
    lake, table = Lake(tmp_path), TableName("silver", "regimes")
    rows = [("A", 5, 6, 0.0, "panic"), ("B", 5, 6, 0.0, "normal")]
    write_signal(
        lake, table, pl.DataFrame(rows, schema=SIGNAL_SCHEMA, orient="row"), transaction="one"
    )
    with pytest.raises(DataError, match="it has A, B"):
        StoredSignal("regime", lake, table)
    panic = StoredSignal("regime", lake, table, scope="A", states=STATES)
    with pytest.raises(DataError, match="has panic"):
        _run(streams, panic)
    with pytest.raises(DataError, match="must have the columns"):
        write_signal(lake, table, pl.DataFrame({"scope": ["A"]}), transaction="two")
    with pytest.raises(StrategyError, match="no signal number 3"):
        _NumberThree().ask(streams)


class _NumberThree(Strategy):
    wakes = (OnTimer("1ms"),)

    def on_timer(self, ctx: Context) -> None:
        ctx.signal_value(3)

    def ask(self, streams: list[GoldStream]) -> Result:
        return run_backtest(self, streams)
