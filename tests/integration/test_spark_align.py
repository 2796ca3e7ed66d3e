"""Alignment on Spark: the public cases, and the local answer to the last bit."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from framework.align import (
    AsOf,
    BarKind,
    Bars,
    DepthBars,
    Direction,
    Fill,
    Grid,
    Levels,
    PolarsAligner,
    Smooth,
)
from framework.align.conformance import AlignerCases, assert_same_rows
from tests.support.streams_to_align import many

pyspark = pytest.importorskip("pyspark", reason="the extra crossbook[spark] is not installed")

from pyspark.sql import DataFrame, SparkSession  # noqa: E402

from framework.scale.aligner import SparkAligner  # noqa: E402
from framework.scale.columns import from_spark, to_spark  # noqa: E402

pytestmark = pytest.mark.spark

KEY = ("case", "key")
LOCAL = PolarsAligner()

# One example is up to 25 streams in one job.
slowly = settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class TestSpark(AlignerCases[DataFrame]):
    @pytest.fixture(autouse=True)
    def _session(self, spark: SparkSession) -> None:
        self.session = spark

    def aligner(self) -> SparkAligner:
        return SparkAligner()

    def load(self, frame: pl.DataFrame) -> DataFrame:
        return to_spark(self.session, frame)

    def read(self, frame: DataFrame) -> pl.DataFrame:
        return from_spark(frame)


@pytest.mark.parametrize("direction", Direction)
@slowly
@given(left=many(), right=many())
def test_as_of_joins_are_equal(
    spark: SparkSession, direction: Direction, left: pl.DataFrame, right: pl.DataFrame
) -> None:
    plain = AsOf(on="ts", by=KEY, direction=direction, sequence="seq")
    specs = (plain, replace(plain, strict=True, tolerance=6))
    one, other = to_spark(spark, left).cache(), to_spark(spark, right).cache()
    for spec in specs:
        found = from_spark(SparkAligner().asof(one, other, spec))
        assert_same_rows(found, LOCAL.asof(left, right, spec))
    one.unpersist(), other.unpersist()


@pytest.mark.parametrize("kind", BarKind)
@slowly
@given(trades=many())
def test_bars_are_equal(spark: SparkSession, kind: BarKind, trades: pl.DataFrame) -> None:
    for price, volume in (("price", "volume"), ("lots", "lots")):
        spec = Bars(size=4, kind=kind, ts="ts", sequence="seq", by=KEY, price=price, volume=volume)
        small = trades.with_columns(pl.col("lots") % 1000)
        found = from_spark(SparkAligner().bars(to_spark(spark, small), spec))
        assert_same_rows(found, LOCAL.bars(small, spec))


@pytest.mark.parametrize("fill", Fill)
@slowly
@given(seen=many())
def test_grids_are_equal(spark: SparkSession, fill: Fill, seen: pl.DataFrame) -> None:
    spec = Grid(step=7, columns=("price", "lots"), fill=fill, ts="ts", sequence="seq", by=KEY)
    found = from_spark(SparkAligner().interpolate(to_spark(spark, seen), spec))
    assert_same_rows(found, LOCAL.interpolate(seen, spec))


@slowly
@given(rows=many())
def test_moving_statistics_are_equal(spark: SparkSession, rows: pl.DataFrame) -> None:
    spec = Smooth(ema_alpha=0.3, vwma_rows=3, range_ns=9, ts="ts", sequence="seq", by=KEY)
    found = from_spark(SparkAligner().smooth(to_spark(spark, rows), spec))
    assert_same_rows(found, LOCAL.smooth(rows, spec))


@slowly
@given(rows=many())
def test_books_are_equal(spark: SparkSession, rows: pl.DataFrame) -> None:
    book = rows.filter(pl.col("side") != 0).with_columns(
        level=pl.col("seq") % 4 + 1, seq=pl.col("ts")
    )
    book = book.unique(["case", "key", "ts", "side", "level"])
    loaded = to_spark(spark, book)
    for fill in (Fill.PREVIOUS, Fill.LINEAR):
        spec = Levels(depth=4, fill=fill, ts="ts", sequence="seq", by=KEY)
        found = from_spark(SparkAligner().fill_levels(loaded, spec))
        assert_same_rows(found, LOCAL.fill_levels(book, spec))
    bars = DepthBars(size=10, ts="ts", sequence="seq", by=KEY, price="price", volume="volume")
    found = from_spark(SparkAligner().depth_bars(loaded, bars))
    assert_same_rows(found, LOCAL.depth_bars(book, bars))
