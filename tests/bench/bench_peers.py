"""Race Crossbook against other simulators on one market: ``python -m tests.bench.bench_peers``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

import click
from rich.console import Console

from tests.bench import capacity, comparisons, python_classes, report, starting
from tests.bench.outcome import Outcome
from tests.bench.session import Session
from tests.bench.workers import CHECKOUT, PEERS, Workers, peers_missing

Work = Callable[[Session], Outcome | tuple[Outcome, ...]]

WORKS: Final[dict[str, Work]] = {
    "market_making": comparisons.market_making,
    "arbitrage": comparisons.arbitrage,
    "sweep_20": comparisons.sweep_20,
    "sweep_100": comparisons.sweep_100,
    "python_timer": python_classes.python_timer,
    "python_bbo": python_classes.python_bbo,
    "start_warm": starting.starts,
    "start_cold": starting.starts,
    "read_gold": capacity.read_gold,
    "memory_10m": capacity.memory_10m,
    "memory_100m": capacity.memory_100m,
}


def measured(work: Work, session: Session) -> tuple[Outcome, ...]:
    """Do one piece of work; one that measures several things at once gives them all."""
    found = work(session)
    return found if isinstance(found, tuple) else (found,)


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
@click.option(
    "--share-processes",
    is_flag=True,
    help="Use one process a simulator: sooner done; memory and starts then mean nothing.",
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
    share_processes: bool,
    write_docs: bool,
) -> None:
    """Measure Crossbook and its peers in turn, and compare what they did."""
    if missing := peers_missing():
        raise click.ClickException(f"no {' and '.join(missing)} in {PEERS}: run make peers")
    if write_docs and only:
        raise click.UsageError("--write-docs needs all of the table's lines: leave out --only")
    sizes = {"tiny": tiny, "small": small, "large": large, "huge": huge}
    settings = {"rounds": rounds, **sizes}
    console = Console(width=max(150, Console().width))
    outcomes: list[Outcome] = []
    with closing(Workers(shared=share_processes)) as workers:
        session = Session(folder=folder.resolve(), rounds=rounds, workers=workers, **sizes)
        for work in dict.fromkeys(WORKS[name] for name in only or WORKS):
            with console.status(work.__name__):
                done = measured(work, session)
            console.print(report.terminal_table(done))
            outcomes += done
            report.write_json(json_path, outcomes, settings)  # a run cut short keeps its results
    console.print(report.terminal_table(outcomes))
    console.print(f"wrote {json_path}")
    if write_docs:
        report.write_page(outcomes, settings)
        console.print(f"wrote {report.PAGE}")


if __name__ == "__main__":
    main()
