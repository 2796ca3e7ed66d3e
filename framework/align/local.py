"""Alignment on Polars: one machine, all cores."""

from __future__ import annotations

import polars as pl

from framework.align.asof import asof
from framework.align.bars import bars
from framework.align.base import Aligner
from framework.align.depth_bars import depth_bars
from framework.align.grid import interpolate
from framework.align.levels import fill_levels
from framework.align.smooth import smooth
from framework.align.specs import AsOf, Bars, DepthBars, Grid, Levels, Smooth


class PolarsAligner(Aligner[pl.DataFrame]):
    """Aligns Polars frames."""

    def asof(self, left: pl.DataFrame, right: pl.DataFrame, spec: AsOf) -> pl.DataFrame:
        """Join as of; rows keep the left side's order."""
        return asof(left, right, spec)

    def bars(self, trades: pl.DataFrame, spec: Bars) -> pl.DataFrame:
        """Make bars of trades, sorted by key and bar."""
        return bars(trades, spec)

    def depth_bars(self, snapshots: pl.DataFrame, spec: DepthBars) -> pl.DataFrame:
        """Make bars of book snapshots, sorted by key and bar."""
        return depth_bars(snapshots, spec)

    def interpolate(self, observed: pl.DataFrame, spec: Grid) -> pl.DataFrame:
        """Put observations on a grid, sorted by key and time."""
        return interpolate(observed, spec)

    def smooth(self, rows: pl.DataFrame, spec: Smooth) -> pl.DataFrame:
        """Add moving statistics, sorted by key, time and sequence."""
        return smooth(rows, spec)

    def fill_levels(self, snapshots: pl.DataFrame, spec: Levels) -> pl.DataFrame:
        """Complete book snapshots, sorted by key, time, sequence, bids first, and level."""
        return fill_levels(snapshots, spec)
