"""Read and append the lake's tables from Spark, whichever way the session knows Delta."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from framework.lake.store import Lake, TableName
from framework.scale.config import DeltaAccess
from framework.scale.session import delta_access, spark_warnings_off

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession


def read_table(
    session: SparkSession, lake: Lake, table: TableName, version: int | None = None
) -> DataFrame:
    """Read one version of a table.

    With Delta's jars Delta reads it. Without, Spark's own Parquet reader is given the files that
    the version's log names: it skips columns, row groups and partitions, also those that a join
    rules out while it runs.

    Raises
    ------
    DataError
        Where there is no such table or version.
    ScaleError
        Where the table needs the jars and the session has none.
    """
    from framework.scale.source import open_table, spark_schema

    pinned = lake.open(table, version).version()
    uri = lake.uri(table)
    if delta_access(session) == DeltaAccess.JARS:
        return session.read.format("delta").option("versionAsOf", pinned).load(uri)
    delta = open_table(uri, pinned)
    schema = spark_schema(delta)
    files = delta.file_uris()
    if not files:
        return session.createDataFrame([], schema)
    rows = session.read.schema(schema).option("basePath", uri).parquet(*files)
    # Spark puts partition columns last.
    return rows.select(*(rows[f"`{name}`"] for name in schema.names))


def append_table(
    rows: DataFrame,
    lake: Lake,
    table: TableName,
    *,
    transaction: str,
    partition_by: Sequence[str] = (),
) -> None:
    """Append rows in one commit, unless the transaction has been committed before.

    Columns that the table does not have yet are added to it first.

    Parameters
    ----------
    partition_by
        Partition columns of a table that is made by this write.
    """
    if lake.committed(table, transaction):
        return
    add_columns(rows, lake, table)
    session, uri = rows.sparkSession, lake.uri(table)
    if delta_access(session) == DeltaAccess.JARS:
        writer = rows.write.format("delta").option("txnAppId", transaction).option("txnVersion", 1)
        if not lake.exists(table) and partition_by:
            writer = writer.partitionBy(*partition_by)
        writer.mode("append").save(uri)
        return
    with spark_warnings_off():
        rows.write.format("crossbook").option("transaction", transaction).option(
            "partition_by", ",".join(partition_by)
        ).mode("append").save(uri)


def add_columns(rows: DataFrame, lake: Lake, table: TableName) -> None:
    """Add to a table, where it exists, the columns it lacks; they are null in older rows."""
    from deltalake import Field, Schema
    from pyspark.sql.pandas.types import to_arrow_schema

    if not lake.exists(table):
        return
    delta = lake.open(table)
    stored = {field.name for field in delta.schema().fields}
    new = [
        item.with_nullable(True) for item in to_arrow_schema(rows.schema) if item.name not in stored
    ]
    if new:
        fields: list[Field] = list(Schema.from_arrow(pa.schema(new)).fields)
        delta.alter.add_columns(fields)
