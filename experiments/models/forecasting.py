"""From a trained model to a stored stream of forecasts that backtests read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from experiments.models.learning import Source, makers, open_source
from experiments.models.registry import ModelRegistry
from framework.catalog import Catalog
from framework.core.errors import DataError, SpecError
from framework.lake.store import Lake, TableName
from framework.signals import write_forecasts
from framework.state.lag import Lag
from research.volatility import (
    ForecastOrigin,
    ForecastStream,
    forecast_frame,
    measured_latency_ns,
)
from research.volatility.models import VolatilityModel

FORECASTS: Final = "volatility_forecasts"
"""Silver table that forecasts are written to where no other is named."""
_SOURCE: Final = re.compile(r"([^/]+)/([^/:]+):([^/:]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecasts:
    """What was forecast and where it is.

    Attributes
    ----------
    stream
        The forecasts.
    table, version
        Where they were written; None where the table held these very rows already.
    kind
        Of the model.
    measured_ns
        What a forecast took on this machine.
    """

    stream: ForecastStream
    table: TableName
    version: int | None
    kind: str
    measured_ns: int


def forecast_registered(
    registry: ModelRegistry,
    name: str,
    version: int | None,
    lake: Lake,
    catalog: Catalog | None,
    table: str,
    *,
    venue: str | None = None,
    symbol: str | None = None,
    data_version: int | None = None,
    news: str | None = None,
    latency: Lag | None = None,
    unrelated: bool = False,
    into: str = FORECASTS,
    seed: int = 0,
) -> Forecasts:
    """Let a registered model forecast a stream it has not learnt from, and store that.

    Parameters
    ----------
    version
        The one in use where None, or the latest where none is.
    table, venue, symbol, data_version, news
        The stream and its headlines, as `open_source` takes them.
    latency, seed
        What the model takes for a forecast, and of its draws.
    unrelated
        True where the market has nothing to do with the one learnt from: another generated one.
    into
        Silver table.

    Raises
    ------
    DataError
        Where the model has learnt from everything there is, or it is not known what from.
    """
    model, about, version = _loaded(registry, name, version)
    horizon_ns = int(str(about["horizon_ns"]))
    source = open_source(
        lake,
        catalog,
        table,
        f"{horizon_ns}ns",
        venue=venue,
        symbol=symbol,
        version=data_version,
        news=news,
    )
    origin = ForecastOrigin(
        model=name, version=version, learnt_until_ns=_border(name, about, source, unrelated)
    )
    return _stored(lake, model, source, origin, latency or Lag(), into, seed)


def forecast_with_new(
    lake: Lake,
    catalog: Catalog | None,
    kind: str,
    learn_from: str,
    about: str,
    horizon: str,
    *,
    learn_news: str | None = None,
    news: str | None = None,
    unrelated: bool = False,
    into: str = FORECASTS,
    seed: int = 0,
) -> Forecasts:
    """Train a model on one stream and let it forecast another, without registering it.

    Parameters
    ----------
    kind
        Of the model.
    learn_from, about
        Streams, ``TABLE/venue:symbol``.
    learn_news, news
        Their headlines.

    Raises
    ------
    SpecError
        Where a stream or a kind is not named as it should be.
    DataError
        As `forecast_registered`.
    """
    make = makers((kind,), seed)[kind]
    learnt = _source(lake, catalog, learn_from, horizon, learn_news)
    source = _source(lake, catalog, about, horizon, news)
    model = make()
    model.fit(learnt.table)
    told: dict[str, object] = {
        "stream": learnt.stream,
        "data": {item.table: item.version for item in learnt.data},
        "learnt_until_ns": learnt.learnt_until_ns,
    }
    name = f"{kind}.{learnt.stream.replace(':', '.')}.{horizon}"
    origin = ForecastOrigin(
        model=name, version=0, learnt_until_ns=_border(name, told, source, unrelated)
    )
    return _stored(lake, model, source, origin, Lag(), into, seed)


def _stored(
    lake: Lake,
    model: VolatilityModel,
    source: Source,
    origin: ForecastOrigin,
    latency: Lag,
    into: str,
    seed: int,
) -> Forecasts:
    gold = source.data[0].table.removeprefix("gold/")
    made = forecast_frame(
        model,
        source.table,
        origin,
        source=(gold, source.stream),
        horizon_ns=source.horizon_ns,
        latency=latency,
        seed=seed,
    )
    name = TableName("silver", into.removeprefix("silver/"))
    return Forecasts(
        stream=made,
        table=name,
        version=write_forecasts(lake, name, made.rows),
        kind=model.kind,
        measured_ns=measured_latency_ns(model, source.table),
    )


def _loaded(
    registry: ModelRegistry, name: str, version: int | None
) -> tuple[VolatilityModel, dict[str, object], int]:
    entries = registry.versions(name)
    if version is None:
        chosen = next((entry for entry in entries if entry.is_champion), entries[-1])
        version = chosen.version
    elif version not in {entry.version for entry in entries}:
        raise DataError(
            f"{name} has no version {version}",
            remedy=f"it has: {', '.join(str(entry.version) for entry in entries)}",
        )
    model, about = registry.load(name, version)
    return model, about, version


def _border(name: str, about: dict[str, object], source: Source, unrelated: bool) -> int | None:
    """Return from when on the model may forecast; None where nothing it knows matters."""
    read = about.get("data")
    table = source.data[0].table
    is_same = about.get("stream") == source.stream and isinstance(read, dict) and table in read
    if unrelated and not is_same:
        return None
    if unrelated:
        raise DataError(
            f"{name} learnt from {table} {source.stream} itself, which cannot be unrelated to it",
            remedy="forecast what comes after the period it learnt from",
        )
    known = about.get("learnt_until_ns")
    if not isinstance(known, int):
        raise DataError(
            f"{name} does not say until when it learnt: its forecasts may be of the past",
            remedy="train it anew with this version of crossbook",
        )
    return known


def _source(
    lake: Lake, catalog: Catalog | None, place: str, horizon: str, news: str | None
) -> Source:
    found = _SOURCE.fullmatch(place)
    if found is None:
        raise SpecError(
            f"a stream must be named as TABLE/venue:symbol, got {place!r}",
            remedy="write for example planted_quotes/ash:PLT",
        )
    table, venue, symbol = found.groups()
    return open_source(lake, catalog, table, horizon, venue=venue, symbol=symbol, news=news)
