"""Columns that Polars and Spark are to treat alike."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.window import Window, WindowSpec

from framework.scale.asof import quoted

_WHOLE = {"tinyint", "smallint", "int", "bigint"}


def is_whole(frame: DataFrame, name: str) -> bool:
    """Tell whether a column holds integers."""
    return dict(frame.dtypes)[name] in _WHOLE


def widened(frame: DataFrame, name: str) -> Column:
    """Read a number as bigint or double."""
    return quoted(name).cast("bigint" if is_whole(frame, name) else "double")


def complete(frame: DataFrame, names: Sequence[str]) -> DataFrame:
    """Keep the rows in which none of the columns is null or NaN."""
    types = dict(frame.dtypes)
    for name in names:
        frame = frame.where(quoted(name).isNotNull())
        if types[name] in {"float", "double"}:
            frame = frame.where(~F.isnan(quoted(name)))
    return frame


def window(by: Sequence[str], *order: Column) -> WindowSpec:
    """Order rows within each key."""
    return Window.partitionBy(*(quoted(name) for name in by)).orderBy(*order)


def total(frame: DataFrame, values: Sequence[str], order: Sequence[str]) -> list[Column]:
    """Sum columns of a group: integers in any order, floats one by one in the rows' order.

    The floats of a group are gathered in one place for that, so a group must fit a task's memory.
    """
    sums = []
    for name in values:
        if is_whole(frame, name):
            sums.append(F.sum(quoted(name)).alias(name))
            continue
        items = F.array_sort(F.collect_list(F.struct(*(quoted(n) for n in (*order, name)))))
        added = F.aggregate(items.getField(name), F.lit(0.0), lambda sum_, x: sum_ + x)
        sums.append(added.alias(name))
    return sums


def to_spark(session: SparkSession, frame: pl.DataFrame) -> DataFrame:
    """Hand a Polars frame to Spark."""
    return session.createDataFrame(frame.to_arrow())


def from_spark(frame: DataFrame) -> pl.DataFrame:
    """Collect a Spark frame; order of rows is not Spark's to keep."""
    return pl.DataFrame(pl.from_arrow(frame.toArrow()))
