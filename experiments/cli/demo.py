"""``crossbook demo``: the main job end to end on a generated market."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from experiments.cli.output import Output, lake_options, output_option
from experiments.cli.progress import replay_progress
from experiments.cli.run import payload
from experiments.run import Outcome, RunOptions, carry_out
from experiments.spec.load import load_plan
from framework.engine.warm import warm_up_aside
from framework.synthetic import DEMO_ROWS, DEMO_SEED, write_demo_market

_SPECS: Final = ("demo_arbitrage.yaml", "demo_midpoint.yaml")
_FOLDER: Final = Path(__file__).resolve().parent.parent


@click.command()
@click.option(
    "--rows",
    type=click.IntRange(1_000, 10_000_000),
    default=DEMO_ROWS,
    show_default=True,
    help="Events of the generated market.",
)
@click.option("--seed", type=int, default=DEMO_SEED, show_default=True, help="Of the market.")
@click.option("--no-track", is_flag=True, help="Do not log the runs to MLflow.")
@lake_options
@output_option
def demo(
    rows: int, seed: int, no_track: bool, lake: Path, catalog: Path | None, output: Output
) -> None:
    """Generate a market of two venues, backtest two strategies on it and write their reports."""
    # Where nothing is compiled yet, the engine is compiled while the market is generated.
    warming = warm_up_aside()
    with output.progress_console.status("generating the demo market"):
        version = write_demo_market(lake, rows, seed)
    if warming is not None:
        with output.progress_console.status("compiling the engine, once: about 15 seconds"):
            warming.wait()
    track = not no_track
    if track and find_spec("mlflow") is None:
        output.note(
            "notice: MLflow is not installed, runs are not logged: pip install 'crossbook[ml]'"
        )
        track = False
    options = RunOptions(lake=lake, catalog=catalog, track=track)
    outcomes = []
    for name in _SPECS:
        with replay_progress(output) as show:
            outcomes.append(carry_out(load_plan(_FOLDER / name), options, show))
    _show(output, outcomes)
    answer = {outcome.result.strategy: payload(outcome) for outcome in outcomes}
    output.finish({"version": version, "runs": answer})


def _show(output: Output, outcomes: list[Outcome]) -> None:
    columns = [
        "strategy",
        "net profit",
        "fees",
        "orders",
        "fills",
        "fill ratio",
        "events",
        "events/s",
    ]
    rows = []
    for outcome in outcomes:
        figures = payload(outcome)
        names = ("pnl", "fees", "orders", "fills", "fill_ratio", "events", "events_per_s")
        rows.append([outcome.result.strategy, *(figures[name] for name in names)])
    output.table("demo market, two venues", columns, rows)
    for outcome in outcomes:
        output.text(f"report: {outcome.report}")
    if outcomes[0].tracking_uri:
        output.text(f"compare in MLflow: mlflow ui --backend-store-uri {outcomes[0].tracking_uri}")
