"""``crossbook capture``: what an arbitrage strategy took of the crosses that could be taken."""

from __future__ import annotations

from pathlib import Path

import click
import polars as pl

from experiments.cli.output import Output, lake_options, output_option, spec_options
from experiments.spec.load import load_plan
from experiments.studies.capture import Captured, run_capture
from framework.catalog import load_catalog
from framework.lake.store import Lake
from research.crossed import capture_summary


@click.command()
@spec_options("parameters.min_depth=10")
@click.option(
    "--markets",
    type=click.IntRange(1, 100),
    default=1,
    show_default=True,
    help="Seeds of the spec's planted market to run on, from its own on.",
)
@lake_options
@output_option
def capture(
    spec: Path,
    overrides: tuple[str, ...],
    markets: int,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Run SPEC and compare what it captured with what was available, cross by cross.

    On a planted market the truth says what was available and what was a trap; elsewhere the crosses
    that could be observed do. Nothing is logged or written but the planted markets themselves.
    """
    with output.progress_console.status("running"):
        found = run_capture(
            load_plan(spec, overrides), Lake(lake), load_catalog(catalog), markets=markets
        )
    whole = capture_summary(pl.concat([one.crosses for one in found]))
    runs = [_run(one) for one in found]
    output.table("Runs", list(runs[0]), [list(row.values()) for row in runs])
    output.table("Captured against available", whole.columns, whole.rows())
    output.finish({"classes": whole.to_dicts(), "runs": runs})


def _run(one: Captured) -> dict[str, object]:
    summary = one.result.summary()
    legged = one.attempts.filter(pl.col("bought") != pl.col("sold"))
    return {
        "market": one.market,
        "net profit": summary["pnl"],
        "attempts": one.attempts.height,
        "legged": legged.height,
        "captured": one.attempts["captured"].sum(),
        "legging": one.attempts["legging"].sum(),
        "reach ms": one.reach_ns / 1e6,
        "journal": one.result.journal_hash[:12],
    }
