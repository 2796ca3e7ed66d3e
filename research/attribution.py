"""Split a trial's profit into parts that add up to it, in whole numbers.

A fill of ``q`` lots at ``p`` on side ``s``, with the mid at ``m₀`` when it happened, ``m₁`` one
horizon later and ``m`` at the end of the run, has earned

    s·q·(m − p)  =  s·q·(m₀ − p)  +  s·q·(m₁ − m₀)  +  s·q·(m − m₁)
                    spread           adverse           inventory

by then. Spread captured is negative for a taker, who pays it. Adverse selection is negative where
the market moved against the fill within the horizon. What the market did to the position after
that is the inventory's. Sums over all fills are the account's gross profit exactly: twice a mid is
a whole number of ticks, and nothing is divided until money is shown. Fees and carry (funding and
financing) are paid on top.

Where there was no mid at the fill its own price stands for it; where the data had ended before the
horizon, the last mid does. An inverse contract's lot is worth ``scale / price``; its parts are
rounded to a cash unit (1e-10 of a coin) fill by fill, and the inventory takes what that leaves.

References
----------
Glosten, L. R. (1987), "Components of the Bid-Ask Spread and the Statistical Properties of
Transaction Prices", Journal of Finance 42(5), for effective spread = realised + impact.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np
import polars as pl

from framework.core.errors import EngineError
from framework.core.events import NO_PRICE, I64Array
from framework.core.instrument import Instrument
from framework.core.orders import JournalEvent
from framework.engine.money import inverse_scale, unit_value
from framework.engine.result import Result
from framework.venue.fees import MICRO
from research.tca import CostAnalysis

ADVERSE: Final = "1s"
"""Horizon within which a move against a fill counts as adverse selection."""
PARTS: Final = ("spread", "adverse", "inventory", "fees", "carry")


@dataclass(frozen=True, slots=True)
class Attribution:
    """A trial's profit in parts, book by book.

    Attributes
    ----------
    whole
        Columns venue, symbol, currency and, as whole numbers, spread, adverse, inventory and gross
        in halves of a cash unit (tick · lot), fees and carry in millionths of one. In every row
        ``spread + adverse + inventory == gross``.
    money
        The same in the instrument's currency: `PARTS` and net; fees and carry are negative where
        they were paid, so that the parts add up to net.
    horizon
        Of adverse selection.
    """

    whole: pl.DataFrame
    money: pl.DataFrame
    horizon: str


def attribute(result: Result, costs: CostAnalysis, horizon: str = ADVERSE) -> Attribution:
    """Split a trial's profit into parts.

    Parameters
    ----------
    result
        One trial.
    costs
        Analysis of its journal against its own market, with that horizon.
    horizon
        Within which a move counts as adverse selection.

    Raises
    ------
    EngineError
        Where the parts do not add up to the account's profit, or the journal's fills and fees to
        its position, cash and fees: a fault of the engine or a journal that is not this account's.
    """
    ends = result.samples.with_columns(
        pl.when((pl.col("bid_ticks") != NO_PRICE) & (pl.col("ask_ticks") != NO_PRICE))
        .then(pl.col("bid_ticks") + pl.col("ask_ticks"))
        .forward_fill()
        .over("book")
        .alias("end_hticks")
    )
    rows = []
    for book, item in enumerate(result.instruments):
        fills = costs.fills.filter(pl.col("book") == book)
        last = ends.filter(pl.col("book") == book).tail(1)
        rows.append(_book(fills, horizon, item, last, _carry(result, book)))
    names = ("venue", "symbol", "currency", "spread", "adverse", "inventory", "gross")
    whole = pl.DataFrame(rows, schema=[*names, "fees", "carry"], orient="row")
    return Attribution(whole=whole, money=_money(result, whole), horizon=horizon)


def _book(
    fills: pl.DataFrame, horizon: str, item: Instrument, last: pl.DataFrame, carry: int
) -> tuple[object, ...]:
    end = dict.fromkeys(
        ("position_lots", "cash_units", "fee_micro", "carry_micro", "end_hticks"), 0
    )
    if last.height:
        row = last.row(0, named=True)
        end = {name: int(row[name] or 0) for name in end}
    own = fills.select(
        "px_hticks",
        pl.col("fill_hticks").fill_null(pl.col("px_hticks")),
        pl.col(f"after_{horizon}_hticks").fill_null(end["end_hticks"]),
        pl.lit(end["end_hticks"], pl.Int64).alias("end_hticks"),
        pl.col("side").cast(pl.Int64),
        "qty_lots",
    )
    side, lots = own["side"].to_numpy(), own["qty_lots"].to_numpy()
    scale = inverse_scale(item)
    spent, at_fill, after, at_end = (
        int((side * _twice_worth(scale, lots, own[name].to_numpy())).sum())
        for name in ("px_hticks", "fill_hticks", f"after_{horizon}_hticks", "end_hticks")
    )
    held = _twice_worth(scale, np.array([end["position_lots"]]), np.array([end["end_hticks"]]))
    gross = 2 * end["cash_units"] + int(held[0])
    spread, adverse, inventory = at_fill - spent, after - at_fill, at_end - after
    room = 4 * own.height + 4 if scale else 0  # an inverse contract's worth is rounded
    _check(item, "gross profit", gross, spread + adverse + inventory, room)
    _check(item, "cash", 2 * end["cash_units"], -spent, room)
    _check(item, "position", end["position_lots"], int((side * lots).sum()), 0)
    _check(item, "fees", end["fee_micro"], int(fills["fee_micro"].sum()), 0)
    _check(item, "funding and financing", end["carry_micro"], carry, 0)
    inventory = gross - spread - adverse
    names = (item.venue, item.symbol, item.currency)
    return (*names, spread, adverse, inventory, gross, end["fee_micro"], carry)


def _twice_worth(scale: int, lots: I64Array, hticks: I64Array) -> I64Array:
    """Twice the worth of some lots at half of `hticks`, in cash units; long is positive."""
    if not scale:
        return lots * hticks
    known = np.where(hticks == 0, 1, hticks)
    worth = np.rint(-4.0 * lots * float(scale) / known).astype(np.int64)
    return np.where(hticks == 0, 0, worth)


def _carry(result: Result, book: int) -> int:
    rows = pl.DataFrame(pl.from_arrow(result.journal))
    kinds = [int(JournalEvent.FUNDING), int(JournalEvent.FINANCING)]
    own = rows.filter((pl.col("book") == book) & pl.col("event").is_in(kinds))
    return int(own["fee_micro"].sum())


def _check(item: Instrument, what: str, account: int, parts: int, room: int) -> None:
    if abs(account - parts) > room:
        raise EngineError(
            f"{item.name}: {what} must be {account:,} by the account, the journal's rows give "
            f"{parts:,}",
            remedy="give the analysis of this very result's journal; if it is, please report this",
        )


def _money(result: Result, whole: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for item, row in zip(result.instruments, whole.iter_rows(named=True), strict=True):
        unit = unit_value(item)
        gross = [
            float(Fraction(row[name], 2) * unit) for name in ("spread", "adverse", "inventory")
        ]
        paid = [float(-Fraction(row[name], MICRO) * unit) for name in ("fees", "carry")]
        micro = row["gross"] * (MICRO // 2) - row["fees"] - row["carry"]
        net = float(Fraction(micro, MICRO) * unit)
        rows.append((row["venue"], row["symbol"], row["currency"], *gross, *paid, net))
    schema = {
        **dict.fromkeys(("venue", "symbol", "currency"), pl.String),
        **dict.fromkeys((*PARTS, "net"), pl.Float64),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
