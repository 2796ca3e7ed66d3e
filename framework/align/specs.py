"""What an alignment asks for, in words that mean the same to every engine.

Times are int64 nanoseconds and stay integers throughout, so nothing is rounded to microseconds.
A row whose time or key is null takes part in nothing; of an as-of join's left rows it is kept,
without a match.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from framework.core.errors import SpecError


class Direction(StrEnum):
    """Where an as-of join looks for the row it takes."""

    BACKWARD = "backward"
    """The last at or before; of equal times the one with the highest sequence."""
    FORWARD = "forward"
    """The first at or after; of equal times the one with the lowest sequence. Looks ahead."""
    NEAREST = "nearest"
    """The nearer of both, the one before where they are equally near. Looks ahead."""


class BarKind(StrEnum):
    """What fills a bar."""

    TIME = "time"
    """``size`` nanoseconds; bars start at multiples of it."""
    TICK = "tick"
    """``size`` trades."""
    VOLUME = "volume"
    """``size`` of volume: a trade belongs to bar ⌊volume before it / size⌋ of its key."""
    DOLLAR = "dollar"
    """``size`` of price · volume, likewise."""


class Fill(StrEnum):
    """What stands where nothing was observed."""

    PREVIOUS = "previous"
    """The last observation before."""
    NEXT = "next"
    """The first observation after. Looks ahead."""
    LINEAR = "linear"
    """On the straight line between both. Looks ahead."""
    ZERO = "zero"
    NULL = "null"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsOf:
    """An as-of join.

    Parameters
    ----------
    on
        Time column of both sides, int64.
    by
        Key columns of both sides.
    direction
        Where to look.
    tolerance
        Greatest distance that still matches, in the unit of `on`; None: any.
    strict
        True leaves exact matches out: what happened at the same instant was not known before it.
    sequence
        Integer column of the right side that orders rows of equal time. Without it, Polars takes
        them as they stand; Spark has no order of rows and may take any of them.
    suffix
        Added to right columns whose names the left has too, and to the right's time.
    """

    on: str
    by: tuple[str, ...] = ()
    direction: Direction = Direction.BACKWARD
    tolerance: int | None = None
    strict: bool = False
    sequence: str | None = None
    suffix: str = "_right"

    def __post_init__(self) -> None:
        object.__setattr__(self, "direction", Direction(self.direction))
        if self.tolerance is not None and self.tolerance < 0:
            raise SpecError(
                f"a tolerance must be 0 or more, got {self.tolerance}",
                remedy="leave it out to match at any distance",
            )
        if not self.suffix:
            raise SpecError(
                "an as-of join needs a suffix for the right side's time, got an empty one",
                remedy='pass for example "_right"',
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Bars of trades.

    Parameters
    ----------
    size
        Of one bar, in the unit of `kind`.
    kind
        What fills a bar.
    ts, sequence
        Columns that order the trades.
    by
        Key columns.
    price, volume
        Columns; integers (ticks, lots) are added exactly, floats one by one in order of the trades.
        Rows in which one of them is null are no trades.
    side
        Column with the aggressor's side: +1, −1, 0 or null where unknown.
    """

    size: int | float
    kind: BarKind = BarKind.TIME
    ts: str = "ts_exch_ns"
    sequence: str = "seq"
    by: tuple[str, ...] = ()
    price: str = "px_ticks"
    volume: str = "qty_lots"
    side: str = "side"

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", BarKind(self.kind))
        _require_positive(self.size, "a bar's size")
        if self.kind in (BarKind.TIME, BarKind.TICK) and not isinstance(self.size, int):
            raise SpecError(
                f"a {self.kind} bar's size must be a whole number, got {self.size!r}",
                remedy="pass nanoseconds, or a number of trades, as int",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthBars:
    """Bars of book snapshots: each shows the last snapshot in it.

    A snapshot is the rows that share key, time and sequence, one for each side and level.

    Parameters
    ----------
    size
        Nanoseconds of one bar.
    ts, sequence
        Columns that order the snapshots.
    by
        Key columns.
    side, level
        +1 for bids, −1 for asks; levels count from 1.
    price, volume
        Columns of the level.
    """

    size: int
    ts: str = "ts_exch_ns"
    sequence: str = "seq"
    by: tuple[str, ...] = ()
    side: str = "side"
    level: str = "level"
    price: str = "px_ticks"
    volume: str = "qty_lots"

    def __post_init__(self) -> None:
        _require_positive(self.size, "a bar's size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A regular grid in place of an irregular stream.

    At grid point t stands the last value observed within (t − step, t]; where none was, `fill`
    says what stands instead. The grid of a key runs from its first to its last such point.

    Parameters
    ----------
    step
        Nanoseconds between grid points, which are multiples of it.
    columns
        Numeric columns, each on its own: a null is no observation.
    fill
        What stands where nothing was observed.
    ts, sequence
        Columns that order the observations.
    by
        Key columns.
    """

    step: int
    columns: tuple[str, ...]
    fill: Fill = Fill.PREVIOUS
    ts: str = "ts_exch_ns"
    sequence: str = "seq"
    by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "fill", Fill(self.fill))
        _require_positive(self.step, "a grid's step")


@dataclass(frozen=True, slots=True, kw_only=True)
class Smooth:
    """Moving statistics of a price, added to every row.

    Parameters
    ----------
    ema_alpha
        Weight of a new value in ``ema`` (starts at the first value); None: no ``ema``.
    vwma_rows
        Rows of the volume-weighted moving average ``vwma``; None: none.
    range_ns
        Width of the window (t − range, t] of ``range_count``, ``_sum``, ``_mean``, ``_min``,
        ``_max`` and ``_std`` (n − 1); None: none.
    ts, sequence
        Columns that order the rows.
    by
        Key columns.
    price, volume
        Columns; `volume` is needed for ``vwma`` only.
    """

    ema_alpha: float | None = None
    vwma_rows: int | None = None
    range_ns: int | None = None
    ts: str = "ts_exch_ns"
    sequence: str = "seq"
    by: tuple[str, ...] = ()
    price: str = "price"
    volume: str = "volume"

    def __post_init__(self) -> None:
        if self.ema_alpha is not None and not 0 < self.ema_alpha <= 1:
            raise SpecError(
                f"ema_alpha must lie above 0 and not above 1, got {self.ema_alpha}",
                remedy="0.1 weighs the last 20 values or so",
            )
        for name in ("vwma_rows", "range_ns"):
            value = getattr(self, name)
            if value is not None:
                _require_positive(value, name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Missing levels of book snapshots, filled in so that every side has all of them.

    Parameters
    ----------
    depth
        Levels of each side, counted from 1.
    fill
        ``previous`` takes the level as the key's last snapshot that had it showed it; ``next`` the
        next that has it; ``linear`` lies between the neighbouring levels of the same snapshot;
        ``zero`` has volume 0 and no price; ``null`` has neither.
    ts, sequence, by, side, level, price, volume
        As in `DepthBars`.
    """

    depth: int
    fill: Fill = Fill.ZERO
    ts: str = "ts_exch_ns"
    sequence: str = "seq"
    by: tuple[str, ...] = ()
    side: str = "side"
    level: str = "level"
    price: str = "price"
    volume: str = "volume"

    def __post_init__(self) -> None:
        object.__setattr__(self, "fill", Fill(self.fill))
        _require_positive(self.depth, "the number of levels")


def _require_positive(value: float, what: str) -> None:
    if not value > 0:
        raise SpecError(f"{what} must be above 0, got {value}", remedy="pass a positive number")
