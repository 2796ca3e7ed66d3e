"""Vendor files → bronze, silver and gold tables, each file exactly once.

A run takes the files that are there, skips those ingested before, and stops. Every file is first
worked out whole (`framework.lake.prepare`), then committed to each table under its own name (the
hash of its content), last of all to the ledger. Killed anywhere, the next run finds in the tables'
logs which commits were made, makes the others, and ends with the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import polars as pl

from framework.catalog import Catalog
from framework.core.errors import DataError
from framework.core.events import GOLD_SCHEMA
from framework.lake.dataset import Dataset
from framework.lake.discover import SourceFile, discover
from framework.lake.formats.base import Parsed, SourceContext, SourceFormat
from framework.lake.gold import smallest_offset_ns
from framework.lake.ledger import (
    FILES,
    FILES_SCHEMA,
    Progress,
    advanced,
    read_progress,
    state_json,
)
from framework.lake.prepare import KINDS, Prepared, Setting, prepare, read_file
from framework.lake.store import Lake, TableName
from framework.lake.units import read_units, record_units

LATENCY_FLOOR_NS: Final = 1_000_000
"""Least feed latency left by a measured clock offset: exchange clocks are told in milliseconds."""

_WRITERS: Final = 4

OnProgress = Callable[[int, int, str], None]
"""Called with bytes done, bytes in all, and the file's name."""


_Reading = tuple[SourceFile, Future[tuple[pl.DataFrame, Parsed]]]


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that was not ingested, why, and what can be done."""

    source_file: str
    message: str
    remedy: str


@dataclass(slots=True, kw_only=True)
class IngestReport:
    """What a run did.

    Attributes
    ----------
    files, skipped
        Files ingested, and files that had been before.
    rows
        Source rows received in bronze.
    silver_rows, gold_rows
        Rows added to those tables, silver by kind.
    duplicates
        Source rows told before and dropped.
    quarantined
        Source rows refused.
    gaps
        Jumps in the venues' numbering.
    backwards
        Messages whose clock ran backwards.
    version
        Version of the gold table, None where there is none.
    failures
        Files nothing was kept of.
    """

    files: int = 0
    skipped: int = 0
    rows: int = 0
    silver_rows: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    gold_rows: int = 0
    duplicates: int = 0
    quarantined: int = 0
    gaps: int = 0
    backwards: int = 0
    version: int | None = None
    failures: list[Failure] = field(default_factory=list)


def ingest(
    lake: Lake,
    table: str,
    source_format: SourceFormat,
    paths: Sequence[Path],
    catalog: Catalog,
    *,
    venue: str = "",
    symbol: str = "",
    infer_clock_offset: bool = False,
    notice: Callable[[str], None] = lambda text: None,
    on_progress: OnProgress = lambda done, total, name: None,
) -> IngestReport:
    """Ingest files and folders into a dataset.

    Parameters
    ----------
    table
        Name of the dataset.
    paths
        Files, and folders that are searched for the format's files.
    venue, symbol
        For formats that do not tell them.
    infer_clock_offset
        Measure each new venue's clock offset instead of taking the catalog's.
    notice
        Called with what the reader should know.

    Raises
    ------
    DataError
        Where the lake cannot be read or written, or a path does not exist. What is wrong with one
        file is in the report's failures instead, and the others are ingested.
    """
    dataset = Dataset(table)
    setting = Setting(
        table=table,
        source_format=source_format,
        context=SourceContext(venue=venue, symbol=symbol, time_zone=catalog.venue(venue).time_zone),
        catalog=catalog,
        notice=notice,
    )
    found = discover(paths, source_format)
    report = IngestReport()
    with lake.sole_writer(table):
        progress = read_progress(lake, table)
        new = [file for file in found if file.transaction not in progress.transactions]
        report.skipped = len(found) - len(new)
        if infer_clock_offset:
            setting = _measured(lake, new, setting)
        total, done = sum(file.n_bytes for file in new), 0
        for file, reading in _read_ahead(new, setting):
            on_progress(done, total, file.path.name)
            progress = _ingest_file(lake, dataset, file, reading, setting, progress, report)
            done += file.n_bytes
            on_progress(done, total, file.path.name)
        report.version = lake.version(dataset.gold)
    return report


def _read_ahead(files: Sequence[SourceFile], setting: Setting) -> Iterator[_Reading]:
    """Yield the files in order, reading the next one while the caller works on this one."""
    with ThreadPoolExecutor(1) as reader:
        coming = [reader.submit(read_file, file, setting) for file in files[:1]]
        for index, file in enumerate(files):
            coming += [reader.submit(read_file, f, setting) for f in files[index + 1 : index + 2]]
            yield file, coming.pop(0)


def _ingest_file(
    lake: Lake,
    dataset: Dataset,
    file: SourceFile,
    reading: Future[tuple[pl.DataFrame, Parsed]],
    setting: Setting,
    progress: Progress,
    report: IngestReport,
) -> Progress:
    def known(kind: str) -> pl.LazyFrame | None:
        before = progress.silver_versions.get(kind)
        return lake.scan_before(dataset.silver(kind), file.transaction, before)

    kept = read_units(lake, dataset.name)
    try:
        prepared = prepare(file, reading.result(), setting, progress, kept, known)
    except DataError as error:
        message = error.message
        if file.path.name not in message:
            message = f"{file.path.name}: {message}"
        report.failures.append(Failure(file.path.name, message, error.remedy))
        return progress
    progress = _commit(lake, dataset, file, prepared, progress, setting.source_format.name)
    report.files += 1
    report.rows += prepared.bronze.height
    for kind, rows in prepared.silver.items():
        report.silver_rows[kind] += rows.height
    report.gold_rows += prepared.gold.height
    report.duplicates += prepared.duplicates
    report.quarantined += prepared.rejects.height
    report.gaps += prepared.gaps
    report.backwards += prepared.backwards
    return progress


def _commit(
    lake: Lake,
    dataset: Dataset,
    file: SourceFile,
    prepared: Prepared,
    progress: Progress,
    format_name: str,
) -> Progress:
    """Write a file's rows: units first, data in parallel, the ledger last."""
    record_units(lake, dataset.name, prepared.new_units, transaction=file.transaction)
    writes: dict[TableName, pl.DataFrame] = {dataset.bronze: prepared.bronze}
    writes |= {dataset.silver(kind): rows for kind, rows in prepared.silver.items()}
    writes |= {dataset.quarantine: prepared.rejects, dataset.gold: prepared.gold}

    def write(table: TableName) -> int | None:
        if table != dataset.gold:
            return lake.append(table, writes[table], transaction=file.transaction)
        return lake.append(
            table,
            writes[table].to_arrow().cast(GOLD_SCHEMA),
            transaction=file.transaction,
            partition_by=("venue", "symbol"),
        )

    filled = [table for table, rows in writes.items() if not rows.is_empty()]
    with ThreadPoolExecutor(_WRITERS) as pool:
        versions = dict(zip(filled, pool.map(write, filled), strict=True))
    silver_versions = {}
    for kind in KINDS:
        table = dataset.silver(kind)
        if table in versions:
            written = versions[table]
            before = progress.silver_versions.get(kind, -1)
            silver_versions[kind] = before + 1 if written is None else written
    state = state_json(prepared.streams, silver_versions)
    row = _ledger_row(dataset, file, prepared, progress, format_name) | {"state": state}
    lake.append(
        FILES,
        pl.DataFrame([row], schema=FILES_SCHEMA),
        transaction=f"{dataset.name}:{file.transaction}",
    )
    return advanced(progress, file.transaction, prepared.streams, silver_versions)


