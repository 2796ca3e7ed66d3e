"""``crossbook ladder``: one spec under every queue model and latency."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from experiments.cli.output import Output, lake_options, output_option, spec_options
from experiments.cli.progress import replay_progress
from experiments.spec import QueueModel
from experiments.spec.load import load_plan
from experiments.studies.ladder import ESTIMATES, SCALES, Ladder, climb
from framework.catalog import load_catalog
from framework.lake.store import Lake


def _scale(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Decimal, ...]:
    try:
        scales = tuple(Decimal(value) for value in values)
    except InvalidOperation as cause:
        raise click.BadParameter("a latency scale is a number such as 0, 1 or 2.5") from cause
    if not all(scale.is_finite() and scale >= 0 for scale in scales):
        raise click.BadParameter("a latency scale must be a number of 0 or more")
    return scales or SCALES


@click.command()
@spec_options("parameters.size=2")
@click.option(
    "--queue",
    "queues",
    type=click.Choice([model.value for model in QueueModel]),
    multiple=True,
    help="Queue model to run; may be repeated [default: all that estimate].",
)
@click.option(
    "--latency",
    "scales",
    metavar="FACTOR",
    multiple=True,
    callback=_scale,
    help="Multiple of the spec's latencies to run; may be repeated [default: 0 1 2].",
)
@lake_options
@output_option
def ladder(
    spec: Path,
    overrides: tuple[str, ...],
    queues: tuple[str, ...],
    scales: tuple[Decimal, ...],
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Run SPEC under every queue model and latency, and report intervals instead of points.

    Adverse selection is the markout of passive fills after 100 ms, 1 s and 10 s: what the venue's
    mid had gained on the price by then, negative where we were picked off.
    """
    models = [QueueModel(name) for name in queues] or list(ESTIMATES)
    with replay_progress(output) as show:
        found = climb(
            load_plan(spec, overrides),
            Lake(lake),
            load_catalog(catalog),
            queue_models=models,
            scales=scales,
            on_progress=show,
        )
    _show(output, found)
    intervals = {
        name: None if span is None else {"min": span[0], "max": span[1]}
        for name, span in found.intervals().items()
    }
    output.finish({"intervals": intervals, "rungs": found.rungs.to_dicts()})


def _show(output: Output, found: Ladder) -> None:
    rungs = found.rungs.with_columns(found.rungs["journal_hash"].str.head(12))
    output.table("Fidelity ladder", rungs.columns, rungs.rows())
    spans = [
        [name, *(span or (None, None)), None if span is None else span[1] - span[0]]
        for name, span in found.intervals().items()
    ]
    output.table("Intervals over the ladder", ["measure", "min", "max", "width"], spans)
