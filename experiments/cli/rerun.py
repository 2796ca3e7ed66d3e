"""``crossbook rerun``: a run once more, from its record."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from experiments.cli.difference_view import show_difference
from experiments.cli.output import EXIT_DONE, EXIT_FINDING, Output, output_option
from experiments.cli.progress import replay_progress
from experiments.record.rerun import Rerun, rerun
from experiments.record.stored_runs import find_runs
from experiments.run import OUT


@click.command("rerun")
@click.argument("run")
@click.option(
    "--lake",
    type=click.Path(path_type=Path, file_okay=False),
    default=None,
    help="Folder of the Delta tables [default: the recorded one].",
)
@output_option
def rerun_command(run: str, lake: Path | None, output: Output) -> None:
    """Repeat RUN, an id of MLflow or a run's folder, and compare the journals.

    Spec, parameters, strategy, catalog and table versions are those recorded; the engine is
    today's. Of a run with variants or trials each is repeated. Where a journal differs, the first
    differing event is shown and the exit status is 1.
    """
    with TemporaryDirectory(prefix="crossbook_") as folder, replay_progress(output) as show:
        found = [
            rerun(stored, lake=lake, on_progress=show)
            for stored in find_runs(run, OUT, Path(folder))
        ]
    rows = [
        [
            one.stored.name,
            one.stored.record.name,
            "same" if one.same else "differs",
            one.stored.record.journal_hash[:12],
            one.result.journal_hash[:12],
        ]
        for one in found
    ]
    output.table("Repeated", ["run", "name", "outcome", "recorded", "now"], rows)
    for remark in dict.fromkeys(remark for one in found for remark in one.remarks):
        output.text(f"  {remark}")
    for one in found:
        _show(output, one)
    same = all(one.same for one in found)
    answer = {"same": same, "runs": [_payload(one) for one in found]}
    output.finish(answer, EXIT_DONE if same else EXIT_FINDING)


def _show(output: Output, one: Rerun) -> None:
    if one.same:
        return
    output.text(f"\n{one.stored.record.name}")
    if one.difference is not None:
        show_difference(output, one.difference)
    else:
        output.text("  only the hash of its journal was kept, so the event cannot be shown")


def _payload(one: Rerun) -> dict[str, object]:
    return {
        "run": one.stored.name,
        "name": one.stored.record.name,
        "same": one.same,
        "recorded_hash": one.stored.record.journal_hash,
        "journal_hash": one.result.journal_hash,
        "difference": None if one.difference is None else one.difference.event,
        "remarks": list(one.remarks),
    }
