"""``crossbook strategies``: every shipped spec, and one table of what came of them."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.output import Output, lake_options, output_option
from experiments.cli.progress import replay_progress
from experiments.run import RunOptions
from experiments.studies.shipped import run_specs, shipped_specs


@click.command()
@click.argument("specs", nargs=-1, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--only", default="", metavar="TEXT", help="Run specs whose names contain TEXT.")
@click.option("--no-track", is_flag=True, help="Do not log the runs to MLflow.")
@lake_options
@output_option
def strategies(
    specs: tuple[Path, ...],
    only: str,
    no_track: bool,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Run SPECS, or all that are shipped, and compare them in one table.

    Generated markets are made where the lake lacks them. Specs whose captures were not ingested are
    left out and named.
    """
    options = RunOptions(lake=lake, catalog=catalog, track=not no_track)
    with replay_progress(output) as show:
        done = run_specs(specs or shipped_specs(), options, only=only, on_progress=show)
    output.table("Strategies", done.table.columns, done.table.rows())
    for outcome in done.outcomes:
        output.text(f"report: {outcome.report}")
    for name, tables in done.missing.items():
        output.note(
            f"notice: {name} was left out, the lake lacks {', '.join(tables)}: crossbook ingest"
        )
    output.finish(
        {
            "runs": done.table.to_dicts(),
            "reports": {one.folder.parent.name: one.report for one in done.outcomes},
            "missing": done.missing,
        }
    )
