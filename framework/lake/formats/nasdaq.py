"""Top-of-book and depth-of-book tables in Crossbook's own words, as CSV or Parquet.

These are the level I and level II schemas that Nasdaq's Digital Assets feeds are delivered in. The
columns decide which one a file is; columns beyond them are allowed and stay in bronze.

What the rows become
--------------------
- Top of book → quotes. A missing side is empty; a volume of 0 is a side without a quote. Last price
  and volume are passed on, but a change of them is not taken for a trade.
- Depth of book → depth. Rows that share a sequence are one message; volume 0 removes a level.
  A row whose level is empty keeps the sequence continuous.
- ``is_snapshot`` is ``true``/``false``, ``1``/``0`` or ``snapshot``/``update``; ``is_bid`` is
  ``true``/``false``, ``1``/``0``, ``bid``/``ask``, ``b``/``a`` or ``buy``/``sell``.
- Times are whole nanoseconds since 1970; sequence numbers are the venue's own.
- A Parquet row's payload is its CSV line, so that bronze holds both kinds alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from framework.core.errors import DataError
from framework.lake.formats import fields
from framework.lake.formats.base import (
    BRONZE_SCHEMA,
    DEPTH_SCHEMA,
    QUOTE_SCHEMA,
    Parsed,
    SourceContext,
    SourceFormat,
)
from framework.lake.formats.lines import (
    BATCH_ROWS,
    HEADER,
    empty_file,
    line_batches,
    open_text,
    read_header,
    reading,
    source_name,
)

_CLOCKS: Final = ("exchange_timestamp_ns", "received_timestamp_ns")
_COMMON: Final = ("exchange", "symbol", "sequence", *_CLOCKS)
_TOP: Final = ("bid_price", "bid_volume", "ask_price", "ask_volume", "last_price", "last_volume")
_LEVEL: Final = ("is_bid", "price", "volume")
_DEPTH: Final = (*_LEVEL, "num_order", "is_snapshot")
_IS_BID: Final = {
    **dict.fromkeys(("true", "1", "bid", "b", "buy"), True),
    **dict.fromkeys(("false", "0", "ask", "a", "sell"), False),
}
_IS_SNAPSHOT: Final = {
    **dict.fromkeys(("true", "1", "snapshot"), True),
    **dict.fromkeys(("false", "0", "update"), False),
}


class NasdaqFormat(SourceFormat):
    """Top-of-book and depth-of-book files."""

    name = "nasdaq"
    suffixes = (".csv", ".csv.gz", ".parquet")

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        if path.suffix == ".parquet":
            yield from _read_parquet(path)
            return
        source_file = source_name(path)
        with open_text(path) as lines:
            header = read_header(lines, source_file)
            _is_depth(header, source_file)
            for batch in line_batches(lines, source_file, first_row=2):
                yield batch.with_columns(pl.lit(header).alias(HEADER))

    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        parsed = Parsed()
        for header, rows in fields.headers_of(bronze):
            split = fields.split_fields(rows, _columns(header))
            split = _with_stream(split, context)
            if _is_depth(header, str(rows["source_file"][0])):
                depth, bad = _depth(split)
                parsed.depth = pl.concat([parsed.depth, depth])
            else:
                quotes, bad = _quotes(split)
                parsed.quotes = pl.concat([parsed.quotes, quotes])
            parsed.rejects = pl.concat([parsed.rejects, bad])
        return parsed


def _columns(header: str) -> list[str]:
    return [name.strip().strip('"') for name in header.split(",")]


def _is_depth(header: str, source_file: str) -> bool:
    """Tell depth of book from top of book.

    Raises
    ------
    DataError
        Where columns of the nearer of the two are missing; names them.
    """
    columns = set(_columns(header))
    is_depth = len(columns & set(_DEPTH)) > len(columns & set(_TOP))
    needs = (*_COMMON, *(_DEPTH if is_depth else _TOP))
    if missing := [name for name in needs if name not in columns]:
        what = "depth-of-book" if is_depth else "top-of-book"
        raise DataError(
            f"{source_file}, row 1: {what} columns must be {', '.join(needs)}; "
            f"missing {', '.join(missing)}",
            remedy="add the columns, or check that this is a top-of-book or depth-of-book file",
        )
    return is_depth


def _read_parquet(path: Path) -> Iterator[pl.DataFrame]:
    source_file = source_name(path)
    try:
        with reading(path), pq.ParquetFile(path) as table:
            header = ",".join(table.schema_arrow.names)
            _is_depth(header, source_file)
            if table.metadata.num_rows == 0:
                raise empty_file(source_file)
            row = 1
            for batch in table.iter_batches(BATCH_ROWS):
                yield _as_lines(batch, source_file, row).with_columns(pl.lit(header).alias(HEADER))
                row += batch.num_rows
    except pa.ArrowException as error:
        raise DataError(
            f"{path}: must be a whole Parquet file ({error})",
            remedy="fetch the file again; nothing of it was kept",
        ) from error


def _as_lines(batch: pa.RecordBatch, source_file: str, first_row: int) -> pl.DataFrame:
    frame = pl.DataFrame(batch)
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    frame = frame.with_columns(pl.col(name).cast(pl.String, strict=False) for name in nested)
    lines = frame.write_csv(include_header=False).removesuffix("\n").split("\n")
    if len(lines) != frame.height:
        raise DataError(
            f"{source_file}: text columns must not hold line breaks, found some in rows "
            f"{first_row} to {first_row + frame.height - 1}",
            remedy="drop the column or replace its line breaks",
        )
    return (
        pl.DataFrame({"payload": lines})
        .select(
            source_file=pl.lit(source_file),
            source_row=pl.int_range(first_row, first_row + frame.height, dtype=pl.Int64),
            payload="payload",
        )
        .cast(BRONZE_SCHEMA)
    )


def _with_stream(split: pl.DataFrame, context: SourceContext) -> pl.DataFrame:
    given = {"exchange": context.venue, "symbol": context.symbol}
    return split.with_columns(pl.lit(value).alias(name) for name, value in given.items() if value)


def _common_checks() -> list[fields.Check]:
    checks = [fields.missing(name) for name in _COMMON]
    checks.append(fields.unreadable("sequence", fields.integer("sequence"), "a whole number"))
    for name in _CLOCKS:
        checks.append(fields.unreadable(name, fields.integer(name), "whole nanoseconds"))
        checks.append((fields.integer(name) < 0, f"{name} must not lie before 1970"))
    return checks


def _quotes(split: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    checks = _common_checks()
    for side in ("bid", "ask", "last"):
        checks += fields.price_checks(f"{side}_price", required=False)
        checks += fields.volume_checks(f"{side}_volume", required=False, zero=True)
    good, bad = fields.partition(split, checks)
    quotes = good.with_columns(
        fields.integer("sequence"),
        *(fields.integer(name) for name in _CLOCKS),
        *(fields.number(name) for name in _TOP),
    )
    return fields.to_schema(quotes, QUOTE_SCHEMA), bad


def _depth(split: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    orders = fields.integer("num_order")
    words = {"is_bid": _IS_BID, "is_snapshot": _IS_SNAPSHOT}
    checks = _common_checks()
    bare = pl.all_horizontal(pl.col(name).is_null() for name in _LEVEL)
    for name, meaning in words.items():
        known = pl.col(name).str.to_lowercase().is_in(list(meaning)).fill_null(False)
        unknown = ~known & ~bare if name in _LEVEL else ~known
        checks.append((unknown, f"{name} must be one of {', '.join(meaning)}"))
    level = [*fields.price_checks("price"), *fields.volume_checks("volume", zero=True)]
    checks += [
        *((condition & ~bare, reason) for condition, reason in level),
        fields.unreadable("num_order", orders, "a whole number"),
        (~orders.is_between(0, 2**31 - 1), "num_order must be at least 0"),
    ]
    good, bad = fields.partition(split, checks)
    depth = good.with_columns(
        fields.integer("sequence"),
        *(fields.integer(name) for name in _CLOCKS),
        fields.number("price"),
        fields.number("volume"),
        orders,
        *(
            pl.col(name).str.to_lowercase().replace_strict(meaning, return_dtype=pl.Boolean)
            for name, meaning in words.items()
        ),
    )
    return fields.to_schema(depth, DEPTH_SCHEMA), bad
