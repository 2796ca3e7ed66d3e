"""Compare a rebuilt book with what its source says the book was.

Binance: every depth message of a valid book is compared with the latest bookTicker at or before
its update id, in price and size of both sides. LOBSTER: every visible message must move the level
at its price by exactly its size, in the orderbook file and in the rebuilt book alike.

A gold message is found by its place in the stream: gold keeps the order in which messages build the
book. Where gold holds another number of messages than silver, it is found by its received time and
by its rank among messages that share it, so that one missing message is one difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

import polars as pl

from framework.core.events import NO_PRICE, EventKind
from framework.core.instrument import Instrument
from framework.lake.findings import FINDING_SCHEMA, Finding, found
from framework.lake.formats import fields
from framework.lake.formats.lobster_book import level_columns, lobster_name, orderbook_member
from framework.lake.sequence import SequenceRule, SequenceState, Status, check_sequence
from framework.lake.silver import SilverStream

_BUILDS: Final = [Status.SNAPSHOT, Status.APPLIED, Status.GAP, Status.UNTRUSTED]
_TOUCH: Final = ("bid_ticks", "bid_lots", "ask_ticks", "ask_lots")
_VISIBLE: Final = [
    int(kind)
    for kind in (
        EventKind.ORDER_ADD,
        EventKind.ORDER_REDUCE,
        EventKind.ORDER_DELETE,
        EventKind.ORDER_EXECUTE,
    )
]
_PX_E4: Final = 10_000
"""LOBSTER's prices per dollar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Outcome of a comparison.

    Parameters
    ----------
    source
        What the book was compared with; empty where the source tells nothing.
    checked, equal
        Messages compared, and those that agree.
    differing
        The others (`FINDING_SCHEMA`).
    """

    source: str = ""
    checked: int = 0
    equal: int = 0
    differing: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=FINDING_SCHEMA))


def _judged(source: str, compared: pl.DataFrame, detail: pl.Expr) -> Truth:
    differing = compared.filter(~pl.col("is_equal"))
    return Truth(
        source=source,
        checked=compared.height,
        equal=compared.height - differing.height,
        differing=found(Finding.TRUTH, differing, detail),
    )


def ticker_truth(
    silver: SilverStream, instrument: Instrument, rule: SequenceRule, ends: pl.DataFrame
) -> Truth:
    """Compare a book built from diffs with the venue's own best bid and ask.

    Parameters
    ----------
    silver
        The stream's depth and quotes.
    instrument
        Units of gold.
    rule
        How depth is numbered.
    ends
        The book after every message, from `framework.lake.rebuild.message_ends`.
    """
    tickers = _tickers(silver, instrument)
    messages = pl.concat(list(_depth_messages(silver, rule)))
    compared = (
        _matched(messages, ends.select("ts_recv_ns", *_TOUCH, "is_valid"))
        .filter(
            pl.col("status") != Status.SNAPSHOT.value,
            # A message that gold lacks is compared, and differs.
            pl.coalesce("is_valid", "book_valid"),
        )
        .sort("sequence")
        .join_asof(tickers, on="sequence", suffix="_true", check_sortedness=False)
        .filter(pl.col("ticker").is_not_null())
    )
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_true")) for name in _TOUCH)
    return _judged("bookTicker", compared.with_columns(is_equal=same), _ticker_detail(instrument))


def _ticker_detail(instrument: Instrument) -> pl.Expr:
    touches = [f"{name}{whose}" for whose in ("", "_true") for name in _TOUCH]
    steps = [instrument.tick, instrument.lot] * 4
    return pl.format(
        "book {} × {} / {} × {}, bookTicker {} × {} / {} × {} at update {}",
        *(_decimal(name, step) for name, step in zip(touches, steps, strict=True)),
        "ticker",
    )


def _decimal(name: str, step: Decimal) -> pl.Expr:
    """Write whole steps as the decimal number they stand for."""
    places = max(0, -int(step.normalize().as_tuple().exponent))
    steps = pl.when(pl.col(name) != NO_PRICE).then(pl.col(name).cast(pl.Float64))
    return (steps * float(step)).round(places).cast(pl.String).fill_null("none")


def _tickers(silver: SilverStream, instrument: Instrument) -> pl.DataFrame:
    quotes = silver.all("quotes").sort("sequence", maintain_order=True)
    columns = {"sequence": quotes["sequence"], "ticker": quotes["sequence"]}
    for side in ("bid", "ask"):
        ticks, _ = instrument.to_ticks(quotes[f"{side}_price"].to_numpy())
        lots, _ = instrument.to_lots(quotes[f"{side}_volume"].to_numpy())
        columns[f"{side}_ticks"] = pl.Series(ticks)
        columns[f"{side}_lots"] = pl.Series(lots)
    return pl.DataFrame(columns)


def _depth_messages(silver: SilverStream, rule: SequenceRule) -> Iterator[pl.DataFrame]:
    """Yield, per file, the messages that build the book, as gold should hold them."""
    state = SequenceState()
    for rows in silver.files("depth"):
        checked, state = check_sequence(rows, rule, state)
        yield (
            checked.filter(pl.col("status").is_in(_BUILDS))
            .group_by("message", maintain_order=True)
            .agg(
                pl.col("symbol", "sequence", "status", "book_valid").first(),
                pl.col("source_file", "source_row").first(),
                venue=pl.col("exchange").first(),
                ts_exch_ns=pl.col("exchange_timestamp_ns").first(),
                ts_recv_ns=pl.col("available_timestamp_ns").first() + silver.clock_offset_ns,
                has_levels=pl.col("is_bid").is_not_null().any(),
            )
            # A diff without levels has no rows in gold.
            .filter(pl.col("has_levels") | (pl.col("status") == Status.SNAPSHOT.value))
        )


def _matched(messages: pl.DataFrame, gold: pl.DataFrame) -> pl.DataFrame:
    """Put the gold message beside each silver one, nulls where there is none."""
    if messages.height == gold.height:
        return messages.hstack(gold.drop("ts_recv_ns"))
    rank = pl.int_range(pl.len()).over("ts_recv_ns")
    return messages.with_columns(rank=rank).join(
        gold.with_columns(rank=rank), on=["ts_recv_ns", "rank"], how="left"
    )


def orderbook_truth(silver: SilverStream, instrument: Instrument, rows: pl.DataFrame) -> Truth:
    """Compare order messages with the orderbook files they came with.

    Parameters
    ----------
    silver
        The stream's orders; their orderbook rows lie in bronze.
    instrument
        Units of gold.
    rows
        Gold rows with ``before_lots`` and ``after_lots``, from `framework.lake.rebuild.rebuild`.
    """
    visible = [
        _displayed(silver, orders.filter(pl.col("action").is_in(_VISIBLE)))
        for orders in silver.files("orders")
    ]
    gold = rows.filter(pl.col("kind").is_in(_VISIBLE))
    compared = _matched(
        pl.concat(visible), gold.select("ts_recv_ns", "before_lots", "after_lots")
    ).with_columns(
        signed=pl.when(pl.col("action") == int(EventKind.ORDER_ADD))
        .then("volume")
        .otherwise(-pl.col("volume")),
        before_gold=pl.col("before_lots") * float(instrument.lot),
        after_gold=pl.col("after_lots") * float(instrument.lot),
    )
    moved = pl.col("shown_after") - pl.col("shown_before") == pl.col("signed")
    moved = moved | pl.col("shown_before").is_null()  # nothing is shown before the first row
    rebuilt = pl.col("after_gold") - pl.col("before_gold") == pl.col("signed")
    same = pl.col("after_gold") == pl.col("shown_after")
    is_equal = (moved & rebuilt & same).fill_null(False)
    return _judged("orderbook file", compared.with_columns(is_equal=is_equal), _ORDER_DETAIL)


_ORDER_DETAIL: Final = pl.format(
    "a message of {} at {} moved the level from {} to {} in the orderbook file, from {} to {} in "
    "the rebuilt book",
    *(
        pl.col(name).cast(pl.String).fill_null("none")
        for name in (
            "signed",
            "price",
            "shown_before",
            "shown_after",
            "before_gold",
            "after_gold",
        )
    ),
)


def _displayed(silver: SilverStream, orders: pl.DataFrame) -> pl.DataFrame:
    """Add what the orderbook file shows at each message's price, before and after it."""
    member = orderbook_member(orders["source_file"][0])
    names = level_columns(lobster_name(member).levels)
    book = fields.split_fields(silver.bronze(member), names).select(
        "source_row", *(fields.integer(name) for name in names)
    )
    before = book.select("source_row", pl.col(names).shift(1).name.suffix("_before"))
    at = orders.join(book, on="source_row", how="left").join(before, on="source_row", how="left")
    return at.with_columns(
        shown_after=_shares_at_own_price(names, ""),
        shown_before=_shares_at_own_price(names, "_before"),
    ).drop(*names, *(f"{name}_before" for name in names))


def _shares_at_own_price(names: list[str], suffix: str) -> pl.Expr:
    own = (pl.col("price") * _PX_E4).round().cast(pl.Int64)
    prices = [name for name in names if "_px_e4_" in name]
    shown = [
        pl.when(
            pl.col(f"{name}{suffix}") == own,
            pl.col("side") == (1 if name.startswith("bid") else -1),
        )
        .then(pl.col(f"{name.replace('_px_e4_', '_shares_')}{suffix}"))
        .otherwise(0)
        for name in prices
    ]
    known = pl.col(f"{names[0]}{suffix}").is_not_null()
    return pl.when(known).then(pl.sum_horizontal(shown))
