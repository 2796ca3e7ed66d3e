"""What the market showed at given instants, gathered while its quotes go by once.

Each reader takes every chunk of one book's quotes in order of time, and answers in the end. So one
pass over any number of quotes serves all of them, and only a chunk is in memory.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from framework.align import AsOf
from framework.align.asof import asof
from framework.core.clock import NS_PER_S
from framework.core.costs import DAY_NS

MINUTE_NS: Final = 60 * NS_PER_S
MID: Final = "mid_hticks"
QUOTED: Final = (MID, "bid_ticks", "bid_lots", "ask_ticks", "ask_lots")
"""Columns of a quote that arrival prices are read from."""


def with_mid(chunk: pl.DataFrame) -> pl.DataFrame:
    """Add the mid in half ticks, null where a side has no quote."""
    return chunk.with_columns((pl.col("bid_ticks") + pl.col("ask_ticks")).alias(MID))


class At:
    """Quotes as they stood at given instants.

    Parameters
    ----------
    at_ns
        Instants in rising order; a null has no answer.
    columns
        What to read, of a chunk's columns.
    strict
        True leaves out quotes of the very instant.
    carry
        True answers instants after the last quote of all with it; otherwise they have no answer.
    """

    def __init__(
        self,
        at_ns: pl.Series,
        columns: tuple[str, ...] = (MID,),
        *,
        strict: bool = False,
        carry: bool = False,
    ) -> None:
        self._probes = at_ns.alias("ts_ns").to_frame().drop_nulls()
        self._rows = at_ns.len()
        self._known = at_ns.is_not_null()
        self._columns = columns
        self._spec = AsOf(on="ts_ns", strict=strict)
        self._strict = strict
        self._carry = carry
        self._done = 0
        self._held: pl.DataFrame | None = None
        self._found: list[pl.DataFrame] = []

    def take(self, chunk: pl.DataFrame) -> None:
        """Answer what this chunk settles: instants before its last quote."""
        quotes = chunk.select("ts_ns", *self._columns)
        if self._held is not None:
            quotes = pl.concat([self._held, quotes])
        last_ns = chunk["ts_ns"][-1]
        times = self._probes["ts_ns"]
        until = times.search_sorted(last_ns, "right" if self._strict else "left")
        self._answer(until, quotes)
        self._held = quotes.tail(1)

    def finish(self) -> pl.DataFrame:
        """Return the columns, one row an instant."""
        if self._held is not None:
            last_ns = self._held["ts_ns"][0]
            settled = int(self._probes["ts_ns"].search_sorted(last_ns, "right"))
            self._answer(self._probes.height if self._carry else settled, self._held)
        blank = pl.Schema(dict.fromkeys(self._columns, pl.Int64))
        found = pl.concat(self._found) if self._found else pl.DataFrame(schema=blank)
        missing = self._probes.height - found.height
        if missing:
            rest = pl.DataFrame({name: [None] * missing for name in found.columns}, found.schema)
            found = pl.concat([found, rest])
        if self._probes.height == self._rows:
            return found
        places = self._known.arg_true().alias("__row")
        every = pl.DataFrame({"__row": pl.int_range(self._rows, eager=True)})
        answered = found.with_columns(places.cast(pl.Int64))
        return every.join(answered, on="__row", how="left", maintain_order="left").drop("__row")

    def _answer(self, until: int, quotes: pl.DataFrame) -> None:
        if until > self._done:
            asked = self._probes.slice(self._done, until - self._done)
            joined = asof(asked, quotes, self._spec)
            self._found.append(joined.select(self._columns))
            self._done = until


class Integrals:
    """Integrals of the mid over time up to given instants, for time-weighted averages.

    Time in which a side had no quote does not count. Sums are 128-bit whole numbers.

    Parameters
    ----------
    at_ns
        Several lists of instants, each in rising order.
    """

    def __init__(self, *at_ns: pl.Series) -> None:
        self._at_ns = at_ns
        self._readers = [At(one, ("ts_ns_of", MID, "area", "known_ns")) for one in at_ns]
        self._area, self._known_ns = 0, 0
        self._last: tuple[int, int | None] | None = None

    def take(self, chunk: pl.DataFrame) -> None:
        """Go on through a chunk of quotes."""
        last_ns, last_mid = self._last or (chunk["ts_ns"][0], None)
        span = pl.col("ts_ns") - pl.col("ts_ns").shift(1, fill_value=last_ns)
        before = pl.col(MID).shift(1, fill_value=last_mid)
        area = (before.fill_null(0).cast(pl.Int128) * span).cum_sum()
        known = pl.when(before.is_not_null()).then(span).otherwise(0).cum_sum()
        summed = chunk.select(
            "ts_ns",
            pl.col("ts_ns").alias("ts_ns_of"),
            MID,
            (area + pl.lit(self._area, pl.Int128)).alias("area"),
            (known + self._known_ns).alias("known_ns"),
        )
        for reader in self._readers:
            reader.take(summed)
        self._area, self._known_ns = int(summed["area"][-1]), int(summed["known_ns"][-1])
        self._last = (chunk["ts_ns"][-1], chunk[MID][-1])

    def finish(self) -> list[pl.DataFrame]:
        """Return ``area`` (half tick · ns) and ``known_ns`` per list, one row an instant."""
        found = []
        for at_ns, reader in zip(self._at_ns, self._readers, strict=True):
            rest = pl.col("at_ns") - pl.col("ts_ns_of")
            is_known = pl.col(MID).is_not_null()
            found.append(
                reader.finish()
                .with_columns(at_ns.alias("at_ns"))
                .select(
                    area=pl.col("area").cast(pl.Int128)
                    + pl.when(is_known).then(pl.col(MID) * rest).otherwise(0).cast(pl.Int128),
                    known_ns=pl.col("known_ns") + pl.when(is_known).then(rest).otherwise(0),
                )
            )
        return found


class Turnover:
    """Traded quantity and value up to given instants, for volume-weighted averages.

    Parameters
    ----------
    at_ns
        Several lists of instants, each in rising order.
    """

    def __init__(self, *at_ns: pl.Series) -> None:
        self._readers = [At(one, ("value", "lots"), carry=True) for one in at_ns]
        self._value, self._lots = 0, 0

    def take(self, trades: pl.DataFrame) -> None:
        """Go on through a chunk of trades."""
        value = (pl.col("px_ticks").cast(pl.Int128) * pl.col("qty_lots")).cum_sum()
        summed = trades.select(
            "ts_ns",
            (value + pl.lit(self._value, pl.Int128)).alias("value"),
            (pl.col("qty_lots").cum_sum() + self._lots).alias("lots"),
        )
        for reader in self._readers:
            reader.take(summed)
        self._value, self._lots = int(summed["value"][-1]), int(summed["lots"][-1])

    def finish(self) -> list[pl.DataFrame]:
        """Return ``value`` (tick · lot) and ``lots`` per list; null before any trade."""
        return [reader.finish() for reader in self._readers]


class Days:
    """The last mid of every day (UTC), the close of a market that never closes."""

    def __init__(self) -> None:
        self._found: list[pl.DataFrame] = []

    def take(self, chunk: pl.DataFrame) -> None:
        """Go on through a chunk of quotes."""
        day = (pl.col("ts_ns") // DAY_NS).alias("day")
        self._found.append(_last_of("day", chunk.select(day, MID).drop_nulls()))

    def finish(self) -> pl.DataFrame:
        """Return ``day`` (days since the epoch) and ``close_hticks``."""
        blank = pl.DataFrame(schema={"day": pl.Int64, MID: pl.Int64})
        return _last_of("day", pl.concat([blank, *self._found])).rename({MID: "close_hticks"})


class Variance:
    """Realised variance of every minute, from mids a second apart.

    A second is long enough for the bounce between bid and ask not to be taken for volatility.
    """

    def __init__(self) -> None:
        self._found: list[pl.DataFrame] = []

    def take(self, chunk: pl.DataFrame) -> None:
        """Go on through a chunk of quotes."""
        second = (pl.col("ts_ns") // NS_PER_S).alias("second")
        self._found.append(_last_of("second", chunk.select(second, MID).drop_nulls()))

    def finish(self) -> pl.DataFrame:
        """Return ``minute_ns``, its start, and ``volatility_bps``, the root of its variance."""
        blank = pl.DataFrame(schema={"second": pl.Int64, MID: pl.Int64})
        found = _last_of("second", pl.concat([blank, *self._found]))
        moved = pl.col(MID).cast(pl.Float64).log().diff()
        return (
            found.filter(pl.col(MID) > 0)
            .select(minute_ns=pl.col("second") * NS_PER_S // MINUTE_NS * MINUTE_NS, moved=moved)
            .group_by("minute_ns", maintain_order=True)
            .agg(volatility_bps=(pl.col("moved") ** 2).sum().sqrt() * 10_000)
        )


def _last_of(column: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the last row of every run of equal values."""
    return rows.filter(pl.col(column).ne_missing(pl.col(column).shift(-1)))
