"""Profit of an account in bars of equal length, the series every measure is taken of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S, duration_ns
from framework.core.errors import SpecError
from framework.core.events import F64Array, I64Array
from framework.engine.result import Result

DAY_NS: Final = 86_400 * NS_PER_S
YEAR_NS: Final = 365 * DAY_NS + DAY_NS // 4
"""A calendar year: markets that never close have no other."""
MIN_BARS: Final = 30
"""Bars wanted of a run where no length is asked for."""
_LENGTHS_NS: Final = (DAY_NS, 3_600 * NS_PER_S, 60 * NS_PER_S, NS_PER_S)


@dataclass(frozen=True, slots=True)
class Bars:
    """Net profit of an account, bar by bar.

    Attributes
    ----------
    currency
        What the profit is counted in.
    bar_ns
        Length of a bar; the last one may be shorter.
    end_ns
        End of each bar, shape (n_bars,).
    profit
        Change of marked net profit within each bar, shape (n_bars,); it adds up to the whole
        run's profit.
    bars_per_year
        What ratios are annualised with.
    """

    currency: str
    bar_ns: int
    end_ns: I64Array
    profit: F64Array
    bars_per_year: float

    @property
    def equity(self) -> F64Array:
        """Net profit so far at the end of each bar, shape (n_bars,)."""
        return np.cumsum(self.profit)


def account(result: Result, currency: str | None = None) -> pl.DataFrame:
    """Add up the books of one currency at every sample.

    Columns: ts_ns, gross_pnl, fees, carry, net_pnl. Before a book has a mid to mark a position
    with, it counts as zero.

    Raises
    ------
    SpecError
        Where the currency is none of the result's, or none is named and there are several.
    """
    wanted = single_currency(result, currency)
    streams = [(i.venue, i.symbol) for i in result.instruments if i.currency == wanted]
    names = pl.DataFrame(streams, schema={"venue": pl.String, "symbol": pl.String}, orient="row")
    return (
        result.equity.join(names, on=["venue", "symbol"], how="semi", maintain_order="left")
        .group_by("ts_ns", maintain_order=True)
        .agg(pl.col("gross_pnl", "fees", "carry", "net_pnl").sum())
    )


def single_currency(result: Result, currency: str | None = None) -> str:
    """Return the currency asked for, or the only one there is.

    Raises
    ------
    SpecError
        Where there is no such currency, or a choice to make.
    """
    known = list(dict.fromkeys(i.currency for i in result.instruments))
    if currency in known:
        return currency
    if currency is None and len(known) == 1:
        return known[0]
    found = "none is named" if currency is None else f"got {currency!r}"
    raise SpecError(
        f"performance is measured in one currency of the run, {found}",
        remedy=f"name one of: {', '.join(known)}",
    )


def profit_bars(
    result: Result,
    currency: str | None = None,
    *,
    bar: str | int | None = None,
    bars_per_year: float | None = None,
) -> Bars:
    """Cut a result's net profit into bars.

    Bars end at whole multiples of their length since the epoch. What a bar holds is read off the
    samples, so no bar is shorter than their spacing.

    Parameters
    ----------
    result
        One trial.
    currency
        Which books count; may be left out where they share one.
    bar
        Length such as ``"1m"``, or nanoseconds. None takes the longest of a day, an hour, a minute
        and a second of which the run holds 30 or more, else the samples' spacing.
    bars_per_year
        None counts a calendar year, 365.25 days of 24 hours. For markets that close give what
        there is: 252 for daily bars of a stock.

    Raises
    ------
    SpecError
        Where the currency does not fit or the length is no duration.
    """
    name = single_currency(result, currency)
    total = account(result, name)
    ts_ns = total["ts_ns"].to_numpy()
    bar_ns = _length(ts_ns, bar)
    if ts_ns.size == 0:
        nothing = np.zeros(0, np.int64), np.zeros(0)
        return Bars(name, bar_ns, *nothing, bars_per_year or YEAR_NS / bar_ns)
    first, last = -(-int(ts_ns[0]) // bar_ns), -(-int(ts_ns[-1]) // bar_ns)
    ends_ns = np.arange(first, last + 1, dtype=np.int64) * bar_ns
    ends_ns[-1] = ts_ns[-1]
    row = np.searchsorted(ts_ns, ends_ns, side="right") - 1
    equity = total["net_pnl"].to_numpy()[row]
    profit = np.diff(equity, prepend=0.0)
    return Bars(name, bar_ns, ends_ns, profit, bars_per_year or YEAR_NS / bar_ns)


def bar_length(span_ns: int, spacing_ns: int) -> int:
    """Choose the length of bars for a span of samples so far apart; see `profit_bars`.

    >>> bar_length(2 * 3_600 * NS_PER_S, NS_PER_S) // NS_PER_S
    60
    """
    fitting = (n for n in _LENGTHS_NS if n * MIN_BARS <= span_ns and n >= spacing_ns)
    return next(fitting, spacing_ns)


def _length(ts_ns: I64Array, bar: str | int | None) -> int:
    spacing_ns = int(np.median(np.diff(ts_ns))) if ts_ns.size > 1 else NS_PER_S
    if bar is None:
        return bar_length(int(ts_ns[-1] - ts_ns[0]) if ts_ns.size else 0, spacing_ns)
    asked_ns = duration_ns(bar)
    if asked_ns <= 0:
        raise SpecError(f"a bar must have a length, got {bar!r}", remedy='write "1m", say')
    return max(asked_ns, spacing_ns)
