"""A book as it stood at an instant, to look at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape
from typing import Final

import numpy as np
import polars as pl

from framework.book.ladder import Ladders
from framework.book.levels import read_levels
from framework.core.clock import format_ns, instant_ns
from framework.core.errors import DataError
from framework.core.events import ASK, BID, I64Array
from framework.core.instrument import Instrument
from framework.lake.rebuild import rebuild
from framework.replay.stream import GoldStream

_BATCH_ROWS: Final = 1 << 18
_BAR: Final = "display:inline-block;height:.75em;opacity:.35;border-radius:2px;background:"
_COLOURS: Final = {BID: "#0e9f6e", ASK: "#e02d4f"}


@dataclass(frozen=True, slots=True, eq=False)
class BookPicture:
    """The best levels of one book at one instant, on its venue's clock.

    Attributes
    ----------
    instrument
        What the integers mean.
    ts_ns
        The instant.
    bid_ticks, bid_lots, ask_ticks, ask_lots
        Levels, best first; shape (n,), n the number there are or as many as were asked for.
    is_valid
        False from a gap in the data until the next snapshot has ended.
    """

    instrument: Instrument
    ts_ns: int
    bid_ticks: I64Array
    bid_lots: I64Array
    ask_ticks: I64Array
    ask_lots: I64Array
    is_valid: bool

    @property
    def levels(self) -> pl.DataFrame:
        """One row a level: side (+1 bids, −1 asks), level from 0, price, quantity."""
        item = self.instrument
        rows = [
            (side, n, item.price(int(px)), item.quantity(int(lots)))
            for side, prices, sizes in self._sides()
            for n, (px, lots) in enumerate(zip(prices, sizes, strict=True))
        ]
        schema = {"side": pl.Int8, "level": pl.Int64, "price": pl.Float64, "quantity": pl.Float64}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def _sides(self) -> tuple[tuple[int, I64Array, I64Array], ...]:
        return (BID, self.bid_ticks, self.bid_lots), (ASK, self.ask_ticks, self.ask_lots)

    def _title(self) -> str:
        broken = "" if self.is_valid else ", not valid: a gap in the data"
        return f"{self.instrument.name} at {format_ns(self.ts_ns)}{broken}"

    def __repr__(self) -> str:
        lines = [self._title()]
        for side, prices, sizes in (self._sides()[1], self._sides()[0]):
            rows = list(zip(prices.tolist(), sizes.tolist(), strict=True))
            word = "bid" if side == BID else "ask"
            for px, lots in rows if side == BID else reversed(rows):
                price, quantity = self.instrument.price(px), self.instrument.quantity(lots)
                lines.append(f"  {word}  {price:>14,.10g}  {quantity:>14,.10g}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Show the levels in a notebook, asks above bids, with bars as long as they are large."""
        largest = max([1, *self.bid_lots.tolist(), *self.ask_lots.tolist()])
        rows = []
        for side, prices, sizes in (self._sides()[1], self._sides()[0]):
            levels = list(zip(prices.tolist(), sizes.tolist(), strict=True))
            for px, lots in levels if side == BID else reversed(levels):
                rows.append(self._row(side, px, lots, largest))
        return (
            f"<table><caption style='text-align:left'>{escape(self._title())}</caption>"
            "<thead><tr><th style='text-align:right'>quantity</th>"
            "<th style='text-align:right'>price</th><th></th></tr></thead>"
            f"<tbody>{''.join(rows)}</tbody></table>"
        )

    def _row(self, side: int, px: int, lots: int, largest: int) -> str:
        colour = _COLOURS[side]
        bar = f"<span style='{_BAR}{colour};width:{160 * lots / largest:.0f}px'></span>"
        return (
            f"<tr><td style='text-align:right'>{self.instrument.quantity(lots):,.10g}</td>"
            f"<td style='text-align:right;color:{colour}'>{self.instrument.price(px):,.10g}</td>"
            f"<td style='text-align:left;min-width:170px'>{bar}</td></tr>"
        )


def book_at(stream: GoldStream, at: str | int, levels: int = 10) -> BookPicture:
    """Rebuild a stream's book as it stood after all that had happened by an instant.

    Parameters
    ----------
    stream
        One of those that `open_streams` gives.
    at
        ISO 8601 in UTC, or nanoseconds since the epoch; exchange time.
    levels
        How many of each side.

    Raises
    ------
    DataError
        Where the stream has no event by then.
    """
    ts_ns = instant_ns(at)
    ladders = Ladders(1)
    rows = 0
    for batch in replace(stream, start_ns=ts_ns, end_ns=ts_ns + 1).batches(_BATCH_ROWS):
        rebuild(pl.DataFrame(pl.from_arrow(batch)), ladders)
        rows += batch.num_rows
    if rows == 0:
        raise DataError(
            f"{stream.instrument.name} must have an event by {format_ns(ts_ns)}, it has none",
            remedy=f"its first is at {format_ns(min(stream.files()['first_ns'].to_pylist()))}",
        )
    bids, asks = (_levels(ladders, side, levels) for side in (BID, ASK))
    is_valid = bool(ladders.book["valid"][0])
    return BookPicture(stream.instrument, ts_ns, *bids, *asks, is_valid=is_valid)


def _levels(ladders: Ladders, side: int, levels: int) -> tuple[I64Array, I64Array]:
    px_ticks, lots = np.zeros(levels, np.int64), np.zeros(levels, np.int64)
    n = read_levels(ladders.handle, 0, side, px_ticks, lots)
    return px_ticks[:n], lots[:n]
