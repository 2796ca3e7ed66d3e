r"""Crossed episodes: spells in which one venue bids more than another asks.

With :math:`b_s(t)` the best bid where one would sell and :math:`a_b(t)` the best ask where one
would buy, the edge is :math:`e(t) = b_s(t) - a_b(t)`. An episode is a maximal spell with
:math:`e > 0`; what shares one instant counts as simultaneous, so only its last state matters.

Assumptions
-----------
A quote stands until the stream replaces it. A venue's own crossed quotes (bid above ask) are
treated as the catalog's `CrossedPolicy` says: kept as they are (the default: gold already holds
what the catalog's policy left), dropped, so that the last sound quote stands, or taken for no
quote at all. On EUR/USD of FXCM, where a tenth of the quotes are crossed in themselves, the three
give very different counts: say which one a figure was made with.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from framework.catalog import CrossedPolicy
from framework.core.clock import NS_PER_MS
from framework.core.events import I64Array
from research.crossed.candidates import Quotes, crossing_pairs

NOISE_MS: Final = 10.0
"""Shorter episodes are gone before anybody can act on them."""
STRUCTURAL_MS: Final = 500.0
"""Longer ones have a reason other than the time prices need to travel."""

EPISODE_SCHEMA: Final = pl.Schema(
    {
        "start_ns": pl.Int64,
        "end_ns": pl.Int64,
        "duration_ms": pl.Float64,
        "kind": pl.String,
        "buy": pl.String,
        "sell": pl.String,
        "max_edge": pl.Float64,
        "mean_edge": pl.Float64,
        "max_edge_bps": pl.Float64,
        "mean_edge_bps": pl.Float64,
        "quantity": pl.Float64,
        "is_complete": pl.Boolean,
    }
)
"""``buy`` and ``sell`` name the streams; edges are in units of price and in basis points of the
mid between the two quotes, means are weighted by time; ``quantity`` is the smaller of the two
displayed sizes when the edge was largest; not ``is_complete`` where the data ended first."""


class Clock(StrEnum):
    """Which clock says what was simultaneous."""

    EXCHANGE = "exchange"
    """When it happened."""
    RECEIVED = "received"
    """When we knew."""


class EpisodeKind(StrEnum):
    """How long an episode lived."""

    NOISE = "noise"
    """Less than `NOISE_MS`."""
    SHORT = "short"
    """In between."""
    STRUCTURAL = "structural"
    """More than `STRUCTURAL_MS`."""


def episodes(
    quotes: pl.DataFrame,
    *,
    clock: Clock = Clock.EXCHANGE,
    own_crossed: CrossedPolicy = CrossedPolicy.KEEP,
) -> pl.DataFrame:
    """Find the crossed episodes between every two streams.

    Parameters
    ----------
    quotes
        Best prices over time as `top_of_book` gives them, in one unit of price.
    clock
        Clock of the episodes' times.
    own_crossed
        What becomes of quotes whose own bid is above their own ask.

    Returns
    -------
    pl.DataFrame
        `EPISODE_SCHEMA`, by start.
    """
    streams = _per_instant(quotes, Clock(clock), CrossedPolicy(own_crossed))
    found = [pl.DataFrame(schema=EPISODE_SCHEMA)]
    for one, other in crossing_pairs(streams):
        found += [frame for frame in _between(streams[one], streams[other]) if frame.height]
    return pl.concat(found).sort("start_ns", "buy", "sell")


def _per_instant(quotes: pl.DataFrame, clock: Clock, own_crossed: CrossedPolicy) -> list[Quotes]:
    """Apply the policy and keep the last state of every instant, stream by stream."""
    quotes = quotes.sort("stream", maintain_order=True)
    quotes = quotes.with_columns(number=pl.col("stream").rle_id())
    instant = pl.col("ts_exch_ns")
    if clock == Clock.RECEIVED:
        # What arrives late hides behind what arrived before it: a stream is known in its order.
        instant = pl.col("ts_recv_ns").cum_max().over("number")
    quotes = quotes.with_columns(ts_ns=instant)
    is_crossed = (pl.col("bid") > pl.col("ask")).fill_null(False)
    if own_crossed == CrossedPolicy.DROP:
        quotes = quotes.filter(~is_crossed)
    elif own_crossed == CrossedPolicy.INVALIDATE:
        quotes = quotes.with_columns(
            pl.when(~is_crossed).then(name).alias(name) for name in ("bid", "ask")
        )
    quotes = quotes.filter(
        pl.any_horizontal(pl.col(n).ne_missing(pl.col(n).shift(-1)) for n in ("number", "ts_ns"))
    )
    names = quotes.group_by("number", maintain_order=True).agg(pl.col("stream").first(), pl.len())
    stops = np.cumsum(names["len"].to_numpy())
    ts_ns = quotes["ts_ns"].to_numpy()
    bid, bid_quantity, ask, ask_quantity = (
        quotes[column].fill_null(np.nan).to_numpy()
        for column in ("bid", "bid_quantity", "ask", "ask_quantity")
    )
    return [
        Quotes(name, ts_ns[own], bid[own], bid_quantity[own], ask[own], ask_quantity[own])
        for name, own in zip(
            names["stream"], map(slice, stops - names["len"].to_numpy(), stops), strict=True
        )
    ]


def _between(one: Quotes, other: Quotes) -> Iterator[pl.DataFrame]:
    """Find the episodes of both directions between two streams."""
    ts_ns = np.union1d(one.ts_ns, other.ts_ns)
    at_one = np.searchsorted(one.ts_ns, ts_ns, side="right") - 1
    at_other = np.searchsorted(other.ts_ns, ts_ns, side="right") - 1
    both = (at_one >= 0) & (at_other >= 0)
    ts_ns, at_one, at_other = ts_ns[both], at_one[both], at_other[both]
    if ts_ns.size:
        yield _one_way(ts_ns, one, at_one, other, at_other)
        yield _one_way(ts_ns, other, at_other, one, at_one)


def _one_way(
    ts_ns: I64Array,
    buy: Quotes,
    at_buy: NDArray[np.intp],
    sell: Quotes,
    at_sell: NDArray[np.intp],
) -> pl.DataFrame:
    """Find the episodes in which one would buy at one stream's ask and sell at another's bid."""
    ask, bid = buy.ask[at_buy], sell.bid[at_sell]
    edge = bid - ask
    at = np.flatnonzero(edge > 0)
    if at.size == 0:
        return pl.DataFrame(schema=EPISODE_SCHEMA)
    after = np.minimum(at + 1, ts_ns.size - 1)
    crossed = pl.DataFrame(
        {
            "run": np.cumsum(np.diff(at, prepend=at[0]) > 1),
            "ts_ns": ts_ns[at],
            "until_ns": ts_ns[after],
            "weight": ts_ns[after] - ts_ns[at],
            "edge": edge[at],
            "edge_bps": edge[at] / (0.5 * (bid[at] + ask[at])) * 1e4,
            "quantity": np.fmin(buy.ask_quantity[at_buy[at]], sell.bid_quantity[at_sell[at]]),
            "is_complete": at + 1 < ts_ns.size,
        }
    )
    found = crossed.group_by("run", maintain_order=True).agg(
        start_ns=pl.col("ts_ns").first(),
        end_ns=pl.col("until_ns").last(),
        max_edge=pl.col("edge").max(),
        mean_edge=_mean_over_time("edge"),
        max_edge_bps=pl.col("edge_bps").max(),
        mean_edge_bps=_mean_over_time("edge_bps"),
        quantity=pl.col("quantity").get(pl.col("edge").arg_max()),
        is_complete=pl.col("is_complete").last(),
    )
    duration_ms = (pl.col("end_ns") - pl.col("start_ns")) / NS_PER_MS
    return found.with_columns(
        duration_ms=duration_ms,
        kind=episode_kind(duration_ms),
        buy=pl.lit(buy.name),
        sell=pl.lit(sell.name),
    ).select(EPISODE_SCHEMA.names())


def _mean_over_time(column: str) -> pl.Expr:
    weight = pl.col("weight")
    mean = (pl.col(column) * weight).sum() / weight.sum()
    return pl.when(weight.sum() > 0).then(mean).otherwise(pl.col(column).first())


def episode_kind(duration_ms: pl.Expr) -> pl.Expr:
    """Class a duration in milliseconds, as `EpisodeKind` names it."""
    return (
        pl.when(duration_ms < NOISE_MS)
        .then(pl.lit(str(EpisodeKind.NOISE)))
        .when(duration_ms > STRUCTURAL_MS)
        .then(pl.lit(str(EpisodeKind.STRUCTURAL)))
        .otherwise(pl.lit(str(EpisodeKind.SHORT)))
    )
