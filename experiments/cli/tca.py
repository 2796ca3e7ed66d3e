"""``crossbook tca``: what trading cost, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click
import polars as pl

from experiments.cli.output import Output, lake_options, output_option
from experiments.cli.progress import replay_progress
from experiments.cli.run import print_life
from experiments.run import OUT, RunOptions, explain
from experiments.tca import (
    Analysed,
    analyse_desk,
    analyse_run,
    find_run,
    metrics,
    write_cost_report,
    write_tables,
)
from experiments.tca.opening import plan_of, read_regimes
from experiments.tracking import Tracker
from framework.catalog import load_catalog
from framework.core.clock import format_ns
from framework.core.errors import SpecError
from framework.lake.store import Lake
from research.tca import COSTS, DIMENSIONS, merge_costs
from research.tca.cost_table import cost_table

_BY: Final = ("venue", "liquidity", "regime")
_WORST: Final = 5


@click.command()
@click.argument("run", required=False)
@click.option("--executions", metavar="TABLE", help="A desk's executions, instead of RUN.")
@click.option("--orders", metavar="TABLE", help="The desk's orders; without, fills alone count.")
@click.option("--quotes", metavar="TABLE", help="Best prices the desk traded in.")
@click.option("--trades", metavar="TABLE", help="Trades of the market, for VWAP and signing.")
@click.option(
    "--by",
    "dimensions",
    type=click.Choice(DIMENSIONS),
    multiple=True,
    help="Tell costs apart by this; may be repeated [default: venue, liquidity and regime].",
)
@click.option("--regimes", metavar="TABLE", help="Regimes from a table, CSV or Parquet file.")
@click.option("--merge", is_flag=True, help="Put the orders' costs into the lake's cost table.")
@click.option("--costs", default=COSTS, show_default=True, help="Name of that silver table.")
@click.option(
    "--explain",
    "explained",
    type=int,
    default=None,
    metavar="ORDER_ID",
    help="Print the life of one order of RUN instead; nothing is written.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of report and tables [default: RUN/tca, or out/tca/TABLE].",
)
@click.option("--no-track", is_flag=True, help="Do not add to the run's MLflow record.")
@lake_options
@output_option
def tca(
    *,
    run: str | None,
    executions: str | None,
    orders: str | None,
    quotes: str | None,
    trades: str | None,
    dimensions: tuple[str, ...],
    regimes: str | None,
    merge: bool,
    costs: str,
    explained: int | None,
    out: Path | None,
    no_track: bool,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Analyse the costs of RUN, a run's folder or id, or of a desk's own executions.

    Slippage, implementation shortfall and its parts, markouts, effective and realised spreads, by
    venue, order type, size, time of day and volatility regime, as one HTML report.
    """
    if (run is None) == (executions is None):
        raise SpecError(
            "costs are analysed of a RUN or of --executions, exactly one of both",
            remedy="crossbook tca out/NAME/RUN, or crossbook tca --executions T --quotes T",
        )
    store, known = Lake(lake), load_catalog(catalog)
    folder = None if run is None else find_run(run)
    if explained is not None:
        _explain(output, folder, explained, RunOptions(lake=lake, catalog=catalog, track=False))
    given = None if regimes is None else read_regimes(store, regimes)
    with output.progress_console.status("reading quotes"):
        if folder is not None:
            analysed = analyse_run(folder, store, known, regimes=given)
        else:
            analysed = _desk(store, catalog, executions, orders, quotes, trades, given)
    home = out or (folder / "tca" if folder else OUT / "tca" / analysed.title)
    report = write_cost_report(analysed, home / "report.html")
    files = write_tables(analysed, home)
    _show(output, analysed, dimensions or _BY)
    merged = _merge(output, store, analysed, costs) if merge else None
    tracked = folder is not None and not no_track and _track(folder, analysed, [report, *files])
    output.text(f"report: {report}")
    if tracked:
        output.text("MLflow: added to the run's record")
    elif folder is not None and not no_track:
        output.note(f"MLflow knows no run {folder.name}: nothing was added to a record")
    output.finish(_payload(analysed, dimensions or _BY, report, merged, tracked))


