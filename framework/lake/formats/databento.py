"""Databento DBN files, plain or ``.zst``, through Databento's own decoder.

Read are the schemas ``mbo``, ``mbp-1``, ``tbbo``, ``mbp-10`` and ``trades``.

What the rows become
--------------------
- Bronze: each record as the decoder's CSV line, prices as integers of 1e-9 and times as integer
  nanoseconds, so that nothing is lost; beside it the CSV header, the schema and the dataset.
- Trades: records of action T. Side B is an aggressor that buys, A one that sells.
- ``mbp-1``: quotes from every record but trades, whose book is still the one before them.
- ``tbbo``: a trade, and the quote it met with the trade as its last price.
- ``mbp-10``: every record but trades is a snapshot message of up to ten levels a side.
- ``mbo``: order messages, see `databento_orders`. A file is one bronze batch, because an order's
  modification cannot be understood without what came before.
- Prices: the undefined price is no level. Prices at or below zero are kept: spreads trade there.
- Clocks: ``ts_event`` and ``ts_recv``; ``sequence`` is the venue's and has gaps, as it also counts
  what this schema leaves out.
- Symbols: the metadata's mapping of the day, else the instrument's number. The exchange is the
  dataset, unless one is given.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import databento_dbn as dbn
import polars as pl
import pyarrow as pa

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
from framework.lake.formats.databento_orders import order_checks, order_rows
from framework.lake.formats.lines import HEADER, line_batches, reading, source_name

_ORDERS: Final = "mbo"
_SCHEMAS: Final = (_ORDERS, "mbp-1", "tbbo", "mbp-10", "trades")
_N_LEVELS: Final = 10
_SCHEMA, _DATASET = "schema", "dataset"
_CHUNK_BYTES: Final = 1 << 22
_PX_E9: Final = 10**9
_SIDE: Final = {"B": 1, "A": -1, "N": 0}
_TRADE: Final = "T"


class DatabentoFormat(SourceFormat):
    """Databento Binary Encoding."""

    name = "databento"
    suffixes = (".dbn", ".dbn.zst")

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        try:
            yield from _read(path)
        except dbn.DBNError as error:
            raise DataError(
                f"{path}: must be a DBN file with its metadata ({error})",
                remedy="fetch the file again; nothing of it was kept",
            ) from error

    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        parsed = Parsed()
        groups = bronze.group_by(HEADER, _SCHEMA, _DATASET, maintain_order=True)
        for (header, schema, dataset), rows in groups:
            split = _integers(fields.split_fields(rows, str(header).split(",")))
            exchange = context.venue or str(dataset)
            checks = _checks(split) + (order_checks() if schema == _ORDERS else [])
            good, bad = fields.partition(_with_stream(split, exchange, context), checks)
            parsed.rejects = pl.concat([parsed.rejects, bad])
            if schema == _ORDERS:
                _add_orders(parsed, good)
            else:
                _add(parsed, str(schema), good)
        return parsed


def _read(path: Path) -> Iterator[pl.DataFrame]:
    source_file = source_name(path)
    with reading(path), _open(path) as binary:
        head, metadata = _metadata(binary, source_file)
        schema = str(metadata.schema)
        if schema not in _SCHEMAS:
            raise DataError(
                f"{source_file}: the schema must be {', '.join(_SCHEMAS)}, found {schema}",
                remedy="request one of these schemas, one per file",
            )
        header, row = "", 1
        batches = []
        for text in _csv_texts(head, binary, source_file):
            lines = io.StringIO(text)
            header = header or next(lines).rstrip("\n")
            for batch in line_batches(lines, source_file, first_row=row):
                row += batch.height
                batches.append(
                    batch.with_columns(
                        pl.lit(header).alias(HEADER),
                        pl.lit(schema).alias(_SCHEMA),
                        pl.lit(metadata.dataset).alias(_DATASET),
                    )
                )
            if schema != _ORDERS:
                yield from batches
                batches.clear()
        if batches:
            yield pl.concat(batches)


def _open(path: Path) -> IO[bytes]:
    if path.suffix != ".zst":
        return path.open("rb")
    stream: IO[bytes] = pa.input_stream(path, compression="zstd")
    return stream


def _metadata(binary: IO[bytes], source_file: str) -> tuple[bytes, dbn.Metadata]:
    """Read the header: ``DBN``, a version byte, the length of the rest, the rest."""
    head = binary.read(8)
    if len(head) < 8 or head[:3] != b"DBN":
        raise DataError(
            f"{source_file}: must begin with DBN metadata, found {head[:8]!r}",
            remedy="check that this is a whole .dbn or .dbn.zst file",
        )
    (length,) = struct.unpack("<I", head[4:8])
    head += binary.read(length)
    return head, dbn.Metadata.decode(head)


def _csv_texts(head: bytes, binary: IO[bytes], source_file: str) -> Iterator[str]:
    """Decode records to CSV, a chunk at a time; the first text begins with the CSV header."""
    out = io.BytesIO()
    coder = dbn.Transcoder(
        out,
        dbn.Encoding.from_str("csv"),
        dbn.Compression.from_str("none"),
        pretty_px=False,
        pretty_ts=False,
        map_symbols=True,
    )
    coder.write(head)
    while chunk := binary.read(_CHUNK_BYTES):
        coder.write(chunk)
        coder.flush()
        yield out.getvalue().decode()
        out.seek(0)
        out.truncate()
    if left := len(coder.buffer()):
        raise DataError(
            f"{source_file}: must end with a whole record, found {left} bytes of one",
            remedy="fetch the file again; nothing of it was kept",
        )


def _integers(split: pl.DataFrame) -> pl.DataFrame:
    """Read every column but words as int64; the undefined price and time become null."""
    words = {"action", "side", "symbol", fields.REASON, "source_file", "payload", "source_row"}
    names = [name for name in split.columns if name not in words]
    whole = split.with_columns(fields.integer(name) for name in names)
    if "order_id" in names:
        # Numbers above 2**63 keep their bits: an id is only ever compared.
        ids = split["order_id"].cast(pl.UInt64, strict=False).reinterpret(signed=True)
        whole = whole.with_columns(ids)
    prices = [name for name in names if name == "price" or "_px_" in name]
    return whole.with_columns(
        fields.scaled(whole[name].replace(dbn.UNDEF_PRICE, None), _PX_E9) for name in prices
    )


def _with_stream(split: pl.DataFrame, exchange: str, context: SourceContext) -> pl.DataFrame:
    symbol = pl.coalesce("symbol", pl.col("instrument_id").cast(pl.String))
    return split.with_columns(
        exchange=pl.lit(exchange),
        symbol=pl.lit(context.symbol) if context.symbol else symbol,
        exchange_timestamp_ns="ts_event",
        received_timestamp_ns="ts_recv",
    )


def _checks(split: pl.DataFrame) -> list[fields.Check]:
    is_trade = pl.col("action") == _TRADE
    sizes = [name for name in split.columns if "_sz_" in name]
    return [
        *(
            (pl.col(name).is_null(), f"{name} must be nanoseconds since 1970, before 2262")
            for name in ("ts_event", "ts_recv")
        ),
        (pl.col("sequence").is_null(), "sequence must be a whole number"),
        (pl.col("action").is_null(), "action must not be empty"),
        (~pl.col("side").is_in(list(_SIDE)).fill_null(False), "side must be A, B or N"),
        (is_trade & pl.col("price").is_null(), "a trade must have a price"),
        (is_trade & (pl.col("size").fill_null(0) <= 0), "a trade's size must be above zero"),
        *((pl.col(name).is_null(), f"{name} must be a whole number") for name in sizes),
    ]


def _add_orders(parsed: Parsed, good: pl.DataFrame) -> None:
    orders, depth, unknown = order_rows(good)
    parsed.orders = pl.concat([parsed.orders, orders])
    parsed.depth = pl.concat([parsed.depth, depth])
    parsed.rejects = pl.concat([parsed.rejects, unknown])


def _add(parsed: Parsed, schema: str, good: pl.DataFrame) -> None:
    is_trade = pl.col("action") == _TRADE
    trades = good.filter(is_trade).with_columns(
        side=pl.col("side").replace_strict(_SIDE, return_dtype=pl.Int8),
        volume="size",
        is_hidden=pl.lit(False),
    )
    parsed.trades = pl.concat([parsed.trades, fields.to_schema(trades, TRADE_SCHEMA)])
    if schema == "tbbo":
        met = good.with_columns(last_price="price", last_volume="size")
        parsed.quotes = pl.concat([parsed.quotes, _quotes(met)])
    elif schema == "mbp-1":
        parsed.quotes = pl.concat([parsed.quotes, _quotes(good.filter(~is_trade))])
    elif schema == "mbp-10":
        parsed.depth = pl.concat([parsed.depth, _snapshots(good.filter(~is_trade))])


def _quotes(good: pl.DataFrame) -> pl.DataFrame:
    sides = {
        f"{side}_{what}": pl.when(pl.col(f"{side}_px_00").is_not_null()).then(column)
        for side in ("bid", "ask")
        for what, column in (("price", f"{side}_px_00"), ("volume", f"{side}_sz_00"))
    }
    return fields.to_schema(good.with_columns(**sides), QUOTE_SCHEMA)


def _snapshots(good: pl.DataFrame) -> pl.DataFrame:
    levels = [f"{level:02}" for level in range(_N_LEVELS)]
    message = good.with_columns(is_snapshot=pl.lit(True))
    parts = [
        fields.to_schema(
            message.filter(pl.col(f"{side}_px_{level}").is_not_null()).with_columns(
                price=f"{side}_px_{level}",
                volume=f"{side}_sz_{level}",
                num_order=f"{side}_ct_{level}",
                is_bid=pl.lit(side == "bid"),
            ),
            DEPTH_SCHEMA,
        )
        for level in levels
        for side in ("bid", "ask")
    ]
    empty = pl.all_horizontal(
        pl.col(f"{side}_px_{level}").is_null() for level in levels for side in ("bid", "ask")
    )
    # A record's own price is that of the order it is about, not of a level.
    bare = message.filter(empty).drop("price")
    parts.append(fields.to_schema(bare, DEPTH_SCHEMA))
    return pl.concat(parts).sort("source_row", maintain_order=True)
