"""Third stage of the stream: one commit a table and batch, each named by the batch.

A batch that Spark repeats after a crash finds in the tables' logs which of its commits were made
and makes the others. The ledger is written last, as `crossbook ingest` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
import polars as pl
import pyarrow as pa

from framework.lake.dataset import Dataset
from framework.lake.ledger import (
    COUNTS as LEDGER_COUNTS,
)
from framework.lake.ledger import (
    FILES,
    FILES_SCHEMA,
    StreamState,
    read_progress,
    state_json,
)
from framework.lake.prepare import KINDS
from framework.lake.store import Lake, TableName
from framework.lake.units import record_units, units_from_rows
from framework.scale.landing import BRONZE, FAILURE, REJECTS
from framework.scale.packed import united_schema, unpack, unpacked
from framework.scale.processor import COUNTS, GOLD, UNITS
from framework.scale.session import spark_warnings_off
from framework.scale.tables import append_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_STREAM: Final = ("venue", "symbol")


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
    """

    lake: Lake
    dataset: Dataset
    format_name: str
    query: str

    def write(self, parts: DataFrame, batch: int) -> None:
        """Write one batch: units, rows, and the ledger last."""
        name = f"{self.query}:{batch}"
        kept = parts.persist()  # or every table's write would run the state again
        try:
            found: defaultdict[str, list[bytes]] = defaultdict(list)
            for row in kept.select("part", "body_schema").distinct().collect():
                found[row["part"]].append(bytes(row["body_schema"]))
            self._write_units(kept, name)
            for table, wanted in self._tables().items():
                schemas = [schema for part in wanted for schema in found.get(part, [])]
                if schemas:
                    self._append(kept, table, wanted, united_schema(schemas), name)
            self._write_ledger(kept, name)
        finally:
            kept.unpersist()

    def _tables(self) -> dict[TableName, tuple[str, ...]]:
        return {
            self.dataset.bronze: (BRONZE,),
            **{self.dataset.silver(kind): (kind,) for kind in KINDS},
            self.dataset.quarantine: (REJECTS, FAILURE),
            self.dataset.gold: (GOLD,),
        }

    def _append(
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
        own = parts.where(F.col("part").isin(*wanted)).repartition("venue", "symbol")
        own = own.sortWithinPartitions("venue", "symbol", "file_order")

        def rows(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return unpacked(batches, schema)

        with spark_warnings_off():
            typed = own.select("body").mapInArrow(rows, from_arrow_schema(schema))
        by = _STREAM if table == self.dataset.gold else ()
        append_table(typed, self.lake, table, transaction=name, partition_by=by)

    def _write_units(self, parts: DataFrame, name: str) -> None:
        rows = [row for frame in _collected(parts, UNITS) for row in frame[1].to_dicts()]
        units = list(units_from_rows(rows).values())
        record_units(self.lake, self.dataset.name, units, transaction=name)

    def _write_ledger(self, parts: DataFrame, name: str) -> None:
        transaction = f"{self.dataset.name}:{name}"
        if self.lake.committed(FILES, transaction):
            return
        progress = read_progress(self.lake, self.dataset.name)
        files: defaultdict[tuple[Any, ...], dict[str, Any]] = defaultdict(dict)
        streams: defaultdict[tuple[Any, ...], dict[tuple[str, str], StreamState]]
        streams = defaultdict(dict)
        for key, counts in _collected(parts, COUNTS):
            own = files[key[2:]]
            told = counts.row(0, named=True)
            streams[key[2:]][key[0], key[1]] = StreamState.from_json(told.pop("state"))
            for count, value in told.items():
                own[count] = own.get(count, 0) + value
        for key, rejects in _collected(parts, REJECTS):
            if key[:2] == ("", "") and key[2:] in files:
                files[key[2:]]["quarantined"] += rejects.height
        raw = {key[2:]: rows.height for key, rows in _collected(parts, BRONZE)}
        found = [self.lake.version(self.dataset.silver(kind)) for kind in KINDS]
        versions = {k: v for k, v in zip(KINDS, found, strict=True) if v is not None}
        rows = [
            dict.fromkeys(LEDGER_COUNTS, 0)
            | files[key]
            | {
                "table": self.dataset.name,
                "ordinal": progress.ordinal + index,
                "source_file": key[0],
                "sha256": key[1],
                "format": self.format_name,
                "bronze_rows": raw.get(key, 0),
                "state": state_json(streams[key], versions),
            }
            for index, key in enumerate(sorted(files, key=lambda k: orjson.loads(k[2])))
        ]
        if rows:
            frame = pl.DataFrame(rows, schema=FILES_SCHEMA)
            self.lake.append(FILES, frame, transaction=transaction)


def _collected(parts: DataFrame, part: str) -> list[tuple[tuple[str, ...], pl.DataFrame]]:
    """Fetch the parts of one kind, with venue, symbol, file, hash and order."""
    rows = parts.where(parts["part"] == part).collect()
    names = ("venue", "symbol", "source_file", "sha256", "file_order")
    return [(tuple(row[name] for name in names), unpack(bytes(row["body"]))) for row in rows]
