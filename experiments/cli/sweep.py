"""``crossbook sweep``: search a spec's parameters."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from experiments.cli.output import Output, lake_options, output_option, spec_options
from experiments.run import RunOptions
from experiments.spec.load import load_plan
from experiments.spec.sweep import Method
from experiments.sweep.carry_out import Swept, sweep
from experiments.sweep.from_spec import sweep_of
from experiments.sweep.outcome import SweepOutcome
from experiments.sweep.plots import deflation_text
from experiments.sweep.study import OnTrials
from experiments.sweep.trials import SweptTrial, read_trial
from experiments.sweep.validation import OnSplit
from framework._jit import is_cached
from framework.engine.loop import advance

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

_SHOWN = 10
_METRICS = ("pnl", "drawdown", "inventory", "sharpe", "fills")


@click.command("sweep")
@spec_options("sweep.sampler.seed=2")
@click.option("--trials", type=click.IntRange(1), default=None, help="In all, instead of SPEC's.")
@click.option(
    "--validate",
    "method",
    type=click.Choice([method.value for method in Method]),
    default=None,
    help="Repeat the sweep on parts of the time and test it on the rest.",
)
@click.option("--folds", type=click.IntRange(2, 50), default=None, help="Parts of --validate.")
@click.option("--fresh", is_flag=True, help="Forget an earlier sweep of this name.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of the study and its page [default: out/NAME].",
)
@click.option("--no-track", is_flag=True, help="Do not log the trials to MLflow.")
@lake_options
@output_option
def sweep_command(
    spec: Path,
    overrides: tuple[str, ...],
    trials: int | None,
    method: str | None,
    folds: int | None,
    fresh: bool,
    out: Path | None,
    no_track: bool,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Search the parameters of SPEC's strategy for what does best, with Optuna.

    The section sweep of SPEC says how; without it 100 trials look for net profit over all
    parameters that have a range. A sweep that was interrupted goes on where it was. The best
    trial stands beside its deflated Sharpe ratio, which knows how many were tried.
    """
    more = [] if trials is None else [f"sweep.trials={trials}"]
    more += [] if method is None else [f"sweep.validate.method={method}"]
    more += [] if folds is None else [f"sweep.validate.folds={folds}"]
    plan = load_plan(spec, [*overrides, *more])
    options = RunOptions(lake=lake, catalog=catalog, out=out, track=not no_track)
    with _progress(output, sweep_of(plan.spec).objectives[0]) as (on_trials, on_split):
        swept = sweep(plan, options, on_trials=on_trials, on_split=on_split, fresh=fresh)
    _show(output, swept)
    output.finish(_payload(swept))


@contextmanager
def _progress(output: Output, objective: object) -> Iterator[tuple[OnTrials, OnSplit]]:
    """Show one bar of trials with the best so far, and one of splits."""
    name = getattr(objective, "metric", objective)
    if not is_cached(advance):
        output.note("compiling the engine, once: about half a minute")
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[best]}"),
        console=output.progress_console,
        transient=True,
    )
    tasks: dict[str, Any] = {}

    def move(what: str, done: int, total: int, best: str) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total, best=best)
        bar.update(tasks[what], completed=done, best=best)

    def on_trials(done: int, total: int, best: FrozenTrial | None) -> None:
        told = "" if best is None else f"best {name} {best.values[0]:,.6g} (trial {best.number})"
        move("trials", done, total, told)

    def on_split(done: int, total: int) -> None:
        move("splits", done, total, "")

    with bar:
        yield on_trials, on_split


def _show(output: Output, swept: Swept) -> None:
    outcome = swept.outcome
    _show_best(output, outcome)
    if outcome.overfitting is not None:
        output.text(
            f"Probability of backtest overfitting: {outcome.overfitting.probability:.3f} "
            f"(luck alone gives .5)"
        )
    told = outcome.summary()
    earlier = f", {swept.resumed} of them from an earlier run" if swept.resumed else ""
    output.text(
        f"{told['trials']} trials, {told['pruned']} pruned, {told['failed']} failed{earlier}"
    )
    if swept.validation is not None:
        table = swept.validation.table
        output.table(f"Validation, {swept.validation.method}", table.columns, table.rows())
        figures = [[name, value] for name, value in swept.validation.summary().items()]
        output.table("Out of sample", ["figure", "value"], figures)
    output.text(f"plots: {swept.page}")
    if swept.best_spec is not None:
        output.text(f"run the best: crossbook run {swept.best_spec}")
    if swept.tracking_uri:
        output.text(f"MLflow: experiment {swept.experiment}, run {swept.run_id}")


def _show_best(output: Output, outcome: SweepOutcome) -> None:
    """Print the best trials, each beside its deflated Sharpe ratio."""
    several = len(outcome.objectives) > 1
    trials = outcome.front[:_SHOWN] if several else _leaders(outcome)
    if not trials:
        return
    names = list(trials[0].parameters)
    wanted = [objective.metric for objective in outcome.objectives]
    measures = [*wanted, *(name for name in _METRICS if name not in wanted)]
    rows = []
    for trial in trials:
        deflated = outcome.deflated_of(trial.number)
        row = [trial.number, *(trial.parameters[name] for name in names)]
        row += [trial.metrics[name] for name in measures]
        rows.append([*row, None if deflated is None else round(deflated.probability, 4)])
    title = f"Pareto front, {len(outcome.front)} trials" if several else "Best trials"
    output.table(title, ["trial", *names, *measures, "deflated sharpe"], rows)
    output.text(deflation_text(outcome))


def _leaders(outcome: SweepOutcome) -> list[SweptTrial]:
    """Order the complete trials by the objective and take the first."""
    objective = outcome.objectives[0]
    complete = [read_trial(t) for t in outcome.trials if t.state.name == "COMPLETE"]
    down = objective.direction == "minimize"
    complete.sort(key=lambda t: (t.values[0] if down else -t.values[0], t.number))
    return complete[:_SHOWN]


def _payload(swept: Swept) -> dict[str, object]:
    outcome = swept.outcome
    answer: dict[str, object] = {
        "objectives": [{"metric": o.metric, "direction": o.direction} for o in outcome.objectives],
        **outcome.summary(),
        "front": [
            {"trial": t.number, "parameters": dict(t.parameters), "metrics": dict(t.metrics)}
            for t in outcome.front
        ],
        "resumed": swept.resumed,
        "page": swept.page,
        "best_spec": swept.best_spec,
    }
    if outcome.deflated is not None:
        answer["deflated"] = {
            "probability": outcome.deflated.probability,
            "expected_best_sharpe_per_bar": outcome.deflated.expected_best,
            "sharpe_per_bar": outcome.deflated.sharpe_per_bar,
            "n_trials": outcome.deflated.n_trials,
            "n_bars": outcome.deflated.n_bars,
        }
    if swept.validation is not None:
        answer["validation"] = {
            **swept.validation.summary(),
            "splits": swept.validation.table.to_dicts(),
        }
    if swept.tracking_uri:
        answer["tracking"] = {
            "uri": swept.tracking_uri,
            "experiment": swept.experiment,
            "run_id": swept.run_id,
        }
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in answer.items()}
