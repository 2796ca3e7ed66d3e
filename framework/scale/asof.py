"""As-of join on Spark, by Tempo, told what it would get wrong.

Tempo unites both sides, sorts each key by time and carries the last right row forward. That is
right and fast once

- the right row travels as one struct: left as columns, ``skipNulls`` (Tempo's default) carries each
  column on its own and so mixes rows where one has a null;
- a strict join moves the right side's time on by one nanosecond: Tempo always takes exact matches;
- a join forward turns time around (``~t`` is ``−t − 1`` and cannot overflow);
- the tolerance is compared as integers afterwards: Tempo compares doubles, which do not hold
  nanoseconds;
- left rows without a time get the earliest one: Tempo drops them.

Tempo's ``sql_join_opt`` (an inner join that repeats ties) and ``tsPartitionVal`` (which overflows
on nanoseconds, and forgets what lies before its bracket) are not used.
"""

from __future__ import annotations

from typing import Final

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812
from tempo import TSDF

from framework.align.asof import check_sides, right_names
from framework.align.specs import AsOf, Direction

_EARLIEST: Final = -(1 << 63)
_TIME: Final = "__time"


def asof(left: DataFrame, right: DataFrame, spec: AsOf) -> DataFrame:
    """Add to every left row the right row that `spec` chooses; see `Aligner.asof`."""
    check_sides(left.columns, right.columns, spec)
    names = right_names(left.columns, right.columns, spec)
    # Under names of our own no column of the left can be taken for one of Tempo's.
    place = {name: f"__left{i}" for i, name in enumerate(left.columns) if name not in spec.by}
    keys = [quoted(name) for name in spec.by]
    rows = left.select(*keys, *(quoted(name).alias(own) for name, own in place.items()))
    time = F.col(place[spec.on])
    if spec.direction == Direction.NEAREST:
        rows = _with_match(rows, right, spec, time, "__before", is_forward=False)
        rows = _with_match(rows, right, spec, time, "__after", is_forward=True)
        before, after = F.col("__before"), F.col("__after")
        is_after = before.isNull() | (after[spec.on] - time < time - before[spec.on])
        match = F.when(F.coalesce(is_after, F.lit(False)), after).otherwise(before)
    else:
        is_forward = spec.direction == Direction.FORWARD
        rows = _with_match(rows, right, spec, time, "__match", is_forward=is_forward)
        match = F.col("__match")
    return rows.select(
        *(
            F.col(place[name]).alias(name) if name in place else quoted(name)
            for name in left.columns
        ),
        *(match[name].alias(given) for name, given in names.items()),
    )


def quoted(name: str) -> Column:
    """Name a column whatever characters its name has."""
    return F.col("`" + name.replace("`", "``") + "`")


def _with_match(
    rows: DataFrame, right: DataFrame, spec: AsOf, time: Column, name: str, *, is_forward: bool
) -> DataFrame:
    """Add the right row before each row, or after it, as a struct; null where there is none."""
    turned = F.coalesce(_turned(time, is_forward), F.lit(_EARLIEST))
    joined = TSDF(rows.withColumn(_TIME, turned), _TIME, list(spec.by)).asofJoin(
        _right_side(right, spec, is_forward), right_prefix="__right"
    )
    found = F.col("__right__row")
    is_match = time.isNotNull()
    if spec.tolerance is not None:
        is_match = is_match & (F.abs(found[spec.on] - time) <= spec.tolerance)
    made: DataFrame = joined.df
    return made.select(*(quoted(c) for c in rows.columns), F.when(is_match, found).alias(name))


def _right_side(right: DataFrame, spec: AsOf, is_forward: bool) -> TSDF:
    on = quoted(spec.on)
    is_usable = on.isNotNull()
    for key in spec.by:
        is_usable = is_usable & quoted(key).isNotNull()
    time = _turned(on, is_forward)
    order = []
    if spec.sequence is not None:
        # Of rows that tie the last in order is taken; no sequence counts as the lowest.
        sequence = F.coalesce(quoted(spec.sequence).cast("bigint"), F.lit(_EARLIEST))
        order = [_turned(sequence, is_forward).alias("__order")]
    side = right.where(is_usable).select(
        *(quoted(key) for key in spec.by),
        (time + F.lit(1) if spec.strict else time).alias(_TIME),
        *order,
        F.struct(*(quoted(c) for c in right.columns if c not in spec.by)).alias("_row"),
    )
    return TSDF(side, _TIME, list(spec.by), sequence_col="__order" if order else None)


def _turned(number: Column, is_backwards: bool) -> Column:
    return F.bitwise_not(number) if is_backwards else number
