"""What the market did after a fill: markouts, the price of being picked off."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_MS, NS_PER_S

HORIZONS_NS: Final[Mapping[str, int]] = MappingProxyType(
    {"100ms": 100 * NS_PER_MS, "1s": NS_PER_S, "10s": 10 * NS_PER_S}
)
"""Name and length of the usual horizons."""


def with_markouts(
    fills: pl.DataFrame, quotes: pl.DataFrame, horizons_ns: Mapping[str, int] = HORIZONS_NS
) -> pl.DataFrame:
    """Add a column ``markout_<name>_bps`` per horizon to a table of fills.

    The markout is ``side · (mid − price) / price · 10 000`` with the venue's mid one horizon after
    the fill: negative where the market moved against us, adverse selection. It is null where the
    data ends before the horizon or the book had no mid then.

    Parameters
    ----------
    fills
        As `Result.fills` gives them.
    quotes
        Best prices over time of the same streams, as `research.crossed.stream_quotes` gives them.
    horizons_ns
        Name and length of each horizon.

    Examples
    --------
    Bought at 10.00; a second later the mid was 9.99, ten basis points lower:

    >>> fill = pl.DataFrame({"ts_ns": [0], "venue": ["v"], "symbol": ["s"], "side": [1],
    ...                      "price": [10.0]})
    >>> quote = pl.DataFrame({"stream": ["v:s"] * 2, "ts_exch_ns": [10**9, 2 * 10**9],
    ...                       "bid": [9.98, 9.98], "ask": [10.0, 10.0]})
    >>> with_markouts(fill, quote, {"1s": 10**9})["markout_1s_bps"].round(6).to_list()
    [-10.0]
    """
    mids = quotes.select(
        "stream",
        pl.col("ts_exch_ns").alias("at_ns"),
        ((pl.col("bid") + pl.col("ask")) / 2).alias("mid"),
    ).with_columns(pl.col("at_ns").max().over("stream").alias("end_ns"))
    mids = mids.sort("at_ns", maintain_order=True)
    marked = fills.with_columns(
        pl.concat_str("venue", "symbol", separator=":").alias("stream"),
        pl.int_range(pl.len()).alias("row"),
    )
    for name, horizon_ns in horizons_ns.items():
        later = marked.with_columns((pl.col("ts_ns") + horizon_ns).alias("at_ns"))
        found = (
            later.sort("at_ns", maintain_order=True)
            .join_asof(mids, on="at_ns", by="stream", check_sortedness=False)
            .sort("row")
        )
        gain = pl.col("side") * (pl.col("mid") - pl.col("price")) / pl.col("price") * 10_000
        known = pl.col("at_ns") <= pl.col("end_ns")
        marked = marked.with_columns(
            found.select(pl.when(known).then(gain).alias(f"markout_{name}_bps")).to_series()
        )
    return marked.drop("stream", "row")
