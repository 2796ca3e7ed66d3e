"""The markets on which the simulators are compared, as gold tables, and the cases run on each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from framework.catalog import load_catalog
from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.instrument import Instrument
from framework.lake.formats.binance import BinanceFormat
from framework.lake.ingest import ingest
from framework.lake.store import Lake, TableName
from framework.replay.stream import GoldStream
from framework.synthetic.demo import write_demo_market
from framework.synthetic.two_venue import demo_instruments
from tests.differential.cases import Case, join_best_cases, take_cross_cases

CAPTURES: Final = ("binance/spot/btcusdt_20240808.gz", "binance/usdm/btcusdt_20240808.gz")
_CATALOG: Final = Path(__file__).resolve().parents[2] / "data_catalog.yaml"
_SYNTHETIC_ROWS: Final = 200_000
_SEED: Final = 24


@dataclass(frozen=True, slots=True)
class Market:
    """A market and what is run on it.

    Attributes
    ----------
    title
        Heading of its part of the table.
    streams
        In the order of their names.
    """

    title: str
    streams: tuple[GoldStream, ...]
    cases: tuple[Case, ...]


def captured_market(captures: Path, lake_root: Path) -> Market:
    """Ingest Bitcoin on Binance spot and USD-margined futures, the same six minutes of both."""
    lake, catalog = Lake(lake_root), load_catalog(_CATALOG)
    streams = []
    for path in CAPTURES:
        market = path.split("/")[1]
        report = ingest(lake, market, BinanceFormat(), [captures / path], catalog)
        assert not report.failures, report.failures
        instrument = catalog.instrument(f"binance_{market}", "BTCUSDT")
        assert instrument is not None
        streams.append(_stream(lake, market, instrument))
    spot, usdm = (stream.instrument.name for stream in streams)
    quotes = join_best_cases(usdm, NS_PER_S)
    return Market(
        title="Captured: Bitcoin on Binance, 2024-08-08 23:54 to 24:00 UTC",
        streams=tuple(streams),
        cases=(
            *quotes,
            *join_best_cases(usdm, 100 * NS_PER_MS),
            *_large(quotes, 200),
            # The futures stand about 25 USD, 2,500 ticks of spot, below it.
            *take_cross_cases((spot, usdm), (100, 1), 2500, NS_PER_S),
            *take_cross_cases((spot, usdm), (50_000, 500), 2500, NS_PER_S),
        ),
    )


def synthetic_market(lake_root: Path) -> Market:
    """Generate two venues that trade one asset."""
    write_demo_market(lake_root, _SYNTHETIC_ROWS, _SEED, name="made")
    instruments = demo_instruments()
    streams = tuple(_stream(Lake(lake_root), "made", item) for item in instruments)
    names = tuple(item.name for item in instruments)
    quotes = join_best_cases(names[0], NS_PER_S)
    return Market(
        title=f"Made: two venues, {_SYNTHETIC_ROWS:,} rows, seed {_SEED}",
        streams=streams,
        cases=(
            *quotes,
            *_large(quotes, 50),
            *take_cross_cases(names, (1, 1), 0, 100 * NS_PER_MS),
            *take_cross_cases(names, (100, 100), 0, 100 * NS_PER_MS),
        ),
    )


def _large(cases: Sequence[Case], lots: int) -> list[Case]:
    """Repeat cases, of two queue models, with orders that can fill in parts."""
    chosen = {("risk_averse", 1.0), ("power", 3.0)}
    return [replace(case, lots=(lots,)) for case in cases if (case.queue, case.power) in chosen]


def _stream(lake: Lake, table: str, instrument: Instrument) -> GoldStream:
    name = TableName("gold", table)
    return GoldStream(
        location=lake.uri(name),
        table=table,
        version=lake.open(name).version(),
        instrument=instrument,
    )
