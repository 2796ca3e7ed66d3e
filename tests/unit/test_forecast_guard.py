"""What quoting and arbitrage do about a forecast, by hand: a book of 9,999 against 10,001."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from framework.core.orders import JournalEvent
from framework.engine import BacktestConfig, StrategyFailedError, run_backtest
from framework.engine.result import Result
from framework.signals import HeldSignal
from framework.strategy import Strategy, param
from strategies.crossed_arbitrage import CrossedArbitrage
from strategies.midpoint_quoting import MidpointQuoting
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream
from tests.support.by_hand import ITEM, T0, depth, trade

BOOK = [depth(0, 1, 9_999, 50), depth(0, -1, 10_001, 50)]
PLAIN = {"half_spread_ticks": 2.0, "skew_ticks": 0.0, "size": 10, "max_position": 100}


class Looks(MidpointQuoting):
    """Midpoint quoting that may look more often than a sweep may try."""

    interval_ns: int = param(10)


def _forecast(*values: tuple[int, float]) -> HeldSignal:
    """Upper bounds in basis points by the instant at which they become available."""
    return HeldSignal(
        "volatility_high", [T0 + ns for ns, _ in values], value=[v for _, v in values]
    )


def _run(
    strategy: Strategy, signal: HeldSignal | None, *events: Event, compiled: bool = False
) -> Result:
    config = BacktestConfig(signals=(signal,) if signal else (), compiled=compiled)
    return run_backtest(
        strategy, [ListedStream(ITEM, (*BOOK, *events, depth(100, 1, 9_000, 1)))], config
    )


def _quotes(result: Result, until_ns: int) -> dict[int, tuple[int, int]]:
    """Price and lots of the quotes open after an instant, by side."""
    found: dict[int, dict[str, int]] = {}
    for row in result.journal.to_pylist():
        if row["ts_ns"] > T0 + until_ns:
            break
        if row["event"] == JournalEvent.ACCEPTED:
            found[row["order_id"]] = row
        elif row["event"] == JournalEvent.CANCELLED or not row["leaves_lots"]:
            found.pop(row["order_id"], None)
    return {row["side"]: (row["px_ticks"], row["qty_lots"]) for row in found.values()}


@pytest.mark.parametrize("compiled", [False, True])
def test_quotes_step_back_by_what_lies_above_calm_and_come_nearer_below(compiled: bool) -> None:
    strategy = Looks(**PLAIN, forecast_calm_bps=4.0, forecast_widen=0.5, forecast_nearer=0.25)
    result = _run(strategy, _forecast((0, 4.0), (30, 10.0), (60, 0.0)), compiled=compiled)
    # A tick is a basis point: (10 − 4) · ½ = 3 ticks back, (4 − 0) · ¼ = 1 tick nearer.
    assert _quotes(result, 25) == {1: (9_998, 10), -1: (10_002, 10)}
    assert _quotes(result, 55) == {1: (9_995, 10), -1: (10_005, 10)}
    assert _quotes(result, 95) == {1: (9_999, 10), -1: (10_001, 10)}


def test_orders_shrink_as_the_forecast_grows() -> None:
    strategy = Looks(**PLAIN, forecast_calm_bps=4.0, forecast_widen=0.5, forecast_shrink=True)
    result = _run(strategy, _forecast((0, 4.0), (30, 10.0), (60, 1_000.0)))
    assert _quotes(result, 25)[1] == (9_998, 10)
    assert _quotes(result, 55)[1] == (9_995, 4)
    assert _quotes(result, 95)[1] == (9_500, 1)


@pytest.mark.parametrize("compiled", [False, True])
def test_a_veto_leaves_only_what_closes_the_position(compiled: bool) -> None:
    strategy = Looks(**PLAIN, forecast_veto_bps=9.0)
    signal = _forecast((0, 9.0), (30, 9.5))
    flat = _run(strategy, signal, compiled=compiled)
    assert _quotes(flat, 25).keys() == {1, -1}
    assert _quotes(flat, 55) == {}
    long = _run(strategy, signal, trade(25, -1, 9_000, 60), compiled=compiled)
    assert _quotes(long, 55).keys() == {-1}


def test_no_forecast_and_an_old_one_are_a_veto() -> None:
    late = _run(Looks(**PLAIN, forecast_widen=0.5), _forecast((40, 0.0)))
    assert _quotes(late, 35) == {}
    assert _quotes(late, 55).keys() == {1, -1}
    old = _run(Looks(**PLAIN, forecast_widen=0.5, forecast_max_age_ns=30), _forecast((0, 0.0)))
    assert _quotes(old, 25).keys() == {1, -1}
    assert _quotes(old, 55) == {}


def test_a_guard_that_is_off_needs_no_signal_and_changes_nothing() -> None:
    off = _run(Looks(**PLAIN), None)
    with_signal = _run(Looks(**PLAIN, forecast_calm_bps=1.0), _forecast((0, 500.0)))
    assert off.journal_hash == with_signal.journal_hash
    for asked in ({"forecast_widen": 1.0}, {"forecast_nearer": 1.0, "forecast_calm_bps": 4.0}):
        with pytest.raises(StrategyFailedError, match="no signal 'volatility_high' in this run"):
            _run(Looks(**PLAIN, **asked), None)
    with pytest.raises(StrategyFailedError, match="but forecast_calm_bps is 0"):
        _run(Looks(**PLAIN, forecast_shrink=True), _forecast((0, 1.0)))


def test_a_position_that_was_opened_before_a_veto_may_be_closed_hidden_too() -> None:
    strategy = Looks(**(PLAIN | {"half_spread_ticks": 0.0}), hidden=True, forecast_veto_bps=9.0)
    result = _run(strategy, _forecast((0, 1.0), (30, 20.0)), trade(25, -1, 10_000, 10))
    assert {row["side"] for row in result.journal.to_pylist()} == {1, -1}
    assert _quotes(result, 95).keys() <= {-1}


@pytest.mark.parametrize(
    ("guard", "upper", "pairs"),
    [
        ({}, 50.0, 1),
        ({"forecast_widen": 0.1}, 50.0, 1),  # 20 bps net less 5: still worth it
        ({"forecast_widen": 1.0}, 50.0, 0),
        ({"forecast_veto_bps": 40.0}, 50.0, 0),
        ({"forecast_veto_bps": 60.0}, 50.0, 1),
        ({"forecast_veto_bps": 60.0}, math.nan, 0),
    ],
)
def test_arbitrage_asks_for_more_or_opens_nothing(
    guard: dict[str, float], upper: float, pairs: int
) -> None:
    result = _arbitrage(CrossedArbitrage(min_age_ns=0, pause_ns=10**9, **guard), upper)
    sent = pl.DataFrame(result.journal).unique("order_id")
    assert sent.height == 2 * pairs


def test_arbitrage_sends_smaller_legs() -> None:
    guard = {"forecast_calm_bps": 20.0, "forecast_shrink": True}
    strategy = CrossedArbitrage(min_age_ns=0, pause_ns=10**9, max_lots=10, **guard)
    sent = pl.DataFrame(_arbitrage(strategy, 50.0).journal).unique("order_id")
    assert set(sent["qty_lots"]) == {4}


def _arbitrage(strategy: Strategy, upper: float) -> Result:
    """Run on two venues of which one bids 20 basis points above the other's ask."""
    free = replace(ITEM, maker_fee_bps=Decimal(0), taker_fee_bps=Decimal(0))
    low = ListedStream(
        replace(free, venue="low"), (depth(0, 1, 9_990, 50), depth(0, -1, 10_000, 50))
    )
    high = ListedStream(
        replace(free, venue="high"), (depth(0, 1, 10_020, 50), depth(0, -1, 10_030, 50))
    )
    config = BacktestConfig(signals=(_forecast((-5, upper)),))
    return run_backtest(strategy, [high, low], config)