def _desk(
    lake: Lake,
    catalog: Path | None,
    executions: str | None,
    orders: str | None,
    quotes: str | None,
    trades: str | None,
    regimes: pl.DataFrame | None,
) -> Analysed:
    if executions is None or quotes is None:
        raise SpecError(
            "executions need the quotes they met", remedy="name their table with --quotes"
        )
    return analyse_desk(
        lake,
        load_catalog(catalog),
        executions,
        quotes,
        orders=orders,
        trades=trades,
        regimes=regimes,
    )


def _explain(output: Output, folder: Path | None, order_id: int, options: RunOptions) -> None:
    if folder is None:
        raise SpecError(
            "an order is explained by running its backtest again, a desk's cannot be",
            remedy="name the RUN it belongs to",
        )
    with replay_progress(output) as show:
        life = explain(plan_of(folder), options, order_id, show)
    print_life(output, life)


def _merge(output: Output, lake: Lake, analysed: Analysed, name: str) -> int | None:
    table = cost_table(name)
    if analysed.found.fills.is_empty():
        output.text(f"{table}: no order was filled, there is nothing to add")
        return None
    version, trading = merge_costs(lake, analysed.found, name), analysed.found.trading
    key = trading.key if trading.source == "desk" else trading.key[:12]
    if version is None:
        output.text(f"{table}: held these orders already, as {key}")
    else:
        output.text(f"{table}: version {version} holds these orders, as {key}")
    return version


def _track(folder: Path, analysed: Analysed, files: list[Path]) -> bool:
    """Add to the record of the run that the folder is named after, where there is one."""
    spec = plan_of(folder).spec
    tracker = Tracker(spec.tracking.experiment or spec.name, OUT)
    return tracker.add(folder.name, metrics(analysed), files, "tca")


def _show(output: Output, analysed: Analysed, dimensions: tuple[str, ...]) -> None:
    found = analysed.found
    costs = found.fills_by(*dimensions)
    output.table("Costs of fills, in bps by notional", costs.columns, costs.rows())
    orders = found.orders_by("strategy", "order_type", "liquidity")
    output.table("Implementation shortfall, in bps by notional", orders.columns, orders.rows())
    markouts = found.markouts("liquidity").drop("horizon_ns")
    output.table("Markouts", markouts.columns, markouts.rows())
    if analysed.quality.height:
        output.table("The market traded in", analysed.quality.columns, analysed.quality.rows())
    worst = found.worst(_WORST).with_columns(
        pl.col("ts_ns").map_elements(format_ns, return_dtype=pl.String)
    )
    output.table("Worst fills", worst.columns, worst.rows())
    if analysed.explain and worst.height:
        output.text(f"why: {analysed.explain}{worst['order_id'][0]}")
    counts = found.counts()
    if unpriced := counts["fills_without_mid"]:
        output.note(f"{unpriced:,} fills had no mid at arrival and are in no average against it")


def _payload(
    analysed: Analysed,
    dimensions: tuple[str, ...],
    report: Path,
    merged: int | None,
    tracked: bool,
) -> dict[str, object]:
    found = analysed.found
    return {
        "source": found.trading.source,
        "key": found.trading.key,
        "quotes": found.market,
        **found.counts(),
        "figures": found.figures(),
        "costs": found.fills_by(*dimensions).to_dicts(),
        "shortfall": found.orders_by("strategy", "order_type", "liquidity").to_dicts(),
        "markouts": found.markouts("liquidity").to_dicts(),
        "market": analysed.quality.to_dicts(),
        "worst": found.worst(_WORST).to_dicts(),
        "report": report,
        "merged_version": merged,
        "tracked": tracked,
    }
