"""What decisions were made on: the gap between the mid known and the true one, and its age."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from experiments.report.figures.style import dress, label

_POINTS = 200
_SCALE = ("#1e3a8a", "#2f6fd6", "#17a2b8", "#2fa866", "#d99a1b", "#d9541b", "#b0203f", "#6b3fa0")


def gap_figure(runs: Mapping[str, pl.DataFrame]) -> go.Figure:
    """Draw which share of decisions had at most so large a gap, and so old a message.

    Parameters
    ----------
    runs
        By name, what `research.basis_gap.decisions` gives.
    """
    figure = make_subplots(rows=1, cols=2, horizontal_spacing=0.09)
    shares = np.linspace(0.0, 1.0, _POINTS)
    for number, (name, rows) in enumerate(runs.items()):
        gaps, ages = rows["gap_bps"].abs().drop_nulls(), rows["age_ms"].drop_nulls()
        for column, values, unit in ((1, gaps, "bps"), (2, ages, "ms")):
            if values.is_empty():
                continue
            figure.add_scatter(
                x=np.quantile(values.to_numpy(), shares),
                y=shares * 100,
                name=label(name),
                legendgroup=name,
                showlegend=column == 1 and len(runs) > 1,
                mode="lines",
                line={"color": _SCALE[number % len(_SCALE)], "width": 2},
                hovertemplate=f"{label(name)}: %{{y:.1f}} % at most %{{x:.4g}} {unit}"
                "<extra></extra>",
                row=1,
                col=column,
            )
    dress(figure, y_title="share of decisions, %", height=320)
    figure.update_xaxes(title={"text": "mid known less true mid, bps (size)"}, row=1, col=1)
    figure.update_xaxes(title={"text": "age of what was read, ms"}, row=1, col=2)
    return figure
