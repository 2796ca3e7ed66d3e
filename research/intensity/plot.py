"""The observed intensity and its fit."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from research.intensity.fit import Intensity


def intensity_figure(found: Intensity, title: str = "") -> go.Figure:
    """Plot rates against distance on a logarithmic scale, where the model is a straight line."""
    line = np.linspace(0.0, float(found.distance_ticks[-1]), 100)
    label = f"A = {found.a:.3g} ± {found.a_error:.1g}, k = {found.k:.3g} ± {found.k_error:.1g}"
    figure = go.Figure(
        [
            go.Scatter(x=found.distance_ticks, y=found.rate, mode="markers", name="observed"),
            go.Scatter(x=line, y=found.at(line), mode="lines", name=label),
        ]
    )
    figure.update_layout(
        title=title or "Market orders by how far they reach",
        xaxis_title="distance from the mid, ticks",
        yaxis_title="orders a second and side",
        yaxis_type="log",
        template="plotly_white",
    )
    return figure
