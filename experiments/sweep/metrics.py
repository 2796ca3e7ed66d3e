"""The measures of one trial, over one span of time or several."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from framework.core.errors import CrossbookError
from framework.core.events import F64Array
from framework.engine.result import Result
from research.performance import (
    Bars,
    calmar_ratio,
    exposure,
    max_drawdown,
    profit_bars,
    sharpe_ratio,
    sortino_ratio,
)
from research.performance.measures import moments
from research.validation import block_sums

_COUNTS: Final = ("orders", "fills", "maker_fills", "rejected", "excluded_fills")
METRICS: Final = (
    *("pnl", "drawdown", "sharpe", "sortino", "calmar", "inventory", "gross_exposure"),
    *_COUNTS,
    *("fees", "carry", "fill_ratio"),
)
"""Names of all measures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A trial's measures.

    Attributes
    ----------
    metrics
        By name; a ratio without a denominator, as of a trial that never traded, counts as 0.
    sharpe_per_bar, skewness, kurtosis, n_bars
        What a Sharpe ratio is judged by; not a number where profits never vary.
    blocks
        Sums of the profit's blocks, shape (n_blocks, 3); empty where the run is too short.
    """

    metrics: dict[str, float]
    sharpe_per_bar: float
    skewness: float
    kurtosis: float
    n_bars: int
    blocks: F64Array


def measure(results: Sequence[Result], bar_ns: int, currency: str | None = None) -> Measured:
    """Measure a trial whose spans of time are taken one after the other.

    Parameters
    ----------
    results
        One a span, in order of time.
    bar_ns
        Length of the bars of ratios and drawdown.
    currency
        Which books count; may be left out where they share one.
    """
    bars = joined([profit_bars(result, currency, bar=bar_ns) for result in results])
    skewness, heavy = moments(bars)
    return Measured(
        metrics=_risk(bars) | _held(results, bars.currency) | _counted(results, bars.currency),
        sharpe_per_bar=sharpe_ratio(bars.profit),
        skewness=skewness,
        kurtosis=heavy,
        n_bars=bars.profit.size,
        blocks=_blocks(bars.profit),
    )


def joined(parts: Sequence[Bars]) -> Bars:
    """Put the bars of several spans one after the other."""
    first = parts[0]
    return Bars(
        first.currency,
        first.bar_ns,
        np.concatenate([part.end_ns for part in parts]),
        np.concatenate([part.profit for part in parts]),
        first.bars_per_year,
    )


def _risk(bars: Bars) -> dict[str, float]:
    ratios = {
        "sharpe": sharpe_ratio(bars.profit, bars.bars_per_year),
        "sortino": sortino_ratio(bars.profit, bars.bars_per_year),
        "calmar": calmar_ratio(bars.profit, bars.bars_per_year),
    }
    return {
        "pnl": float(bars.profit.sum()),
        "drawdown": max_drawdown(bars.equity),
        **{name: value if math.isfinite(value) else 0.0 for name, value in ratios.items()},
    }


def _held(results: Sequence[Result], currency: str) -> dict[str, float]:
    frames = [exposure(result, currency) for result in results]
    samples = sum(frame.height for frame in frames)
    return {
        name: float(sum(frame[column].sum() for frame in frames)) / max(samples, 1)
        for name, column in (("inventory", "net"), ("gross_exposure", "gross"))
    }


def _counted(results: Sequence[Result], currency: str) -> dict[str, float]:
    counted = dict.fromkeys((*_COUNTS, "fees", "carry", "fill_ratio"), 0.0)
    for result in results:
        summary = result.summary()
        orders = _number(summary["orders"])
        for name in _COUNTS:
            counted[name] += _number(summary[name])
        counted["fill_ratio"] += _number(summary["fill_ratio"]) * orders
        last = result.equity.group_by("venue", "symbol", maintain_order=True).last()
        own = {(i.venue, i.symbol) for i in result.instruments if i.currency == currency}
        for row in last.iter_rows(named=True):
            if (row["venue"], row["symbol"]) in own:
                counted["fees"] += row["fees"]
                counted["carry"] += row["carry"]
    counted["fill_ratio"] /= max(counted["orders"], 1.0)
    return counted


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def _blocks(profit: F64Array) -> F64Array:
    try:
        return block_sums(profit[:, None])[:, :, 0]
    except CrossbookError:  # too short to be cut
        return np.zeros((0, 3))
