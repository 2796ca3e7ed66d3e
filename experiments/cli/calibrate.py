"""`crossbook calibrate`: measure models on data that knows the answer."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from experiments.cli.output import Output, lake_options, output_option
from experiments.cli.progress import replay_progress
from framework.core.errors import DataError, SpecError
from framework.replay.open import open_streams
from research.queue import QueueCalibration, as_markdown, calibrate_queue

_COLUMNS: Final = (
    *("bias_lots", "mae_lots", "mae_share", "event_bias_lots", "event_mae_lots"),
    *("early", "late", "front_bias_s", "front_mae_s", "front_median_s"),
)


@click.group()
def calibrate() -> None:
    """Measure models on data that knows the answer; every measurement takes --json."""


@calibrate.command()
@click.argument("table")
@click.option("--venue", default=None, help="Venue, where the table has several.")
@click.option("--symbol", default=None, help="Symbol, where the table has several.")
@click.option("--version", type=int, default=None, help="Version of the gold table [latest].")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="One in how many orders that join the touch gets a shadow.",
)
@click.option(
    "--markdown",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    help="Write the tables to this file as Markdown.",
)
@lake_options
@output_option
def queue(
    *,
    table: str,
    venue: str | None,
    symbol: str | None,
    version: int | None,
    every: int,
    markdown: Path | None,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Compare the queue models with the exact queue of TABLE, which names its orders.

    Orders of no size join the touch. Where they stand is known from the order ids; the models see
    the sizes and trades of price levels only.
    """
    streams = open_streams(
        lake, table, catalog=catalog, venue=venue, symbols=symbol, version=version
    )
    if len(streams) > 1:
        names = ", ".join(stream.instrument.name for stream in streams)
        raise SpecError(
            f"one stream is calibrated at a time, {table} has {names}",
            remedy="choose one with --venue and --symbol",
        )
    with replay_progress(output) as show:
        found = calibrate_queue(
            streams[0], every=every, progress=lambda done, total: show("replay", done, total)
        )
    if markdown is not None:
        _write(as_markdown(found), markdown)
        output.note(f"tables written to {markdown}")
    _show(found, output)
    output.finish(found.as_json())


def _write(text: str, path: Path) -> None:
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"{path} must be writable, it is not: {error}", remedy="name another file"
        ) from error


def _show(found: QueueCalibration, output: Output) -> None:
    total = found.executions.height
    output.table(
        f"{found.name}, {found.table} version {found.version}: who stood first at executions",
        ("verdict", "executions", "share"),
        [
            (name, count, count / total if total else None)
            for name, count in found.verdicts().items()
        ],
    )
    if total:
        output.text(
            f"where the executed order had been seen to join, it was first in {found.agreement:.2%}"
        )
    output.table(
        f"Estimate minus exact, {found.shadows.height:,} shadow orders",
        ("model", *_COLUMNS),
        [(row["model"], *(row[name] for name in _COLUMNS)) for row in found.errors.to_dicts()],
    )
    output.text(f"recommended: {found.recommended}")
