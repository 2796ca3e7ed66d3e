"""Sweeps over a small generated market: resumed, pruned, parallel and notebook-made alike."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from polars.testing import assert_frame_equal

pytest.importorskip("optuna", reason="needs the ml extra")

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from experiments.cli import main
from experiments.sweep import Objective, Pruning, Range, Study, SweepOutcome
from experiments.sweep.metrics import METRICS
from experiments.sweep.pruning import pruning_named
from framework.core.errors import CrossbookError, SpecError, StrategyError
from framework.engine import BacktestConfig, run_backtest
from framework.replay import GoldStream, open_streams
from framework.strategy import Context, OnTimer, Strategy, param
from framework.synthetic import write_demo_market
from tests.support.quoting import Quotes

_RANGES = {"lean": (0.0, 1.0), "size": Range(low=2, log=True), "behind": [0, 1, 2]}
_SPEC = """\
name: swept
strategy: tests.support.quoting:Quotes
parameters: {limit: 40}
data: [{table: demo}]
compiled: true
sweep:
  trials: 24
  batch: 4
  sampler: {kind: tpe, seed: 3}
  parameters:
    lean: {low: 0, high: 1}
    size: {low: 2, high: 40, log: true}
    interval_ns: [100ms, 500ms]
"""
_RUN = "from experiments.cli import main; main()"


class Moody(Strategy):
    """Buys once, and fails where its parameters say so."""

    size: int = param(1, low=1, high=6)
    wakes = (OnTimer("1s"),)
    done: int = 0

    def on_timer(self, ctx: Context) -> None:
        if self.size == 3:
            raise ZeroDivisionError("three is one too many")
        if not self.done and ctx.has_quote(0):
            ctx.market(0, 1, self.size)
            self.done = 1


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=20_000, seed=5)
    return folder


@pytest.fixture
def streams(lake: Path) -> list[GoldStream]:
    return open_streams(lake, "demo")


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def _study(streams: list[GoldStream], **settings: object) -> Study:
    given: dict[str, object] = {"trials": 15, "batch": 5, "ranges": _RANGES, "seed": 2}
    return Study(Quotes, streams, **(given | settings))  # type: ignore[arg-type]


def _same(one: SweepOutcome, other: SweepOutcome) -> None:
    assert_frame_equal(one.table, other.table)
    assert one.summary() == other.summary()


def test_a_trial_is_the_run_of_its_parameters(streams: list[GoldStream]) -> None:
    outcome = _study(streams, trials=6).run()
    assert [trial.number for trial in outcome.trials] == list(range(6))
    begin = {"lean": 0.5, "size": 5, "behind": 0}
    assert outcome.trials[0].params == begin
    assert set(METRICS) == set(outcome.best.metrics)
    best = outcome.best
    alone = run_backtest(Quotes(**best.parameters), streams)
    assert best.journal_hashes == (alone.journal_hash,)
    assert best.values[0] == pytest.approx(alone.summary()["pnl"])
    assert best.values[0] == outcome.table["pnl"].max()


def test_how_trials_are_run_cannot_be_seen(streams: list[GoldStream]) -> None:
    compiled = [
        _study(streams, config=BacktestConfig(compiled=True, threads=threads)).run()
        for threads in (1, 2)
    ]
    _same(*compiled)
    _same(compiled[0], _study(streams).run())


def test_processes_share_the_trials(streams: list[GoldStream]) -> None:
    settings = {"trials": 6, "batch": 6}
    _same(_study(streams, **settings).run(), _study(streams, workers=2, **settings).run())


@pytest.mark.parametrize(("sampler", "stored"), [("tpe", 7), ("nsga2", 5), ("random", 8)])
def test_a_study_cut_off_anywhere_ends_as_it_would_have(
    streams: list[GoldStream],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    stored: int,
    sampler: str,
) -> None:
    settings = {"sampler": sampler, "objectives": ["pnl", "drawdown"], "trials": 12}
    whole = _study(streams, **settings).run()
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    cut = _study(streams, storage=storage, **settings)
    add = cut.ledger.add

    def add_some(trial: FrozenTrial) -> None:
        if len(cut.ledger.trials) == stored:
            raise InterruptedError
        add(trial)

    monkeypatch.setattr(cut.ledger, "add", add_some)
    with pytest.raises(InterruptedError):
        cut.run()
    resumed = _study(streams, storage=storage, **settings)
    assert len(resumed.ledger.trials) == stored
    _same(resumed.run(), whole)
    assert [t.number for t in whole.front] == [t.number for t in resumed.outcome().front]


def test_a_study_goes_on_beyond_its_end(streams: list[GoldStream], tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    _study(streams, storage=storage, trials=7).run()
    _same(_study(streams, storage=storage, trials=12).run(), _study(streams, trials=12).run())


def test_any_storage_of_optunas_will_do(streams: list[GoldStream], tmp_path: Path) -> None:
    def journal() -> JournalStorage:
        return JournalStorage(JournalFileBackend(str(tmp_path / "study.log")))

    _study(streams, storage=journal(), trials=7).run()
    resumed = _study(streams, storage=journal(), trials=12)
    assert len(resumed.ledger.trials) == 7
    _same(resumed.run(), _study(streams, trials=12).run())


def test_another_study_of_the_name_is_refused(streams: list[GoldStream], tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    _study(streams, storage=storage, trials=5).run()
    with pytest.raises(CrossbookError, match=r"was begun with seed '2', now '4'") as caught:
        _study(streams, storage=storage, seed=4)
    assert "--fresh" in caught.value.remedy
    assert len(_study(streams, storage=storage, seed=4, fresh=True).ledger.trials) == 0


def test_two_sweeps_of_one_study_do_not_mix(streams: list[GoldStream], tmp_path: Path) -> None:
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    first, second = (_study(streams, storage=storage, trials=5) for _ in range(2))
    first.run()
    with pytest.raises(CrossbookError, match="one process at a time"):
        second.run()


def test_pruned_trials_end_early_and_alike(streams: list[GoldStream], tmp_path: Path) -> None:
    settings = {
        "trials": 20,
        "config": BacktestConfig(compiled=True, threads=2),
        "pruning": pruning_named("median", "10s", startup_trials=5),
    }
    storage = f"sqlite:///{tmp_path / 'study.db'}"
    outcome = _study(streams, **settings).run()
    pruned = outcome.table.filter(pl.col("state") == "pruned")
    assert 0 < pruned.height < 15
    assert outcome.table.filter(pl.col("state") == "fail").is_empty()
    assert all(outcome.trials[n].intermediate_values for n in pruned["number"])
    assert outcome.deflated is not None
    assert outcome.deflated.n_trials == 20
    settings["config"] = BacktestConfig(compiled=True, threads=1)
    _study(streams, storage=storage, **(settings | {"trials": 11})).run()
    _same(_study(streams, storage=storage, **settings).run(), outcome)


def test_a_front_holds_what_nothing_beats(streams: list[GoldStream]) -> None:
    objectives = ["pnl", Objective("inventory"), "fills"]
    outcome = _study(streams, objectives=objectives).run()
    assert [o.direction for o in outcome.objectives] == ["maximize", "minimize", "maximize"]
    assert {t.number for t in outcome.front} == {t.number for t in outcome.study.best_trials}
    values = [t.values[0] for t in outcome.front]
    assert values == sorted(values, reverse=True)


def test_a_trial_that_fails_does_not_stop_the_others(streams: list[GoldStream]) -> None:
    outcome = Study(Moody, streams, trials=12, batch=6, ranges={"size": [1, 2, 3, 4]}).run()
    failed = outcome.table.filter(pl.col("state") == "fail")
    assert set(failed["size"]) == {3}
    assert "three is one too many" in str(outcome.trials[failed["number"][0]].user_attrs["note"])
    assert outcome.best.parameters["size"] != 3
    with pytest.raises(StrategyError, match="three is one too many"):
        Study(Moody, streams, trials=2, ranges={"size": [3]}).run()


def test_mistakes_are_explained(streams: list[GoldStream]) -> None:
    with pytest.raises(SpecError, match="got leen") as caught:
        _study(streams, ranges={"leen": (0, 1)})
    assert "lean" in caught.value.remedy
    with pytest.raises(SpecError, match="must be at least 0"):
        _study(streams, ranges={"lean": (-1.0, 1.0)})
    with pytest.raises(SpecError, match="lower to a higher"):
        _study(streams, ranges={"lean": (1.0, 0.5)})
    with pytest.raises(SpecError, match="got 'sharp'") as caught:
        _study(streams, objectives="sharp")
    assert "sharpe" in caught.value.remedy
    with pytest.raises(SpecError, match="one objective on one span"):
        _study(streams, objectives=["pnl", "drawdown"], pruning=Pruning(every="1s"))
    with pytest.raises(CrossbookError, match="storage must be usable"):
        _study(streams, storage="sqlite:////no/such/folder/study.db")


_CELL = """
class Typed(Strategy):
    size: int = param(2, low=1, high=9)
    wakes = (OnTimer("1s"),)
    def on_timer(self, ctx):
        if ctx.has_quote(0):
            ctx.cancel_all(0)
            ctx.buy(0, self.size * LOTS, ctx.bid_ticks(0))
