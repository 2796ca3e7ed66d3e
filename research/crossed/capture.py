"""Captured against available: which crosses a run took, which traps it fell into, and what it cost.

Assumptions
-----------
An attempt belongs to the cross of its pair of streams that began last before it was sent. Where
that cross had ended more than `SLACK_NS` before, the attempt belongs to none. What a cross made
available is its displayed touch when its edge was largest, once: `max_edge` times `quantity`, less
both fees. Levels behind the touch and depth that came back are not in it: a run may capture more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_MS
from framework.core.instrument import Instrument
from framework.lake.store import Lake
from framework.synthetic.planted import truth_table
from research.crossed.episodes import EpisodeKind, episode_kind

SLACK_NS: Final = 10 * NS_PER_MS
DUST_QUANTITY: Final = 2.0
"""As much as the planted market's traps show."""
TRAP: Final = "dust"
"""Planted kind of a cross that is none: next to nothing stands behind it."""

_CROSS_COLUMNS: Final[dict[str, type[pl.DataType]]] = {
    "start_ns": pl.Int64,
    "end_ns": pl.Int64,
    "duration_ms": pl.Float64,
    "kind": pl.String,
    "planted": pl.String,
    "buy": pl.String,
    "sell": pl.String,
    "max_edge_bps": pl.Float64,
    "net_edge_bps": pl.Float64,
    "available": pl.Float64,
}
CROSS_SCHEMA: Final = pl.Schema(_CROSS_COLUMNS)
"""``kind`` is the `EpisodeKind` of its duration, ``planted`` what the truth calls it (null: nobody
planted it, or nobody knows); ``net_edge_bps`` is less both taker fees; ``available`` the displayed
profit, never below zero."""

CAPTURE_SCHEMA: Final = pl.Schema(
    _CROSS_COLUMNS
    | {
        "survives": pl.Boolean,
        "attempts": pl.Int64,
        "is_taken": pl.Boolean,
        "is_sprung": pl.Boolean,
        "captured": pl.Float64,
        "legging": pl.Float64,
    }
)
"""``survives``: it lasted as long and paid as much as was asked; ``is_taken``: both legs of some
attempt got something; ``is_sprung``: a leg of some attempt found no more than dust, or it lost."""

SUMMARY_SCHEMA: Final = pl.Schema(
    {
        "class": pl.String,
        "crosses": pl.Int64,
        "survive": pl.Int64,
        "tried": pl.Int64,
        "taken": pl.Int64,
        "sprung": pl.Int64,
        "taken_share": pl.Float64,
        "available": pl.Float64,
        "captured": pl.Float64,
        "legging": pl.Float64,
    }
)
"""One row a class. ``taken``, ``taken_share`` and ``available`` count those that survive. Of traps
``taken_share`` is the share that was sprung: ``tried`` counts those too behind whose dust the price
had moved and real depth stood by then."""


