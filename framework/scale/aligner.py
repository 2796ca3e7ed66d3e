"""Alignment on Spark. This is the one place that says what runs where, and why.

| operation | runs on | because |
|---|---|---|
| as-of join | Tempo, wrapped | sound once rows travel whole; see `framework.scale.asof` |
| bars, VWAP, depth bars | plain Spark | Tempo's resample and calc_bars take microseconds only, \
its vwap always raises |
| grids, missing levels | plain Spark | Tempo's interpolate takes microseconds only |
| EMA, VWMA, range statistics | the local function, per key | Tempo's EMA starts from 0, its range \
statistics change their input; Spark's window sums add in another order |
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from framework.align.base import Aligner
from framework.align.specs import AsOf, Bars, DepthBars, Grid, Levels, Smooth
from framework.scale.asof import asof
from framework.scale.bars import bars, depth_bars
from framework.scale.grid import fill_levels, interpolate
from framework.scale.smooth import smooth


class SparkAligner(Aligner[DataFrame]):
    """Aligns Spark frames."""

    def asof(self, left: DataFrame, right: DataFrame, spec: AsOf) -> DataFrame:
        """Join as of, by Tempo."""
        return asof(left, right, spec)

    def bars(self, trades: DataFrame, spec: Bars) -> DataFrame:
        """Make bars of trades."""
        return bars(trades, spec)

    def depth_bars(self, snapshots: DataFrame, spec: DepthBars) -> DataFrame:
        """Make bars of book snapshots."""
        return depth_bars(snapshots, spec)

    def interpolate(self, observed: DataFrame, spec: Grid) -> DataFrame:
        """Put observations on a grid."""
        return interpolate(observed, spec)

    def smooth(self, rows: DataFrame, spec: Smooth) -> DataFrame:
        """Add moving statistics."""
        return smooth(rows, spec)

    def fill_levels(self, snapshots: DataFrame, spec: Levels) -> DataFrame:
        """Complete book snapshots."""
        return fill_levels(snapshots, spec)
