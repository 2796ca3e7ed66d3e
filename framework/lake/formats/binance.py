"""Binance websocket captures: lines of ``<local nanoseconds> <raw JSON>``, plain or gzipped.

Spot, USD-M and COIN-M are told apart by what each message carries, so one folder may hold all
three. Times: ``T`` (transaction) where the message has it, else ``E`` (event). Spot depth has only
``E``; spot bookTicker has neither, its exchange time is null; a spot REST snapshot has neither,
`framework.lake.sequence` dates it by the last diff it contains.

A message with one illegible level is refused whole: the hole in the numbering that it leaves makes
the sequence rule distrust the book, where a message applied in part would be silently wrong.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import polars as pl

from framework.core.clock import NS_PER_MS
from framework.core.errors import DataError
from framework.lake.formats.base import (
    BRONZE_SCHEMA,
    DEPTH_SCHEMA,
    QUOTE_SCHEMA,
    REJECT_SCHEMA,
    TRADE_SCHEMA,
    Parsed,
    SourceContext,
    SourceFormat,
)
from framework.lake.formats.json_lines import decode

SPOT: Final = "binance_spot"
USD_M: Final = "binance_usdm"
COIN_M: Final = "binance_cm"

_BATCH_ROWS: Final = 250_000
_HEADER_ROWS: Final = 20
_LINE: Final = r"^\d{16,19} \{"
_STREAM: Final = r'^\{"stream":"[^"]*@(depth|bookTicker|trade)\b'
_COIN_M_SYMBOL: Final = r"USD_(PERP|\d{6})$"
_CLOCKS_AND_ROW: Final = ("source_file", "source_row", "received_timestamp_ns")
_LEVELS: Final = pl.List(pl.List(pl.String))


def _fields(integers: str, texts: str, **others: pl.DataType) -> pl.Struct:
    fields: dict[str, pl.DataType] = dict.fromkeys(integers.split(), pl.Int64())
    return pl.Struct(fields | dict.fromkeys(texts.split(), pl.String()) | others)


_JSON: Final = {
    "depth": pl.Struct({"data": _fields("E T U u pu", "s", b=_LEVELS, a=_LEVELS)}),
    "bookTicker": pl.Struct({"data": _fields("E T u", "e s b B a A")}),
    "trade": pl.Struct({"data": _fields("E T t", "s p q X", m=pl.Boolean(), M=pl.Boolean())}),
    "snapshot": _fields("lastUpdateId E T", "symbol", bids=_LEVELS, asks=_LEVELS),
}
"""What is read of each kind of message; the websocket wraps all but the REST snapshot."""


_NEEDED: Final = {
    "depth": ("s", "E", "U", "u", "b", "a"),
    "bookTicker": ("s", "u", "b", "B", "a", "A"),
    "trade": ("s", "E", "t", "p", "q", "m"),
    "snapshot": ("lastUpdateId", "bids", "asks"),
}

_FIRST_MS: Final = 1_230_768_000_000
_LAST_MS: Final = 4_102_444_800_000
"""2009, when bitcoin began, and 2100: a time outside is a mistake."""

_LARGEST: Final = 1e15
"""Beyond it float64 no longer holds every tenth; NaN and infinities are not below it either."""


class BinanceFormat(SourceFormat):
    """Raw websocket captures of depth diffs, bookTicker and trades, with REST snapshots."""

    name = "binance"
    suffixes = (".gz", ".txt", ".log")

    def order_hint_ns(self, path: Path) -> int:
        """Return the first line's received time; 0 where it has none."""
        try:
            with path.open("rb") as file:
                head = file.read(4096)
            if head[:2] == b"\x1f\x8b":
                head = zlib.decompressobj(wbits=31).decompress(head)
            return int(head.split(b" ", 1)[0])
        except (OSError, ValueError, zlib.error):
            return 0

    def read(self, path: Path, context: SourceContext) -> Iterator[pl.DataFrame]:
        """Yield the file's lines; see `SourceFormat.read`."""
        lines = _lines(path)
        for start in range(0, lines.height, _BATCH_ROWS):
            yield lines[start : start + _BATCH_ROWS]

    def parse(self, bronze: pl.DataFrame, context: SourceContext) -> Parsed:
        """Turn lines into depth, quotes and trades; see `SourceFormat.parse`."""
        rows = _routed(bronze)
        with ThreadPoolExecutor(2) as pool:  # Polars works outside the interpreter lock
            waiting = [pool.submit(build, rows) for build in (_quotes, _trades)]
            depth, *bad = _depth(rows, context.symbol)
            (quotes, *bad_quotes), (trades, *bad_trades) = (task.result() for task in waiting)
        refused = pl.concat([*bad, *bad_quotes, *bad_trades, _unrouted(rows)])
        refused = refused.unique("source_row", keep="first").sort("source_row")
        return Parsed(
            depth=_sound(depth, refused, DEPTH_SCHEMA, context),
            quotes=_sound(quotes, refused, QUOTE_SCHEMA, context),
            trades=_sound(trades, refused, TRADE_SCHEMA, context),
            rejects=refused.join(bronze, on="source_row", maintain_order="left").select(
                REJECT_SCHEMA.names()
            ),
        )


