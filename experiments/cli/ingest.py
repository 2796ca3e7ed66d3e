"""``crossbook ingest``: vendor files into the lake."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from experiments.cli.output import EXIT_DONE, EXIT_ERROR, Output, lake_options, output_option
from framework.catalog import load_catalog
from framework.lake.formats import FORMATS
from framework.lake.ingest import IngestReport, OnProgress
from framework.lake.ingest import ingest as ingest_files
from framework.lake.store import Lake

_COUNTS: Final = ("files", "skipped", "rows", "duplicates", "quarantined", "gaps", "backwards")


@click.command()
@click.argument("format_name", metavar="FORMAT", type=click.Choice(sorted(FORMATS)))
@click.argument(
    "paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option("--table", required=True, help="Dataset to write: gold/TABLE and the layers below.")
@click.option("--venue", default="", help="Venue, for formats that do not tell it.")
@click.option("--symbol", default="", help="Symbol, for formats that do not tell it.")
@click.option(
    "--infer-clock-offset",
    is_flag=True,
    help="Measure the received clock's offset of new venues instead of taking the catalog's.",
)
@lake_options
@output_option
def ingest(
    output: Output,
    format_name: str,
    paths: tuple[Path, ...],
    table: str,
    venue: str,
    symbol: str,
    infer_clock_offset: bool,
    lake: Path,
    catalog: Path | None,
) -> None:
    """Ingest files or folders PATH... of vendor FORMAT.

    Files ingested before are skipped. Rows that cannot be used go to quarantine/TABLE with file,
    row and reason; a file that cannot be read leaves no trace and ends the command with status 2
    once the other files are done.
    """
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=output.progress_console,
    )
    with bar:
        report = ingest_files(
            Lake(lake),
            table,
            FORMATS[format_name](),
            paths,
            load_catalog(catalog),
            venue=venue,
            symbol=symbol,
            infer_clock_offset=infer_clock_offset,
            notice=lambda text: output.note(f"notice: {text}"),
            on_progress=_shown_in(bar),
        )
    _show(output, table, report)
    output.finish(_payload(report), EXIT_ERROR if report.failures else EXIT_DONE)


def _shown_in(bar: Progress) -> OnProgress:
    task = bar.add_task("ingest", total=None)

    def show(done: int, total: int, name: str) -> None:
        bar.update(task, completed=done, total=total, description=name)

    return show


def _show(output: Output, table: str, report: IngestReport) -> None:
    counts = [(name, getattr(report, name)) for name in _COUNTS]
    counts += [(f"silver {kind}", rows) for kind, rows in report.silver_rows.items() if rows]
    counts += [("gold", report.gold_rows), ("version of gold", report.version)]
    output.table(f"ingested into {table}", ["what", "count"], counts)
    if report.quarantined:
        output.note(f"{report.quarantined:,} rows were refused, see quarantine/{table}")
    for failure in report.failures:
        output.note(f"error: {failure.message}\n  remedy: {failure.remedy}")


def _payload(report: IngestReport) -> dict[str, object]:
    payload: dict[str, object] = {name: getattr(report, name) for name in _COUNTS}
    payload |= {
        "silver_rows": report.silver_rows,
        "gold_rows": report.gold_rows,
        "version": report.version,
    }
    if report.failures:
        payload["error"] = "; ".join(failure.message for failure in report.failures)
        payload["remedy"] = "; ".join(failure.remedy for failure in report.failures)
        payload["failures"] = [
            {"file": f.source_file, "error": f.message, "remedy": f.remedy} for f in report.failures
        ]
    return payload
