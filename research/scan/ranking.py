"""Venues by how fast they recover from a cross and how late we hear from them."""

from __future__ import annotations

from typing import Final

import polars as pl

from research.crossed import EpisodeKind
from research.scan.scan import ScanFound

RANKING_SCHEMA: Final = pl.Schema(
    {
        "rank": pl.Int64,
        "venue": pl.String,
        "recovery_ms": pl.Float64,
        "latency_ms": pl.Float64,
        "episodes": pl.Int64,
        "as_buy": pl.Int64,
        "as_sell": pl.Int64,
        "quotes": pl.Int64,
    }
)
"""``recovery_ms`` is the median time from the start of an episode that is no noise until the venue
changed its own crossed price; ``latency_ms`` the median over pairs of each pair's median feed
latency; ``as_buy`` counts episodes in which the venue's ask was the low one."""


def venue_ranking(found: ScanFound) -> pl.DataFrame:
    """Rank the venues: the fastest to recover first, of equals the one we hear from soonest.

    Venues that took part in no episode come last.
    """
    legs = []
    for leg in ("buy", "sell"):
        one = found.episodes.select(
            "kind", venue=leg, recovery_ms=f"{leg}_recovery_ms", is_buy=pl.lit(leg == "buy")
        )
        legs.append(one)
    counted = pl.col("kind") != str(EpisodeKind.NOISE)
    parts = (
        pl.concat(legs)
        .group_by("venue")
        .agg(
            recovery_ms=pl.col("recovery_ms").filter(counted).median(),
            episodes=pl.len().cast(pl.Int64),
            as_buy=pl.col("is_buy").sum().cast(pl.Int64),
            as_sell=(~pl.col("is_buy")).sum().cast(pl.Int64),
        )
    )
    quoted = found.venues.group_by("venue").agg(
        latency_ms=pl.col("latency_ms").median(), quotes=pl.col("quotes").sum()
    )
    ranked = quoted.join(parts, on="venue", how="left").with_columns(
        pl.col("episodes", "as_buy", "as_sell").fill_null(0)
    )
    ranked = ranked.sort("recovery_ms", "latency_ms", "venue", nulls_last=True)
    return ranked.with_columns(rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int64)).select(
        pl.col(name).cast(dtype) for name, dtype in RANKING_SCHEMA.items()
    )


def summary(found: ScanFound) -> dict[str, object]:
    """Count what a scan found."""
    episodes = found.episodes
    kinds = {str(kind): int((episodes["kind"] == str(kind)).sum()) for kind in EpisodeKind}
    where = (
        episodes.group_by("buy", "sell")
        .agg(
            episodes=pl.len(),
            median_ms=pl.col("duration_ms").median(),
            max_edge_bps=pl.col("max_edge_bps").max(),
        )
        .sort("episodes", "buy", "sell", descending=[True, False, False])
    )
    return {
        "pairs": found.venues["pair"].n_unique(),
        "venues": found.venues["venue"].n_unique(),
        "quotes": found.quotes,
        "episodes": episodes.height,
        **kinds,
        "dust": int(episodes["is_dust"].sum()),
        "median_ms": episodes["duration_ms"].median(),
        "max_edge_bps": episodes["max_edge_bps"].max(),
        "where": where.to_dicts(),
        "venue_ranking": venue_ranking(found).to_dicts(),
    }
