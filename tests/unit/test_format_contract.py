"""What every source format must keep, whatever it reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from framework.lake.formats.base import (
    BRONZE_SCHEMA,
    REJECT_SCHEMA,
    SILVER_SCHEMAS,
    Parsed,
    SourceContext,
    SourceFormat,
)
from framework.lake.formats.databento import DatabentoFormat
from framework.lake.formats.fx import FxFormat
from framework.lake.formats.lobster import LobsterFormat
from framework.lake.formats.nasdaq import NasdaqFormat
from framework.lake.formats.taq import TaqFormat
from framework.lake.formats.tardis import TardisFormat

FXCM = SourceContext(venue="fxcm", time_zone="-05:00")
TOP = (
    "exchange,symbol,sequence,exchange_timestamp_ns,received_timestamp_ns,"
    "bid_price,bid_volume,ask_price,ask_volume,last_price,last_volume\n"
)
Case = tuple[SourceFormat, Path, SourceContext]


def _fx(captures: Path, _: Path) -> Case:
    return FxFormat(), captures / "fx" / "fxcm" / "20140504_quote.zip", FXCM


def _lobster(captures: Path, _: Path) -> Case:
    name = "LOBSTER_SampleFile_GOOG_2012-06-21_1.zip"
    return LobsterFormat(), captures / "lobster" / name, SourceContext()


def _tardis_updates(captures: Path, _: Path) -> Case:
    name = "deribit_incremental_book_L2_BTC-PERPETUAL.csv"
    return TardisFormat(), captures / "tardis" / name, SourceContext()


def _tardis_snapshots(captures: Path, _: Path) -> Case:
    name = "binance-futures_book_snapshot_25_BTCUSDT.csv"
    return TardisFormat(), captures / "tardis" / name, SourceContext()


def _databento(captures: Path, _: Path) -> Case:
    name = "futures_mbp-1_2024-07-01T23-58_2024-07-02T00-02.dbn.zst"
    return DatabentoFormat(), captures / "databento" / name, SourceContext()


def _nasdaq(_: Path, folder: Path) -> Case:
    path = folder / "top.csv"
    path.write_text(TOP + "x,BTC,1,1,2,9,1,10,1,,\nx,BTC,2,1,2,nan,1,10,1,,\n")
    return NasdaqFormat(), path, SourceContext()


def _taq(captures: Path, _: Path) -> Case:
    return TaqFormat(), captures / "taq" / "sampleTDataRaw.csv.gz", SourceContext()


CASES = (_fx, _lobster, _tardis_updates, _tardis_snapshots, _databento, _nasdaq, _taq)
pytestmark = pytest.mark.captures


@pytest.fixture(params=CASES, ids=lambda make: make.__name__.strip("_"))
def case(request: pytest.FixtureRequest, captures: Path, tmp_path: Path) -> Case:
    make: Callable[[Path, Path], Case] = request.param
    return make(captures, tmp_path)


def frames(parsed: Parsed) -> dict[str, pl.DataFrame]:
    return {name: getattr(parsed, name) for name in (*SILVER_SCHEMAS, "rejects")}


def ingest(case: Case) -> tuple[pl.DataFrame, Parsed]:
    source_format, path, context = case
    bronze = pl.concat(list(source_format.read(path, context)))
    return bronze, source_format.parse(bronze, context)


def test_frames_obey_their_schemas(case: Case) -> None:
    bronze, parsed = ingest(case)
    assert bronze.select(BRONZE_SCHEMA.names()).schema == BRONZE_SCHEMA
    for name, rows in frames(parsed).items():
        assert rows.schema == SILVER_SCHEMAS.get(name, REJECT_SCHEMA)


def test_bronze_rows_are_told_apart_by_file_and_row(case: Case) -> None:
    bronze, _ = ingest(case)
    assert bronze["source_row"].min() in (1, 2)
    assert not bronze.select("source_file", "source_row").is_duplicated().any()
    assert bronze["payload"].null_count() == 0


def test_every_row_names_a_bronze_row(case: Case) -> None:
    bronze, parsed = ingest(case)
    for rows in frames(parsed).values():
        unknown = rows.join(bronze, on=["source_file", "source_row"], how="anti")
        assert unknown.is_empty()


def test_a_row_is_either_typed_or_refused(case: Case) -> None:
    _, parsed = ingest(case)
    for name in SILVER_SCHEMAS:
        place = ["source_file", "source_row"]
        assert frames(parsed)[name].join(parsed.rejects, on=place, how="semi").is_empty()


def test_typed_rows_have_stream_clocks_and_sequence(case: Case) -> None:
    _, parsed = ingest(case)
    needed = ["exchange", "symbol", "sequence", "received_timestamp_ns"]
    for name in SILVER_SCHEMAS:
        assert sum(frames(parsed)[name].select(needed).null_count().row(0)) == 0
        assert frames(parsed)[name]["sequence"].is_sorted()


def test_the_same_bytes_give_the_same_rows_in_any_folder(case: Case, tmp_path: Path) -> None:
    source_format, path, context = case
    copy = tmp_path / "elsewhere" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    bronze, parsed = ingest(case)
    bronze_copy, parsed_copy = ingest((source_format, copy, context))
    assert bronze.equals(bronze_copy)
    for name, rows in frames(parsed).items():
        assert rows.equals(frames(parsed_copy)[name])


def test_no_rows_give_no_rows(case: Case) -> None:
    source_format, _, context = case
    bronze, _ = ingest(case)
    for rows in frames(source_format.parse(bronze.clear(), context)).values():
        assert rows.is_empty()


def test_a_folder_scan_claims_the_file(case: Case) -> None:
    source_format, path, _ = case
    assert path.name.endswith(tuple(source_format.suffixes))
