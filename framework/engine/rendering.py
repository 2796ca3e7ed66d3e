"""A result at a glance: its headline figures as text and, for notebooks, as an HTML table."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

_SHOWN: Final = (
    *("pnl", "gross_pnl", "fees", "currency", "pnl_by_currency", "fees_by_currency"),
    *("orders", "fills", "maker_fills", "fill_ratio", "rejected", "excluded_fills"),
    *("positions", "events"),
)
"""Figures worth a row, in order; those by currency only where there are several."""


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


def as_html(title: str, summary: Mapping[str, object]) -> str:
    """Write title and figures as an HTML table."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th>"
        f"<td style='text-align:right'>{escape(value)}</td></tr>"
        for name, value in summary_rows(summary)
    )
    return (
        f"<table><caption style='text-align:left'>{escape(title)}</caption>"
        f"<tbody>{rows}</tbody></table>"
    )


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_written(item)}" for key, item in value.items()) or "none"
    if isinstance(value, float):
        return f"{value:,.6g}" if abs(value) < 1e5 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
