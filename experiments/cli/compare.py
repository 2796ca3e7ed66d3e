"""``crossbook compare``: runs side by side."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import click

from experiments.cli.output import Output, output_option
from experiments.compare import ComparedRun, Comparison, compare, open_runs, write_comparison
from experiments.compare.page import measures_table, settings_table, told_fills
from experiments.report.tables import HtmlTable
from experiments.run import OUT
from framework.core.clock import format_ns

_SHOWN_FILLS = 10
_LONGEST = 48


@click.command("compare")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=OUT / "compare.html",
    show_default=True,
    help="The comparison as one HTML file.",
)
@output_option
def compare_command(runs: tuple[str, ...], out: Path, output: Output) -> None:
    """Put RUNS side by side: MLflow run ids, or the folders runs have left below out/.

    Prints what differs in settings, data, code and packages, the measures with their intervals,
    and the fills that only one run has. The first run is what the others are compared with; of a
    run with variants all of them are taken.
    """
    with TemporaryDirectory(prefix="crossbook-compare-") as folder:
        found: list[ComparedRun] = []
        for number, run in enumerate(runs):
            found += open_runs(run, OUT, Path(folder) / str(number))
        comparison = compare(*found)
        write_comparison(comparison, out)
        _show(output, comparison)
    output.text(f"comparison: {out}")
    output.finish(_payload(comparison, out))


def _show(output: Output, comparison: Comparison) -> None:
    differing = settings_table(comparison)
    if differing.rows:
        _table(output, "What differs", differing)
    else:
        output.text("No setting, data version, code or package differs.")
    _table(output, "What came of it", measures_table(comparison))
    for name in comparison.names[1:]:
        output.text(f"{name}: {told_fills(comparison, name)}")
        fills = comparison.fills(name).head(_SHOWN_FILLS)
        if fills.height:
            rows = [
                [comparison.names[0] if ours else name, format_ns(ts_ns), *row]
                for ours, ts_ns, *row in fills.rows()
            ]
            output.table("First fills that differ", ["only in", "time", *fills.columns[2:]], rows)


def _table(output: Output, title: str, table: HtmlTable) -> None:
    rows = [[_short(cell) for cell in row] for row in table.rows]
    output.table(title, table.columns, rows)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "\u2026"


def _payload(comparison: Comparison, out: Path) -> dict[str, object]:
    return {
        "runs": [
            {"name": run.name, "journal_hash": run.result.journal_hash} for run in comparison.runs
        ],
        "settings": comparison.settings.filter("differs").drop("differs").to_dicts(),
        "measures": comparison.measures.to_dicts(),
        "fills": {
            name: {
                "only_first": int(comparison.fills(name)["in_base"].sum()),
                "only_other": int((~comparison.fills(name)["in_base"]).sum()),
            }
            for name in comparison.names[1:]
        },
        "page": out,
    }
