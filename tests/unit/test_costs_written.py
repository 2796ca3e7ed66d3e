"""Latency models and costs as catalogs and specs write them, and what is said of mistakes."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from experiments.sources import with_assumptions
from experiments.spec.load import load_plan
from framework.catalog import load_catalog
from framework.core.costs import DAY_NS, Costs, FeeTier, FundingRate, Impact, ImpactKind
from framework.core.errors import CatalogError, SpecError
from framework.core.instrument import Instrument
from framework.core.links import LatencyKind, LatencyModel
from framework.engine.books import book_records, settlement_records
from framework.engine.config import BacktestConfig
from framework.replay import GoldStream
from tests.support.small_market import LINEAR

_CATALOG = """\
version: 1
venues:
  v:
    fees:
      maker_bps: 2
      taker_per_contract: 0.003
      window_days: 14
      tiers:
        - {volume: 1000, maker_bps: 1, taker_bps: 4}
        - {volume: 5000, maker_bps: -0.5, taker_bps: 3}
    latency: {order_entry: 2ms, cancel: 1ms, entry_model: {kind: log_normal, sigma: 0.5}}
instruments:
  - {venue: v, symbol: A, tick: 0.1, lot: 0.01}
  - venue: v
    symbol: B
    tick: 0.1
    lot: 1
    fees: {tiers: [], window_days: 7}
    latency: {replace: 4ms, entry_model: {}, response_model: {kind: from_data, factor: 2}}
    funding: [{ts: 2024-01-01T08:00, rate_bps: 1.25}, {ts: 2024-01-01T16:00, rate_bps: -3}]
    financing: {long_bps: 500, every: 8h}
    impact: {model: linear, coefficient_bps: 2, reference_quantity: 10, half_life: 5s}
