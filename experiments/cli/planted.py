"""``crossbook planted``: a generated market whose truth is known."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.output import Output, output_option
from framework.synthetic.planted import (
    Level,
    NewsModel,
    PlantedMarket,
    PlantedModel,
    planted_instruments,
    write_planted_market,
)

_LEVELS = [level.name.lower() for level in sorted(Level, reverse=True)]


@click.command()
@click.option(
    "--out",
    "--lake",
    "lake",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("lake"),
    show_default=True,
    help="Folder of the Delta tables.",
)
@click.option("--seed", type=int, default=7, show_default=True, help="Of every draw.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="Span of virtual time.",
)
@click.option("--venues", type=click.IntRange(1, 15), default=2, show_default=True)
@click.option(
    "--level",
    "levels",
    type=click.Choice(_LEVELS),
    multiple=True,
    default=("orders",),
    show_default=True,
    help="What gold shows; give it again for another table.",
)
@click.option("--table", default="planted", show_default=True, help="Name of the dataset.")
@click.option("--calm-news", is_flag=True, help="Headlines move the price, but not its volatility.")
@output_option
def planted(
    output: Output,
    lake: Path,
    seed: int,
    minutes: float,
    venues: int,
    levels: tuple[str, ...],
    table: str,
    calm_news: bool,
) -> None:
    """Generate a market with planted truth: crosses, traps, spoofs, icebergs, losses, news.

    Gold tables are for strategies, silver/TABLE_news has the headlines, reference/TABLE_… says
    what nobody could know: who sent what, the true price, what was planted and what crossed.
    """
    model = PlantedModel(news=NewsModel(drives_volatility=not calm_news))
    market = PlantedMarket(minutes, seed, instruments=planted_instruments(venues), model=model)
    chosen = [Level[level.upper()] for level in levels]
    with output.progress_console.status("generating the planted market"):
        written = write_planted_market(lake, market, name=table, levels=chosen)
    if not written.is_new:
        output.note("notice: this very market is in the lake already, nothing was written")
    output.table("planted market", ["table", "rows"], list(written.rows.items()))
    output.finish({"lake": lake, "rows": written.rows, "is_new": written.is_new})
