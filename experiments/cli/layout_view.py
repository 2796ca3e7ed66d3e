"""How a table's files lie, as `crossbook tables NAME --layout` shows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import NoReturn

from experiments.cli.output import Output
from framework.lake.store import Lake, TableName
from framework.scale.layout import table_layout


def show_layout(lake: Lake, table: TableName, output: Output) -> NoReturn:
    """Print file sizes, skipping power and small-file debt, and end the command."""
    found = table_layout(lake, table)
    by = ", ".join(found.partitioned_by) or "nothing"
    output.text(f"{table} version {found.version}, partitioned by {by}")
    output.table(
        "files",
        ("files", "bytes", "smallest", "median", "largest"),
        [
            (
                *(found.files, found.size_bytes),
                *(found.smallest_bytes, found.median_bytes, found.largest_bytes),
            )
        ],
    )
    output.table(
        "skipping: share of the bytes in files that a filter cannot skip",
        ("filter on", "share"),
        [
            ("one symbol", _percent(found.symbol_share)),
            ("one hour", _percent(found.hour_share)),
            ("one symbol and hour", _percent(found.symbol_hour_share)),
        ],
    )
    output.table(
        "small-file debt",
        ("small files", "their bytes", "files merging saves"),
        [(found.small_files, found.small_bytes, found.file_debt)],
    )
    output.finish({"table": str(table)} | asdict(found))


def _percent(share: float | None) -> str:
    return "no statistics" if share is None else f"{share:.2%}"
