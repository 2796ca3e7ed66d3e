"""The regime switch: what it does in each regime, and that it holds cash when it does not know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, Result, StrategyFailedError, run_backtest
from framework.signals import HeldSignal
from strategies.regime_switch import STATES, RegimeSwitch
from tests.support.small_market import LINEAR, Event, gold_stream, level

A = replace(LINEAR, venue="a", order_entry_ns=1_000_000, response_ns=1_000_000)
_MS = 1_000_000


def book(mids: list[int]) -> list[Event]:
    """A book around a mid that moves every 100 ms."""
    events: list[Event] = []
    for step, (before, mid) in enumerate(zip([0, *mids], mids, strict=False)):
        if before != mid:
            if before:
                events += [level(100 * step, side, before - side, 0) for side in (1, -1)]
            events += [level(100 * step, side, mid - side, 500) for side in (1, -1)]
    return [*events, level(100 * len(mids), 1, 1, 1)]


CALM = [10_000 + n % 2 for n in range(60)]
JUMP = [*CALM, *[10_050] * 5, *[10_000] * 20]
RISE = [*CALM, *[10_000 + 10 * n for n in range(40)]]


def run(folder: Path, mids: list[int], regimes: list[tuple[int, str]], **changed: object) -> Result:
    settings: dict[str, object] = {
        "fast_ns": 300 * _MS,
        "slow_ns": 3_000 * _MS,
        "calm_ns": 500 * _MS,
    }
    strategy = RegimeSwitch(**(settings | changed))
    signal = HeldSignal(
        "regime",
        [ms * _MS for ms, _ in regimes],
        value=[float(STATES.index(state)) for _, state in regimes],
        states=STATES,
    )
    streams = [gold_stream(folder, book(mids), A)]
    result = run_backtest(strategy, streams, BacktestConfig(signals=(signal,)))
    compiled = run_backtest(strategy, streams, BacktestConfig(signals=(signal,), compiled=True))
    assert compiled.journal_hash == result.journal_hash
    return result


def sent(result: Result) -> list[tuple[int, int, int]]:
    """Millisecond, side and lots of every order."""
    rows = pl.DataFrame(result.journal).filter(pl.col("event") == JournalEvent.SUBMITTED)
    return [
        (ts_ns // _MS, *rest) for ts_ns, *rest in rows.select("ts_ns", "side", "qty_lots").rows()
    ]


def test_in_normal_times_a_jump_is_faded_until_it_is_back(tmp_path: Path):
    orders = sent(run(tmp_path, JUMP, [(0, "normal")]))
    assert orders[0] == (6_000, -1, 10)
    assert [side for _, side, _ in orders] == [-1, 1]
    assert orders[1][0] >= 6_500


def test_in_a_trend_it_is_followed(tmp_path: Path):
    orders = sent(run(tmp_path, RISE, [(0, "trend")]))
    assert [(side, lots) for _, side, lots in orders] == [(1, 10)]
    result = run(tmp_path, RISE, [(0, "trend")])
    assert result.summary()["pnl"] > 0


def test_in_a_crisis_everything_is_sold_at_once_and_nothing_opened_until_it_is_calm(tmp_path: Path):
    regimes = [(0, "trend"), (7_000, "crisis"), (8_000, "trend")]
    orders = sent(run(tmp_path, RISE, regimes))
    assert [side for _, side, _ in orders] == [1, -1, 1]
    assert orders[1][0] == 7_000
    assert 8_400 <= orders[2][0] <= 8_600
    assert sent(run(tmp_path, JUMP, [(0, "crisis")])) == []


def test_what_one_regime_opened_is_closed_when_another_begins(tmp_path: Path):
    orders = sent(run(tmp_path, RISE, [(0, "trend"), (7_000, "normal")], entry_z=9.0))
    assert orders[1][:2] == (7_000, -1)


def test_without_a_regime_or_with_one_too_old_it_holds_cash(tmp_path: Path):
    assert sent(run(tmp_path, JUMP, [(50_000, "normal")])) == []
    assert sent(run(tmp_path, JUMP, [(0, "normal")], max_age_ns=1_000 * _MS)) == []
    known_late = sent(run(tmp_path, RISE, [(8_000, "trend")]))
    assert known_late[0][0] == 8_000


def test_a_run_without_the_signal_says_so(tmp_path: Path):
    with pytest.raises(StrategyFailedError, match="no signal 'regime'"):
        run_backtest(RegimeSwitch(), [gold_stream(tmp_path, book(CALM), A)])
