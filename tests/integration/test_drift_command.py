"""`crossbook drift`: a planted market grows on, in its old ways or in new ones; and costs."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from experiments.cli import main
from experiments.models import ModelRegistry
from experiments.tracking import URI_VARIABLE, open_client
from framework.core.clock import NS_PER_S, format_ns, instant_ns
from framework.lake.store import Lake, TableName
from framework.synthetic import write_demo_market
from framework.synthetic.planted import (
    Level,
    PlantedMarket,
    PlantedModel,
    planted_instruments,
    write_planted_market,
)
from framework.synthetic.planted.model import EpisodeRates, RegimeModel, VenueModel
from research.tca import read_costs
from research.tca.cost_table import cost_table

_MINUTES = 25.0
_NAME = "volatility.ash.PLT.2s"
_CATALOG = Path(__file__).resolve().parents[2] / "data_catalog.yaml"
_CALM = PlantedModel(
    venues=(VenueModel(),),
    regimes=(RegimeModel(mean_s=1e9, share=1.0),),
    episodes=EpisodeRates(
        **dict.fromkeys(("structural", "noise", "dust", "spoof", "layering"), 0.0),
        **dict.fromkeys(("iceberg", "congestion", "loss", "jump"), 0.0),
    ),
    log_volatility_memory_s=20.0,
)
_SPEC = """\
name: {name}
strategy: strategies.crossed_arbitrage:CrossedArbitrage
data: [{{table: {table}}}]
fees: {{venues: {{alpha: {{taker_bps: {fee}}}}}}}
"""


@dataclass
class Desk:
    """A folder with a lake in it, and what is run there."""

    home: Path

    def crossbook(self, *arguments: str) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.home)
            patch.delenv(URI_VARIABLE, raising=False)
            return CliRunner().invoke(main, [*arguments, "--json"])

    def answer(self, *arguments: str, exit_code: int = 0) -> dict[str, object]:
        done = self.crossbook(*arguments)
        assert done.exit_code == exit_code, done.output
        found: dict[str, object] = json.loads(done.stdout)
        return found


def _plant(lake: Path, name: str, model: PlantedModel, seed: int) -> None:
    market = PlantedMarket(_MINUTES, seed, instruments=planted_instruments(1), model=model)
    write_planted_market(lake, market, name=name, levels=(Level.QUOTES,))


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Train on a calm market; the table then grows by as calm a one (1), then by a wild one (2)."""
    made = Desk(tmp_path_factory.mktemp("drift"))
    lake = made.home / "lake"
    _plant(lake, "calm", _CALM, 1)
    made.answer("model", "train", "calm_quotes", "--horizon", "2s", "--model", "har")
    for part, (name, model) in enumerate(
        (("more", _CALM), ("wild", replace(_CALM, volatility_ticks=1.8))), start=1
    ):
        start = format_ns(instant_ns(_CALM.start) + int(part * _MINUTES * 60) * NS_PER_S)
        _plant(lake, name, replace(model, start=start), 1 + part)
        rows = Lake(lake).scan(TableName("gold", f"{name}_quotes")).collect().to_arrow()
        Lake(lake).append(
            TableName("gold", "calm_quotes"),
            rows,
            transaction=name,
            partition_by=("venue", "symbol"),
        )
    return made


def _failed(answer: dict[str, object]) -> set[str]:
    findings = answer["findings"]
    assert isinstance(findings, list)
    return {row["test"] for row in findings}


def test_a_market_that_goes_on_as_before_passes(desk: Desk) -> None:
    answer = desk.answer("drift", _NAME, "--table-version", "1")
    assert answer["is_drift"] is False
    tests = answer["tests"]
    assert isinstance(tests, list)
    assert {row["test"] for row in tests} == {"qlike", "bias", "coverage", "population"}


def test_a_market_that_turns_wild_is_caught_and_recorded(desk: Desk) -> None:
    answer = desk.answer("drift", _NAME, exit_code=1)
    assert "population" in _failed(answer)
    page = (desk.home / str(answer["report"])).read_text("utf-8")
    for title in ("Forecasts over time", "Features against the training sample", "calm_quotes v2"):
        assert title in page
    client = open_client(f"sqlite:///{desk.home / 'out' / 'mlflow.db'}")
    run = client.get_run(str(answer["run"]))
    assert run.data.metrics["drift.findings"] > 0
    assert run.data.metrics["drift.psi.log_rv"] > 0.25
    assert "population" in run.data.tags["drift"]
    assert run.data.tags["delta.calm_quotes"] == "2"
    assert run.data.params["model_version"] == "1"
    assert len(client.get_metric_history(run.info.run_id, "over_time.forecasts.qlike")) > 20
    files = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert {"report.html", "drift.csv", "forecasts.csv", "forecasts_over_time.csv"} <= files


def test_only_the_bars_asked_for_are_tested(desk: Desk) -> None:
    before = format_ns(instant_ns(_CALM.start) + int(2 * _MINUTES * 60) * NS_PER_S)
    assert desk.answer("drift", _NAME, "--until", before)["is_drift"] is False
    found = desk.answer("drift", _NAME, "--since", before, "--no-track", exit_code=1)
    assert found["run"] is None


