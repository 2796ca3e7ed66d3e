"""``crossbook regress``: golden runs against their committed baselines."""

from __future__ import annotations

from pathlib import Path

import click
import polars as pl

from experiments.cli.difference_view import show_difference
from experiments.cli.output import EXIT_DONE, EXIT_FINDING, Output, output_option
from experiments.cli.progress import replay_progress
from experiments.golden import Finding, accept, check, read_golden_set


@click.command()
@click.argument(
    "folder", type=click.Path(path_type=Path, file_okay=False), default=Path("tests/golden")
)
@click.option(
    "--accept",
    "accepting",
    is_flag=True,
    help="Write new baselines for the runs that differ; needs --reason.",
)
@click.option("--reason", default="", help="Why the baselines had to change; kept with them.")
@output_option
def regress(folder: Path, accepting: bool, reason: str, output: Output) -> None:
    """Run the golden specs of FOLDER and compare journals and figures with their baselines.

    Where one differs, the first differing event is printed with its neighbours and the account
    before and after it on both sides; the exit status is then 1. FOLDER is tests/golden where
    left out.
    """
    if reason and not accepting:
        raise click.UsageError("--reason belongs to --accept")
    golden = read_golden_set(folder)
    with replay_progress(output) as show:
        found = list(accept(golden, reason, show) if accepting else check(golden, show))
    failed = [finding for finding in found if not finding.passed]
    rows = [[f.spec.stem, _verdict(f, accepting), f.result.journal_hash[:12]] for f in found]
    output.table("Golden runs", ["spec", "outcome", "journal"], rows)
    if not accepting:
        for finding in failed:
            _show(output, finding)
        if failed:
            output.text(f'where it is meant: crossbook regress {folder} --accept --reason "why"')
    passed = accepting or not failed
    output.finish(
        {"passed": passed, "runs": [_payload(finding) for finding in found]},
        EXIT_DONE if passed else EXIT_FINDING,
    )


def _verdict(finding: Finding, accepting: bool) -> str:
    if finding.passed:
        return "same"
    if accepting:
        return "accepted"
    if finding.baseline is None:
        return "no baseline"
    if finding.difference is not None:
        return "journal differs" if finding.difference.row is not None else "columns differ"
    return "figures differ"


def _show(output: Output, finding: Finding) -> None:
    output.text(f"\n{finding.spec.stem}")
    if finding.baseline is None:
        output.text(f"  {finding.spec} has no baseline to be compared with yet")
        return
    for name, (before, now) in finding.data.items():
        output.text(f"  the data are others: {name} was {before}, is {now}")
    if finding.difference is not None:
        show_difference(output, finding.difference)
    if finding.figures:
        rows = [(name, _text(old), _text(new)) for name, (old, new) in finding.figures.items()]
        output.table("Figures that differ", ["figure", "baseline", "now"], rows)


def _text(value: object) -> str:
    return "none" if value is None else str(value)


def _payload(finding: Finding) -> dict[str, object]:
    difference = finding.difference
    answer: dict[str, object] = {
        "spec": str(finding.spec),
        "passed": finding.passed,
        "journal_hash": finding.result.journal_hash,
        "baseline_hash": finding.baseline.journal_hash if finding.baseline else None,
        "figures": {name: list(pair) for name, pair in finding.figures.items()},
    }
    if difference is not None:
        answer["difference"] = {
            "row": difference.row,
            "event": difference.event,
            "columns": difference.columns,
            "added": difference.added,
            "dropped": difference.dropped,
            "before": _rows(difference.before),
            "baseline": _rows(difference.baseline),
            "now": _rows(difference.now),
            "state": {
                "before": _rows(difference.state_before),
                "baseline": _rows(difference.state_baseline),
                "now": _rows(difference.state_now),
            },
        }
    return answer


def _rows(frame: pl.DataFrame) -> list[dict[str, object]]:
    return frame.to_dicts()
