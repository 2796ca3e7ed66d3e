"""Everything worth keeping of one run, and the files it is kept in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.ipc as ipc

from experiments.code_state import CodeState
from experiments.report import DataVersion
from framework.core.errors import CrossbookError
from framework.engine.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run.

    Parameters
    ----------
    name
        The spec's name, or what was varied.
    result
        The outcome.
    settings
        The spec as flat ``path: value`` pairs.
    spec_text
        The spec as YAML, overrides applied.
    strategy_source
        Source text of the strategy's file.
    data
        What was read, at which versions.
    code, versions
        What it was made with.
    """

    name: str
    result: Result
    settings: Mapping[str, str]
    spec_text: str
    strategy_source: str = ""
    data: tuple[DataVersion, ...] = ()
    code: CodeState = field(default_factory=CodeState)
    versions: Mapping[str, str] = field(default_factory=dict)


def write_files(record: RunRecord, folder: Path) -> list[Path]:
    """Write ``journal.arrow``, ``fills.parquet``, ``spec.yaml`` and what code there is to keep.

    Raises
    ------
    CrossbookError
        Where the folder cannot be written.
    """
    texts = {
        "spec.yaml": record.spec_text,
        "strategy.py": record.strategy_source,
        "code.diff": record.code.diff,
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [write_journal(record.result, folder / "journal.arrow")]
        record.result.fills.write_parquet(folder / "fills.parquet")
        written.append(folder / "fills.parquet")
        for name, text in texts.items():
            if text:
                (folder / name).write_text(text, encoding="utf-8")
                written.append(folder / name)
    except OSError as error:
        raise CrossbookError(
            f"the run's files cannot be written to {folder}: {error.strerror or error}",
            remedy="choose a writable folder with --out",
        ) from error
    return written


def write_journal(result: Result, path: Path) -> Path:
    """Write the journal as an Arrow file that says in its metadata what the integers mean."""
    units = [
        {
            "venue": i.venue,
            "symbol": i.symbol,
            "tick": str(i.tick),
            "lot": str(i.lot),
            "contract_size": str(i.contract_size),
            "inverse": i.inverse,
            "currency": i.currency,
        }
        for i in result.instruments
    ]
    metadata = {"crossbook.instruments": json.dumps(units), "crossbook.hash": result.journal_hash}
    table = result.journal.replace_schema_metadata(metadata)
    with pa.OSFile(str(path), "wb") as sink, ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return path
