"""How far fills were from the mid at arrival: makers against takers."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from experiments.report.figures.style import MAKER, TAKER, dress
from framework.engine.result import Result

_BINS = 60
_TAILS = (0.5, 99.5)  # percentiles drawn: one stray fill must not squeeze the rest into one bar


def slippage_figure(result: Result) -> tuple[go.Figure, str]:
    """Draw the distribution of slippage in basis points; positive is a cost.

    Returns
    -------
    figure, notice
        The notice counts the fills outside the drawn range; empty where there are none.
    """
    figure = go.Figure()
    known = result.fills.filter(pl.col("slippage_bps").is_not_null())
    every = known["slippage_bps"].to_numpy()
    if every.size == 0:
        return dress(figure, y_title="share of fills, %", height=320), "no fill has an arrival mid"
    low, high = np.percentile(every, _TAILS)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    for liquidity, colour in (("maker", MAKER), ("taker", TAKER)):
        values = known.filter(pl.col("liquidity") == liquidity)["slippage_bps"].to_numpy()
        if values.size == 0:
            continue
        counts, _ = np.histogram(values, edges)
        figure.add_bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=counts * 100 / every.size,
            width=np.diff(edges),
            name=f"{liquidity.capitalize()}, mean {values.mean():+.2f} bps",
            marker={"color": colour, "line": {"width": 0}},
            opacity=0.65,
            customdata=counts,
            hovertemplate="%{x:.2f} bps: %{customdata:,} fills<extra></extra>",
        )
    figure.update_layout(barmode="overlay", bargap=0, showlegend=True)
    figure.update_xaxes(title={"text": "slippage against the mid at arrival, bps (+ is a cost)"})
    outside = int(((every < low) | (every > high)).sum())
    notice = f"{outside:,} of {every.size:,} fills lie outside the range drawn" if outside else ""
    return dress(figure, y_title="share of fills, %", height=320), notice
