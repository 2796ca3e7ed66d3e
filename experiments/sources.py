"""From a spec's data to pinned streams, with the costs and latencies the spec wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from experiments.report import DataVersion
from experiments.spec import Spec
from framework.catalog import Catalog, did_you_mean
from framework.core.errors import SpecError
from framework.core.instrument import Instrument
from framework.lake.store import Lake
from framework.replay import GoldStream, open_streams


def open_sources(spec: Spec, lake: Lake, catalog: Catalog) -> list[GoldStream]:
    """Open every stream a spec names, its table pinned to one version.

    Raises
    ------
    DataError
        As `open_streams` does.
    SpecError
        Where the spec names a venue it does not read.
    """
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
    for section, named in (("latency", spec.latency.venues), ("fees", spec.fees.venues)):
        for venue in named:
            if venue not in venues:
                raise SpecError(
                    f"{section}.venues names {venue}, which the run does not read",
                    remedy=did_you_mean(venue, venues),
                )
    return streams


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


def _as_wanted(instrument: Instrument, spec: Spec) -> Instrument:
    link, fees = spec.latency.at(instrument.venue), spec.fees.at(instrument.venue)
    changes = {
        "order_entry_ns": link.order_entry_ns,
        "response_ns": link.response_ns,
        "maker_fee_bps": fees.maker_bps,
        "taker_fee_bps": fees.taker_bps,
    }
    return replace(instrument, **{k: v for k, v in changes.items() if v is not None})  # type: ignore[arg-type]
