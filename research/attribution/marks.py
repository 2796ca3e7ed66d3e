"""What the market was worth when a trial was filled, and some time after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_MS, NS_PER_S
from framework.core.events import NO_PRICE, I64Array
from framework.core.orders import JournalEvent
from framework.engine.result import Result
from framework.replay.stream import GoldStream
from research.mids import twice_mids_at

HORIZONS_NS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "10ms": 10 * NS_PER_MS,
        "100ms": 100 * NS_PER_MS,
        "1s": NS_PER_S,
        "10s": 10 * NS_PER_S,
        "1m": 60 * NS_PER_S,
    }
)
"""Name and length of the horizons at which fills are marked."""


@dataclass(frozen=True, slots=True, eq=False)
class Marks:
    """Mids around a trial's fills, as whole sums of bid and ask in ticks.

    Attributes
    ----------
    fills
        The journal's rows of fills.
    at_fill
        At the fill itself, shape (n_fills,); `NO_PRICE` where a side was empty.
    later
        By the name of the horizon, that much later, shape (n_fills,); `NO_PRICE` where the data
        had ended by then.
    """

    fills: pl.DataFrame
    at_fill: I64Array
    later: Mapping[str, I64Array]


def fill_rows(result: Result) -> pl.DataFrame:
    """Pick the fills out of a journal, integers as they are."""
    rows = pl.DataFrame(pl.from_arrow(result.journal))
    return rows.filter(pl.col("event") == int(JournalEvent.FILLED))


def mark_fills(
    result: Result,
    streams: Sequence[GoldStream],
    horizons_ns: Mapping[str, int] = HORIZONS_NS,
) -> Marks:
    """Look the mids up around every fill, in one pass over the events of each stream with fills.

    Parameters
    ----------
    result
        One trial.
    streams
        What it was run on, in any order.
    horizons_ns
        Name and length of each horizon.
    """
    fills = fill_rows(result)
    bid, ask = fills["bid_ticks"].to_numpy(), fills["ask_ticks"].to_numpy()
    both = (bid != NO_PRICE) & (ask != NO_PRICE)
    at_fill = np.where(both, np.where(both, bid, 0) + np.where(both, ask, 0), NO_PRICE)
    later = np.full((len(horizons_ns), fills.height), NO_PRICE, np.int64)
    lengths = np.array(list(horizons_ns.values()), np.int64)
    by_name = {stream.instrument.name: stream for stream in streams}
    for book, item in enumerate(result.instruments):
        own = np.flatnonzero(fills["book"].to_numpy() == book)
        if own.size:
            at_ns = fills["ts_ns"].to_numpy()[own] + lengths[:, None]
            found = twice_mids_at(by_name[item.name], at_ns.ravel())
            later[:, own] = found.reshape(at_ns.shape)
    return Marks(fills, at_fill, dict(zip(horizons_ns, later, strict=True)))
