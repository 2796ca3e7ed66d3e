"""What fills were worth some time later, and what stood before them in the queue."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from experiments.report.figures.style import MAKER, TAKER, dress
from framework.engine.result import Result
from research.tca import CostAnalysis
from research.tca.groups import weighted

_BINS = 40
_SURE = 1.96
"""Standard errors either side that hold 95 % of a normal distribution."""


def markout_figure(costs: CostAnalysis) -> go.Figure:
    """Draw mean markouts by horizon, makers against takers, from the fill itself on."""
    figure = go.Figure()
    later = costs.markouts("liquidity")
    effective = costs.fills.group_by("liquidity").agg(weighted("effective_bps"))
    for liquidity, colour in (("maker", MAKER), ("taker", TAKER)):
        own = later.filter((pl.col("liquidity") == liquidity) & pl.col("markout_bps").is_not_null())
        if own.is_empty():
            continue
        first = effective.filter(pl.col("liquidity") == liquidity)["effective_bps"][0]
        errors = own["error_bps"].fill_null(0.0).to_numpy() * _SURE
        figure.add_scatter(
            x=["at fill", *own["horizon"].to_list()],
            y=[None if first is None else -first, *own["markout_bps"].to_list()],
            error_y={"type": "data", "array": [0.0, *errors], "thickness": 1, "width": 4},
            name=f"{liquidity.capitalize()}, {own['fills'][0]:,} fills",
            mode="lines+markers",
            line={"color": colour, "width": 2},
            marker={"size": 7},
            hovertemplate="%{x}: %{y:+.3f} bps<extra></extra>",
        )
    figure.update_layout(showlegend=True)
    figure.update_xaxes(type="category", title={"text": "time after the fill"})
    return dress(figure, y_title="markout, bps (+ is ours)", height=320)


def queue_figure(result: Result) -> tuple[go.Figure, str]:
    """Draw what stood ahead of passive orders just before they were filled.

    Returns
    -------
    figure, notice
        The notice says how many were at the front; empty without passive fills.
    """
    figure = go.Figure()
    ahead = result.fills.filter(pl.col("liquidity") == "maker")["queue_ahead"].to_numpy()
    dress(figure, y_title="passive fills", height=320)
    figure.update_xaxes(title={"text": "quantity ahead in the queue at the fill"})
    if ahead.size == 0:
        return figure, "no passive fill"
    waiting = ahead[ahead > 0]
    high = float(np.percentile(waiting, 99)) if waiting.size else 1.0
    counts, edges = np.histogram(np.minimum(waiting, high), np.linspace(0.0, high, _BINS + 1))
    figure.add_bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=counts,
        width=np.diff(edges),
        marker={"color": MAKER, "line": {"width": 0}},
        opacity=0.75,
        hovertemplate="%{x:,.4~g} ahead: %{y:,} fills<extra></extra>",
    )
    figure.update_layout(bargap=0, showlegend=False)
    front = ahead.size - waiting.size
    return figure, f"{front:,} of {ahead.size:,} passive fills were at the front, not drawn"
