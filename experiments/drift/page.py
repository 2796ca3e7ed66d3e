"""The page of `crossbook drift`: findings, and forecasts, features and costs over time."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from experiments.drift.drifted import Drifted
from experiments.drift.orders import WatchedCosts
from experiments.drift.watched import WatchedModel
from experiments.report.figures.style import dress
from experiments.report.html import Tile, render_page, write_page
from experiments.report.sections import Section
from experiments.report.tables import frame_table, pairs_table
from experiments.report.text import number
from framework.core.clock import format_ns
from research.drift.plots import calibration_figure, costs_figure, over_time, population_figure


def write_drift_page(found: Drifted, path: Path) -> Path:
    """Write the page to `path`, making its folder.

    Raises
    ------
    CrossbookError
        Where the file cannot be written.
    """
    page = render_page("base.html", f"{found.title}: drift", _tiles(found), _sections(found))
    return write_page(page, path)


def shown_table(found: Drifted) -> pl.DataFrame:
    """Give the tests as people read them: numbers rounded, the verdict as a word."""
    return found.table.with_columns(
        pl.col(pl.Float64).round_sig_figs(4),
        verdict=pl.when("is_drift").then(pl.lit("drift")).otherwise(pl.lit("")),
    ).drop("is_drift")


def _tiles(found: Drifted) -> list[Tile]:
    count = found.findings.height
    tiles = [
        Tile(
            label="Findings",
            value=number(count),
            note=f"of {found.table.height} tests, p < {found.limits.p:g} after correction",
            tone="bad" if count else "good",
        )
    ]
    for test, label in (("qlike", "QLIKE"), ("bias", "Outcome / forecast"), ("coverage", "Covers")):
        for row in found.table.filter(test=test).iter_rows(named=True):
            tone = "bad" if row["is_drift"] else ""
            note = f"{row['of']}, was {number(row['was'], 3)}"
            tiles.append(Tile(label=label, value=number(row["now"], 3), note=note, tone=tone))
    moved = found.table.filter(test="population")
    if moved.height:
        beyond = int(moved["is_drift"].sum())
        tiles.append(
            Tile(
                label="Features moved",
                value=number(beyond),
                note=f"of {moved.height}",
                tone="bad" if beyond else "",
            )
        )
    for row in found.table.filter(test="cost").iter_rows(named=True):
        note = f"bps, expected {number(row['was'], 3)}"
        tone = "bad" if row["is_drift"] else ""
        tiles.append(Tile(label=row["of"], value=number(row["now"], 3), note=note, tone=tone))
    return tiles


def _sections(found: Drifted) -> list[Section]:
    told = (
        "What is beyond its limit and not chance either, all tests taken together. For features, "
        "was and now are medians and the effect is the population stability index."
    )
    table = frame_table(shown_table(found))
    parts = [Section(anchor="findings", title="Tests", text=told, tables=(table,))]
    for model in found.models:
        parts += _model_sections(found, model)
    if found.costs is not None:
        parts += _cost_sections(found.costs)
    return [*parts, _provenance(found)]


def _model_sections(found: Drifted, model: WatchedModel) -> list[Section]:
    forecasts = calibration_figure(over_time(model.errors), model.baseline)
    sections = [
        Section(
            anchor=f"forecasts-{model.of}",
            title=f"{model.of.capitalize()} over time",
            text="Bars are two standard errors, dashed what validation showed, and for the "
            "interval what it promises.",
            figures=(dress(forecasts, y_title="", height=620),),
        )
    ]
    moved = found.table.filter(test="population")
    if model.features is not None and moved.height:
        features = population_figure(moved)
        sections.append(
            Section(
                anchor="features",
                title="Features against the training sample",
                text="Population stability index; red is beyond the limit and not chance, grey "
                "wanders too slowly for the training sample to say what is usual.",
                figures=(dress(features, y_title="", height=120 + 22 * moved.height),),
            )
        )
    return sections


def _cost_sections(costs: WatchedCosts) -> list[Section]:
    if costs.found.orders.is_empty():
        return []
    figure = dress(costs_figure(costs.found.orders), y_title="cost, bps")
    return [
        Section(
            anchor="costs",
            title="Realised and expected cost",
            text="Price paid against the mid at arrival plus fees, by notional, over stretches of "
            "as many orders.",
            figures=(figure,),
        )
    ]


def _provenance(found: Drifted) -> Section:
    told: dict[str, object] = {}
    for model in found.models:
        told |= _told(model)
    if (costs := found.costs) is not None:
        told |= {
            "orders": f"{costs.found.orders.height:,} of {costs.key[:12]}",
            "nothing alike": f"{costs.found.unmatched:,} orders",
            "expected from": f"{costs.table} v{costs.version}",
        }
    told |= {
        "limits": ", ".join(
            f"{name} {getattr(found.limits, name):g}"
            for name in ("p", "qlike", "bias", "coverage", "psi", "cost_bps")
        )
    }
    return Section(
        anchor="provenance", title="Data", tables=(pairs_table(told, ("what", "value")),)
    )


def _told(model: WatchedModel) -> dict[str, object]:
    ends = [format_ns(model.errors["ts_ns"][row])[:19] for row in (0, -1)]
    told: dict[str, object] = {
        model.of: f"{model.name} version {model.version}"
        if model.version
        else f"{model.name}, not registered: no validation known"
    }
    if (then := model.baseline) is not None:
        told |= {
            f"{model.of}: learnt from": f"{then.rows:,} bars until {format_ns(then.until_ns)[:19]}",
            f"{model.of}: validation": f"{then.tested:,} forecasts, the interval covered "
            f"{then.coverage:.1%}",
        }
    return told | {
        f"{model.of}: tested": f"{model.errors.height:,} forecasts, {ends[0]} to {ends[1]}",
        f"{model.of}: data": ", ".join(f"{item.table} v{item.version}" for item in model.data),
    }
