"""Crossed episodes counted per day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import polars as pl

from framework.core.errors import SpecError
from research.crossed.episodes import EpisodeKind

DAY_SCHEMA: Final = pl.Schema(
    {
        "date": pl.Date,
        "episodes": pl.Int64,
        "noise": pl.Int64,
        "structural": pl.Int64,
        "median_ms": pl.Float64,
        "mean_ms": pl.Float64,
        "max_edge": pl.Float64,
        "max_edge_bps": pl.Float64,
    }
)
"""``noise`` and ``structural`` are counts of `EpisodeKind`; what is not among them is short.
``max_edge`` is in units of price, or of `pip` where one is given."""


def episodes_per_day(
    found: pl.DataFrame,
    *,
    hours: tuple[int, int] = (0, 24),
    pip: float = 1.0,
    days: Iterable[date] = (),
) -> pl.DataFrame:
    """Summarise episodes that start within some hours of each day (UTC).

    Parameters
    ----------
    found
        Episodes as `episodes` gives them.
    hours
        First hour, and the hour before which to stop: ``(7, 20)`` is 07:00 to 20:00.
    pip
        Unit of ``max_edge`` in units of price, e.g. 0.0001 for EUR/USD.
    days
        Days to list even where they have no episode.

    Returns
    -------
    pl.DataFrame
        `DAY_SCHEMA`, by date.

    Raises
    ------
    SpecError
        Where the hours are not a span within a day.
    """
    first, stop = hours
    if not 0 <= first < stop <= 24:
        raise SpecError(
            f"hours are a first and a later one within 0 to 24, got {first} and {stop}",
            remedy="write for example (7, 20)",
        )
    start = pl.from_epoch("start_ns", time_unit="ns")
    counted = (
        found.with_columns(date=start.dt.date())
        .filter(start.dt.hour().is_between(first, stop - 1))
        .group_by("date")
        .agg(
            episodes=pl.len(),
            noise=(pl.col("kind") == str(EpisodeKind.NOISE)).sum(),
            structural=(pl.col("kind") == str(EpisodeKind.STRUCTURAL)).sum(),
            median_ms=pl.col("duration_ms").median(),
            mean_ms=pl.col("duration_ms").mean(),
            max_edge=(pl.col("max_edge").max() / pip).round(6),
            max_edge_bps=pl.col("max_edge_bps").max(),
        )
    )
    counts = ("episodes", "noise", "structural")
    return (
        pl.DataFrame({"date": list(days)}, schema={"date": pl.Date})
        .unique()
        .join(counted, on="date", how="full", coalesce=True)
        .with_columns(pl.col(*counts).fill_null(0).cast(pl.Int64))
        .select(pl.col(name).cast(dtype) for name, dtype in DAY_SCHEMA.items())
        .sort("date")
    )
