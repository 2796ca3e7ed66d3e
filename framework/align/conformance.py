"""What every aligner must do, as a test class to subclass: made for pytest, needs only `assert`.

Every case is small enough to be checked by hand, and asks for equality to the last bit.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final, Generic

import polars as pl
from polars.testing import assert_frame_equal

from framework.align.base import Aligner, Frame
from framework.align.specs import (
    AsOf,
    BarKind,
    Bars,
    DepthBars,
    Direction,
    Fill,
    Grid,
    Levels,
    Smooth,
)

# 2024-08-09, where doubles are 256 ns apart.
_T: Final = 1_723_161_600_000_000_000

_LEFT: Final = pl.DataFrame(
    {
        "id": [0, 1, 2, 3, 4, 5],
        "key": ["a", "a", "a", "b", None, "a"],
        "ts": [_T + 5, _T + 6, _T + 100, _T + 5, _T + 5, None],
    },
    schema={"id": pl.Int64, "key": pl.String, "ts": pl.Int64},
)
_RIGHT: Final = pl.DataFrame(
    {
        "key": ["a", "a", "a", "a", None, "b"],
        "ts": [_T + 5, _T + 5, _T + 2, _T + 7, _T + 5, None],
        "seq": [2, 1, 9, 3, 4, 5],
        "x": [None, 1.0, 2.0, 3.0, 4.0, 5.0],
        "y": [20, 10, 90, 30, 40, 50],
    }
)
_TRADES: Final = pl.DataFrame(
    {
        "key": ["a", "a", "a", "a", "a"],
        "ts": [_T + 9, _T, _T, _T + 10, None],
        "seq": [3, 2, 1, 4, 5],
        "price": [12.0, 11.0, 10.0, 13.0, 99.0],
        "volume": [0.1, 0.2, 0.3, None, 1.0],
        "side": [-1, 1, None, 1, 1],
    }
)


class AlignerCases(ABC, Generic[Frame]):
    """Cases of `Aligner`; a subclass says how frames get into its engine and back."""

    @abstractmethod
    def aligner(self) -> Aligner[Frame]:
        """Return the aligner under test."""

    @abstractmethod
    def load(self, frame: pl.DataFrame) -> Frame:
        """Hand a frame to the engine."""

    @abstractmethod
    def read(self, frame: Frame) -> pl.DataFrame:
        """Take a frame back."""

    def matched(self, spec: AsOf) -> dict[int, int | None]:
        """Join the fixed sides; return the right row's ``y`` by the left row's ``id``."""
        joined = self.read(self.aligner().asof(self.load(_LEFT), self.load(_RIGHT), spec))
        assert joined.columns == ["id", "key", "ts", "ts_right", "seq", "x", "y"]
        return dict(joined.select("id", "y").iter_rows())

    def test_backward_takes_the_highest_sequence(self) -> None:
        spec = AsOf(on="ts", by=("key",), sequence="seq")
        assert self.matched(spec) == {0: 20, 1: 20, 2: 30, 3: None, 4: None, 5: None}

    def test_a_row_travels_whole(self) -> None:
        spec = AsOf(on="ts", by=("key",), sequence="seq")
        joined = self.read(self.aligner().asof(self.load(_LEFT), self.load(_RIGHT), spec))
        # The chosen row's own null, not the 1.0 of the row before it.
        assert joined.filter(pl.col("id") == 0)["x"].to_list() == [None]

    def test_strict_leaves_out_the_same_nanosecond(self) -> None:
        spec = AsOf(on="ts", by=("key",), sequence="seq", strict=True)
        assert self.matched(spec) == {0: 90, 1: 20, 2: 30, 3: None, 4: None, 5: None}

    def test_forward_takes_the_lowest_sequence(self) -> None:
        spec = AsOf(on="ts", by=("key",), sequence="seq", direction=Direction.FORWARD)
        assert self.matched(spec) == {0: 10, 1: 30, 2: None, 3: None, 4: None, 5: None}

    def test_nearest_prefers_the_row_before(self) -> None:
        spec = AsOf(on="ts", by=("key",), sequence="seq", direction=Direction.NEAREST)
        assert self.matched(spec) == {0: 20, 1: 20, 2: 30, 3: None, 4: None, 5: None}
        spec = AsOf(on="ts", by=("key",), sequence="seq", direction=Direction.NEAREST, strict=True)
        assert self.matched(spec) == {0: 30, 1: 20, 2: 30, 3: None, 4: None, 5: None}

    def test_tolerance_is_inclusive_and_exact(self) -> None:
        spec = AsOf(on="ts", by=("key",), sequence="seq", tolerance=93)
        assert self.matched(spec)[2] == 30
        spec = AsOf(on="ts", by=("key",), sequence="seq", tolerance=92)
        assert self.matched(spec)[2] is None

    def test_no_keys(self) -> None:
        left, right = _LEFT.filter(pl.col("key") == "a"), _RIGHT.filter(pl.col("key") == "a")
        spec = AsOf(on="ts", sequence="seq")
        joined = self.read(
            self.aligner().asof(self.load(left.drop("key")), self.load(right.drop("key")), spec)
        )
        assert dict(joined.select("id", "y").iter_rows()) == {0: 20, 1: 20, 2: 30, 5: None}

    def test_empty_sides(self) -> None:
        spec = AsOf(on="ts", by=("key",), sequence="seq")
        for left, right in ((_LEFT, _RIGHT.clear()), (_LEFT.clear(), _RIGHT)):
            joined = self.read(self.aligner().asof(self.load(left), self.load(right), spec))
            assert joined.height == left.height
            assert joined["y"].null_count() == left.height

    def test_time_bars(self) -> None:
        made = self._bars(_bars_of(10))
        assert made.select("bar", "first_ns", "last_ns", "trades").rows() == [(_T, _T, _T + 9, 3)]
        assert made.select("open", "high", "low", "close").rows() == [(10.0, 12.0, 10.0, 12.0)]
        volume, notional = (0.3 + 0.2) + 0.1, (10 * 0.3 + 11 * 0.2) + 12 * 0.1
        assert made.select("volume", "notional", "vwap").rows() == [
            (volume, notional, notional / volume)
        ]
        assert made.select("buy_volume", "sell_volume", "imbalance").rows() == [
            (0.2, 0.1, (0.2 - 0.1) / volume)
        ]

    def test_bars_before_the_epoch_start_below_their_trades(self) -> None:
        early = _TRADES.with_columns(ts=pl.Series([-1, -10, -11, 0, None]))
        made = self._bars(_bars_of(10), early)
        assert sorted(made.select("bar", "trades").rows()) == [(-20, 1), (-10, 2)]

    def test_tick_volume_and_dollar_bars(self) -> None:
        for kind, size, expected in (
            (BarKind.TICK, 2, [(0, 2), (1, 1)]),
            (BarKind.VOLUME, 0.25, [(0, 1), (1, 1), (2, 1)]),
            (BarKind.DOLLAR, 4.0, [(0, 2), (1, 1)]),
        ):
            made = self._bars(_bars_of(size, kind))
            assert sorted(made.select("bar", "trades").rows()) == expected, kind

    def test_whole_numbers_stay_whole(self) -> None:
        whole = _TRADES.with_columns(
            pl.col("price").cast(pl.Int64), volume=pl.Series([1 << 54, 1, 1, None, 1])
        )
        made = self._bars(_bars_of(10), whole)
        assert made.schema["notional"] == pl.Int64
        assert made["volume"].to_list() == [(1 << 54) + 2]

    def test_depth_bars(self) -> None:
        book = pl.DataFrame(
            {
                "key": ["a"] * 5,
                "ts": [_T, _T, _T + 3, _T + 3, _T + 3],
                "seq": [1, 1, 2, 2, 2],
                "side": [1, -1, 1, 1, -1],
                "level": [1, 1, 2, 1, 1],
                "price": [10, 11, 9, 10, 12],
                "volume": [5, 5, 2, 4, 1],
            }
        )
        spec = DepthBars(
            size=10, ts="ts", sequence="seq", by=("key",), price="price", volume="volume"
        )
        made = self.read(self.aligner().depth_bars(self.load(book), spec))
        assert made.rows() == [("a", _T, _T + 3, 2, 10, 12, 6, 1, 5 / 7)]

    def test_grids(self) -> None:
        seen = pl.DataFrame(
            {
                "key": ["a", "a", "a", "b"],
                "ts": [_T + 1, _T + 4, _T + 31, _T + 10],
                "seq": [1, 2, 3, 4],
                "x": [1.0, 2.0, 8.0, 7.0],
                "n": [1, None, 3, 7],
            }
        )
        expected: dict[Fill, tuple[list[float | None], list[float | None]]] = {
            Fill.PREVIOUS: ([2.0, 2.0, 2.0, 8.0], [1, 1, 1, 3]),
            Fill.NEXT: ([2.0, 8.0, 8.0, 8.0], [1, 3, 3, 3]),
            Fill.LINEAR: ([2.0, 4.0, 6.0, 8.0], [1.0, 1 + 2 * (1 / 3), 1 + 2 * (2 / 3), 3.0]),
            Fill.ZERO: ([2.0, 0.0, 0.0, 8.0], [1, 0, 0, 3]),
            Fill.NULL: ([2.0, None, None, 8.0], [1, None, None, 3]),
        }
        for fill, (x, n) in expected.items():
            spec = Grid(
                step=10, columns=("x", "n"), fill=fill, ts="ts", sequence="seq", by=("key",)
            )
            made = self.read(self.aligner().interpolate(self.load(seen), spec)).sort("key", "ts")
            one, other = made.filter(pl.col("key") == "a"), made.filter(pl.col("key") == "b")
            assert one["ts"].to_list() == [_T + 10, _T + 20, _T + 30, _T + 40]
            assert (one["x"].to_list(), one["n"].to_list()) == (x, n), fill
            assert other.select("ts", "x", "n").rows() == [(_T + 10, 7.0, 7)]

    def test_moving_statistics(self) -> None:
        rows = pl.DataFrame(
            {
                "key": ["a", "a", "b", "a"],
                "ts": [_T + 20, _T, _T, _T + 10],
                "seq": [3, 1, 1, 2],
                "price": [40.0, 10.0, 5.0, 20.0],
                "volume": [1.0, 1.0, 1.0, 3.0],
            }
        )
        spec = Smooth(ema_alpha=0.5, vwma_rows=2, range_ns=11, ts="ts", sequence="seq", by=("key",))
        made = self.read(self.aligner().smooth(self.load(rows), spec)).sort("key", "ts")
        assert made["ema"].to_list() == [10.0, 15.0, 27.5, 5.0]
        assert made["vwma"].to_list() == [10.0, 17.5, 25.0, 5.0]
        assert made["range_count"].to_list() == [1, 2, 2, 1]
        assert made["range_mean"].to_list() == [10.0, 15.0, 30.0, 5.0]
        assert made["range_max"].to_list() == [10.0, 20.0, 40.0, 5.0]

    def test_missing_levels(self) -> None:
        book = pl.DataFrame(
            {
                "ts": [_T, _T, _T, _T + 1],
                "seq": [1, 1, 1, 2],
                "side": [1, 1, -1, 1],
                "level": [1, 3, 1, 2],
                "price": [10.0, 8.0, 11.0, 7.0],
                "volume": [4.0, 2.0, 1.0, 6.0],
            }
        )
        none: tuple[float | None, float | None] = (None, None)
        expected = {
            Fill.NULL: [(10.0, 4.0), none, (8.0, 2.0), none, (7.0, 6.0), none],
            Fill.ZERO: [(10.0, 4.0), (None, 0.0), (8.0, 2.0), (None, 0.0), (7.0, 6.0), (None, 0.0)],
            Fill.PREVIOUS: [(10.0, 4.0), none, (8.0, 2.0), (10.0, 4.0), (7.0, 6.0), (8.0, 2.0)],
            Fill.NEXT: [(10.0, 4.0), (7.0, 6.0), (8.0, 2.0), none, (7.0, 6.0), none],
            Fill.LINEAR: [(10.0, 4.0), (9.0, 3.0), (8.0, 2.0), none, (7.0, 6.0), none],
        }
        for fill, rows in expected.items():
            spec = Levels(depth=3, fill=fill, ts="ts", sequence="seq")
            full = self.read(self.aligner().fill_levels(self.load(book), spec))
            assert full.height == 12
            bids = full.filter(pl.col("side") == 1).sort("ts", "level")
            assert bids.select("price", "volume").rows() == rows, fill

    def _bars(self, spec: Bars, trades: pl.DataFrame = _TRADES) -> pl.DataFrame:
        return self.read(self.aligner().bars(self.load(trades), spec))


def _bars_of(size: float, kind: BarKind = BarKind.TIME) -> Bars:
    return Bars(
        size=size, kind=kind, ts="ts", sequence="seq", by=("key",), price="price", volume="volume"
    )


def assert_same_rows(one: pl.DataFrame, other: pl.DataFrame) -> None:
    """Raise where two frames differ in anything but the order of their rows."""
    assert_frame_equal(one, other, check_row_order=False, check_exact=True)