def _lines(path: Path) -> pl.DataFrame:
    try:
        lines = pl.read_lines(path, name="payload")
    except (OSError, pl.exceptions.ComputeError) as error:
        raise DataError(
            f"{path.name}: a capture must be whole gzip or plain UTF-8 text: {error}",
            remedy="fetch the file again, it was cut or changed on its way",
        ) from error
    if lines.is_empty():
        raise DataError(
            f"{path.name}: a capture must hold messages, the file is empty",
            remedy="fetch the file again, or remove it",
        )
    if not lines["payload"].head(_HEADER_ROWS).str.contains(_LINE).any():
        raise DataError(
            f"{path.name}, row 1: a capture's lines are the local time in nanoseconds, a blank "
            f"and a JSON object, found {lines['payload'][0][:60]!r}",
            remedy="name the format this file has; a capture needs its local times",
        )
    return lines.select(
        source_file=pl.lit(path.name),
        source_row=pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
        payload="payload",
    ).cast(BRONZE_SCHEMA)


def _routed(bronze: pl.DataFrame) -> pl.DataFrame:
    """Split lines into received time and JSON, and say what kind of message each one is."""
    payload = pl.col("payload")
    blank = payload.str.find(" ", literal=True)
    rows = bronze.select(
        "source_file",
        "source_row",
        received_timestamp_ns=payload.str.head(blank).cast(pl.Int64, strict=False),
        json=payload.str.slice(blank + 1),
    )
    kind = (
        pl.when(_is_received())
        .then(
            pl.when(pl.col("json").str.starts_with('{"lastUpdateId"'))
            .then(pl.lit("snapshot"))
            .otherwise(pl.col("json").str.head(96).str.extract(_STREAM))
        )
        .otherwise(None)
    )
    return rows.with_columns(kind=kind)


def _is_received() -> pl.Expr:
    return pl.col("received_timestamp_ns").is_between(_FIRST_MS * NS_PER_MS, _LAST_MS * NS_PER_MS)


def _refused(rows: pl.DataFrame, is_bad: pl.Expr, reason: str | pl.Expr) -> pl.DataFrame:
    """Return source row and reason of bad rows; a reason costs nothing where there are none."""
    said = pl.lit(reason) if isinstance(reason, str) else reason
    return rows.filter(is_bad).select("source_row", reason=said)


def _unrouted(rows: pl.DataFrame) -> pl.DataFrame:
    unknown = rows.filter(pl.col("kind").is_null())
    is_timed = _is_received().fill_null(False)
    reasons = (
        (is_timed, "neither depth diff, bookTicker, trade nor REST snapshot"),
        (~is_timed, "a line begins with the local time in nanoseconds and a blank"),
    )
    return pl.concat([_refused(unknown, is_bad, reason) for is_bad, reason in reasons])


