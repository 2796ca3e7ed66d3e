"""Runs in a real MLflow store on disk."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pyarrow.ipc as ipc
import pytest

from experiments.record.addresses import without_credentials
from experiments.record.code_state import CodeState, code_state
from experiments.record.files import RunRecord, write_files
from experiments.report import DataVersion
from experiments.tracking import Tracker
from framework.core.errors import CrossbookError
from tests.unit.made_result import make_result

pytest.importorskip("mlflow", reason="needs the ml extra")


@pytest.fixture(autouse=True)
def _no_other_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all tests: a new store takes two seconds to lay out."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def record() -> RunRecord:
    return RunRecord(
        name="made by hand",
        result=make_result(),
        settings={"parameters.edge_bps": "2.0", "seed": "7"},
        spec_text="name: made by hand\n",
        strategy_source="class MadeByHand: ...\n",
        data=(
            DataVersion(table="gold/demo", version=3, stream="a:X", rows=1, location="lake/demo"),
            DataVersion(table="gold/demo", version=3, stream="b:X", rows=1, location="lake/demo"),
        ),
        code=CodeState(commit="a" * 40, diff="+ a change\n"),
        versions={"numpy": "2"},
    )


def test_a_run_comes_back_from_the_store(record: RunRecord, store: Path, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    tracker = Tracker("desk", store)
    files = write_files(record, tmp_path / "files")
    with tracker.run(record.name) as run_id:
        tracker.log(run_id, record, files)
    client = MlflowClient(tracking_uri=f"sqlite:///{store / 'mlflow.db'}")
    run = client.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"parameters.edge_bps": "2.0", "seed": "7"}
    assert run.data.tags["journal_hash"] == record.result.journal_hash
    assert run.data.tags["code.commit"] == "a" * 40
    assert run.data.tags["code.dirty"] == "true"
    assert run.data.tags["delta.gold/demo"] == "3"
    assert run.data.metrics["pnl"] == pytest.approx(0.1396)
    assert run.data.metrics["fills"] == 2
    assert run.data.metrics["positions.alpha.XYZ"] == 3
    curve = client.get_metric_history(run_id, "equity_USD")
    assert [point.value for point in curve] == pytest.approx([0.0, 0.1396])
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("gold/demo", "v3")
    assert '"delta_table_version": 3' in dataset.dataset.source
    names = {item.path for item in client.list_artifacts(run_id)}
    tables = {"journal.arrow", "fills.parquet", "samples.parquet"}
    assert names == tables | {"spec.yaml", "strategy.py", "code.diff"}
    assert (store / "mlartifacts" / "desk" / run_id / "artifacts").is_dir()


def test_files_say_what_the_run_was(record: RunRecord, tmp_path: Path) -> None:
    write_files(record, tmp_path)
    with ipc.open_file(str(tmp_path / "journal.arrow")) as reader:
        journal = reader.read_all()
    assert journal.schema.metadata[b"crossbook.hash"].decode() == record.result.journal_hash
    assert b'"tick": "0.01"' in journal.schema.metadata[b"crossbook.instruments"]
    assert journal.cast(record.result.journal.schema).equals(record.result.journal)
    assert pl.read_parquet(tmp_path / "fills.parquet").equals(record.result.fills)


def test_variants_hang_below_their_parent(record: RunRecord, store: Path) -> None:
    from mlflow.tracking import MlflowClient

    tracker = Tracker("desk", store)
    with tracker.run("parent") as parent, tracker.run("child", parent) as child:
        tracker.log(child, record, [])
    run = MlflowClient(tracking_uri=tracker.uri).get_run(child)
    assert run.data.tags["mlflow.parentRunId"] == parent


def test_a_run_that_raises_is_marked_failed(store: Path) -> None:
    from mlflow.tracking import MlflowClient

    tracker = Tracker("desk", store)
    with pytest.raises(KeyError), tracker.run("breaks") as run_id:
        raise KeyError("strategy")
    assert MlflowClient(tracking_uri=tracker.uri).get_run(run_id).info.status == "FAILED"


def test_the_environment_chooses_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'other.db'}")
    monkeypatch.chdir(tmp_path)
    Tracker("desk", tmp_path / "out")
    assert (tmp_path / "other.db").is_file()
    assert not (tmp_path / "out" / "mlflow.db").exists()


def test_an_unusable_store_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'file' / 'runs.db'}")
    with pytest.raises(CrossbookError, match="must be usable") as caught:
        Tracker("desk", tmp_path)
    assert "--no-track" in caught.value.remedy


def test_a_deleted_experiment_is_explained(store: Path) -> None:
    from mlflow.tracking import MlflowClient

    tracker = Tracker("given up", store)
    client = MlflowClient(tracking_uri=tracker.uri)
    client.delete_experiment(client.get_experiment_by_name("given up").experiment_id)
    with pytest.raises(CrossbookError, match="is deleted"):
        Tracker("given up", store)


@pytest.mark.parametrize(
    ("uri", "public"),
    [
        ("postgresql://me:secret@host:5432/runs", "postgresql://host:5432/runs"),
        ("s3://bucket/gold?AWS_SECRET_ACCESS_KEY=x", "s3://bucket/gold"),
        ("abfss://container@account.dfs.core.windows.net/gold", None),
        ("abfss://me:secret@account.dfs.core.windows.net/gold", None),
        ("sqlite:////out/mlflow.db", "sqlite:////out/mlflow.db"),
    ],
)
def test_no_secret_leaves(uri: str, public: str | None) -> None:
    shown = without_credentials(uri)
    assert "secret" not in shown.lower()
    assert public is None or shown == public


def test_without_mlflow_the_remedy_is_named(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['mlflow'] = None\n"
        "from pathlib import Path\n"
        "from experiments.tracking import Tracker\n"
        f"Tracker('desk', Path({str(tmp_path)!r}))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "CrossbookError: MLflow must be installed" in done.stderr
    assert "pip install 'crossbook[ml]', or run with --no-track" in done.stderr


def test_importing_tracking_does_not_import_mlflow() -> None:
    script = "import sys, experiments.tracking; sys.exit('mlflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_code_state_sees_commit_change_and_new_file(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True)

    assert code_state(tmp_path).commit == ""
    git("init", "-q")
    (tmp_path / "kept.py").write_text("a = 1\n")
    git("add", "kept.py")
    git("commit", "-qm", "First")
    clean = code_state(tmp_path)
    assert len(clean.commit) == 40
    assert not clean.dirty
    (tmp_path / "kept.py").write_text("a = 2\n")
    (tmp_path / "new.py").write_text("b = 1\n")
    changed = code_state(tmp_path)
    assert changed.commit == clean.commit
    assert "+a = 2" in changed.diff
    assert "# untracked: new.py" in changed.diff
    assert str(changed).endswith("with uncommitted changes")


def test_an_unwritable_folder_is_explained(record: RunRecord, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CrossbookError, match="cannot be written"):
        write_files(replace(record), tmp_path / "file" / "out")
