"""Race Crossbook against other simulators on one market: ``python -m tests.bench.bench_peers``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from tests.bench import capacity, comparisons, python_classes, report, starting
from tests.bench.outcome import Outcome
from tests.bench.session import Session
from tests.bench.workers import CHECKOUT, PEERS

WORKS: Final[dict[str, Callable[[Session], Outcome]]] = {
    "market_making": comparisons.market_making,
    "arbitrage": comparisons.arbitrage,
    "sweep_20": comparisons.sweep_20,
    "sweep_100": comparisons.sweep_100,
    "python_timer": python_classes.python_timer,
    "python_bbo": python_classes.python_bbo,
    "start_warm": starting.start_warm,
    "start_cold": starting.start_cold,
    "read_gold": capacity.read_gold,
    "memory_10m": capacity.memory_10m,
    "memory_100m": capacity.memory_100m,
}


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(WORKS)), help="Run just these.")
@click.option("--rounds", default=5, show_default=True, help="Runs of each contestant.")
@click.option("--tiny", default=200_000, show_default=True, help="Rows of the tiny market.")
@click.option("--small", default=2_000_000, show_default=True, help="Rows of the small market.")
@click.option("--large", default=10_000_000, show_default=True, help="Rows of the large market.")
@click.option("--huge", default=100_000_000, show_default=True, help="Rows of the huge market.")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=CHECKOUT / "build" / "bench",
    help="Where markets are kept between runs.  [default: build/bench]",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=CHECKOUT / "build" / "bench.json",
    help="File of the results.  [default: build/bench.json]",
)
@click.option("--write-docs", is_flag=True, help="Write the table into docs/performance.md.")
def main(
    only: tuple[str, ...],
    rounds: int,
    tiny: int,
    small: int,
    large: int,
    huge: int,
    folder: Path,
    json_path: Path,
    write_docs: bool,
) -> None:
    """Measure Crossbook and its peers in turn, and compare what they did."""
    if not (PEERS / "bin" / "python").exists():
        raise click.ClickException(f"no other simulators in {PEERS}: run make peers")
    sizes = {"tiny": tiny, "small": small, "large": large, "huge": huge}
    session = Session(folder=folder.resolve(), rounds=rounds, **sizes)
    settings = {"rounds": rounds, **sizes}
    console = Console(width=max(120, Console().width))
    outcomes = []
    for name in only or tuple(WORKS):
        with console.status(name):
            outcomes.append(WORKS[name](session))
        console.print(report.terminal_table(outcomes[-1:]))
    console.print(report.terminal_table(outcomes))
    report.write_json(json_path, outcomes, settings)
    console.print(f"wrote {json_path}")
    if write_docs:
        report.write_page(outcomes, settings)
        console.print(f"wrote {report.PAGE}")


if __name__ == "__main__":
    main()
