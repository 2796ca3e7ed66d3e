"""``crossbook lookahead``: proof that a strategy does not look ahead."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.output import (
    EXIT_DONE,
    EXIT_FINDING,
    Output,
    lake_options,
    output_option,
    spec_options,
)
from experiments.cli.progress import steps_progress
from experiments.lookahead import POINTS, Future, Offence, Proof, prove_spec
from framework.catalog import load_catalog
from framework.core.clock import format_ns
from framework.lake.store import Lake


@click.command()
@spec_options("end=2024-01-02T14:40")
@click.option(
    "--points",
    type=click.IntRange(2, 10_000),
    default=POINTS,
    show_default=True,
    help="Wake-ups after which the future is altered; each costs two runs up to it.",
)
@lake_options
@output_option
def lookahead(
    spec: Path,
    overrides: tuple[str, ...],
    points: int,
    lake: Path,
    catalog: Path | None,
    output: Output,
) -> None:
    """Prove that the strategy of SPEC does not look ahead.

    After many wake-ups the future is removed, and mirrored: what the strategy sent until then must
    be the same. Where it is not, the line of the strategy is named from which the runs went
    different ways, and the exit status is 1.
    """
    with steps_progress(output, "worlds") as show:
        proof = prove_spec(
            spec,
            Lake(lake),
            load_catalog(catalog),
            overrides=overrides,
            points=points,
            on_point=show,
        )
    _show(output, proof)
    output.finish(_payload(proof), EXIT_DONE if proof.passed else EXIT_FINDING)


def _show(output: Output, proof: Proof) -> None:
    if proof.offence is not None:
        _show_offence(output, proof.strategy, proof.offence)
    else:
        output.text(
            f"{proof.strategy} does not look ahead: with {len(proof.cuts) * len(Future)} other "
            f"futures, altered after {len(proof.cuts)} of its {proof.wakes:,} wake-ups, it sent "
            "the same until then."
        )
    for name in proof.unaltered:
        output.text(
            f"not proven: it reads the global name {name}, which has no clock to be altered by"
        )


def _show_offence(output: Output, strategy: str, offence: Offence) -> None:
    output.text(f"{strategy} looks ahead, at {format_ns(offence.ts_ns)}")
    if offence.line:
        output.text(f"  {offence.file}:{offence.line}: {offence.source}")
    if offence.read_line:
        output.text(f"  {offence.file}:{offence.read_line}: {offence.read_source}  (the read)")
    if offence.names:
        output.text(f"  reads the global name {', '.join(offence.names)}")
    output.text(f"  {offence.told}; the future was {offence.future} from {_at(offence)} on")
    if offence.values:
        rows = [[name, true, other] for name, (true, other) in offence.values.items()]
        output.table("What differs there", ["name", "true future", "other future"], rows)


def _at(offence: Offence) -> str:
    return format_ns(offence.cut_ns)


def _payload(proof: Proof) -> dict[str, object]:
    offence = proof.offence
    answer: dict[str, object] = {
        "passed": proof.passed,
        "strategy": proof.strategy,
        "points": len(proof.cuts),
        "worlds": len(proof.cuts) * len(Future),
        "wakes": proof.wakes,
        "unaltered": proof.unaltered,
    }
    if offence is not None:
        answer["offence"] = {
            "file": offence.file,
            "line": offence.line,
            "source": offence.source,
            "read_line": offence.read_line,
            "read_source": offence.read_source,
            "names": offence.names,
            "values": {name: list(pair) for name, pair in offence.values.items()},
            "ts_ns": offence.ts_ns,
            "cut_ns": offence.cut_ns,
            "future": offence.future.value,
            "told": offence.told,
        }
    return answer
