"""Arbitrage against the truth: structural crosses are taken, traps are not, the future is not seen.

The full check, ten markets of ten minutes each:

    crossbook capture experiments/planted_arbitrage.yaml --markets 10
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.engine import BacktestConfig, run_backtest
from framework.lake.store import Lake
from framework.replay import GoldStream, open_streams
from framework.synthetic.planted import (
    EpisodeRates,
    Level,
    PlantedMarket,
    PlantedModel,
    planted_instruments,
    write_planted_market,
)
from research.crossed import attempts, capture, capture_summary, planted_crosses
from strategies.crossed_arbitrage import CrossedArbitrage
from tests.support.other_future import before, other_future

_SPEC = Path(__file__).resolve().parents[2] / "experiments" / "planted_arbitrage.yaml"
_RATES = EpisodeRates(structural=12.0, noise=30.0, dust=30.0)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("lake")
    market = PlantedMarket(
        4.0, 3, instruments=planted_instruments(3), model=PlantedModel(episodes=_RATES)
    )
    write_planted_market(folder, market, name="crossed", levels=[Level.DEPTH])
    return Lake(folder)


@pytest.fixture(scope="module")
def streams(lake: Lake) -> list[GoldStream]:
    return open_streams(lake, "crossed_depth")


def test_structural_crosses_are_taken_and_traps_left_alone(
    lake: Lake, streams: list[GoldStream]
) -> None:
    result = run_backtest(CrossedArbitrage(), streams, BacktestConfig(compiled=True))
    crosses = planted_crosses(lake, "crossed", result.instruments)
    done = capture(crosses, attempts(result), reach_ns=22_000_000, min_edge_bps=0.5)
    found = {row["class"]: row for row in capture_summary(done).to_dicts()}
    assert found["structural"]["survive"] >= 40
    assert found["structural"]["taken_share"] >= 0.9
    assert found["trap"]["crosses"] >= 40
    assert found["trap"]["taken_share"] < 0.05
    assert found["noise"]["crosses"] >= 50
    assert found["noise"]["tried"] <= 0.02 * found["noise"]["crosses"]
    assert found["structural"]["captured"] > 0.3 * found["structural"]["available"]
    # Without the questions about age and depth the same strategy runs into them.
    careless = CrossedArbitrage(min_age_ns=0, min_depth=1)
    tried = attempts(run_backtest(careless, streams, BacktestConfig(compiled=True)))
    done = capture(crosses, tried, reach_ns=2_000_000, min_edge_bps=0.5)
    worse = {row["class"]: row for row in capture_summary(done).to_dicts()}
    assert worse["trap"]["taken_share"] > 0.4
    assert worse["noise"]["tried"] > 0.3 * worse["noise"]["crosses"]


@pytest.mark.parametrize("compiled", [False, True])
def test_the_future_changes_no_earlier_order(
    streams: list[GoldStream], tmp_path: Path, compiled: bool
) -> None:
    config = BacktestConfig(compiled=compiled)
    whole = run_backtest(CrossedArbitrage(), streams, config)
    cut_ns = int(whole.journal["ts_ns"][whole.journal.num_rows // 2].as_py())
    changed = run_backtest(CrossedArbitrage(), other_future(tmp_path, streams, cut_ns), config)
    assert before(whole, cut_ns).height > 20
    assert before(changed, cut_ns).equals(before(whole, cut_ns))
    assert changed.journal_hash != whole.journal_hash


def test_the_command_plants_the_markets_it_needs(tmp_path: Path) -> None:
    arguments = ["capture", str(_SPEC), "--lake", str(tmp_path), "--markets", "2", "--json"]
    done = CliRunner().invoke(main, [*arguments, "--set", "planted.planted_three.minutes=0.5"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert [run["market"] for run in answer["runs"]] == ["planted_three", "planted_three_8"]
    assert sum(row["crosses"] for row in answer["classes"]) > 10
    demo = str(_SPEC.with_name("demo_arbitrage.yaml"))
    refused = CliRunner().invoke(main, ["capture", demo, "--markets", "2"])
    assert refused.exit_code == 2
    assert "need a spec that plants exactly one" in refused.output
