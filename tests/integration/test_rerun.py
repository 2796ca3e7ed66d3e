"""Runs repeated from their records, with everything around them changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from deltalake import DeltaTable

from experiments.cli import main
from experiments.record.provenance import as_json, from_json
from experiments.record.redaction import HIDDEN, without_secrets
from framework.core.errors import DataError
from framework.synthetic import write_demo_market

pytest.importorskip("mlflow", reason="needs the ml extra")

_STRATEGY = """\
from framework.strategy import OnTimer, Strategy, param


class Dips(Strategy):
    size: int = param(3, low=1, high=9)
    spare: int = param(2, low=1, high=9)
    wakes = (OnTimer("1s"),)

    def on_timer(self, ctx):
        if ctx.has_quote(0):
            ctx.cancel_all()
            ctx.buy(0, self.size * self.spare, ctx.bid_ticks(0), post_only=True)
"""
_SPEC = """\
name: dips
strategy: dips.py:Dips
parameters: {size: 2}
data: [{table: demo}]
fees: {maker_bps: 0.1}
"""


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market")
    write_demo_market(folder, rows=10_000, seed=5)
    return folder


@pytest.fixture
def lake(market: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lake of one's own, to spoil, in the folder that commands are run in."""
    shutil.copytree(market, tmp_path / "lake")
    (tmp_path / "dips.py").write_text(_STRATEGY)
    (tmp_path / "spec.yaml").write_text(_SPEC)
    shutil.copy(Path(__file__).resolve().parents[2] / "data_catalog.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path / "lake"


def _crossbook(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def _json(done: Result, exit_code: int = 0) -> dict[str, object]:
    assert done.exit_code == exit_code, done.output
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def _run(*arguments: str) -> str:
    return str(_json(_crossbook("run", "spec.yaml", "--json", *arguments))["run_id"])


def test_a_run_is_repeated_from_its_record_and_not_from_todays_files(
    lake: Path, tmp_path: Path
) -> None:
    run = _run()
    (tmp_path / "dips.py").write_text(_STRATEGY.replace("param(2,", "param(1,"))
    (tmp_path / "spec.yaml").write_text(_SPEC.replace("size: 2", "size: 9"))
    catalog = tmp_path / "data_catalog.yaml"
    catalog.write_text(catalog.read_text().replace("order_entry: 500us", "order_entry: 9ms"))
    table = DeltaTable(str(lake / "gold" / "demo"))
    table.delete("seq % 2 = 1")
    assert _run() != run
    answer = _json(_crossbook("rerun", run, "--json"))
    assert answer["same"] is True
    (one,) = answer["runs"]  # type: ignore[misc]
    assert one["remarks"][0] == "dips.py has changed since: the recorded source was run"
    assert _json(_crossbook("rerun", f"out/dips/{run}", "--json"))["same"] is True


def test_the_first_difference_is_shown(lake: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "dips" / _run()
    record = json.loads((folder / "record.json").read_text())
    record["parameters"]["size"] = 3
    (folder / "record.json").write_text(json.dumps(record))
    done = _crossbook("rerun", str(folder))
    assert done.exit_code == 1
    assert "differs" in done.stdout
    assert "row 0: baseline submitted of order 1 at alpha:XYZ" in done.stdout
    answer = _json(_crossbook("rerun", str(folder), "--json"), exit_code=1)
    assert answer["same"] is False


def test_other_code_is_named_with_a_way_back(lake: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out" / "dips" / _run("--no-track")
    record = json.loads((folder / "record.json").read_text())
    record["origin"]["engine"] = {"commit": "0123456789ab" + "0" * 28, "fingerprint": "f" * 64}
    record["origin"]["packages"]["numba"] = "0.1"
    (folder / "record.json").write_text(json.dumps(record))
    (one,) = _json(_crossbook("rerun", str(folder), "--json"))["runs"]  # type: ignore[misc]
    told = " ".join(one["remarks"])
    assert "the engine was 0123456789ab with uncommitted changes (ffffffff), checked out" in told
    assert "git worktree add ../recorded 0123456789ab, there git apply" in told
    assert "numba 0.1 → " in told


def test_a_vacuumed_version_gets_a_clear_answer(lake: Path) -> None:
    run = _run()
    table = DeltaTable(str(lake / "gold" / "demo"))
    table.delete("seq % 2 = 1")
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    answer = _json(_crossbook("rerun", run, "--json"), exit_code=2)
    assert "dips read gold/demo version 0; to repeat it they must be readable" in str(
        answer["error"]
    )
    assert "restore them from a copy" in str(answer["remedy"])


def test_every_variant_of_a_run_is_repeated(lake: Path, tmp_path: Path) -> None:
    with (tmp_path / "spec.yaml").open("a") as file:
        file.write("vary: {parameters.size: [1, 2], latency.one_way: [0ms, 5ms]}\n")
    answer = _json(_crossbook("rerun", _run(), "--json"))
    names = [run["name"] for run in answer["runs"]]  # type: ignore[attr-defined]
    assert len(names) == 4
    assert names[3] == "parameters.size=2, latency.one_way=5ms"
    assert answer["same"] is True


def test_trials_of_a_sweep_are_repeated_pruned_ones_too(lake: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="needs the ml extra")
    with (tmp_path / "spec.yaml").open("a") as file:
        file.write(
            "sweep:\n  trials: 12\n  batch: 4\n  parameters: {size: {low: 1}, spare: {high: 5}}\n"
            "  pruner: {every: 5s, startup_trials: 4}\n"
        )
    swept = _json(_crossbook("sweep", "spec.yaml", "--json"))
    assert swept["pruned"]
    run = swept["tracking"]["run_id"]  # type: ignore[index]
    answer = _json(_crossbook("rerun", str(run), "--json"))
    assert len(answer["runs"]) == 12  # type: ignore[arg-type]
    assert answer["same"] is True


def test_what_is_no_run_is_explained(lake: Path, tmp_path: Path) -> None:
    _run("--no-track")
    answer = _json(_crossbook("rerun", "nonsense", "--json"), exit_code=2)
    assert "a run of MLflow's store" in str(answer["error"])
    answer = _json(_crossbook("rerun", str(tmp_path / "lake"), "--json"), exit_code=2)
    assert "has none" in str(answer["error"])
    with pytest.raises(DataError, match=r"x\.json must be a record of a run"):
        from_json('{"format": 7}', "x.json")


def test_a_record_reads_back_and_names_what_it_was_made_with(lake: Path, tmp_path: Path) -> None:
    text = (tmp_path / "out" / "dips" / _run("--no-track") / "record.json").read_text()
    record = from_json(text, "it")
    assert as_json(record) == text
    assert record.parameters == {"size": 2, "spare": 2}
    assert record.seeds == {"run": 1}
    assert {(entry.table, entry.version) for entry in record.data} == {("gold/demo", 0)}
    assert record.origin.strategy_source == _STRATEGY
    assert {"numpy", "numba", "polars"} <= set(record.origin.packages)
    assert int(record.origin.machine["cores"]) >= 1


def test_secrets_do_not_enter_a_record() -> None:
    diff = """\
diff --git a/settings.yaml b/settings.yaml
--- a/settings.yaml
+++ b/settings.yaml
+db_password: hunter2hunter2
+url: postgresql://me:hunter2@host/db
+aws = "AKIAABCDEFGHIJKLMNOP"
+edge_bps = 2.5
diff --git a/.env b/.env
--- a/.env
+++ b/.env
+ANYTHING=hunter2
diff --git a/code.py b/code.py
--- a/code.py
+++ b/code.py
-API_TOKEN = 'hunter2'
+token = next(stream)
+-----BEGIN RSA PRIVATE KEY-----
+hunter2
+-----END RSA PRIVATE KEY-----
+after = 1
"""
    kept = without_secrets(diff)
    assert "hunter2" not in kept
    assert "AKIA" not in kept
    assert "+edge_bps = 2.5" in kept
    assert "+token = next(stream)" in kept
    assert "+after = 1" in kept
    assert kept.count(HIDDEN) == 8
    assert without_secrets("+a = 1\n") == "+a = 1\n"
