"""The basis of one stream over another on an even grid, as it was known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from framework.core.errors import DataError
from framework.replay import GoldStream
from research.crossed import stream_quotes


def basis(streams: Sequence[GoldStream], step_ns: int) -> pl.DataFrame:
    """Sample the basis of the first of two streams over the second, in basis points of the mid.

    With one stream it is the mid over its first value. Quotes are those that had reached us by the
    instant, as a strategy sees them.

    Parameters
    ----------
    streams
        One or two, ordered by name as a run orders its books.
    step_ns
        Spacing of the samples, which stand at whole multiples of it.

    Returns
    -------
    pl.DataFrame
        ``ts_ns``, ``mid_0``, ``mid_1`` (null with one stream) and ``basis_bps``, from the first
        instant at which all have quotes.

    Raises
    ------
    DataError
        Where there are more than two, or never quotes of both.
    """
    if not 1 <= len(streams) <= 2:
        raise DataError(
            f"a basis is that of two streams, or the mid of one, got {len(streams)}",
            remedy="choose venue and symbols in open_streams",
        )
    ordered = sorted(streams, key=lambda stream: stream.instrument.name)
    mids = [_mids(stream) for stream in ordered]
    first = max(int(mid["ts_ns"][0]) for mid in mids if mid.height) if all(map(len, mids)) else 0
    last = max((int(mid["ts_ns"][-1]) for mid in mids if mid.height), default=-1)
    grid = pl.DataFrame({"ts_ns": np.arange(-(-first // step_ns), last // step_ns + 1) * step_ns})
    for number, mid in enumerate(mids):
        grid = grid.join_asof(mid.rename({"mid": f"mid_{number}"}), on="ts_ns")
    if len(mids) == 1:
        grid = grid.with_columns(mid_1=pl.lit(None, pl.Float64))
    grid = grid.drop_nulls(subset=[f"mid_{number}" for number in range(len(mids))])
    if not grid.height or not all(map(len, mids)):
        names = " and ".join(stream.instrument.name for stream in ordered)
        raise DataError(
            f"a basis needs quotes of all streams at one time, {names} have none",
            remedy="choose a period that all of them cover, or a smaller step",
        )
    other = pl.col("mid_1") if len(mids) == 2 else pl.col("mid_0").first()
    return grid.with_columns(basis_bps=(pl.col("mid_0") / other - 1.0) * 1e4)


def _mids(stream: GoldStream) -> pl.DataFrame:
    """Mids of one stream by the clock on which they were known; null where a side was missing."""
    quotes = stream_quotes([stream]).with_columns(
        ts_ns=pl.col("ts_recv_ns").cum_max() + stream.feed_ns
    )
    return quotes.select("ts_ns", mid=(pl.col("bid") + pl.col("ask")) / 2).unique(
        "ts_ns", keep="last", maintain_order=True
    )
