"""Quoting against published figures, and what the defensive overlay does by hand."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from framework.core.errors import DataError
from framework.core.events import EventKind
from framework.core.orders import JournalEvent, OrderType
from framework.engine import run_backtest
from framework.engine.result import Result
from framework.strategy import Strategy, param
from research.intensity import ARRIVALS_SCHEMA, fit_intensity, intensity_figure
from research.quoting import asymptotic_offsets, finite_horizon_offsets
from research.quoting.simulation import simulate
from strategies.avellaneda_stoikov import AvellanedaStoikov
from strategies.defensive import DefensiveGlft, DefensiveMidpoint
from strategies.glft import Glft
from strategies.midpoint_quoting import MidpointQuoting
from tests.oracle.engine.book import Event
from tests.oracle.engine.market import ListedStream
from tests.support.by_hand import ITEM, T0, at, depth, trade

PUBLISHED = {0.1: (1.49, 65.0, 6.6, 2.9), 0.01: (1.35, 68.6, 8.7, 5.1)}
"""Mean spread, profit, its standard deviation and the final inventory's, by risk aversion."""


@pytest.mark.parametrize("gamma", PUBLISHED)
def test_avellaneda_and_stoikovs_simulation_gives_their_figures(gamma: float):
    found = simulate(gamma, paths=10_000, seed=1)
    figures = (
        found["spread"].mean(),
        found["pnl"].mean(),
        found["pnl"].std(),
        found["inventory"].std(),
    )
    assert figures == pytest.approx(PUBLISHED[gamma], rel=0.1)
    symmetric = simulate(gamma, paths=10_000, seed=1, symmetric=True)
    assert symmetric["pnl"].std() > 1.3 * found["pnl"].std()


@pytest.mark.parametrize("q", [-3.0, 0.0, 2.0])
def test_offsets_of_a_short_position_are_those_of_a_long_one_swapped(q: float):
    bid, ask = finite_horizon_offsets(q, 0.1, 2.0, 1.5, 0.7)
    assert finite_horizon_offsets(-q, 0.1, 2.0, 1.5, 0.7) == pytest.approx((ask, bid))
    bid, ask = asymptotic_offsets(q, 0.01, 0.3, 0.9, 0.3, 0.02)
    assert asymptotic_offsets(-q, 0.01, 0.3, 0.9, 0.3, -0.02) == pytest.approx((ask, bid))


def test_intensity_is_found_again_in_orders_drawn_from_it():
    """Orders of 5 e^(-0.8 d) a second and side for 2,000 s, d in half ticks from half a tick on."""
    rng = np.random.default_rng(4)
    a, k, seconds, first = 5.0, 0.8, 2_000.0, 0.5
    n = rng.poisson(2 * a * math.exp(-k * first) * seconds)
    steps = rng.geometric(1.0 - math.exp(-k * 0.5), n) - 1
    orders = pl.DataFrame(
        {"ts_ns": [0] * n, "side": [1] * n, "lots": [1] * n, "reach_ticks": first + 0.5 * steps},
        schema=ARRIVALS_SCHEMA,
    )
    found = fit_intensity(orders, seconds)
    assert abs(found.k - k) < 4 * found.k_error < 0.1
    assert abs(found.a - a) < 4 * found.a_error < 0.5
    assert len(intensity_figure(found).data) == 2
    with pytest.raises(DataError, match="reach two distances"):
        fit_intensity(orders.head(5), seconds)


# The overlay: a book of 100 against 104, half a spread of 2, looks every 10 ns.

BOOK = [depth(0, 1, 100, 50), depth(0, -1, 104, 50)]
PLAIN = {"half_spread_ticks": 2.0, "skew_ticks": 0.0, "size": 10}
CALM = {"volatility_widen": 0.0, "doubt_widen": 0.0, "thin_below": 0.0, "max_position": 100}


def _run(strategy: Strategy, *events: Event) -> Result:
    return run_backtest(strategy, [ListedStream(ITEM, (*BOOK, *events, depth(100, 1, 90, 1)))])


def _quotes(result: Result, until_ns: int) -> dict[int, tuple[int, int]]:
    """Price and lots of the quotes open after an instant, by side."""
    open_orders: dict[int, dict[str, int]] = {}
    for row in result.journal.to_pylist():
        if row["ts_ns"] > T0 + until_ns:
            break
        if row["event"] == JournalEvent.ACCEPTED:
            open_orders[row["order_id"]] = row
        elif row["event"] == JournalEvent.CANCELLED or not row["leaves_lots"]:
            open_orders.pop(row["order_id"], None)
    return {row["side"]: (row["px_ticks"], row["qty_lots"]) for row in open_orders.values()}


