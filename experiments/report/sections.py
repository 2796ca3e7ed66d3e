"""Which sections a report has, in reading order."""

from __future__ import annotations

from dataclasses import dataclass

import plotly.graph_objects as go

from experiments.report import tables
from experiments.report.content import ReportContent
from experiments.report.figures import (
    attribution_figure,
    by_asset,
    currencies,
    drawdown_figure,
    equity_figure,
    exposure_figure,
    gap_figure,
    inventory_figure,
    markout_figure,
    price_figure,
    queue_figure,
    slippage_figure,
    spread_figure,
    turnover_figure,
    vary_equity_figure,
    vary_figure,
)
from experiments.report.figures.style import dress
from experiments.report.measures import attribution_table, performance_table
from experiments.report.tables import HtmlTable
from framework.engine.result import Result
from research.attribution import attribute
from research.basis_gap import decisions, gap_quantiles
from research.crossed.plots import episodes_per_day_figure


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One card of the page: a heading, what it says, and figures and tables below.

    Parameters
    ----------
    anchor, title
        Where the page's menu leads, and the heading.
    text
        One line below the heading.
    wide
        False where two such cards fit side by side.
    source
        Text to fold away at the end, such as the spec.
    """

    anchor: str
    title: str
    text: str = ""
    figures: tuple[go.Figure, ...] = ()
    tables: tuple[HtmlTable, ...] = ()
    wide: bool = True
    source: str = ""


def sections(content: ReportContent) -> list[Section]:
    """List the report's sections; those without anything to show are left out."""
    return [
        *_varied(content),
        *_performance(content),
        *_episodes(content),
        *_execution(content),
        *_decided(content.result),
        *_details(content),
    ]


def _varied(content: ReportContent) -> list[Section]:
    if not content.variants:
        return []
    shown = content.variants[0]
    paths = " and ".join(shown.values)
    return [
        Section(
            anchor="variants",
            title=f"What if: {paths}",
            text=f"The same spec at {len(content.variants)} values. "
            f"Everything below this card is the run at {paths} = {shown.name}.",
            figures=(vary_figure(content.variants), vary_equity_figure(content.variants)),
            tables=(tables.variants_table(content),),
        )
    ]


def _performance(content: ReportContent) -> list[Section]:
    result = content.result
    equity = Section(
        anchor="equity",
        title="Equity and drawdown",
        text="Cash plus position marked to mid, before and after fees. "
        "Click a venue in the legend to see its own share.",
        figures=tuple(
            draw(result, currency)
            for currency in currencies(result)
            for draw in (equity_figure, drawdown_figure)
        ),
    )
    prices: list[Section] = []
    for asset, streams in by_asset(result.instruments).items():
        figure, notice = price_figure(result, streams)
        text = "Hollow triangles are passive fills, solid ones took liquidity."
        prices.append(
            Section(
                anchor=f"price-{len(prices)}",
                title=f"{asset}: price and fills",
                text=f"{text} {notice}.".replace(" .", "") if notice else text,
                figures=(figure,),
            )
        )
    spread = Section(
        anchor="spread",
        title="Spread",
        text="Best ask less best bid, in basis points of the mid.",
        figures=(spread_figure(result),),
    )
    return [equity, *_attributed(content), _measured(result), *prices, *_held(result), spread]


def _measured(result: Result) -> Section:
    return Section(
        anchor="performance",
        title="Performance",
        text="Ratios count a calendar year; the intervals say what another history of the same "
        "kind might have given.",
        tables=tuple(performance_table(result, currency) for currency in currencies(result)),
    )


def _attributed(content: ReportContent) -> list[Section]:
    if content.costs is None:
        return []
    found = attribute(content.result, content.costs)
    names = currencies(content.result)
    return [
        Section(
            anchor="attribution",
            title="Where the profit came from",
            text=f"Spread: fill against the mid it met. Adverse selection: what the mid did in the "
            f"{found.horizon} after. Inventory: what it did after that. The parts add up to net "
            "profit to the last tick, or this page would not have been written.",
            figures=tuple(attribution_figure(found.money, currency) for currency in names),
            tables=tuple(attribution_table(found, currency) for currency in names),
        )
    ]


def _held(result: Result) -> list[Section]:
    names = currencies(result)
    return [
        Section(
            anchor="inventory",
            title="Inventory",
            text="Position by venue.",
            figures=(inventory_figure(result),),
        ),
        Section(
            anchor="exposure",
            title="Exposure",
            text="Worth of the positions.",
            figures=tuple(exposure_figure(result, currency) for currency in names),
            wide=False,
        ),
        Section(
            anchor="turnover",
            title="Turnover",
            text="Worth of all fills so far.",
            figures=tuple(turnover_figure(result, currency) for currency in names),
            wide=False,
        ),
    ]


def _episodes(content: ReportContent) -> list[Section]:
    if content.episodes is None:
        return []
    figure = episodes_per_day_figure(content.episodes).update_layout(title=None)
    return [
        Section(
            anchor="episodes",
            title="Crossed episodes",
            text="Spells in which one venue's bid stood above the other's ask, per day.",
            figures=(dress(figure, y_title="episodes", height=260),),
            tables=(tables.frame_table(content.episodes),),
        )
    ]


def _execution(content: ReportContent) -> list[Section]:
    figure, notice = slippage_figure(content.result)
    text = "Fill price against the venue's mid when the order arrived."
    ahead, front = queue_figure(content.result)
    markouts = (markout_figure(content.costs),) if content.costs is not None else ()
    return [
        *(
            Section(
                anchor="markouts",
                title="Markouts",
                text="Mid some time after the fill against its price, weighted by worth, with "
                "95 % bars.",
                figures=(figure,),
                wide=False,
            )
            for figure in markouts
        ),
        Section(
            anchor="queue",
            title="Queue at fill",
            text=front[:1].upper() + front[1:] + ".",
            figures=(ahead,),
            wide=not markouts,
        ),
        Section(
            anchor="slippage",
            title="Slippage and fees",
            text=f"{text} {notice[:1].upper()}{notice[1:]}." if notice else text,
            figures=(figure,),
            tables=(tables.costs_table(content.result),),
        ),
        Section(
            anchor="fills",
            title="Fills",
            tables=(tables.fills_rows(content.result, content.max_fills),),
        ),
    ]


def _decided(result: Result) -> list[Section]:
    made = decisions(result)
    if made.is_empty():
        return []
    return [
        Section(
            anchor="gap",
            title="Basis gap",
            text="What requests were decided on: the mid the strategy knew against the venue's at "
            "that instant, and how long ago the last message it knew of had happened.",
            figures=(gap_figure({result.strategy: made}),),
            tables=(tables.pairs_table(gap_quantiles(made), ("quantile", "value")),),
        )
    ]


def _details(content: ReportContent) -> list[Section]:
    result = content.result
    head = ("name", "value")
    return [
        Section(
            anchor="parameters",
            title="Parameters",
            text=result.strategy,
            tables=(tables.pairs_table(result.parameters, head),),
            wide=False,
        ),
        Section(
            anchor="counters",
            title="Counters",
            text="What the engine counted on the way.",
            tables=(tables.pairs_table(result.counters, ("counter", "count")),),
            wide=False,
        ),
        Section(
            anchor="instruments",
            title="Instruments and units",
            tables=(tables.instruments_table(result.instruments),),
        ),
        Section(
            anchor="provenance",
            title="Data and provenance",
            text="What it takes to get the same bytes again.",
            tables=(
                tables.data_table(content),
                tables.pairs_table(dict(content.provenance), ("what", "value")),
            ),
            source=content.spec_text,
        ),
    ]
