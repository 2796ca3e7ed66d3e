"""Figures of cost analysis."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go
import polars as pl

from research.tca.regime import REGIMES
from research.tca.shortfall import PARTS

_COLOURS: Final = ("#2f55d4", "#f28c28", "#0e9f6e", "#b0307f", "#6d4bd0", "#0891a8", "#4d7c0f")
_PARTS: Final = {
    "delay": "#93a1b5",
    "execution": "#2f55d4",
    "opportunity": "#f28c28",
    "fees": "#b0307f",
}
_NS_PER_MS: Final = 1e6


def markout_figure(markouts: pl.DataFrame, dimension: str | None = None) -> go.Figure:
    """Draw markout curves with two standard errors, one a group; time is logarithmic.

    Parameters
    ----------
    markouts
        As `CostAnalysis.markouts` gives them.
    dimension
        The column that tells curves apart; None for one curve.
    """
    figure = go.Figure()
    curves = {"all fills": markouts}
    if dimension is not None:
        curves = {
            str(group): own
            for (group,), own in markouts.partition_by(
                dimension, as_dict=True, maintain_order=True
            ).items()
        }
    for row, (name, own) in enumerate(curves.items()):
        colour = _COLOURS[row % len(_COLOURS)]
        figure.add_scatter(
            x=(own["horizon_ns"] / _NS_PER_MS).to_list(),
            y=own["markout_bps"].to_list(),
            error_y={
                "array": (2 * own["error_bps"].fill_null(0.0)).to_list(),
                "thickness": 1,
                "width": 3,
            },
            name=name,
            mode="lines+markers",
            line={"color": colour, "width": 2},
            customdata=own.select("horizon", "fills").rows(),
            hovertemplate="%{customdata[0]}: %{y:.3f} bps, %{customdata[1]:,} fills",
        )
    figure.add_hline(y=0, line_color="#b9c4d2", line_width=1)
    figure.update_xaxes(type="log", title="after the fill, ms")
    figure.update_yaxes(title="markout, bps")
    return figure


def regime_figure(costs: pl.DataFrame, column: str = "slippage_bps") -> go.Figure:
    """Draw a heatmap of a cost by stream and volatility regime.

    Parameters
    ----------
    costs
        ``fills_by("venue", "symbol", "regime")``.
    column
        Which cost.
    """
    found = costs["regime"].unique().to_list()
    columns = [r for r in REGIMES if r in found] + sorted(r for r in found if r not in REGIMES)
    named = costs.with_columns(stream=pl.concat_str("venue", "symbol", separator=":"))
    streams = named["stream"].unique().sort().to_list()
    cells = {
        (s, r): (c, n) for s, r, c, n in named.select("stream", "regime", column, "fills").rows()
    }
    blank = (None, 0)
    values = [[cells.get((s, r), blank)[0] for r in columns] for s in streams]
    counts = [[cells.get((s, r), blank)[1] for r in columns] for s in streams]
    figure = go.Figure(
        go.Heatmap(
            x=columns,
            y=streams,
            z=values,
            customdata=counts,
            texttemplate="%{z:.2f}",
            hovertemplate="%{y}, %{x}: %{z:.3f} bps, %{customdata:,} fills<extra></extra>",
            colorscale="RdBu",
            reversescale=True,
            zmid=0,
            colorbar={"title": "bps"},
        )
    )
    figure.update_xaxes(title="volatility regime", type="category")
    figure.update_yaxes(type="category")
    return figure


def parts_figure(costs: pl.DataFrame, dimension: str) -> go.Figure:
    """Draw the parts of implementation shortfall as stacked bars, one bar a group.

    Parameters
    ----------
    costs
        ``orders_by(dimension)``.
    dimension
        What the bars are.
    """
    names = [str(name) for name in costs[dimension].fill_null("never filled")]
    figure = go.Figure()
    for part in (*PARTS, "fees"):
        figure.add_bar(
            x=names,
            y=costs[f"{part}_bps"].to_list(),
            name=part,
            marker={"color": _PARTS[part], "line": {"width": 0}},
            hovertemplate="%{x}: " + part + " %{y:.3f} bps<extra></extra>",
        )
    figure.add_scatter(
        x=names,
        y=costs["shortfall_bps"].to_list(),
        name="shortfall",
        mode="markers",
        marker={"color": "#1b2433", "symbol": "diamond", "size": 9},
    )
    figure.update_layout(barmode="relative")
    figure.update_xaxes(type="category")
    figure.update_yaxes(title="bps of the order's notional")
    return figure


def bar_figure(costs: pl.DataFrame, dimension: str, column: str = "slippage_bps") -> go.Figure:
    """Draw a cost by group, the number of fills beside it in the hover text."""
    figure = go.Figure()
    figure.add_bar(
        x=[str(name) for name in costs[dimension]],
        y=costs[column].to_list(),
        customdata=costs["fills"].to_list(),
        marker={"color": _COLOURS[0], "line": {"width": 0}},
        hovertemplate="%{x}: %{y:.3f} bps, %{customdata:,} fills<extra></extra>",
    )
    figure.update_xaxes(type="category", title=dimension.replace("_", " "))
    figure.update_yaxes(title=f"{column.removesuffix('_bps').replace('_', ' ')}, bps")
    return figure
