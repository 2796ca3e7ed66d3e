"""Training is recorded, models are registered and promoted by a test, and loaded without pickle."""

from __future__ import annotations

import json
import pickle
from importlib.metadata import version
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from experiments.cli import main
from experiments.models import Learnt, ModelRegistry, Source, learn
from experiments.record.code_state import CodeState
from experiments.report import DataVersion
from experiments.tracking import URI_VARIABLE, open_client
from framework.core.clock import NS_PER_S
from framework.core.errors import CrossbookError
from framework.synthetic.planted import (
    Level,
    PlantedMarket,
    planted_instruments,
    write_planted_market,
)
from research.volatility import BarSettings, evaluate, volatility_table
from research.volatility.models import Har, ModelError, Transformer
from tests.support.volatility import headlines, quotes

_HORIZON_NS = 10 * NS_PER_S
_NAME = "volatility.venue.XYZ.10s"


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URI_VARIABLE, raising=False)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> ModelRegistry:
    """A store with HAR as version 1, XGBoost as 2 and persistence as 3."""
    news = headlines(6.0, seed=1)
    rows = quotes(6.0, seed=1, news=news).with_columns(mid_deviation_ticks=pl.lit(0.1))
    source = Source(
        stream="venue:XYZ",
        horizon_ns=_HORIZON_NS,
        table=volatility_table(rows, BarSettings(horizon_ns=_HORIZON_NS), news=news),
        data=(DataVersion(table="gold/made", version=3, stream="venue:XYZ", rows=rows.height),),
    )
    store = ModelRegistry(tmp_path_factory.mktemp("mlflow"))
    for kind in ("har", "xgboost", "persistence"):
        store.record(source, learn(source, kind, folds=2), seed=0, code=CodeState(commit="abc"))
    return store


