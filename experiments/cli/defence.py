"""``crossbook defence``: what the defensive overlay spares on markets whose truth is known."""

from __future__ import annotations

import click

from experiments.cli.output import Output, output_option
from experiments.defence import VOLATILITY_TICKS, compare_twins


@click.command()
@click.option("--seeds", type=click.IntRange(2, 1_000), default=30, show_default=True)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=3.0,
    show_default=True,
    help="Span of each market.",
)
@click.option(
    "--volatility",
    type=click.FloatRange(min=0, min_open=True),
    default=VOLATILITY_TICKS,
    show_default=True,
    help="Ticks over a second, at the median; the planted market's own is 0.6.",
)
@output_option
def defence(output: Output, seeds: int, minutes: float, volatility: float) -> None:
    """Quote the midpoint with and without the defensive overlay on planted markets.

    Prints the spread each twin captured and what it lost to informed traders, and the difference of
    loss per unit captured with its interval over the markets.
    """
    found = compare_twins(
        seeds,
        minutes,
        volatility_ticks=volatility,
        on_market=lambda done: output.note(f"market {done} of {seeds}"),
    )
    sums = found.markets.group_by("twin", maintain_order=True).sum().drop("seed")
    output.table("Midpoint quoting on planted markets", sums.columns, sums.rows())
    output.text(
        f"lost to informed flow per unit captured: {found.plain:.4f} undefended, "
        f"{found.defended:.4f} defended; difference {found.low:.4f} to {found.high:.4f} (95 %, "
        f"{seeds} markets)"
    )
    output.finish(
        {
            "plain": found.plain,
            "defended": found.defended,
            "difference": {"low": found.low, "high": found.high},
            "markets": found.markets.to_dicts(),
        }
    )
