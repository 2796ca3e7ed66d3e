"""Interpreted and compiled runs of every shipped strategy leave the same journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.engine.backtest import run_trials
from framework.engine.config import BacktestConfig
from framework.engine.result import Result
from framework.replay.stream import GoldStream
from framework.strategy import Strategy
from framework.synthetic import demo_instruments, write_demo_market
from strategies.crossed_arbitrage import CrossedArbitrage
from strategies.midpoint_quoting import MidpointQuoting

SHIPPED = [
    CrossedArbitrage(min_edge_bps=0.1, max_lots=5),
    CrossedArbitrage(min_edge_bps=0.5, min_depth=10, alpha=2.0),
    CrossedArbitrage(min_edge_bps=0.1, min_age_ns=0, max_position=20, legging=1, young_share=0.5),
    CrossedArbitrage(min_edge_bps=0.1, min_age_ns=0, max_position=20, legging=2, pause_ns=0),
    MidpointQuoting(),
    MidpointQuoting(half_spread_ticks=0.5, skew_ticks=1.5, size=3, max_position=9),
]


@pytest.fixture(scope="module")
def streams(tmp_path_factory: pytest.TempPathFactory) -> list[GoldStream]:
    lake = tmp_path_factory.mktemp("lake")
    version = write_demo_market(lake, rows=120_000, seed=3)
    return [_stream(lake, version, i) for i in demo_instruments()]


def _stream(lake: Path, version: int, instrument) -> GoldStream:
    location = str(lake / "gold" / "demo")
    return GoldStream(location=location, table="demo", version=version, instrument=instrument)


def _solo(strategy: Strategy, streams: list[GoldStream], *, compiled: bool) -> Result:
    return run_trials([strategy], streams, BacktestConfig(compiled=compiled))[0]


@pytest.mark.parametrize("strategy", SHIPPED, ids=lambda s: f"{type(s).__name__}-{s.parameters()}")
def test_compiled_equals_interpreted(strategy: Strategy, streams: list[GoldStream]):
    interpreted = _solo(strategy, streams, compiled=False)
    compiled = _solo(strategy, streams, compiled=True)
    assert interpreted.counters["fills"] > 0
    assert compiled.journal.equals(interpreted.journal)
    assert compiled.journal_hash == interpreted.journal_hash
    assert compiled.samples.equals(interpreted.samples)


def test_compiled_trials_in_one_batch_equal_their_solo_runs(streams: list[GoldStream]):
    batch = run_trials(SHIPPED, streams, BacktestConfig(compiled=True))
    solo = [_solo(strategy, streams, compiled=False) for strategy in SHIPPED]
    assert [r.journal_hash for r in batch] == [r.journal_hash for r in solo]
    assert len({r.journal_hash for r in batch}) == len(SHIPPED)
