"""What quotes say of volatility: mid, spread and deviation at every change of the best."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import polars as pl
import pyarrow as pa

from framework.core.errors import DataError
from framework.features import FeatureSettings
from framework.features.frame import When, feature_batches
from framework.replay.stream import GoldStream

READING_SCHEMA: Final = pl.Schema(
    {
        "ts_ns": pl.Int64,
        "mid_ticks": pl.Float64,
        "spread_pct": pl.Float64,
        "mid_deviation_ticks": pl.Float64,
    }
)
"""One row a change of the best prices, by the time at which it reached us. The deviation is the
exponential one over 100 ms, from the very kernel a strategy runs online."""

_BATCH_ROWS: Final = 1 << 18


def read_quotes(stream: GoldStream) -> pl.DataFrame:
    """Read a stored stream as `READING_SCHEMA`.

    Raises
    ------
    DataError
        Where the stream never shows both sides.
    """
    found = quotes_of(stream.batches(_BATCH_ROWS))
    if found.is_empty():
        raise DataError(
            f"{stream.instrument.name}: volatility needs quotes of both sides, there are none",
            remedy="choose a stream with bids and asks, or another period",
        )
    return found


def quotes_of(batches: Iterable[pa.RecordBatch | pa.Table]) -> pl.DataFrame:
    """Read the rows of one stream, in batches of `GOLD_SCHEMA`, as `READING_SCHEMA`."""
    settings = FeatureSettings(levels=1, depth=1)
    found = feature_batches(batches, settings, when=When.BEST)
    kept = [batch.select(READING_SCHEMA.names()) for batch in found]
    return pl.concat([pl.DataFrame(schema=READING_SCHEMA), *kept])
