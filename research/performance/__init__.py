"""Performance of a trial: profit in bars, ratios, drawdown, exposure, and how sure they are."""

from research.performance.drawdown import drawdown, max_drawdown
from research.performance.exposure import exposure
from research.performance.intervals import MEASURES, Interval, intervals
from research.performance.measures import Performance, performance
from research.performance.ratios import calmar_ratio, sharpe_ratio, sortino_ratio
from research.performance.returns import Bars, account, bar_length, profit_bars, single_currency

__all__ = [
    "MEASURES",
    "Bars",
    "Interval",
    "Performance",
    "account",
    "bar_length",
    "calmar_ratio",
    "drawdown",
    "exposure",
    "intervals",
    "max_drawdown",
    "performance",
    "profit_bars",
    "sharpe_ratio",
    "single_currency",
    "sortino_ratio",
]
