"""Measures of a result whose every figure can be worked out by hand, and their intervals."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from framework.core.errors import SpecError
from framework.engine.result import SAMPLE_SCHEMA, Result
from research.performance import (
    MEASURES,
    Bars,
    calmar_ratio,
    exposure,
    intervals,
    performance,
    profit_bars,
    sharpe_ratio,
)
from research.performance.returns import YEAR_NS
from tests.unit.made_result import (
    START_NS,
    STEP_NS,
    make_inverse_result,
    make_result,
    random_result,
    sample_row,
)


def _earning(cash: list[int]) -> Result:
    """Make a flat trial whose first book has so much cash, in ticks, at each sample."""
    rows = [
        sample_row(step, book, 99, 101, 0, value if book == 0 else 0, 0)
        for step, value in enumerate(cash)
        for book in (0, 1)
    ]
    return replace(make_result(), samples=pl.DataFrame(rows, schema=SAMPLE_SCHEMA))


def _bars(profit: np.ndarray) -> Bars:
    ends = np.arange(1, profit.size + 1, dtype=np.int64)
    return Bars("USD", 1, ends, profit, bars_per_year=1.0)


def test_bars_add_up_to_the_runs_profit() -> None:
    result = random_result(500)
    for bar in ("1s", "7s", "1m", "20m"):
        bars = profit_bars(result, bar=bar)
        assert bars.profit.sum() == pytest.approx(result.summary()["pnl"])
        assert bars.bar_ns * bars.bars_per_year == pytest.approx(YEAR_NS)


def test_a_bar_holds_what_changed_within_it() -> None:
    # The made start is no whole multiple of two seconds, so the first bar ends there at once.
    bars = profit_bars(_earning([0, 100, 300, 600, 1000]), bar="2s")
    assert START_NS % (2 * STEP_NS) == 0
    assert bars.profit.tolist() == [0.0, 3.0, 7.0]
    assert ((bars.end_ns - START_NS) // STEP_NS).tolist() == [0, 2, 4]
    assert bars.equity.tolist() == [0.0, 3.0, 10.0]


def test_the_longest_bar_that_leaves_thirty_is_taken() -> None:
    assert profit_bars(random_result(100)).bar_ns == 60 * STEP_NS
    assert profit_bars(_earning([0] * 40)).bar_ns == STEP_NS
    assert profit_bars(_earning([0] * 5)).bar_ns == STEP_NS


def test_measures_of_a_trial_worked_out_by_hand() -> None:
    measured = performance(_earning([0, 200, 100, 400]), bar="1s", bars_per_year=4.0)
    assert measured.pnl == pytest.approx(4.0)
    assert measured.max_drawdown == pytest.approx(1.0)
    mean, deviation = 1.0, math.sqrt((1 + 1 + 4 + 4) / 3)
    assert measured.sharpe == pytest.approx(2.0 * mean / deviation)
    assert measured.sharpe_per_bar == pytest.approx(mean / deviation)
    assert measured.sortino == pytest.approx(2.0 * mean / 0.5)
    assert measured.calmar == pytest.approx(4.0)
    assert measured.skewness == pytest.approx(0.0)
    assert measured.kurtosis == pytest.approx((1 + 1 + 16 + 16) / 4 / 2.5**2)


def test_a_trial_without_trades_has_no_ratios() -> None:
    measured = performance(_earning([0] * 50))
    assert measured.pnl == 0.0
    assert math.isnan(measured.sharpe)
    assert math.isnan(measured.sortino)
    assert math.isnan(measured.calmar)
    assert intervals(profit_bars(_earning([0] * 50))) == {}


def test_a_hedge_holds_nothing_in_sum() -> None:
    held = exposure(make_result())
    # Long 3 at 1.05, short 2 at 1.02.
    assert held["gross"].to_list() == pytest.approx([0.0, 3 * 1.05 + 2 * 1.02])
    assert held["net"].to_list() == pytest.approx([0.0, 3 * 1.05 - 2 * 1.02])
    inverse = exposure(make_inverse_result())
    assert inverse["gross"].to_list() == pytest.approx([5 * 100 / 62_500])


def test_a_currency_must_be_named_where_there_are_two() -> None:
    mixed = make_result(currencies=("USD", "EUR"))
    with pytest.raises(SpecError, match="none is named") as caught:
        performance(mixed)
    assert "USD, EUR" in caught.value.remedy
    usd, eur = (performance(mixed, name).pnl for name in ("USD", "EUR"))
    by_currency = mixed.summary()["pnl_by_currency"]
    assert by_currency == pytest.approx({"USD": usd, "EUR": eur})
    with pytest.raises(SpecError, match="got 'GBP'"):
        profit_bars(mixed, "GBP")


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    pytest.importorskip("arch", reason="needs the ml extra")
    rng = np.random.default_rng(1)
    truth = 0.2
    held = 0
    for draw in range(60):
        found = intervals(
            _bars(rng.normal(truth, 1.0, 400)), coverage=0.9, resamples=200, seed=draw
        )
        held += found["sharpe"].low <= truth <= found["sharpe"].high
    # Of 60 draws at 90 % between 47 and 60 hold it in 99.7 of 100 cases.
    assert 47 <= held <= 60


def test_intervals_see_what_neighbours_have_to_do_with_each_other() -> None:
    pytest.importorskip("arch", reason="needs the ml extra")
    noise = np.random.default_rng(2).normal(0.1, 1.0, 2_000)
    sticky = np.convolve(noise, np.ones(20) / 20, mode="valid")
    blocks = intervals(_bars(sticky), resamples=300)["pnl"]
    alone = intervals(_bars(sticky), resamples=300, block_bars=1)["pnl"]
    assert blocks.high - blocks.low > 2 * (alone.high - alone.low)
    again = intervals(_bars(sticky), resamples=300)
    assert tuple(again) == MEASURES
    assert again["pnl"] == blocks
    for name, value in (("sharpe", sharpe_ratio(sticky)), ("calmar", calmar_ratio(sticky))):
        assert again[name].low < value < again[name].high
