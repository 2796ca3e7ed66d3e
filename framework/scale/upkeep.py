"""Keep a table's files in shape: cluster, compact, and vacuum what nobody has pinned."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import polars as pl

from framework.core.errors import DataError
from framework.lake.store import Lake, TableName
from framework.scale.config import DeltaAccess
from framework.scale.layout import TARGET_BYTES
from framework.scale.zorder import rewrite_in_z_order

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PINS: Final = TableName("reference", "pins")
"""Versions that vacuum must leave readable: table, version and why."""

PINS_SCHEMA: Final = pl.Schema({"table": pl.String, "version": pl.Int64, "reason": pl.String})
_WEEK_HOURS: Final = 168


def cluster(
    lake: Lake,
    table: TableName,
    by: Sequence[str],
    *,
    session: SparkSession | None = None,
    target_bytes: int = TARGET_BYTES,
) -> DeltaAccess:
    """Rewrite a table so that rows near in all of `by` lie in the same files.

    Liquid clustering where a session has Delta's jars: later writes keep to it, and only new files
    are rewritten. Else z-order (`framework.scale.zorder`), which rewrites the table each time. A
    table clustered by the jars can no longer be written by deltalake.

    Parameters
    ----------
    by
        Columns, such as ``("symbol", "exchange_timestamp_ns")``.
    target_bytes
        Size of the files, about.

    Returns
    -------
    DeltaAccess
        Through what it was done.

    Raises
    ------
    DataError
        For a gold table, whose rows must keep the order they were written in.
    """
    from framework.scale.session import delta_access

    if table.layer == "gold":
        raise DataError(
            f"the rows of {table} must keep their order, clustering would mix them",
            remedy="cluster silver; gold is partitioned by venue and symbol and ordered by time",
        )
    if session is not None and delta_access(session) == DeltaAccess.JARS:
        named = ", ".join(f"`{name}`" for name in by)
        session.sql(f"ALTER TABLE delta.`{lake.uri(table)}` CLUSTER BY ({named})")
        session.sql(f"OPTIMIZE delta.`{lake.uri(table)}`")
        return DeltaAccess.JARS
    rewrite_in_z_order(lake, table, by, target_bytes=target_bytes)
    return DeltaAccess.SOURCE


def pin(lake: Lake, table: TableName, version: int, reason: str) -> None:
    """Keep a version readable whatever is vacuumed, such as one that a published result names.

    Raises
    ------
    DataError
        Where there is no such version.
    """
    lake.open(table, version)
    row = pl.DataFrame([(str(table), version, reason)], schema=PINS_SCHEMA, orient="row")
    lake.append(PINS, row, transaction=f"{table}@{version}")


def pinned(lake: Lake, table: TableName) -> list[int]:
    """List the versions of a table that are pinned."""
    if not lake.exists(PINS):
        return []
    rows = lake.scan(PINS).filter(pl.col("table") == str(table)).collect()
    return sorted(set(rows["version"]))


def vacuum(
    lake: Lake, table: TableName, *, older_than_hours: int = _WEEK_HOURS, dry_run: bool = True
) -> list[str]:
    """Delete files that neither the latest version nor a pinned one needs.

    Parameters
    ----------
    older_than_hours
        Files that were in use more recently stay.
    dry_run
        True deletes nothing.

    Returns
    -------
    list of str
        The files deleted, or that would be.
    """
    delta = lake.open(table)
    keep = [version for version in pinned(lake, table) if version < delta.version()]
    return delta.vacuum(
        retention_hours=older_than_hours,
        dry_run=dry_run,
        # The guard against a short retention is for versions in use: those are pinned here.
        enforce_retention_duration=False,
        keep_versions=keep or None,
    )
