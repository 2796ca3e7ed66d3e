"""Figures of a scan: when, where, how long, how much."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from research.crossed.plots import duration_figure, edge_figure

_SCALE = "Blues"


def scan_figures(episodes: pl.DataFrame) -> dict[str, go.Figure]:
    """Draw `FOUND_SCHEMA` rows, by what each figure answers."""
    return {
        "when": when_figure(episodes),
        "where": where_figure(episodes),
        "how long": duration_figure(episodes),
        "how much": edge_figure(episodes),
    }


def when_figure(episodes: pl.DataFrame) -> go.Figure:
    """Draw the number of episodes of every day and hour (UTC)."""
    start = pl.from_epoch("start_ns", time_unit="ns")
    counted = episodes.group_by(day=start.dt.date().cast(pl.String), hour=start.dt.hour()).len()
    days = sorted(counted["day"].unique().to_list())
    numbers = {(day, hour): count for day, hour, count in counted.rows()}
    figure = go.Figure(
        go.Heatmap(
            z=[[numbers.get((day, hour), 0) for hour in range(24)] for day in days],
            x=list(range(24)),
            y=days,
            colorscale=_SCALE,
            hovertemplate="%{y} %{x}:00 UTC<br>%{z} episodes<extra></extra>",
        )
    )
    figure.update_yaxes(type="category", title="day")
    figure.update_xaxes(title="hour (UTC)")
    figure.update_layout(title="When markets crossed", template="plotly_white")
    return figure


def where_figure(episodes: pl.DataFrame) -> go.Figure:
    """Draw the number of episodes between every two venues."""
    counted = episodes.group_by("buy", "sell").len()
    buys = sorted(counted["buy"].unique().to_list())
    sells = sorted(counted["sell"].unique().to_list())
    numbers = {(buy, sell): count for buy, sell, count in counted.rows()}
    figure = go.Figure(
        go.Heatmap(
            z=[[numbers.get((buy, sell), 0) for sell in sells] for buy in buys],
            x=sells,
            y=buys,
            colorscale=_SCALE,
            hovertemplate="buy %{y}, sell %{x}<br>%{z} episodes<extra></extra>",
        )
    )
    figure.update_xaxes(title="sell on", type="category")
    figure.update_yaxes(title="buy on", type="category")
    figure.update_layout(title="Where markets crossed", template="plotly_white")
    return figure
