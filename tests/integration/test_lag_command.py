"""``crossbook lag``: every row is an honest run, its parts add up, and the page shows them."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.studies.lag import LAG_SCHEMA
from framework.core.clock import NS_PER_MS
from framework.engine import BacktestConfig, run_backtest
from framework.replay import open_streams
from framework.state import Lag, StoreLink
from framework.synthetic import write_demo_market
from research.basis_gap import decisions
from strategies.crossed_arbitrage import CrossedArbitrage

_SPEC = """\
name: small
strategy: strategies.crossed_arbitrage:CrossedArbitrage
parameters: {min_edge_bps: 0.1, max_position: 50, min_age_ns: 0ms}
data: [{table: demo}]
store: {bucket: 0ms, notify: 1ms}
compiled: true
seed: 0
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=30_000, seed=11)
    return folder


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "spec.yaml").write_text(_SPEC)


def _lag(lake: Path, *arguments: str) -> Result:
    given = ["lag", "spec.yaml", "--lake", str(lake), "--json", *arguments]
    return CliRunner().invoke(main, given)


def test_rows_are_runs_and_parts_add_up(lake: Path) -> None:
    done = _lag(lake, "--write", "0,5ms,50ms", "--set", "store.notify=0ms")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    rows = answer["runs"]
    assert [row["lag_ms"] for row in rows] == [None, 0.0, 5.0, 50.0]
    assert [row["is_direct"] for row in rows] == [True, True, False, False]
    assert list(rows[0]) == list(LAG_SCHEMA)
    for row in rows:
        parts = row["by_captures"] + row["by_legging"] + row["by_rest"]
        assert parts == pytest.approx(row["to_direct"], abs=1e-9)
        assert row["to_direct"] == pytest.approx(row["pnl"] - rows[0]["pnl"], abs=1e-9)
        assert row["tried"] >= row["captured"]
    assert rows[0]["captured"] > 5
    ages = [row["age_p50_ms"] for row in rows]
    assert ages[0] == ages[1] < 5 < ages[2] < 50 < ages[3]
    link = StoreLink(write=Lag(ns=5 * NS_PER_MS))
    config = BacktestConfig(view="store", store=link, store_bucket_ns=0)
    own = run_backtest(
        CrossedArbitrage(min_edge_bps=0.1, max_position=50, min_age_ns=0),
        open_streams(lake, "demo"),
        config,
    )
    assert rows[2]["journal_hash"] == own.journal_hash
    page = Path(answer["page"]).read_text(encoding="utf-8")
    assert page.count("what the store&#39;s write lag costs") >= 1
    assert "Basis gap" in page


def test_other_lags_are_the_spec_s(lake: Path) -> None:
    done = _lag(lake, "--read", "0")
    assert done.exit_code == 0, done.output
    row = json.loads(done.stdout)["runs"][1]
    assert not row["is_direct"]  # the notify lag of the spec stays


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--write", "1ms", "--read", "2ms"), "one lag is tried at a time, got write and read"),
        (("--write", "1"), "write lags as --write 0,1ms,5ms,20ms"),
        (("--write", "1ms,1ms"), "lags must be named, each once"),
    ],
)
def test_mistakes_are_told(lake: Path, arguments: tuple[str, ...], message: str) -> None:
    done = _lag(lake, *arguments)
    assert done.exit_code != 0
    assert message in done.output


def test_gaps_are_what_the_journal_says(lake: Path) -> None:
    strategy = CrossedArbitrage(min_edge_bps=0.1, max_position=50, min_age_ns=0)
    link = StoreLink(write=Lag(ns=50 * NS_PER_MS))
    result = run_backtest(
        strategy, open_streams(lake, "demo"), BacktestConfig(view="store", store=link)
    )
    made = decisions(result)
    journal = pl.DataFrame(pl.from_arrow(result.journal)).filter(pl.col("seen_age_ns") >= 0)
    assert made.height == journal.height > 10
    row, own = made.row(3, named=True), journal.row(3, named=True)
    true_mid = (own["bid_ticks"] + own["ask_ticks"] - own["mid_gap_half_ticks"]) / 2
    known_mid = (own["bid_ticks"] + own["ask_ticks"]) / 2
    assert row["gap_ticks"] == known_mid - true_mid
    assert row["gap_bps"] == pytest.approx((known_mid - true_mid) / true_mid * 1e4)
    assert made["gap_ticks"].abs().max() > 0
