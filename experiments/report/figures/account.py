"""What the account held, traded and lost from its peak, over time."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import polars as pl

from experiments.report.decimate import decimate
from experiments.report.figures.style import (
    GROSS,
    INK,
    NET,
    SELL,
    dress,
    label,
    milliseconds,
    over_time,
    venue_colours,
)
from framework.core.events import F64Array, I64Array
from framework.engine.result import Result
from research.performance import account, drawdown, exposure


def drawdown_figure(result: Result, currency: str) -> go.Figure:
    """Draw how far net profit stood below its highest point so far."""
    total = account(result, currency)
    fall = -drawdown(total["net_pnl"].fill_null(0.0).to_numpy())
    figure = go.Figure()
    _line(figure, total["ts_ns"].to_numpy(), fall, "Drawdown", SELL, fill="tozeroy")
    figure.data[0].fillcolor = "rgba(224,45,79,0.10)"
    figure.update_layout(showlegend=False)
    return over_time(dress(figure, y_title=_in("drawdown", currency), height=190), result)


def exposure_figure(result: Result, currency: str) -> go.Figure:
    """Draw the worth of positions, summed up and netted across the venues of an asset."""
    held = exposure(result, currency)
    figure = go.Figure()
    ts_ns = held["ts_ns"].to_numpy()
    _line(figure, ts_ns, held["gross"].to_numpy(), "Gross", GROSS)
    _line(figure, ts_ns, held["net"].to_numpy(), "Net of venues", NET)
    return over_time(dress(figure, y_title=_in("exposure", currency), height=280), result)


def turnover_figure(result: Result, currency: str) -> go.Figure:
    """Draw what had been traded by each instant, in all and by stream."""
    figure = go.Figure()
    colours = venue_colours(result.instruments)
    traded = with_notional(result).filter(pl.col("currency") == currency)
    for item in result.instruments:
        own = traded.filter((pl.col("venue") == item.venue) & (pl.col("symbol") == item.symbol))
        if own.height:
            ts_ns, sums = own["ts_ns"].to_numpy(), own["notional"].cum_sum().to_numpy()
            _line(figure, ts_ns, sums, label(item.name), colours[item.name], shape="hv")
    if len(figure.data) > 1:
        sums = traded["notional"].cum_sum().to_numpy()
        _line(figure, traded["ts_ns"].to_numpy(), sums, "All venues", INK, shape="hv")
    return over_time(dress(figure, y_title=_in("traded", currency), height=280), result)


def with_notional(result: Result) -> pl.DataFrame:
    """Add what each fill was worth, ``notional`` in ``currency``, to the table of fills."""
    sizes = pl.DataFrame(
        {
            "venue": [i.venue for i in result.instruments],
            "symbol": [i.symbol for i in result.instruments],
            "contract_size": [float(i.contract_size) for i in result.instruments],
            "inverse": [i.inverse for i in result.instruments],
            "currency": [i.currency for i in result.instruments],
        }
    )
    contracts = pl.col("quantity") * pl.col("contract_size")
    worth = pl.when("inverse").then(contracts / pl.col("price"))
    return (
        result.fills.join(sizes, on=["venue", "symbol"], maintain_order="left")
        .with_columns(worth.otherwise(contracts * pl.col("price")).alias("notional"))
        .drop("contract_size", "inverse")
    )


def _line(
    figure: go.Figure,
    ts_ns: I64Array,
    values: F64Array,
    name: str,
    colour: str,
    *,
    shape: str = "linear",
    fill: str | None = None,
) -> None:
    rows = decimate(np.asarray(values, np.float64))
    figure.add_scatter(
        x=milliseconds(ts_ns)[rows],
        y=values[rows],
        name=name,
        mode="lines",
        line={"color": colour, "width": 1.6, "shape": shape},
        fill=fill,
    )


def _in(what: str, currency: str) -> str:
    return f"{what}, {currency}" if currency else what
