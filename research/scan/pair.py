"""The crossed episodes of one pair on all its venues, and how its venues behaved."""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl

from framework.align import AsOf, Direction, PolarsAligner
from framework.core.clock import NS_PER_MS
from research.crossed import EPISODE_SCHEMA, Clock, episodes
from research.scan.rules import ScanRules

FOUND_SCHEMA: Final = pl.Schema(
    {"pair": pl.String}
    | dict(EPISODE_SCHEMA)
    | {
        "net_edge_bps": pl.Float64,
        "notional": pl.Float64,
        "is_dust": pl.Boolean,
        "buy_recovery_ms": pl.Float64,
        "sell_recovery_ms": pl.Float64,
    }
)
"""Episodes of a scan. ``buy`` and ``sell`` are venues; ``net_edge_bps`` is the largest edge after
costs; ``notional`` is what was on display then, null where sizes are not known, and ``is_dust``
says that it was less than asked for; a venue's recovery is the time from the start of the episode
until its own crossed price changed, null where it never did."""

VENUE_SCHEMA: Final = pl.Schema(
    {"pair": pl.String, "venue": pl.String, "quotes": pl.Int64, "latency_ms": pl.Float64}
)
"""One venue's quotes of one pair; ``latency_ms`` is the median of received − exchange time."""


class PairFound(NamedTuple):
    """Rows of `FOUND_SCHEMA` and `VENUE_SCHEMA`."""

    episodes: pl.DataFrame
    venues: pl.DataFrame


def scan_pair(pair: str, quotes: pl.DataFrame, rules: ScanRules) -> PairFound:
    """Find the crossed episodes of one pair.

    Parameters
    ----------
    pair
        What is traded.
    quotes
        Best prices over time (`research.crossed.QUOTE_SCHEMA`); ``stream`` is the venue.
    rules
        What counts.
    """
    found = episodes(quotes, clock=rules.clock, own_crossed=rules.own_crossed)
    found = found.with_columns(
        pair=pl.lit(pair),
        net_edge_bps=pl.col("max_edge_bps") - rules.cost_bps,
        # The mid of both quotes, from the edge in both units.
        notional=pl.col("quantity") * pl.col("max_edge") / pl.col("max_edge_bps") * 1e4,
    )
    found = found.filter(pl.col("net_edge_bps") > 0)
    found = found.with_columns(
        is_dust=(pl.col("notional") < rules.min_notional).fill_null(False),
        buy_recovery_ms=_recovery(found, quotes, "buy", "ask", rules.clock),
        sell_recovery_ms=_recovery(found, quotes, "sell", "bid", rules.clock),
    )
    return PairFound(found.select(FOUND_SCHEMA.names()), _venues(pair, quotes))


def _recovery(
    found: pl.DataFrame, quotes: pl.DataFrame, leg: str, side: str, clock: Clock
) -> pl.Series:
    """Measure how long after each episode's start the leg's venue changed its crossed price."""
    if found.is_empty():
        return pl.Series(dtype=pl.Float64)
    own = quotes.filter(pl.col("stream").is_in(found[leg].unique().implode()))
    changed = pl.col(side).ne_missing(pl.col(side).shift().over("stream"))
    at = "ts_exch_ns" if clock == Clock.EXCHANGE else "ts_recv_ns"
    moves = own.filter(changed).select(pl.col("stream").alias(leg), ts_ns=at, moved_ns=at)
    starts = found.select(leg, ts_ns="start_ns")
    spec = AsOf(on="ts_ns", by=(leg,), direction=Direction.FORWARD, strict=True)
    after = PolarsAligner().asof(starts, moves, spec)
    return ((after["moved_ns"] - after["ts_ns"]) / NS_PER_MS).cast(pl.Float64)


def _venues(pair: str, quotes: pl.DataFrame) -> pl.DataFrame:
    latency_ns = pl.col("ts_recv_ns") - pl.col("ts_exch_ns")
    return (
        quotes.group_by("stream", maintain_order=True)
        .agg(quotes=pl.len().cast(pl.Int64), latency_ms=latency_ns.median() / NS_PER_MS)
        .select(pair=pl.lit(pair), venue="stream", quotes="quotes", latency_ms="latency_ms")
    )
