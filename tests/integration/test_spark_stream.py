"""The streaming medallion: equal to the local engine's, row for row, also after kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from framework.catalog import load_catalog
from framework.core.errors import DataError
from framework.lake.dataset import Dataset
from framework.lake.formats import FORMATS
from framework.lake.formats.base import SourceContext
from framework.lake.formats.binance import BinanceFormat
from framework.lake.ingest import ingest
from framework.lake.ledger import FILES
from framework.lake.store import Lake
from framework.lake.units import INSTRUMENTS
from tests.integration.test_ingest_kill import landing
from tests.support.binance_lines import line, usdm_depth, write_capture

pytest.importorskip("pyspark", reason="the extra crossbook[spark] is not installed")

from pyspark.sql import SparkSession

from framework.scale.medallion import StreamJob, ingest_available, start_stream

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "data_catalog.yaml"

KILLED = """
import os, signal, sys
from pathlib import Path
from framework.catalog import load_catalog
from framework.lake.formats.binance import BinanceFormat
from framework.lake.store import Lake
from framework.scale import SparkConfig, spark_session
from framework.scale.medallion import StreamJob, ingest_available

root, fatal = Path(sys.argv[1]), int(sys.argv[2])
commits = []

def count(table, version):
    commits.append(table)
    if len(commits) == fatal:
        os.killpg(0, signal.SIGKILL)  # this process, Java and the workers

job = StreamJob(table="b", landing=root / "landing", source_format=BinanceFormat(),
                catalog=load_catalog(root / "catalog.yaml"), files_per_batch=1)
