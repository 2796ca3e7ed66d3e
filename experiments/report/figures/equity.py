"""Profit over time: net and gross of all streams, and each stream's share."""

from __future__ import annotations

import plotly.graph_objects as go
import polars as pl

from experiments.report.decimate import decimate
from experiments.report.figures.style import (
    GROSS,
    NET,
    dress,
    label,
    milliseconds,
    over_time,
    venue_colours,
)
from framework.engine.result import Result
from research.performance import account


def currencies(result: Result) -> list[str]:
    """Name the currencies of a result's streams, each once, in the streams' order."""
    return list(dict.fromkeys(i.currency for i in result.instruments))


def equity_figure(result: Result, currency: str) -> go.Figure:
    """Draw net and gross profit; the streams' own net profit waits in the legend."""
    total = account(result, currency)
    figure = go.Figure()
    ts_ms = milliseconds(total["ts_ns"].to_numpy())
    for name, column, colour, dash in (
        ("Gross of fees", "gross_pnl", GROSS, "dot"),
        ("Net", "net_pnl", NET, "solid"),
    ):
        values = total[column].to_numpy()
        rows = decimate(values)
        figure.add_scatter(
            x=ts_ms[rows],
            y=values[rows],
            name=name,
            mode="lines",
            line={"color": colour, "width": 2, "dash": dash},
            fill="tozeroy" if column == "net_pnl" else None,
            fillcolor="rgba(47,85,212,0.07)",
        )
    _add_streams(figure, result, currency)
    title = f"profit, {currency}" if currency else "profit"
    return over_time(dress(figure, y_title=title), result)


def _add_streams(figure: go.Figure, result: Result, currency: str) -> None:
    colours = venue_colours(result.instruments)
    for instrument in result.instruments:
        if instrument.currency != currency or len(result.instruments) == 1:
            continue
        own = stream_rows(result.equity, instrument.venue, instrument.symbol)
        values = own["net_pnl"].cast(pl.Float64).to_numpy()
        rows = decimate(values)
        figure.add_scatter(
            x=milliseconds(own["ts_ns"].to_numpy())[rows],
            y=values[rows],
            name=f"{label(instrument.name)}, net",
            mode="lines",
            visible="legendonly",
            line={"color": colours[instrument.name], "width": 1.5},
        )


def stream_rows(frame: pl.DataFrame, venue: str, symbol: str) -> pl.DataFrame:
    """Pick one stream's rows."""
    return frame.filter((pl.col("venue") == venue) & (pl.col("symbol") == symbol))
