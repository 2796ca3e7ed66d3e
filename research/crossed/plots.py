"""Figures of crossed episodes."""

from __future__ import annotations

from typing import Final

import numpy as np
import plotly.graph_objects as go
import polars as pl

from research.crossed.episodes import NOISE_MS, STRUCTURAL_MS, EpisodeKind

_COLOURS: Final = {
    EpisodeKind.NOISE: "#94a3b8",
    EpisodeKind.SHORT: "#2563eb",
    EpisodeKind.STRUCTURAL: "#b45309",
}
_BINS_PER_DECADE: Final = 8
_SHORTEST_MS: Final = 1e-3


def episodes_per_day_figure(per_day: pl.DataFrame) -> go.Figure:
    """Draw the number of episodes of every day, by kind, from `episodes_per_day`'s table."""
    short = per_day["episodes"] - per_day["noise"] - per_day["structural"]
    counts = {
        EpisodeKind.NOISE: per_day["noise"],
        EpisodeKind.SHORT: short,
        EpisodeKind.STRUCTURAL: per_day["structural"],
    }
    days = [day.isoformat() for day in per_day["date"]]
    figure = go.Figure()
    for kind, count in counts.items():
        figure.add_bar(x=days, y=count.to_list(), name=str(kind), marker_color=_COLOURS[kind])
    # A day is a name here: on a date axis, a week without a weekend would leave gaps.
    figure.update_xaxes(title="day (UTC)", type="category")
    return _styled(figure, "Crossed episodes per day", "episodes")


def duration_figure(found: pl.DataFrame) -> go.Figure:
    """Draw how long episodes lived, on a logarithmic axis, from `episodes`' table."""
    duration_ms = np.maximum(found["duration_ms"].to_numpy(), _SHORTEST_MS)
    low = np.floor(np.log10(duration_ms.min())) if duration_ms.size else 0.0
    high = np.ceil(np.log10(duration_ms.max())) if duration_ms.size else 1.0
    bins = max(1, int(high - low) * _BINS_PER_DECADE)
    edges = np.logspace(low, max(high, low + 1), bins + 1)
    centres = 0.5 * (edges[:-1] + edges[1:])
    figure = go.Figure()
    for kind, colour in _COLOURS.items():
        mine = duration_ms[(found["kind"] == str(kind)).to_numpy()]
        count, _ = np.histogram(mine, bins=edges)
        figure.add_bar(
            x=centres, y=count, width=np.diff(edges), name=str(kind), marker_color=colour
        )
    for bound_ms in (NOISE_MS, STRUCTURAL_MS):
        figure.add_vline(x=bound_ms, line_dash="dot", line_color="#64748b")
    figure.update_xaxes(title="duration (ms)", type="log")
    return _styled(figure, "How long crossed episodes live", "episodes")


def edge_figure(found: pl.DataFrame) -> go.Figure:
    """Draw the largest edge of every episode against its start, from `episodes`' table."""
    figure = go.Figure()
    for kind, colour in _COLOURS.items():
        mine = found.filter(pl.col("kind") == str(kind))
        figure.add_scattergl(
            x=pl.select(pl.from_epoch(mine["start_ns"], time_unit="ns")).to_series().to_numpy(),
            y=mine["max_edge_bps"].to_numpy(),
            mode="markers",
            name=str(kind),
            marker={"color": colour, "size": 5, "opacity": 0.7},
            customdata=mine.select("buy", "sell", "duration_ms").rows(),
            hovertemplate=(
                "%{x}<br>%{y:.2f} bps for %{customdata[2]:.1f} ms"
                "<br>buy %{customdata[0]}, sell %{customdata[1]}<extra></extra>"
            ),
        )
    figure.update_xaxes(title="start (UTC)")
    return _styled(figure, "Largest edge of each crossed episode", "edge (bps)")


def _styled(figure: go.Figure, title: str, unit: str) -> go.Figure:
    figure.update_yaxes(title=unit)
    figure.update_layout(
        title=title,
        template="plotly_white",
        barmode="stack",
        legend_title="kind",
        margin={"l": 60, "r": 20, "t": 50, "b": 50},
    )
    return figure
