"""Where the profit came from, as a waterfall from spread to net."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from experiments.report.figures.style import BUY, INK, MUTED, NET, SELL, dress, label
from research.attribution import PARTS

NAMES = {
    "spread": "spread captured",
    "adverse": "adverse selection",
    "inventory": "inventory",
    "fees": "fees",
    "carry": "funding, financing",
    "net": "net profit",
}
"""How the parts are called."""


def attribution_figure(money: pl.DataFrame, currency: str) -> go.Figure:
    """Draw the parts of one currency's profit, from the first to their sum."""
    own = money.filter(pl.col("currency") == currency)
    parts = [name for name in PARTS if name != "carry" or (own["carry"] != 0).any()]
    sums = [float(own[name].sum()) for name in parts]
    total = float(own["net"].sum())
    figure = go.Figure(
        go.Waterfall(
            x=[NAMES[name] for name in (*parts, "net")],
            y=[*sums, total],
            measure=[*("relative" for _ in parts), "total"],
            text=[f"{value:+,.2f}" for value in (*sums, total)],
            textposition="outside",
            cliponaxis=False,
            connector={"line": {"color": "#cfd7e2", "width": 1}},
            increasing={"marker": {"color": BUY}},
            decreasing={"marker": {"color": SELL}},
            totals={"marker": {"color": NET}},
            textfont={"color": INK, "size": 12},
            hovertemplate="%{x}: %{text}<extra></extra>",
        )
    )
    figure.update_layout(showlegend=False, waterfallgap=0.45)
    title = f"profit, {label(currency)}" if currency else "profit"
    figure = dress(figure, y_title=title, height=320)
    figure.update_xaxes(tickfont={"color": MUTED, "size": 12}, showgrid=False)
    return figure
