"""As-of join on Polars: what was known at each row's time.

Polars' own `join_asof` does the work. It is told here what it cannot know: in which order rows of
equal time stand, and that both sides are sorted, which is looked at rather than assumed.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.align.keys import require_columns
from framework.align.specs import AsOf, Direction
from framework.core.errors import DataError

_ROW: Final = "__row"
_BEFORE: Final = "__before"
_AFTER: Final = "__after"


def asof(left: pl.DataFrame, right: pl.DataFrame, spec: AsOf) -> pl.DataFrame:
    """Add to every left row the right row that `spec` chooses; see `Aligner.asof`.

    Raises
    ------
    DataError
        Where a column is missing, or a time is not int64.

    Examples
    --------
    >>> trades = pl.DataFrame({"ts": [10, 20]})
    >>> quotes = pl.DataFrame({"ts": [5, 20], "bid": [1, 2]})
    >>> asof(trades, quotes, AsOf(on="ts"))["bid"].to_list()
    [1, 2]
    >>> asof(trades, quotes, AsOf(on="ts", strict=True))["bid"].to_list()
    [1, 1]
    """
    check_sides(left.columns, right.columns, spec)
    for side, frame in (("left", left), ("right", right)):
        if frame.schema[spec.on] != pl.Int64:
            raise DataError(
                f"the {side} side's {spec.on} must be int64 nanoseconds, found "
                f"{frame.schema[spec.on]}",
                remedy=f'cast it: pl.col("{spec.on}").dt.epoch("ns")',
            )
    names = right_names(left.columns, right.columns, spec)
    right = _usable(right, spec)
    is_sorted = left[spec.on].is_sorted()
    if not is_sorted:
        left = left.with_row_index(_ROW).sort(spec.on, maintain_order=True)
    if spec.direction == Direction.NEAREST:
        joined = _nearest(left, right.rename(names), spec, names)
    else:
        joined = _join(left, right.rename(names), spec, spec.direction, names[spec.on])
    return joined if is_sorted else joined.sort(_ROW).drop(_ROW)


def check_sides(left: list[str], right: list[str], spec: AsOf) -> None:
    """Raise `DataError` where a column is missing, or a name would stand for two columns."""
    require_columns(left, [spec.on, *spec.by], "the left side")
    needed = [spec.on, *spec.by, *([spec.sequence] if spec.sequence else [])]
    require_columns(right, needed, "the right side")
    named = list(right_names(left, right, spec).values())
    doubled = sorted({name for name in named if name in left or named.count(name) > 1})
    if doubled:
        raise DataError(
            f"each column of an as-of join needs a name of its own, {', '.join(doubled)} would "
            "stand for two",
            remedy=f"pass another suffix than {spec.suffix!r}",
        )


def right_names(left: list[str], right: list[str], spec: AsOf) -> dict[str, str]:
    """Return what the right side's columns, keys left out, are called in the result."""
    return {
        name: name + spec.suffix if name in left or name == spec.on else name
        for name in right
        if name not in spec.by
    }


def _usable(right: pl.DataFrame, spec: AsOf) -> pl.DataFrame:
    """Drop right rows without time, and sort those that are not sorted by time and sequence."""
    if right[spec.on].null_count():
        right = right.filter(pl.col(spec.on).is_not_null())
    order = [spec.on, *([spec.sequence] if spec.sequence else [])]
    if spec.sequence is None:
        in_order = right[spec.on].is_sorted()
    else:
        ts, sequence = pl.col(spec.on), pl.col(spec.sequence)
        step = (ts < ts.shift()) | ((ts == ts.shift()) & (sequence < sequence.shift()))
        has_null = right[spec.sequence].null_count() > 0
        in_order = not has_null and not right.select(step.any()).item()
    return right if in_order else right.sort(order, nulls_last=False, maintain_order=True)


def _join(
    left: pl.DataFrame, right: pl.DataFrame, spec: AsOf, direction: Direction, right_on: str
) -> pl.DataFrame:
    return left.join_asof(
        right,
        left_on=spec.on,
        right_on=right_on,
        by=list(spec.by) or None,
        strategy=direction.value,
        tolerance=spec.tolerance,
        allow_exact_matches=not spec.strict,
        coalesce=False,
        check_sortedness=False,
    )


def _nearest(
    left: pl.DataFrame, right: pl.DataFrame, spec: AsOf, names: dict[str, str]
) -> pl.DataFrame:
    """Choose between the match before and the match after.

    Polars' own "nearest" takes the last of several rows after, where the first is the next one.
    """
    right_on = names[spec.on]
    keys = list(spec.by)
    time = right.select(*keys, right_on, __packed=pl.struct(names.values()))
    before = _join(left, time, spec, Direction.BACKWARD, right_on)
    after = _join(left.select(*keys, spec.on), time, spec, Direction.FORWARD, right_on)
    both = before.rename({right_on: _BEFORE}).with_columns(
        after[right_on].alias(_AFTER), after["__packed"].alias("__later")
    )
    is_after = pl.col(_BEFORE).is_null() | (
        pl.col(_AFTER) - pl.col(spec.on) < pl.col(spec.on) - pl.col(_BEFORE)
    ).fill_null(False)
    packed = pl.when(is_after).then("__later").otherwise("__packed")
    return (
        both.with_columns(packed.alias("__packed"))
        .drop(_BEFORE, _AFTER, "__later")
        .unnest("__packed")
    )
