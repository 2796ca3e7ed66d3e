"""LOBSTER zips: every order message of one stock and day, and the visible book after each.

What the rows become
--------------------
- Orders: one row per message. ``sequence`` is the message's row number and covers everything.
  Order id 0 stands where LOBSTER names none (hidden executions, crosses, halts).
- Trades: none. An ORDER_EXECUTE or HIDDEN_TRADE row is the trade; a second row would be a second
  trade. Crosses (type 6) are HIDDEN_TRADE rows of unknown side.
- Depth: the book before the first message as a snapshot of sequence 0, then, under the sequence of
  a message, levels that the message does not explain (see `lobster_window`); these apply before
  the message. Orders entered before the file starts are part of these sizes: their ids turn up
  in cancels and executions without ever having been added.
- Halts: STATUS with volume 1 where trading resumes, 0 where it is halted or only quoting resumes.
- Times: seconds since midnight in New York, read digit by digit as nanoseconds of UTC. Where
  LOBSTER prints more than nine decimals (43002.632812672004), the rest is the noise of its own
  floats and is rounded off. There is one clock, so received time is exchange time.

One stock and day is one bronze batch, because a book cannot be followed from its middle.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from framework.core.clock import NS_PER_S
from framework.core.errors import DataError
from framework.core.events import EventKind, I64Array
from framework.lake.formats import fields
from framework.lake.formats.base import (
    DEPTH_SCHEMA,
    ORDER_SCHEMA,
    REJECT_SCHEMA,
    Parsed,
    SourceContext,
    SourceFormat,
)
from framework.lake.formats.lines import empty_file, line_batches, open_text, source_name
from framework.lake.formats.lobster_book import (
    LobsterName,
    level_columns,
    lobster_name,
    lobster_pairs,
    orderbook_checks,
    orderbook_member,
)
from framework.lake.formats.lobster_window import NO_LEVEL_Z, Window, window_corrections
from framework.lake.formats.local_time import utc_ns

TIME_ZONE: Final = "America/New_York"
PX_E4: Final = 10_000
"""File prices per dollar."""

_VENUE: Final = "nasdaq"
_FIELDS: Final = ("time", "type", "order_id", "size", "price", "direction")
_ADD, _CROSS, _HALT = 1, 6, 7
_VISIBLE: Final = (1, 2, 3, 4)
_RESUMED_PRICE: Final = 1
_ACTION: Final = {
    1: EventKind.ORDER_ADD,
    2: EventKind.ORDER_REDUCE,
    3: EventKind.ORDER_DELETE,
    4: EventKind.ORDER_EXECUTE,
    5: EventKind.HIDDEN_TRADE,
    6: EventKind.HIDDEN_TRADE,
    7: EventKind.STATUS,
}
_SECONDS: Final = r"^(\d{1,5})(?:\.(\d{1,15}))?$"
_PER_NS: Final = 10**6  # of the fifteen decimals read; LOBSTER prints some times from a float


class LobsterFormat(SourceFormat):
    """Message and orderbook files of LOBSTER."""

    name = "lobster"
    suffixes = (".zip",)

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        for members in lobster_pairs(path):
            messages, orderbook = (_read_lines(path, member) for member in members)
            if messages.height != orderbook.height:
                raise DataError(
                    f"{source_name(path, members[0])} has {messages.height} rows, its orderbook "
                    f"file {orderbook.height}: they must have one row per message each",
                    remedy="fetch the file again: one of the two is truncated",
                )
            _check_width(messages, len(_FIELDS))
            _check_width(orderbook, 4 * lobster_name(members[1]).levels)
            yield pl.concat([messages, orderbook])

    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        files = {
            str(name): rows for (name,), rows in bronze.group_by("source_file", maintain_order=True)
        }
        parsed = Parsed()
        for source_file, rows in files.items():
            name = lobster_name(source_file)
            if name.is_orderbook:
                continue
            book = files.get(orderbook_member(source_file))
            if book is None:
                raise DataError(
                    f"{source_file}: its orderbook rows must be in the same batch, found none",
                    remedy="ingest the zip again",
                )
            _parse_day(parsed, name, rows, book, context)
        return parsed


def _read_lines(path: Path, member: str) -> pl.DataFrame:
    source_file = source_name(path, member)
    with open_text(path, member) as lines:
        batches = list(line_batches(lines, source_file))
    rows = pl.concat(batches) if batches else pl.DataFrame()
    if rows.is_empty():
        raise empty_file(source_file)
    return rows


def _check_width(rows: pl.DataFrame, width: int) -> None:
    source_file, row, line = rows.row(0)
    if line.count(",") + 1 != width or any(mark.isalpha() for mark in line):
        raise DataError(
            f"{source_file}, row {row}: {width} numbers and no header must stand in every row, "
            f"found {line[:80]!r}",
            remedy="check that this is a LOBSTER file and its name tells the right levels",
        )


def _parse_day(
    parsed: Parsed,
    name: LobsterName,
    messages: pl.DataFrame,
    orderbook: pl.DataFrame,
    context: SourceContext,
) -> None:
    stream = {
        "exchange": pl.lit(context.venue or _VENUE),
        "symbol": pl.lit(context.symbol or name.symbol),
    }
    good, bad = _typed_messages(messages, name.date)
    columns = level_columns(name.levels)
    rows, bad_rows = fields.partition(
        fields.split_fields(orderbook, columns), orderbook_checks(columns)
    )
    levels = rows.select("source_row", *(fields.integer(column) for column in columns))
    both = good.join(levels, on="source_row", how="inner").sort("source_row")
    unpaired = _unpaired(good, levels)
    orders = both.with_columns(**stream)
    parsed.orders = pl.concat([parsed.orders, fields.to_schema(orders, ORDER_SCHEMA)])
    parsed.rejects = pl.concat([parsed.rejects, bad, bad_rows, unpaired])
    if both.height:
        depth = _depth_rows(both, name.levels).with_columns(**stream)
        parsed.depth = pl.concat([parsed.depth, fields.to_schema(depth, DEPTH_SCHEMA)])


def _unpaired(good: pl.DataFrame, levels: pl.DataFrame) -> pl.DataFrame:
    """Refuse messages whose orderbook row was refused: what they did cannot be checked."""
    lonely = good.join(levels, on="source_row", how="anti")
    reason = pl.lit("the orderbook row of the message must be readable")
    return lonely.with_columns(reason=reason).select(REJECT_SCHEMA.names())


def _typed_messages(bronze: pl.DataFrame, day: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    kind, size = fields.integer("type"), fields.integer("size")
    price, direction = fields.integer("price"), fields.integer("direction")
    halt = kind == _HALT
    rows = fields.split_fields(bronze, _FIELDS).with_columns(ts_ns=_ts_ns(day))
    good, rejects = fields.partition(
        rows,
        [
            *(fields.missing(name) for name in _FIELDS),
            (
                pl.col("ts_ns").is_null(),
                "time must be seconds since midnight, e.g. 34200.017459617",
            ),
            *(
                fields.unreadable(name, fields.integer(name), "a whole number")
                for name in _FIELDS[1:]
            ),
            (~kind.is_in(list(_ACTION)), "type must be 1 to 7"),
            (~halt & (size <= 0), "size must be above zero"),
            (~halt & (price <= 0), "price must be above zero"),
            (~direction.is_in([1, -1]), "direction must be 1 or -1"),
            (kind.is_in(_VISIBLE) & (fields.integer("order_id") <= 0), "order_id must be above 0"),
        ],
    )
    typed = good.with_columns(
        kind.alias("type"),
        pl.max_horizontal(fields.integer("order_id"), pl.lit(0)).alias("order_id"),
        price.alias("px_e4"),
        size.alias("shares"),
        direction.alias("direction"),
        sequence="source_row",
        exchange_timestamp_ns="ts_ns",
        received_timestamp_ns="ts_ns",
        action=kind.replace_strict(_ACTION, default=None, return_dtype=pl.Int8),
        side=pl.when(kind < _CROSS).then(direction).otherwise(0),
    )
    return typed.with_columns(fields.scaled(typed["px_e4"], PX_E4).alias("price")).with_columns(
        price=pl.when(pl.col("type") != _HALT).then("price"),
        volume=pl.when(pl.col("type") == _HALT)
        .then((pl.col("px_e4") == _RESUMED_PRICE).cast(pl.Int64))
        .otherwise("shares"),
    ), rejects


def _ts_ns(day: str) -> pl.Expr:
    """Read ``seconds.decimals`` since New York's midnight as UTC nanoseconds, exactly."""
    parts = pl.col("time").str.extract_groups(_SECONDS)
    seconds = parts.struct.field("1").cast(pl.Int64)
    digits = parts.struct.field("2").fill_null("").str.pad_end(15, "0").cast(pl.Int64)
    fraction = (digits + _PER_NS // 2) // _PER_NS
    days = (date.fromisoformat(day) - date(1970, 1, 1)).days
    return utc_ns((pl.lit(days * 86_400, pl.Int64) + seconds) * NS_PER_S + fraction, TIME_ZONE)


def _depth_rows(both: pl.DataFrame, n_levels: int) -> pl.DataFrame:
    parts = []
    for side, label in ((1, "bid"), (-1, "ask")):
        window = _window(both, side, label, n_levels)
        parts += [_opening(both, window, side), _corrected(both, window, side)]
    return pl.concat(parts).sort("sequence", maintain_order=True)


def _window(both: pl.DataFrame, side: int, label: str, n_levels: int) -> Window:
    levels = range(1, n_levels + 1)
    px_e4 = both.select(f"{label}_px_e4_{level}" for level in levels).to_numpy()
    shares = both.select(f"{label}_shares_{level}" for level in levels).to_numpy()
    moves = (pl.col("direction") == side) & pl.col("type").is_in(_VISIBLE)
    signed = pl.when(pl.col("type") == _ADD).then(pl.col("shares")).otherwise(-pl.col("shares"))
    delta = pl.when(moves).then(signed).otherwise(0)
    return Window(
        z=np.where(shares > 0, side * px_e4, NO_LEVEL_Z),
        shares=shares,
        own_z=side * both["px_e4"].to_numpy(),
        delta=both.select(delta=delta)["delta"].to_numpy(),
    )


def _opening(both: pl.DataFrame, window: Window, side: int) -> pl.DataFrame:
    """List the book before the first message: its row without what the message did."""
    book = {
        int(z): int(shares)
        for z, shares in zip(window.z[0], window.shares[0], strict=True)
        if z != NO_LEVEL_Z
    }
    if delta := int(window.delta[0]):
        own_z = int(window.own_z[0])
        book[own_z] = book.get(own_z, 0) - delta
    levels = np.array(sorted(book.items(), reverse=True), np.int64).reshape(-1, 2)
    levels = levels[levels[:, 1] > 0]
    row = np.zeros(len(levels), np.int64)
    return _levels(both, row, levels[:, 0], levels[:, 1], side).with_columns(
        sequence=pl.col("sequence") - 1, is_snapshot=True
    )


def _corrected(both: pl.DataFrame, window: Window, side: int) -> pl.DataFrame:
    found = window_corrections(window)
    return _levels(both, found.row, found.z, found.shares, side)


def _levels(
    both: pl.DataFrame, row: I64Array, z: I64Array, shares: I64Array, side: int
) -> pl.DataFrame:
    stamps = ["sequence", "exchange_timestamp_ns", "received_timestamp_ns"]
    at = both.select(*stamps, "source_file", "source_row")[row]
    return at.with_columns(
        is_bid=pl.lit(side > 0),
        price=fields.scaled(pl.Series(side * z, dtype=pl.Int64), PX_E4),
        volume=pl.Series(shares, dtype=pl.Int64).cast(pl.Float64),
        is_snapshot=pl.lit(False),
    )
