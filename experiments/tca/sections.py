"""What a report of costs shows, in reading order."""

from __future__ import annotations

from typing import Final

import polars as pl

from experiments.report.figures.style import dress
from experiments.report.sections import Section
from experiments.report.tables import HtmlTable, frame_table, pairs_table
from experiments.tca.opening import Analysed
from framework.core.clock import format_ns
from research.tca.plots import bar_figure, markout_figure, parts_figure, regime_figure

_BY: Final = (
    ("order_type", "Order type"),
    ("size_bucket", "Size"),
    ("hour", "Time of day"),
)
WORST: Final = 25


def cost_sections(analysed: Analysed) -> list[Section]:
    """List the sections of a report of costs."""
    return [
        *_markouts(analysed),
        *_shortfall(analysed),
        _regimes(analysed),
        *(_by(analysed, dimension, title) for dimension, title in _BY),
        _worst(analysed),
        *_market(analysed),
        _provenance(analysed),
    ]


def _markouts(analysed: Analysed) -> list[Section]:
    found = analysed.found
    told = "What the mid had gained on the price by then; below 0 the market moved against us."
    curves = [("liquidity", "Markouts: maker and taker")]
    if found.fills["venue"].n_unique() > 1:
        curves.append(("venue", "Markouts by venue"))
    return [
        Section(
            anchor=f"markouts-{dimension}",
            title=title,
            text=f"{told} Bars are two standard errors.",
            figures=(
                dress(markout_figure(found.markouts(dimension), dimension), y_title="markout, bps"),
            ),
            wide=len(curves) == 1,
        )
        for dimension, title in curves
    ]


def _shortfall(analysed: Analysed) -> list[Section]:
    costs = analysed.found.orders_by("strategy", "order_type", "liquidity").with_columns(
        group=pl.concat_str(
            "order_type", pl.col("liquidity").fill_null("never filled"), separator=", "
        )
    )
    figure = parts_figure(costs, "group")
    return [
        Section(
            anchor="shortfall",
            title="Implementation shortfall",
            text="What orders lost against a paper portfolio that had traded at the mid of the "
            "decision: until arrival, in executing, by what was not filled, and fees.",
            figures=(dress(figure, y_title="bps of the order's notional"),),
            tables=(_table(costs.drop("group")),),
        )
    ]


def _regimes(analysed: Analysed) -> Section:
    costs = analysed.found.fills_by("venue", "symbol", "regime")
    height = 140 + 40 * costs.select("venue", "symbol").n_unique()
    return Section(
        anchor="regimes",
        title="Slippage by volatility regime",
        text="Execution price against the mid at arrival, in bps; a regime is the tercile of the "
        "volatility of the minute before, unless a table of regimes was given.",
        figures=(dress(regime_figure(costs), y_title="", height=height),),
        tables=(_table(costs),),
    )


def _by(analysed: Analysed, dimension: str, title: str) -> Section:
    costs = analysed.found.fills_by(dimension)
    return Section(
        anchor=dimension.replace("_", "-"),
        title=f"Slippage by {title.lower()}",
        figures=(dress(bar_figure(costs, dimension), y_title="slippage, bps", height=240),),
        tables=(_table(costs),),
        wide=False,
    )


def _worst(analysed: Analysed) -> Section:
    worst = analysed.found.worst(WORST)
    told = worst.with_columns(
        pl.col("ts_ns").map_elements(format_ns, return_dtype=pl.String).alias("time, UTC"),
        pl.when(pl.col("side") > 0).then(pl.lit("buy")).otherwise(pl.lit("sell")).alias("side"),
    ).select("time, UTC", pl.exclude("time, UTC", "ts_ns"))
    text = "Fills that lost most against the mid at arrival, in money."
    if analysed.explain and worst.height:
        text += f" Why: {analysed.explain}{worst['order_id'][0]}"
    return Section(anchor="worst", title="Worst fills", text=text, tables=(_table(told),))


def _market(analysed: Analysed) -> list[Section]:
    if analysed.quality.is_empty():
        return []
    return [
        Section(
            anchor="market",
            title="The market traded in",
            text="Spreads, Kyle's lambda per average trade, and how often the tick rule and Lee "
            "and Ready tell the known aggressor right.",
            tables=(_table(analysed.quality),),
        )
    ]


def _provenance(analysed: Analysed) -> Section:
    found = analysed.found
    told: dict[str, object] = {
        "source": found.trading.source,
        "key": found.trading.key,
        "quotes": found.market,
        **found.counts(),
    }
    return Section(
        anchor="provenance",
        title="Data and checks",
        text="On every row: effective = realised + impact at each horizon; delay + execution + "
        "opportunity = paper less real; executions add up to what their order says was filled. "
        "In whole half ticks and lots.",
        tables=(pairs_table(told, ("what", "value")),),
    )


def _table(frame: pl.DataFrame) -> HtmlTable:
    rounded = frame.with_columns(pl.col(pl.Float64).round_sig_figs(5))
    table = frame_table(rounded)
    return table
