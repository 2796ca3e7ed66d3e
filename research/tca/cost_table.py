"""The silver table of what filled orders cost: merged run after run, read by the next."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.core.instrument import Instrument
from framework.lake.desk import COST_SCHEMA
from framework.lake.store import Lake, TableName
from research.tca.analysis import CostAnalysis
from research.tca.groups import weighted
from research.tca.trading import per_book

COSTS: Final = "execution_costs"
"""Name of the table where no other is given."""
PARTITIONS: Final = ("regime", "symbol")
"""By what its files lie apart: a reader of one regime and ticker opens no others."""
_FINGERPRINT_BITS: Final = 62


def cost_table(name: str = COSTS) -> TableName:
    """Return the silver table of a name, with or without its layer."""
    return TableName("silver", name.removeprefix("silver/"))


def cost_rows(found: CostAnalysis) -> pl.DataFrame:
    """Give one row per order that was filled at least in part; see `COST_SCHEMA`."""
    horizon = found.reference_horizon
    impacts = found.fills.group_by("order_id", maintain_order=True).agg(
        weighted(f"impact_{horizon}_bps").alias("impact_bps")
    )
    instruments: tuple[Instrument, ...] = found.trading.instruments
    lots = [float(Fraction(item.lot)) for item in instruments]
    rows = (
        found.orders.filter(pl.col("filled_lots") > 0)
        .join(impacts, on="order_id", how="left", maintain_order="left")
        .with_columns(
            run_key=pl.lit(found.trading.key),
            source=pl.lit(found.trading.source),
            quantity=pl.col("filled_lots") * per_book(pl.col("book"), lots),
            is_within_touch=pl.col("filled_lots") <= pl.col("touch_lots"),
        )
    )
    return rows.select(pl.col(name).cast(dtype) for name, dtype in COST_SCHEMA.items()).sort(
        "regime", "symbol", "venue", "decided_ns", "order_id"
    )


def merge_costs(lake: Lake, found: CostAnalysis, name: str = COSTS) -> int | None:
    """Put an analysis' orders into the table, in the place of any it has of the same trading.

    All or nothing is written, in one commit, and the same rows are not written twice: repeating a
    run that was killed, or one that was not, leaves the table with every order once.

    Returns
    -------
    int or None
        The version written; None where the table held these rows already.

    Raises
    ------
    DataError
        Where the table holds other columns, or another writer was faster.
    """
    rows = cost_rows(found)
    digest = hashlib.sha256(rows.write_csv().encode()).digest()
    content = int.from_bytes(digest, "big") >> (8 * len(digest) - _FINGERPRINT_BITS)
    table = cost_table(name)
    with lake.sole_writer(table.name):
        return lake.replace(
            table,
            rows,
            column="run_key",
            value=found.trading.key,
            content=content,
            partition_by=PARTITIONS,
        )


def read_costs(
    lake: Lake, name: str = COSTS, version: int | None = None
) -> tuple[pl.LazyFrame, int]:
    """Read the table lazily at a version, the latest where None; return it with its version.

    Raises
    ------
    DataError
        Where there is no such table or version, or it is no table of costs.
    """
    table = cost_table(name)
    if not lake.exists(table):
        raise DataError(
            f"{table} must exist, there is none at {lake.uri(table)}",
            remedy="crossbook tca RUN --merge writes it, out of runs or of a desk's executions",
        )
    delta = lake.open(table, version)
    rows = lake.scan(table, delta.version())
    missing = [column for column in COST_SCHEMA if column not in rows.collect_schema()]
    if missing:
        raise DataError(
            f"{table} must hold costs of orders, it lacks {', '.join(missing)}",
            remedy="name the table that crossbook tca --merge has written",
        )
    return rows, delta.version()
