"""Repeat a run from its record, and say whether the same bytes came out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

import framework
from experiments.golden import Difference, first_difference
from experiments.record.code_state import CodeState, code_state, package_versions
from experiments.record.journal_file import read_journal
from experiments.record.provenance import Provenance
from experiments.record.stored_runs import StoredRun
from experiments.run import OnProgress, backtest_config
from experiments.sources import open_signals, open_sources, with_assumptions
from experiments.spec import CostsSpec
from experiments.spec.forecast import ForecastSpec
from experiments.spec.load import as_yaml, load_plan
from experiments.spec.strategy_class import source_of, strategy_class
from framework.catalog import load_catalog
from framework.core.errors import DataError, SpecError
from framework.engine import Prune, Result, run_backtest
from framework.lake.store import Lake
from research.tca.cost_table import cost_table


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """A run and its repetition.

    Attributes
    ----------
    stored
        The run.
    result
        What came out now.
    difference
        Where the journals part; None where they are the same, or the run's was not kept.
    remarks
        How code and packages differ from those recorded, each with what to do about it.
    """

    stored: StoredRun
    result: Result
    difference: Difference | None
    remarks: tuple[str, ...]

    @property
    def same(self) -> bool:
        """True where the journal is the same, byte for byte."""
        return self.result.journal_hash == self.stored.record.journal_hash


def rerun(
    stored: StoredRun, *, lake: Path | None = None, on_progress: OnProgress | None = None
) -> Rerun:
    """Run again what a record says: its spec, parameters, strategy, catalog and table versions.

    Nothing is read of today's spec, catalog or strategy file; the engine is today's.

    Parameters
    ----------
    stored
        As `find_runs` gives it.
    lake
        Root of the tables; the recorded one where None.
    on_progress
        Called with events done.

    Raises
    ------
    DataError
        Where a table version that was read is gone.
    SpecError
        Where the recorded strategy cannot be imported.
    """
    record = stored.record
    with TemporaryDirectory(prefix="crossbook_rerun_") as folder:
        remarks = _code_remarks(record)
        spec_file, remark = _laid_out(record, Path(folder))
        (run,) = load_plan(spec_file).runs
        root = Lake(lake or Path(record.origin.lake))
        catalog = load_catalog(Path(folder) / "catalog.yaml")
        with _versions_explained(record):
            streams = open_sources(run.spec, root, catalog)
            result = run_backtest(
                run.strategy,
                with_assumptions(streams, run.spec),
                backtest_config(run.spec, open_signals(run.spec, root, catalog)),
                _bound(on_progress, record.name),
                _ending(record.ended_ns),
            )
    difference = None
    if stored.journal is not None and result.journal_hash != record.journal_hash:
        recorded, instruments, _ = read_journal(stored.journal)
        difference = first_difference(recorded, result.journal, instruments)
    return Rerun(
        stored=stored,
        result=result,
        difference=difference,
        remarks=tuple(filter(None, (remark, *remarks))),
    )


def _laid_out(record: Provenance, folder: Path) -> tuple[Path, str]:
    """Write spec, catalog and strategy into a folder; return the spec and a remark."""
    held = yaml.safe_load(record.spec)
    held["parameters"] = dict(record.parameters)
    versions = {entry.table: entry.version for entry in record.data}
    for entry in held["data"]:
        entry["version"] = versions[f"gold/{entry['table'].removeprefix('gold/')}"]
    stored = (*held.get("signals", {}).values(), *held.get("forecasts", {}).values())
    for entry in stored:
        table = entry.get("table", ForecastSpec().table).removeprefix("silver/")
        entry["version"] = versions[f"silver/{table}"]
    if held.get("costs") is not None:
        table = cost_table(held["costs"].get("table", CostsSpec().table))
        held["costs"]["version"] = versions[str(table)]
    held["strategy"], remark = _strategy(record, held["strategy"], folder)
    (folder / "catalog.yaml").write_text(record.origin.catalog, encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(as_yaml(held), encoding="utf-8")
    return spec, remark


def _strategy(record: Provenance, name: str, folder: Path) -> tuple[str, str]:
    """Name the strategy to run, today's where its source is the recorded one, and a remark."""
    place, _, wanted = name.rpartition(":")
    source = record.origin.strategy_source
    try:
        today = source_of(strategy_class(name, (Path.cwd(),)))
    except SpecError:
        today = ""
    if not source and not today:
        raise SpecError(
            f"the record of {record.name} has no source of {name}: its class stood in no file",
            remedy="save the class in a file, name it in the spec and run that",
        )
    if today == source or not source:
        return name, ""
    file = folder / record.origin.strategy_file
    file.write_text(source, encoding="utf-8")
    changed = "is gone" if not today else "has changed since"
    return f"{file}:{wanted}", f"{place} {changed}: the recorded source was run"


@contextmanager
def _versions_explained(record: Provenance) -> Iterator[None]:
    """Say of a table version that is gone which run needed it, and what can be done."""
    try:
        yield
    except DataError as error:
        read = dict.fromkeys(f"{entry.table} version {entry.version}" for entry in record.data)
        raise DataError(
            f"{record.name} read {', '.join(read)}; to repeat it they must be readable as they "
            f"were, and are not: {error.message}",
            remedy="a vacuum deletes files that only older versions hold: restore them from a "
            "copy of the table, name its lake with --lake, or run the spec on a version that is "
            "there (crossbook tables NAME lists them)",
        ) from error


def _bound(on_progress: OnProgress | None, name: str) -> Callable[[int, int], None] | None:
    if on_progress is None:
        return None
    return lambda done, total: on_progress(name, done, total)


def _ending(ended_ns: int | None) -> Prune | None:
    # The one whole multiple of an instant within reach is the instant itself.
    return None if ended_ns is None else Prune(ended_ns, lambda trial, so_far: True)


def _code_remarks(record: Provenance) -> list[str]:
    """Say how code and packages differ from those recorded, and what to do about it."""
    remarks = []
    now = code_state(Path(framework.__file__).parent)
    then = record.origin.engine
    if (then.commit, then.fingerprint) != (now.commit, now.fingerprint):
        remarks.append(f"the engine was {_state(then)}, checked out is {_state(now)}")
        if then.commit:
            back = f"git worktree add ../recorded {then.commit[:12]}"
            if then.fingerprint:
                back += ", there git apply the run's code.diff"
            remarks.append(f"to run the recorded engine: {back}, and run this command there")
    changed = [
        f"{name} {record.origin.packages.get(name, 'none')} → {version}"
        for name, version in package_versions().items()
        if name in record.origin.packages and record.origin.packages[name] != version
    ]
    if changed:
        remarks.append(f"packages are others: {', '.join(changed)}")
    return remarks


def _state(code: CodeState) -> str:
    if code.fingerprint and code.commit:
        return f"{code.commit[:12]} with uncommitted changes ({code.fingerprint[:8]})"
    return str(code)
