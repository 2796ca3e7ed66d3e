"""One interface of alignment; an engine is a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from framework.align.specs import AsOf, Bars, DepthBars, Grid, Levels, Smooth

Frame = TypeVar("Frame")


class Aligner(ABC, Generic[Frame]):
    """Aligns irregular streams; every engine gives the same rows, to the last bit.

    Only the order of the rows is the engine's own: Polars keeps the left side's order in an as-of
    join and sorts by key and time elsewhere, Spark promises none.
    """

    @abstractmethod
    def asof(self, left: Frame, right: Frame, spec: AsOf) -> Frame:
        """Add to every left row the right row that `spec` chooses for it, null where there is none.

        Columns: the left's, then the right's without keys; names that the left has too, and the
        right's time, carry the suffix.
        """

    @abstractmethod
    def bars(self, trades: Frame, spec: Bars) -> Frame:
        """Make bars of trades.

        Columns: keys, ``bar`` (number of the bar; of a time bar its start in ns), ``first_ns``,
        ``last_ns``, ``open``, ``high``, ``low``, ``close``, ``trades``, ``volume``,
        ``notional`` (Σ price · volume), ``vwap`` (Σ price · volume / Σ volume), ``buy_volume``,
        ``sell_volume`` and ``imbalance`` ((buy − sell) / volume).
        """

    @abstractmethod
    def depth_bars(self, snapshots: Frame, spec: DepthBars) -> Frame:
        """Make bars of book snapshots.

        Columns: keys, ``bar`` (its start in ns), ``last_ns``, ``snapshots``, ``bid``, ``ask``
        (best prices of the last snapshot), ``bid_volume``, ``ask_volume`` (over all levels), and
        ``imbalance`` ((bid − ask) / (bid + ask) of the volumes).
        """

    @abstractmethod
    def interpolate(self, observed: Frame, spec: Grid) -> Frame:
        """Put observations on a regular grid; columns: keys, the time, and the grid's columns."""

    @abstractmethod
    def smooth(self, rows: Frame, spec: Smooth) -> Frame:
        """Add moving statistics to every row that has key, time and price."""

    @abstractmethod
    def fill_levels(self, snapshots: Frame, spec: Levels) -> Frame:
        """Complete book snapshots; columns: keys, time, sequence, side, level, price, volume."""
