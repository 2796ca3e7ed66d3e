"""Interpolation onto a regular grid on Polars."""

from __future__ import annotations

import polars as pl

from framework.align.keys import complete, in_order, require_columns, widened, within
from framework.align.specs import Fill, Grid


def interpolate(observed: pl.DataFrame, spec: Grid) -> pl.DataFrame:
    """Put observations on a regular grid; see `Aligner.interpolate`.

    Examples
    --------
    >>> seen = pl.DataFrame({"ts": [3, 38], "seq": [1, 2], "x": [1.0, 4.0]})
    >>> spec = Grid(step=10, columns=("x",), fill=Fill.LINEAR, ts="ts", sequence="seq")
    >>> interpolate(seen, spec).rows()
    [(10, 1.0), (20, 2.0), (30, 3.0), (40, 4.0)]
    """
    needed = [*spec.by, spec.ts, spec.sequence, *spec.columns]
    require_columns(observed.columns, needed, "observations")
    rows = complete(observed, [*spec.by, spec.ts])
    rows = in_order(rows, spec.by, spec.ts, spec.sequence)
    at = -((-pl.col(spec.ts)) // spec.step) * spec.step
    values = [widened(name, rows.schema[name]) for name in spec.columns]
    bins = (
        rows.select(*spec.by, *values, __at=at)
        .group_by(*spec.by, "__at", maintain_order=True)
        .agg(pl.col(name).drop_nulls().last() for name in spec.columns)
    )
    after = within(pl.col("__at").shift(-1), spec.by).fill_null(pl.col("__at") + spec.step)
    points = bins.with_columns(
        __point=pl.int_ranges(pl.col("__at"), after, spec.step, dtype=pl.Int64)
    ).explode("__point", empty_as_null=True)
    is_seen = pl.col("__point") == pl.col("__at")
    points = points.with_columns(pl.when(is_seen).then(name).alias(name) for name in spec.columns)
    return points.select(
        *spec.by,
        pl.col("__point").alias(spec.ts),
        *(_filled(name, spec).alias(name) for name in spec.columns),
    )


def _filled(name: str, spec: Grid) -> pl.Expr:
    value = pl.col(name)
    if spec.fill == Fill.NULL:
        return value
    if spec.fill == Fill.ZERO:
        return value.fill_null(0)
    before = within(value.forward_fill(), spec.by)
    after = within(value.backward_fill(), spec.by)
    if spec.fill == Fill.PREVIOUS:
        return before
    if spec.fill == Fill.NEXT:
        return after
    point = pl.col("__point")
    seen_at = pl.when(value.is_not_null()).then(point)
    start = within(seen_at.forward_fill(), spec.by)
    end = within(seen_at.backward_fill(), spec.by)
    on_line = before + (after - before) * ((point - start) / (end - start))
    return pl.when(value.is_not_null()).then(value.cast(pl.Float64)).otherwise(on_line)
