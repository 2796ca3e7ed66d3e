"""The progress bar of a replay, on standard error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from experiments.cli.output import Output
from experiments.run import OnProgress
from framework._jit import is_cached
from framework.engine.loop import advance


@contextmanager
def replay_progress(output: Output) -> Iterator[OnProgress]:
    """Show one bar per replay; yield what `carry_out` calls."""
    with steps_progress(output, "events") as show:
        yield show


@contextmanager
def steps_progress(output: Output, unit: str) -> Iterator[OnProgress]:
    """Show one bar per thing the engine does in steps of some unit; yield what tells of them."""
    if not is_cached(advance):
        output.note("compiling the engine, once: about 15 seconds")
    with plain_progress(output, unit) as show:
        yield show


@contextmanager
def plain_progress(output: Output, unit: str) -> Iterator[OnProgress]:
    """Show one bar per thing that is done in steps of some unit; yield what tells of them."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        console=output.progress_console,
        transient=True,
    )
    tasks: dict[str, object] = {}

    def show(name: str, done: int, total: int) -> None:
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=total)
        bar.update(tasks[name], completed=done)  # type: ignore[arg-type]

    with bar:
        yield show
