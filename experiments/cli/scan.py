"""`crossbook scan`: crossed markets of many pairs on many venues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from experiments.cli.output import Output, lake_options, output_option
from framework.catalog import CrossedPolicy
from framework.core.errors import SpecError
from framework.lake.dataset import Dataset
from framework.lake.store import Lake
from framework.replay.open import open_streams
from research.crossed import Clock
from research.scan import GoldQuotes, ScanFound, ScanRules, TableQuotes, scan, summary
from research.scan.sources import QuoteSource
from research.scan.written import write_scan

_PAIRS_SHOWN: Final = 15


@click.command(name="scan")
@click.argument("tables", nargs=-1, required=True)
@click.option(
    "--source",
    "source_name",
    type=click.Choice(["gold", "quotes"]),
    default="gold",
    show_default=True,
    help="Books rebuilt from gold, or the best prices of one silver table.",
)
@click.option(
    "--engine",
    type=click.Choice(["polars", "spark"]),
    default="polars",
    show_default=True,
    help="Spark takes --source quotes.",
)
@click.option(
    "--clock",
    type=click.Choice([str(c) for c in Clock]),
    default=str(Clock.EXCHANGE),
    show_default=True,
    help="Which clock says what was simultaneous.",
)
@click.option(
    "--own-crossed",
    type=click.Choice([str(p) for p in CrossedPolicy]),
    default=str(CrossedPolicy.KEEP),
    show_default=True,
    help="What becomes of quotes crossed in themselves.",
)
@click.option("--cost-bps", type=float, default=0.0, show_default=True, help="Costs of both legs.")
@click.option(
    "--min-notional",
    type=float,
    default=0.0,
    show_default=True,
    help="Less than this on display is marked as dust.",
)
@click.option("--version", type=int, default=None, help="Version of the (first) table [latest].")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out/scan"),
    show_default=True,
    help="Folder for the episodes table, the summary and the figures.",
)
@lake_options
@output_option
def scan_command(
    *,
    tables: tuple[str, ...],
    source_name: str,
    engine: str,
    clock: str,
    own_crossed: str,
    cost_bps: float,
    min_notional: float,
    version: int | None,
    out: Path,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Find every spell in which one venue bids more than another asks, over all of TABLES.

    Streams of one asset are compared, whichever tables they are in.
    """
    rules = ScanRules(
        clock=Clock(clock),
        own_crossed=CrossedPolicy(own_crossed),
        cost_bps=cost_bps,
        min_notional=min_notional,
    )
    source = _source(Lake(lake), tables, source_name, version, catalog)
    with output.progress_console.status("scanning") as status:
        found = _scanned(source, rules, engine, status.update)
    described: dict[str, object] = {"tables": source.described(), "rules": asdict(rules)}
    files = write_scan(found, out, described)
    _show(found, output)
    output.text(f"episodes, summary and figures written to {out}")
    output.finish({**described, **summary(found), "files": asdict(files)})


def _source(
    lake: Lake, tables: tuple[str, ...], name: str, version: int | None, catalog: Path | None
) -> QuoteSource:
    if name == "gold":
        streams = []
        for index, table in enumerate(tables):
            pinned = version if index == 0 else None
            streams += open_streams(lake, table, catalog=catalog, version=pinned)
        return GoldQuotes(streams)
    if len(tables) > 1:
        raise SpecError(
            f"--source quotes scans one table, got {', '.join(tables)}",
            remedy="ingest the venues into one table, or scan their gold",
        )
    dataset = Dataset(tables[0].removeprefix("silver/").removesuffix("_quotes"))
    quotes = dataset.silver("quotes")
    return TableQuotes(lake, quotes, lake.open(quotes, version).version())


def _scanned(
    source: QuoteSource, rules: ScanRules, engine: str, tell: Callable[[str], None]
) -> ScanFound:
    done = [0, 0]

    def on_pair(pair: str, quotes: int) -> None:
        done[0] += 1
        done[1] += quotes
        tell(f"scanning: {done[0]:,} pairs, {done[1]:,} quotes, now {pair}")

    if engine == "polars":
        return scan(source, rules, on_pair=on_pair)
    if not isinstance(source, TableQuotes):
        raise SpecError(
            "on Spark a table of best prices is scanned, gold was asked for",
            remedy="add --source quotes",
        )
    from framework.scale import spark_session
    from research.scan.on_spark import scan_on_spark

    session = spark_session()
    try:
        return scan_on_spark(session, source, rules)
    finally:
        session.stop()


def _show(found: ScanFound, output: Output) -> None:
    told = summary(found)
    names = ("pairs", "venues", "quotes", "episodes", "noise", "short", "structural", "dust")
    output.table("crossed markets", names, [tuple(told[name] for name in names)])
    where = told["where"]
    assert isinstance(where, list)
    columns = ("buy", "sell", "episodes", "median_ms", "max_edge_bps")
    output.table(
        "where", columns, [tuple(row[name] for name in columns) for row in where[:_PAIRS_SHOWN]]
    )
    ranking = told["venue_ranking"]
    assert isinstance(ranking, list)
    if ranking:
        head = tuple(ranking[0])
        output.table("venues", head, [tuple(row.values()) for row in ranking])
