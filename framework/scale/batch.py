"""Third stage of the stream: one commit a table and batch, each named by the batch.

A batch that Spark repeats after a crash finds in the tables' logs which of its commits were made
and makes the others. The ledger is written last, as `crossbook ingest` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
import polars as pl
import pyarrow as pa

from framework.core.events import GOLD_SCHEMA
from framework.lake.dataset import Dataset
from framework.lake.ledger import COUNTS as LEDGER_COUNTS
from framework.lake.ledger import FILES, FILES_SCHEMA, StreamState, read_progress, state_json
from framework.lake.prepare import KINDS
from framework.lake.store import Lake, TableName
from framework.lake.units import record_units, units_from_rows
from framework.scale.landing import BRONZE, FAILURE, REJECTS
from framework.scale.packed import united_schema, unpack, unpacked
from framework.scale.processor import COUNTS, GOLD, UNITS
from framework.scale.session import spark_warnings_off
from framework.scale.tables import append_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

_STREAM: Final = ("venue", "symbol")
_FILE: Final = ("source_file", "sha256", "file_order")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWriter:
    """Writes a batch's parts to the tables of a dataset.

    Parameters
    ----------
    lake, dataset
        Where to.
    format_name
        For the ledger.
    query
        Name of the stream's checkpoint; with the batch's number it names the commits.
    driver_bytes
        A batch larger than this is written by Spark's tasks.
    """

    lake: Lake
    dataset: Dataset
    format_name: str
    query: str
    driver_bytes: int

    def write(self, parts: DataFrame, batch: int) -> None:
        """Write one batch: units, rows, and the ledger last."""
        from pyspark.sql import functions as F  # noqa: N812

        kept = parts.persist()  # or every look at it would run the state again
        try:
            size = kept.agg(F.sum(F.length("body"))).collect()[0][0] or 0
            if size <= self.driver_bytes:
                self._write_here(kept.collect(), f"{self.query}:{batch}")
            else:
                self._write_in_tasks(kept, f"{self.query}:{batch}")
        finally:
            kept.unpersist()

    def _tables(self) -> dict[TableName, tuple[str, ...]]:
        """Name the parts that make up each table, in the order of the commits."""
        return {
            self.dataset.bronze: (BRONZE,),
            **{self.dataset.silver(kind): (kind,) for kind in KINDS},
            self.dataset.quarantine: (REJECTS, FAILURE),
            self.dataset.gold: (GOLD,),
        }

    def _write_here(self, rows: Sequence[Row], name: str) -> None:
        in_order = sorted(rows, key=_place)
        self._record_units([row for row in in_order if row["part"] == UNITS], name)
        for table, wanted in self._tables().items():
            frames = [unpack(bytes(row["body"])) for row in in_order if row["part"] in wanted]
            if not frames:
                continue
            made = pl.concat(frames, how="diagonal")
            if table == self.dataset.gold:
                gold = made.to_arrow().cast(GOLD_SCHEMA)
                self.lake.append(table, gold, transaction=name, partition_by=_STREAM)
            else:
                self.lake.append(table, made, transaction=name)
        self._record_files(in_order, name)

    def _write_in_tasks(self, parts: DataFrame, name: str) -> None:
        from pyspark.sql import functions as F  # noqa: N812

        schemas: defaultdict[str, list[bytes]] = defaultdict(list)
        for row in parts.select("part", "body_schema").distinct().collect():
            schemas[row["part"]].append(bytes(row["body_schema"]))
        is_small = F.col("part").isin(UNITS, COUNTS, REJECTS)
        told = parts.where(is_small).collect()
        # Of bronze only its number of rows is wanted here.
        empty = parts.where(F.col("part") == BRONZE).withColumn("body", F.lit(None))
        self._record_units([row for row in told if row["part"] == UNITS], name)
        for table, wanted in self._tables().items():
            found = [schema for part in wanted for schema in schemas.get(part, [])]
            if found:
                self._append_in_tasks(parts, table, wanted, united_schema(found), name)
        self._record_files([*told, *empty.collect()], name)

    def _append_in_tasks(
        self,
        parts: DataFrame,
        table: TableName,
        wanted: tuple[str, ...],
        schema: pa.Schema,
        name: str,
    ) -> None:
        from pyspark.sql import functions as F  # noqa: N812
        from pyspark.sql.pandas.types import from_arrow_schema

        # One task a stream, its files in their order: gold keeps the order of replay.
        own = parts.where(F.col("part").isin(*wanted)).repartition(*_STREAM)
        own = own.sortWithinPartitions(*_STREAM, "file_order")

        def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return unpacked(batches, schema)

        with spark_warnings_off():
            typed = own.select("body").mapInArrow(rows, from_arrow_schema(schema))
        by = _STREAM if table == self.dataset.gold else ()
        append_table(typed, self.lake, table, transaction=name, partition_by=by)

    def _record_units(self, rows: Sequence[Row], name: str) -> None:
        units = [unit for row in rows for unit in unpack(bytes(row["body"])).to_dicts()]
        found = list(units_from_rows(units).values())
        record_units(self.lake, self.dataset.name, found, transaction=name)

    def _record_files(self, rows: Sequence[Row], name: str) -> None:
        transaction = f"{self.dataset.name}:{name}"
        if self.lake.committed(FILES, transaction):
            return
        versions = {kind: self.lake.version(self.dataset.silver(kind)) for kind in KINDS}
        known = {kind: version for kind, version in versions.items() if version is not None}
        ordinal = read_progress(self.lake, self.dataset.name).ordinal
        told = [
            dict.fromkeys(LEDGER_COUNTS, 0)
            | file.counts
            | {"table": self.dataset.name, "ordinal": ordinal + index, "source_file": key[0]}
            | {"sha256": key[1], "format": self.format_name}
            | {"state": state_json(file.streams, known)}
            for index, (key, file) in enumerate(_files(rows))
        ]
        if told:
            self.lake.append(
                FILES, pl.DataFrame(told, schema=FILES_SCHEMA), transaction=transaction
            )


@dataclass(slots=True)
class _FileTold:
    """What a batch says of one file."""

    counts: dict[str, int]
    streams: dict[tuple[str, str], StreamState]


def _files(rows: Sequence[Row]) -> list[tuple[tuple[str, ...], _FileTold]]:
    """Put together what each stream says of each file, in the order of the files."""
    files: dict[tuple[str, ...], _FileTold] = {}
    for row in rows:
        if row["part"] != COUNTS:
            continue
        file = files.setdefault(_key(row), _FileTold({}, {}))
        counts: dict[str, Any] = unpack(bytes(row["body"])).row(0, named=True)
        state = StreamState.from_json(counts.pop("state"))
        file.streams[row["venue"], row["symbol"]] = state
        for name, value in counts.items():
            file.counts[name] = file.counts.get(name, 0) + value
    for row in rows:
        if _key(row) not in files or row["venue"]:
            continue
        counts = files[_key(row)].counts
        if row["part"] == BRONZE:
            counts["bronze_rows"] = row["n_rows"]
        elif row["part"] == REJECTS:
            counts["quarantined"] += row["n_rows"]
    return sorted(files.items(), key=lambda item: orjson.loads(item[0][2]))


def _key(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _FILE)


def _place(row: Row) -> tuple[str, str, Any]:
    return row["venue"], row["symbol"], orjson.loads(row["file_order"])
