"""Rows that can be aligned: complete in key and time, in one order, numbers of one width."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from framework.core.errors import DataError


def require_columns(columns: Sequence[str], needed: Sequence[str], what: str) -> None:
    """Raise `DataError` where a column is missing."""
    missing = [name for name in needed if name not in columns]
    if missing:
        raise DataError(
            f"{what} must have the columns {', '.join(needed)}; {', '.join(missing)} are missing",
            remedy=f"rename a column or pass its name; there are: {', '.join(columns)}",
        )


def within(expression: pl.Expr, by: Sequence[str]) -> pl.Expr:
    """Evaluate an expression within each key, over all rows where there is no key."""
    return expression.over(list(by)) if by else expression


def complete(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """Keep the rows in which none of the columns is null or NaN."""
    for name in columns:
        if frame[name].null_count():
            frame = frame.filter(pl.col(name).is_not_null())
        if frame.schema[name].is_float():
            frame = frame.filter(pl.col(name).is_not_nan())
    return frame


def in_order(frame: pl.DataFrame, by: Sequence[str], ts: str, sequence: str | None) -> pl.DataFrame:
    """Sort by key, time and sequence (null first), rows that tie as they stand."""
    order = [*by, ts, *([sequence] if sequence else [])]
    return frame.sort(order, nulls_last=False, maintain_order=True).rechunk()


def widened(name: str, dtype: pl.DataType) -> pl.Expr:
    """Read a number as int64 or float64."""
    return pl.col(name).cast(pl.Int64 if dtype.is_integer() else pl.Float64)
