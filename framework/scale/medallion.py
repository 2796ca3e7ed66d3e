"""Landing folder → bronze → silver → gold with Structured Streaming, each file exactly once.

Spark's file source notes which files a batch has, its state store what each stream has reached,
and the tables' logs which of the batch's commits were made: a query that was killed anywhere goes
on from there, and the tables end up as `crossbook ingest` would have left them.

Files must appear whole, by being moved into the folder: the file source never looks at one again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from framework.catalog import Catalog
from framework.core.errors import DataError
from framework.lake.dataset import Dataset
from framework.lake.formats.base import SourceContext, SourceFormat
from framework.lake.ledger import read_progress
from framework.lake.prepare import Setting
from framework.lake.store import Lake
from framework.scale.session import spark_warnings_off

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery

_FILES_A_BATCH: Final = 64
DRIVER_BYTES: Final = 256 << 20
"""A batch up to this size is written by the driver: tasks would only start workers for it."""
_FOREVER: Final = "36500d"
"""Spark forgets files, and then ignores late ones, that are older than this: never."""

_STARTS: Final = 3
_LATE_WORKER: Final = "Python worker failed to connect back"
"""Spark waits ten seconds for a worker, which an overloaded machine may miss. The next start goes
on where this one stopped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamJob:
    """A landing folder and the dataset it feeds.

    Parameters
    ----------
    table
        Name of the dataset.
    landing
        Folder that every worker sees; searched with the folders in it.
    source_format
        The vendor's format.
    catalog
        Instruments and venues.
    context
        Venue, symbol and time zone for formats that do not tell them.
    files_per_batch
        Most files in one batch.
    driver_bytes
        A larger batch is written by Spark's tasks instead of the driver.
    """

    table: str
    landing: Path
    source_format: SourceFormat
    catalog: Catalog
    context: SourceContext = field(default_factory=SourceContext)
    files_per_batch: int = _FILES_A_BATCH
    driver_bytes: int = DRIVER_BYTES


def ingest_available(
    session: SparkSession,
    lake: Lake,
    job: StreamJob,
    *,
    on_batch: Callable[[int], None] = lambda batch: None,
) -> None:
    """Ingest what is there, in as many batches as it takes, and stop.

    Parameters
    ----------
    on_batch
        Called with the number of each batch once all of it is committed.

    Raises
    ------
    DataError
        Where the dataset was begun by another checkpoint or engine, or the stream fails.
    """
    with lake.sole_writer(job.table):
        for attempt in range(_STARTS):
            query = start_stream(session, lake, job, on_batch=on_batch)
            try:
                query.awaitTermination()
                return
            except Exception as error:
                if _LATE_WORKER in str(error) and attempt + 1 < _STARTS:
                    continue
                raise DataError(
                    f"the stream into {job.table} must end by itself, it failed: {error}",
                    remedy="mend what it names and start it again: it goes on where it stopped",
                ) from error


def start_stream(
    session: SparkSession,
    lake: Lake,
    job: StreamJob,
    *,
    every_s: float | None = None,
    on_batch: Callable[[int], None] = lambda batch: None,
) -> StreamingQuery:
    """Start the stream and return its query.

    Parameters
    ----------
    every_s
        Look for files that often until the query is stopped; None: take what is there and end.
    on_batch
        Called with the number of each batch once all of it is committed.
    """
    from framework.scale.batch import BatchWriter

    checkpoint = _checkpoint(lake, job.table)
    dataset = Dataset(job.table)
    if not (checkpoint / "metadata").exists() and read_progress(lake, job.table).ordinal:
        raise DataError(
            f"a stream must find its own checkpoint, {checkpoint} is not there and {job.table} "
            "has rows already",
            remedy="restore the checkpoint, go on with crossbook ingest, or take another table",
        )

    def write(parts: DataFrame, batch: int) -> None:
        query = json.loads((checkpoint / "metadata").read_text(encoding="utf-8"))["id"]
        writer = BatchWriter(
            lake=lake,
            dataset=dataset,
            format_name=job.source_format.name,
            query=query,
            driver_bytes=job.driver_bytes,
        )
        writer.write(parts, batch)
        on_batch(batch)

    with spark_warnings_off():
        parts = _parts(session, lake, job)
        writer = parts.writeStream.foreachBatch(write).option("checkpointLocation", str(checkpoint))
        if every_s is None:
            return writer.trigger(availableNow=True).start()
        return writer.trigger(processingTime=f"{every_s} seconds").start()


def _parts(session: SparkSession, lake: Lake, job: StreamJob) -> DataFrame:
    from framework.scale.landing import parts_of_files
    from framework.scale.packed import PART_FIELDS
    from framework.scale.processor import StreamProcessor

    venue = job.catalog.venue(job.context.venue)
    context = SourceContext(
        venue=job.context.venue, symbol=job.context.symbol, time_zone=venue.time_zone
    )
    setting = Setting(
        table=job.table, source_format=job.source_format, context=context, catalog=job.catalog
    )
    endings = ",".join(f"*{ending}" for ending in job.source_format.suffixes)
    files = (
        session.readStream.format("binaryFile")
        .schema("path string, modificationTime timestamp, length long, content binary")
        .option("pathGlobFilter", f"{{{endings}}}")
        .option("recursiveFileLookup", "true")
        .option("maxFilesPerTrigger", job.files_per_batch)
        .option("maxFileAge", _FOREVER)
        .load(str(job.landing))
        .select("path")
    )

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return parts_of_files(batches, setting)

    return (
        files.mapInArrow(read, PART_FIELDS)
        .groupBy("venue", "symbol")
        .transformWithState(StreamProcessor(lake.root, setting), PART_FIELDS, "Append", "None")
    )


def _checkpoint(lake: Lake, table: str) -> Path:
    return Path(lake.root) / ".checkpoints" / table
