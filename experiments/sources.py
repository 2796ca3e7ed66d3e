"""From a spec's data to pinned streams, with the costs and latencies the spec wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from experiments.learned_costs import with_learned_impact
from experiments.report import DataVersion
from experiments.spec import SignalSpec, Spec
from experiments.spec.forecast import ForecastSpec, LearnSpec
from framework.catalog import Catalog, did_you_mean
from framework.core.costs import Costs
from framework.core.errors import SpecError
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.replay import GoldStream, open_streams
from framework.signals import StoredSignal, forecast_signals
from framework.state import Lag, StoreLink


def open_sources(spec: Spec, lake: Lake, catalog: Catalog) -> list[GoldStream]:
    """Open every stream a spec names, its table pinned to one version.

    Planted markets that the spec describes are written first where the lake lacks them.

    Raises
    ------
    DataError
        As `open_streams` does.
    SpecError
        Where the spec names a venue or stream it does not read.
    """
    write_planted(spec, lake)
    streams = [
        stream
        for data in spec.data
        for stream in open_streams(
            lake,
            data.table,
            catalog=catalog,
            venue=data.venue,
            symbols=data.symbols,
            version=data.version,
            start=spec.start_ns,
            end=spec.end_ns,
        )
    ]
    venues = sorted({stream.instrument.venue for stream in streams})
    names = sorted(stream.instrument.name for stream in streams)
    for section, named, read in (
        ("latency.venues", spec.latency.venues, venues),
        ("fees.venues", spec.fees.venues, venues),
        ("funding", spec.funding, names),
        ("financing", spec.financing, names),
        ("impact", spec.impact, names),
    ):
        for name in named:
            if name not in read:
                raise SpecError(
                    f"{section} names {name}, which the run does not read",
                    remedy=did_you_mean(name, read) or f"it reads: {', '.join(read)}",
                )
    return with_learned_impact(streams, spec, lake)


def with_assumptions(streams: Sequence[GoldStream], spec: Spec) -> list[GoldStream]:
    """Give open streams a spec's costs and latencies where it has any."""
    return [
        replace(
            stream,
            instrument=_as_wanted(stream.instrument, spec),
            feed_ns=spec.latency.at(stream.instrument.venue).feed_ns or 0,
        )
        for stream in streams
    ]


def write_planted(spec: Spec, lake: Lake) -> None:
    """Write the planted markets a spec describes, unless they are in the lake.

    Raises
    ------
    DataError
        Where the lake holds another market of that name.
    """
    if not spec.planted:
        return
    from framework.synthetic.planted import (
        Level,
        PlantedMarket,
        planted_instruments,
        write_planted_market,
    )

    for name, entry in spec.planted.items():
        market = PlantedMarket(
            entry.minutes, entry.seed, instruments=planted_instruments(entry.venues)
        )
        levels = [Level[level.name] for level in entry.levels]
        write_planted_market(lake.root, market, name=name, levels=levels)


def open_signals(spec: Spec, lake: Lake, catalog: Catalog) -> tuple[StoredSignal, ...]:
    """Open every signal and forecast a spec names, its table pinned to one version.

    Regimes that the spec wants detected, and forecasts it wants learnt, are written first where the
    lake lacks their table.

    Raises
    ------
    DataError
        Where there is no such table, version, scope or series.
    """
    return (*_signals(spec, lake, catalog), *_forecasts(spec, lake, catalog))


def _forecasts(spec: Spec, lake: Lake, catalog: Catalog) -> tuple[StoredSignal, ...]:
    found: list[StoredSignal] = []
    for name, entry in sorted(spec.forecasts.items()):
        table = _silver(entry.table)
        if entry.learn is not None and not lake.exists(table):
            _learn(entry, entry.learn, lake, catalog)
        found += forecast_signals(
            name,
            lake,
            table,
            unit=entry.unit,
            series=entry.series,
            inference=entry.inference(),
            link=StoreLink(write=Lag(ns=entry.write_ns), notify=Lag(ns=entry.notify_ns)),
            version=entry.version,
            seed=spec.seed,
        )
    return tuple(found)


