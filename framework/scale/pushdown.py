"""Filters that Spark hands down, as conditions on files and on rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds

if TYPE_CHECKING:
    from pyspark.sql.datasource import Filter

Condition = tuple[str, str, tuple[object, ...]]
"""Column, operation (``=``, ``<``, ``<=``, ``>``, ``>=``, ``in``) and values."""


def conditions(filters: Sequence[Filter]) -> list[Condition]:
    """Return what can be told of files and rows; filters of other kinds are left to Spark."""
    from pyspark.sql import datasource

    operations = {
        datasource.EqualTo: "=",
        datasource.GreaterThan: ">",
        datasource.GreaterThanOrEqual: ">=",
        datasource.LessThan: "<",
        datasource.LessThanOrEqual: "<=",
    }
    found: list[Condition] = []
    for item in filters:
        column: tuple[str, ...] = getattr(item, "attribute", ())
        operation = "in" if isinstance(item, datasource.In) else operations.get(type(item))
        if operation is None or len(column) != 1:
            continue  # a kind that tells nothing of files, or a field within a column
        value = vars(item)["value"]
        found.append((column[0], operation, tuple(value) if operation == "in" else (value,)))
    return found


def matching_files(files: pl.DataFrame, wanted: Sequence[Condition]) -> pl.DataFrame:
    """Keep the files that may hold matching rows, by partition values and statistics.

    Parameters
    ----------
    files
        Add actions of a table, flattened: ``partition.X``, ``min.X`` and ``max.X``.
    """
    for column, operation, values in wanted:
        partition, low, high = f"partition.{column}", f"min.{column}", f"max.{column}"
        if partition in files.columns:
            low = high = partition
        elif low not in files.columns:
            continue
        may_match = reduce(
            pl.Expr.or_, [_may_match(pl.col(low), pl.col(high), operation, v) for v in values]
        )
        files = files.filter(may_match.fill_null(partition not in files.columns))
    return files


def row_filter(schema: pa.Schema, wanted: Sequence[Condition]) -> ds.Expression | None:
    """Return the conditions on columns of a file as one expression; None where there are none."""
    found = [
        _on_rows(ds.field(column), operation, values)
        for column, operation, values in wanted
        if column in schema.names
    ]
    return reduce(lambda one, other: one & other, found) if found else None


def _may_match(low: pl.Expr, high: pl.Expr, operation: str, value: object) -> pl.Expr:
    bound = pl.lit(value)
    if operation in {"=", "in"}:
        return (low <= bound) & (high >= bound)
    if operation in {"<", "<="}:
        return low < bound if operation == "<" else low <= bound
    return high > bound if operation == ">" else high >= bound


def _on_rows(field: ds.Expression, operation: str, values: tuple[object, ...]) -> ds.Expression:
    if operation == "in":
        return field.isin(list(values))
    value = values[0]
    return {
        "=": lambda: field == value,
        "<": lambda: field < value,
        "<=": lambda: field <= value,
        ">": lambda: field > value,
        ">=": lambda: field >= value,
    }[operation]()
