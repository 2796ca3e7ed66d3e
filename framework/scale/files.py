"""A table version's files, as its log tells them."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable


def table_files(delta: DeltaTable) -> pl.DataFrame:
    """List a version's files: path, size, partition values and statistics."""
    return pl.DataFrame(pl.from_arrow(pa.table(delta.get_add_actions(flatten=True))))
