"""Forecasts beside what came: a registered model's of new bars, or those a run has read."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from experiments.models import ModelRegistry, open_source
from experiments.report import DataVersion
from experiments.sources import open_sources
from experiments.spec.forecast import ForecastSpec
from experiments.tca.opening import plan_of
from framework.catalog import Catalog
from framework.core.clock import format_ns
from framework.core.errors import CrossbookError, DataError
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream
from research.drift import FORECASTS, Baseline, forecast_errors, with_outcomes
from research.volatility import BarSettings, read_quotes, volatility_table

FEWEST: Final = 50
"""Bars to test: the errors of means over fewer are not to be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedModel:
    """A model's forecasts of bars it has not seen.

    Parameters
    ----------
    name, version
        The model; version 0 was never registered.
    of
        What its tests are called.
    baseline
        Its training sample and validation, where it was registered with them.
    features
        Rows of the volatility table after training; None where inputs are not tested.
    errors
        As `research.drift.with_outcomes` gives them.
    data
        Tables read, at which versions.
    """

    name: str
    version: int
    of: str
    baseline: Baseline | None
    features: pl.DataFrame | None
    errors: pl.DataFrame
    data: tuple[DataVersion, ...]


def watch_model(
    registry: ModelRegistry,
    lake: Lake,
    catalog: Catalog | None,
    name: str,
    version: int | None = None,
    *,
    table: str | None = None,
    table_version: int | None = None,
    news: str | None = None,
    since_ns: int | None = None,
    until_ns: int | None = None,
) -> WatchedModel:
    """Forecast what came after training with a registered model.

    Parameters
    ----------
    version
        The champion where None, or the latest version where there is none.
    table, news
        Tables; those of training where None, at their latest version unless one is given.
    since_ns, until_ns
        Bars that end within; from the end of training where None.

    Raises
    ------
    CrossbookError
        Where there is no such model or table, the model was stored without its training sample,
        or too few bars came after training.
    """
    version = registry.in_use(name) if version is None else version
    model, about = registry.load(name, version)
    then = registry.baseline(name, version)
    used = about.get("data")
    tables: Mapping[str, object] = used if isinstance(used, Mapping) else {}
    venue, _, symbol = str(about.get("stream")).partition(":")
    source = open_source(
        lake,
        catalog,
        table or next(t for t in tables if not t.startswith("silver/")),
        f"{about.get('horizon_ns')}ns",
        venue=venue,
        symbol=symbol,
        version=table_version,
        news=news or next((t for t in tables if t.startswith("silver/")), None),
    )
    since_ns = then.until_ns if since_ns is None else since_ns
    if since_ns < then.until_ns:
        raise DataError(
            f"drift is told from bars the model has not seen, it learnt until "
            f"{format_ns(then.until_ns)} and was asked from {format_ns(since_ns)}",
            remedy="leave --since out, or give a later instant",
        )
    is_new = pl.col("ts_ns") > since_ns
    if until_ns is not None:
        is_new &= pl.col("ts_ns") <= until_ns
    features = source.table.filter(is_new)
    errors = forecast_errors(model.forecast(source.table), source.table).filter(is_new)
    if errors.height < FEWEST:
        raise DataError(
            f"drift needs {FEWEST} bars with an outcome after {format_ns(since_ns)}, "
            f"{source.data[0].table} version {source.data[0].version} has {errors.height}",
            remedy="ingest what came since, or name another --table of the same stream",
        )
    return WatchedModel(
        name=name,
        version=version,
        of=FORECASTS,
        baseline=then,
        features=features,
        errors=errors,
        data=source.data,
    )


def watch_forecasts(
    registry: ModelRegistry, lake: Lake, catalog: Catalog, folder: Path
) -> list[WatchedModel]:
    """Put the forecasts that a run's spec names beside what came in the market it was run on.

    Inputs are not tested here, and without a registered model no validation is known.

    Raises
    ------
    CrossbookError
        Where spec or tables are missing, the run does not read the stream forecast, or too few of
        its bars were forecast.
    """
    spec = plan_of(folder).runs[0].spec
    streams = (
        {stream.instrument.name: stream for stream in open_sources(spec, lake, catalog)}
        if spec.forecasts
        else {}
    )
    return [_of_run(registry, lake, streams, name, entry) for name, entry in spec.forecasts.items()]


def _of_run(
    registry: ModelRegistry,
    lake: Lake,
    streams: Mapping[str, GoldStream],
    name: str,
    entry: ForecastSpec,
) -> WatchedModel:
    table = TableName("silver", entry.table.removeprefix("silver/"))
    version = lake.open(table, entry.version).version()
    rows = lake.scan(table, version).collect()
    if entry.series:
        rows = rows.filter(pl.col("series") == entry.series)
    if rows.is_empty() or rows["stream"][0] not in streams:
        about = "none" if rows.is_empty() else rows["stream"][0]
        raise DataError(
            f"the forecasts {name} must be of a stream that the run reads, {table} has {about}, "
            f"the run reads {', '.join(streams)}",
            remedy="name a series of the run's own stream under forecasts",
        )
    first = rows.row(0, named=True)
    stream = streams[str(first["stream"])]
    settings = BarSettings(horizon_ns=int(first["horizon_ns"]))
    measured = volatility_table(read_quotes(stream), settings)
    forecasts = rows.sort("ts_ns").select("ts_ns", "mean_bps2", "low_bps2", "high_bps2")
    errors = with_outcomes(forecasts, measured)
    if errors.height < FEWEST:
        raise DataError(
            f"drift needs {FEWEST} forecasts with an outcome in the run, {name} has "
            f"{errors.height}",
            remedy="run a longer period",
        )
    return WatchedModel(
        name=str(first["model"]),
        version=int(first["model_version"]),
        of=name,
        baseline=_baseline(registry, str(first["model"]), int(first["model_version"])),
        features=None,
        errors=errors,
        data=(
            DataVersion(
                table=str(table), version=version, stream=stream.instrument.name, rows=rows.height
            ),
        ),
    )


def _baseline(registry: ModelRegistry, name: str, version: int) -> Baseline | None:
    if version == 0:
        return None
    with suppress(CrossbookError):  # another store's model, or one stored without its sample
        registry.check(name, version)
        return registry.baseline(name, version)
    return None
