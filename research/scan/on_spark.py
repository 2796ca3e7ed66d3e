"""The same scan on Spark: one pair is one task's work, by the function that runs locally."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from research.crossed import QUOTE_SCHEMA
from research.scan.pair import FOUND_SCHEMA, VENUE_SCHEMA, PairFound, scan_pair
from research.scan.rules import ScanRules
from research.scan.scan import ScanFound, in_one
from research.scan.sources import TableQuotes, as_quotes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ROW_OF_VENUE = "venue_row"


def scan_on_spark(
    session: SparkSession, source: TableQuotes, rules: ScanRules | None = None
) -> ScanFound:
    """Scan a table of best prices on Spark; the episodes are those of `scan`.

    Spark brings the rows of each pair to one task (a shuffle by symbol) and hands them over as
    Arrow; all rows of a pair must fit that task's memory.
    """
    from framework.scale import read_table
    from framework.scale.columns import from_spark
    from framework.scale.grouped import per_key

    rules = rules or ScanRules()
    rows = read_table(session, source.lake, source.table, source.version)
    names = (
        *("symbol", "exchange", "sequence", "exchange_timestamp_ns", "received_timestamp_ns"),
        *("bid_price", "bid_volume", "ask_price", "ask_volume"),
    )
    found = from_spark(
        per_key(rows.select(*names), ("symbol",), lambda frame: _of_pair(frame, rules), _BOTH)
    )
    is_venue = pl.col(_ROW_OF_VENUE)
    venues = found.filter(is_venue).select(VENUE_SCHEMA.names())
    episodes = found.filter(~is_venue).select(FOUND_SCHEMA.names())
    return in_one([PairFound(episodes, venues)], int(venues["quotes"].sum()))


_BOTH = pl.Schema(dict(FOUND_SCHEMA) | dict(VENUE_SCHEMA) | {_ROW_OF_VENUE: pl.Boolean})


def _of_pair(silver: pl.DataFrame, rules: ScanRules) -> pl.DataFrame:
    """Scan one pair; episodes and venues travel in one frame, since a task returns one."""
    pair = str(silver["symbol"][0])
    quotes = as_quotes(silver.lazy()).select(QUOTE_SCHEMA.names()).collect()
    found = scan_pair(pair, quotes, rules)
    return pl.concat(
        [
            pl.DataFrame(schema=_BOTH),
            found.episodes.with_columns(pl.lit(False).alias(_ROW_OF_VENUE)),
            found.venues.with_columns(pl.lit(True).alias(_ROW_OF_VENUE)),
        ],
        how="diagonal",
    )
