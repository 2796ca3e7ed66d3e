"""The measures of one trial's performance."""

from __future__ import annotations

import math
from dataclasses import dataclass

from framework.engine.result import Result
from research.performance.drawdown import max_drawdown
from research.performance.exposure import exposure
from research.performance.ratios import calmar_ratio, sharpe_ratio, sortino_ratio
from research.performance.returns import Bars, profit_bars


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """Measures of one trial in one currency; not a number where one has no denominator.

    Attributes
    ----------
    currency, bar_ns, n_bars, bars_per_year
        What the measures are taken of.
    pnl, max_drawdown
        Net profit and its deepest fall at the ends of the bars.
    sharpe, sortino, calmar
        Annualised by `bars_per_year`.
    sharpe_per_bar, skewness, kurtosis
        Of the bars' profits; kurtosis is 3 for a normal distribution.
    inventory, gross_exposure
        Mean over time of what is held, netted across venues and not.
    """

    currency: str
    bar_ns: int
    n_bars: int
    bars_per_year: float
    pnl: float
    max_drawdown: float
    sharpe: float
    sortino: float
    calmar: float
    sharpe_per_bar: float
    skewness: float
    kurtosis: float
    inventory: float
    gross_exposure: float


def performance(
    result: Result,
    currency: str | None = None,
    *,
    bar: str | int | None = None,
    bars_per_year: float | None = None,
) -> Performance:
    """Measure a trial; the arguments are those of `profit_bars`.

    Raises
    ------
    SpecError
        As `profit_bars` does.
    """
    bars = profit_bars(result, currency, bar=bar, bars_per_year=bars_per_year)
    held = exposure(result, bars.currency)
    skewness, heavy = moments(bars)
    return Performance(
        currency=bars.currency,
        bar_ns=bars.bar_ns,
        n_bars=bars.profit.size,
        bars_per_year=bars.bars_per_year,
        pnl=float(bars.profit.sum()),
        max_drawdown=max_drawdown(bars.equity),
        sharpe=sharpe_ratio(bars.profit, bars.bars_per_year),
        sortino=sortino_ratio(bars.profit, bars.bars_per_year),
        calmar=calmar_ratio(bars.profit, bars.bars_per_year),
        sharpe_per_bar=sharpe_ratio(bars.profit),
        skewness=skewness,
        kurtosis=heavy,
        inventory=float(held["net"].mean() or 0.0),  # type: ignore[arg-type]
        gross_exposure=float(held["gross"].mean() or 0.0),  # type: ignore[arg-type]
    )


def moments(bars: Bars) -> tuple[float, float]:
    """Return skewness and kurtosis (3 for a normal distribution) of the bars' profits."""
    if bars.profit.size < 2 or math.isnan(sharpe_ratio(bars.profit)):
        return math.nan, math.nan
    away = (bars.profit - bars.profit.mean()) / bars.profit.std()
    return float((away**3).mean()), float((away**4).mean())
