"""Schedules, regimes, signing and impact against what they must be."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from framework.core.errors import DataError, SpecError
from research.tca import analyse, frame_market, from_desk
from research.tca.regime import given, terciles
from research.tca.schedules import AlmgrenChriss, ObizhaevaWang, whole_lots
from research.tca.signing import accuracy, lee_ready, tick_rule
from research.tca.spread_models import kyle_lambda, roll_spread
from tests.support.desk import STOCK, execution, executions, order, orders, quotes

_PAPER = AlmgrenChriss(
    quantity=1e6,
    horizon=5,
    intervals=5,
    volatility=0.95,
    permanent=2.5e-7,
    temporary=2.5e-6,
    half_spread=0.0625,
)


def test_almgren_and_chriss_example() -> None:
    even = _PAPER.schedule(0.0)
    assert even.tolist() == pytest.approx([2e5] * 5)
    assert _PAPER.expected_cost(even) == pytest.approx(662_500)
    assert _PAPER.variance(even) == pytest.approx(1.083e12)
    assert _PAPER.kappa(1e-6) == pytest.approx(0.607, abs=5e-4)
    left = _PAPER.quantity - np.cumsum(_PAPER.schedule(1e-6))
    kappa = _PAPER.kappa(1e-6)
    formula = 1e6 * np.sinh(kappa * (5 - np.arange(1, 6))) / np.sinh(kappa * 5)
    assert left == pytest.approx(formula, abs=1e-3)


@pytest.mark.parametrize("risk_aversion", [0.0, 1e-7, 1e-6, 1e-4])
def test_no_other_schedule_is_better(risk_aversion: float) -> None:
    def price(schedule: np.ndarray) -> float:
        return _PAPER.expected_cost(schedule) + risk_aversion * _PAPER.variance(schedule)

    best, random = _PAPER.schedule(risk_aversion), np.random.default_rng(3)
    assert best.sum() == pytest.approx(1e6)
    for _ in range(50):
        change = random.normal(0, 1e4, 5)
        assert price(best) <= price(best + change - change.mean())


def test_urgency_without_bounds_trades_at_once() -> None:
    assert _PAPER.schedule(1.0)[0] == pytest.approx(1e6, rel=1e-3)


def test_obizhaeva_and_wang_example() -> None:
    order_ = ObizhaevaWang(quantity=1.0, horizon=4.0, resilience=0.5)
    assert (order_.block, order_.between) == (0.25, 0.5)
    assert ObizhaevaWang(quantity=1.0, horizon=1.0, resilience=0.0).block == 0.5


def test_obizhaeva_and_wang_is_the_least_costly() -> None:
    r"""Against other schedules on a fine grid: cost is the sum of x_i x_j exp(-rho |t_i - t_j|)."""
    n, rho = 201, 2.0
    times = np.linspace(0.0, 1.0, n)
    decay = np.exp(-rho * np.abs(times[:, None] - times[None, :]))
    ours = ObizhaevaWang(quantity=1.0, horizon=1.0, resilience=rho).schedule(n)
    exact = np.linalg.solve(decay, np.ones(n))
    exact /= exact.sum()
    assert ours @ decay @ ours == pytest.approx(exact @ decay @ exact, rel=1e-3)
    even = np.full(n, 1 / n)
    assert ours @ decay @ ours < even @ decay @ even
    assert exact[0] == pytest.approx(0.25, abs=0.005)


@pytest.mark.parametrize("lots", [1, 7, 1_000_003])
def test_whole_lots_add_up(lots: int) -> None:
    made = whole_lots(_PAPER.schedule(1e-6), lots)
    assert made.sum() == lots
    assert np.abs(made - _PAPER.schedule(1e-6) / 1e6 * lots).max() <= 1


def test_impossible_schedules_are_refused() -> None:
    with pytest.raises(SpecError, match="outweigh permanent"):
        AlmgrenChriss(
            quantity=1, horizon=5, intervals=1, volatility=1, permanent=1, temporary=1,
            half_spread=0,
        )  # fmt: skip
    with pytest.raises(SpecError, match="positive quantity"):
        ObizhaevaWang(quantity=0, horizon=1, resilience=1)


def test_regimes_of_ones_own_take_the_place_of_terciles() -> None:
    volatility = pl.DataFrame(
        {"book": [0, 0], "minute_ns": [0, 60], "volatility_bps": [1.0, 2.0]},
        schema_overrides={"book": pl.Int32},
    )
    table = pl.DataFrame(
        {"venue": ["v", "w"], "symbol": ["S", "S"], "from_ns": [5, 6], "regime": ["calm", "x"]}
    )
    assert given(table, (STOCK,), volatility)["regime"].to_list() == ["calm"]
    with pytest.raises(DataError, match="it lacks regime"):
        given(table.drop("regime"), (STOCK,), volatility)
    with pytest.raises(DataError, match="none of v:S"):
        given(table.filter(venue="w"), (STOCK,), volatility)
    assert terciles(volatility).height == 2


def test_a_fill_is_in_the_regime_given() -> None:
    trading = from_desk(
        executions([execution("a", 1, 5, 100.0, 1), execution("a", 1, 15, 100.0, 1)]),
        orders([order("a", 1, 2, 0, 0, 20)]),
        [STOCK],
    )
    table = pl.DataFrame(
        {"venue": ["v"] * 2, "symbol": ["S"] * 2, "from_ns": [0, 10], "regime": ["calm", "storm"]}
    )
    market = frame_market([quotes((0, 99.99, 100.01), (30, 99.99, 100.01))])
    found = analyse(trading, market, horizons_ns={"1ns": 1}, regimes=table)
    assert found.fills["regime"].to_list() == ["calm", "storm"]
    assert found.fills_by("regime")["fills"].to_list() == [1, 1]


def test_signing_by_hand() -> None:
    prices = pl.Series([10, 11, 11, 10, 10, 12])
    assert tick_rule(prices).to_list() == [0, 1, 1, -1, -1, 1]
    mids = pl.Series([21, 21, 22, 20, None, 23])
    assert lee_ready(prices, mids).to_list() == [-1, 1, 1, -1, -1, 1]
    assert accuracy(pl.Series([1, 1]), pl.Series([0, 0])) is None


def test_planted_impact_and_spread_are_found() -> None:
    random = np.random.default_rng(5)
    volume = random.normal(0, 100, 20_000)
    found = kyle_lambda(volume, 0.02 * volume + random.normal(0, 5, 20_000))
    assert found is not None
    assert abs(found.slope - 0.02) < 3 * found.error
    assert found.error < 0.001
    side = random.choice([-1.0, 1.0], 100_000)
    value = np.cumsum(random.normal(0, 0.2, 100_000))
    assert roll_spread(value + 0.5 * 3.0 * side) == pytest.approx(3.0, rel=0.03)
    assert kyle_lambda(np.ones(9), np.arange(9.0)) is None
