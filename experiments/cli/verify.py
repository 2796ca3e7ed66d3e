"""`crossbook verify`: is a table's book what its source says it was?"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import polars as pl
from rich.progress import Progress

from experiments.cli.output import (
    EXIT_DONE,
    EXIT_FINDING,
    Output,
    lake_options,
    output_option,
)
from framework.catalog import load_catalog
from framework.core.clock import NS_PER_MS, format_ns
from framework.core.errors import DataError
from framework.lake.dataset import Dataset
from framework.lake.findings import Finding
from framework.lake.store import Lake
from framework.lake.verify import VerifyReport
from framework.lake.verify import verify as verify_table

_SHOWN: Final = 20
_COUNTS: Final = (
    *("rows", "messages", "gaps", "untrusted", "crossed", "locked", "one_sided"),
    *("off_tick", "off_lot", "backwards", "early"),
)
_LATENCIES: Final = ("min_ns", "p50_ns", "p95_ns", "p99_ns", "max_ns")


@click.command()
@click.argument("table")
@click.option("--version", type=int, default=None, help="Version of the gold table [latest].")
@click.option(
    "--findings",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write every finding, with its file and row, to this CSV file.",
)
@lake_options
@output_option
def verify(
    *,
    table: str,
    version: int | None,
    findings: Path | None,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Rebuild TABLE's books and compare them with what their source says.

    TABLE is a dataset's name, as given to ingest. Exits with 1 where a book differs.
    """
    dataset = Dataset(table.removeprefix("gold/"))
    knowledge = load_catalog(catalog)
    with Progress(console=output.progress_console, transient=True) as bar:
        task = bar.add_task("reading", total=None)
        report = verify_table(
            Lake(lake),
            dataset,
            knowledge,
            version=version,
            progress=lambda stream, done, total: bar.update(
                task, description=stream, completed=done, total=total
            ),
        )
    if findings is not None:
        _write(report.findings, findings)
        output.note(f"{report.findings.height:,} findings written to {findings}")
    _show(report, output)
    is_true = report.truth_equal == report.truth_checked
    output.finish(report.as_json(max_findings=_SHOWN), EXIT_DONE if is_true else EXIT_FINDING)


def _write(findings: pl.DataFrame, path: Path) -> None:
    try:
        findings.write_csv(path)
    except OSError as error:
        raise DataError(
            f"{path} must be writable, it is not: {error}", remedy="name another file"
        ) from error


def _show(report: VerifyReport, output: Output) -> None:
    streams = [stream.as_json() for stream in report.streams]
    output.table(
        f"{report.table}, version {report.version}",
        ("venue", "symbol", *_COUNTS),
        [tuple(stream[name] for name in ("venue", "symbol", *_COUNTS)) for stream in streams],
    )
    if report.refused["quarantined"]:
        output.text(
            "{quarantined:,} rows were refused by ingest, {off_tick:,} of them off the tick and "
            "{off_lot:,} off the lot".format_map(report.totals())
        )
    output.table(
        "Truth",
        ("venue", "symbol", "compared with", "checked", "equal"),
        [
            (s.venue, s.symbol, s.truth_source or "nothing", s.truth_checked, s.truth_equal)
            for s in report.streams
        ],
    )
    for stream in report.streams:
        if stream.truth_source and stream.truth_checked == 0:
            output.note(
                f"{stream.venue}:{stream.symbol}: nothing was compared, its book was never valid: "
                "ingest the file with its snapshot first, into a new table"
            )
    _show_latency(report, output)
    _show_findings(report, output)


def _show_latency(report: VerifyReport, output: Output) -> None:
    output.table(
        "Latency, ms",
        ("venue", "messages", "min", "p50", "p95", "p99", "max", "spikes", "alone"),
        [
            (
                venue,
                latency.messages,
                *(getattr(latency, name) / NS_PER_MS for name in _LATENCIES),
                latency.spikes,
                latency.spikes_alone,
            )
            for venue, latency in report.latency.items()
        ],
    )


def _show_findings(report: VerifyReport, output: Output) -> None:
    differing = report.findings.filter(pl.col("finding") == Finding.TRUTH.value)
    shown = differing if differing.height else report.findings
    if shown.height:
        what = "differ from the truth" if differing.height else "findings"
        output.table(
            f"First {min(_SHOWN, shown.height)} of {shown.height:,} {what}",
            ("finding", "venue", "symbol", "exchange time", "file", "row", "detail"),
            [_finding(row) for row in shown.head(_SHOWN).iter_rows(named=True)],
        )


def _finding(row: dict[str, object]) -> tuple[object, ...]:
    ts_exch_ns = row["ts_exch_ns"]
    return (
        *(row[name] for name in ("finding", "venue", "symbol")),
        format_ns(ts_exch_ns) if isinstance(ts_exch_ns, int) else None,
        *(row[name] for name in ("source_file", "source_row", "detail")),
    )
