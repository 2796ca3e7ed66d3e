"""How sure a measure is: intervals from resampled blocks of profits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from framework.core.errors import CrossbookError
from framework.core.events import F64Array
from research.performance.drawdown import max_drawdown
from research.performance.ratios import calmar_ratio, sharpe_ratio, sortino_ratio
from research.performance.returns import Bars

MEASURES: Final = ("pnl", "max_drawdown", "sharpe", "sortino", "calmar")
_FEWEST_BARS: Final = 10


@dataclass(frozen=True, slots=True)
class Interval:
    """Between `low` and `high` with the probability `coverage`, as far as resampling can tell."""

    low: float
    high: float
    coverage: float


def intervals(
    bars: Bars,
    *,
    coverage: float = 0.95,
    resamples: int = 1_000,
    block_bars: int | None = None,
    seed: int = 0,
) -> dict[str, Interval]:
    """Resample a trial's profits in blocks and give the percentile interval of each measure.

    Blocks of random length keep what neighbouring bars have to do with each other. The interval
    says how much another history of the same kind might have given, not whether the next one is
    of the same kind.

    Parameters
    ----------
    bars
        As `profit_bars` gives them.
    coverage
        Share of resamples within the interval.
    resamples
        How many series are drawn.
    block_bars
        Mean length of a block; None estimates the one that serves the mean best.
    seed
        Same seed, same intervals.

    Returns
    -------
    intervals
        By name, `MEASURES`; empty where there are fewer than ten bars or profits never vary.

    Raises
    ------
    CrossbookError
        Where arch is not installed.

    References
    ----------
    Politis, D. N. and Romano, J. P. (1994), "The Stationary Bootstrap", Journal of the American
    Statistical Association 89(428).
    Patton, A., Politis, D. N. and White, H. (2009), "Correction to Automatic Block-Length Selection
    for the Dependent Bootstrap", Econometric Reviews 28(4).
    """
    profit = bars.profit
    if profit.size < _FEWEST_BARS or math.isnan(sharpe_ratio(profit)):
        return {}
    try:
        from arch.bootstrap import StationaryBootstrap
    except ImportError as error:
        raise CrossbookError(
            "intervals need the package arch, which is not installed",
            remedy="pip install 'crossbook[ml]'",
        ) from error
    length = block_bars or mean_block_bars(profit)
    drawn = StationaryBootstrap(length, profit, seed=np.random.default_rng(seed)).apply(
        lambda series: _measured(series, bars.bars_per_year), resamples
    )
    tail = (1.0 - coverage) / 2.0
    edges = {}
    for name, values in zip(MEASURES, drawn.T, strict=True):
        sound = values[np.isfinite(values)]
        low, high = np.quantile(sound, [tail, 1.0 - tail]) if sound.size else (math.nan, math.nan)
        edges[name] = Interval(float(low), float(high), coverage)
    return edges


def mean_block_bars(profit: F64Array) -> int:
    """Estimate the mean block length of the stationary bootstrap, between 1 and a third of all."""
    from arch.bootstrap import optimal_block_length

    found = float(optimal_block_length(profit)["stationary"].iloc[0])
    return min(max(round(found), 1), profit.size // 3) if math.isfinite(found) else 1


def _measured(profit: F64Array, bars_per_year: float) -> F64Array:
    return np.array(
        [
            profit.sum(),
            max_drawdown(np.cumsum(profit)),
            sharpe_ratio(profit, bars_per_year),
            sortino_ratio(profit, bars_per_year),
            calmar_ratio(profit, bars_per_year),
        ]
    )
