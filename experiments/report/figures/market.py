"""What the market did and what we held: mid with fills on it, spread, inventory."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
import polars as pl

from experiments.report.decimate import decimate, thin
from experiments.report.figures.equity import stream_rows
from experiments.report.figures.style import (
    BUY,
    MAX_MARKERS,
    SELL,
    dress,
    label,
    milliseconds,
    over_time,
    venue_colours,
)
from framework.core.instrument import Instrument
from framework.engine.result import Result

_SPREAD_BUCKETS = 400


def by_asset(instruments: Sequence[Instrument]) -> dict[str, list[Instrument]]:
    """Group the streams whose prices belong on one axis."""
    groups: dict[str, list[Instrument]] = {}
    for instrument in instruments:
        groups.setdefault(instrument.asset or instrument.symbol, []).append(instrument)
    return groups


def price_figure(result: Result, streams: Sequence[Instrument]) -> tuple[go.Figure, str]:
    """Draw the mids of some streams and the fills on them.

    Returns
    -------
    figure, notice
        The notice says how many fills are not drawn; empty where all are.
    """
    figure = go.Figure()
    _add_lines(figure, result, streams, "mid", "mid")
    wanted = pl.DataFrame(
        [(i.venue, i.symbol) for i in streams],
        schema={"venue": pl.String, "symbol": pl.String},
        orient="row",
    )
    fills = result.fills.join(wanted, on=["venue", "symbol"], how="semi", maintain_order="left")
    shown = fills[thin(fills.height, MAX_MARKERS)]
    for side, word, colour, arrow in ((1, "Buy", BUY, "up"), (-1, "Sell", SELL, "down")):
        for liquidity, suffix in (("maker", "-open"), ("taker", "")):
            chosen = shown.filter((pl.col("side") == side) & (pl.col("liquidity") == liquidity))
            if chosen.height:
                symbol = f"triangle-{arrow}{suffix}"
                _add_fills(figure, chosen, f"{word}, {liquidity}", colour, symbol)
    hidden = fills.height - shown.height
    notice = f"{shown.height:,} of {fills.height:,} fills drawn, evenly chosen" if hidden else ""
    currency = streams[0].currency
    title = f"price, {currency}" if currency else "price"
    return over_time(dress(figure, y_title=title, height=420), result), notice


def spread_figure(result: Result) -> go.Figure:
    """Draw every stream's spread in basis points of its mid: the median, and 5 % to 95 %."""
    figure = go.Figure()
    colours = venue_colours(result.instruments)
    equity = result.equity.with_columns(
        (pl.col("spread") / pl.col("mid") * 10_000).alias("spread_bps")
    )
    for instrument in result.instruments:
        own = stream_rows(equity, instrument.venue, instrument.symbol)
        _add_band(figure, own, label(instrument.name), colours[instrument.name])
    return over_time(dress(figure, y_title="spread, bps", height=280), result)


def _add_band(figure: go.Figure, rows: pl.DataFrame, name: str, colour: str) -> None:
    size = max(1, -(-rows.height // _SPREAD_BUCKETS))
    spread = pl.col("spread_bps")
    buckets = (
        rows.with_row_index("row")
        .group_by(pl.col("row") // size, maintain_order=True)
        .agg(
            pl.col("ts_ns").first(),
            spread.median().alias("middle"),
            spread.quantile(0.05).alias("low"),
            spread.quantile(0.95).alias("high"),
        )
        .drop_nulls()
    )
    ts_ms = milliseconds(buckets["ts_ns"].to_numpy())
    red, green, blue = bytes.fromhex(colour[1:])
    for column, fill in (("low", None), ("high", "tonexty")):
        figure.add_scatter(
            x=ts_ms,
            y=buckets[column].to_numpy(),
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor=f"rgba({red},{green},{blue},0.14)",
            hoverinfo="skip",
            legendgroup=name,
            showlegend=False,
        )
    figure.add_scatter(
        x=ts_ms,
        y=buckets["middle"].to_numpy(),
        name=f"{name} spread",
        mode="lines",
        line={"color": colour, "width": 1.6},
        legendgroup=name,
    )


def inventory_figure(result: Result) -> go.Figure:
    """Draw every stream's position, and their sum where all are one asset."""
    figure = go.Figure()
    _add_lines(figure, result, result.instruments, "position", "position", "hv")
    if len(result.instruments) > 1 and len(by_asset(result.instruments)) == 1:
        total = result.equity.group_by("ts_ns", maintain_order=True).agg(pl.col("position").sum())
        values = total["position"].to_numpy()
        rows = decimate(values)
        figure.add_scatter(
            x=milliseconds(total["ts_ns"].to_numpy())[rows],
            y=values[rows],
            name="All venues",
            mode="lines",
            line={"color": "#1b2433", "width": 2, "shape": "hv"},
        )
    return over_time(dress(figure, y_title="position", height=280), result)


def _add_lines(
    figure: go.Figure,
    result: Result,
    streams: Sequence[Instrument],
    column: str,
    what: str,
    shape: str = "linear",
) -> None:
    colours = venue_colours(result.instruments)
    for instrument in streams:
        own = stream_rows(result.equity, instrument.venue, instrument.symbol)
        values = own[column].cast(pl.Float64).to_numpy()
        rows = decimate(values)
        figure.add_scatter(
            x=milliseconds(own["ts_ns"].to_numpy())[rows],
            y=values[rows],
            name=f"{label(instrument.name)} {what}",
            mode="lines",
            line={"color": colours[instrument.name], "width": 1.4, "shape": shape},
        )


def _add_fills(figure: go.Figure, fills: pl.DataFrame, name: str, colour: str, symbol: str) -> None:
    streams = np.array(
        [label(f"{venue}:{symbol}") for venue, symbol in fills.select("venue", "symbol").rows()]
    )
    figure.add_scatter(
        x=milliseconds(fills["ts_ns"].to_numpy()),
        y=fills["price"].to_numpy(),
        name=name,
        mode="markers",
        marker={
            "color": colour,
            "symbol": symbol,
            "size": 8,
            "line": {"width": 1, "color": colour},
        },
        opacity=0.8,
        text=streams,
        customdata=np.stack(
            [
                fills["quantity"].to_numpy(),
                fills["slippage_bps"].cast(pl.Float64).to_numpy(),
                fills["order_id"].to_numpy().astype(np.float64),
            ],
            axis=1,
        ),
        hovertemplate=(
            "<b>%{text}</b> order %{customdata[2]:.0f}<br>%{x|%H:%M:%S.%L}<br>"
            "%{customdata[0]:,.8~g} @ %{y}<br>slippage %{customdata[1]:.2f} bps"
        ),
    )
