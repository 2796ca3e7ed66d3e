"""Drift is found where a market changes, named by the test that sees it, and not where none is."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import binomtest

from framework.core.errors import DataError, SpecError
from framework.lake.desk import COST_SCHEMA
from research.drift import (
    DRIFT_SCHEMA,
    Baseline,
    FeatureSample,
    Finding,
    Level,
    Limits,
    cost_drift,
    error_of_mean,
    judge,
    kupiec,
    memory,
    population,
    read_baseline,
)
from research.volatility.models import ModelError
from tests.support.drift import louder, restless, watched

_HOURS = 8.0


def _tests(found: pl.DataFrame) -> set[str]:
    return set(found.filter("is_drift")["test"])


def test_twice_the_volatility_is_a_population_shift() -> None:
    found = watched(_HOURS, 1, louder)
    assert found.schema == DRIFT_SCHEMA
    assert "population" in _tests(found)
    moved = set(found.filter("is_drift")["of"])
    assert {"log_rv", "log_rv_5", "log_tick_rv", "log_parkinson"} <= moved
    assert "log_quotes" not in moved  # quotes come as often as before


def test_volatility_without_memory_is_a_worse_forecast() -> None:
    found = watched(_HOURS, 1, restless)
    assert {"qlike", "coverage"} <= _tests(found)
    row = found.filter(test="qlike").row(0, named=True)
    assert row["was"] < row["low"] < row["now"] < row["high"]


def test_what_stays_the_same_is_left_in_peace() -> None:
    seeds = 20
    alarms = sum(watched(_HOURS, seed, None)["is_drift"].any() for seed in range(seeds))
    # At a promised 1 %, three of twenty have a chance of one in a thousand.
    assert binomtest(alarms, seeds, Limits().p, alternative="greater").pvalue > 0.001


def test_the_limits_decide_what_matters() -> None:
    found = watched(_HOURS, 1, louder)
    largest = float(found.filter(test="population")["effect"].max() or 0.0)  # type: ignore[arg-type]
    wide = Limits(psi=largest, qlike=1e9, bias=1e9, coverage=1.0)
    assert not watched(_HOURS, 1, louder, limits=wide)["is_drift"].any()
    less = Limits(psi=0.99 * largest, qlike=1e9, bias=1e9, coverage=1.0)
    assert watched(_HOURS, 1, louder, limits=less)["is_drift"].sum() == 1


@pytest.mark.parametrize(
    ("field", "value"), [("p", 0.0), ("p", 1.0), ("qlike", 0.9), ("psi", -0.1), ("bias", math.nan)]
)
def test_limits_that_make_no_sense_are_refused(field: str, value: float) -> None:
    with pytest.raises(SpecError, match=field):
        Limits(**{field: value})


def test_many_tests_need_more_evidence_each() -> None:
    def finding(p: float) -> Finding:
        return Finding(test="population", of="x", was=0, now=1, effect=1, limit=0.25, p=p, n=100)

    assert judge([finding(0.004)], 0.01)["is_drift"].to_list() == [True]
    both = judge([finding(0.004), *[finding(0.5)] * 4], 0.01)
    assert both["p_adjusted"].min() == pytest.approx(5 * 0.004)
    assert not both["is_drift"].any()
    unknown = judge([finding(math.nan)], 0.01).row(0, named=True)
    assert (unknown["p"], unknown["is_drift"]) == (None, False)


def test_memory_and_error_of_a_mean_are_those_of_an_autoregression() -> None:
    rho, rng = 0.8, np.random.default_rng(1)
    shocks = pl.Series(rng.standard_normal(200_000))
    values = (shocks.ewm_mean(alpha=1 - rho, adjust=False)).to_numpy()
    assert memory(values) == pytest.approx((1 + rho) / (1 - rho), rel=0.1)
    naive = values.std() / math.sqrt(values.size)
    assert error_of_mean(values) == pytest.approx(3.0 * naive, rel=0.1)
    assert math.isnan(error_of_mean(values[:5]))


def test_misses_in_runs_say_less_than_misses_apart() -> None:
    assert kupiec(30, 200, 0.1) < 0.05
    assert kupiec(30, 200, 0.1, 4.0) > 0.2
    assert kupiec(0, 200, 0.1) < 0.001


def _baseline(quantiles: tuple[float, ...], remembered: float = 1.0) -> Baseline:
    level = Level(mean=1.0, error=0.1)
    return Baseline(
        until_ns=5,
        rows=1_000,
        tested=500,
        features={"x": FeatureSample(quantiles=quantiles, memory=remembered)},
        qlike=level,
        ratio=level,
        coverage=0.9,
    )


def test_a_finer_grid_of_ticks_is_no_shift() -> None:
    """Spreads of one to three ticks at a price 2 % lower: every value differs, none by much."""
    then = _baseline(tuple(np.repeat([1.0, 2.0, 3.0], 67)))
    moved = np.random.default_rng(1).choice([1.02, 2.04, 3.06], 500)
    assert population(then, pl.DataFrame({"x": moved}), 0.25)[0].p > 0.1
    (found,) = population(then, pl.DataFrame({"x": moved * 1.5}), 0.25)
    assert found.p < 1e-6
    assert found.effect > 0.25


def test_what_wanders_longer_than_training_is_not_tested() -> None:
    then = _baseline(tuple(np.linspace(0.0, 1.0, 201)), remembered=100.0)
    (found,) = population(then, pl.DataFrame({"x": np.full(500, 9.0)}), 0.25)
    assert math.isnan(found.p)
    assert found.effect > 1.0
    with pytest.raises(ModelError, match="it lacks x"):
        population(then, pl.DataFrame({"y": [1.0]}), 0.25)


def test_a_training_sample_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    path, then = tmp_path / "sample.json", _baseline((0.1, 0.2, 1 / 3))
    then.write(path)
    assert read_baseline(path) == then
    path.write_text('{"until_ns": "soon"}')
    with pytest.raises(ModelError, match="must hold the model's training sample"):
        read_baseline(path)
    with pytest.raises(ModelError, match="train the model anew"):
        read_baseline(tmp_path / "none.json")


def _orders(key: str, n: int, seed: int, more_bps: float = 0.0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    venue = rng.choice(["alpha", "beta"], n)
    made = pl.DataFrame(
        {
            "run_key": [key] * n,
            "source": "backtest",
            "regime": rng.choice(["low", "high"], n),
            "symbol": "XYZ",
            "venue": venue,
            "liquidity": "taker",
            "order_id": [str(number) for number in range(n)],
            "side": rng.choice([-1, 1], n),
            "size_bucket": "1e3 to 1e4",
            "decided_ns": np.arange(n),
            "quantity": rng.integers(1, 10, n).astype(np.float64),
            "notional": rng.uniform(1_000.0, 9_000.0, n),
            "delay_bps": 0.0,
            "fees_bps": 0.5,
            "arrival_bps": rng.normal(1.0, 2.0, n) + np.where(venue == "beta", more_bps, 0.0),
        }
    )
    blank = pl.DataFrame(schema=COST_SCHEMA)
    return pl.concat([blank, made.cast({"side": pl.Int8})], how="diagonal")


def test_costs_above_what_was_expected_are_found_where_they_are() -> None:
    then = _orders("before", 600, 1)
    found = cost_drift(then, _orders("now", 400, 2, more_bps=2.0), Limits())
    table = judge(found.findings, 0.01)
    drifted = table.filter("is_drift")
    assert drifted["of"].to_list() == ["beta:XYZ taker"]
    assert drifted["was"][0] == pytest.approx(1.5, abs=0.4)
    assert drifted["now"][0] == pytest.approx(3.5, abs=0.4)
    assert found.unmatched == 0
    assert found.orders.height == 400


def test_costs_as_expected_raise_no_alarm() -> None:
    limits, seeds = Limits(cost_bps=0.0, p=0.1), 15
    alarms = 0
    for seed in range(seeds):
        then, own = _orders("before", 300, 2 * seed), _orders("now", 150, 2 * seed + 1)
        alarms += judge(cost_drift(then, own, limits).findings, limits.p)["is_drift"].any()
    assert binomtest(alarms, seeds, limits.p, alternative="greater").pvalue > 0.001


def test_a_run_is_not_its_own_expectation() -> None:
    own = _orders("now", 100, 1)
    with pytest.raises(DataError, match="0 others in the table"):
        cost_drift(own, own, Limits())
    with_others = pl.concat([own.with_columns(arrival_bps=99.0), _orders("before", 300, 2)])
    found = cost_drift(with_others, own, Limits())
    assert found.orders["expected_bps"].max() < 5.0


def test_orders_unlike_all_others_are_counted() -> None:
    own = _orders("now", 50, 1).with_columns(symbol=pl.lit("ABC"))
    found = cost_drift(_orders("before", 300, 2), own, Limits())
    assert (found.unmatched, found.findings) == (50, ())
