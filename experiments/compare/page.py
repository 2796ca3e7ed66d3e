"""A comparison as one HTML page, and as what a notebook shows."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Final

import numpy as np
import plotly.graph_objects as go
import polars as pl

from experiments.compare.comparison import MEASURES, Comparison
from experiments.report.decimate import decimate
from experiments.report.figures import currencies
from experiments.report.figures.style import dress, label, milliseconds, over_time
from experiments.report.html import Tile, render_page, write_page
from experiments.report.sections import Section
from experiments.report.tables import HtmlTable
from experiments.report.text import money, number
from framework.core.clock import format_ns
from framework.core.events import F64Array
from research.performance import account, drawdown

_COLOURS: Final = ("#2f55d4", "#f28c28", "#0e9f6e", "#b0307f", "#6d4bd0", "#0891a8", "#9a3412")
_SHOWN: Final = 200
_MONEY: Final = frozenset({"pnl", "gross_pnl", "fees", "carry", "max_drawdown", "turnover"})


def write_comparison(comparison: Comparison, path: Path) -> Path:
    """Write a comparison as one HTML file that needs no network.

    Raises
    ------
    CrossbookError
        Where the file cannot be written.
    """
    page = render_page(
        "compare.html",
        "Comparison",
        _tiles(comparison),
        _sections(comparison),
        comparison=comparison,
    )
    return write_page(page, path)


def inline(comparison: Comparison) -> str:
    """Write the tables of what differs as plain HTML."""
    tables = (settings_table(comparison), measures_table(comparison))
    return "".join(
        f"<p><b>{title}</b></p><table><thead><tr>"
        + "".join(f"<th>{escape(c)}</th>" for c in table.columns)
        + "</tr></thead><tbody>"
        + "".join(
            "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
            for row in table.rows
        )
        + "</tbody></table>"
        for title, table in zip(("What differs", "What came of it"), tables, strict=True)
    )


def settings_table(comparison: Comparison, *, every: bool = False) -> HtmlTable:
    """Write the settings out, those that differ or all."""
    table = comparison.settings
    chosen = table if every else table.filter("differs")
    return HtmlTable(
        columns=("setting", *comparison.names),
        rows=tuple(
            tuple("\u2013" if cell is None else cell for cell in row)
            for row in chosen.drop("differs").rows()
        ),
    )


def measures_table(comparison: Comparison) -> HtmlTable:
    """Write the measures out, each run's with its interval."""
    rows = []
    for name in MEASURES:
        own = comparison.measures.filter(pl.col("measure") == name)
        cells = [_cell(name, *ends) for ends in own.select("value", "low", "high").rows()]
        rows.append((name.replace("_", " "), *cells))
    return HtmlTable(
        columns=("measure (95 % interval)", *comparison.names),
        rows=tuple(rows),
        right=frozenset(range(1, len(comparison.runs) + 1)),
    )


def fills_table(comparison: Comparison, name: str) -> HtmlTable:
    """Write the first fills out that only the first run has, or only the one named."""
    differing = comparison.fills(name)
    base = comparison.names[0]
    rows = tuple(
        (
            base if r["in_base"] else name,
            format_ns(r["ts_ns"])[:-1].replace("T", " "),
            f"{r['venue']}:{r['symbol']}",
            str(r["order_id"]),
            "buy" if r["side"] > 0 else "sell",
            r["liquidity"],
            f"{r['price']:.10g}",
            number(r["quantity"]),
        )
        for r in differing.head(_SHOWN).iter_rows(named=True)
    )
    columns = ("only in", "time, UTC", "stream", "order", "side", "liquidity", "price", "quantity")
    total = f"first {len(rows)} of {differing.height:,}" if differing.height > len(rows) else ""
    return HtmlTable(columns=columns, rows=rows, right=frozenset({3, 6, 7}), caption=total)


def told_fills(comparison: Comparison, name: str) -> str:
    """Say in a line how the fills of two runs differ."""
    differing = comparison.fills(name)
    if differing.is_empty():
        return "the same fills"
    ours = int(differing["in_base"].sum())
    same = comparison.runs[0].result.fills.height - ours
    first = format_ns(int(differing["ts_ns"][0]))
    return (
        f"{same:,} fills are the same, {ours:,} are only in {comparison.names[0]}, "
        f"{differing.height - ours:,} only in {name}; the first at {first}"
    )


def _cell(name: str, value: float | None, low: float | None, high: float | None) -> str:
    def written(number_: float | None) -> str:
        return money(number_) if name in _MONEY else number(number_)

    if low is None or high is None:
        return written(value)
    return f"{written(value)}  ({written(low)} to {written(high)})"


def _tiles(comparison: Comparison) -> list[Tile]:
    tiles = []
    for run in comparison.runs:
        net = run.result.summary()["pnl"]
        tone = "" if not isinstance(net, float) or net == 0 else "good" if net > 0 else "bad"
        note = f"net profit, {run.result.summary()['currency'] or 'several currencies'}"
        tiles.append(Tile(label=run.name, value=money(net), note=note, tone=tone))
    return tiles


def _sections(comparison: Comparison) -> list[Section]:
    others = comparison.names[1:]
    same = {run.result.journal_hash for run in comparison.runs}
    alike = "All journals are the same." if len(same) == 1 else ""
    return [
        Section(
            anchor="differences",
            title="What differs",
            text="Settings, data, code and packages that are not the same in all runs.",
            tables=(settings_table(comparison),),
        ),
        Section(
            anchor="measures",
            title="What came of it",
            text="Intervals say what another history of the same kind might have given.",
            tables=(measures_table(comparison),),
        ),
        Section(
            anchor="equity",
            title="Equity and drawdown",
            text="Net profit, and how far it stood below its highest point.",
            figures=(
                _curves(comparison, "net profit", 360, lambda net: net),
                _curves(comparison, "drawdown", 220, lambda net: -drawdown(net)),
            ),
        ),
        *(
            Section(
                anchor=f"fills-{row}",
                title=f"Fills: {comparison.names[0]} and {name}",
                text=alike or f"{told_fills(comparison, name)}.",
                tables=(fills_table(comparison, name),),
            )
            for row, name in enumerate(others)
        ),
        Section(
            anchor="settings",
            title="All settings",
            tables=(settings_table(comparison, every=True),),
        ),
    ]


def _curves(
    comparison: Comparison, what: str, height: int, curve: Callable[[F64Array], F64Array]
) -> go.Figure:
    figure = go.Figure()
    for row, run in enumerate(comparison.runs):
        for currency in currencies(run.result):
            total = account(run.result, currency)
            values = np.asarray(curve(total["net_pnl"].fill_null(0.0).to_numpy()))
            kept = decimate(values)
            name = run.name if len(currencies(run.result)) == 1 else f"{run.name}, {currency}"
            figure.add_scatter(
                x=milliseconds(total["ts_ns"].to_numpy())[kept],
                y=values[kept],
                name=label(name),
                mode="lines",
                line={"color": _COLOURS[row % len(_COLOURS)], "width": 1.8},
            )
    figure.update_layout(showlegend=True)
    return over_time(dress(figure, y_title=what, height=height), comparison.runs[0].result)
