"""TAQ quotes and trades of US stocks as CSV, plain or ``.gz``: all exchanges in one file.

Read are ``ts_ms_utc,EX,BID,BIDSIZ,OFR,OFRSIZ,SYMBOL`` (quotes) and
``ts_ms_utc,EX,SYMBOL,COND,SIZE,PRICE,CORR`` (trades), columns in any order.

What the rows become
--------------------
- Every exchange is a venue of its own, named after its letter (N is ``nyse``); a letter this module
  does not know is refused.
- Quotes: sizes are round lots and become shares. Price or size 0 means that the side has no quote.
- Trades: no aggressor is told, so the side is 0. CORR other than 0 and 1 marks trades that were
  cancelled or are corrections of others; they are refused, not traded. Trades reported to FINRA
  (``finra``) took place on no exchange.
- One clock in milliseconds: received time is exchange time, latency cannot be known.
- ``sequence`` is ``days since 1970 · 10⁹ + row``: order of arrival. No gap rule applies to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_MS
from framework.core.errors import DataError
from framework.lake.formats import fields
from framework.lake.formats.base import (
    QUOTE_SCHEMA,
    TRADE_SCHEMA,
    Parsed,
    SourceContext,
    SourceFormat,
)
from framework.lake.formats.lines import (
    HEADER,
    ROWS_A_DAY,
    line_batches,
    open_text,
    read_header,
    source_name,
)

ROUND_LOT_SHARES: Final = 100
"""Shares of a quoted unit; a few high-priced stocks have smaller ones."""

# Participant codes of the Daily TAQ Client Specification.
_VENUE: Final = {
    "A": "nyse_american",
    "B": "nasdaq_bx",
    "C": "nyse_national",
    "D": "finra",
    "I": "ise",
    "J": "cboe_edga",
    "K": "cboe_edgx",
    "M": "nyse_chicago",
    "N": "nyse",
    "P": "nyse_arca",
    "Q": "nasdaq",
    "S": "consolidated_tape",
    "T": "nasdaq",
    "V": "iex",
    "W": "cboe_stock",
    "X": "nasdaq_psx",
    "Y": "cboe_byx",
    "Z": "cboe_bzx",
}
_COMMON: Final = ("ts_ms_utc", "EX", "SYMBOL")
_QUOTE: Final = ("BID", "BIDSIZ", "OFR", "OFRSIZ")
_TRADE: Final = ("SIZE", "PRICE", "CORR")
_STANDING: Final = (0, 1)
_MAX_MS: Final = (2**63 - 1) // NS_PER_MS
_DAY_MS: Final = 86_400_000


class TaqFormat(SourceFormat):
    """Trade and quote files of US stocks."""

    name = "taq"
    suffixes = (".csv", ".csv.gz")

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        source_file = source_name(path)
        if context.venue:
            raise DataError(
                f"{source_file}: TAQ files name their exchanges, the venue must not be given too, "
                f"found {context.venue!r}",
                remedy="leave the venue out",
            )
        with open_text(path) as lines:
            header = read_header(lines, source_file)
            _is_quotes(header, source_file)
            for batch in line_batches(lines, source_file, first_row=2):
                yield batch.with_columns(pl.lit(header).alias(HEADER))

    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        parsed = Parsed()
        for header, rows in fields.headers_of(bronze):
            split = fields.split_fields(rows, header.split(","))
            if context.symbol:
                split = split.with_columns(SYMBOL=pl.lit(context.symbol))
            if _is_quotes(header, str(rows["source_file"][0])):
                quotes, bad = _quotes(split)
                parsed.quotes = pl.concat([parsed.quotes, quotes])
            else:
                trades, bad = _trades(split)
                parsed.trades = pl.concat([parsed.trades, trades])
            parsed.rejects = pl.concat([parsed.rejects, bad])
        return parsed


def _is_quotes(header: str, source_file: str) -> bool:
    columns = set(header.split(","))
    for what, is_quotes in ((_QUOTE, True), (_TRADE, False)):
        if columns.issuperset((*_COMMON, *what)):
            return is_quotes
    raise DataError(
        f"{source_file}, row 1: the columns must be {', '.join((*_COMMON, *_QUOTE))} or "
        f"{', '.join((*_COMMON, *_TRADE))}, found {header[:120]!r}",
        remedy="check that this is a TAQ file with its header line",
    )


def _common_checks() -> list[fields.Check]:
    ts_ms = fields.integer("ts_ms_utc")
    known = pl.col("EX").is_in(list(_VENUE))
    return [
        *(fields.missing(name) for name in _COMMON),
        fields.unreadable("ts_ms_utc", ts_ms, "a whole number of milliseconds"),
        (~ts_ms.is_between(0, _MAX_MS), "ts_ms_utc must lie between 1970 and 2262"),
        (~known, f"EX must be one of {', '.join(_VENUE)}"),
    ]


def _stamped(good: pl.DataFrame) -> pl.DataFrame:
    ts_ms = fields.integer("ts_ms_utc")
    return good.with_columns(
        exchange=pl.col("EX").replace_strict(_VENUE, return_dtype=pl.String),
        symbol="SYMBOL",
        sequence=ts_ms // _DAY_MS * ROWS_A_DAY + pl.col("source_row"),
        exchange_timestamp_ns=ts_ms * NS_PER_MS,
        received_timestamp_ns=ts_ms * NS_PER_MS,
    )


def _quotes(split: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    checks = _common_checks()
    for price, size in (_QUOTE[:2], _QUOTE[2:]):
        # TAQ writes 0 for a price that is not there.
        checks += [
            fields.missing(price),
            fields.unreadable(price, fields.number(price)),
            (fields.number(price) < 0, f"{price} must be at least zero"),
            *fields.volume_checks(size, zero=True),
        ]
    good, bad = fields.partition(split, checks)
    sides = {}
    for side, price, size in (("bid", *_QUOTE[:2]), ("ask", *_QUOTE[2:])):
        is_there = (fields.number(price) > 0) & (fields.number(size) > 0)
        sides[f"{side}_price"] = pl.when(is_there).then(fields.number(price))
        shares = fields.number(size) * ROUND_LOT_SHARES
        sides[f"{side}_volume"] = pl.when(is_there).then(shares)
    return fields.to_schema(_stamped(good).with_columns(**sides), QUOTE_SCHEMA), bad


def _trades(split: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    corr = fields.integer("CORR")
    good, bad = fields.partition(
        split,
        [
            *_common_checks(),
            *fields.price_checks("PRICE"),
            *fields.volume_checks("SIZE"),
            fields.missing("CORR"),
            fields.unreadable("CORR", corr, "a whole number"),
            (~corr.is_in(_STANDING), "CORR must be 0 or 1: the trade was cancelled or corrected"),
        ],
    )
    trades = _stamped(good).with_columns(
        price=fields.number("PRICE"),
        volume=fields.number("SIZE"),
        side=pl.lit(0, pl.Int8),
        is_hidden=pl.lit(False),
    )
    return fields.to_schema(trades, TRADE_SCHEMA), bad