def test_a_run_holds_what_is_needed_to_judge_it(registry: ModelRegistry) -> None:
    entry = registry.version(_NAME, 2)
    client = open_client(registry.uri)
    run = client.get_run(entry.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params["kind"] == "xgboost"
    assert run.data.params["seed"] == "0"
    assert "news_heat_40s" in run.data.params["features"]
    assert run.data.tags["delta.gold/made"] == "3"
    assert run.data.params["folds"] == "2"
    assert run.data.tags["version.arch"] == version("arch")
    (read,) = run.inputs.dataset_inputs
    assert (read.dataset.name, read.dataset.digest) == ("gold/made", "v3")
    assert [tag.value for tag in read.tags] == ["training"]
    assert run.data.metrics["dm_p"] < 0.01
    assert 0.87 < run.data.metrics["coverage"] < 0.93
    curve = client.get_metric_history(entry.run_id, "curve.held_out")
    assert len(curve) > 5
    assert curve[-1].value < curve[0].value
    text = Path(client.download_artifacts(entry.run_id, "importances.json")).read_text()
    assert sum(json.loads(text).values()) == pytest.approx(1.0)


def test_a_registered_model_has_a_signature_an_example_and_no_pickle(
    registry: ModelRegistry,
) -> None:
    client = open_client(registry.uri)
    folder = Path(client.download_artifacts(registry.version(_NAME, 2).run_id, "model"))
    names = {path.name for path in folder.rglob("*") if path.is_file()}
    assert {"MLmodel", "input_example.json", "model.json", "mean.ubj"} <= names
    assert not [name for name in names if name.endswith((".pkl", ".pickle"))]
    assert "mean_bps2" in (folder / "MLmodel").read_text()
    model, about = registry.load(_NAME, 2)
    assert model.kind == "xgboost"
    assert about["data"] == {"gold/made": 3}


def test_a_transformer_is_registered_without_pickle_and_loads_as_mlflow_loads(
    tmp_path: Path,
) -> None:
    pytest.importorskip("darts", reason="the extra crossbook[transformer] is not installed")
    import mlflow

    rows = quotes(2.0, seed=2)
    table = volatility_table(rows, BarSettings(horizon_ns=_HORIZON_NS))
    model = Transformer(epochs=2)
    models = {"har": Har, "tft": lambda: Transformer(epochs=1)}
    evaluation = evaluate(table, models, _HORIZON_NS, folds=1)
    model.fit(table)
    source = Source(stream="venue:XYZ", horizon_ns=_HORIZON_NS, table=table, data=())
    store = ModelRegistry(tmp_path)
    learnt = Learnt(model=model, evaluation=evaluation)
    entry = store.record(source, learnt, seed=0, code=CodeState(commit="abc"))
    folder = Path(open_client(store.uri).download_artifacts(entry.run_id, "model"))
    data = [path.name for path in (folder / "data" / "forecaster").iterdir()]
    assert sorted(data) == ["model.json", "network.safetensors"]
    again, _ = store.load(_NAME, 1)
    made = model.forecast(table.tail(5))
    assert again.forecast(table.tail(5)).mean_bps2.tobytes() == made.mean_bps2.tobytes()
    answer = mlflow.pyfunc.load_model(str(folder)).predict(table.tail(5).to_pandas())
    assert answer["mean_bps2"].tolist() == made.mean_bps2.tolist()


def test_a_foreign_pickle_in_the_store_is_refused(registry: ModelRegistry, tmp_path: Path) -> None:
    client = open_client(registry.uri)
    entry = registry.version(_NAME, 3)
    foreign = tmp_path / "python_model.pkl"
    foreign.write_bytes(pickle.dumps({"harmless": "but who knows"}))
    client.log_artifact(entry.run_id, str(foreign), "model/data/forecaster")
    with pytest.raises(ModelError, match="pickles can run any code"):
        registry.load(_NAME, 3)


def test_only_a_version_shown_to_be_better_is_promoted(registry: ModelRegistry) -> None:
    with pytest.raises(CrossbookError, match="must be better than har"):
        registry.promote(_NAME, 3)
    assert registry.promote(_NAME, 1) is None
    compared = registry.promote(_NAME, 2)
    assert compared is not None
    assert compared.p_value < 0.05
    with pytest.raises(CrossbookError, match="must be better than version 2"):
        registry.promote(_NAME, 1)
    registry.promote(_NAME, 1, reason="simpler")
    assert [entry.is_champion for entry in registry.versions(_NAME)] == [True, False, False]
    with pytest.raises(CrossbookError, match="no registered model nothing"):
        registry.versions("nothing")


def test_the_commands_take_a_stored_market_to_a_model_in_use(tmp_path: Path) -> None:
    lake, out = str(tmp_path / "lake"), str(tmp_path / "out")
    market = PlantedMarket(minutes=10, seed=1, instruments=planted_instruments(1))
    write_planted_market(lake, market, name="small", levels=(Level.QUOTES,))
    runner = CliRunner()
    source = ["small_quotes", "--lake", lake, "--horizon", "2s", "--folds", "2"]
    source += ["--news", "small_news"]
    told = runner.invoke(
        main, ["model", "train", *source, "--model", "har", "--out", out, "--json"]
    )
    assert told.exit_code == 0, told.output
    name = json.loads(told.stdout)["name"]
    assert name == "volatility.ash.PLT.2s"
    told = runner.invoke(main, ["model", "promote", name, "1", "--out", out])
    assert told.exit_code == 0, told.output
    told = runner.invoke(main, ["model", "compare", name, "--out", out, "--json"])
    assert json.loads(told.stdout)["versions"][0]["in_use"] == "yes"
    told = runner.invoke(
        main, ["model", "evaluate", *source, "--model", "har", "--model", "ewma", "--json"]
    )
    assert {row["model"] for row in json.loads(told.stdout)["summary"]} == {"har", "ewma"}
    told = runner.invoke(main, ["model", "train", *source, "--model", "lstm"])
    assert told.exit_code == 2
    assert "there are: persistence, ewma, har, garch, xgboost" in told.output
