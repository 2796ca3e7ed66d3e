"""Alignment row by row in plain Python: slow and obvious."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import polars as pl

from framework.align import AsOf, BarKind, Bars, Direction, Fill, Grid

Row = dict[str, Any]


def chosen_row(left: Row, right: list[Row], spec: AsOf) -> Row | None:
    """Find the right row that an as-of join takes for a left row."""
    at = left[spec.on]
    if at is None or any(left[key] is None for key in spec.by):
        return None
    alike = [
        row
        for row in right
        if row[spec.on] is not None and all(row[key] == left[key] for key in spec.by)
    ]

    def near(rows: list[Row], latest: bool) -> Row | None:
        rows = [r for r in rows if spec.tolerance is None or abs(r[spec.on] - at) <= spec.tolerance]
        if not rows:
            return None
        return (max if latest else min)(rows, key=lambda r: (r[spec.on], r[spec.sequence or ""]))

    before = near([r for r in alike if r[spec.on] < at + (not spec.strict)], latest=True)
    after = near([r for r in alike if r[spec.on] > at - (not spec.strict)], latest=False)
    if spec.direction == Direction.BACKWARD:
        return before
    if spec.direction == Direction.FORWARD:
        return after
    if before is None or after is None:
        return before or after
    return after if after[spec.on] - at < at - before[spec.on] else before


def bars_of(trades: pl.DataFrame, spec: Bars) -> dict[tuple[Any, ...], Row]:
    """Make bars of trades; by key and bar."""
    rows = [
        row
        for row in trades.iter_rows(named=True)
        if all(row[name] is not None for name in (*spec.by, spec.ts, spec.price, spec.volume))
    ]
    rows.sort(key=lambda row: (row[spec.ts], row[spec.sequence]))
    filled: defaultdict[tuple[Any, ...], float] = defaultdict(int)
    bars: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = tuple(row[name] for name in spec.by)
        price, volume = row[spec.price], row[spec.volume]
        if spec.kind == BarKind.TIME:
            number = row[spec.ts] // spec.size * spec.size
        else:
            number = int(filled[key] / spec.size)
            filled[key] += {
                BarKind.TICK: 1,
                BarKind.VOLUME: volume,
                BarKind.DOLLAR: price * volume,
            }[spec.kind]
        bar = bars.setdefault(
            (*key, number), {"open": price, "high": price, "low": price, "volume": 0, "notional": 0}
        )
        bar["high"], bar["low"] = max(bar["high"], price), min(bar["low"], price)
        bar["close"], bar["last_ns"] = price, row[spec.ts]
        bar["volume"] += volume
        bar["notional"] += price * volume
    return bars


def grid_of(observed: pl.DataFrame, spec: Grid) -> dict[tuple[Any, ...], float | None]:
    """Interpolate one column; by key and grid point."""
    (column,) = spec.columns
    rows = [r for r in observed.iter_rows(named=True) if r[spec.ts] is not None]
    rows.sort(key=lambda r: (r[spec.ts], r[spec.sequence]))
    found: dict[tuple[Any, ...], float | None] = {}
    for key in {tuple(r[name] for name in spec.by) for r in rows}:
        if None in key:
            continue
        own = [r for r in rows if tuple(r[name] for name in spec.by) == key]
        first, last = (-(-own[i][spec.ts] // spec.step) * spec.step for i in (0, -1))
        points = range(first, last + 1, spec.step)
        seen = {}
        for point in points:
            inside = [
                r[column]
                for r in own
                if point - spec.step < r[spec.ts] <= point and r[column] is not None
            ]
            if inside:
                seen[point] = inside[-1]
        for point in points:
            found[(*key, point)] = _filled(point, seen, spec.fill)
    return found


def _filled(point: int, seen: dict[int, float], fill: Fill) -> float | None:
    if point in seen:
        return seen[point]
    if fill in (Fill.NULL, Fill.ZERO):
        return 0 if fill == Fill.ZERO else None
    before, after = [p for p in seen if p < point], [p for p in seen if p > point]
    if fill == Fill.PREVIOUS:
        return seen[max(before)] if before else None
    if fill == Fill.NEXT:
        return seen[min(after)] if after else None
    if not before or not after:
        return None
    start, end = max(before), min(after)
    return seen[start] + (seen[end] - seen[start]) * ((point - start) / (end - start))
