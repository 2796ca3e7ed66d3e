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
from research.attribution.marks import Marks

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


def attribute(result: Result, marks: Marks, horizon: str = ADVERSE) -> Attribution:
    """Split a trial's profit into parts.

    Parameters
    ----------
    result
        One trial.
    marks
        Of its fills, with that horizon.
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
        .alias("twice_mid")
    )
    rows = []
    for book, item in enumerate(result.instruments):
        last = ends.filter(pl.col("book") == book).tail(1)
        rows.append(_book(result, marks, horizon, book, item, last))
    names = ("venue", "symbol", "currency", "spread", "adverse", "inventory", "gross")
    whole = pl.DataFrame(rows, schema=[*names, "fees", "carry"], orient="row")
    return Attribution(whole=whole, money=_money(result, whole), horizon=horizon)


def _book(
    result: Result,
    marks: Marks,
    horizon: str,
    book: int,
    item: Instrument,
    last: pl.DataFrame,
) -> tuple[object, ...]:
    own = np.flatnonzero(marks.fills["book"].to_numpy() == book)
    fills = marks.fills[own]
    end = dict.fromkeys(("position_lots", "cash_units", "fee_micro", "carry_micro"), 0)
    twice_end = 0
    if last.height:
        row = last.row(0, named=True)
        end = {name: int(row[name] or 0) for name in end}
        twice_end = int(row["twice_mid"] or 0)
    side = fills["side"].to_numpy().astype(np.int64)
    lots, px = fills["qty_lots"].to_numpy(), fills["px_ticks"].to_numpy()
    scale = inverse_scale(item)
    spent = side * _twice_worth(scale, lots, 2 * px)
    at_fill = _or(marks.at_fill[own], 2 * px)
    later = _or(marks.later[horizon][own], np.full(own.size, twice_end, np.int64))
    at_first = side * _twice_worth(scale, lots, at_fill)
    at_horizon = side * _twice_worth(scale, lots, later)
    gross = 2 * end["cash_units"] + _twice_position(scale, end["position_lots"], twice_end)
    spread, adverse = int((at_first - spent).sum()), int((at_horizon - at_first).sum())
    finally_ = side * _twice_worth(scale, lots, np.full(own.size, twice_end, np.int64))
    inventory = int((finally_ - at_horizon).sum())
    if scale:  # whose worth is rounded fill by fill
        _check(item, "inventory", gross - spread - adverse, inventory, 4 * own.size + 4)
        inventory = gross - spread - adverse
    _check(item, "spread + adverse + inventory", gross, spread + adverse + inventory, 0)
    _check(item, "position", end["position_lots"], int((side * lots).sum()), 0)
    _check(item, "cash", 2 * end["cash_units"], -int(spent.sum()), 2 * own.size if scale else 0)
    _check(item, "fees", end["fee_micro"], int(fills["fee_micro"].sum()), 0)
    carry = _carry(result, book)
    _check(item, "carry", end["carry_micro"], carry, 0)
    names = (item.venue, item.symbol, item.currency)
    return (*names, spread, adverse, inventory, gross, end["fee_micro"], carry)


def _twice_worth(scale: int, lots: I64Array, twice_px: I64Array) -> I64Array:
    """Twice the worth of some lots at half of `twice_px`, in cash units; long is positive."""
    if not scale:
        return lots * twice_px
    known = np.where(twice_px == 0, 1, twice_px)
    worth = np.rint(-4.0 * lots * float(scale) / known).astype(np.int64)
    return np.where(twice_px == 0, 0, worth)


def _twice_position(scale: int, lots: int, twice_mid: int) -> int:
    return int(_twice_worth(scale, np.array([lots]), np.array([twice_mid]))[0])


def _or(values: I64Array, other: I64Array) -> I64Array:
    return np.where(values == NO_PRICE, other, values)


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
            remedy="attribute a result with its own marks; where they are, please report this",
        )


def _money(result: Result, whole: pl.DataFrame) -> pl.DataFrame:
    rows = []
    for item, row in zip(result.instruments, whole.iter_rows(named=True), strict=True):
        unit = unit_value(item)
        gross = [float(Fraction(row[name], 2) * unit) for name in ("spread", "adverse", "inventory")]
        paid = [float(-Fraction(row[name], MICRO) * unit) for name in ("fees", "carry")]
        micro = row["gross"] * (MICRO // 2) - row["fees"] - row["carry"]
        net = float(Fraction(micro, MICRO) * unit)
        rows.append((row["venue"], row["symbol"], row["currency"], *gross, *paid, net))
    schema = {
        **dict.fromkeys(("venue", "symbol", "currency"), pl.String),
        **dict.fromkeys((*PARTS, "net"), pl.Float64),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
