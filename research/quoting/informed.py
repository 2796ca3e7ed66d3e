"""What informed traders cost a strategy's quotes, in a market whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.orders import JournalEvent, Liquidity
from framework.engine import Result
from framework.replay import GoldStream
from research.crossed.quotes import stream_ticks

MARKOUT_NS: Final = 5 * NS_PER_S
"""How long after a fill its price is held against the mid."""


@dataclass(frozen=True, slots=True)
class FlowCost:
    """Passive fills of one run.

    Attributes
    ----------
    captured
        Spread captured: by how much fills were better than the mid that stood before them, in
        tick · lots.
    lost
        Loss to informed flow: by how much the efficient price was already beyond the prices at
        which informed traders filled us, in tick · lots.
    adverse
        Adverse selection: by how much the mid stood against us `MARKOUT_NS` after each fill, from
        where it stood before it, in tick · lots. What is left of the captured is the realised
        spread.
    lots, informed_lots
        Lots filled in all, and by informed traders.
    """

    captured: float
    lost: float
    adverse: float
    lots: int
    informed_lots: int

    @property
    def share(self) -> float:
        """Loss to informed flow per unit of spread captured."""
        return self.lost / self.captured


def mids_of(streams: Sequence[GoldStream]) -> pl.DataFrame:
    """List the mid after every message of each stream: ``venue``, ``ts_ns``, ``mid_ticks``."""
    found = [
        ticks.select(
            venue=pl.lit(stream.instrument.venue),
            ts_ns="ts_exch_ns",
            mid_ticks=(pl.col("bid_ticks") + pl.col("ask_ticks")) / 2,
        ).drop_nulls()
        for stream in streams
        for ticks in stream_ticks(stream)
    ]
    return pl.concat(found).sort("ts_ns", maintain_order=True)


def flow_cost(result: Result, messages: pl.DataFrame, mids: pl.DataFrame) -> FlowCost:
    """Measure a run's passive fills against the mid before them and the efficient price.

    Parameters
    ----------
    result
        A run on the planted market.
    messages
        Its truth: who sent each message, and the efficient price then.
    mids
        Of its streams, as `mids_of` lists them.

    Notes
    -----
    A resting order of ours is filled by the message of its instant: the aggressor of an execution,
    or whoever came to show a price that meets ours. A fill is marked against the mid of
    `MARKOUT_NS` later, or the last there is.
    """
    venues = [item.venue for item in result.instruments]
    fills = (
        pl.DataFrame(pl.from_arrow(result.journal))
        .filter(
            (pl.col("event") == int(JournalEvent.FILLED))
            & (pl.col("liquidity") == int(Liquidity.MAKER))
        )
        .with_columns(venue=pl.col("book").replace_strict(range(len(venues)), venues))
        .sort("ts_ns", maintain_order=True)
        .join_asof(mids, on="ts_ns", by="venue", allow_exact_matches=False, check_sortedness=False)
    )
    instants = messages.group_by("venue", "ts_exch_ns").agg(
        informed=(pl.col("agent") == "informed").any(), price=pl.col("price_ticks").last()
    )
    fills = fills.join(instants, left_on=["venue", "ts_ns"], right_on=["venue", "ts_exch_ns"])
    lots = pl.col("qty_lots")
    fills = (
        fills.with_columns(marked_ns=pl.col("ts_ns") + MARKOUT_NS)
        .sort("marked_ns", maintain_order=True)
        .join_asof(
            mids.rename({"mid_ticks": "later_ticks"}),
            left_on="marked_ns",
            right_on="ts_ns",
            by="venue",
            check_sortedness=False,
        )
    )
    captured = (pl.col("side") * (pl.col("mid_ticks") - pl.col("px_ticks")) * lots).sum()
    lost = pl.col("side") * (pl.col("px_ticks") - pl.col("price")) * lots
    adverse = (pl.col("side") * (pl.col("mid_ticks") - pl.col("later_ticks")) * lots).sum()
    informed = pl.col("informed")
    row = fills.select(
        captured=captured,
        lost=lost.filter(informed).sum(),
        adverse=adverse,
        lots=lots.sum(),
        informed_lots=lots.filter(informed).sum(),
    ).row(0)
    return FlowCost(float(row[0]), float(row[1]), float(row[2]), int(row[3]), int(row[4]))
