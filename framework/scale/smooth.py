"""Moving averages and range statistics on Spark.

The very function that runs locally, on every key: Tempo's ``EMA`` starts from 0 and forgets after a
window, its ``withRangeStats`` changes the frame it is given, and Spark's own window sums add in an
order of their own.
"""

from __future__ import annotations

import polars as pl
from pyspark.sql import DataFrame
from pyspark.sql.pandas.types import to_arrow_schema

from framework.align.smooth import smooth as smooth_locally
from framework.align.specs import Smooth
from framework.scale.grouped import per_key


def smooth(rows: DataFrame, spec: Smooth) -> DataFrame:
    """Add moving statistics; see `Aligner.smooth`."""
    empty = pl.DataFrame(pl.from_arrow(to_arrow_schema(rows.schema).empty_table()))
    schema = smooth_locally(empty, spec).schema
    return per_key(rows, spec.by, lambda frame: smooth_locally(frame, spec), schema)
