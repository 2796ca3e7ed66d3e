"""Scan every pair of a source for crossed markets, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import polars as pl

from research.scan.pair import FOUND_SCHEMA, VENUE_SCHEMA, PairFound, scan_pair
from research.scan.rules import ScanRules
from research.scan.sources import QuoteSource

OnPair = Callable[[str, int], None]
"""Called after each pair with its name and the number of its quotes."""


class ScanFound(NamedTuple):
    """What a scan found: `FOUND_SCHEMA` and `VENUE_SCHEMA` rows of all pairs, and quotes read."""

    episodes: pl.DataFrame
    venues: pl.DataFrame
    quotes: int


def scan(
    source: QuoteSource,
    rules: ScanRules | None = None,
    *,
    on_pair: OnPair = lambda pair, quotes: None,
) -> ScanFound:
    """Scan a source, pair by pair.

    Memory holds what the source reads at once and the episodes found so far.

    Parameters
    ----------
    source
        Where best prices come from.
    rules
        What counts; every cross if left out.
    on_pair
        A progress display may hook in here.
    """
    rules = rules or ScanRules()
    found: list[PairFound] = []
    total = 0
    for pair, quotes in source.pairs():
        found.append(scan_pair(pair, quotes, rules))
        total += quotes.height
        on_pair(pair, quotes.height)
    return in_one(found, total)


def in_one(found: list[PairFound], quotes: int) -> ScanFound:
    """Put pairs together, in an order that no engine can change."""
    episodes = pl.concat([pl.DataFrame(schema=FOUND_SCHEMA), *(item.episodes for item in found)])
    venues = pl.concat([pl.DataFrame(schema=VENUE_SCHEMA), *(item.venues for item in found)])
    return ScanFound(
        episodes.sort("pair", "start_ns", "buy", "sell"), venues.sort("pair", "venue"), quotes
    )
