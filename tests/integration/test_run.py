"""``crossbook run`` and ``demo`` on a small generated market, from Delta tables to report."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import polars as pl
import pyarrow.ipc as ipc
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from framework.synthetic import write_demo_market

_ROWS = 40_000
_SPEC = """\
name: small
strategy: strategies.crossed_arbitrage:CrossedArbitrage
parameters: {min_edge_bps: 0.2, max_position: 50}
data:
  - {table: demo, venue: beta}
  - {table: demo, venue: alpha}
seed: 3
"""
_FAILS = """\
from framework.strategy import OnTimer, Strategy


class Fails(Strategy):
    wakes = (OnTimer("1s"),)
    woken = 0

    def on_timer(self, ctx):
        self.woken += 1
        ctx.market(0, 1, 1)
        if self.woken == 5:
            raise ZeroDivisionError("made to fail")
"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=_ROWS, seed=5)
    return folder


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (tmp_path / "spec.yaml").write_text(_SPEC)


def _crossbook(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def _run(lake: Path, *arguments: str) -> dict[str, object]:
    done = _crossbook("run", "spec.yaml", "--lake", lake, "--json", "--no-track", *arguments)
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_json_holds_the_headline_figures(lake: Path) -> None:
    answer = _run(lake)
    assert 0 < answer["events"] <= _ROWS  # type: ignore[operator]
    assert answer["orders"] > 0  # type: ignore[operator]
    assert answer["fills"] > 0  # type: ignore[operator]
    assert re.fullmatch(r"[0-9a-f]{64}", str(answer["journal_hash"]))
    assert {d["table"] for d in answer["data"]} == {"gold/demo"}  # type: ignore[attr-defined]
    positions = answer["positions"]
    assert isinstance(positions, dict)
    assert set(positions) == {"alpha", "beta"}
    assert "variants" not in answer


def test_money_adds_up_from_the_fills_alone(lake: Path) -> None:
    answer = _run(lake)
    report = Path(str(answer["report"]))
    fills = pl.read_parquet(report.with_name("fills.parquet"))
    cash = -(fills["side"] * fills["price"] * fills["quantity"]).sum()
    held = (fills["side"] * fills["quantity"]).sum()
    assert fills["fee"].sum() == pytest.approx(answer["fees"])
    assert held == sum(sum(p.values()) for p in answer["positions"].values())  # type: ignore[attr-defined]
    signed = pl.col("side") * pl.col("quantity")
    by_venue = fills.group_by("venue").agg(signed.sum().alias("held"))
    marks = _last_mids(lake)
    worth = sum(row["held"] * marks[row["venue"]] for row in by_venue.iter_rows(named=True))
    assert answer["gross_pnl"] == pytest.approx(cash + worth)
    assert answer["pnl"] == pytest.approx(cash + worth - fills["fee"].sum())


def _last_mids(lake: Path) -> dict[str, float]:
    """Rebuild both final books the slow way, from the table itself."""
    rows = pl.read_delta(str(lake / "gold" / "demo")).sort("venue", "ts_exch_ns", "seq")
    books: dict[tuple[str, int], dict[int, int]] = {}
    for venue, kind, side, px, lots in rows.select(
        "venue", "kind", "side", "px_ticks", "qty_lots"
    ).iter_rows():
        if kind == 3:
            for own in (1, -1) if side == 0 else (side,):
                books[(venue, own)] = {}
        elif kind == 1:
            book = books.setdefault((venue, side), {})
            book[px] = lots
            if lots == 0:
                del book[px]
    venues = {venue for venue, _ in books}
    return {v: (max(books[v, 1]) + min(books[v, -1])) / 200 for v in venues}


def test_the_same_run_gives_the_same_bytes_in_any_order(lake: Path, tmp_path: Path) -> None:
    first = _run(lake, "--out", "one")
    turned = _SPEC.replace("beta", "other").replace("alpha", "beta").replace("other", "alpha")
    (tmp_path / "spec.yaml").write_text(turned)
    second = _run(lake, "--out", "two")
    assert first["journal_hash"] == second["journal_hash"]
    assert first["run_id"] == second["run_id"]
    digests = {
        hashlib.sha256((tmp_path / folder / "journal.arrow").read_bytes()).hexdigest()
        for folder in ("one", "two")
    }
    assert len(digests) == 1


def test_overrides_change_the_run(lake: Path) -> None:
    plain = _run(lake)
    dear = _run(lake, "--set", "fees.taker_bps=40")
    assert dear["orders"] < plain["orders"]  # type: ignore[operator]
    slow = _run(lake, "--set", "latency.one_way=200ms")
    assert slow["journal_hash"] != plain["journal_hash"]


def test_vary_runs_every_value(lake: Path) -> None:
    answer = _run(lake, "--set", "vary={latency.one_way: [0ms, 20ms]}", "--out", "varied")
    variants = answer["variants"]
    assert isinstance(variants, list)
    assert [v["values"] for v in variants] == [
        {"latency.one_way": "0ms"},
        {"latency.one_way": "20ms"},
    ]
    assert variants[0]["journal_hash"] != variants[1]["journal_hash"]
    assert answer["journal_hash"] == variants[0]["journal_hash"]
    alone = _run(lake, "--set", "latency.one_way=20ms")
    assert variants[1]["journal_hash"] == alone["journal_hash"]
    assert Path("varied/variant_001/journal.arrow").is_file()
    assert "What if: latency.one_way" in Path("varied/report.html").read_text("utf-8")


def test_variants_that_share_a_replay_equal_solo_runs(lake: Path) -> None:
    answer = _run(lake, "--set", "vary={parameters.min_edge_bps: [0.2, 1, 5]}")
    for variant in answer["variants"]:  # type: ignore[attr-defined]
        edge = variant["values"]["parameters.min_edge_bps"]
        alone = _run(lake, "--set", f"parameters.min_edge_bps={edge}")
        assert variant["journal_hash"] == alone["journal_hash"]


def test_episodes_are_printed_and_reported(lake: Path) -> None:
    answer = _run(lake, "--set", "episodes={hours: [0, 24]}", "--out", "episodes")
    (day,) = answer["episodes"]  # type: ignore[misc]
    assert day["date"] == "2024-01-02"
    assert day["episodes"] > 0
    assert "Crossed episodes" in Path("episodes/report.html").read_text("utf-8")


def test_the_journal_file_is_the_hashed_one(lake: Path) -> None:
    answer = _run(lake, "--out", "kept")
    with ipc.open_file("kept/journal.arrow") as reader:
        metadata = reader.schema.metadata
    assert metadata[b"crossbook.hash"].decode() == answer["journal_hash"]


def test_a_tracked_run_is_in_mlflow(lake: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="needs the ml extra")
    from mlflow.tracking import MlflowClient

    done = _crossbook("run", "spec.yaml", "--lake", lake, "--json", "--set", "vary={seed: [1, 2]}")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'out' / 'mlflow.db'}")
    parent = client.get_run(answer["run_id"])
    assert {f.path for f in client.list_artifacts(answer["run_id"])} == {"report.html"}
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{answer['run_id']}'"
    )
    assert {child.data.params["seed"] for child in children} == {"1", "2"}
    assert {child.data.tags["journal_hash"] for child in children} == {
        variant["journal_hash"] for variant in answer["variants"]
    }
    assert parent.data.tags["delta.gold/demo"] == "0"
    assert parent.inputs.dataset_inputs[0].dataset.digest == "v0"


