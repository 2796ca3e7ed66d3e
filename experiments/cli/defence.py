"""``crossbook defence``: what a defence spares on markets whose truth is known."""

from __future__ import annotations

from typing import NoReturn

import click

from experiments.cli.output import Output, output_option
from experiments.models.learning import makers
from experiments.studies.defence import VOLATILITY_TICKS, compare_twins
from experiments.studies.forewarned import (
    FORECAST_VOLATILITY_TICKS,
    HEAT_VARIANCE,
    MINUTES,
    UNGUARDED,
    MarketSettings,
    compare_forecasts,
)
from framework.core.clock import duration_ns
from research.volatility.models import KINDS


@click.command()
@click.option("--seeds", type=click.IntRange(2, 1_000), default=30, show_default=True)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Span of each market [3, with --forecast 15].",
)
@click.option(
    "--volatility",
    type=click.FloatRange(min=0, min_open=True),
    default=None,
    help="Ticks over a second, at the median [1.5, with --forecast 1]; a planted market has 0.6.",
)
@click.option(
    "--forecast",
    default=None,
    metavar="MODEL",
    help="Guard the quotes by this model's forecasts instead: " + ", ".join(KINDS) + ".",
)
@click.option(
    "--learn",
    type=click.IntRange(min=2),
    default=12,
    show_default=True,
    help="Markets that a forecast learns from.",
)
@click.option(
    "--tune",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Further ones that its guard and the twin without are chosen on.",
)
@click.option(
    "--heat",
    type=click.FloatRange(min=0),
    default=HEAT_VARIANCE,
    show_default=True,
    help="By how much news heat variance in markets with --forecast; 0: not at all.",
)
@click.option(
    "--latency", default="20ms", show_default=True, help="What a model takes for a forecast."
)
@output_option
def defence(
    output: Output,
    seeds: int,
    minutes: float | None,
    volatility: float | None,
    forecast: str | None,
    learn: int,
    tune: int,
    heat: float,
    latency: str,
) -> None:
    """Quote the midpoint with and without a defence on planted markets.

    Prints the spread each twin captured and what it lost to informed traders, and the difference of
    loss per unit captured with its interval over the markets. The defence is the defensive overlay,
    or, with --forecast, a guard by forecasts of volatility; its twin is set to capture as much.
    """
    if forecast is not None:
        makers((forecast,), 0)
        settings = MarketSettings(
            minutes=minutes or MINUTES,
            volatility_ticks=volatility or FORECAST_VOLATILITY_TICKS,
            heat_variance=heat,
            latency_ns=duration_ns(latency),
        )
        _forewarned(output, seeds, forecast, learn, tune, settings)
    minutes = minutes or 3.0
    found = compare_twins(
        seeds,
        minutes,
        volatility_ticks=volatility or VOLATILITY_TICKS,
        on_market=lambda done: output.note(f"market {done} of {seeds}"),
    )
    sums = found.markets.group_by("twin", maintain_order=True).sum().drop("seed")
    output.table("Midpoint quoting on planted markets", sums.columns, sums.rows())
    output.text(
        f"lost to informed flow per unit captured: {found.plain:.4f} undefended, "
        f"{found.defended:.4f} defended; difference {found.low:.4f} to {found.high:.4f} (95 %, "
        f"{seeds} markets)"
    )
    output.finish(
        {
            "plain": found.plain,
            "defended": found.defended,
            "difference": {"low": found.low, "high": found.high},
            "markets": found.markets.to_dicts(),
        }
    )


def _forewarned(
    output: Output, seeds: int, kind: str, learn: int, tune: int, settings: MarketSettings
) -> NoReturn:
    found = compare_forecasts(
        seeds,
        kind=kind,
        learn=learn,
        tune=tune,
        settings=settings,
        on_market=lambda what, done: output.note(f"{what} {done} markets"),
    )
    sums = found.sums().drop("informed_lots")
    output.table("Midpoint quoting guarded by forecasts", sums.columns, sums.rows())
    for name, guard in found.guards.items():
        said = ", ".join(f"{key} {value:g}" for key, value in guard.items())
        output.text(f"{name}: {said}; 90 % interval covered {100 * found.coverage[name]:.1f} %")
    output.text(f"{UNGUARDED}: half_spread_ticks {found.half_spread_ticks:g}")
    for one, (low, high) in found.intervals.items():
        output.text(
            f"adverse selection per captured, {one} less {kind}: {low:.4f} to {high:.4f} "
            f"(95 %); less with {kind} in {found.won(kind, one)} of {seeds} markets"
        )
    output.finish(
        {
            "twins": sums.to_dicts(),
            "guards": found.guards,
            "half_spread_ticks": found.half_spread_ticks,
            "intervals": {one: list(interval) for one, interval in found.intervals.items()},
            "coverage": found.coverage,
            "markets": found.markets.to_dicts(),
        }
    )
