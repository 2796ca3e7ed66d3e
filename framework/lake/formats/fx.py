"""FX quote zips: one day, one pair, ``milliseconds since midnight,bid,ask`` without a header.

The date stands in the name ``YYYYMMDD_quote.zip``, the pair in the name of the csv inside, the
venue and the time zone of its clock in neither: both come from the catalog or the command line.

What the rows become
--------------------
- One clock: the recorder's time is exchange time and received time alike, so these files say
  nothing about latency.
- No sizes: volumes are null.
- ``sequence`` is ``days since 1970 · 10⁹ + row``: order of arrival, unique within the stream. It
  jumps where a day ends, so no gap rule applies to it.
- ``source_file`` begins with the venue, because venues name their files alike.
- Rows with bid above ask are kept. About one in ten of FXCM's is: whether such quotes are used is
  the catalog's policy, not the format's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_MS
from framework.core.errors import DataError
from framework.lake.formats import fields
from framework.lake.formats.base import QUOTE_SCHEMA, Parsed, SourceContext, SourceFormat
from framework.lake.formats.lines import (
    MEMBER,
    ROWS_A_DAY,
    empty_file,
    line_batches,
    open_text,
    source_name,
    zip_members,
)
from framework.lake.formats.local_time import check_time_zone, utc_ns

_FIELDS: Final = ("ms_of_day", "bid_price", "ask_price")
_DAY_MS: Final = 86_400_000
_FILE = re.compile(r"(\d{8})_quote\.zip$", re.IGNORECASE)
_PAIR = re.compile(r"(?:^|_)([A-Za-z]{6})(?:_|\.)")


class FxFormat(SourceFormat):
    """Quote zips of FX venues."""

    name = "fx"
    suffixes = ("_quote.zip",)

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        _check_context(context, path)
        _trade_date(str(path))
        members = zip_members(path, ".csv")
        if len(members) != 1:
            raise DataError(
                f"{path}: one csv file must stand inside, found {len(members)}",
                remedy="give one zip per pair and day",
            )
        source_file = f"{context.venue}/{source_name(path, members[0])}"
        _symbol(source_file, context)
        n_rows = 0
        with open_text(path, members[0]) as lines:
            for batch in line_batches(lines, source_file):
                if n_rows == 0 and batch.height:
                    _check_first_line(batch)
                n_rows += batch.height
                yield batch
        if n_rows == 0:
            raise empty_file(source_file)

    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        parsed = Parsed()
        for (source_file,), rows in bronze.group_by("source_file", maintain_order=True):
            quotes, rejects = _parse_file(str(source_file), rows, context)
            parsed.quotes = pl.concat([parsed.quotes, quotes])
            parsed.rejects = pl.concat([parsed.rejects, rejects])
        return parsed


def _parse_file(
    source_file: str, bronze: pl.DataFrame, context: SourceContext
) -> tuple[pl.DataFrame, pl.DataFrame]:
    _check_context(context, Path(source_file))
    day = (_trade_date(source_file) - date(1970, 1, 1)).days
    ms_of_day = fields.integer("ms_of_day")
    local_ns = (pl.lit(day, pl.Int64) * _DAY_MS + ms_of_day) * NS_PER_MS
    rows = fields.split_fields(bronze, _FIELDS).with_columns(
        ts_ns=utc_ns(
            pl.when(ms_of_day.is_between(0, _DAY_MS - 1)).then(local_ns), context.time_zone
        )
    )
    good, rejects = fields.partition(
        rows,
        [
            fields.missing("ms_of_day"),
            fields.unreadable("ms_of_day", ms_of_day, "a whole number of milliseconds"),
            (~ms_of_day.is_between(0, _DAY_MS - 1), "ms_of_day must be within one day"),
            (pl.col("ts_ns").is_null(), "local time must exist once in its time zone"),
            *fields.price_checks("bid_price"),
            *fields.price_checks("ask_price"),
        ],
    )
    quotes = good.with_columns(
        fields.number("bid_price"),
        fields.number("ask_price"),
        exchange=pl.lit(context.venue),
        symbol=pl.lit(_symbol(source_file, context)),
        sequence=day * ROWS_A_DAY + pl.col("source_row"),
        exchange_timestamp_ns="ts_ns",
        received_timestamp_ns="ts_ns",
    )
    return fields.to_schema(quotes, QUOTE_SCHEMA), rejects


def _check_context(context: SourceContext, path: Path) -> None:
    if not context.venue:
        raise DataError(
            f"{path}: fx files do not name their venue, and none was given",
            remedy="pass the venue, e.g. --venue fxcm",
        )
    check_time_zone(context.time_zone)


def _trade_date(source_file: str) -> date:
    archive = source_file.split(MEMBER)[0]
    match = _FILE.search(archive)
    try:
        return datetime.strptime(match[1] if match else "", "%Y%m%d").date()
    except ValueError as error:
        raise DataError(
            f"{archive}: the name must be YYYYMMDD_quote.zip, as it alone tells the date",
            remedy="restore the vendor's file name, e.g. 20140501_quote.zip",
        ) from error


def _symbol(source_file: str, context: SourceContext) -> str:
    if context.symbol:
        return context.symbol
    inner = source_file.rpartition(MEMBER)[2]
    match = _PAIR.search(Path(inner).name)
    if match is None:
        raise DataError(
            f"{source_file}: the inner file's name must hold the pair, e.g. "
            "20140501_eurusd_tick_quote.csv",
            remedy="pass the symbol, e.g. --symbol EURUSD",
        )
    return match[1].upper()


def _check_first_line(batch: pl.DataFrame) -> None:
    source_file, row, line = batch.row(0)
    parts = line.split(",")
    if len(parts) != len(_FIELDS) or not parts[0].strip().isdecimal():
        raise DataError(
            f"{source_file}, row {row}: `milliseconds since midnight,bid,ask` must stand in every "
            f"row and no header above them, found {line[:80]!r}",
            remedy="check that this is an fx quote file",
        )