def test_a_failing_strategy_shows_its_own_trace(lake: Path, tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(_FAILS)
    (tmp_path / "spec.yaml").write_text(
        "name: fails\nstrategy: fails.py:Fails\ndata: [{table: demo}]\n"
    )
    done = _crossbook("run", "spec.yaml", "--lake", lake, "--no-track", "--json")
    assert done.exit_code == 2
    assert 'raise ZeroDivisionError("made to fail")' in done.stderr
    assert "made to fail" in json.loads(done.stdout)["error"]
    with ipc.open_file("out/fails/failed/journal.arrow") as reader:
        assert reader.read_all().num_rows > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("table: demo,", "table: dmeo,"), "dmeo"),
        (("venue: beta", "venue: gamma"), "it holds: alpha:XYZ, beta:XYZ"),
        (("venue: beta", "version: 99, venue: beta"), "99"),
        (("seed: 3", "latency: {venues: {gamma: {one_way: 1ms}}}"), "which the run does not read"),
        (("{table: demo, venue: beta}", "{table: demo, venue: alpha}"), "given twice"),
        (("seed: 3", "end: 1999-01-01"), "it holds 2024-01-02T14:30:00"),
    ],
)
def test_what_cannot_run_says_why(
    lake: Path, tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    assert change[0] in _SPEC
    (tmp_path / "spec.yaml").write_text(_SPEC.replace(*change))
    done = _crossbook("run", "spec.yaml", "--lake", lake, "--no-track", "--json")
    assert done.exit_code == 2, done.output
    answer = json.loads(done.stdout)
    assert words in answer["error"] + answer["remedy"]
    assert answer["remedy"]
    assert "Traceback" not in done.stderr


def test_the_demo_compares_both_strategies(tmp_path: Path) -> None:
    done = _crossbook("demo", "--rows", "20000", "--lake", "lake", "--no-track", "--json")
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert set(answer["runs"]) == {"CrossedArbitrage", "MidpointQuoting"}
    for figures in answer["runs"].values():
        assert figures["fills"] > 0
        assert Path(figures["report"]).is_file()
    again = _crossbook("demo", "--rows", "20000", "--lake", "lake", "--no-track")
    assert again.exit_code == 0, again.output
    assert "CrossedArbitrage" in again.stdout
    assert "report.html" in again.stdout
