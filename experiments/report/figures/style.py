"""One look for all figures: colours, fonts, axes, and time on the horizontal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import numpy as np
import plotly.graph_objects as go

from framework.core.events import F64Array, I64Array
from framework.core.instrument import Instrument
from framework.engine.result import Result

INK = "#1b2433"
MUTED = "#66758a"
GRID = "#e9edf3"
NET = "#2f55d4"
GROSS = "#93a1b5"
BUY = "#0e9f6e"
SELL = "#e02d4f"
MAKER = "#2f55d4"
TAKER = "#f28c28"
_VENUES = ("#6d4bd0", "#0891a8", "#c2710c", "#b0307f", "#4d7c0f", "#475a78", "#0b6bb8", "#9a3412")
FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Helvetica, Arial, sans-serif"
MAX_MARKERS = 1_500
"""Fill markers drawn at most: more hide one another and slow the page."""


def venue_colours(instruments: Sequence[Instrument]) -> dict[str, str]:
    """Give every stream the same colour in every figure, keyed by ``venue:symbol``."""
    return {i.name: _VENUES[row % len(_VENUES)] for row, i in enumerate(instruments)}


def label(text: object) -> str:
    """Escape a name for a figure: Plotly reads a little HTML in its texts."""
    return escape(str(text), quote=False)


def milliseconds(ts_ns: I64Array) -> F64Array:
    """Write instants as Plotly's date axis counts them; drawing needs no nanoseconds."""
    return ts_ns / 1e6


def dress(figure: go.Figure, *, y_title: str, height: int = 340) -> go.Figure:
    """Give a figure the report's look."""
    figure.update_layout(
        height=height,
        margin={"l": 72, "r": 24, "t": 40, "b": 44},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": FONT, "size": 12, "color": INK},
        legend={
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "font": {"size": 12},
            "itemclick": "toggle",
        },
        hoverlabel={"font": {"family": FONT, "size": 12}, "bgcolor": "white"},
        hovermode="closest",
        modebar={"bgcolor": "rgba(0,0,0,0)", "color": "#a8b3c2", "activecolor": INK},
    )
    axis = {
        "gridcolor": GRID,
        "linecolor": "#cfd7e2",
        "zerolinecolor": "#b9c4d2",
        "zerolinewidth": 1,
        "tickfont": {"color": MUTED, "size": 11},
    }
    figure.update_xaxes(**axis, showline=True, ticks="outside", tickcolor="#cfd7e2", ticklen=4)
    figure.update_yaxes(**axis, automargin=True)
    if y_title:
        figure.update_yaxes(
            title={"text": label(y_title), "font": {"color": MUTED, "size": 12}, "standoff": 12}
        )
    return figure


def over_time(figure: go.Figure, result: Result) -> go.Figure:
    """Make the horizontal the run's whole period in UTC; the page zooms such figures together."""
    figure.update_xaxes(type="date", hoverformat="%Y-%m-%d %H:%M:%S.%L")
    ts_ns = result.samples["ts_ns"]
    if ts_ns.len():
        ends = np.array([ts_ns[0], ts_ns[-1]], np.int64)
        figure.update_xaxes(range=milliseconds(ends).tolist())
    figure.update_layout(meta={"clock": "utc"})
    return figure
