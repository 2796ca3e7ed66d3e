"""What a lake's tables are and hold, read off their Delta logs wherever the log can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable

from framework.core.events import EventKind
from framework.lake.ledger import FILES
from framework.lake.store import Lake, TableName

_TIMES: Final = ("ts_exch_ns", "exchange_timestamp_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """One table at its latest version.

    Parameters
    ----------
    table
        Its place in the lake.
    version
        Latest version.
    rows
        Rows by the statistics of the log; None where a file has none.
    files, size_bytes
        Data files of this version.
    committed_at
        Time of the latest commit.
    """

    table: TableName
    version: int
    rows: int | None
    files: int
    size_bytes: int
    committed_at: datetime

    def as_json(self) -> dict[str, object]:
        """Return the facts as plain values."""
        return {
            "layer": self.table.layer,
            "name": self.table.name,
            "version": self.version,
            "rows": self.rows,
            "files": self.files,
            "bytes": self.size_bytes,
            "last_commit": self.committed_at,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """One version of a table; `rows_added` is None where the commit does not say."""

    version: int
    committed_at: datetime
    operation: str
    rows_added: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Rows of one venue and symbol and the exchange times they span, nanoseconds."""

    venue: str
    symbol: str
    rows: int
    first_ns: int | None
    last_ns: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestedFile:
    """One source file: its rows, and what was found in them."""

    source_file: str
    format: str
    bronze_rows: int
    duplicates: int
    quarantined: int
    gaps: int
    backwards: int


def table_facts(lake: Lake, table: TableName) -> TableFacts:
    """Describe one table.

    Raises
    ------
    DataError
        Where there is no such table or its log cannot be read.
    """
    delta = lake.open(table)
    files = _files(delta)
    counts = files["num_records"].to_list()
    return TableFacts(
        table=table,
        version=delta.version(),
        rows=None if None in counts else sum(counts),
        files=files.height,
        size_bytes=int(files["size_bytes"].sum()),
        committed_at=commits(delta, limit=1)[0].committed_at,
    )


def columns(delta: DeltaTable) -> list[tuple[str, str, bool]]:
    """List a table's columns: name, Delta type, whether null is allowed."""
    return [
        (field.name, getattr(field.type, "type", str(field.type)), field.nullable)
        for field in delta.schema().fields
    ]


def commits(delta: DeltaTable, limit: int | None = None) -> list[Commit]:
    """List a table's versions, latest first."""
    return [
        Commit(
            version=entry["version"],
            committed_at=datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
            operation=entry["operation"],
            rows_added=_rows_added(entry.get("operationMetrics", {})),
        )
        for entry in delta.history(limit)
    ]


def streams(delta: DeltaTable) -> list[Stream]:
    """List the streams of a table that is partitioned by venue and symbol; else nothing."""
    files = _files(delta)
    if not {"partition.venue", "partition.symbol"} <= set(files.columns):
        return []
    time = next((name for name in _TIMES if f"min.{name}" in files.columns), None)
    first = pl.lit(None, pl.Int64) if time is None else pl.col(f"min.{time}").min()
    last = pl.lit(None, pl.Int64) if time is None else pl.col(f"max.{time}").max()
    grouped = files.group_by("partition.venue", "partition.symbol").agg(
        pl.col("num_records").sum(), first.alias("first"), last.alias("last")
    )
    return [
        Stream(venue=venue, symbol=symbol, rows=rows, first_ns=first_ns, last_ns=last_ns)
        for venue, symbol, rows, first_ns, last_ns in grouped.sort(
            "partition.venue", "partition.symbol"
        ).rows()
    ]


def ingested_files(lake: Lake, dataset: str) -> list[IngestedFile]:
    """List the files a dataset was ingested from, in that order; empty where none are on record."""
    if not lake.exists(FILES):
        return []
    names = IngestedFile.__slots__
    rows = lake.scan(FILES).filter(pl.col("table") == dataset).sort("ordinal").select(*names)
    return [IngestedFile(**row) for row in rows.collect().iter_rows(named=True)]


def marked_gaps(lake: Lake, table: TableName) -> int | None:
    """Count the gaps a gold table marks; None for a table that is not gold."""
    if table.layer != "gold":
        return None
    gaps = lake.scan(table).filter(pl.col("kind") == int(EventKind.GAP))
    return int(gaps.select(pl.len()).collect().item())


def quarantined_rows(lake: Lake, dataset: str) -> int:
    """Count a dataset's refused rows; 0 where it has no quarantine table."""
    table = TableName("quarantine", dataset)
    return (table_facts(lake, table).rows or 0) if lake.exists(table) else 0


def dataset_of(table: TableName, names: Sequence[TableName]) -> str:
    """Return the dataset a table belongs to: ``silver/x_depth`` is of ``x`` where x has bronze.

    Of several datasets whose names begin alike the longest fits.
    """
    datasets = {name.name for name in names if name.layer in {"bronze", "gold"}}
    fitting = [name for name in datasets if table.name.startswith(f"{name}_")]
    if table.layer != "silver" or not fitting:
        return table.name
    return max(fitting, key=len)


def upstream_by_layout(names: Sequence[TableName]) -> Mapping[str, tuple[str, ...]]:
    """Say what each table is made from, by the lake's layout: bronze → silver → gold.

    For tables whose lineage no catalog states.
    """
    made_from: dict[str, tuple[str, ...]] = {}
    silver: defaultdict[str, list[str]] = defaultdict(list)
    known = set(map(str, names))
    for table in names:
        dataset = dataset_of(table, names)
        bronze = f"bronze/{dataset}"
        if table.layer in {"silver", "quarantine"}:
            made_from[str(table)] = (bronze,) if bronze in known else ()
        if table.layer == "silver":
            silver[dataset].append(str(table))
    for table in names:
        if table.layer == "gold":
            made_from[str(table)] = tuple(sorted(silver[table.name]))
    return made_from


def _files(delta: DeltaTable) -> pl.DataFrame:
    return pl.DataFrame(pl.from_arrow(pa.table(delta.get_add_actions(flatten=True))))


def _rows_added(metrics: Mapping[str, object]) -> int | None:
    for name in ("num_added_rows", "numOutputRows"):
        value = metrics.get(name)
        if isinstance(value, int | str):
            return int(value)
    return None
