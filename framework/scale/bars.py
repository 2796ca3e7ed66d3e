"""Bars of trades and of book snapshots on Spark.

Plain Spark: Tempo's ``resample`` and ``calc_bars`` take microseconds only, and its ``vwap`` always
raises.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.window import Window

from framework.align.bars import BAR_COLUMNS
from framework.align.depth_bars import DEPTH_BAR_COLUMNS
from framework.align.keys import require_columns
from framework.align.specs import BarKind, Bars, DepthBars
from framework.scale.asof import quoted
from framework.scale.columns import complete, is_whole, total, widened, window

_ORDER = ("__ts", "__seq")


def bars(trades: DataFrame, spec: Bars) -> DataFrame:
    """Make bars of trades; see `Aligner.bars`."""
    needed = [*spec.by, spec.ts, spec.sequence, spec.price, spec.volume, spec.side]
    require_columns(trades.columns, needed, "trades")
    rows = complete(trades, [*spec.by, spec.ts, spec.price, spec.volume])
    rows = rows.select(
        *(quoted(name) for name in spec.by),
        quoted(spec.ts).cast("bigint").alias("__ts"),
        quoted(spec.sequence).alias("__seq"),
        widened(rows, spec.price).alias("__price"),
        widened(rows, spec.volume).alias("volume"),
        quoted(spec.side).alias("__side"),
    )
    rows = rows.withColumn("notional", F.col("__price") * F.col("volume"))
    for name, sign in (("buy_volume", 1), ("sell_volume", -1)):
        own = F.when(F.col("__side") * sign > 0, F.col("volume"))
        rows = rows.withColumn(name, own.otherwise(F.col("volume") * 0))
    rows = rows.withColumn("bar", _bar(rows, spec))
    order = F.struct(*_ORDER)
    sums = total(rows, ("volume", "notional", "buy_volume", "sell_volume"), _ORDER)
    made = rows.groupBy(*(quoted(name) for name in spec.by), "bar").agg(
        F.min("__ts").alias("first_ns"),
        F.max("__ts").alias("last_ns"),
        F.min_by("__price", order).alias("open"),
        F.max("__price").alias("high"),
        F.min("__price").alias("low"),
        F.max_by("__price", order).alias("close"),
        F.count(F.lit(1)).alias("trades"),
        *sums,
    )
    volume = F.when(F.col("volume") != 0, F.col("volume"))
    made = made.withColumn("vwap", F.col("notional") / volume)
    made = made.withColumn("imbalance", (F.col("buy_volume") - F.col("sell_volume")) / volume)
    return made.select(*(quoted(name) for name in spec.by), *BAR_COLUMNS)


def depth_bars(snapshots: DataFrame, spec: DepthBars) -> DataFrame:
    """Make bars of book snapshots; see `Aligner.depth_bars`."""
    needed = [
        *(*spec.by, spec.ts, spec.sequence, spec.side, spec.level, spec.price, spec.volume),
    ]
    require_columns(snapshots.columns, needed, "snapshots")
    rows = complete(snapshots, needed)
    keys = [quoted(name) for name in spec.by]
    rows = rows.select(
        *keys,
        start_of(quoted(spec.ts), spec.size).alias("bar"),
        quoted(spec.ts).alias("__ts"),
        quoted(spec.sequence).alias("__seq"),
        quoted(spec.side).alias("__side"),
        quoted(spec.level).alias("__level"),
        widened(rows, spec.price).alias("__price"),
        widened(rows, spec.volume).alias("__volume"),
    )
    whole = Window.partitionBy(*keys, "bar")
    rank = F.dense_rank().over(whole.orderBy("__ts", "__seq")).cast("bigint")
    rows = rows.withColumn("__rank", rank)
    rows = rows.withColumn("snapshots", F.max("__rank").over(whole))
    rows = rows.where(F.col("__rank") == F.col("snapshots"))
    for name, sign in (("bid_volume", 1), ("ask_volume", -1)):
        own = F.when(F.col("__side") * sign > 0, F.col("__volume"))
        rows = rows.withColumn(name, own.otherwise(F.col("__volume") * 0))
    made = rows.groupBy(*keys, "bar").agg(
        F.min("__ts").alias("last_ns"),
        F.min("snapshots").alias("snapshots"),
        F.max(F.when(F.col("__side") > 0, F.col("__price"))).alias("bid"),
        F.min(F.when(F.col("__side") < 0, F.col("__price"))).alias("ask"),
        *total(rows, ("bid_volume", "ask_volume"), ("__side", "__level")),
    )
    both = F.col("bid_volume") + F.col("ask_volume")
    difference = F.col("bid_volume") - F.col("ask_volume")
    made = made.withColumn("imbalance", difference / F.when(both != 0, both))
    return made.select(*keys, *DEPTH_BAR_COLUMNS)


def start_of(ts: Column, size: int) -> Column:
    """Round a time down to a multiple, as integers: Spark's ``floor(a / b)`` goes by doubles."""
    return ts - F.pmod(ts, F.lit(size))


def _bar(rows: DataFrame, spec: Bars) -> Column:
    if spec.kind == BarKind.TIME:
        return start_of(F.col("__ts"), int(spec.size))
    in_order = window(spec.by, F.col("__ts"), F.col("__seq"))
    if spec.kind == BarKind.TICK:
        number = (F.row_number().over(in_order) - 1).cast("bigint")
        return _quotient(number, int(spec.size))
    filling = "volume" if spec.kind == BarKind.VOLUME else "notional"
    earlier = in_order.rowsBetween(Window.unboundedPreceding, -1)
    whole = is_whole(rows, filling)
    before = F.coalesce(F.sum(filling).over(earlier), F.lit(0 if whole else 0.0))
    if whole and isinstance(spec.size, int):
        return _quotient(before, spec.size)
    return F.floor(before / F.lit(float(spec.size)))


def _quotient(number: Column, size: int) -> Column:
    """Divide integers and round down."""
    return F.call_function("div", start_of(number, size), F.lit(size).cast("bigint"))
