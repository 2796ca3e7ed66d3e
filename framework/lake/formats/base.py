"""What a vendor format must do: list its raw rows, and turn raw rows into typed silver rows.

The pipeline around a format owns discovery, exactly-once commits, quarantine, sequence rules and
the integer grid; a format only knows how one vendor writes things down.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

BRONZE_SCHEMA: Final = pl.Schema(
    {"source_file": pl.String, "source_row": pl.Int64, "payload": pl.String}
)
"""Bronze of text formats: the line exactly as received. Binary formats add typed columns."""

_Columns = dict[str, type[pl.DataType]]

_CLOCKS: Final[_Columns] = {"exchange_timestamp_ns": pl.Int64, "received_timestamp_ns": pl.Int64}
_SOURCE: Final[_Columns] = {"source_file": pl.String, "source_row": pl.Int64}
_STREAM: Final[_Columns] = {"exchange": pl.String, "symbol": pl.String}

DEPTH_SCHEMA: Final = pl.Schema(
    _STREAM
    | {"first_sequence": pl.Int64, "sequence": pl.Int64, "prev_sequence": pl.Int64}
    | _CLOCKS
    | {
        "is_bid": pl.Boolean,
        "price": pl.Float64,
        "volume": pl.Float64,
        "num_order": pl.Int32,
        "is_snapshot": pl.Boolean,
    }
    | _SOURCE
)
"""Level II. One row per level; a message without levels is one row whose ``is_bid``, ``price`` and
``volume`` are null, so that sequence numbers stay continuous. ``first_sequence`` (Binance ``U``)
and ``prev_sequence`` (``pu``) are null where the venue has none."""

QUOTE_SCHEMA: Final = pl.Schema(
    _STREAM
    | {"sequence": pl.Int64}
    | _CLOCKS
    | {
        "bid_price": pl.Float64,
        "bid_volume": pl.Float64,
        "ask_price": pl.Float64,
        "ask_volume": pl.Float64,
        "last_price": pl.Float64,
        "last_volume": pl.Float64,
    }
    | _SOURCE
)
"""Level I (top of book). A missing side is null; a volume is null where the source has none."""

TRADE_SCHEMA: Final = pl.Schema(
    _STREAM
    | {"sequence": pl.Int64, "trade_id": pl.String}
    | _CLOCKS
    | {"side": pl.Int8, "price": pl.Float64, "volume": pl.Float64, "is_hidden": pl.Boolean}
    | _SOURCE
)
"""Trades; ``side`` is the aggressor's: +1 buy, −1 sell, 0 unknown."""

ORDER_SCHEMA: Final = pl.Schema(
    _STREAM
    | {"sequence": pl.Int64}
    | _CLOCKS
    | {
        "action": pl.Int8,
        "order_id": pl.Int64,
        "side": pl.Int8,
        "price": pl.Float64,
        "volume": pl.Float64,
    }
    | _SOURCE
)
"""Level III: one row per order message; ``action`` is an `EventKind` (ORDER_* or HIDDEN_TRADE or
STATUS), ``side`` the resting order's."""

REJECT_SCHEMA: Final = pl.Schema(_SOURCE | {"reason": pl.String, "payload": pl.String})
"""Quarantined rows: where they stood, why they were refused, what they said."""

SILVER_SCHEMAS: Final = {
    "depth": DEPTH_SCHEMA,
    "quotes": QUOTE_SCHEMA,
    "trades": TRADE_SCHEMA,
    "orders": ORDER_SCHEMA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceContext:
    """What a format may need to know besides the file: filled in from flags and the catalog.

    Parameters
    ----------
    venue
        Venue name, ``""`` where the format reads it from the data.
    symbol
        Symbol, ``""`` where the format reads it from the data or the file's name.
    time_zone
        IANA name or fixed offset such as ``"-05:00"`` of the venue's local times.
    """

    venue: str = ""
    symbol: str = ""
    time_zone: str = "UTC"


@dataclass(slots=True, kw_only=True)
class Parsed:
    """Typed rows of one bronze batch; every frame obeys its schema above."""

    depth: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=DEPTH_SCHEMA))
    quotes: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=QUOTE_SCHEMA))
    trades: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=TRADE_SCHEMA))
    orders: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=ORDER_SCHEMA))
    rejects: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=REJECT_SCHEMA))


class SourceFormat(ABC):
    """One vendor's way of writing market data down.

    A format is stateless between calls; the same bytes always give the same rows.
    """

    name: str
    """As typed on the command line, e.g. ``"binance"``."""
    suffixes: Sequence[str]
    """File name endings this format claims when it is given a folder."""

    def order_hint_ns(self, path: Path) -> int:
        """Return a time by which files are put in order before their names; cheap, never raises.

        0 where nothing is known without reading the file.
        """
        return 0

    @abstractmethod
    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        """Yield the file's raw rows in batches of at most a few hundred thousand.

        Every batch has at least the columns of `BRONZE_SCHEMA`; ``source_row`` counts from 1 the
        way an editor would (a header line is row 1).

        Raises
        ------
        DataError
            Where the file as a whole cannot be read: truncated, empty, wrong header, wrong
            container. Nothing of such a file is committed.
        """

    @abstractmethod
    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        """Turn raw rows into typed rows; rows that cannot be typed go to ``rejects``."""
