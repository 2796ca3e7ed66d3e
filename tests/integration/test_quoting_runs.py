"""Quoting strategies on markets whose truth is known: compiled, without looking ahead, defended."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.lookahead import prove
from framework.engine import BacktestConfig, run_trials
from framework.replay import GoldStream, open_streams
from framework.risk import Protection, RiskLimits
from framework.strategy import Strategy
from framework.synthetic.planted import PlantedMarket, planted_instruments, write_planted_market
from research.intensity import arrivals, fit_intensity
from strategies.avellaneda_stoikov import AvellanedaStoikov
from strategies.defensive import DefensiveAvellanedaStoikov, DefensiveGlft, DefensiveMidpoint
from strategies.glft import Glft
from strategies.midpoint_quoting import MidpointQuoting
from tests.oracle.engine.risk import check_limits

SHIPPED: list[Strategy] = [
    MidpointQuoting(half_spread_ticks=0.0, hidden=True),
    AvellanedaStoikov(gamma=0.0005, k=2.0, size=5, max_position=50),
    Glft(gamma=0.02, a=30.0, k=3.0, size=5, max_position=50),
    DefensiveMidpoint(size=5, max_position=50, cluster_ticks=5, lean_ticks=0.5),
    DefensiveAvellanedaStoikov(gamma=0.0005, k=3.0, size=5, max_position=50),
    DefensiveGlft(gamma=0.02, a=30.0, k=3.0, size=5, max_position=50),
]


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    lake = tmp_path_factory.mktemp("lake")
    write_planted_market(lake, PlantedMarket(0.5, 3, instruments=planted_instruments(1)))
    return [
        replace(
            stream,
            instrument=replace(stream.instrument, order_entry_ns=500_000, response_ns=500_000),
        )
        for stream in open_streams(lake, "planted")
    ]


def test_compiled_runs_equal_interpreted_ones(streams: list[GoldStream]) -> None:
    compiled = run_trials(SHIPPED, streams, BacktestConfig(compiled=True))
    interpreted = run_trials(SHIPPED, streams)
    for one, other in zip(compiled, interpreted, strict=True):
        assert one.journal_hash == other.journal_hash
        assert one.counters["fills"] > 2
    assert len({one.journal_hash for one in compiled}) > 3  # whole ticks: some quote alike


def test_no_decision_hangs_on_the_future(streams: list[GoldStream]) -> None:
    for strategy in (SHIPPED[0], SHIPPED[4], SHIPPED[5]):
        proof = prove(strategy, streams, points=3)
        assert proof.passed, proof.offence
        assert proof.requests > 20


def test_protection_bounds_the_lots_of_every_window_exactly(streams: list[GoldStream]) -> None:
    """No window of 200 ms fills more than 10 lots, and some window fills all of them."""
    limits = RiskLimits(protection=Protection(max_lots=10, window_ns=200_000_000))
    strategy = MidpointQuoting(
        interval_ns=10_000_000, half_spread_ticks=0.5, size=5, max_position=1_000
    )
    free, bound = (
        run_trials([strategy], streams, BacktestConfig(compiled=True, risk=risk))[0]
        for risk in (None, limits)
    )
    check_limits(bound, limits, [[]])
    with pytest.raises(AssertionError):
        check_limits(free, limits, [[]])
    assert bound.counters["fills"] > 20


def test_intensity_of_a_stored_stream_falls_with_distance(streams: list[GoldStream]) -> None:
    orders = arrivals(streams[0])
    seconds = (orders["ts_ns"][-1] - orders["ts_ns"][0]) / 1e9
    assert 20 < seconds <= 30
    assert orders["reach_ticks"].min() > 0  # a market order reaches the other side at least
    found = fit_intensity(orders, seconds)
    assert 0.5 < found.k < 10
    assert (found.rate[:-1] >= found.rate[1:]).all()


def test_the_overlay_spares_losses_to_informed_flow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = ["defence", "--seeds", "6", "--minutes", "3", "--json"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert found["defended"] < found["plain"]
    assert len(found["markets"]) == 12
    assert all(market["lots"] > 20 for market in found["markets"])
