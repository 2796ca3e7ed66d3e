"""Tests of forecasts: their size, their power, and intervals that keep their promise."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from research.volatility import (
    READING_SCHEMA,
    BarSettings,
    Evaluation,
    confidence_set,
    crps,
    diebold_mariano,
    evaluate,
    pooled_diebold_mariano,
    qlike,
    split_for_intervals,
    volatility_table,
)
from research.volatility.models import Boosting, Har, Persistence
from tests.support.volatility import headlines, quotes

_HORIZON_NS = 10 * NS_PER_S


def test_equal_forecasts_are_told_apart_as_often_as_promised() -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(400):
        shared = pl.Series(rng.standard_normal(400)).ewm_mean(alpha=0.5).to_numpy()
        own = rng.standard_normal((2, 400))
        p_values.append(diebold_mariano(shared + own[0], shared + own[1]).p_value)
    assert 0.02 < np.mean(np.array(p_values) < 0.05) < 0.09


def test_a_better_forecast_is_found_and_a_worse_one_is_no_win() -> None:
    rng = np.random.default_rng(1)
    reference = rng.exponential(size=500)
    better = reference - 0.2 + 0.5 * rng.standard_normal(500)
    found = diebold_mariano(better, reference)
    assert found.is_win()
    assert found.gain == pytest.approx(0.2, abs=0.06)
    assert diebold_mariano(reference, better).p_value > 0.99
    pooled = pooled_diebold_mariano([better, better], [reference, reference])
    assert pooled.statistic == pytest.approx(found.statistic * np.sqrt(2), rel=0.01)
    with pytest.raises(DataError, match="10 losses or more of the same"):
        diebold_mariano(better[:100], reference)


def test_the_confidence_set_keeps_the_best_and_drops_the_worst() -> None:
    rng = np.random.default_rng(2)
    base = rng.exponential(size=600)
    kept = confidence_set(
        {"best": base, "near": base + 0.01 * rng.standard_normal(600), "worst": base + 0.5}
    )
    assert dict(kept.select("model", "is_kept").iter_rows()) == {
        "best": True,
        "near": True,
        "worst": False,
    }


def test_qlike_is_least_at_the_true_mean_though_outcomes_are_noisy() -> None:
    rng = np.random.default_rng(3)
    outcome = 4.0 * rng.gamma(2.0, 0.5, 20_000)
    losses = {f: qlike(outcome, np.full(outcome.size, f)).mean() for f in (3.0, 4.0, 5.0)}
    assert min(losses, key=losses.__getitem__) == 4.0


def test_crps_of_a_normal_is_what_is_known() -> None:
    from scipy.stats import norm

    from research.volatility import LEVELS

    outcome = np.random.default_rng(4).standard_normal(50_000)
    quantiles = np.tile(norm.ppf(LEVELS), (outcome.size, 1))
    assert crps(outcome, quantiles).mean() == pytest.approx(1 / np.sqrt(np.pi), rel=0.02)


def test_what_is_learnt_from_ends_before_what_is_kept_back() -> None:
    table = volatility_table(quotes(1.0, seed=1), BarSettings(horizon_ns=_HORIZON_NS))
    trained, kept_back = split_for_intervals(table, _HORIZON_NS)
    assert trained["ts_ns"][-1] + _HORIZON_NS <= kept_back["ts_ns"][0]
    assert kept_back.height == pytest.approx(0.25 * table.height, abs=2)


def _evaluated(seed: int, drives: bool) -> Evaluation:
    news = headlines(6.0, seed=seed)
    rows = quotes(6.0, seed=seed, news=news if drives else None)
    rows = rows.with_columns(mid_deviation_ticks=pl.lit(0.1))  # says nothing of its own
    table = volatility_table(rows, BarSettings(horizon_ns=_HORIZON_NS), news=news)
    models = {"har": Har, "persistence": Persistence, "xgboost": lambda: Boosting(rounds=150)}
    return evaluate(table, models, _HORIZON_NS, folds=2)


def test_news_that_drives_volatility_are_worth_something_and_others_are_not() -> None:
    hot, calm = (_evaluated(1, drives) for drives in (True, False))
    assert hot.against_reference()["xgboost"].is_win()
    assert not calm.against_reference()["xgboost"].is_win()
    for found in (hot, calm):
        summary = {row["model"]: row for row in found.summary().iter_rows(named=True)}
        assert summary["persistence"]["dm_gain"] < 0
        assert not summary["persistence"]["in_set"]
        for row in summary.values():
            assert 0.87 <= row["coverage"] <= 0.93
        assert found.coverage_by_regime()["coverage"].is_between(0.86, 0.94).all()
    rows = hot.rows.filter(pl.col("model") == "har")
    assert rows["ts_ns"].is_sorted()
    assert rows["ts_ns"].n_unique() == rows.height


def test_days_are_bars_too_where_there_are_enough_of_them() -> None:
    """Six months of days are the least: 22 before the first row, 30 to learn from, 3 folds."""
    day_ns = 86_400 * NS_PER_S
    rng = np.random.default_rng(8)
    days, a_day = 180, 96
    log_sigma = pl.Series(rng.standard_normal(days)).ewm_mean(alpha=0.2, adjust=False)
    sigma = np.repeat(np.exp(log_sigma.to_numpy()), a_day)
    rows = pl.DataFrame(
        {
            "ts_ns": (np.arange(days * a_day) + 1) * (day_ns // a_day),
            "mid_ticks": 100_000.0 + np.cumsum(20.0 * sigma * rng.standard_normal(days * a_day)),
            "spread_pct": 0.01,
            "mid_deviation_ticks": sigma,
        },
        schema=READING_SCHEMA,
    )
    settings = BarSettings(horizon_ns=day_ns, points=96, step=8)
    table = volatility_table(rows, settings)
    assert table.height == days - 1 - 21
    models = {"har": Har, "persistence": Persistence, "xgboost": lambda: Boosting(rounds=20)}
    found = evaluate(table, models, day_ns, folds=3)
    assert found.losses()["har"].size > 80
    means = found.rows.group_by("model").agg(pl.col("qlike").mean())
    assert means["qlike"].is_finite().all()
    with pytest.raises(DataError, match="more than 22 open bars"):
        volatility_table(rows.head(5 * a_day), settings)
