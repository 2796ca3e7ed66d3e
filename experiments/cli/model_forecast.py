"""``crossbook model forecast``: a registered model's forecasts of a stream, for backtests."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.output import Output, lake_options, output_option
from experiments.models import FORECASTS, Forecasts, ModelRegistry, forecast_registered
from framework.catalog import load_catalog
from framework.core.clock import NS_PER_MS, NS_PER_S, duration_ns, format_ns
from framework.core.links import LatencyKind, LatencyModel
from framework.lake.store import Lake
from framework.state.lag import Lag


@click.command(short_help="Forecast a table out of sample, for backtests.")
@click.argument("name")
@click.argument("table")
@click.option("--model-version", type=int, default=None, help="[the one in use, or the latest]")
@click.option("--venue", default=None, help="Venue, where the table has several.")
@click.option("--symbol", default=None, help="Symbol, where the table has several.")
@click.option("--version", type=int, default=None, help="Version of the table [latest].")
@click.option("--news", default=None, help="Silver table of headlines, where it learnt from some.")
@click.option(
    "--latency",
    default="5ms",
    show_default=True,
    help="What the model takes for a forecast; the median where --sigma is given.",
)
@click.option(
    "--sigma",
    type=click.FloatRange(min=0, max=3),
    default=0.0,
    help="Draw the latency: deviation of its logarithm.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of drawn latencies.")
@click.option(
    "--unrelated",
    is_flag=True,
    help="The market has nothing to do with the one learnt from: another generated one.",
)
@click.option("--into", default=FORECASTS, show_default=True, help="Silver table to write to.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("out"),
    show_default=True,
    help="Folder of MLflow's store; MLFLOW_TRACKING_URI names another.",
)
@lake_options
@output_option
def forecast(
    output: Output,
    lake: Path,
    catalog: Path | None,
    out: Path,
    name: str,
    table: str,
    model_version: int | None,
    venue: str | None,
    symbol: str | None,
    version: int | None,
    news: str | None,
    latency: str,
    sigma: float,
    seed: int,
    unrelated: bool,
    into: str,
) -> None:
    """Let a registered model NAME forecast TABLE out of sample, for backtests to read.

    Rows from before the last outcome the model learnt from are left out: they would come from the
    future. Written again, the same forecasts change nothing.
    """
    kind = LatencyKind.LOG_NORMAL if sigma else LatencyKind.CONSTANT
    lag = Lag(ns=duration_ns(latency), model=LatencyModel(kind=kind, sigma=sigma))
    with output.progress_console.status("forecasting"):
        found = forecast_registered(
            ModelRegistry(out),
            name,
            model_version,
            Lake(lake),
            load_catalog(catalog),
            table,
            venue=venue,
            symbol=symbol,
            data_version=version,
            news=news,
            latency=lag,
            unrelated=unrelated,
            into=into,
            seed=seed,
        )
    _tell(output, found, lag.ns)


def _tell(output: Output, found: Forecasts, latency_ns: int) -> None:
    rows = found.stream.rows
    first, last = (format_ns(int(ts_ns))[:19] for ts_ns in (rows["ts_ns"][0], rows["ts_ns"][-1]))
    deviation = rows.select("low_bps2", "mean_bps2", "high_bps2").mean().row(0)
    facts: dict[str, object] = {
        "series": rows["series"][0],
        "forecasts": rows.height,
        "from": first,
        "to": last,
        "horizon_s": rows["horizon_ns"][0] / NS_PER_S,
        "left_out": found.stream.left_out,
        "coverage_90": found.stream.coverage,
        "mean_low_bps": deviation[0] ** 0.5,
        "mean_bps": deviation[1] ** 0.5,
        "mean_high_bps": deviation[2] ** 0.5,
        "latency_ms": latency_ns / NS_PER_MS,
    }
    output.table(f"{found.kind} → {found.table}", ["", "value"], list(facts.items()))
    measured_ms = found.measured_ns / NS_PER_MS
    written = "these very rows were there already"
    if found.version is not None:
        written = f"version {found.version}"
    output.text(f"{found.table}: {written}")
    output.note(f"a forecast took {measured_ms:.1f} ms here")
    if found.measured_ns > latency_ns:
        output.note(
            f"that is more than the {latency_ns / NS_PER_MS:g} ms of --latency: "
            f"--latency {max(1, round(measured_ms))}ms would be true to this machine"
        )
    output.finish(
        {"table": str(found.table), "version": found.version, "measured_ms": measured_ms} | facts
    )
