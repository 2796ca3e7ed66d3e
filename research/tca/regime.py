"""Volatility regimes: terciles of realised volatility, or a table of one's own."""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.core.instrument import Instrument
from research.tca.readings import MINUTE_NS

REGIMES: Final = ("low", "mid", "high")
REGIME_SCHEMA: Final = pl.Schema(
    {"venue": pl.String, "symbol": pl.String, "from_ns": pl.Int64, "regime": pl.String}
)
"""A regime table of one's own: which regime a stream is in from an instant on."""


def terciles(volatility: pl.DataFrame) -> pl.DataFrame:
    """Call the calmest third of each book's minutes low, the next mid, the wildest high.

    A minute's regime is that of the minute before it, so that it was known when the minute began
    and an execution's own impact is not in it. The borders are those of the whole period.

    Parameters
    ----------
    volatility
        ``book``, ``minute_ns``, ``volatility_bps``.

    Returns
    -------
    ``book``, ``from_ns``, ``regime``, ``volatility_bps``

    Examples
    --------
    >>> minutes = pl.DataFrame({"book": [0] * 3, "minute_ns": [0, 60, 120],
    ...                         "volatility_bps": [5.0, 1.0, 3.0]})
    >>> terciles(minutes)["regime"].to_list()
    ['high', 'low', 'mid']
    """
    place = pl.col("volatility_bps").rank("ordinal") - 1
    third = (3 * place // pl.len()).cast(pl.Int64).over("book")
    return volatility.select(
        pl.col("book").cast(pl.Int32),
        from_ns=pl.col("minute_ns") + MINUTE_NS,
        regime=third.replace_strict([0, 1, 2], list(REGIMES), return_dtype=pl.String),
        volatility_bps="volatility_bps",
    )


def given(
    table: pl.DataFrame, instruments: tuple[Instrument, ...], volatility: pl.DataFrame
) -> pl.DataFrame:
    """Take regimes from a table of one's own in place of terciles.

    Raises
    ------
    DataError
        Where the table lacks a column, or has none of the streams.
    """
    missing = [name for name in REGIME_SCHEMA if name not in table.columns]
    if missing:
        raise DataError(
            f"a regime table needs the columns {', '.join(REGIME_SCHEMA)}, it lacks "
            f"{', '.join(missing)}",
            remedy="one row a change: from which instant a stream is in which regime",
        )
    books = pl.DataFrame(
        {
            "venue": [i.venue for i in instruments],
            "symbol": [i.symbol for i in instruments],
            "book": range(len(instruments)),
        },
        schema_overrides={"book": pl.Int32},
    )
    mine = books.join(table.select(REGIME_SCHEMA.names()), on=["venue", "symbol"])
    if mine.is_empty():
        traded = ", ".join(i.name for i in instruments)
        raise DataError(
            f"a regime table must tell of the streams traded, it has none of {traded}",
            remedy="write the venue and the symbol as the catalog does",
        )
    known = terciles(volatility).drop("regime")
    return (
        mine.sort("from_ns")
        .join_asof(known.sort("from_ns"), on="from_ns", by="book", check_sortedness=False)
        .select("book", "from_ns", "regime", "volatility_bps")
    )
