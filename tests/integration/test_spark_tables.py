"""Spark on the lake's tables: reading, appending, pruning, skew, and how Spark is started."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import polars as pl
import pytest

from framework.core.errors import DataError, SpecError
from framework.lake.store import Lake, TableName
from framework.scale import ScaleError, SparkConfig, append_table, find_java, read_table
from framework.scale.config import DeltaAccess

pytest.importorskip("pyspark", reason="the extra crossbook[spark] is not installed")

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812

from framework.scale.around import ticks_around
from framework.scale.columns import from_spark, to_spark
from framework.scale.plans import plan_text, scan_metrics
from framework.scale.session import delta_access, spark_warnings_off
from framework.scale.upkeep import cluster

pytestmark = pytest.mark.spark
TICKS = TableName("silver", "ticks")
SYMBOLS = [f"{base}/USD" for base in ("AAA", "BBB", "CCC", "DDD", "EEE", "FFF", "GGG", "HHH")]


def ticks(rows: int = 4000) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "symbol": [SYMBOLS[i % 8] for i in range(rows)],
            "ts_exch_ns": [1_723_161_600_000_000_001 + i * 1_000 for i in range(rows)],
            "price": [None if i % 7 == 0 else i / 3 for i in range(rows)],
            "lots": [i * 11 for i in range(rows)],
        }
    )


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """Ticks that Spark wrote, in two commits, partitioned by symbol."""
    made = Lake(tmp_path_factory.mktemp("lake"))
    rows = ticks()
    for name, part in (("one", rows.head(1500)), ("two", rows.tail(2500))):
        loaded = to_spark(spark, part)
        append_table(loaded, made, TICKS, transaction=name, partition_by=("symbol",))
    return made


def test_what_spark_appends_everybody_reads(spark: SparkSession, lake: Lake) -> None:
    here = lake.scan(TICKS).collect().select(ticks().columns).sort("ts_exch_ns")
    assert here.equals(ticks())
    assert from_spark(read_table(spark, lake, TICKS)).sort("ts_exch_ns").equals(ticks())
    assert lake.version(TICKS) == 1  # one commit each, whatever the number of tasks


def test_a_transaction_is_written_once(spark: SparkSession, lake: Lake) -> None:
    append_table(to_spark(spark, ticks(8)), lake, TICKS, transaction="two")
    with spark_warnings_off():
        to_spark(spark, ticks(8)).write.format("crossbook").option("transaction", "two").mode(
            "append"
        ).save(lake.uri(TICKS))
    assert lake.version(TICKS) == 1


def test_the_source_reads_a_version_and_skips_files(spark: SparkSession, lake: Lake) -> None:
    with spark_warnings_off():
        first = spark.read.format("crossbook").option("version", 0).load(lake.uri(TICKS))
        assert first.count() == 1500
        latest = spark.read.format("crossbook").load(lake.uri(TICKS))
        late = 1_723_161_600_000_000_001 + 3_000 * 1_000
        one = latest.where((F.col("symbol") == "CCC/USD") & (F.col("ts_exch_ns") >= late))
        found = from_spark(one)
        parts = one.rdd.getNumPartitions()
    expected = ticks().filter(pl.col("symbol") == "CCC/USD", pl.col("ts_exch_ns") >= late)
    assert found.sort("ts_exch_ns").equals(expected)
    assert parts == 1  # of the 16 files one may hold such rows


def test_a_new_column_is_null_in_older_rows(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    old, new = ticks(4), ticks(4).with_columns(venue=pl.lit("x"))
    append_table(to_spark(spark, old), lake, TICKS, transaction="1")
    append_table(to_spark(spark, new), lake, TICKS, transaction="2")
    for rows in (lake.scan(TICKS).collect(), from_spark(read_table(spark, lake, TICKS))):
        assert rows["venue"].null_count() == 4
        assert rows.height == 8
    assert lake.version(TICKS) == 2  # the columns, then the rows


def test_a_narrower_type_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    append_table(to_spark(spark, ticks(4)), lake, TICKS, transaction="1")
    wrong = ticks(4).with_columns(pl.col("lots").cast(pl.Float64))
    with pytest.raises(Exception, match="cannot be stored in it without loss"):
        append_table(to_spark(spark, wrong), lake, TICKS, transaction="2")
    assert lake.version(TICKS) == 0


def test_news_read_only_their_partitions(spark: SparkSession, lake: Lake) -> None:
    news = pl.DataFrame(
        {
            "symbol": ["CCC/USD", "AAA/USD", "BBB/USD"],
            "news_ts_ns": [1_723_161_600_000_000_001 + 2_000_000] * 3,
            "topic": ["halt", "rating", "rating"],
        }
    )
    # Written, not made on the spot: a local relation would be folded before there is a plan.
    lake_news = TableName("silver", "news")
    append_table(to_spark(spark, news), lake, lake_news, transaction="news")
    halts = read_table(spark, lake, lake_news).where(F.col("topic") == "halt")
    window = {"before_ns": 1_000_000, "after_ns": 500_000}
    joined = ticks_around(halts, read_table(spark, lake, TICKS), **window)
    found = from_spark(joined)
    at = 1_723_161_600_000_000_001 + 2_000_000
    expected = ticks().filter(
        pl.col("symbol") == "CCC/USD",
        pl.col("ts_exch_ns").is_between(at - 1_000_000, at + 500_000),
    )
    assert sorted(found["ts_exch_ns"]) == expected["ts_exch_ns"].to_list()
    assert "dynamicpruning" in plan_text(joined)
    read = next(scan for scan in scan_metrics(joined) if scan.location.endswith("silver/ticks"))
    own = [path for path in lake.open(TICKS).file_uris() if "CCC" in path]
    assert (read.partitions, read.files) == (1, len(own))
    assert read.size_bytes == sum(os.path.getsize(path) for path in own)


def test_a_skewed_symbol_is_split(spark: SparkSession, tmp_path: Path) -> None:
    rows = 60_000
    big = pl.DataFrame({"i": range(rows)}).select(
        symbol=pl.when(pl.col("i") % 20 < 19)
        .then(pl.lit("BIG"))
        .otherwise(pl.format("S{}", pl.col("i") % 7)),
        ts_exch_ns=pl.col("i"),
        text=pl.format("{}-{}", pl.col("i") * 7919, pl.col("i").hash(1)),
    )
    news = pl.DataFrame(
        {"symbol": ["BIG", *(f"S{n}" for n in range(7))], "news_ts_ns": [30_000] * 8}
    )
    changed = {
        "spark.sql.autoBroadcastJoinThreshold": "-1",
        "spark.sql.shuffle.partitions": "6",
        "spark.sql.adaptive.skewJoin.skewedPartitionThresholdInBytes": "100000",
        "spark.sql.adaptive.advisoryPartitionSizeInBytes": "100000",
    }
    before = {name: spark.conf.get(name) for name in changed}
    for name, value in changed.items():
        spark.conf.set(name, value)
    try:
        joined = ticks_around(
            to_spark(spark, news).repartition(3),
            to_spark(spark, big).repartition(4),
            before_ns=100,
            after_ns=100,
        )
        found = from_spark(joined)
        plan = plan_text(joined)
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)
    assert found.height == 201
    assert "isFinalPlan=true" in plan
    assert "(skew=true)" in plan


def test_settings_are_those_promised(spark: SparkSession) -> None:
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"
    assert spark.conf.get("spark.sql.adaptive.enabled") == "true"
    assert spark.conf.get("spark.sql.adaptive.skewJoin.enabled") == "true"
    expected = DeltaAccess.JARS if os.environ.get("CROSSBOOK_DELTA_JARS") else DeltaAccess.SOURCE
    assert delta_access(spark) == expected


@pytest.mark.delta_jars
def test_liquid_clustering(spark: SparkSession, tmp_path: Path) -> None:
    if delta_access(spark) != DeltaAccess.JARS:
        pytest.skip("Delta's jars are not there: set CROSSBOOK_DELTA_JARS to their paths")
    lake = Lake(tmp_path)
    append_table(to_spark(spark, ticks()), lake, TICKS, transaction="1")
    assert cluster(lake, TICKS, ("symbol", "ts_exch_ns"), session=spark) == DeltaAccess.JARS
    assert from_spark(read_table(spark, lake, TICKS)).sort("ts_exch_ns").equals(ticks())


def _java(folder: Path, says: str) -> Path:
    java = folder / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    return java


def test_java_of_java_home_goes_first(tmp_path: Path) -> None:
    home = _java(tmp_path / "home", 'openjdk version "21.0.2"')
    path = _java(tmp_path / "path", 'openjdk version "17.0.15"')
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(path.parent)}) == home
    assert find_java({"PATH": str(path.parent)}) == path


@pytest.mark.parametrize("says", ['java version "1.8.0_392"', 'openjdk version "11.0.1"', "what?"])
def test_another_java_is_refused(tmp_path: Path, says: str) -> None:
    _java(tmp_path, says)
    with pytest.raises(ScaleError, match="needs Java 17 or 21") as error:
        find_java({"JAVA_HOME": str(tmp_path), "PATH": ""})
    assert "openjdk-17-jre-headless" in error.value.remedy


def test_no_java_names_the_package() -> None:
    with pytest.raises(ScaleError, match="none was found") as error:
        find_java({"PATH": "/nowhere"})
    assert "openjdk-17-jre-headless" in error.value.remedy


def test_a_missing_table_is_a_data_error(spark: SparkSession, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="must exist"):
        read_table(spark, Lake(tmp_path), TICKS)


def test_a_config_that_means_nothing_is_refused() -> None:
    with pytest.raises(SpecError, match="must be 1 or more"):
        SparkConfig(shuffle_partitions=0)
