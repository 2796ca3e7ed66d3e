"""Best prices of many pairs on many venues, with crosses planted at known times and no others.

Assumptions
-----------
Every venue quotes a pair around one mid that swings by 0.3 half-spreads, so no bid of one comes
near an ask of another, however old either is. In a planted cross one venue's ask and another's bid
meet half an edge beyond the mid, which is less than any third venue would need to take part; both
are quoted at the start and taken back at the end, and between say nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_MS
from framework.core.errors import SpecError
from framework.core.events import I64Array
from framework.lake.formats.base import QUOTE_SCHEMA

_START_NS: Final = 1_723_161_600_000_000_000
_DAY_NS: Final = 86_400_000_000_000
_HALF_SPREAD: Final = 0.05
_SWING: Final = 0.3
_EDGE: Final = 0.4
_DURATIONS_MS: Final = (2.0, 50.0, 700.0, 5_000.0)
_DUST: Final = 0.001
_FEED_NS: Final = 3 * NS_PER_MS

TRUTH_SCHEMA: Final = pl.Schema(
    {
        "pair": pl.String,
        "buy": pl.String,
        "sell": pl.String,
        "start_ns": pl.Int64,
        "end_ns": pl.Int64,
        "is_dust": pl.Boolean,
    }
)
"""The crosses that were planted."""


class Planted(NamedTuple):
    """One pair: silver best prices (`QUOTE_SCHEMA`) in order of time, and `TRUTH_SCHEMA`."""

    quotes: pl.DataFrame
    truth: pl.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantedMarket:
    """A market with planted crosses.

    Parameters
    ----------
    pairs, venues
        How many.
    rows
        Quotes in all, about.
    crosses
        Planted in each pair; they live 2, 50, 700 and 5,000 ms by turns, every fourth is dust.
    seed
        Of every draw.
    """

    pairs: int
    venues: int
    rows: int
    crosses: int = 4
    seed: int = 0

    def __post_init__(self) -> None:
        if self.pairs < 1 or self.venues < 2 or self.rows < 8 * self.pairs * self.venues:
            raise SpecError(
                "a planted market needs a pair, two venues and eight quotes of each, got "
                f"{self.pairs} pairs, {self.venues} venues and {self.rows} rows",
                remedy="ask for more rows or fewer pairs",
            )

    def generate(self) -> Iterator[Planted]:
        """Yield pair after pair."""
        for number in range(self.pairs):
            yield self.pair(number)

    def pair(self, number: int) -> Planted:
        """Make one pair; the same seed and number give the same rows."""
        random = np.random.default_rng([self.seed, number])
        name = f"P{number:04d}"
        truth = self._truth(name, random)
        parts = [self._venue(name, v, truth, random) for v in range(self.venues)]
        quotes = pl.concat(parts).sort("exchange_timestamp_ns", "exchange")
        return Planted(quotes, truth)

    def _truth(self, name: str, random: np.random.Generator) -> pl.DataFrame:
        slot_ns = _DAY_NS // (self.crosses + 1)
        rows = []
        for index in range(self.crosses):
            buy, sell = random.choice(self.venues, 2, replace=False)
            start_ns = _START_NS + (index + 1) * slot_ns + int(random.integers(0, slot_ns // 2))
            length_ns = int(_DURATIONS_MS[index % 4] * NS_PER_MS) + int(random.integers(0, 1000))
            rows.append(
                (name, _venue_name(buy), _venue_name(sell), start_ns, start_ns + length_ns,
                 index % 4 == 3)
            )  # fmt: skip
        return pl.DataFrame(rows, schema=TRUTH_SCHEMA, orient="row")

    def _venue(
        self, name: str, venue: int, truth: pl.DataFrame, random: np.random.Generator
    ) -> pl.DataFrame:
        count = self.rows // (self.pairs * self.venues)
        ts_ns = _START_NS + np.sort(random.integers(0, _DAY_NS, count))
        own = _venue_name(venue)
        taking_part = truth.filter((pl.col("buy") == own) | (pl.col("sell") == own))
        for row in taking_part.iter_rows(named=True):
            ts_ns = ts_ns[(ts_ns < row["start_ns"]) | (ts_ns > row["end_ns"])]
        mid, bid, ask = _quotes_around(ts_ns, random)
        size = 1.0 + random.random(ts_ns.size) * 9
        columns = [ts_ns, bid, ask, size]
        for row in taking_part.iter_rows(named=True):
            is_buy = row["buy"] == own
            for at_ns, is_planted in ((row["start_ns"], True), (row["end_ns"], False)):
                low, high = mid - _HALF_SPREAD, mid + _HALF_SPREAD
                if is_planted:
                    edge = 0.5 * _EDGE * _HALF_SPREAD
                    low, high = (low, mid - edge) if is_buy else (mid + edge, high)
                quantity = _DUST if is_planted and row["is_dust"] else 5.0
                columns = [np.append(c, x) for c, x in zip(
                    columns, (at_ns, low, high, quantity), strict=True)]  # fmt: skip
        return _silver(name, own, venue, *columns)


def _venue_name(venue: int) -> str:
    return f"V{venue:02d}"


def _quotes_around(
    ts_ns: I64Array, random: np.random.Generator
) -> tuple[float, np.ndarray, np.ndarray]:
    mid = 100.0
    swing = _SWING * _HALF_SPREAD * np.sin((ts_ns - _START_NS) / _DAY_NS * 40 * np.pi)
    noise = random.random((2, ts_ns.size)) * _HALF_SPREAD
    bid, ask = mid + swing - _HALF_SPREAD - noise[0], mid + swing + _HALF_SPREAD + noise[1]
    return mid, bid, ask


def _silver(
    pair: str,
    venue: str,
    number: int,
    ts_ns: I64Array,
    bid: np.ndarray,
    ask: np.ndarray,
    size: np.ndarray,
) -> pl.DataFrame:
    order = np.argsort(ts_ns, kind="stable")
    ts_ns = ts_ns[order].astype(np.int64)
    rows = pl.DataFrame(
        {
            "sequence": np.arange(1, ts_ns.size + 1),
            "exchange_timestamp_ns": ts_ns,
            "received_timestamp_ns": ts_ns + _FEED_NS + number * NS_PER_MS,
            "bid_price": bid[order],
            "bid_volume": size[order],
            "ask_price": ask[order],
            "ask_volume": size[order],
        }
    ).with_columns(
        exchange=pl.lit(venue), symbol=pl.lit(pair), source_file=pl.lit("planted"),
        source_row=pl.col("sequence"),
    )  # fmt: skip
    missing = [
        pl.lit(None, dtype).alias(name)
        for name, dtype in QUOTE_SCHEMA.items()
        if name not in rows.columns
    ]
    return rows.with_columns(missing).select(QUOTE_SCHEMA.names())
