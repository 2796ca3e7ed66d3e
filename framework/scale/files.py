"""A table version's files, as its log tells them."""

from __future__ import annotations

from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable


def table_files(delta: DeltaTable) -> pl.DataFrame:
    """List a version's files: path within the table, size, partition values and statistics."""
    files = pl.DataFrame(pl.from_arrow(pa.table(delta.get_add_actions(flatten=True))))
    # The log writes paths down as parts of a URI.
    paths = [unquote(path) for path in files["path"]]
    return files.with_columns(path=pl.Series(paths, dtype=pl.String))
