"""``crossbook model``: train models of volatility, test them, and choose the one in use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, ParamSpec

import click

import framework
from experiments.cli.model_forecast import forecast
from experiments.cli.output import Output, lake_options, output_option
from experiments.cli.progress import plain_progress
from experiments.models import ModelRegistry, Source, learn, open_source
from experiments.models.learning import makers
from experiments.models.registry import compare as compare_versions
from experiments.record.code_state import code_state
from framework.catalog import load_catalog
from framework.core.clock import instant_ns
from framework.lake.store import Lake
from research.volatility import evaluate as evaluate_models
from research.volatility.models import KINDS, installed_kinds

_P = ParamSpec("_P")
_COLUMNS: Final = (
    *("model", "n", "qlike", "mse", "pinball", "crps", "coverage"),
    *("dm_gain", "dm_p", "mcs_p", "in_set"),
)


@click.group()
def model() -> None:
    """Forecast volatility: train, test and choose models; every command takes --json."""


model.add_command(forecast)


def _source_options(command: Callable[_P, None]) -> Callable[_P, None]:
    options = (
        click.argument("table"),
        click.option("--horizon", default="10s", show_default=True, help="Length of a bar."),
        click.option("--venue", default=None, help="Venue, where the table has several."),
        click.option("--symbol", default=None, help="Symbol, where the table has several."),
        click.option("--version", type=int, default=None, help="Version of the table [latest]."),
        click.option("--news", default=None, help="Silver table of headlines."),
        click.option("--start", default=None, help="First instant, ISO 8601 [the first there is]."),
        click.option("--end", default=None, help="First instant no longer learnt from [none]."),
        click.option("--seed", type=int, default=0, show_default=True, help="Of training."),
        click.option(
            "--folds",
            type=click.IntRange(min=1),
            default=3,
            show_default=True,
            help="Parts of the period tested on, each after learning from all before.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _out_option(command: Callable[_P, None]) -> Callable[_P, None]:
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("out"),
        show_default=True,
        help="Folder of MLflow's store; MLFLOW_TRACKING_URI names another.",
    )(command)


@model.command(short_help="Train, test and register a model.")
@_source_options
@click.option("--model", "kind", default="xgboost", show_default=True, help=", ".join(KINDS))
@_out_option
@lake_options
@output_option
def train(
    output: Output, lake: Path, catalog: Path | None, out: Path, kind: str, **options: object
) -> None:
    """Train a model on TABLE, test it against HAR out of sample, and register it."""
    makers((kind,), 0)
    source, seed, folds = _opened(output, lake, catalog, options)
    with plain_progress(output, "steps") as show:
        learnt = learn(
            source,
            kind,
            seed=seed,
            folds=folds,
            on_fold=lambda name, done, total: show(f"testing {name}", done, total),
            on_progress=lambda done, total: show(f"training {kind}", done, total),
        )
    entry = ModelRegistry(out).record(
        source, learnt, seed=seed, code=code_state(Path(framework.__file__).parent)
    )
    summary = learnt.evaluation.summary()
    columns = [name for name in _COLUMNS if name in summary.columns]
    output.table("out of sample", columns, list(summary.select(columns).iter_rows()))
    weights = list(learnt.model.explain(source.table).items())[:10]
    output.table("what counts", ["input", "share"], weights)
    output.text(f"registered {entry.name} version {entry.version}")
    output.finish(
        {
            "name": entry.name,
            "version": entry.version,
            "run": entry.run_id,
            "summary": summary.to_dicts(),
            "importances": dict(weights),
        }
    )


@model.command(short_help="Test models; nothing is registered.")
@_source_options
@click.option("--model", "kinds", multiple=True, help="May be repeated [all installed].")
@lake_options
@output_option
def evaluate(
    output: Output, lake: Path, catalog: Path | None, kinds: tuple[str, ...], **options: object
) -> None:
    """Test models on TABLE by a purged walk forward; nothing is registered."""
    if not kinds:
        kinds = tuple(installed_kinds())
        if missing := ", ".join(kind for kind in KINDS if kind not in kinds):
            output.note(f"without {missing}: pip install 'crossbook[transformer,volatility]'")
    makers(kinds, 0)
    source, seed, folds = _opened(output, lake, catalog, options)
    made = makers(kinds, seed)
    with plain_progress(output, "folds") as show:
        found = evaluate_models(source.table, made, source.horizon_ns, folds=folds, on_fold=show)
    summary, regimes = found.summary(), found.coverage_by_regime()
    columns = [name for name in _COLUMNS if name in summary.columns]
    output.table("out of sample", columns, list(summary.select(columns).iter_rows()))
    output.table("coverage of 90 % intervals", regimes.columns, list(regimes.iter_rows()))
    output.finish({"summary": summary.to_dicts(), "coverage": regimes.to_dicts()})


@model.command(short_help="Put a model's versions side by side.")
@click.argument("name")
@_out_option
@output_option
def compare(output: Output, name: str, out: Path) -> None:
    """Put the versions of a registered model NAME side by side, tested against the one in use."""
    entries = ModelRegistry(out).versions(name)
    champion = next((entry for entry in entries if entry.is_champion), entries[0])
    rows = []
    for entry in entries:
        tested = None if entry is champion else compare_versions(entry, champion)
        rows.append(
            {
                "version": entry.version,
                "kind": entry.kind,
                "in_use": "yes" if entry.is_champion else "",
                "qlike": entry.metrics.get("qlike"),
                "crps": entry.metrics.get("crps"),
                "coverage": entry.metrics.get("coverage"),
                "gain": None if tested is None else tested.gain,
                "p": None if tested is None else tested.p_value,
            }
        )
    output.table(name, list(rows[0]), [tuple(row.values()) for row in rows])
    output.text(f"gain and p: against version {champion.version}")
    output.finish({"name": name, "against": champion.version, "versions": rows})


@model.command(short_help="Put a version to use, if it is better.")
@click.argument("name")
@click.argument("version", type=int)
@click.option("--reason", default="", help="Promote without a test's word, for this reason.")
@_out_option
@output_option
def promote(output: Output, name: str, version: int, reason: str, out: Path) -> None:
    """Put a VERSION of a registered model NAME to use, if it is shown to be better."""
    found = ModelRegistry(out).promote(name, version, reason=reason)
    output.text(f"{name} version {version} is in use")
    p_value = None if found is None else found.p_value
    output.finish({"name": name, "version": version, "p": p_value, "reason": reason})


def _opened(
    output: Output, lake: Path, catalog: Path | None, options: dict[str, object]
) -> tuple[Source, int, int]:
    def text(name: str) -> str | None:
        return None if options[name] is None else str(options[name])

    version = options["version"]
    with output.progress_console.status("measuring bars"):
        source = open_source(
            Lake(lake),
            load_catalog(catalog),
            str(options["table"]),
            str(options["horizon"]),
            venue=text("venue"),
            symbol=text("symbol"),
            version=None if version is None else int(str(version)),
            news=text("news"),
            start_ns=None if options["start"] is None else instant_ns(str(options["start"])),
            end_ns=None if options["end"] is None else instant_ns(str(options["end"])),
        )
    return source, int(str(options["seed"])), int(str(options["folds"]))
