"""Completion of book snapshots on Polars."""

from __future__ import annotations

import polars as pl

from framework.align.keys import complete, require_columns, widened
from framework.align.specs import Fill, Levels


def fill_levels(snapshots: pl.DataFrame, spec: Levels) -> pl.DataFrame:
    """Complete book snapshots; see `Aligner.fill_levels` and `Levels`.

    Examples
    --------
    >>> book = pl.DataFrame(
    ...     {"ts": [1, 1], "seq": [1, 1], "side": [1, 1], "level": [1, 3],
    ...      "price": [10.0, 8.0], "volume": [5.0, 3.0]}
    ... )
    >>> spec = Levels(depth=3, fill=Fill.LINEAR, ts="ts", sequence="seq")
    >>> full = fill_levels(book, spec).filter(pl.col("side") == 1)
    >>> full.select("level", "price", "volume").rows()
    [(1, 10.0, 5.0), (2, 9.0, 4.0), (3, 8.0, 3.0)]
    """
    place = [*spec.by, spec.ts, spec.sequence]
    needed = [*place, spec.side, spec.level, spec.price, spec.volume]
    require_columns(snapshots.columns, needed, "snapshots")
    rows = complete(snapshots.select(needed), [*place, spec.side, spec.level])
    rows = rows.with_columns(
        widened(name, rows.schema[name])
        for name in (spec.side, spec.level, spec.price, spec.volume)
    )
    if spec.fill == Fill.LINEAR:
        rows = rows.with_columns(pl.col(spec.price, spec.volume).cast(pl.Float64))
    wanted = (
        rows.select(place)
        .unique()
        .join(pl.DataFrame({spec.side: [1, -1]}), how="cross")
        .join(pl.DataFrame({spec.level: range(1, spec.depth + 1)}), how="cross")
    )
    has_level = pl.col(spec.price).is_not_null() & pl.col(spec.volume).is_not_null()
    key = [*place, spec.side, spec.level]
    full = wanted.join(rows.filter(has_level), on=key, how="left", maintain_order="left")
    full = full.sort(*place, pl.col(spec.side) * -1, spec.level)
    return full.with_columns(
        _filled(name, spec).alias(name) for name in (spec.price, spec.volume)
    ).select(needed)


def _filled(name: str, spec: Levels) -> pl.Expr:
    value = pl.col(name)
    if spec.fill == Fill.NULL:
        return value
    if spec.fill == Fill.ZERO:
        return value.fill_null(0) if name == spec.volume else value
    level = [*spec.by, spec.side, spec.level]
    if spec.fill == Fill.PREVIOUS:
        return value.forward_fill().over(level)
    if spec.fill == Fill.NEXT:
        return value.backward_fill().over(level)
    side = [*spec.by, spec.ts, spec.sequence, spec.side]
    number = pl.col(spec.level)
    shown = pl.when(value.is_not_null()).then(number)
    before, after = value.forward_fill().over(side), value.backward_fill().over(side)
    start, end = shown.forward_fill().over(side), shown.backward_fill().over(side)
    on_line = before + (after - before) * ((number - start) / (end - start))
    return pl.when(value.is_not_null()).then(value).otherwise(on_line)