"""
_SPEC = """\
name: s
strategy: strategies.midpoint_quoting:MidpointQuoting
data: [{table: demo}]
latency: {order_entry: 9ms, entry_model: {kind: from_data, factor: 1.5}}
fees: {taker_bps: 7}
"""


def _instrument(folder: Path, symbol: str) -> Instrument:
    path = folder / "catalog.yaml"
    path.write_text(_CATALOG)
    found = load_catalog(path).instrument("v", symbol)
    assert found is not None
    return found


def test_an_instrument_takes_the_venues_model_and_tiers(tmp_path: Path) -> None:
    found = _instrument(tmp_path, "A")
    assert (found.cancel_entry_ns, found.replace_entry_ns) == (1_000_000, None)
    assert found.entry_model == LatencyModel(kind=LatencyKind.LOG_NORMAL, sigma=0.5)
    assert found.response_model == LatencyModel()
    first = FeeTier(volume=Decimal(1000), maker_bps=Decimal(1), taker_bps=Decimal(4))
    assert found.costs.tiers[0] == first
    assert found.costs.tiers[1].maker_bps == Decimal("-0.5")
    assert (found.costs.window_days, found.costs.taker_per_contract) == (14, Decimal("0.003"))


def test_an_instruments_own_words_come_first(tmp_path: Path) -> None:
    found = _instrument(tmp_path, "B")
    assert (found.cancel_entry_ns, found.replace_entry_ns) == (1_000_000, 4_000_000)
    assert found.entry_model.kind == LatencyKind.CONSTANT
    assert found.response_model == LatencyModel(kind=LatencyKind.FROM_DATA, factor=2.0)
    costs = found.costs
    assert (costs.tiers, costs.window_days) == ((), 7)
    eight = 1_704_067_200_000_000_000 + DAY_NS // 3
    assert costs.funding[0] == FundingRate(ts_ns=eight, rate_bps=Decimal("1.25"))
    assert costs.financing is not None
    assert (costs.financing.long_bps, costs.financing.every_ns) == (Decimal(500), DAY_NS // 3)
    assert costs.impact == Impact(
        kind=ImpactKind.LINEAR,
        coefficient_bps=Decimal(2),
        reference_quantity=Decimal(10),
        half_life_ns=5_000_000_000,
    )


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("volume: 5000", "volume: 1000", 8, "must rise in volume"),
        ("volume: 1000", "volume: -1", 9, "greater than or equal to 0"),
        ("sigma: 0.5", "sigma: 9", 11, "less than or equal to 3"),
        ("kind: log_normal", "kind: lognormal", 11, "log_normal"),
        ("window_days: 14", "window_days: 0", 7, "greater than or equal to 1"),
        ("08:00", "18:00", 20, "must rise in time"),
        ("model: linear", "model: cubic", 22, "square_root"),
        ("half_life: 5s", "half_life: 5", 22, ""),
        ("every: 8h", "every: 1ms", 21, "1000000000"),
    ],
)
def test_a_mistake_names_its_line(
    tmp_path: Path, old: str, new: str, line: int, words: str
) -> None:
    path = tmp_path / "catalog.yaml"
    assert old in _CATALOG
    path.write_text(_CATALOG.replace(old, new))
    if not words:  # an integer is nanoseconds
        assert load_catalog(path).instruments[1].costs.impact is not None
        return
    with pytest.raises(CatalogError) as caught:
        load_catalog(path)
    assert f"catalog.yaml:{line}" in str(caught.value)
    assert words in str(caught.value)


def _wanted(folder: Path, spec: str, instrument: Instrument) -> Instrument:
    path = folder / "spec.yaml"
    path.write_text(spec)
    stream = GoldStream(location="", table="demo", version=0, instrument=instrument)
    (changed,) = with_assumptions([stream], load_plan(path).spec)
    return changed.instrument


def test_a_specs_words_beat_the_catalogs(tmp_path: Path) -> None:
    before = _instrument(tmp_path, "A")
    after = _wanted(tmp_path, _SPEC, before)
    assert (after.order_entry_ns, after.cancel_entry_ns) == (9_000_000, None)  # cancels follow
    assert after.entry_model == LatencyModel(kind=LatencyKind.FROM_DATA, factor=1.5)
    assert after.response_ns == before.response_ns
    assert (after.taker_fee_bps, after.costs.tiers) == (Decimal(7), ())  # tiers would hide it
    assert after.costs.taker_per_contract == Decimal("0.003")
    assert _wanted(tmp_path, _SPEC.partition("latency")[0], before) == before


def test_a_spec_has_funding_financing_and_impact_by_stream(tmp_path: Path) -> None:
    spec = _SPEC + (
        "funding: {v:S: [{ts: 2024-01-01, rate_bps: 1}]}\n"
        "financing: {v:S: {short_bps: 3}}\n"
        "impact: {w:S: {model: linear, coefficient_bps: 1, reference_quantity: 1, half_life: 1s}}\n"
    )
    costs = _wanted(tmp_path, spec, LINEAR).costs
    assert [rate.rate_bps for rate in costs.funding] == [Decimal(1)]
    assert costs.financing is not None
    assert costs.financing.short_bps == Decimal(3)
    assert costs.impact is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("latency: {entry_model: {kind: log_normal, sgima: 1}}", "sigma"),
        ("latency: {cancel: soon}", "a duration is"),
        ("fees: {tiers: [{volume: 1, maker_bps: 1}]}", "taker_bps"),
        ("funding: {v:S: [{ts: noon, rate_bps: 1}]}", "an instant is"),
        ("impact: {v:S: {model: linear, coefficient_bps: 1}}", "reference_quantity"),
    ],
)
def test_a_specs_mistake_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text("\n".join(_SPEC.splitlines()[:3]) + f"\n{line}\n")
    with pytest.raises(SpecError) as caught:
        load_plan(path)
    assert "spec.yaml:4" in str(caught.value)
    assert words in str(caught.value)


def test_cancels_take_as_long_as_orders_unless_told() -> None:
    stream = GoldStream(location="", table="t", version=0, instrument=LINEAR)
    config = BacktestConfig(queue_model="risk_averse")
    (record,) = book_records([stream], config)
    assert record["cancel_entry_ns"] == record["replace_entry_ns"] == LINEAR.order_entry_ns


def test_settlements_stand_in_time_and_not_before_the_market() -> None:
    costs = Costs(funding=tuple(FundingRate(ts_ns=n, rate_bps=Decimal(n)) for n in (5, 10, 15, 20)))
    two = [LINEAR, Instrument(venue="w", symbol="S", tick=LINEAR.tick, lot=LINEAR.lot, costs=costs)]
    due = settlement_records(two, 10, 15)
    assert due["ts_ns"].tolist() == [10, 15, 20]
    assert due["book"].tolist() == [1, 1, 1]
    assert (due["long_ppt"] == -due["short_ppt"]).all()
    assert due["long_ppt"].tolist() == [10 * 10**8, 15 * 10**8, 20 * 10**8]
