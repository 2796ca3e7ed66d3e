"""Figures of drift."""

from __future__ import annotations

from typing import Final

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from research.drift.baseline import Baseline
from research.drift.calibration import PROMISED
from research.drift.serial import error_of_mean

_INK: Final = "#2f55d4"
_LEVEL: Final = "#93a1b5"
_ALARM: Final = "#e02d4f"
_BLOCKS: Final = 40
_FEWEST: Final = 20
_PANELS: Final = (
    ("qlike", "QLIKE", "loss of forecasts"),
    ("ratio", "Outcome / forecast", "above 1: more volatility than forecast"),
    ("coverage", "Coverage of the 90 % interval", ""),
)


def over_time(rows: pl.DataFrame, blocks: int = _BLOCKS) -> pl.DataFrame:
    """Average forecasts' errors over stretches of as many bars each, with standard errors.

    Parameters
    ----------
    rows
        As `research.drift.forecast_errors` gives them.
    blocks
        Most stretches; fewer where one would have less than 20 bars.

    Returns
    -------
    pl.DataFrame
        ``ts_ns`` (end of the stretch), ``n``, ``qlike``, ``ratio``, ``coverage`` and an
        ``_error`` of each.
    """
    size = max(-(-rows.height // blocks), _FEWEST)
    values = rows.with_columns(coverage=pl.col("is_within").cast(pl.Float64))
    made = []
    for start in range(0, rows.height, size):
        part = values.slice(start, size)
        made.append(
            {"ts_ns": part["ts_ns"][-1], "n": part.height}
            | {name: part[name].mean() for name, *_ in _PANELS}
            | {f"{name}_error": error_of_mean(part[name].to_numpy()) for name, *_ in _PANELS}
        )
    return pl.DataFrame(made).fill_nan(None)


def calibration_figure(blocks: pl.DataFrame, then: Baseline | None) -> go.Figure:
    """Draw loss, bias and coverage over time against what they were in validation.

    Parameters
    ----------
    blocks
        As `over_time` gives them.
    """
    figure = make_subplots(
        rows=len(_PANELS),
        cols=1,
        shared_xaxes=True,
        vertical_spacing=0.07,
        subplot_titles=[f"{title}{', ' if note else ''}{note}" for _, title, note in _PANELS],
    )
    levels = {"ratio": 1.0, "coverage": PROMISED}
    if then is not None:
        levels |= {"qlike": then.qlike.mean, "ratio": then.ratio.mean}
    at_ms = (blocks["ts_ns"] / 1e6).to_list()
    for row, (name, title, _) in enumerate(_PANELS, start=1):
        figure.add_scatter(
            x=at_ms,
            y=blocks[name].to_list(),
            error_y={
                "array": (2 * blocks[f"{name}_error"].fill_null(0.0)).to_list(),
                "thickness": 1,
                "width": 0,
                "color": _LEVEL,
            },
            mode="lines+markers",
            line={"color": _INK, "width": 2},
            showlegend=False,
            customdata=blocks["n"].to_list(),
            hovertemplate=title + " %{y:.3f}, %{customdata:,} bars<extra></extra>",
            row=row,
            col=1,
        )
        if name in levels:
            dashed = {"color": _LEVEL, "dash": "dash", "width": 1.5}
            figure.add_hline(y=levels[name], line=dashed, row=row, col=1)
    figure.update_xaxes(type="date")
    return figure


def population_figure(findings: pl.DataFrame) -> go.Figure:
    """Draw each feature's population stability index against its limit.

    Parameters
    ----------
    findings
        Rows of `DRIFT_SCHEMA` whose test is ``population``.
    """
    shown = findings.sort("effect", nulls_last=False)
    figure = go.Figure()
    figure.add_bar(
        x=shown["effect"].to_list(),
        y=shown["of"].to_list(),
        orientation="h",
        marker={"color": [_colour(*row) for row in shown.select("p", "is_drift").rows()]},
        customdata=shown["p_adjusted"].to_list(),
        hovertemplate="%{y}: index %{x:.3f}, adjusted p %{customdata:.3g}<extra></extra>",
    )
    if shown.height:
        figure.add_vline(x=shown["limit"][0], line={"color": _ALARM, "dash": "dash", "width": 1})
    figure.update_xaxes(title="population stability index", rangemode="tozero")
    return figure


def _colour(p: float | None, is_drift: bool) -> str:
    return _ALARM if is_drift else _LEVEL if p is None else _INK


def costs_figure(orders: pl.DataFrame, blocks: int = _BLOCKS) -> go.Figure:
    """Draw realised and expected cost over time, by notional over stretches of as many orders.

    Parameters
    ----------
    orders
        Of `research.drift.CostDrift`.
    """
    size = max(-(-orders.height // blocks), _FEWEST)
    weight = pl.col("notional")
    made = (
        orders.sort("decided_ns")
        .with_row_index("row")
        .group_by(pl.col("row") // size, maintain_order=True)
        .agg(
            pl.col("decided_ns").last(),
            *(
                ((pl.col(name) * weight).sum() / weight.sum()).alias(name)
                for name in ("realised_bps", "expected_bps")
            ),
        )
    )
    figure = go.Figure()
    for name, colour in (("realised_bps", _INK), ("expected_bps", _LEVEL)):
        figure.add_scatter(
            x=(made["decided_ns"] / 1e6).to_list(),
            y=made[name].to_list(),
            name=name.removesuffix("_bps"),
            mode="lines+markers" if name == "realised_bps" else "lines",
            line={"color": colour, "width": 2, "dash": None if colour == _INK else "dash"},
            hovertemplate="%{y:.3f} bps",
        )
    figure.update_xaxes(type="date")
    return figure
