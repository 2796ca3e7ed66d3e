"""What a table's check found, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import polars as pl


class Finding(StrEnum):
    """Kinds of findings."""

    GAP = "gap"
    """Messages were lost before this one."""
    CROSSED = "crossed"
    """The venue's own bid is above its own ask."""
    LOCKED = "locked"
    """Bid and ask are equal."""
    ONE_SIDED = "one_sided"
    """One side shows nothing."""
    OFF_TICK = "off_tick"
    """A price is no multiple of the tick."""
    OFF_LOT = "off_lot"
    """A quantity is no multiple of the lot."""
    EXCHANGE_BACKWARDS = "exchange_backwards"
    """Exchange time is before that of the message that arrived just before."""
    RECEIVED_BACKWARDS = "received_backwards"
    """Received time is before that of the row before."""
    EARLY = "early"
    """Received before it happened: the clock offset is too small."""
    TRUTH = "truth"
    """The rebuilt book differs from what the source says the book was."""


_COLUMNS: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "finding": pl.String,
    "venue": pl.String,
    "symbol": pl.String,
    "ts_exch_ns": pl.Int64,
    "ts_recv_ns": pl.Int64,
    "source_file": pl.String,
    "source_row": pl.Int64,
    "detail": pl.String,
}
FINDING_SCHEMA: Final = pl.Schema(_COLUMNS)
"""One row per finding. Where a gold row has no silver row behind it, file and row are null. Times
are gold's: ``ts_recv_ns`` includes the venue's clock offset."""


def found(kind: Finding, rows: pl.DataFrame, detail: pl.Expr) -> pl.DataFrame:
    """Write rows down as findings; columns of `FINDING_SCHEMA` they lack become null."""
    present = set(rows.columns)
    return rows.with_columns(finding=pl.lit(kind.value), detail=detail).select(
        (pl.col(name) if name in present | {"finding", "detail"} else pl.lit(None))
        .cast(dtype)
        .alias(name)
        for name, dtype in FINDING_SCHEMA.items()
    )


def in_order(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Collect findings in an order that depends on nothing but them: stream, time, place."""
    empty = pl.DataFrame(schema=FINDING_SCHEMA)
    return pl.concat([empty, *parts]).sort(
        "venue", "symbol", "ts_exch_ns", "source_file", "source_row", "finding", nulls_last=True
    )
