"""Streams a spec opens: pinned, filtered, with the costs and latencies it wants."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from experiments.sources import data_versions, open_sources, with_assumptions
from experiments.spec import DataSpec, FeeSpec, FeesSpec, LatencySpec, LinkSpec, Spec
from framework.catalog import Catalog, load_catalog
from framework.core.errors import DataError, SpecError
from framework.lake.store import Lake
from framework.synthetic import write_demo_market

_IMPACT = {
    "model": "linear",
    "coefficient_bps": 1,
    "reference_quantity": 1,
    "half_life": "1s",
}
_SPEC = Spec(name="s", strategy="m:C", data=(DataSpec(table="gold/demo"),))


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("lake")
    write_demo_market(folder, rows=5_000, seed=2)
    return Lake(folder)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(Path(__file__).resolve().parents[2] / "data_catalog.yaml")


def _catalog(folder: Path, instruments: str) -> Catalog:
    path = folder / "catalog.yaml"
    path.write_text(f"version: 1\nvenues: {{alpha: }}\ninstruments: {instruments}\n")
    return load_catalog(path)


def test_every_stream_is_pinned_and_counted(lake: Lake, catalog: Catalog) -> None:
    streams = open_sources(_SPEC, lake, catalog)
    assert [stream.instrument.name for stream in streams] == ["alpha:XYZ", "beta:XYZ"]
    assert {stream.version for stream in streams} == {0}
    rows = {d.stream: d.rows for d in data_versions(streams)}
    for stream in streams:
        assert rows[stream.instrument.name] == sum(b.num_rows for b in stream.batches(1_000))


def test_costs_and_latencies_are_the_specs_where_it_has_any(lake: Lake, catalog: Catalog) -> None:
    spec = replace(
        _SPEC,
        fees=FeesSpec(taker_bps=Decimal("1.5"), venues={"beta": FeeSpec(taker_bps=Decimal(2))}),
        latency=LatencySpec(response_ns=7, venues={"beta": LinkSpec(one_way_ns=9)}),
    )
    before = open_sources(_SPEC, lake, catalog)
    alpha, beta = (stream.instrument for stream in with_assumptions(before, spec))
    assert (alpha.taker_fee_bps, beta.taker_fee_bps) == (Decimal("1.5"), Decimal(2))
    assert alpha.maker_fee_bps == before[0].instrument.maker_fee_bps
    assert (alpha.response_ns, beta.response_ns) == (7, 9)
    assert alpha.order_entry_ns == before[0].instrument.order_entry_ns
    assert beta.order_entry_ns == 9


def test_a_longer_feed_delays_what_we_know_and_nothing_else(lake: Lake, catalog: Catalog) -> None:
    streams = open_sources(_SPEC, lake, catalog)
    slow = with_assumptions(streams, replace(_SPEC, latency=LatencySpec(feed_ns=2_000_000)))
    for stream, delayed in zip(streams, slow, strict=True):
        pairs = zip(stream.batches(10_000), delayed.batches(10_000), strict=True)
        for recorded, later in pairs:
            for name in recorded.schema.names:
                shift = 2_000_000 if name == "ts_recv_ns" else 0
                assert np.array_equal(
                    recorded.column(name).to_numpy() + shift, later.column(name).to_numpy()
                )


def test_a_catalog_that_changed_its_tick_is_refused(lake: Lake, tmp_path: Path) -> None:
    changed = _catalog(tmp_path, "[{venue: alpha, symbol: XYZ, tick: 0.05, lot: 1}]")
    with pytest.raises(DataError, match=r"in ticks of 0\.01 .* the catalog says 0\.05"):
        open_sources(_SPEC, lake, changed)


def test_an_instrument_the_catalog_lacks_keeps_the_units_of_its_table(
    lake: Lake, tmp_path: Path
) -> None:
    streams = open_sources(_SPEC, lake, _catalog(tmp_path, "[]"))
    assert {stream.instrument.tick for stream in streams} == {Decimal("0.01")}


@pytest.mark.parametrize(
    ("section", "value"), [("funding", ()), ("financing", {}), ("impact", _IMPACT)]
)
def test_costs_of_a_stream_that_is_not_read_are_refused(
    lake: Lake, catalog: Catalog, section: str, value: object
) -> None:
    spec = replace(_SPEC, **{section: {"alpha:XYY": value}})  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=f"{section} names alpha:XYY") as caught:
        open_sources(spec, lake, catalog)
    assert "alpha:XYZ" in caught.value.remedy