def _ledger_row(
    dataset: Dataset, file: SourceFile, prepared: Prepared, progress: Progress, format_name: str
) -> dict[str, object]:
    counts = {f"{kind}_rows": rows.height for kind, rows in prepared.silver.items()}
    return {
        **dict.fromkeys((f"{kind}_rows" for kind in KINDS), 0),
        **counts,
        "table": dataset.name,
        "ordinal": progress.ordinal,
        "source_file": file.path.name,
        "sha256": file.sha256,
        "format": format_name,
        "bronze_rows": prepared.bronze.height,
        "gold_rows": prepared.gold.height,
        "duplicates": prepared.duplicates,
        "quarantined": prepared.rejects.height,
        "gaps": prepared.gaps,
        "backwards": prepared.backwards,
    }


def _measured(lake: Lake, files: Sequence[SourceFile], setting: Setting) -> Setting:
    """Measure the clock offset of each venue that has none yet, over all new files."""
    kept = {venue for venue, _ in read_units(lake, setting.table)}
    needed: dict[str, int] = {}
    for file in files:
        try:
            _, parsed = read_file(file, setting)
        except DataError:
            continue  # it is reported when its turn comes
        for venue, offset_ns in _smallest_by_venue(parsed).items():
            needed[venue] = max(needed.get(venue, offset_ns), offset_ns)
    offsets = {venue: ns + LATENCY_FLOOR_NS for venue, ns in needed.items() if venue not in kept}
    for venue, ns in sorted(offsets.items()):
        setting.notice(
            f"{venue}: clock offset {ns} ns, measured: with it the shortest feed latency in these "
            f"files is {LATENCY_FLOOR_NS} ns"
        )
    return replace(setting, measured_offset_ns=offsets)


def _smallest_by_venue(parsed: Parsed) -> dict[str, int]:
    frames = {kind: getattr(parsed, kind) for kind in KINDS}
    venues = {venue for rows in frames.values() for venue in rows["exchange"].unique()}
    found = {}
    for venue in venues:
        own = Parsed(**{k: rows.filter(pl.col("exchange") == venue) for k, rows in frames.items()})
        offset_ns = smallest_offset_ns(own)
        if offset_ns is not None:
            found[venue] = offset_ns
    return found
