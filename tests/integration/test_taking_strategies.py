"""The taking strategies on one planted market: both modes alike, no look ahead, commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from experiments.cli import main
from framework.engine import BacktestConfig, Result, run_backtest
from framework.lake.store import Lake
from framework.replay import GoldStream, open_streams
from framework.signals import HeldSignal
from framework.strategy import Strategy
from framework.synthetic.planted import (
    Level,
    PlantedMarket,
    planted_instruments,
    truth_table,
    write_planted_market,
)
from research.regime import regimes_of
from strategies.crossed_arbitrage import CrossedArbitrage
from strategies.mean_reversion import MeanReversion
from strategies.regime_switch import STATES, RegimeSwitch
from strategies.smart_router import SmartRouter
from tests.support.other_future import before, other_future

_EXPERIMENTS = Path(__file__).resolve().parents[2] / "experiments"
_SAMPLED = {"interval_ns": 100_000_000, "window": 200}
CASES: dict[str, tuple[Strategy, int]] = {
    "arbitrage": (CrossedArbitrage(legging=2, rebalance_bps=3.0), 2),
    "exponential": (MeanReversion(**_SAMPLED), 2),
    "rolling": (MeanReversion(moments=1, min_edge_bps=-1.0, **_SAMPLED), 2),
    "passive": (MeanReversion(passive=True, min_edge_bps=-2.0, **_SAMPLED), 2),
    "router": (SmartRouter(parent_lots=5_000, horizon_ns=60_000_000_000, rule_bps=1.0), 2),
    "regimes": (RegimeSwitch(slow_ns=10_000_000_000, entry_z=1.0, min_edge_bps=-3.0), 1),
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("lake")
    market = PlantedMarket(3.0, 11, instruments=planted_instruments(2))
    write_planted_market(folder, market, name="pair", levels=[Level.DEPTH])
    return Lake(folder)


@pytest.fixture(scope="module")
def streams(lake: Lake) -> list[GoldStream]:
    return open_streams(lake, "pair_depth")


@pytest.fixture(scope="module")
def regime(lake: Lake) -> HeldSignal:
    """The true regimes, with trend and crisis put in between."""
    first_ns = int(lake.scan(truth_table("pair", "path")).collect()["ts_ns"][0])
    at_ns = [first_ns + second * 10**9 for second in (0, 40, 80, 90, 130)]
    return HeldSignal("regime", at_ns, value=[0.0, 1.0, 2.0, 0.0, 1.0], states=STATES)


def _run(case: str, streams: list[GoldStream], regime: HeldSignal, *, compiled: bool) -> Result:
    strategy, books = CASES[case]
    signals = (regime,) if isinstance(strategy, RegimeSwitch) else ()
    return run_backtest(
        strategy, streams[:books], BacktestConfig(compiled=compiled, signals=signals)
    )


@pytest.mark.parametrize("case", CASES)
def test_compiled_equals_interpreted(
    case: str, streams: list[GoldStream], regime: HeldSignal
) -> None:
    interpreted = _run(case, streams, regime, compiled=False)
    compiled = _run(case, streams, regime, compiled=True)
    assert interpreted.counters["fills"] > 5
    assert compiled.journal_hash == interpreted.journal_hash
    assert compiled.samples.equals(interpreted.samples)


@pytest.mark.parametrize("case", CASES)
def test_the_future_changes_no_earlier_order(
    case: str, streams: list[GoldStream], regime: HeldSignal, tmp_path: Path
) -> None:
    whole = _run(case, streams, regime, compiled=True)
    cut_ns = int(whole.journal["ts_ns"][whole.journal.num_rows // 2].as_py())
    changed = _run(case, other_future(tmp_path, streams, cut_ns), regime, compiled=True)
    assert before(whole, cut_ns).height > 2
    assert before(changed, cut_ns).equals(before(whole, cut_ns))
    assert changed.journal_hash != whole.journal_hash


def test_regimes_are_detected_from_what_was_known(
    streams: list[GoldStream], tmp_path: Path
) -> None:
    found = regimes_of(streams[0])
    assert set(found["state"]) <= set(STATES)
    cut_ns = int(found["recorded_ns"][0]) + 90 * 10**9
    other = regimes_of(other_future(tmp_path, streams[:1], cut_ns)[0])
    assert (found["recorded_ns"] >= found["valid_ns"]).all()
    assert other.filter(other["recorded_ns"] < cut_ns).equals(
        found.filter(found["recorded_ns"] < cut_ns)
    )


def _command(*arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_all_shipped_specs_stand_in_one_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("arbitrage", "mean_reversion", "regime", "router"):
        path = _EXPERIMENTS / f"planted_{name}.yaml"
        text = path.read_text("utf-8").replace("minutes: 10,", "minutes: 1.5,")
        (tmp_path / path.name).write_text(text.replace("horizon_ns: 30s", "horizon_ns: 10s"))
    shipped = [str(path) for path in sorted(tmp_path.glob("*.yaml"))]
    elsewhere = str(_EXPERIMENTS / "binance_router.yaml")
    answer = _command("strategies", *shipped, elsewhere, "--no-track", "--lake", "lake")
    runs = answer["runs"]
    assert isinstance(runs, list)
    by_spec = {(run["spec"], run["varied"]): run for run in runs}
    assert len(by_spec) == 5
    assert by_spec["planted_router", "max_slices 50"]["fills"] > 0
    assert by_spec["planted_arbitrage", ""]["currency"] == "USD"
    assert answer["missing"] == {"binance_router": ["binance_usdm"]}
    nothing = CliRunner().invoke(main, ["strategies", *shipped, "--only", "absent"])
    assert nothing.exit_code == 2
    assert "none is named like 'absent'" in nothing.output


def test_parent_orders_are_measured_against_their_arrival(tmp_path: Path) -> None:
    spec = str(_EXPERIMENTS / "planted_router.yaml")
    small = ["--set", "planted.planted_three.minutes=1.5", "--set", "parameters.horizon_ns=10s"]
    lake = ["--lake", str(tmp_path), "--arrivals", "3"]
    answer = _command("shortfall", spec, *small, *lake)
    variants = answer["variants"]
    assert isinstance(variants, list)
    sliced, swept = variants
    assert (sliced["variant"], swept["variant"]) == ("max_slices 50", "max_slices 1")
    assert swept["slippage_bps"] > 0
    assert sliced["orders"] > swept["orders"]
    orders = answer["orders"]
    assert isinstance(orders, list)
    assert len(orders) == 12
    refused = CliRunner().invoke(main, ["shortfall", str(_EXPERIMENTS / "demo_midpoint.yaml")])
    assert refused.exit_code == 2
    assert "MidpointQuoting lacks side" in refused.output
