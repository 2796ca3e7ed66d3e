"""Read runs back from what they have left: a folder, or MLflow's artifacts."""

from __future__ import annotations

import hashlib
from pathlib import Path

import polars as pl
import yaml

from experiments.compare.comparison import ComparedRun
from experiments.record.journal_file import read_journal
from experiments.record.provenance import Provenance
from experiments.record.stored_runs import SAMPLES, StoredRun, find_runs
from experiments.spec.load import flat_settings
from framework.core.errors import DataError
from framework.engine.result import Result

_ID_LENGTH = 12


def open_runs(run: str, store: Path, into: Path) -> list[ComparedRun]:
    """Read a run back by its MLflow id or its folder; where it has variants, those.

    Parameters
    ----------
    run
        Id or folder.
    store
        Folder of the default MLflow store.
    into
        Where MLflow's files are fetched to.

    Raises
    ------
    DataError
        Where there is no such run, or it has not left what a comparison needs.
    """
    return [_compared(stored) for stored in find_runs(run, store, into)]


def _compared(stored: StoredRun) -> ComparedRun:
    if stored.journal is None or stored.samples is None:
        raise DataError(
            f"{stored.name} must have left its journal and {SAMPLES} to be compared, it has not",
            remedy="run it again: crossbook run keeps both, a sweep's trials keep neither",
        )
    journal, instruments, journal_hash = read_journal(stored.journal)
    record = stored.record
    result = Result(
        strategy=str(yaml.safe_load(record.spec)["strategy"]).rpartition(":")[2],
        parameters=dict(record.parameters),
        instruments=instruments,
        journal=journal.replace_schema_metadata(None),
        journal_hash=journal_hash,
        samples=pl.read_parquet(stored.samples),
        events=sum(data.rows for data in record.data),
        seconds=0.0,
        ended_ns=record.ended_ns,
    )
    return ComparedRun(
        name=f"{record.name} {Path(stored.name).name[:_ID_LENGTH]}",
        result=result,
        settings=settings_of(record),
    )


def settings_of(record: Provenance) -> dict[str, str]:
    """Write down what a run was made with: its spec, parameters, data, code and packages."""
    spec = yaml.safe_load(record.spec)
    settings = flat_settings({k: v for k, v in spec.items() if k not in ("name", "tracking")})
    settings |= {f"parameters.{name}": str(value) for name, value in record.parameters.items()}
    settings |= {f"data {d.stream}": f"{d.table} version {d.version}" for d in record.data}
    origin = record.origin
    source = hashlib.sha256(origin.strategy_source.encode()).hexdigest()
    settings["strategy source"] = f"{origin.strategy_file} {source[:_ID_LENGTH]}"
    for name, code in (("code", origin.code), ("engine", origin.engine)):
        settings[name] = f"{code} {code.fingerprint[:_ID_LENGTH]}".strip()
    settings |= {f"package {name}": version for name, version in origin.packages.items()}
    return settings | {f"machine {name}": value for name, value in origin.machine.items()}
