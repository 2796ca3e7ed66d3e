"""``crossbook shortfall``: what a spec's parent orders cost against their arrival."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.output import Output, lake_options, output_option, spec_options
from experiments.spec.load import load_plan
from experiments.studies.shortfall import summary, work_orders
from framework.catalog import load_catalog
from framework.lake.store import Lake


@click.command()
@spec_options("parameters.parent_lots=500")
@click.option(
    "--arrivals",
    type=click.IntRange(1, 1_000),
    default=10,
    show_default=True,
    help="Instants at which a buy and a sell order arrive.",
)
@lake_options
@output_option
def shortfall(
    spec: Path,
    overrides: tuple[str, ...],
    arrivals: int,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Work parent orders with the strategy of SPEC, once for each value it varies.

    Each is measured against the mid of all venues at its arrival: slippage, fees, and what the part
    not filled would have cost by the end. All in basis points.
    """
    with output.progress_console.status("working the orders"):
        orders = work_orders(
            load_plan(spec, overrides), Lake(lake), load_catalog(catalog), arrivals=arrivals
        )
    table = summary(orders)
    output.table("Implementation shortfall", table.columns, table.rows())
    output.finish({"variants": table.to_dicts(), "orders": orders.to_dicts()})
