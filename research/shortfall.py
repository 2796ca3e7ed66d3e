"""Implementation shortfall: what a parent order cost against the mid at its arrival.

References
----------
Perold, A. (1988). The implementation shortfall: paper versus reality. Journal of Portfolio
Management 14(3).
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from framework.core.errors import DataError
from framework.engine.result import Result


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortfall:
    """One parent order; all costs in basis points of its value at the arrival mid.

    Parameters
    ----------
    arrival_mid, end_mid
        Halfway between the best bid and the best ask of all venues, at arrival and at the end.
    average_price
        Of what was filled; nan where nothing was.
    filled_share
        Of the quantity wanted.
    orders
        Child orders sent.
    duration_s
        From arrival to the last fill.
    slippage_bps
        Of what was filled, against the arrival mid.
    fees_bps
        Fees less rebates.
    opportunity_bps
        Of what was not filled: the mid's move until the end.
    """

    arrival_mid: float
    end_mid: float
    average_price: float
    filled_share: float
    orders: int
    duration_s: float
    slippage_bps: float
    fees_bps: float
    opportunity_bps: float

    @property
    def total_bps(self) -> float:
        """The three costs together."""
        return self.slippage_bps + self.fees_bps + self.opportunity_bps


def shortfall(
    result: Result,
    quotes: pl.DataFrame,
    *,
    side: int,
    quantity: float,
    arrival_ns: int,
    end_ns: int,
) -> Shortfall:
    """Measure a run that worked one parent order.

    Parameters
    ----------
    result
        The run; all its fills belong to the parent.
    quotes
        `research.crossed.stream_quotes` of its streams.
    side, quantity
        The parent: +1 to buy, and how much in all, in the instruments' unit.
    arrival_ns, end_ns
        When it arrived and when what is left is given up, by our clock.

    Raises
    ------
    DataError
        Where no venue had quotes at one of the two instants.
    """
    arrival, end = consolidated_mid(quotes, arrival_ns), consolidated_mid(quotes, end_ns)
    fills = result.fills
    filled = float(fills["quantity"].sum())
    notional = float((fills["price"] * fills["quantity"]).sum())
    worth = arrival * quantity / 1e4
    last_ns = int(fills["ts_ns"].max() or arrival_ns) if fills.height else arrival_ns  # type: ignore[arg-type]
    return Shortfall(
        arrival_mid=arrival,
        end_mid=end,
        average_price=notional / filled if filled else float("nan"),
        filled_share=filled / quantity,
        orders=result.counters["orders"],
        duration_s=(last_ns - arrival_ns) / 1e9,
        slippage_bps=side * (notional - arrival * filled) / worth,
        fees_bps=float(fills["fee"].sum()) / worth,
        opportunity_bps=side * (end - arrival) * (quantity - filled) / worth,
    )


def consolidated_mid(quotes: pl.DataFrame, ts_ns: int) -> float:
    """Return halfway between the best bid and the best ask of all streams, as known by then.

    Raises
    ------
    DataError
        Where there is no bid or no ask.
    """
    known = (
        quotes.filter(pl.col("ts_recv_ns") <= ts_ns)
        .group_by("stream", maintain_order=True)
        .last()
        .select(pl.col("bid").max(), pl.col("ask").min())
    )
    bid, ask = known.row(0)
    if bid is None or ask is None:
        raise DataError(
            f"a mid needs a bid and an ask, no venue had both by {ts_ns}",
            remedy="let the order arrive later",
        )
    return 0.5 * (float(bid) + float(ask))
