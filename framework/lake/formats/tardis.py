"""Tardis CSV files, plain or ``.gz``: the header tells what they are.

Read are ``incremental_book_L2``, ``book_snapshot_N`` of any N, ``trades`` and ``quotes``.

What the rows become
--------------------
- Times are microseconds; `timestamp` is the exchange's clock, `local_timestamp` the received one.
  Where an exchange gives no time, Tardis repeats its own, and latency reads as zero.
- ``incremental_book_L2``: rows of one symbol that share `local_timestamp` and `is_snapshot` are one
  message, as Tardis documents; the latest `timestamp` among them is the message's. Amount 0 removes
  a level.
- ``book_snapshot_N``: every row is one message, a snapshot of N levels a side.
- ``sequence``: Tardis passes on no sequence numbers. It is
  ``days since 1970 (received) · 10⁹ + row of the message's first line``: order of arrival, unique
  within a stream. No gap rule applies to it.
- The venue is the column `exchange`, unless one is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl

from framework.core.errors import DataError
from framework.lake.formats import fields
from framework.lake.formats.base import (
    DEPTH_SCHEMA,
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

_COMMON: Final = ("exchange", "symbol", "timestamp", "local_timestamp")
_SIDE: Final = {"buy": 1, "sell": -1, "unknown": 0}
_BOOK_SIDE: Final = {"bid": True, "ask": False}
_SIDES: Final = ("bids", "asks")
_FLAG: Final = {"true": True, "false": False}
_NEEDS: Final = {
    "depth": {*_COMMON, "is_snapshot", "side", "price", "amount"},
    "trades": {*_COMMON, "id", "side", "price", "amount"},
    "quotes": {*_COMMON, "ask_amount", "ask_price", "bid_price", "bid_amount"},
    "snapshots": {*_COMMON, "asks[0].price", "asks[0].amount", "bids[0].price", "bids[0].amount"},
}
_LEVEL: Final = re.compile(r"^(asks|bids)\[(\d+)\]\.(price|amount)$")
_DAY_NS: Final = 86_400 * 10**9


class TardisFormat(SourceFormat):
    """Downloadable CSV files of Tardis."""

    name = "tardis"
    suffixes = (".csv", ".csv.gz")

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        source_file = source_name(path)
        with open_text(path) as lines:
            header = read_header(lines, source_file)
            kind = _kind(header, source_file)
            batches = line_batches(lines, source_file, first_row=2)
            if kind == "depth":
                batches = _whole_messages(batches, header)
            for batch in batches:
                yield batch.with_columns(pl.lit(header).alias(HEADER))

    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        parsed = Parsed()
        for header, rows in fields.headers_of(bronze):
            kind = _kind(header, str(rows["source_file"][0]))
            split = _with_stamps(fields.split_fields(rows, header.split(",")))
            if kind == "trades":
                good, bad = _trades(split, context)
                parsed.trades = pl.concat([parsed.trades, good])
            elif kind == "quotes":
                good, bad = _quotes(split, context)
                parsed.quotes = pl.concat([parsed.quotes, good])
            else:
                good, bad = (_updates if kind == "depth" else _snapshots)(split, context)
                parsed.depth = pl.concat([parsed.depth, good])
            parsed.rejects = pl.concat([parsed.rejects, bad])
        return parsed


def _kind(header: str, source_file: str) -> str:
    columns = set(header.split(","))
    for kind, needs in _NEEDS.items():
        if needs <= columns:
            if kind == "snapshots":
                _check_levels(columns, source_file)
            return kind
    raise DataError(
        f"{source_file}, row 1: the header must be that of incremental_book_L2, trades, quotes or "
        f"book_snapshot_N, found {header[:120]!r}",
        remedy="check that this is a Tardis CSV file with its header line",
    )


def _check_levels(columns: set[str], source_file: str) -> None:
    levels = range(_n_levels(columns))
    needs = {name for level in levels for side in _SIDES for name in _level_columns(side, level)}
    if missing := sorted(needs - columns):
        raise DataError(
            f"{source_file}, row 1: {len(levels)} levels a side must have price and amount, "
            f"missing {', '.join(missing)}",
            remedy="fetch the file again",
        )


def _n_levels(columns: set[str] | list[str]) -> int:
    found = (_LEVEL.match(name) for name in columns)
    return 1 + max(int(match[2]) for match in found if match)


def _level_columns(side: str, level: int) -> tuple[str, str]:
    return f"{side}[{level}].price", f"{side}[{level}].amount"


def _whole_messages(batches: Iterator[pl.DataFrame], header: str) -> Iterator[pl.DataFrame]:
    """Move the last message of a batch to the next one, so that no message is cut in two."""
    at = header.split(",").index("local_timestamp")
    carried = pl.DataFrame()
    for batch in batches:
        rows = pl.concat([carried, batch]) if carried.height else batch
        stamps = rows["payload"].str.split(",").list.get(at, null_on_oob=True)
        last = (stamps != stamps[-1]).fill_null(True).arg_true().last()
        cut = 0 if last is None else int(str(last)) + 1
        carried = rows[cut:]
        if cut:
            yield rows[:cut]
    if carried.height:
        yield carried


def _with_stamps(split: pl.DataFrame) -> pl.DataFrame:
    return split.with_columns(
        exchange_timestamp_ns=fields.ts_us("timestamp"),
        received_timestamp_ns=fields.ts_us("local_timestamp"),
    )


def _stamp_checks() -> list[fields.Check]:
    return [
        fields.missing("exchange"),
        fields.missing("symbol"),
        *fields.ts_checks("timestamp", pl.col("exchange_timestamp_ns"), "microseconds"),
        *fields.ts_checks("local_timestamp", pl.col("received_timestamp_ns"), "microseconds"),
    ]


def _choice(name: str, choices: dict[str, bool] | dict[str, int]) -> fields.Check:
    known = pl.col(name).str.to_lowercase().is_in(list(choices))
    return ~known.fill_null(False), f"{name} must be {' or '.join(choices)}"


def _streams(good: pl.DataFrame, context: SourceContext) -> pl.DataFrame:
    named = good.with_columns(
        sequence=pl.col("received_timestamp_ns") // _DAY_NS * ROWS_A_DAY + pl.col("source_row")
    )
    if context.venue:
        named = named.with_columns(exchange=pl.lit(context.venue))
    return named.with_columns(symbol=pl.lit(context.symbol)) if context.symbol else named


def _trades(split: pl.DataFrame, context: SourceContext) -> tuple[pl.DataFrame, pl.DataFrame]:
    good, bad = fields.partition(
        split,
        [
            *_stamp_checks(),
            _choice("side", _SIDE),
            *fields.price_checks("price"),
            *fields.volume_checks("amount"),
        ],
    )
    trades = _streams(good, context).with_columns(
        fields.number("price"),
        fields.number("amount").alias("volume"),
        trade_id="id",
        side=pl.col("side").str.to_lowercase().replace_strict(_SIDE, return_dtype=pl.Int8),
        is_hidden=pl.lit(False),
    )
    return fields.to_schema(trades, TRADE_SCHEMA), bad


def _quotes(split: pl.DataFrame, context: SourceContext) -> tuple[pl.DataFrame, pl.DataFrame]:
    checks = _stamp_checks()
    for side in ("bid", "ask"):
        checks += fields.price_checks(f"{side}_price", required=False)
        checks += fields.volume_checks(f"{side}_amount", required=False, zero=True)
    good, bad = fields.partition(split, checks)
    quotes = _streams(good, context).with_columns(
        fields.number("bid_price"),
        fields.number("ask_price"),
        fields.number("bid_amount").alias("bid_volume"),
        fields.number("ask_amount").alias("ask_volume"),
    )
    return fields.to_schema(quotes, QUOTE_SCHEMA), bad


def _updates(split: pl.DataFrame, context: SourceContext) -> tuple[pl.DataFrame, pl.DataFrame]:
    # Message numbers come before the checks, so that a refused row does not renumber its message.
    keys = ["source_file", "exchange", "symbol", "local_timestamp", "is_snapshot"]
    starts = pl.any_horizontal(pl.col(key).ne_missing(pl.col(key).shift()) for key in keys)
    split = split.with_columns(starts=starts | (pl.int_range(pl.len()) == 0)).with_columns(
        first_row=pl.when("starts").then("source_row").forward_fill()
    )
    good, bad = fields.partition(
        split,
        [
            *_stamp_checks(),
            _choice("is_snapshot", _FLAG),
            _choice("side", _BOOK_SIDE),
            *fields.price_checks("price"),
            *fields.volume_checks("amount", zero=True),
        ],
    )
    depth = good.with_columns(
        fields.number("price"),
        fields.number("amount").alias("volume"),
        pl.col("exchange_timestamp_ns").max().over("source_file", "first_row"),
        is_bid=pl.col("side").str.to_lowercase() == "bid",
        is_snapshot=pl.col("is_snapshot").str.to_lowercase() == "true",
    )
    numbered = _streams(depth, context).with_columns(
        sequence=pl.col("sequence") - pl.col("source_row") + pl.col("first_row")
    )
    return fields.to_schema(numbered, DEPTH_SCHEMA), bad


def _snapshots(split: pl.DataFrame, context: SourceContext) -> tuple[pl.DataFrame, pl.DataFrame]:
    levels = range(_n_levels(split.columns))
    names = [_level_columns(side, level) for level in levels for side in _SIDES]
    checks = _stamp_checks()
    for price, amount in names:
        checks += fields.price_checks(price, required=False)
        checks += fields.volume_checks(amount, required=False)
        # One of the two alone would silently drop a level.
        half = pl.col(price).is_null() != pl.col(amount).is_null()
        checks.append((half, f"{price} and {amount} must stand together"))
    good, bad = fields.partition(split, checks)
    named = _streams(good, context).with_columns(is_snapshot=pl.lit(True))
    parts = [_level_rows(named, side, level) for level in levels for side in _SIDES]
    bare = pl.all_horizontal(pl.col(price).is_null() for price, _ in names)
    parts.append(fields.to_schema(named.filter(bare), DEPTH_SCHEMA))
    return pl.concat(parts).sort("source_row", maintain_order=True), bad


def _level_rows(named: pl.DataFrame, side: str, level: int) -> pl.DataFrame:
    price, amount = _level_columns(side, level)
    rows = named.filter(pl.col(price).is_not_null()).with_columns(
        price=fields.number(price),
        volume=fields.number(amount),
        is_bid=pl.lit(side == "bids"),
    )
    return fields.to_schema(rows, DEPTH_SCHEMA)
