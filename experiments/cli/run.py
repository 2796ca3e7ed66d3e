"""``crossbook run``: one spec, from data to report."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click
import polars as pl

from experiments.cli.output import Output, lake_options, output_option, spec_options
from experiments.cli.progress import replay_progress
from experiments.record.journal_file import write_journal
from experiments.run import OUT, Outcome, RunOptions, carry_out, explain
from experiments.spec.load import load_plan
from framework.core.clock import format_ns
from framework.engine import StrategyFailedError


@click.command()
@spec_options("parameters.min_edge_bps=2")
@click.option("--seed", type=int, default=None, help="Seed, instead of the spec's.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of report and journal [default: out/NAME/RUN].",
)
@click.option(
    "--explain",
    "explained",
    type=int,
    default=None,
    metavar="ORDER_ID",
    help="Print the life of one order of SPEC's first run; nothing is logged or written.",
)
@click.option("--no-track", is_flag=True, help="Do not log the run to MLflow.")
@lake_options
@output_option
def run(
    spec: Path,
    overrides: tuple[str, ...],
    seed: int | None,
    out: Path | None,
    explained: int | None,
    no_track: bool,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Backtest the strategy of SPEC, a YAML file, and write a report.

    Where SPEC varies something the strategy is run once per value. The run is logged to MLflow:
    to MLFLOW_TRACKING_URI, or to out/mlflow.db where that is not set.
    """
    plan = load_plan(spec, [*overrides, *([] if seed is None else [f"seed={seed}"])])
    options = RunOptions(lake=lake, catalog=catalog, out=out, track=not no_track)
    try:
        with replay_progress(output) as show:
            if explained is not None:
                print_life(output, explain(plan, options, explained, show))
            outcome = carry_out(plan, options, show)
    except StrategyFailedError as error:
        _show_failure(output, error, (out or OUT / plan.spec.name) / "failed")
        raise
    show_outcome(output, outcome)
    output.finish(payload(outcome))


def print_life(output: Output, life: pl.DataFrame) -> NoReturn:
    """Print an order's life and end the command."""
    shown = life.with_columns(
        pl.col("ts_ns").map_elements(format_ns, return_dtype=pl.String).alias("time")
    ).select("time", pl.exclude("time", "ts_ns"))
    output.table("Life of the order", shown.columns, shown.rows())
    output.finish({"life": life.to_dicts()})


def payload(outcome: Outcome) -> dict[str, object]:
    """Build the JSON answer: headline figures of the first variant, and all under ``variants``."""
    answer: dict[str, object] = {"run_id": outcome.run_id, **_figures(outcome, 0)}
    answer["report"] = outcome.report
    answer["data"] = [
        {"table": d.table, "version": d.version, "stream": d.stream, "rows": d.rows}
        for d in outcome.data
    ]
    if outcome.tracking_uri:
        answer["tracking"] = {"uri": outcome.tracking_uri, "experiment": outcome.experiment}
    if outcome.variants[0].values:
        answer["variants"] = [
            {"values": variant.values, **_figures(outcome, row)}
            for row, variant in enumerate(outcome.variants)
        ]
    if outcome.episodes is not None:
        answer["episodes"] = [
            {
                name: value if isinstance(value, int | float) else str(value)
                for name, value in r.items()
            }
            for r in outcome.episodes.to_dicts()
        ]
    return answer


def show_outcome(output: Output, outcome: Outcome) -> None:
    """Print the headline figures, per variant where there are several, and where the rest is."""
    if outcome.episodes is not None:
        output.table("Crossed episodes per day", outcome.episodes.columns, outcome.episodes.rows())
    if outcome.variants[0].values:
        columns = [*outcome.variants[0].values, "net profit", "fees", "orders", "fills", "journal"]
        rows = [
            [*variant.values.values(), *_row(_figures(outcome, row))]
            for row, variant in enumerate(outcome.variants)
        ]
        output.table("What if", columns, rows)
    else:
        figures = _figures(outcome, 0)
        rows = [[name, _text(value)] for name, value in figures.items()]
        output.table(outcome.result.strategy, ["figure", "value"], rows)
    output.text(f"report: {outcome.report}")
    if outcome.tracking_uri:
        output.text(f"MLflow: experiment {outcome.experiment}, run {outcome.run_id}")


def _figures(outcome: Outcome, row: int) -> dict[str, object]:
    result = outcome.variants[row].result
    summary = result.summary()
    rate = result.events / result.seconds if result.seconds else 0.0
    names = ("orders", "fills", "fill_ratio", "fees", "gross_pnl", "pnl", "currency", "positions")
    figures: dict[str, object] = {
        "journal_hash": result.journal_hash,
        "events": result.events,
        "events_per_s": round(rate),
    }
    figures |= {name: summary[name] for name in names}
    if summary["carry"]:
        figures["carry"] = summary["carry"]
    if summary["currency"] is None:
        figures["pnl_by_currency"] = summary["pnl_by_currency"]
        figures["fees_by_currency"] = summary["fees_by_currency"]
    return figures


def _row(figures: Mapping[str, object]) -> list[object]:
    short = str(figures["journal_hash"])[:12]
    return [*(figures[name] for name in ("pnl", "fees", "orders", "fills")), short]


def _text(value: object) -> object:
    if isinstance(value, Mapping):
        return "  ".join(f"{key}: {_text(item)}" for key, item in value.items())
    return value


def _json_value(value: object) -> object:
    return value if value is None or isinstance(value, int | float) else str(value)


def _show_failure(output: Output, error: StrategyFailedError, folder: Path) -> None:
    """Print the strategy's own traceback and keep what it did until then."""
    if error.__cause__ is not None:
        output.note("".join(traceback.format_exception(error.__cause__)).rstrip())
    folder.mkdir(parents=True, exist_ok=True)
    output.note(f"journal so far: {write_journal(error.result, folder / 'journal.arrow')}")
