"""What informed traders cost a strategy's quotes, in a market whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from framework.core.orders import JournalEvent, Liquidity
from framework.engine import Result


@dataclass(frozen=True, slots=True)
class FlowCost:
    """Passive fills of one run, against the efficient price of their instant.

    Attributes
    ----------
    captured
        What fills by anybody but informed traders gained, in tick · lots.
    lost
        What fills by informed traders lost, in tick · lots.
    lots, informed_lots
        Lots filled in all, and by informed traders.
    """

    captured: float
    lost: float
    lots: int
    informed_lots: int

    @property
    def share(self) -> float:
        """Loss to informed flow per unit of spread captured."""
        return self.lost / self.captured


def flow_cost(result: Result, messages: pl.DataFrame) -> FlowCost:
    """Split a run's passive fills by who was on the other side.

    Parameters
    ----------
    result
        A run on the planted market.
    messages
        Its truth: who sent each message, and the efficient price then.

    Notes
    -----
    A resting order of ours is filled by the message of its instant: the aggressor of an execution,
    or whoever came to show a price that meets ours.
    """
    fills = pl.DataFrame(pl.from_arrow(result.journal)).filter(
        (pl.col("event") == int(JournalEvent.FILLED))
        & (pl.col("liquidity") == int(Liquidity.MAKER))
    )
    venues = [item.venue for item in result.instruments]
    names = pl.DataFrame({"book": list(range(len(venues))), "venue": venues})
    fills = fills.join(names.cast({"book": fills["book"].dtype}), on="book")
    last = messages.group_by("venue", "ts_exch_ns").agg(
        informed=(pl.col("agent") == "informed").any(), price=pl.col("price_ticks").last()
    )
    fills = fills.join(last, left_on=["venue", "ts_ns"], right_on=["venue", "ts_exch_ns"])
    gain = pl.col("side") * (pl.col("price") - pl.col("px_ticks")) * pl.col("qty_lots")
    table = fills.group_by("informed").agg(gain=gain.sum(), lots=pl.col("qty_lots").sum())
    by_whom = {bool(one): (float(gained), int(lots)) for one, gained, lots in table.iter_rows()}
    captured, others = by_whom.get(False, (0.0, 0))
    lost, informed = by_whom.get(True, (0.0, 0))
    return FlowCost(captured, -lost, others + informed, informed)
