"""What a golden run is compared with: its former journal and figures, and the reason for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from experiments.record.journal_file import read_journal, write_small_journal
from framework.core.errors import DataError
from framework.engine.result import Result

Figure = int | float | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A committed outcome.

    Parameters
    ----------
    reason
        Why it was accepted.
    journal_hash
        Of the journal.
    figures
        The result's summary, flat: ``{"positions.alpha.XYZ": 3.0}``.
    data
        Version of the table behind each stream.
    journal
        Its rows, `framework.engine.result.JOURNAL_SCHEMA` as it was then.
    """

    reason: str
    journal_hash: str
    figures: Mapping[str, Figure]
    data: Mapping[str, str]
    journal: pa.Table


def figures_of(result: Result) -> dict[str, Figure]:
    """Flatten a result's summary.

    >>> _flat({"fills": 2, "positions": {"alpha": {"XYZ": 3.0}}})
    {'fills': 2, 'positions.alpha.XYZ': 3.0}
    """
    return _flat(result.summary())


def read_baseline(path: Path) -> Baseline | None:
    """Read a baseline and the journal beside it; None where there is none yet.

    Raises
    ------
    DataError
        Where it is broken.
    """
    if not path.exists():
        return None
    journal, _, journal_hash = read_journal(path.with_suffix(".parquet"))
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        found = Baseline(**stored, journal=journal)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{path} must be a baseline, but cannot be read as one: {error}",
            remedy="restore it from the repository, or accept the run anew with --accept",
        ) from error
    if found.journal_hash != journal_hash:
        raise DataError(
            f"{path} and the journal beside it must be of one run, their hashes are "
            f"{found.journal_hash[:12]} and {journal_hash[:12]}",
            remedy="commit both files of a baseline together, or accept the run anew",
        )
    return found


def write_baseline(path: Path, result: Result, data: Mapping[str, str], reason: str) -> None:
    """Write a result as the baseline, its journal beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stored = {
        "reason": reason,
        "journal_hash": result.journal_hash,
        "figures": figures_of(result),
        "data": dict(data),
    }
    write_small_journal(result, path.with_suffix(".parquet"))
    path.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, Figure]:
    flat: dict[str, Figure] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            assert value is None or isinstance(value, int | float | str)
            flat[prefix + name] = value
    return flat
