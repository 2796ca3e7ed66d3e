"""A registered model beside the bars that came after it was trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from experiments.models import ModelRegistry, open_source
from experiments.report import DataVersion
from framework.catalog import Catalog
from framework.core.clock import format_ns
from framework.core.errors import DataError
from framework.lake.store import Lake
from research.drift import Baseline, forecast_errors

FEWEST: Final = 50
"""Bars to test: the errors of means over fewer are not to be trusted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedModel:
    """A model's forecasts of bars it has not seen.

    Parameters
    ----------
    name, version, kind
        The registered model.
    baseline
        Its training sample and validation.
    features
        Rows of the volatility table after training.
    errors
        As `research.drift.forecast_errors` gives them.
    data
        Tables read, at which versions.
    """

    name: str
    version: int
    kind: str
    baseline: Baseline
    features: pl.DataFrame
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
        kind=model.kind,
        baseline=then,
        features=features,
        errors=errors,
        data=source.data,
    )
