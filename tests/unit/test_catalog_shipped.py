"""The catalog that ships says what the venues say."""

from __future__ import annotations

import gzip
import re
from decimal import Decimal
from pathlib import Path

import pytest

from framework.catalog import Catalog, SequenceRule, load_catalog

_SHIPPED = Path(__file__).resolve().parents[2] / "data_catalog.yaml"
_EXCHANGE_MS = re.compile(rb'"[ET]":(\d{13})\b')


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(_SHIPPED)


@pytest.mark.parametrize(
    ("venue", "symbol", "tick", "lot"),
    [
        ("binance_spot", "BTCUSDT", "0.01", "0.000001"),
        ("binance_usdm", "BTCUSDT", "0.1", "0.001"),
        ("binance_cm", "BTCUSD_PERP", "0.1", "1"),
        ("fxcm", "EURUSD", "0.00001", "1000"),
        ("oanda", "EURUSD", "0.00001", "1000"),
        ("nasdaq", "AMZN", "0.01", "1"),
        ("nasdaq", "GOOG", "0.01", "1"),
        ("alpha", "XYZ", "0.01", "1"),
        ("beta", "XYZ", "0.01", "1"),
    ],
)
def test_grid_of_each_instrument(
    catalog: Catalog, venue: str, symbol: str, tick: str, lot: str
) -> None:
    instrument = catalog.instrument(venue, symbol)
    assert instrument is not None
    assert (instrument.tick, instrument.lot) == (Decimal(tick), Decimal(lot))


def test_coin_margined_contract_is_inverse(catalog: Catalog) -> None:
    instrument = catalog.instrument("binance_cm", "BTCUSD_PERP")
    assert instrument is not None
    assert instrument.inverse
    assert (instrument.contract_size, instrument.currency) == (Decimal(100), "BTC")


def test_fx_quotes_stand_for_a_million(catalog: Catalog) -> None:
    for venue in ("fxcm", "oanda"):
        instrument = catalog.instrument(venue, "EURUSD")
        assert instrument is not None
        assert instrument.quantity(instrument.quote_lots) == 1_000_000
    assert catalog.venue("fxcm").time_zone == "-05:00"


def test_sequence_rules(catalog: Catalog) -> None:
    assert catalog.venue("binance_spot").sequence_rule is SequenceRule.BINANCE_SPOT
    assert catalog.venue("binance_usdm").sequence_rule is SequenceRule.BINANCE_FUTURES
    assert catalog.venue("binance_cm").sequence_rule is SequenceRule.BINANCE_FUTURES


def test_every_dataset_reaches_bronze(catalog: Catalog) -> None:
    for name in ("binance_spot", "binance_usdm", "binance_cm", "fx_fxcm", "lobster_amzn"):
        silver = catalog.lineage(name).upstream
        assert silver
        for table in silver:
            assert [source.name for source in table.upstream] == [f"bronze/{name}"]


@pytest.mark.captures
@pytest.mark.slow
@pytest.mark.parametrize("market", ["spot", "usdm", "cm"])
def test_clock_offset_leaves_no_negative_latency(
    catalog: Catalog, captures: Path, market: str
) -> None:
    """The offset covers every message's latest exchange clock, and by no more than 5 ms."""
    offset_ns = catalog.venue(f"binance_{market}").clock_offset_ns
    latencies_ns = [
        int(line[:19]) + offset_ns - int(stamp) * 1_000_000
        for path in sorted((captures / "binance" / market).glob("*.gz"))
        for line in gzip.decompress(path.read_bytes()).splitlines()
        for stamp in _EXCHANGE_MS.findall(line)
    ]
    assert len(latencies_ns) > 10_000
    assert 100_000 <= min(latencies_ns) < 5_000_000
