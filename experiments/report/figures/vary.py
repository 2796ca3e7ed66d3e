"""One spec run at several values: headline figures against the values, and the equity of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from experiments.report.decimate import decimate
from experiments.report.figures.equity import currencies
from experiments.report.figures.style import NET, dress, label, milliseconds, over_time
from framework.engine.result import Result
from research.performance import account

_SCALE = ("#1e3a8a", "#2f6fd6", "#17a2b8", "#2fa866", "#d99a1b", "#d9541b", "#b0203f", "#6b3fa0")
_PANELS = (
    ("pnl", "Net profit"),
    ("fees", "Fees"),
    ("fills", "Fills"),
    ("fill_ratio", "Fill ratio"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One value of what was varied, and what came of it.

    Parameters
    ----------
    values
        What was set: ``{path: value as written}``.
    result
        The outcome.
    """

    values: dict[str, str]
    result: Result

    @property
    def name(self) -> str:
        """The values alone where one thing was varied, else ``path=value`` pairs."""
        if len(self.values) == 1:
            return next(iter(self.values.values()))
        return ", ".join(f"{path}={value}" for path, value in self.values.items())


def vary_figure(variants: Sequence[Variant]) -> go.Figure:
    """Draw the headline figures against the values, evenly spaced as they were written."""
    names = [label(v.name) for v in variants]
    summaries = [v.result.summary() for v in variants]
    figure = make_subplots(
        rows=1, cols=len(_PANELS), subplot_titles=[t for _, t in _PANELS], horizontal_spacing=0.06
    )
    for column, (key, title) in enumerate(_PANELS, start=1):
        figure.add_scatter(
            x=names,
            y=[s[key] for s in summaries],
            name=title,
            mode="lines+markers",
            line={"color": NET, "width": 2},
            marker={"size": 8, "color": "white", "line": {"color": NET, "width": 2}},
            showlegend=False,
            row=1,
            col=column,
        )
    dress(figure, y_title="", height=300)
    figure.update_xaxes(type="category", title={"text": label(" · ".join(variants[0].values))})
    figure.update_layout(margin={"t": 60})
    figure.update_annotations(font={"size": 13, "color": "#1b2433"})
    return figure


def vary_equity_figure(variants: Sequence[Variant]) -> go.Figure:
    """Draw the net profit of every value over time (in the first currency)."""
    figure = go.Figure()
    currency = currencies(variants[0].result)[0]
    for row, variant in enumerate(variants):
        total = account(variant.result, currency)
        values = total["net_pnl"].to_numpy()
        rows = decimate(values)
        figure.add_scatter(
            x=milliseconds(total["ts_ns"].to_numpy())[rows],
            y=values[rows],
            name=label(variant.name),
            mode="lines",
            line={"color": _SCALE[row % len(_SCALE)], "width": 1.8},
        )
    title = f"net profit, {currency}" if currency else "net profit"
    return over_time(dress(figure, y_title=title, height=340), variants[0].result)