"""
_NOTEBOOK = """
import linecache, pickle
from experiments.sweep import Study
from framework.engine import BacktestConfig
from framework.strategy import OnTimer, Strategy, param
LOTS = 2
cell = {cell!r}
# As a notebook does: the cell's source is known to linecache, and there is no file.
linecache.cache["<cell 1>"] = (len(cell), None, cell.splitlines(True), "<cell 1>")
exec(compile(cell, "<cell 1>", "exec"))
streams = pickle.loads({streams!r})
for config in (BacktestConfig(), BacktestConfig(compiled=True)):
    for trials in (3, 6):
        storage = f"sqlite:///typed_{{config.compiled}}.db"
        study = Study(Typed, streams, trials=trials, batch=2, config=config, storage=storage)
        outcome = study.run()
    print(outcome.best.number, *outcome.best.journal_hashes, sum(outcome.table["fills"]) > 0)
"""


def test_a_class_typed_in_a_notebook_is_swept(streams: list[GoldStream]) -> None:
    text = _NOTEBOOK.format(cell=_CELL, streams=pickle.dumps(streams))
    path = os.pathsep.join(filter(None, sys.path))
    told = subprocess.run(
        [sys.executable, "-c", text],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    interpreted, compiled = told.stdout.splitlines()
    assert interpreted == compiled
    assert interpreted.endswith("True")


def test_without_optuna_the_remedy_is_named() -> None:
    script = "import sys; sys.modules['optuna'] = None\nimport experiments.sweep"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "CrossbookError: a sweep needs Optuna" in done.stderr
    assert "pip install 'crossbook[ml]'" in done.stderr


def _crossbook(*arguments: str) -> dict[str, object]:
    done = CliRunner().invoke(main, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def _stored(path: Path) -> int:
    if not path.exists():
        return 0
    try:
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            return int(database.execute("select count(*) from trials").fetchone()[0])
    except sqlite3.OperationalError:  # not laid out yet
        return 0


def test_kill_9_in_the_middle_costs_nothing(lake: Path, tmp_path: Path) -> None:
    mlflow = pytest.importorskip("mlflow", reason="needs the ml extra")
    (tmp_path / "spec.yaml").write_text(_SPEC)
    path = os.pathsep.join(filter(None, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, "sweep", "spec.yaml", "--lake", str(lake)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    study = tmp_path / "out" / "swept" / "study.db"
    while _stored(study) < 9 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    left = _stored(study)
    assert 9 <= left < 24
    resumed = _crossbook("sweep", "spec.yaml", "--lake", str(lake))
    whole = _crossbook("sweep", "spec.yaml", "--lake", str(lake), "--no-track", "--out", "whole")
    assert resumed["front"] == whole["front"]
    assert resumed["deflated"] == whole["deflated"]
    assert _table(study).equals(_table(tmp_path / "whole" / "study.db"))
    tracking = resumed["tracking"]
    assert isinstance(tracking, dict)
    client = mlflow.tracking.MlflowClient(tracking_uri=tracking["uri"])
    parent = client.get_run(tracking["run_id"])
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["best.deflated_sharpe"] == pytest.approx(resumed["deflated sharpe"])
    children = client.search_runs(
        [parent.info.experiment_id], f"tags.`mlflow.parentRunId` = '{tracking['run_id']}'"
    )
    assert sorted(int(run.data.tags["trial"]) for run in children) == list(range(24))
    assert {run.info.status for run in children} == {"FINISHED"}
    assert {dataset.dataset.name for dataset in children[0].inputs.dataset_inputs} == {"gold/demo"}
    files = {item.path for item in client.list_artifacts(tracking["run_id"])}
    assert files == {"best.yaml", "spec.yaml", "sweep.html"}


def _table(study: Path) -> pl.DataFrame:
    """Number, state and values of what a storage holds, read without Optuna."""
    query = (
        "select number, state, param_name, param_value from trials join trial_params "
        "using (trial_id) order by number, param_name"
    )
    with sqlite3.connect(study) as database:
        return pl.DataFrame(database.execute(query).fetchall(), orient="row")


@pytest.mark.parametrize("method", ["walk_forward", "combinatorial"])
def test_a_sweep_is_tested_on_what_it_has_not_seen(lake: Path, method: str) -> None:
    Path("spec.yaml").write_text(_SPEC)
    settings = ["--set", "sweep.trials=5", "--set", "sweep.validate.purge=1s"]
    options = [*settings, "--lake", str(lake), "--no-track", "--folds", "3"]
    answer = _crossbook("sweep", "spec.yaml", "--validate", method, *options)
    found = answer["validation"]
    assert isinstance(found, dict)
    assert len(found["splits"]) == 3
    assert found["trials"] == 15
    if method == "combinatorial":
        assert found["histories"] == 2
    else:
        joined = sum(row["pnl out of sample"] for row in found["splits"])
        assert found["pnl out of sample"] == pytest.approx(joined)
    assert Path(str(answer["page"])).read_text("utf-8").count("<h2>Validation</h2>") == 1
    assert Path(str(answer["best_spec"])).read_text("utf-8").startswith("# Best of 5 trials: ")
    best = _crossbook("run", str(answer["best_spec"]), "--lake", str(lake), "--no-track")
    assert best["pnl"] == pytest.approx(answer["pnl"])
