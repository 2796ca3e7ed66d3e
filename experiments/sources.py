"""From a spec's data to pinned streams, with the costs and latencies the spec wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from experiments.report import DataVersion
from experiments.spec import DataSpec, Spec
from framework.catalog import Catalog, did_you_mean
from framework.core.clock import format_ns
from framework.core.errors import DataError, SpecError
from framework.core.instrument import Instrument
from framework.lake.store import Lake, TableName
from framework.lake.units import Units, read_units
from framework.replay.stream import GoldStream


def open_sources(spec: Spec, lake: Lake, catalog: Catalog) -> list[GoldStream]:
    """Open every stream a spec names, its table pinned to one version.

    Raises
    ------
    DataError
        Where a table, version or stream does not exist, or the catalog's grid is no longer the
        one the table counts in, or a stream has no event in the period.
    SpecError
        Where the spec names a venue it does not read.
    """
    streams = [s for data in spec.data for s in _table_streams(data, spec, lake, catalog)]
    venues = sorted({stream.instrument.venue for stream in streams})
    for section, named in (("latency", spec.latency.venues), ("fees", spec.fees.venues)):
        for venue in named:
            if venue not in venues:
                raise SpecError(
                    f"{section}.venues names {venue}, which the run does not read",
                    remedy=did_you_mean(venue, venues),
                )
    _check_period(spec, streams)
    return streams


def _check_period(spec: Spec, streams: Sequence[GoldStream]) -> None:
    for stream in streams:
        files = stream.files()
        first_ns, last_ns = min(files["first_ns"].to_pylist()), max(files["last_ns"].to_pylist())
        late = spec.start_ns is not None and spec.start_ns > last_ns
        early = spec.end_ns is not None and spec.end_ns <= first_ns
        if late or early:
            raise DataError(
                f"{stream.table} version {stream.version} must hold events of "
                f"{stream.instrument.name} between start and end, it holds "
                f"{format_ns(first_ns)} to {format_ns(last_ns)}",
                remedy="choose start and end within that time",
            )


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


def _table_streams(data: DataSpec, spec: Spec, lake: Lake, catalog: Catalog) -> list[GoldStream]:
    name = data.table.removeprefix("gold/")
    table = TableName("gold", name)
    delta = lake.open(table, data.version)
    actions = pa.table(delta.get_add_actions(flatten=True))
    pairs = zip(
        actions["partition.venue"].to_pylist(), actions["partition.symbol"].to_pylist(), strict=True
    )
    held = sorted(set(pairs))
    chosen = [
        (venue, symbol)
        for venue, symbol in held
        if data.venue in (None, venue) and (data.symbols is None or symbol in data.symbols)
    ]
    missing = sorted(set(data.symbols or ()) - {symbol for _, symbol in chosen})
    if missing or not chosen:
        wanted = f"{data.venue or 'any venue'}: {', '.join(missing) or 'any symbol'}"
        raise DataError(
            f"{table} version {delta.version()} must hold {wanted}, it does not",
            remedy=f"it holds: {', '.join(':'.join(pair) for pair in held) or 'nothing'}",
        )
    units = read_units(lake, name)
    return [
        GoldStream(
            location=lake.uri(table),
            table=name,
            version=delta.version(),
            instrument=_instrument(catalog, units, table, pair),
            start_ns=spec.start_ns,
            end_ns=spec.end_ns,
        )
        for pair in chosen
    ]


def _instrument(
    catalog: Catalog,
    units: Mapping[tuple[str, str], Units],
    table: TableName,
    pair: tuple[str, str],
) -> Instrument:
    """Choose the catalog's instrument, provided the table counts in its tick and lot."""
    known = catalog.instrument(*pair)
    kept = units[pair].instrument if pair in units else None
    name = ":".join(pair)
    found = known or kept
    if found is None:
        raise DataError(
            f"{table}: what a tick and a lot of {name} are is neither in the catalog nor the lake",
            remedy="add the instrument to the catalog",
        )
    if kept is not None and (found.tick, found.lot) != (kept.tick, kept.lot):
        raise DataError(
            f"{table} counts {name} in ticks of {kept.tick} and lots of {kept.lot}, the catalog "
            f"says {found.tick} and {found.lot}",
            remedy="restore the catalog's former tick and lot, or ingest into another table",
        )
    return found


def _as_wanted(instrument: Instrument, spec: Spec) -> Instrument:
    link, fees = spec.latency.at(instrument.venue), spec.fees.at(instrument.venue)
    changes = {
        "order_entry_ns": link.order_entry_ns,
        "response_ns": link.response_ns,
        "maker_fee_bps": fees.maker_bps,
        "taker_fee_bps": fees.taker_bps,
    }
    return replace(instrument, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]
