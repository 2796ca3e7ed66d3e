"""Run a Polars function on every key's rows, in Spark's tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import from_arrow_schema

from framework.scale.asof import quoted
from framework.scale.session import spark_warnings_off


def per_key(
    frame: DataFrame,
    by: Sequence[str],
    function: Callable[[pl.DataFrame], pl.DataFrame],
    schema: pl.Schema,
) -> DataFrame:
    """Apply a function to the rows of each key; rows cross over as Arrow, so nothing is rounded.

    Parameters
    ----------
    by
        Keys. All rows of one must fit a task's memory: add the day to the keys where they do not.
    schema
        Of what the function returns.
    """
    large = schema.to_frame().to_arrow().schema
    target = pa.schema([item.with_type(_small(item.type)) for item in large])

    def on_arrow(table: pa.Table) -> pa.Table:
        made = function(pl.DataFrame(pl.from_arrow(table)))
        return made.select(target.names).to_arrow().cast(target)

    with spark_warnings_off():
        return frame.groupBy(*(quoted(name) for name in by)).applyInArrow(
            on_arrow, from_arrow_schema(target)
        )


def _small(dtype: pa.DataType) -> pa.DataType:
    """Spark knows one kind of text."""
    is_text = pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype)
    return pa.string() if is_text else dtype
