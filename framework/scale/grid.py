"""Interpolation onto a regular grid and completion of book snapshots on Spark.

Plain Spark: Tempo's ``interpolate`` takes microseconds only.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.window import Window, WindowSpec

from framework.align.keys import require_columns
from framework.align.specs import Fill, Grid, Levels
from framework.scale.asof import quoted
from framework.scale.columns import complete, widened, window


def interpolate(observed: DataFrame, spec: Grid) -> DataFrame:
    """Put observations on a regular grid; see `Aligner.interpolate`."""
    needed = [*spec.by, spec.ts, spec.sequence, *spec.columns]
    require_columns(observed.columns, needed, "observations")
    rows = complete(observed, [*spec.by, spec.ts])
    keys = [quoted(name) for name in spec.by]
    ts, step = quoted(spec.ts), F.lit(spec.step)
    at = ts + F.pmod(-ts, step)
    place = F.struct(ts, quoted(spec.sequence))
    bins = rows.groupBy(*keys, at.alias("__at")).agg(
        *(
            F.max_by(widened(rows, name), F.when(quoted(name).isNotNull(), place)).alias(name)
            for name in spec.columns
        )
    )
    in_order = window(spec.by, F.col("__at"))
    end = F.coalesce(F.lead("__at").over(in_order) - step, F.col("__at"))
    bins = bins.withColumn("__end", end)
    stretch = F.sequence(F.col("__at"), F.col("__end"), step.cast("bigint"))
    points = bins.withColumn("__point", F.explode(stretch))
    is_seen = F.col("__point") == F.col("__at")
    points = points.select(
        *keys,
        "__point",
        *(F.when(is_seen, quoted(name)).alias(name) for name in spec.columns),
    )
    along = window(spec.by, F.col("__point"))
    return points.select(
        *keys,
        F.col("__point").alias(spec.ts),
        *(
            _filled(quoted(name), F.col("__point"), spec.fill, along).alias(name)
            for name in spec.columns
        ),
    )


def fill_levels(snapshots: DataFrame, spec: Levels) -> DataFrame:
    """Complete book snapshots; see `Aligner.fill_levels`."""
    place = [*spec.by, spec.ts, spec.sequence]
    needed = [*place, spec.side, spec.level, spec.price, spec.volume]
    require_columns(snapshots.columns, needed, "snapshots")
    rows = complete(snapshots.select(*(quoted(n) for n in needed)), [*place, spec.side, spec.level])
    numbers = (spec.side, spec.level, spec.price, spec.volume)
    kept = [quoted(name) for name in place]
    rows = rows.select(*kept, *(widened(rows, name).alias(name) for name in numbers))
    if spec.fill == Fill.LINEAR:
        for name in (spec.price, spec.volume):
            rows = rows.withColumn(name, quoted(name).cast("double"))
    sides = F.array(F.lit(1).cast("bigint"), F.lit(-1).cast("bigint"))
    levels = F.sequence(F.lit(1).cast("bigint"), F.lit(spec.depth).cast("bigint"))
    wanted = rows.select(*kept).distinct().withColumn(spec.side, F.explode(sides))
    wanted = wanted.withColumn(spec.level, F.explode(levels))
    has_level = quoted(spec.price).isNotNull() & quoted(spec.volume).isNotNull()
    key = [*place, spec.side, spec.level]
    full = wanted.join(rows.where(has_level), on=key, how="left")
    return full.select(
        *(quoted(name) for name in key),
        *(_level(name, spec).alias(name) for name in (spec.price, spec.volume)),
    )


def _level(name: str, spec: Levels) -> Column:
    value = quoted(name)
    if spec.fill == Fill.ZERO and name == spec.price:
        return value
    if spec.fill == Fill.LINEAR:
        along = window((*spec.by, spec.ts, spec.sequence, spec.side), quoted(spec.level))
        return _filled(value, quoted(spec.level), spec.fill, along)
    over_time = window((*spec.by, spec.side, spec.level), quoted(spec.ts), quoted(spec.sequence))
    return _filled(value, quoted(spec.ts), spec.fill, over_time)


def _filled(value: Column, point: Column, fill: Fill, along: WindowSpec) -> Column:
    if fill == Fill.NULL:
        return value
    if fill == Fill.ZERO:
        return F.coalesce(value, F.lit(0))
    behind = along.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    ahead = along.rowsBetween(Window.currentRow, Window.unboundedFollowing)
    before = F.last(value, ignorenulls=True).over(behind)
    after = F.first(value, ignorenulls=True).over(ahead)
    if fill == Fill.PREVIOUS:
        return before
    if fill == Fill.NEXT:
        return after
    seen = F.when(value.isNotNull(), point)
    start = F.last(seen, ignorenulls=True).over(behind)
    end = F.first(seen, ignorenulls=True).over(ahead)
    on_line = before + (after - before) * ((point - start) / (end - start))
    return F.when(value.isNotNull(), value.cast("double")).otherwise(on_line)