def _learn(entry: ForecastSpec, learn: LearnSpec, lake: Lake, catalog: Catalog) -> None:
    from experiments.models.forecasting import forecast_with_new

    forecast_with_new(
        lake,
        catalog,
        learn.model,
        learn.learn_from,
        learn.stream,
        learn.horizon,
        learn_news=learn.learn_news,
        news=learn.news,
        unrelated=learn.unrelated,
        into=entry.table,
    )


def _signals(spec: Spec, lake: Lake, catalog: Catalog) -> tuple[StoredSignal, ...]:
    for entry in spec.signals.values():
        if entry.detect and not lake.exists(_silver(entry.table)):
            _detect(entry, lake, catalog)
    return tuple(
        StoredSignal(
            name,
            lake,
            _silver(entry.table),
            scope=entry.scope,
            states=entry.states,
            link=StoreLink(write=Lag(ns=entry.write_ns), notify=Lag(ns=entry.notify_ns)),
            version=entry.version,
            seed=spec.seed,
        )
        for name, entry in sorted(spec.signals.items())
    )


def _silver(table: str) -> TableName:
    return TableName("silver", table.removeprefix("silver/"))


def _detect(entry: SignalSpec, lake: Lake, catalog: Catalog) -> None:
    from research.regime import write_regimes

    table, _, name = entry.detect.partition("/")
    streams = {
        stream.instrument.name: stream for stream in open_streams(lake, table, catalog=catalog)
    }
    if name not in streams:
        raise SpecError(
            f"signals.{entry.table} wants the regimes of {name}, which gold/{table} does not have",
            remedy=did_you_mean(name, list(streams)) or f"it has: {', '.join(streams)}",
        )
    write_regimes(lake, _silver(entry.table), streams[name])


def signal_versions(signals: Sequence[StoredSignal], lake: Lake) -> tuple[DataVersion, ...]:
    """Write down which signals were read."""
    return tuple(
        DataVersion(
            table=str(signal.table),
            version=signal.version,
            stream=f"{signal.name} ({signal.scope})",
            rows=lake.scan(signal.table, signal.version).select(pl.len()).collect().item(),
            location=lake.uri(signal.table),
        )
        for signal in signals
    )


def data_versions(streams: Sequence[GoldStream]) -> tuple[DataVersion, ...]:
    """Write down what was read, in the order of the streams' names."""
    ordered = sorted(streams, key=lambda stream: stream.instrument.name)
    return tuple(
        DataVersion(
            table=f"gold/{stream.table}",
            version=stream.version,
            stream=stream.instrument.name,
            rows=sum(stream.files()["rows"].to_pylist()),
            location=stream.location,
        )
        for stream in ordered
    )


def _as_wanted(instrument: Instrument, spec: Spec) -> Instrument:
    link, fees = spec.latency.at(instrument.venue), spec.fees.at(instrument.venue)
    changes = {
        "order_entry_ns": link.order_entry_ns,
        "cancel_entry_ns": link.cancel_ns,
        "replace_entry_ns": link.replace_ns,
        "response_ns": link.response_ns,
        "entry_model": link.entry_model and link.entry_model.model(),
        "response_model": link.response_model and link.response_model.model(),
        "maker_fee_bps": fees.maker_bps,
        "taker_fee_bps": fees.taker_bps,
        "costs": _costs(instrument, spec),
    }
    if link.sets_entry:  # cancels and replaces follow, unless the spec says otherwise
        instrument = replace(instrument, cancel_entry_ns=None, replace_entry_ns=None)
    return replace(instrument, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]


def _costs(instrument: Instrument, spec: Spec) -> Costs:
    fees, costs, name = spec.fees.at(instrument.venue), instrument.costs, instrument.name
    if fees.maker_bps is not None or fees.taker_bps is not None:
        costs = replace(costs, tiers=())  # or they would hide the rates the spec asks for
    changes = {
        "tiers": None if fees.tiers is None else tuple(entry.tier() for entry in fees.tiers),
        "window_days": fees.window_days,
        "maker_per_contract": fees.maker_per_contract,
        "taker_per_contract": fees.taker_per_contract,
        "funding": tuple(entry.rate() for entry in spec.funding[name])
        if name in spec.funding
        else None,
        "financing": spec.financing[name].terms() if name in spec.financing else None,
        "impact": spec.impact[name].impact() if name in spec.impact else None,
    }
    return replace(costs, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]
