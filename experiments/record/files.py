"""Everything worth keeping of one run, and the files it is kept in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from experiments.record.code_state import CodeState
from experiments.record.journal_file import write_journal
from experiments.record.provenance import RECORD, Provenance, as_json
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
    provenance
        All that is needed to repeat it; None where it is not to be.
    """

    name: str
    result: Result
    settings: Mapping[str, str]
    spec_text: str
    strategy_source: str = ""
    data: tuple[DataVersion, ...] = ()
    code: CodeState = field(default_factory=CodeState)
    versions: Mapping[str, str] = field(default_factory=dict)
    provenance: Provenance | None = None


def write_files(record: RunRecord, folder: Path) -> list[Path]:
    """Write journal, fills and samples, ``spec.yaml`` and what code there is to keep.

    Raises
    ------
    CrossbookError
        Where the folder cannot be written.
    """
    texts = {
        "spec.yaml": record.spec_text,
        "strategy.py": record.strategy_source,
        "code.diff": record.code.diff,
        RECORD: as_json(record.provenance) if record.provenance else "",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [write_journal(record.result, folder / "journal.arrow")]
        record.result.fills.write_parquet(folder / "fills.parquet")
        record.result.samples.write_parquet(folder / "samples.parquet")
        written += [folder / "fills.parquet", folder / "samples.parquet"]
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