def _made(owner: type[Strategy], **settings: float) -> Strategy:
    """A strategy that may look more often than its parameters allow a sweep to try."""
    fast = type(owner.__name__, (owner,), {"interval_ns": param(10), "__module__": __name__})
    return fast(**settings)


def test_without_danger_the_overlay_quotes_what_the_strategy_wants():
    plain = _run(_made(MidpointQuoting, **PLAIN))
    defended = _run(_made(DefensiveMidpoint, **PLAIN, **CALM))
    assert _quotes(plain, 50) == _quotes(defended, 50) == {1: (100, 10), -1: (104, 10)}


def test_one_sided_flow_cuts_the_size_and_then_withdraws_the_side_at_once():
    buys = [trade(12, 1, 104, 1), at(13, EventKind.TRADE, -1, 100, 0)]
    settings = {"flow_lots": 30, "pull_above": 0.8, "flow_ns": 60_000_000_000}
    some = _run(
        _made(DefensiveMidpoint, **PLAIN, **CALM, **settings),
        *buys[:1],
        trade(14, 1, 110, 29),
        trade(15, -1, 90, 10),
    )
    # Bought 30, sold 10: half of the flow is one-sided, so the ask has half the lots.
    assert _quotes(some, 29)[-1][1] == 5
    all_bought = _run(_made(DefensiveMidpoint, **PLAIN, **CALM, **settings), trade(15, 1, 103, 40))
    assert _quotes(all_bought, 14).keys() == {1, -1}
    assert _quotes(all_bought, 15).keys() == {1}


def test_a_touch_gone_thin_is_left():
    thin = _run(
        _made(DefensiveMidpoint, **PLAIN, **(CALM | {"thin_below": 0.2})),
        depth(15, 1, 100, 5),
        depth(16, 1, 101, 0),
    )
    assert _quotes(thin, 20).keys() == {-1}


def test_a_wide_spread_and_a_moving_mid_widen():
    moves = [depth(13, -1, 104, 0), depth(13, -1, 108, 50)]
    wide = _run(_made(DefensiveMidpoint, **PLAIN, **(CALM | {"doubt_widen": 3.0})), *moves)
    # Spread 8 against 4 usual: one usual spread too wide, three ticks on either side.
    assert {side: px for side, (px, _) in _quotes(wide, 20).items()} == {1: 99, -1: 109}
    settings = CALM | {"volatility_widen": 10.0, "deviation_ns": 10_000_000}
    lively = _run(_made(DefensiveMidpoint, **PLAIN, **settings), *moves)
    assert _quotes(lively, 20)[1][0] < 102 - 2 + 2


def test_clustered_prices_are_avoided_away_from_the_mid():
    aside = _run(_made(DefensiveMidpoint, **PLAIN, **CALM, cluster_ticks=4))
    assert _quotes(aside, 20) == {1: (99, 10), -1: (105, 10)}


def test_small_fills_on_one_side_make_the_quotes_stand_even():
    settings = PLAIN | {"half_spread_ticks": 1.0, "skew_ticks": 5.0, "size": 1}
    pings = [trade(ns, -1, 60, 1) for ns in (12, 22, 32)]
    leaning = _run(_made(DefensiveMidpoint, **settings, **CALM, sniff_fills=9), *pings)
    even = _run(_made(DefensiveMidpoint, **settings, **CALM, sniff_fills=2), *pings)
    assert {px for px, _ in _quotes(leaning, 45).values()} != {101, 103}
    assert {px for px, _ in _quotes(even, 45).values()} == {101, 103}


def test_hidden_pegs_rest_on_the_side_that_closes_the_inventory():
    pegs = _run(
        _made(MidpointQuoting, **(PLAIN | {"half_spread_ticks": 0.0, "size": 2}), hidden=True),
        trade(15, -1, 101, 2),
    )
    rows = pegs.journal.to_pylist()
    assert {row["order_type"] for row in rows} == {OrderType.MIDPOINT}
    assert {row["px_ticks"] for row in rows if row["event"] == JournalEvent.FILLED} == {102}
    assert _quotes(pegs, 30).keys() == {-1}


@pytest.mark.parametrize("owner", [AvellanedaStoikov, Glft, DefensiveGlft])
def test_quotes_lean_against_the_position(owner: type[Strategy]):
    """After a buy the next bid stands further from the mid, and the ask nearer."""
    fixed = {"sigma_ticks": 1.0, "gamma": 0.5, "max_position": 100}
    calm = CALM if owner is DefensiveGlft else {}
    result = _run(_made(owner, **(calm | fixed)), trade(15, -1, 60, 1))
    before, after = _quotes(result, 14), _quotes(result, 35)
    assert after[1][0] < before[1][0]
    assert after[-1][0] <= before[-1][0]