lake = Lake(root / "lake", on_commit=count)
ingest_available(spark_session(SparkConfig(shuffle_partitions=1)), lake, job)
"""


def made_landing(root: Path, files: int = 3) -> StreamJob:
    landing(root, files=files, messages=400)
    for index, path in enumerate(sorted((root / "landing").iterdir())):
        os.utime(path, (1_700_000_000 + index, 1_700_000_000 + index))  # Spark takes them by age
    return StreamJob(
        table="b",
        landing=root / "landing",
        source_format=BinanceFormat(),
        catalog=load_catalog(root / "catalog.yaml"),
        files_per_batch=1,
    )


def assert_same_tables(stream: Lake, local: Lake) -> None:
    assert stream.tables() == local.tables()
    for table in local.tables():
        here, there = (lake.scan(table).collect() for lake in (local, stream))
        if table == FILES:
            # The state names the versions of the silver tables, which are a batch's, not a file's.
            here, there = here.drop("state"), there.drop("state")
        assert there.columns == here.columns, table
        order = [c for c in here.columns if here.schema[c].is_numeric() or c == "source_file"]
        key = [*order, *(c for c in here.columns if c not in order)]
        one, other = here.sort(key, nulls_last=True), there.sort(key, nulls_last=True)
        assert one.equals(other, null_equal=True), table


def local_lake(job: StreamJob, root: Path) -> Lake:
    lake = Lake(root)
    report = ingest(
        lake,
        job.table,
        job.source_format,
        [job.landing],
        job.catalog,
        venue=job.context.venue,
        symbol=job.context.symbol,
    )
    assert not report.failures
    return lake


def test_file_by_file_equals_ingest_and_ingest_goes_on(spark: SparkSession, tmp_path: Path) -> None:
    job = made_landing(tmp_path)
    stream, batches = Lake(tmp_path / "stream"), []
    ingest_available(spark, stream, job, on_batch=batches.append)
    assert batches == [0, 1, 2]
    local = local_lake(job, tmp_path / "local")
    assert_same_tables(stream, local)
    assert stream.scan(FILES).collect().sort("ordinal")["duplicates"].to_list() == [0, 1, 1]
    # Gold stands in the order of replay, file by file, as it was written.
    rows = stream.scan(Dataset("b").gold).collect()
    ordered = rows.sort("ts_exch_ns", "seq", maintain_order=True)
    assert ordered.equals(
        local.scan(Dataset("b").gold).collect().sort("ts_exch_ns", "seq", maintain_order=True)
    )
    # Nothing new: no batch, no commit. The ledger is the local engine's own.
    versions = {table: stream.version(table) for table in stream.tables()}
    ingest_available(spark, stream, job, on_batch=batches.append)
    report = ingest(stream, "b", job.source_format, [job.landing], job.catalog)
    assert (report.files, report.skipped) == (0, 3)
    assert {table: stream.version(table) for table in stream.tables()} == versions


def test_large_batches_are_written_by_tasks(spark: SparkSession, tmp_path: Path) -> None:
    job = replace(made_landing(tmp_path), files_per_batch=64, driver_bytes=0)
    stream = Lake(tmp_path / "stream")
    ingest_available(spark, stream, job)
    assert_same_tables(stream, local_lake(job, tmp_path / "local"))


def test_killed_in_the_middle_of_a_batch(spark: SparkSession, tmp_path: Path) -> None:
    job = made_landing(tmp_path)
    # Eight commits of the first batch, two of the second.
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), "10"],
        cwd=ROOT,
        start_new_session=True,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-2000:]
    stream = Lake(tmp_path / "lake")
    # The second batch had committed bronze and depth, and neither trades, gold nor its ledger row.
    assert stream.version(Dataset("b").bronze) == stream.version(Dataset("b").silver("depth")) == 1
    assert stream.version(Dataset("b").silver("trades")) == 0
    assert stream.scan(FILES).collect().height == 1
    ingest_available(spark, stream, job)
    assert_same_tables(stream, local_lake(job, tmp_path / "local"))


def test_a_late_and_a_broken_file_are_quarantined_and_the_stream_goes_on(
    spark: SparkSession, tmp_path: Path
) -> None:
    job = made_landing(tmp_path, files=1)
    local = Lake(tmp_path / "local")
    assert not ingest(local, "b", job.source_format, [job.landing], job.catalog).failures
    (job.landing / "broken.gz").write_bytes(b"\x1f\x8bno gzip")
    late = [line(5, usdm_depth(1, 90, 91, 89, [("99.0", "1.000")]))]
    write_capture(job.landing / "z_late.gz", late)
    for name, at in (("broken.gz", 1_800_000_000), ("z_late.gz", 1_800_000_001)):
        os.utime(job.landing / name, (at, at))
    stream = Lake(tmp_path / "stream")
    ingest_available(spark, stream, job)
    refused = stream.scan(Dataset("b").quarantine).filter(pl.col("source_row") == 0).collect()
    reasons = dict(refused.select("source_file", "reason").iter_rows())
    assert set(reasons) == {"broken.gz", "z_late.gz"}
    assert "numbered depth must come in order of time" in reasons["z_late.gz"]
    report = ingest(local, "b", job.source_format, [job.landing], job.catalog)
    assert {f.source_file for f in report.failures} == set(reasons)
    for kind in ("depth", "trades", "quotes"):
        table = Dataset("b").silver(kind)
        order = ["source_file", "source_row"]
        one, other = (lake.scan(table).collect().sort(order) for lake in (stream, local))
        assert one.equals(other)


def test_a_stream_needs_its_own_checkpoint(spark: SparkSession, tmp_path: Path) -> None:
    job = made_landing(tmp_path, files=1)
    lake = local_lake(job, tmp_path / "local")
    with pytest.raises(DataError, match="must find its own checkpoint"):
        ingest_available(spark, lake, job)


def test_a_running_stream_takes_files_as_they_land(spark: SparkSession, tmp_path: Path) -> None:
    job = made_landing(tmp_path, files=2)
    second = sorted(job.landing.iterdir())[1]
    waiting = second.rename(tmp_path / second.name)
    lake = Lake(tmp_path / "stream")
    query = start_stream(spark, lake, job, every_s=0.2)
    try:
        query.processAllAvailable()
        assert lake.scan(FILES).collect().height == 1
        waiting.rename(second)
        query.processAllAvailable()
    finally:
        query.stop()
    assert_same_tables(lake, local_lake(job, tmp_path / "local"))


class GrowingFormat(BinanceFormat):
    """Binance, whose raw rows say one thing more from the second file on."""

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        for batch in super().read(path, context):
            is_first = path.name.endswith("_0.gz")
            yield batch if is_first else batch.with_columns(collector=pl.lit("tokyo"))


def test_a_new_column_evolves_the_table(spark: SparkSession, tmp_path: Path) -> None:
    import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    plain = made_landing(tmp_path, files=2)
    job = StreamJob(
        table="b",
        landing=plain.landing,
        source_format=GrowingFormat(),
        catalog=plain.catalog,
        files_per_batch=1,
    )
    lake = Lake(tmp_path / "stream")
    ingest_available(spark, lake, job)
    rows = lake.scan(Dataset("b").bronze).collect()
    assert rows.group_by("source_file").agg(pl.col("collector").first()).sort("source_file")[
        "collector"
    ].to_list() == [None, "tokyo"]
    assert lake.scan(INSTRUMENTS).collect().height == 1


by_hand = pytest.mark.skipif(
    "CI" in os.environ, reason="CI streams the four smallest captures; unset CI for all nine"
)


@pytest.mark.captures
@pytest.mark.parametrize(
    ("source", "folder", "venue", "symbol"),
    [
        ("binance", "binance/usdm", "", ""),
        pytest.param("binance", "binance/cm", "", "", marks=by_hand),
        pytest.param("binance", "binance/spot", "", "", marks=by_hand),
        pytest.param("fx", "fx/fxcm", "fxcm", "EURUSD", marks=by_hand),
        ("fx", "fx/oanda", "oanda", "EURUSD"),
        pytest.param("lobster", "lobster", "", "", marks=by_hand),
        ("databento", "databento", "", ""),
        pytest.param("taq", "taq", "", "", marks=by_hand),
        ("tardis", "tardis", "", ""),
    ],
    ids=lambda value: value.replace("/", "_"),
)
def test_captures_give_the_local_tables(
    spark: SparkSession,
    captures: Path,
    tmp_path: Path,
    source: str,
    folder: str,
    venue: str,
    symbol: str,
) -> None:
    job = StreamJob(
        table="t",
        landing=captures / folder,
        source_format=FORMATS[source](),
        catalog=load_catalog(SHIPPED),
        context=SourceContext(venue=venue, symbol=symbol),
    )
    stream = Lake(tmp_path / "stream")
    ingest_available(spark, stream, job)
    assert_same_tables(stream, local_lake(job, tmp_path / "local"))