def test_costs_of_a_run_are_held_against_those_before(desk: Desk) -> None:
    lake = desk.home / "lake"
    for table, seed in (("then", 5), ("now", 6)):
        write_demo_market(lake, rows=120_000, seed=seed, name=table)
    runs = {}
    for name, table, fee in (("first", "then", 0.5), ("usual", "now", 0.5), ("dear", "now", 3.0)):
        spec = desk.home / f"{name}.yaml"
        spec.write_text(_SPEC.format(name=name, table=table, fee=fee))
        runs[name] = str(desk.answer("run", spec.name, "--catalog", str(_CATALOG))["run_id"])
    catalog = ("--catalog", str(_CATALOG))
    desk.answer("tca", runs["first"], "--merge", "--no-track", *catalog)
    assert desk.answer("drift", "--run", runs["usual"], *catalog)["is_drift"] is False
    dear = desk.answer("drift", "--run", runs["dear"], *catalog, exit_code=1)
    findings = dear["findings"]
    assert isinstance(findings, list)
    assert [row["of"] for row in findings] == ["alpha:XYZ taker"]
    assert findings[0]["now"] - findings[0]["was"] == pytest.approx(2.5, abs=0.5)
    assert dear["added_to"] == runs["dear"]
    client = open_client(f"sqlite:///{desk.home / 'out' / 'mlflow.db'}")
    metrics = client.get_run(runs["dear"]).data.metrics
    assert metrics["drift.cost_bps.alpha:XYZ taker"] == pytest.approx(findings[0]["now"])
    names = {item.path for item in client.list_artifacts(runs["dear"], "drift")}
    assert {"drift/report.html", "drift/costs.csv"} <= names
    key = str(desk.answer("tca", runs["dear"], "--merge", "--no-track", *catalog)["key"])
    lake_of = Lake(lake)
    other = read_costs(lake_of)[0].collect().with_columns(symbol=pl.lit("ABC"), run_key=pl.lit("x"))
    lake_of.append(cost_table("of_abc"), other, transaction="made")
    unlike = desk.answer("drift", "--run", runs["dear"], "--costs", "of_abc", *catalog, exit_code=2)
    assert "needs orders alike" in str(unlike["error"])
    again = desk.answer("drift", "--run", key[:12], *catalog, exit_code=1)
    assert (again["findings"], again["added_to"]) == (findings, None)


def test_the_forecasts_a_run_has_read_are_held_against_its_market(desk: Desk) -> None:
    """A regression on logarithms follows a wilder market, and yet forecasts too little of it."""
    spec = desk.home / "forewarned.yaml"
    narrow = ("--p", "0.1", "--max-bias", "1.2")
    for name, limits, failed in (("more", (), set()), ("wild", narrow, {"bias"})):
        series = f"{name}_forecasts"
        desk.answer("model", "forecast", _NAME, f"{name}_quotes", "--into", series)
        spec.write_text(
            f"name: read_{name}\n"
            "strategy: strategies.midpoint_quoting:MidpointQuoting\n"
            f"data: [{{table: {name}_quotes}}]\n"
            f"forecasts: {{volatility: {{table: {series}}}}}\n"
        )
        run = str(desk.answer("run", spec.name, "--catalog", str(_CATALOG))["run_id"])
        arguments = ("drift", "--run", run, "--costs", "none", *limits)
        answer = desk.answer(*arguments, exit_code=len(failed))
        assert _failed(answer) == failed
        tests = answer["tests"]
        assert isinstance(tests, list)
        assert {(row["test"], row["of"]) for row in tests} == {
            (test, "volatility") for test in ("qlike", "bias", "coverage")
        }
        assert all(row["was"] is not None for row in tests)  # the registered model's validation
        assert answer["added_to"] == run
    client = open_client(f"sqlite:///{desk.home / 'out' / 'mlflow.db'}")
    assert client.get_run(run).data.metrics["drift.qlike.volatility"] > 0


def test_a_model_without_its_training_sample_says_so(desk: Desk) -> None:
    registry = ModelRegistry(desk.home / "out")
    client = open_client(registry.uri)
    entry = registry.version(_NAME, 1)
    (sample,) = (desk.home / "out").rglob(f"{entry.run_id}/artifacts/model/training_sample.json")
    text = sample.read_text()
    sample.unlink()
    try:
        answer = desk.answer("drift", _NAME, exit_code=2)
    finally:
        sample.write_text(text)
    assert "training_sample.json must hold the model's training sample" in str(answer["error"])
    assert client.get_run(entry.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "neither was named"),
        (("volatility.none",), "there is no registered model volatility.none"),
        ((_NAME, "--model-version", "7"), "has no version 7"),
        ((_NAME, "--table", "nosuch"), "nosuch"),
        ((_NAME, "--since", "2020-01-01"), "asked from 2020-01-01"),
        ((_NAME, "--since", "2030-01-01"), "drift needs 50 bars"),
        ((_NAME, "--p", "2"), "p must lie between 0 and 1"),
        ((_NAME, "--max-qlike", "0.5"), "the limit of qlike must be 1 or more"),
        (("--run", "nosuch"), "nosuch is neither; nor is it the key of trading in silver/none"),
    ],
)
def test_mistakes_say_what_to_do(desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    answer = desk.answer("drift", *arguments, "--costs", "none", exit_code=2)
    assert words in str(answer["error"])
    assert answer["remedy"]


def test_the_thresholds_stand_in_the_help() -> None:
    told = " ".join(CliRunner().invoke(main, ["drift", "--help"]).output.split())
    for option, default in (("--p", "0.01"), ("--max-psi", "0.25"), ("--max-qlike", "1.25")):
        assert option in told
        assert f"[default: {default}]" in told


def test_forecasts_are_the_models_own(desk: Desk) -> None:
    answer = desk.answer("drift", _NAME, "--table-version", "1", "--no-track")
    folder = (desk.home / str(answer["report"])).parent
    rows = pl.read_csv(folder / "forecasts.csv")
    assert (rows["ratio"] - rows["outcome_bps2"] / rows["mean_bps2"]).abs().max() < 1e-9
    until_ns = instant_ns(_CALM.start) + int(_MINUTES * 60) * NS_PER_S
    assert rows["ts_ns"].min() > until_ns - 2 * NS_PER_S
