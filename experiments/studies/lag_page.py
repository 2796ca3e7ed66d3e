"""The page of `crossbook lag`: profit, captures and basis gap by lag, as one HTML file."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go
import polars as pl
from plotly.subplots import make_subplots

from experiments.report.figures.gap import gap_figure
from experiments.report.figures.style import BUY, GROSS, NET, SELL, dress
from experiments.report.html import Tile, render_page, write_page
from experiments.report.sections import Section
from experiments.report.tables import frame_table
from experiments.report.text import money, number
from experiments.studies.lag import DIRECT, Lagged

_PARTS = (
    ("by_captures", "captures", BUY),
    ("by_legging", "legging", SELL),
    ("by_rest", "rest", GROSS),
)


def write_lag_page(lagged: Lagged, path: Path) -> Path:
    """Write the page to `path`, making its folder.

    Raises
    ------
    CrossbookError
        Where the file cannot be written.
    """
    title = f"{lagged.title}: what the store's {lagged.direction} lag costs"
    page = render_page("lag.html", title, _tiles(lagged), _sections(lagged), lagged=lagged)
    return write_page(page, path)


def lag_figure(lagged: Lagged) -> go.Figure:
    """Draw captures by lag, and where the difference in profit to the direct view comes from."""
    stored = lagged.table.filter(view="store")
    direct = lagged.table.filter(view=DIRECT).row(0, named=True)
    names = [f"{lag:g} ms" for lag in stored["lag_ms"]]
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.1,
        subplot_titles=["Crosses captured", "Profit less the direct view's"],
    )
    figure.add_bar(
        x=[DIRECT, *names],
        y=[direct["captured"], *stored["captured"]],
        marker={"color": [GROSS, *[NET] * len(names)]},
        showlegend=False,
        hovertemplate="%{x}: %{y:,} captured<extra></extra>",
        row=1,
        col=1,
    )
    for column, name, colour in _PARTS:
        figure.add_bar(
            x=names,
            y=stored[column],
            name=name,
            marker={"color": colour},
            hovertemplate=f"{name} at %{{x}}: %{{y:,.2f}}<extra></extra>",
            row=1,
            col=2,
        )
    figure.add_scatter(
        x=names,
        y=stored["to_direct"],
        name="in all",
        mode="markers",
        marker={"color": "#1b2433", "size": 9, "symbol": "diamond"},
        row=1,
        col=2,
    )
    figure.update_layout(barmode="relative")
    dress(figure, y_title="", height=380)
    return figure.update_layout(legend={"y": 1.12}, margin={"t": 76})


def _tiles(lagged: Lagged) -> list[Tile]:
    direct = lagged.table.filter(view=DIRECT).row(0, named=True)
    worst = lagged.table.filter(view="store").sort("lag_ms").row(-1, named=True)
    return [
        Tile(
            label="Direct view",
            value=money(direct["pnl"]),
            note=f"{direct['currency']}, {number(direct['captured'])} crosses captured",
        ),
        Tile(
            label=f"Store, {worst['lag_ms']:g} ms",
            value=money(worst["pnl"]),
            note=f"{number(worst['captured'])} crosses captured",
        ),
        Tile(
            label="The lag costs",
            value=money(-worst["to_direct"]),
            note=f"{direct['currency']} at {worst['lag_ms']:g} ms",
        ),
    ]


def _sections(lagged: Lagged) -> list[Section]:
    hidden = ["currency", "is_direct", "journal_hash"]
    shown = lagged.table.drop(hidden).with_columns(pl.col("lag_ms").cast(pl.Float64))
    return [
        Section(
            anchor="profit",
            title="Captures and profit",
            text="A cross is captured where both legs got something. The difference to the direct "
            "view adds up from what pairs captured, what single legs lost, and the rest: "
            "positions marked to mid, carry, other orders.",
            figures=(lag_figure(lagged),),
        ),
        Section(
            anchor="gap",
            title="Basis gap",
            text="At each request with a price: the mid the strategy knew against the venue's, "
            "and how long ago the last message it knew of had happened.",
            figures=(gap_figure(lagged.decisions),),
        ),
        Section(anchor="table", title="Runs", tables=(frame_table(shown),)),
    ]
