"""By what costs are told apart, and how they are averaged."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.errors import SpecError
from research.tca.regime import REGIMES

DIMENSIONS: Final = (
    "venue",
    "symbol",
    "strategy",
    "side",
    "order_type",
    "liquidity",
    "size_bucket",
    "hour",
    "regime",
)
"""Columns by which fills and orders can be grouped."""

_HOUR_NS: Final = 3_600 * NS_PER_S
UNKNOWN: Final = "unknown"


def with_dimensions(rows: pl.DataFrame, regimes: pl.DataFrame, clock: str) -> pl.DataFrame:
    """Add ``size_bucket`` (decade of the notional), ``hour`` (UTC) and ``regime``.

    Parameters
    ----------
    rows
        Fills or orders with ``notional``.
    regimes
        As `research.tca.regime` makes them: ``book``, ``from_ns``, ``regime``, ``volatility_bps``.
    clock
        Column with the time at which the regime is looked up.
    """
    decade = pl.col("notional").log10().floor().cast(pl.Int64)
    hour = pl.col(clock) // _HOUR_NS % 24
    bucketed = rows.with_columns(
        size_bucket=pl.when(pl.col("notional") > 0)
        .then(pl.concat_str(pl.lit("1e"), decade, pl.lit(" to 1e"), decade + 1))
        .otherwise(pl.lit(UNKNOWN)),
        hour=pl.concat_str(hour.cast(pl.String).str.zfill(2), pl.lit(":00")),
    )
    # The narrow columns alone are sorted and put back: rows are wide.
    met = (
        rows.select("book", clock)
        .with_row_index("__row")
        .sort(clock)
        .join_asof(
            regimes.sort("from_ns"),
            left_on=clock,
            right_on="from_ns",
            by="book",
            check_sortedness=False,
        )
        .sort("__row")
        .select(pl.col("regime").fill_null(UNKNOWN), "volatility_bps")
    )
    return bucketed.hstack(met)


def check_dimensions(dimensions: Sequence[str]) -> None:
    """Raise `SpecError` where a dimension does not exist."""
    unknown = [name for name in dimensions if name not in DIMENSIONS]
    if unknown:
        raise SpecError(
            f"costs cannot be told apart by {', '.join(unknown)}",
            remedy=f"choose among {', '.join(DIMENSIONS)}",
        )


def in_order(grouped: pl.DataFrame, dimensions: Sequence[str]) -> pl.DataFrame:
    """Sort groups by their dimensions, regimes from calm to wild."""
    place = pl.col("regime").replace_strict(
        list(REGIMES), list(range(len(REGIMES))), default=len(REGIMES), return_dtype=pl.Int64
    )
    keys = [
        key
        for name in dimensions
        for key in ((place, pl.col(name)) if name == "regime" else (pl.col(name),))
    ]
    return grouped.sort(*keys, maintain_order=True)


def weighted(column: str, weight: str = "notional") -> pl.Expr:
    """Average a column by a weight over the rows that have it; null where none has."""
    known = pl.col(column).is_not_null() & pl.col(column).is_finite()
    weights = pl.col(weight).filter(known)
    return (
        pl.when(weights.sum() > 0)
        .then((pl.col(column).filter(known) * weights).sum() / weights.sum())
        .alias(column)
    )