def _decoded(rows: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the fields of one kind's messages, and what is refused of them."""
    good, bad = decode(rows.filter(pl.col("kind") == kind).drop("kind"), _JSON[kind])
    fields = good.unnest("json")
    if "data" in fields.columns:
        fields = fields.unnest("data")
    needed = _NEEDED[kind]
    lacking = _refused(
        fields,
        pl.any_horizontal(pl.col(*needed).is_null()),
        f"a message of this kind must have {', '.join(needed)}",
    )
    times = [pl.col(name) for name in ("E", "T") if name in fields.columns]
    untimely = _refused(
        fields,
        pl.any_horizontal(~time.is_between(_FIRST_MS, _LAST_MS) for time in times),
        "a message's times E and T are milliseconds since 1970",
    )
    return fields, pl.concat([bad.select("source_row", "reason"), lacking, untimely])


def _venue(is_spot: pl.Expr) -> pl.Expr:
    return (
        pl.when(is_spot)
        .then(pl.lit(SPOT))
        .when(pl.col("s").str.contains(_COIN_M_SYMBOL))
        .then(pl.lit(COIN_M))
        .otherwise(pl.lit(USD_M))
    )


def _exchange_ns() -> pl.Expr:
    return pl.coalesce("T", "E") * NS_PER_MS


def _depth(rows: pl.DataFrame, symbol: str) -> list[pl.DataFrame]:
    """Return levels of diffs and snapshots, then what is refused of them."""
    diffs, bad_diffs = _decoded(rows, "depth")
    diffs = diffs.select(
        *_CLOCKS_AND_ROW,
        exchange=_venue(pl.col("T").is_null()),
        symbol="s",
        exchange_timestamp_ns=_exchange_ns(),
        first_sequence="U",
        sequence="u",
        prev_sequence="pu",
        is_snapshot=pl.lit(False),
        bids="b",
        asks="a",
    )
    snapshots, bad_snapshots = _snapshots(rows, symbol, diffs)
    levels = _levels(pl.concat([diffs, snapshots]).sort("source_row"))
    is_sound = _is_positive("price") & pl.col("volume").is_between(0, _LARGEST)
    bad_levels = _refused(
        levels,
        pl.col("level").is_not_null() & ~is_sound.fill_null(False),
        pl.format(
            "a level is a price above 0 and a volume of 0 or more, found {}",
            pl.col("level").list.join(", "),
        ),
    )
    return [levels.drop("level"), bad_diffs, bad_snapshots, bad_levels]


def _snapshots(
    rows: pl.DataFrame, symbol: str, diffs: pl.DataFrame
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return snapshots in the columns of `diffs`, and what is refused of them.

    Only COIN-M snapshots carry a symbol; another is of its venue's only depth stream.
    """
    decoded, bad = _decoded(rows, "snapshot")
    venue = (
        pl.when(pl.col("symbol").is_not_null())
        .then(pl.lit(COIN_M))
        .when(pl.col("E").is_not_null())
        .then(pl.lit(USD_M))
        .otherwise(pl.lit(SPOT))
    )
    only = (
        diffs.group_by("exchange")
        .agg(only=pl.col("symbol").drop_nulls().unique())
        .filter(pl.col("only").list.len() == 1)
        .with_columns(pl.col("only").list.first())
    )
    named = decoded.with_columns(exchange=venue).join(
        only, on="exchange", how="left", maintain_order="left"
    )
    snapshots = named.select(
        *_CLOCKS_AND_ROW,
        "exchange",
        symbol=pl.coalesce("symbol", pl.lit(symbol or None, pl.String), "only"),
        exchange_timestamp_ns=_exchange_ns(),
        first_sequence=pl.lit(None, pl.Int64),
        sequence="lastUpdateId",
        prev_sequence=pl.lit(None, pl.Int64),
        is_snapshot=pl.lit(True),
        bids="bids",
        asks="asks",
    )
    nameless = _refused(
        snapshots,
        pl.col("symbol").is_null(),
        "a snapshot without a symbol, and more than one depth stream it may be of: pass --symbol",
    )
    return snapshots, pl.concat([bad, nameless])


def _levels(messages: pl.DataFrame) -> pl.DataFrame:
    """Write one row per level, bids before asks, and one for a message without levels."""
    n_bids = pl.col("bids").list.len()
    pair = pl.col("level")
    return (
        messages.with_columns(
            level=pl.col("bids").list.concat("asks"),
            place=pl.int_ranges(n_bids + pl.col("asks").list.len()),
            n_bids=n_bids,
        )
        .drop("bids", "asks")
        .explode("level", "place", empty_as_null=True)
        .with_columns(
            price=pair.list.get(0, null_on_oob=True).cast(pl.Float64, strict=False),
            volume=pair.list.get(1, null_on_oob=True).cast(pl.Float64, strict=False),
            is_bid=pl.col("place") < pl.col("n_bids"),
            num_order=pl.lit(None, pl.Int32),
        )
        .drop("place", "n_bids")
    )


def _is_positive(name: str) -> pl.Expr:
    return (pl.col(name) > 0) & (pl.col(name) <= _LARGEST)


def _not_positive(rows: pl.DataFrame, rule: str, names: Sequence[str]) -> pl.DataFrame:
    is_sound = pl.all_horizontal(_is_positive(name).fill_null(False) for name in names)
    shown = [pl.col(name).cast(pl.String).fill_null("no number") for name in names]
    said = pl.format(f"{rule}, found {', '.join('{}' for _ in names)}", *shown)
    return _refused(rows, ~is_sound, said)


def _quotes(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Return bookTicker quotes, then what is refused of them."""
    decoded, bad = _decoded(rows, "bookTicker")
    none = pl.lit(None, pl.Float64)
    names = {"bid_price": "b", "bid_volume": "B", "ask_price": "a", "ask_volume": "A"}
    quotes = decoded.select(
        *_CLOCKS_AND_ROW,
        exchange=_venue(pl.col("e").is_null()),
        symbol="s",
        sequence="u",
        exchange_timestamp_ns=_exchange_ns(),
        last_price=none,
        last_volume=none,
        **{name: pl.col(source).cast(pl.Float64, strict=False) for name, source in names.items()},
    )
    rule = "a quote's prices and volumes are above 0"
    return [quotes, bad, _not_positive(quotes, rule, list(names))]


def _trades(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Return trades, then what is refused of them."""
    decoded, bad = _decoded(rows, "trade")
    off_book = _refused(
        decoded,
        pl.col("X") != "MARKET",
        pl.format("a trade outside the book (X = {}) is no market event", "X"),
    )
    trades = decoded.select(
        *_CLOCKS_AND_ROW,
        exchange=_venue(pl.col("M").is_not_null()),
        symbol="s",
        sequence="t",
        trade_id=pl.col("t").cast(pl.String),
        exchange_timestamp_ns=_exchange_ns(),
        # m: the buyer was the maker, so the seller came to him
        side=pl.when("m").then(-1).otherwise(1).cast(pl.Int8),
        price=pl.col("p").cast(pl.Float64, strict=False),
        volume=pl.col("q").cast(pl.Float64, strict=False),
        is_hidden=pl.lit(False),
    )
    rule = "a trade's price and volume are above 0"
    return [trades, bad, off_book, _not_positive(trades, rule, ["price", "volume"])]


def _sound(
    rows: pl.DataFrame, refused: pl.DataFrame, schema: pl.Schema, context: SourceContext
) -> pl.DataFrame:
    """Keep the rows of messages that were not refused, in the columns of `schema`."""
    if refused.height:
        rows = rows.join(refused, on="source_row", how="anti", maintain_order="left")
    if context.venue:
        rows = rows.with_columns(exchange=pl.lit(context.venue))
    return rows.select(schema.names())
