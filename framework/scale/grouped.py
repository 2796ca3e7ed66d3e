"""Run a Polars function on every key's rows, in Spark's tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from framework.scale.asof import quoted
from framework.scale.session import spark_warnings_off


def per_key(
    frame: DataFrame,
    by: Sequence[str],
    function: Callable[[pl.DataFrame], pl.DataFrame],
    schema: StructType,
) -> DataFrame:
    """Apply a function to the rows of each key; rows cross over as Arrow, so nothing is rounded.

    Parameters
    ----------
    by
        Keys. All rows of one must fit a task's memory: add the day to the keys where they do not.
    schema
        Of what the function returns.
    """

    def on_arrow(table: pa.Table) -> pa.Table:
        made = function(pl.DataFrame(pl.from_arrow(table)))
        return made.to_arrow().cast(target)

    from pyspark.sql.pandas.types import to_arrow_schema

    target = to_arrow_schema(schema)
    with spark_warnings_off():
        return frame.groupBy(*(quoted(name) for name in by)).applyInArrow(on_arrow, schema)