def observed_crosses(found: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Turn `research.crossed.episodes` into `CROSS_SCHEMA`: what could be seen."""
    crosses = found.with_columns(planted=pl.lit(None, pl.String))
    return _priced(crosses, instruments)


def planted_crosses(lake: Lake, name: str, instruments: Sequence[Instrument]) -> pl.DataFrame:
    """Read a planted market's crosses as `CROSS_SCHEMA`: what was true.

    Parameters
    ----------
    name
        Dataset, as `write_planted_market` was told.
    instruments
        Of the run to be judged; other venues are left out.
    """
    kinds = lake.scan(truth_table(name, "episodes")).select("episode", planted="kind")
    streams = {item.venue: item for item in instruments}
    tick, lot = (
        pl.col("buy").replace_strict(
            {venue: float(getattr(item, what)) for venue, item in streams.items()},
            return_dtype=pl.Float64,
        )
        for what in ("tick", "lot")
    )
    truth = lake.scan(truth_table(name, "crosses")).join(kinds, on="episode", how="left").collect()
    path = lake.scan(truth_table(name, "path")).select("ts_ns", "price_ticks").collect()
    crosses = (
        truth.filter(pl.col("buy").is_in(list(streams)) & pl.col("sell").is_in(list(streams)))
        .sort("start_ns")
        .join_asof(path.sort("ts_ns"), left_on="start_ns", right_on="ts_ns")
        .with_columns(
            kind=episode_kind(pl.col("duration_ms")),
            max_edge=pl.col("max_edge_ticks") * tick,
            max_edge_bps=pl.col("max_edge_ticks") / pl.col("price_ticks") * 1e4,
            quantity=pl.col("lots") * lot,
        )
        .with_columns(
            pl.col(side).replace_strict({v: item.name for v, item in streams.items()})
            for side in ("buy", "sell")
        )
    )
    return _priced(crosses, instruments)


def capture(
    crosses: pl.DataFrame,
    tried: pl.DataFrame,
    *,
    reach_ns: int = 0,
    min_edge_bps: float = 0.0,
    slack_ns: int = SLACK_NS,
    dust: float = DUST_QUANTITY,
) -> pl.DataFrame:
    """Say of every cross whether it could be taken, was taken, and what it gave.

    Parameters
    ----------
    crosses
        `CROSS_SCHEMA`.
    tried
        `research.crossed.attempts` of a run.
    reach_ns
        What passes until an order can arrive: the feed, the wait of the strategy, order entry.
    min_edge_bps
        Net edge below which the strategy would not take it.
    slack_ns
        How long after its end an attempt is still laid to a cross.
    dust
        Quantity that does not count as depth.

    Returns
    -------
    shape (n_crosses,), `CAPTURE_SCHEMA`, by start
    """
    ordered = crosses.sort("start_ns").with_row_index("cross")
    spans = ordered.select("cross", "buy", "sell", "start_ns", "end_ns")
    both = pl.min_horizontal("bought", "sold")
    laid = (
        tried.sort("sent_ns")
        .join_asof(
            spans,
            left_on="sent_ns",
            right_on="start_ns",
            by=["buy", "sell"],
            check_sortedness=False,  # both are, which polars cannot see group by group
        )
        .filter(pl.col("sent_ns") <= pl.col("end_ns") + slack_ns)
        .group_by("cross")
        .agg(
            attempts=pl.len().cast(pl.Int64),
            is_taken=(both > 0).any(),
            is_sprung=(both <= dust).or_(pl.col("captured") + pl.col("legging") < 0).any(),
            captured=pl.col("captured").sum(),
            legging=pl.col("legging").sum(),
        )
    )
    survives = (pl.col("end_ns") - pl.col("start_ns") > reach_ns) & (
        pl.col("net_edge_bps") > min_edge_bps
    )
    return (
        ordered.join(laid, on="cross", how="left", maintain_order="left")
        .with_columns(
            pl.col("attempts").fill_null(0),
            pl.col("is_taken", "is_sprung").fill_null(False),
            pl.col("captured", "legging").fill_null(0.0),
            survives=survives,
        )
        .select(CAPTURE_SCHEMA.names())
    )


def capture_summary(captured: pl.DataFrame) -> pl.DataFrame:
    """Sum up by class: traps apart, then by how long the crosses lived, `SUMMARY_SCHEMA`."""
    classed = captured.with_columns(
        pl.when(pl.col("planted") == TRAP)
        .then(pl.lit("trap"))
        .otherwise(pl.col("kind"))
        .alias("class")
    )
    could = pl.col("survives")
    taken = (could & pl.col("is_taken")).sum()
    shares = pl.when(pl.col("class") == "trap").then(pl.col("sprung") / pl.col("crosses"))
    order = [*map(str, (EpisodeKind.STRUCTURAL, EpisodeKind.SHORT, EpisodeKind.NOISE)), "trap"]
    return (
        classed.group_by("class")
        .agg(
            crosses=pl.len(),
            survive=could.sum(),
            tried=(pl.col("attempts") > 0).sum(),
            taken=taken,
            sprung=pl.col("is_sprung").sum(),
            available=pl.col("available").filter(could).sum(),
            captured=pl.col("captured").sum(),
            legging=pl.col("legging").sum(),
        )
        .with_columns(taken_share=shares.otherwise(pl.col("taken") / pl.col("survive")))
        .select(SUMMARY_SCHEMA.names())
        .cast(SUMMARY_SCHEMA)
        .sort(pl.col("class").replace_strict({name: n for n, name in enumerate(order)}))
    )


def _priced(crosses: pl.DataFrame, instruments: Sequence[Instrument]) -> pl.DataFrame:
    fees: Mapping[str, float] = {item.name: float(item.taker_fee_bps) for item in instruments}
    sizes = {item.name: float(item.contract_size) for item in instruments}
    both_bps = pl.sum_horizontal(
        pl.col(side).replace_strict(fees, return_dtype=pl.Float64) for side in ("buy", "sell")
    )
    net = pl.col("max_edge_bps") - both_bps
    size = pl.col("quantity") * pl.col("buy").replace_strict(sizes, return_dtype=pl.Float64)
    gained = pl.col("max_edge") / pl.col("max_edge_bps") * net * size
    return crosses.with_columns(
        net_edge_bps=net, available=pl.max_horizontal(gained, pl.lit(0.0)).fill_nan(0.0)
    ).select(CROSS_SCHEMA.names())
