"""Tables of performance and of where the profit came from."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

import polars as pl

from experiments.report.figures.attribution import NAMES
from experiments.report.tables import HtmlTable
from experiments.report.text import money, number
from framework.core.clock import NS_PER_S
from framework.core.costs import DAY_NS
from framework.engine.result import Result
from research.attribution import PARTS, Attribution
from research.performance import Interval, intervals, performance, profit_bars

_SHORT_NS: Final = 7 * DAY_NS
_ROWS: Final = (
    ("pnl", "net profit"),
    ("max_drawdown", "max drawdown of bars"),
    ("sharpe", "Sharpe ratio, a year"),
    ("sortino", "Sortino ratio, a year"),
    ("calmar", "Calmar ratio, a year"),
)


def performance_table(result: Result, currency: str) -> HtmlTable:
    """Write measures out, with the interval that resampled blocks of profit give."""
    bars = profit_bars(result, currency)
    measured = performance(result, currency)
    known = intervals(bars) if find_spec("arch") else {}
    rows = [
        (title, _written(name, getattr(measured, name)), *_ends(name, known.get(name)))
        for name, title in _ROWS
    ]
    rows.append(("Sharpe ratio, a bar", number(measured.sharpe_per_bar, 4), "", ""))
    rows.append(("mean gross exposure", money(measured.gross_exposure), "", ""))
    rows.append(("mean exposure net of venues", money(measured.inventory), "", ""))
    seconds = measured.bar_ns / NS_PER_S
    sure = "intervals from 1,000 resamples of blocks" if known else "too few bars for intervals"
    if not find_spec("arch"):
        sure = "no intervals: pip install 'crossbook[ml]'"
    caption = f"{measured.n_bars:,} bars of {seconds:g} s; {sure}"
    if measured.n_bars * measured.bar_ns < _SHORT_NS:
        caption += "; a run this short says nothing about a year, compare its ratios with others'"
    return HtmlTable(
        columns=("measure", "value", "95 % from", "to"),
        rows=tuple(rows),
        right=frozenset({1, 2, 3}),
        caption=caption,
    )


def attribution_table(attribution: Attribution, currency: str) -> HtmlTable:
    """Write the parts of the profit out, stream by stream, and their sums."""
    own = attribution.money.filter(pl.col("currency") == currency)
    names = (*PARTS, "net")
    rows = [
        (f"{row['venue']}:{row['symbol']}", *(money(row[name]) for name in names))
        for row in own.iter_rows(named=True)
    ]
    if len(rows) > 1:
        rows.append(("all", *(money(float(own[name].sum())) for name in names)))
    return HtmlTable(
        columns=("stream", *(NAMES[name] for name in names)),
        rows=tuple(rows),
        right=frozenset(range(1, len(names) + 1)),
    )


def _written(name: str, value: float) -> str:
    return money(value) if name in ("pnl", "max_drawdown") else number(value, 2)


def _ends(name: str, interval: Interval | None) -> tuple[str, str]:
    if interval is None:
        return "", ""
    return _written(name, interval.low), _written(name, interval.high)
