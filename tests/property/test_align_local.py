"""Alignment on Polars: the public cases, slow twins, and pandas as a third opinion."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.align import (
    AsOf,
    BarKind,
    Bars,
    Direction,
    Fill,
    Grid,
    Levels,
    PolarsAligner,
    Smooth,
)
from framework.align.conformance import AlignerCases
from framework.core.errors import DataError, SpecError
from tests.oracle.align_by_hand import bars_of, chosen_row, grid_of
from tests.support.streams_to_align import streams

ALIGN = PolarsAligner()


class TestPolars(AlignerCases[pl.DataFrame]):
    def aligner(self) -> PolarsAligner:
        return ALIGN

    def load(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame

    def read(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame


@settings(max_examples=150)
@given(
    streams(),
    streams(),
    st.sampled_from(Direction),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 20)),
    st.sampled_from([(), ("key",)]),
)
def test_as_of_joins_equal_the_slow_twin(
    left: pl.DataFrame,
    right: pl.DataFrame,
    direction: Direction,
    strict: bool,
    tolerance: int | None,
    by: tuple[str, ...],
) -> None:
    spec = AsOf(
        on="ts", by=by, direction=direction, strict=strict, tolerance=tolerance, sequence="seq"
    )
    joined = ALIGN.asof(left, right, spec)
    assert joined.select(left.columns).equals(left)
    rows = list(right.iter_rows(named=True))
    for row, found in zip(left.iter_rows(named=True), joined.iter_rows(named=True), strict=True):
        expected = chosen_row(row, rows, spec)
        for name in ("ts", "seq", "price", "lots"):
            assert found[f"{name}_right"] == (None if expected is None else expected[name])


@settings(max_examples=50)
@given(
    streams(),
    streams(),
    st.sampled_from(Direction),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 20)),
)
def test_pandas_agrees(
    left: pl.DataFrame,
    right: pl.DataFrame,
    direction: Direction,
    strict: bool,
    tolerance: int | None,
) -> None:
    # pandas refuses nulls and rows out of order, so it judges what is left.
    one = left.drop_nulls(["ts", "key"]).sort("ts", "seq")
    other = right.drop_nulls(["ts", "key"]).sort("ts", "seq")
    spec = AsOf(
        on="ts", by=("key",), direction=direction, strict=strict, tolerance=tolerance,
        sequence="seq",
    )  # fmt: skip
    ours = ALIGN.asof(one, other, spec)
    frames = [
        pd.DataFrame({name: frame[name].to_list() for name in ("ts", "key", "seq")}).astype(
            {"ts": "int64", "key": "str", "seq": "int64"}
        )
        for frame in (one, other)
    ]
    theirs = pd.merge_asof(
        *frames,
        on="ts",
        by="key",
        direction=direction.value,
        tolerance=tolerance,
        allow_exact_matches=not strict,
        suffixes=("", "_right"),
    )
    found = [None if pd.isna(value) else int(value) for value in theirs["seq_right"]]
    # Of equal rows after, pandas takes the first in order, as we do; nearest likewise.
    assert ours["seq_right"].to_list() == found


@given(streams(), st.sampled_from(BarKind), st.sampled_from(["price", "lots"]))
def test_bars_equal_the_slow_twin(trades: pl.DataFrame, kind: BarKind, price: str) -> None:
    volume = "volume" if price == "price" else "lots"
    trades = trades.with_columns(pl.col("lots") % 1000)
    spec = Bars(
        size=3 if kind == BarKind.TICK else 20, kind=kind, ts="ts", sequence="seq", by=("key",),
        price=price, volume=volume,
    )  # fmt: skip
    made = ALIGN.bars(trades, spec)
    expected = bars_of(trades, spec)
    assert made.height == len(expected)
    for row in made.iter_rows(named=True):
        twin = expected[row["key"], row["bar"]]
        assert {name: row[name] for name in twin} == twin


@given(streams(), st.sampled_from(Fill), st.sampled_from(["price", "lots"]))
def test_grids_equal_the_slow_twin(seen: pl.DataFrame, fill: Fill, column: str) -> None:
    spec = Grid(step=7, columns=(column,), fill=fill, ts="ts", sequence="seq", by=("key",))
    made = ALIGN.interpolate(seen, spec)
    expected = grid_of(seen, spec)
    assert {(key, ts): value for key, ts, value in made.rows()} == expected


@given(streams())
def test_moving_statistics_are_those_of_their_windows(rows: pl.DataFrame) -> None:
    spec = Smooth(ema_alpha=0.3, range_ns=9, ts="ts", sequence="seq", by=("key",))
    made = ALIGN.smooth(rows, spec)
    assert made.height == rows.drop_nulls(["key", "ts", "price"]).height
    for own in made.partition_by("key"):
        ema = None
        for row in own.sort("ts", "seq").iter_rows(named=True):
            ema = row["price"] if ema is None else 0.3 * row["price"] + 0.7 * ema
            window = own.filter((pl.col("ts") > row["ts"] - 9) & (pl.col("ts") <= row["ts"]))[
                "price"
            ].to_list()
            assert row["ema"] == pytest.approx(ema, rel=1e-12)
            assert row["range_count"] == len(window)
            assert (row["range_min"], row["range_max"]) == (min(window), max(window))
            assert row["range_mean"] == pytest.approx(sum(window) / len(window), rel=1e-9)


def test_an_unsorted_left_side_keeps_its_order() -> None:
    left = pl.DataFrame({"ts": [30, 10, 20], "n": [1, 2, 3]})
    joined = ALIGN.asof(left, pl.DataFrame({"ts": [15], "x": [7]}), AsOf(on="ts"))
    assert joined.select("n", "x").rows() == [(1, 7), (2, None), (3, 7)]


def test_a_time_that_is_no_integer_is_refused() -> None:
    left = pl.DataFrame({"ts": [1.0]})
    with pytest.raises(DataError, match="left side's ts must be int64"):
        ALIGN.asof(left, pl.DataFrame({"ts": [1]}), AsOf(on="ts"))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="px_ticks"):
        ALIGN.bars(pl.DataFrame({"ts_exch_ns": [1]}), Bars(size=10))
    frame = pl.DataFrame({"ts": [1]})
    with pytest.raises(DataError, match="right side must have the columns ts, seq"):
        ALIGN.asof(frame, frame, AsOf(on="ts", sequence="seq"))


def test_a_name_cannot_stand_for_two_columns() -> None:
    left = pl.DataFrame({"ts": [1], "x": [1], "x_right": [2]})
    with pytest.raises(DataError, match="x_right would stand for two"):
        ALIGN.asof(left, pl.DataFrame({"ts": [1], "x": [1]}), AsOf(on="ts"))


@pytest.mark.parametrize(
    "make",
    [
        lambda: AsOf(on="ts", tolerance=-1),
        lambda: AsOf(on="ts", suffix=""),
        lambda: Bars(size=0),
        lambda: Bars(size=0.5, kind=BarKind.TICK),
        lambda: Grid(step=0, columns=()),
        lambda: Smooth(ema_alpha=1.5),
        lambda: Smooth(range_ns=0),
        lambda: Levels(depth=0),
    ],
)
def test_a_spec_that_means_nothing_is_refused(make: object) -> None:
    with pytest.raises(SpecError):
        make()  # type: ignore[operator]
