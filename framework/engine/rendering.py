"""A result at a glance: its headline figures as text and, for notebooks, as an HTML table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_SHOWN: Final = (
    *("pnl", "gross_pnl", "fees", "currency", "pnl_by_currency", "fees_by_currency"),
    *("orders", "fills", "maker_fills", "fill_ratio", "rejected", "excluded_fills"),
    *("positions", "events"),
)
"""Figures worth a row, in order; those by currency only where there are several."""
_WIDTH: Final = 360
_HEIGHT: Final = 150
_EDGE: Final = 4
_FEWEST: Final = 3  # points that make a curve


def summary_rows(summary: Mapping[str, object]) -> list[tuple[str, str]]:
    """Choose a summary's figures and write each as a reader wants it.

    >>> summary_rows({"pnl": -1234.5, "currency": "USD", "positions": {"alpha": {"XYZ": 3.0}}})
    [('pnl', '-1,234.5'), ('currency', 'USD'), ('positions', 'alpha XYZ 3')]
    """
    by_currency = ("pnl_by_currency", "fees_by_currency")
    names = [name for name in _SHOWN if summary.get(name) not in (None, "")]
    if summary.get("currency") is not None:
        names = [name for name in names if name not in by_currency]
    return [(name, _written(summary[name])) for name in names]


def as_text(title: str, summary: Mapping[str, object]) -> str:
    """Write title and figures, one a line."""
    rows = summary_rows(summary)
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join([title, *(f"  {name:<{width}}  {value}" for name, value in rows)])


def as_html(title: str, summary: Mapping[str, object], curve: Sequence[float] = ()) -> str:
    """Write title and figures as an HTML table, beside a small drawing of a curve if given."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:right'>{escape(value)}</td></tr>"
        for name, value in summary_rows(summary)
    )
    table = (
        f"<table><caption style='text-align:left'>{escape(title)}</caption>"
        f"<tbody>{rows}</tbody></table>"
    )
    if len(curve) < _FEWEST:
        return table
    drawn = f"<div>{_drawing(curve)}</div>"
    return f"<div style='display:flex;gap:2em;align-items:center'><div>{table}</div>{drawn}</div>"


def _drawing(curve: Sequence[float]) -> str:
    """Draw a curve and the line of zero as an SVG picture."""
    low, high = min(0.0, *curve), max(0.0, *curve)
    span = high - low or 1.0

    def y(value: float) -> float:
        return _EDGE + (_HEIGHT - 2 * _EDGE) * (high - value) / span

    step = (_WIDTH - 2 * _EDGE) / (len(curve) - 1)
    points = " ".join(f"{_EDGE + n * step:.1f},{y(v):.1f}" for n, v in enumerate(curve))
    colour = "#0e9f6e" if curve[-1] >= 0 else "#e02d4f"
    return (
        f"<svg width='{_WIDTH}' height='{_HEIGHT}' role='img' aria-label='net profit'>"
        f"<line x1='{_EDGE}' x2='{_WIDTH - _EDGE}' y1='{y(0.0):.1f}' y2='{y(0.0):.1f}' "
        "stroke='currentColor' stroke-opacity='.3' stroke-dasharray='3 3'/>"
        f"<polyline fill='none' stroke='{colour}' stroke-width='1.6' points='{points}'/>"
        f"<text x='{_EDGE}' y='12' font-size='11' fill='currentColor' fill-opacity='.6'>"
        "net profit</text></svg>"
    )


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_written(item)}" for key, item in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e5 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
